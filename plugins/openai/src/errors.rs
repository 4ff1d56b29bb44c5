//! What went wrong at a service, as one of the gateway's kinds.
//!
//! Services differ in shape and in care: the same status may mean "wait a second" and "pay first". The code and the type
//! decide before the status, the words of the message last. A key never gets into the text, though some services echo it.
use openclaw_plugin_api::{Refusal, prelude::*};
use std::time::Duration;

/// A failure as the service told it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told {
    /// HTTP status, if it came with one.
    pub status: Option<u16>,
    /// `code`
    code: String,
    /// `type`
    kind: String,
    /// `param`: which part of the request it is about.
    param: String,
    /// For people.
    message: String,
}

// === impl Told ===

impl Told {
    /// The body of an answer that is no success.
    pub fn from_body(status: u16, body: &[u8]) -> Self {
        let mut told = match serde_json::from_slice::<Value>(body) {
            Ok(Value::Array(list)) => list.first().map(Self::from_value).unwrap_or_default(),
            Ok(value) => Self::from_value(&value),
            Err(_) => Self {
                message: String::from_utf8_lossy(body).into_owned(),
                ..Self::default()
            },
        };
        told.status = Some(status);
        told
    }

    /// An error inside a stream: the object that has `error`, or the error itself.
    pub fn from_value(value: &Value) -> Self {
        let error = match value.get("error") {
            Some(Value::Null) | None => value,
            Some(error) => error,
        };
        if let Value::String(message) = error {
            return Self {
                message: message.clone(),
                ..Self::default()
            };
        }
        let text = |name: &str| match &error[name] {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => String::new(),
        };
        let (code, mut message) = (text("code"), text("message"));
        if message.is_empty() && !error["detail"].is_null() {
            message = error["detail"]
                .as_str()
                .map_or_else(|| error["detail"].to_string(), str::to_owned);
        }
        // Gateways put the status of the service behind them where a code belongs.
        let status = code.parse().ok().filter(|status| (400..600).contains(status));
        Self {
            status,
            code,
            kind: text("type"),
            param: text("param"),
            message,
        }
    }

    /// What the service sent can't be understood.
    pub fn broken(message: &str) -> Self {
        Self {
            kind: "server_error".into(),
            message: message.into(),
            ..Self::default()
        }
    }

    /// Is it about this parameter?
    pub fn is_about(&self, param: &str) -> bool {
        self.param == param
    }

    /// The error for the host. `key` is what must not be in its text.
    pub fn into_error(self, service: &str, key: Option<&Secret>, wait: Option<Duration>) -> Error {
        let kind = self.classify();
        let refusal = Refusal {
            status: self.status,
            wait: wait.or_else(|| wait_in_words(&self.message)),
            code: self.code,
            class: self.kind,
            message: self.message,
        };
        refusal.into_error(service, kind, key)
    }

    fn classify(&self) -> ErrorKind {
        let message = self.message.to_ascii_lowercase();
        let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
        let is = |words: &[&str]| words.iter().any(|&word| self.code == word || self.kind == word);
        if is(OVERFLOW_CODES) || says(OVERFLOW_WORDS) {
            return ErrorKind::ContextOverflow;
        }
        if self.status == Some(402) || is(BILLING_CODES) || says(BILLING_WORDS) {
            return ErrorKind::Billing;
        }
        if is(&[
            "rate_limit_exceeded",
            "rate_limit_error",
            "rate_limited",
            "tokens",
            "requests",
        ]) {
            return ErrorKind::RateLimited;
        }
        if is(&[
            "invalid_api_key",
            "authentication_error",
            "permission_error",
            "invalid_authentication",
        ]) {
            return ErrorKind::Auth;
        }
        if is(&["model_not_found", "not_found_error"]) {
            return ErrorKind::NotFound;
        }
        if is(REJECTED_CODES) {
            return ErrorKind::Rejected;
        }
        if is(&[
            "overloaded_error",
            "slow_down",
            "engine_overloaded",
            "service_unavailable",
        ]) || says(&["overloaded"])
        {
            return ErrorKind::Overloaded;
        }
        match self.status {
            Some(status) => ErrorKind::of_status(status),
            None if is(&[
                "server_error",
                "internal_error",
                "api_error",
                "vector_store_timeout",
            ]) =>
            {
                ErrorKind::Server
            }
            None if is(&["timeout"]) || says(&["timed out"]) => ErrorKind::Timeout,
            None if self.kind == "invalid_request_error" || self.code.starts_with("invalid_") => {
                ErrorKind::InvalidInput
            }
            None => ErrorKind::Server,
        }
    }
}

const OVERFLOW_CODES: &[&str] = &[
    "context_length_exceeded",
    "context_window_exceeded",
    "exceed_context_size_error",
];
const OVERFLOW_WORDS: &[&str] = &[
    "maximum context length",
    "context window",
    "context length",
    "available context size",
    "maximum prompt length",
    "prompt is too long",
    "reduce the length of the messages",
    "input tokens exceed",
    // A request that is over the minute's allowance by itself never succeeds; a shorter one does.
    "request too large",
];
const BILLING_CODES: &[&str] = &[
    "insufficient_quota",
    "billing_not_active",
    "billing_hard_limit_reached",
    "insufficient_balance",
    "insufficient_user_quota",
];
const BILLING_WORDS: &[&str] = &[
    "insufficient balance",
    "insufficient credits",
    "requires more credits",
    "exceeded your current quota",
];
const REJECTED_CODES: &[&str] = &[
    "content_filter",
    "content_policy_violation",
    "image_content_policy_violation",
    "bio_policy",
    "cyber_policy",
    "invalid_prompt",
];

/// How long the headers of an answer ask to wait. `header` looks one up by its lower-case name.
pub fn wait_in_headers<'a>(header: impl Fn(&str) -> Option<&'a str>) -> Option<Duration> {
    if let Some(ms) = header("retry-after-ms").and_then(|ms| ms.trim().parse().ok()) {
        let ms: f64 = ms;
        return Duration::try_from_secs_f64(ms / 1e3).ok();
    }
    if let Some(seconds) = header("retry-after").and_then(|seconds| seconds.trim().parse().ok()) {
        return Duration::try_from_secs_f64(seconds).ok();
    }
    // Only what is used up makes us wait.
    ["requests", "tokens"]
        .iter()
        .filter(|what| header(&format!("x-ratelimit-remaining-{what}")) == Some("0"))
        .filter_map(|what| span(header(&format!("x-ratelimit-reset-{what}"))?))
        .max()
}

/// "Please try again in 1.5s": said where no header can be, inside a stream.
fn wait_in_words(message: &str) -> Option<Duration> {
    let (_, after) = message.split_once("try again in ")?;
    span(after.split_whitespace().next()?.trim_end_matches(['.', ',']))
}

/// `6m0s`, `1.5s`, `20ms`.
fn span(text: &str) -> Option<Duration> {
    let mut rest = text.trim();
    let mut total = Duration::ZERO;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|c: char| c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let seconds = match unit {
            "ms" => 0.001,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3_600.0,
            "d" => 86_400.0,
            _ => return None,
        };
        total =
            total.checked_add(Duration::try_from_secs_f64(number.parse::<f64>().ok()? * seconds).ok()?)?;
        rest = after;
    }
    (!text.trim().is_empty()).then_some(total)
}

#[cfg(test)]
mod tests;
