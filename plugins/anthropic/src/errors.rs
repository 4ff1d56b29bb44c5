//! What went wrong at a service, as one of the gateway's kinds.
//!
//! The words of the message decide where one type of error means several things, then the type, then the status. A key
//! never gets into the text.
use openclaw_plugin_api::prelude::*;
use std::time::Duration;

/// What is kept of a service's own words, characters.
const MAX_WORDS: usize = 300;

const OVERFLOW: &[&str] = &[
    "prompt is too long",
    "exceed context limit",
    "context window",
    "context length",
];
const BILLING: &[&str] = &["credit balance", "billing", "insufficient balance"];

/// A failure as the service told it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told {
    /// HTTP status, if it came with one.
    status: Option<u16>,
    /// `error.type`
    kind: String,
    /// `error.message`
    message: String,
    /// How long it asks to wait.
    wait: Option<Duration>,
}

impl Told {
    /// An answer that is no success. `header` looks one up by its lower-case name.
    pub fn from_answer<'a>(status: u16, body: &[u8], header: impl Fn(&str) -> Option<&'a str>) -> Self {
        let mut told = match serde_json::from_slice(body) {
            Ok(value) => Self::from_event(&value),
            Err(_) => Self {
                message: String::from_utf8_lossy(body).into_owned(),
                ..Self::default()
            },
        };
        told.status = Some(status);
        told.wait = wait(header);
        told
    }

    /// The object that has `error`.
    pub fn from_event(event: &Value) -> Self {
        let error = &event["error"];
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        Self {
            kind: text("type"),
            message: error.as_str().map_or_else(|| text("message"), str::to_owned),
            ..Self::default()
        }
    }

    /// The error for the host. `key` is what must not be in its text.
    pub fn into_error(self, key: Option<&Secret>) -> Error {
        let kind = self.classify();
        let mut text = String::from("the Messages API refused the request");
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
        if !self.kind.is_empty() {
            error = error.with("type", clean(&self.kind, key));
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
            "invalid_request_error" if says(OVERFLOW) => ErrorKind::ContextOverflow,
            "invalid_request_error" if says(BILLING) => ErrorKind::Billing,
            "invalid_request_error" => ErrorKind::InvalidInput,
            "authentication_error" | "permission_error" => ErrorKind::Auth,
            "billing_error" => ErrorKind::Billing,
            "not_found_error" => ErrorKind::NotFound,
            "request_too_large" => ErrorKind::Rejected,
            "rate_limit_error" => ErrorKind::RateLimited,
            "overloaded_error" => ErrorKind::Overloaded,
            "timeout_error" => ErrorKind::Timeout,
            "api_error" => ErrorKind::Server,
            _ if says(OVERFLOW) => ErrorKind::ContextOverflow,
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
        .map(|word| if word.contains("sk-ant-") { "***" } else { word });
    let line = masked.collect::<Vec<_>>().join(" ");
    let mut short: String = line.chars().take(MAX_WORDS).collect();
    if short.len() < line.len() {
        short.push('…');
    }
    short
}

/// `retry-after-ms`, else `retry-after` in seconds.
fn wait<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<Duration> {
    let number = |name: &str| header(name)?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms")
        .map(|ms| ms / 1e3)
        .or_else(|| number("retry-after"))?;
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(status: u16, kind: &str, message: &str) -> Error {
        let body = json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "r"});
        Told::from_answer(status, body.to_string().as_bytes(), |_| None).into_error(None)
    }

    #[test]
    fn every_refusal_has_its_kind() {
        for (status, kind, message, expected) in [
            (
                400,
                "invalid_request_error",
                "prompt is too long: 2 tokens > 1 maximum",
                ErrorKind::ContextOverflow,
            ),
            (
                400,
                "invalid_request_error",
                "input length and `max_tokens` exceed context limit: 3",
                ErrorKind::ContextOverflow,
            ),
            (
                400,
                "invalid_request_error",
                "Your credit balance is too low",
                ErrorKind::Billing,
            ),
            (
                400,
                "invalid_request_error",
                "messages: at least one",
                ErrorKind::InvalidInput,
            ),
            (401, "authentication_error", "invalid x-api-key", ErrorKind::Auth),
            (402, "billing_error", "", ErrorKind::Billing),
            (403, "permission_error", "", ErrorKind::Auth),
            (404, "not_found_error", "model: x", ErrorKind::NotFound),
            (413, "request_too_large", "", ErrorKind::Rejected),
            (429, "rate_limit_error", "", ErrorKind::RateLimited),
            (500, "api_error", "", ErrorKind::Server),
            (504, "timeout_error", "", ErrorKind::Timeout),
            (529, "overloaded_error", "", ErrorKind::Overloaded),
            (502, "", "", ErrorKind::Server),
            (429, "", "", ErrorKind::RateLimited),
        ] {
            assert_eq!(
                error(status, kind, message).kind(),
                expected,
                "{status} {kind} {message}"
            );
        }
    }

    #[test]
    fn what_is_no_json_is_judged_by_its_status() {
        let error = Told::from_answer(529, b"<html>busy</html>", |_| None).into_error(None);
        assert_eq!(error.kind(), ErrorKind::Overloaded);
        assert!(error.message().contains("<html>busy</html>"), "{error}");
    }

    #[test]
    fn milliseconds_win_over_seconds_and_nonsense_is_no_wait() {
        let with = |ms: Option<&'static str>, seconds: &'static str| {
            let told = Told::from_answer(429, b"{}", move |name| match name {
                "retry-after-ms" => ms,
                "retry-after" => Some(seconds),
                _ => None,
            });
            told.into_error(None).retry_after()
        };
        assert_eq!(with(Some("250"), "7"), Some(Duration::from_millis(250)));
        assert_eq!(with(None, "7"), Some(Duration::from_secs(7)));
        assert_eq!(with(None, "-1"), None);
        assert_eq!(with(None, "Wed, 21 Oct"), None);
    }

    #[test]
    fn no_key_gets_into_the_text() {
        let body =
            br#"{"error":{"type":"authentication_error","message":"bad key hunter2 and sk-ant-api03-x"}}"#;
        let error = Told::from_answer(401, body, |_| None).into_error(Some(&Secret::new("hunter2")));
        assert!(
            !error.message().contains("hunter2") && !error.message().contains("sk-ant"),
            "{error}"
        );
    }
}
