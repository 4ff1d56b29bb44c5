//! Failures in the shape that OpenAI's clients understand: `{"error": {"message", "type", "param", "code"}}`.
//!
//! Source: the `Error` schema of OpenAI's API description.
use openclaw_plugin_api::{Error, ErrorKind};
use serde_json::{Value, json};

/// Why a request was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Status code.
    pub(crate) status: u16,
    /// Kind of the failure, `invalid_request_error`.
    pub(crate) kind: &'static str,
    /// What is wrong and what to do.
    pub(crate) message: String,
    /// The parameter that is wrong.
    pub(crate) param: Option<&'static str>,
}

impl Refusal {
    /// The request is wrong.
    pub(crate) fn invalid(param: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: 400,
            kind: "invalid_request_error",
            message: message.into(),
            param: Some(param),
        }
    }

    /// There is no such thing here.
    pub(crate) fn missing(message: impl Into<String>) -> Self {
        Self {
            status: 404,
            kind: "not_found_error",
            message: message.into(),
            param: None,
        }
    }

    /// The body.
    pub(crate) fn body(&self) -> Value {
        json!({"error": {"message": self.message, "type": self.kind, "param": self.param, "code": null}})
    }
}

/// A turn that failed.
impl From<&Error> for Refusal {
    fn from(error: &Error) -> Self {
        let (status, kind) = match error.kind() {
            ErrorKind::InvalidInput | ErrorKind::ContextOverflow | ErrorKind::Rejected => {
                (400, "invalid_request_error")
            }
            ErrorKind::NotFound => (404, "not_found_error"),
            ErrorKind::RateLimited => (429, "rate_limit_error"),
            ErrorKind::Overloaded | ErrorKind::Closed => (503, "overloaded_error"),
            ErrorKind::Timeout => (504, "timeout_error"),
            _ => (500, "api_error"),
        };
        Self {
            status,
            kind,
            message: error.message().to_owned(),
            param: None,
        }
    }
}
