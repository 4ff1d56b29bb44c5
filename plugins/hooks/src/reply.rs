//! What callers are told: JSON, and a status that says whether another try makes sense.
use openclaw_plugin_api::{Answer, Error, ErrorKind, Result};
use serde_json::{Value, json};

/// What a caller is told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    status: u16,
    body: Value,
}

impl Reply {
    /// It is done, or will be.
    pub(crate) fn done(status: u16, body: Value) -> Self {
        Self { status, body }
    }

    /// The call is wrong; another try is too.
    pub(crate) fn wrong(why: impl Into<String>) -> Self {
        Self::refused(400, why)
    }

    /// There is no such webhook.
    pub(crate) fn missing() -> Self {
        Self::refused(404, "there is no such webhook; see hooks.mappings")
    }

    fn refused(status: u16, why: impl Into<String>) -> Self {
        Self {
            status,
            body: json!({ "ok": false, "error": why.into() }),
        }
    }

    /// Sends it.
    pub(crate) async fn send(self, answer: Answer) -> Result<()> {
        let body = serde_json::to_vec(&self.body)?;
        let mut headers = vec![("content-type", "application/json")];
        if self.status == 503 {
            headers.push(("retry-after", "2"));
        }
        answer.start(self.status, &headers).await?.write(&body).await
    }
}

/// What the host did not take.
impl From<&Error> for Reply {
    fn from(error: &Error) -> Self {
        let status = match error.kind() {
            ErrorKind::InvalidInput | ErrorKind::NotFound => 400,
            ErrorKind::Overloaded | ErrorKind::Closed | ErrorKind::Timeout | ErrorKind::RateLimited => 503,
            _ => 500,
        };
        match status {
            500 => Self::refused(500, "the gateway could not take this; its log says why"),
            status => Self::refused(status, error.message()),
        }
    }
}
