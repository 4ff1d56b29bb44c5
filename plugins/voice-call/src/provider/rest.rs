//! A carrier's REST interface, through the host's HTTP.
//!
//! Invariants: each request has a deadline; an error names what was asked and the status, and neither address nor
//! credential.
use crate::call::SENT;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use openclaw_plugin_api::{Error, ErrorKind, Host, Result, Secret};
use serde_json::Value;
use std::{fmt, time::Duration};
use url::form_urlencoded;

/// Time for a request, its answer included.
const DEADLINE: Duration = Duration::from_secs(15);
/// Longest answer, bytes.
const MAX_ANSWER: usize = 256 << 10;
/// Characters of a carrier's own words that are told.
const MAX_WORDS: usize = 200;

/// A carrier's REST interface.
pub(super) struct Rest {
    host: Host,
    carrier: &'static str,
    root: String,
    authorization: Secret,
}

/// One request.
pub(super) struct Ask<'a> {
    /// What it is for, as an error names it.
    pub(super) what: &'static str,
    pub(super) method: &'static str,
    /// Below the root, with its leading slash.
    pub(super) path: String,
    pub(super) body: Body<'a>,
}

/// The body of a request.
pub(super) enum Body<'a> {
    None,
    Form(&'a [(&'a str, String)]),
    Json(Value),
}

// === impl Rest ===

impl Rest {
    /// With user and password.
    pub(super) fn basic(
        host: &Host,
        carrier: &'static str,
        root: &str,
        user: &str,
        password: &Secret,
    ) -> Self {
        let pair = STANDARD.encode(format!("{user}:{}", password.expose()));
        Self::new(host, carrier, root, format!("Basic {pair}"))
    }

    /// With a key.
    pub(super) fn bearer(host: &Host, carrier: &'static str, root: &str, key: &Secret) -> Self {
        Self::new(host, carrier, root, format!("Bearer {}", key.expose()))
    }

    fn new(host: &Host, carrier: &'static str, root: &str, authorization: String) -> Self {
        Self {
            host: host.clone(),
            carrier,
            root: root.trim_end_matches('/').to_owned(),
            authorization: Secret::new(authorization),
        }
    }

    /// Asks, and gives what was answered.
    pub(super) async fn ask(&self, ask: Ask<'_>) -> Result<Value> {
        let what = ask.what;
        let asked = self.host.timeout(DEADLINE, self.send(ask)).await;
        asked.and_then(|answer| answer).map_err(|error| {
            let (carrier, kind) = (self.carrier, error.kind());
            let told = Error::new(kind, format_args!("{carrier}: {what} failed: {error}"));
            let kept = ["status", SENT].into_iter();
            let kept = kept.filter_map(|name| Some((name, error.detail().get(name).cloned()?)));
            kept.fold(told, |told, (name, value)| told.with(name, value))
        })
    }

    /// As [`Rest::ask`], where what is not there any more is as good as gone. False: it was not there.
    pub(super) async fn ask_leniently(&self, ask: Ask<'_>) -> Result<bool> {
        match self.ask(ask).await {
            Ok(_) => Ok(true),
            Err(error) if is_gone(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    async fn send(&self, ask: Ask<'_>) -> Result<Value> {
        let request = self
            .host
            .http()
            .request(ask.method, format!("{}{}", self.root, ask.path))
            .header("authorization", self.authorization.expose())
            .header("accept", "application/json")
            .timeout(DEADLINE)
            .redirects(0);
        let request = match ask.body {
            Body::None => request,
            Body::Json(value) => request.json(&value),
            Body::Form(fields) => {
                let mut form = form_urlencoded::Serializer::new(String::new());
                form.extend_pairs(fields);
                request
                    .header("content-type", "application/x-www-form-urlencoded")
                    .body(form.finish())
            }
        };
        let response = request.send().await.map_err(unaddressed)?;
        let (status, success) = (response.status(), response.is_success());
        let wait = response.retry_after();
        let body = response.bytes_up_to(MAX_ANSWER).await;
        let read = |body: &[u8]| serde_json::from_slice::<Value>(body).unwrap_or_default();
        if success {
            // what was asked is done, though nobody may learn the rest
            return Ok(body.map_or(Value::Null, |body| read(&body)));
        }
        let answer = read(&body.unwrap_or_default());
        let error = Error::new(kind(status), format_args!("status {status}{}", words(&answer)));
        let error = error.with("status", status);
        Err(match wait {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        })
    }
}

/// Is what was asked about not there any more?
pub(super) fn is_gone(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound)
}

/// Errors of the network may carry the address, and with it an account.
fn unaddressed(error: Error) -> Error {
    match error.kind() {
        ErrorKind::Refused => error,
        kind => {
            let told = Error::new(kind, "the service can't be reached, or its answer broke off");
            match error.detail().get(SENT).cloned() {
                Some(sent) => told.with(SENT, sent),
                None => told,
            }
        }
    }
}

/// What the carrier says of it, if it says something short.
fn words(answer: &Value) -> String {
    let told = [
        &answer["message"],
        &answer["error"],
        &answer["errors"][0]["detail"],
    ];
    let told = told.into_iter().find_map(Value::as_str).unwrap_or_default();
    let told: String = told.chars().filter(|c| !c.is_control()).take(MAX_WORDS).collect();
    match told.is_empty() {
        true => String::new(),
        false => format!(": {told}"),
    }
}

fn kind(status: u16) -> ErrorKind {
    match status {
        400 | 422 => ErrorKind::InvalidInput,
        401 | 403 => ErrorKind::Auth,
        402 => ErrorKind::Billing,
        404 | 410 => ErrorKind::NotFound,
        429 => ErrorKind::RateLimited,
        500..=599 => ErrorKind::Server,
        _ => ErrorKind::Internal,
    }
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Rest({})", self.carrier)
    }
}
