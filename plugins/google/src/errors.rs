//! What went wrong at the service, as one of the gateway's kinds.
//!
//! The words of the message decide where one status means several things, then the name of the status, then its number.
//! A key never gets into the text.
use openclaw_plugin_api::{Refusal, prelude::*};
use std::time::Duration;

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
pub struct Told(Refusal);

impl Told {
    /// An answer that is no success, and its `retry-after`.
    pub fn from_answer(status: u16, body: &[u8], wait: Option<Duration>) -> Self {
        let Self(told) = match serde_json::from_slice(body) {
            Ok(Value::Array(list)) => list.first().map(Self::from_value).unwrap_or_default(),
            Ok(value) => Self::from_value(&value),
            Err(_) => Self(Refusal {
                message: String::from_utf8_lossy(body).into_owned(),
                ..Refusal::default()
            }),
        };
        Self(Refusal {
            status: Some(status),
            wait: wait.or(told.wait),
            ..told
        })
    }

    /// The object that has `error`.
    pub fn from_value(value: &Value) -> Self {
        let error = &value["error"];
        let text = |name: &str| error[name].as_str().unwrap_or_default().to_owned();
        let mut details = error["details"].as_array().into_iter().flatten();
        let wait = details.find_map(|detail| detail["retryDelay"].as_str()?.strip_suffix('s')?.parse().ok());
        Self(Refusal {
            status: error["code"].as_u64().and_then(|code| u16::try_from(code).ok()),
            code: text("status"),
            class: String::new(),
            message: text("message"),
            wait: wait.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
        })
    }

    /// What the service sent can't be used.
    pub fn broken(message: &str) -> Self {
        Self(Refusal {
            code: "INTERNAL".into(),
            message: message.into(),
            ..Refusal::default()
        })
    }

    /// The error for the host. `key` is what must not be in its text.
    pub fn into_error(self, key: Option<&Secret>) -> Error {
        let kind = self.classify();
        self.0.into_error("Gemini", kind, key)
    }

    fn classify(&self) -> ErrorKind {
        let Self(told) = self;
        match told.code.as_str() {
            _ if told.says(OVERFLOW) => ErrorKind::ContextOverflow,
            _ if told.says(AUTH) => ErrorKind::Auth,
            _ if told.says(BILLING) => ErrorKind::Billing,
            "INVALID_ARGUMENT" | "FAILED_PRECONDITION" | "OUT_OF_RANGE" => ErrorKind::InvalidInput,
            "UNAUTHENTICATED" | "PERMISSION_DENIED" => ErrorKind::Auth,
            "NOT_FOUND" => ErrorKind::NotFound,
            "RESOURCE_EXHAUSTED" => ErrorKind::RateLimited,
            "UNAVAILABLE" => ErrorKind::Overloaded,
            "DEADLINE_EXCEEDED" => ErrorKind::Timeout,
            "INTERNAL" | "UNKNOWN" => ErrorKind::Server,
            _ => told.kind_by_status(),
        }
    }
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
