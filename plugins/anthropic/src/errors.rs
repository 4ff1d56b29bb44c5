//! What went wrong at a service, as one of the gateway's kinds.
//!
//! The words of the message decide where one type of error means several things, then the type, then the status. A key
//! never gets into the text.
use openclaw_plugin_api::{Refusal, prelude::*};
use std::time::Duration;

const OVERFLOW: &[&str] = &[
    "prompt is too long",
    "exceed context limit",
    "context window",
    "context length",
];
const BILLING: &[&str] = &["credit balance", "billing", "insufficient balance"];

/// A failure as the service told it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told(Refusal);

impl Told {
    /// An answer that is no success. `header` looks one up by its lower-case name.
    pub fn from_answer<'a>(status: u16, body: &[u8], header: impl Fn(&str) -> Option<&'a str>) -> Self {
        let Self(told) = match serde_json::from_slice(body) {
            Ok(value) => Self::from_event(&value),
            Err(_) => Self(Refusal {
                message: String::from_utf8_lossy(body).into_owned(),
                ..Refusal::default()
            }),
        };
        Self(Refusal {
            status: Some(status),
            wait: wait(header),
            ..told
        })
    }

    /// The object that has `error`.
    pub fn from_event(event: &Value) -> Self {
        let error = &event["error"];
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        Self(Refusal {
            class: text("type"),
            message: error.as_str().map_or_else(|| text("message"), str::to_owned),
            ..Refusal::default()
        })
    }

    /// The error for the host. `key` is what must not be in its text.
    pub fn into_error(self, key: Option<&Secret>) -> Error {
        let kind = self.classify();
        self.0.into_error("the Messages API", kind, key)
    }

    fn classify(&self) -> ErrorKind {
        let Self(told) = self;
        match told.class.as_str() {
            "invalid_request_error" if told.says(OVERFLOW) => ErrorKind::ContextOverflow,
            "invalid_request_error" if told.says(BILLING) => ErrorKind::Billing,
            "invalid_request_error" => ErrorKind::InvalidInput,
            "authentication_error" | "permission_error" => ErrorKind::Auth,
            "billing_error" => ErrorKind::Billing,
            "not_found_error" => ErrorKind::NotFound,
            "request_too_large" => ErrorKind::Rejected,
            "rate_limit_error" => ErrorKind::RateLimited,
            "overloaded_error" => ErrorKind::Overloaded,
            "timeout_error" => ErrorKind::Timeout,
            "api_error" => ErrorKind::Server,
            _ if told.says(OVERFLOW) => ErrorKind::ContextOverflow,
            _ => told.kind_by_status(),
        }
    }
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
    fn the_class_is_told_to_machines_too() {
        assert_eq!(
            error(429, "rate_limit_error", "").detail()["type"],
            "rate_limit_error"
        );
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
