//! What went wrong at the service, as one of the gateway's kinds.
//!
//! The words of the message decide where one status means several things, then the name of the status, then its number.
//! A key never gets into the text.
use openclaw_plugin_api::prelude::*;
use std::time::Duration;

/// What is kept of a service's own words, characters.
const MAX_WORDS: usize = 300;

const OVERFLOW: &[&str] = &[
    "exceeds the maximum number of tokens",
    "token count exceeds",
    "context window",
];
const AUTH: &[&str] = &["api key not valid", "api key expired", "api_key_invalid"];
const BILLING: &[&str] = &[
    "billing to be enabled",
    "billing account",
    "prepayment credits are depleted",
];

/// A failure as the service told it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told {
    /// HTTP status, if it came with one.
    status: Option<u16>,
    /// `error.status`, such as `RESOURCE_EXHAUSTED`.
    kind: String,
    /// `error.message`
    message: String,
    /// How long it asks to wait.
    wait: Option<Duration>,
}

impl Told {
    /// An answer that is no success, and its `retry-after`.
    pub fn from_answer(status: u16, body: &[u8], wait: Option<Duration>) -> Self {
        let mut told = match serde_json::from_slice(body) {
            Ok(Value::Array(list)) => list.first().map(Self::from_value).unwrap_or_default(),
            Ok(value) => Self::from_value(&value),
            Err(_) => Self {
                message: String::from_utf8_lossy(body).into_owned(),
                ..Self::default()
            },
        };
        told.status = Some(status);
        told.wait = wait.or(told.wait);
        told
    }

    /// The object that has `error`.
    pub fn from_value(value: &Value) -> Self {
        let error = &value["error"];
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        let mut details = error["details"].as_array().into_iter().flatten();
        let wait = details.find_map(|detail| detail["retryDelay"].as_str()?.strip_suffix('s')?.parse().ok());
        Self {
            status: error["code"].as_u64().and_then(|code| u16::try_from(code).ok()),
            kind: text("status"),
            message: text("message"),
            wait: wait.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        }
    }

    /// What the service sent can't be used.
    pub fn broken(message: &str) -> Self {
        Self {
            kind: "INTERNAL".into(),
            message: message.into(),
            ..Self::default()
        }
    }

    /// The error for the host. `key` is what must not be in its text.
    pub fn into_error(self, key: Option<&Secret>) -> Error {
        let kind = self.classify();
        let mut text = String::from("Gemini refused the request");
        if let Some(status) = self.status {
            text += &format!(", status {status}");
        }
        for words in [&self.kind, &self.message] {
            if !words.is_empty() {
                text += &format!(": {}", clean(words, key));
            }
        }
        let mut error = Error::new(kind, text + next_step(kind));
        if let Some(status) = self.status {
            error = error.with("status", status);
        }
        match self.wait.filter(|_| kind.is_transient()) {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        }
    }

    fn classify(&self) -> ErrorKind {
        let message = self.message.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
        match self.kind.as_str() {
            _ if says(OVERFLOW) => ErrorKind::ContextOverflow,
            _ if says(AUTH) => ErrorKind::Auth,
            _ if says(BILLING) => ErrorKind::Billing,
            "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" => ErrorKind::InvalidInput,
            "UNAUTHENTICATED" | "PERMISSION_DENIED" => ErrorKind::Auth,
            "NOT_FOUND" => ErrorKind::NotFound,
            "RESOURCE_EXHAUSTED" => ErrorKind::RateLimited,
            "UNAVAILABLE" => ErrorKind::Overloaded,
            "DEADLINE_EXCEEDED" => ErrorKind::Timeout,
            "INTERNAL" | "UNKNOWN" => ErrorKind::Server,
            _ => by_status(self.status),
        }
    }
}

fn by_status(status: Option<u16>) -> ErrorKind {
    match status {
        Some(401 | 403) => ErrorKind::Auth,
        Some(402) => ErrorKind::Billing,
        Some(404 | 410) => ErrorKind::NotFound,
        Some(408 | 504 | 524) => ErrorKind::Timeout,
        Some(413) => ErrorKind::Rejected,
        Some(429) => ErrorKind::RateLimited,
        Some(503 | 529) => ErrorKind::Overloaded,
        Some(500..) | None => ErrorKind::Server,
        Some(_) => ErrorKind::InvalidInput,
    }
}

fn next_step(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::Auth => "; check the key, and that it may use this model",
        ErrorKind::Billing => "; check the account's balance",
        ErrorKind::RateLimited | ErrorKind::Overloaded => "; wait or use another key or model",
        ErrorKind::NotFound => "; check the model's id and the address",
        ErrorKind::ContextOverflow => "; shorten the conversation",
        ErrorKind::Rejected | ErrorKind::InvalidInput => "; change the request",
        _ => "; try again",
    }
}

/// A service's words without the key, on one line, and not too many of them.
fn clean(words: &str, key: Option<&Secret>) -> String {
    let mut words = words.to_owned();
    if let Some(key) = key.filter(|key| !key.is_empty()) {
        words = words.replace(key.expose(), "***");
    }
    let masked = words
        .split_whitespace()
        .map(|word| if word.contains("AIza") { "***" } else { word });
    let line = masked.collect::<Vec<_>>().join(" ");
    let mut short: String = line.chars().take(MAX_WORDS).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_its_kind() {
        for (status, kind, message, expected) in [
            (
                400,
                "INVALID_ARGUMENT",
                "The input token count exceeds the maximum number of tokens allowed (1).",
                ErrorKind::ContextOverflow,
            ),
            (
                400,
                "INVALID_ARGUMENT",
                "API key not valid. Please pass a valid API key.",
                ErrorKind::Auth,
            ),
            (400, "INVALID_ARGUMENT", "Invalid value", ErrorKind::InvalidInput),
            (
                403,
                "PERMISSION_DENIED",
                "This API method requires billing to be enabled.",
                ErrorKind::Billing,
            ),
            (403, "PERMISSION_DENIED", "", ErrorKind::Auth),
            (404, "NOT_FOUND", "", ErrorKind::NotFound),
            (
                429,
                "RESOURCE_EXHAUSTED",
                "check your plan and billing details",
                ErrorKind::RateLimited,
            ),
            (500, "INTERNAL", "", ErrorKind::Server),
            (503, "UNAVAILABLE", "", ErrorKind::Overloaded),
            (504, "DEADLINE_EXCEEDED", "", ErrorKind::Timeout),
            (502, "", "", ErrorKind::Server),
        ] {
            let body = json!({"error": {"code": status, "status": kind, "message": message}}).to_string();
            let error = Told::from_answer(status, body.as_bytes(), None).into_error(None);
            assert_eq!(error.kind(), expected, "{status} {kind} {message}");
        }
    }

    #[test]
    fn the_wait_is_read_and_the_key_is_not_told() {
        let body = json!([{"error": {"code": 429, "status": "RESOURCE_EXHAUSTED", "message": "slow down, hunter2",
            "details": [{"@type": "x"}, {"retryDelay": "1.5s"}]}}]);
        let told = Told::from_answer(429, body.to_string().as_bytes(), None);
        let error = told.into_error(Some(&Secret::new("hunter2")));
        assert_eq!(error.retry_after(), Some(Duration::from_millis(1_500)));
        assert!(!error.message().contains("hunter2"), "{error}");
    }
}
