//! The error that authors return and callers see: a kind that decides what happens next, and a text for people.
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{fmt, time::Duration};

/// `Result` with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something failed. The kind decides whether the host retries, falls over to another model, or tells the user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller's input is wrong; the same call will fail again.
    InvalidInput,
    /// The configuration is wrong or incomplete; an operator has to change it.
    Config,
    /// The thing asked for does not exist (a model, a chat, a message).
    NotFound,
    /// This plugin, channel or platform can't do that.
    Unsupported,
    /// The method id is unknown to the callee.
    UnknownMethod,
    /// The credentials are missing, wrong or expired.
    Auth,
    /// The account has no credit left or is suspended.
    Billing,
    /// Too many requests; see [`Error::retry_after`].
    RateLimited,
    /// The service is up but has no capacity now.
    Overloaded,
    /// No answer in time.
    Timeout,
    /// The conversation does not fit into the model's window.
    ContextOverflow,
    /// The platform refused the content (too long, bad markup, policy).
    Rejected,
    /// The other side failed (5xx).
    Server,
    /// The other side could not be reached, or the connection broke.
    Network,
    /// Policy of the host refused it (egress, permissions, limits).
    Refused,
    /// The caller went away.
    Cancelled,
    /// The instance or the host is shutting down.
    Closed,
    /// A request left but its outcome is unknown: it may or may not have taken effect.
    Unknown,
    /// The plugin panicked; this instance is not used any more.
    Panic,
    /// A bug, or anything that fits nowhere else.
    #[serde(other)]
    Internal,
}

/// An error with a kind, a text for people, and what a machine may need to know beside it.
///
/// Every `std` error becomes one with `?` (kind [`ErrorKind::Internal`]).
#[derive(Clone, PartialEq)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    detail: Map<String, Value>,
}

// === impl ErrorKind ===

impl ErrorKind {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::Config => "config",
            Self::NotFound => "not_found",
            Self::Unsupported => "unsupported",
            Self::UnknownMethod => "unknown_method",
            Self::Auth => "auth",
            Self::Billing => "billing",
            Self::RateLimited => "rate_limited",
            Self::Overloaded => "overloaded",
            Self::Timeout => "timeout",
            Self::ContextOverflow => "context_overflow",
            Self::Rejected => "rejected",
            Self::Server => "server",
            Self::Network => "network",
            Self::Refused => "refused",
            Self::Cancelled => "cancelled",
            Self::Closed => "closed",
            Self::Unknown => "unknown",
            Self::Panic => "panic",
            Self::Internal => "internal",
        }
    }

    /// From the word on the wire; a word of a later version is [`ErrorKind::Internal`].
    pub fn from_wire(word: &str) -> Self {
        Self::deserialize(serde::de::value::StrDeserializer::<serde::de::value::Error>::new(
            word,
        ))
        .unwrap_or(Self::Internal)
    }

    /// What an HTTP status that is no success means.
    pub fn of_status(status: u16) -> Self {
        match status {
            401 | 403 => Self::Auth,
            402 => Self::Billing,
            // where nobody follows a redirect, what was asked for is not at this address
            300..=399 | 404 | 410 => Self::NotFound,
            408 | 504 | 524 => Self::Timeout,
            413 => Self::Rejected,
            429 => Self::RateLimited,
            503 | 529 => Self::Overloaded,
            400..=499 => Self::InvalidInput,
            500..=599 => Self::Server,
            _ => Self::Internal,
        }
    }

    /// Could the same call succeed later without anybody changing anything?
    pub fn is_transient(self) -> bool {
        matches!(
            self,
            Self::RateLimited | Self::Overloaded | Self::Timeout | Self::Server | Self::Network
        )
    }
}

impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

// === impl Error ===

impl Error {
    /// An error of the given kind. Say what was being done, on which object, why it failed and what to do next.
    pub fn new(kind: ErrorKind, message: impl fmt::Display) -> Self {
        Self {
            kind,
            message: message.to_string(),
            detail: Map::new(),
        }
    }

    /// The caller's input is wrong.
    pub fn invalid(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::InvalidInput, message)
    }

    /// This plugin, channel or platform can't do that.
    pub fn unsupported(message: impl fmt::Display) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// How long the other side asked to wait.
    pub fn with_retry_after(self, wait: Duration) -> Self {
        let ms = u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        self.with("retryAfterMs", ms)
    }

    /// Adds a field for machines. No secrets, no message texts.
    pub fn with(mut self, field: &str, value: impl Into<Value>) -> Self {
        self.detail.insert(field.to_owned(), value.into());
        self
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The text for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The fields for machines.
    pub fn detail(&self) -> &Map<String, Value> {
        &self.detail
    }

    /// How long the other side asked to wait, if it did.
    pub fn retry_after(&self) -> Option<Duration> {
        self.detail
            .get("retryAfterMs")
            .and_then(Value::as_u64)
            .map(Duration::from_millis)
    }
}

impl<E: std::error::Error> From<E> for Error {
    fn from(error: E) -> Self {
        let mut message = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            message = format!("{message}: {cause}");
            source = cause.source();
        }
        Self::new(ErrorKind::Internal, message)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)
    }
}

#[cfg(feature = "plugin")]
mod wire {
    use super::{Error, ErrorKind};
    use crate::abi::Fault;

    impl Error {
        /// The error in the form that crosses the boundary.
        pub fn into_fault(self) -> Fault {
            let detail = if self.detail.is_empty() {
                String::new()
            } else {
                serde_json::to_string(&self.detail).unwrap_or_default()
            };
            Fault {
                code: self.kind.as_str().into(),
                message: self.message.into(),
                detail: detail.into(),
            }
        }

        /// The error that crossed the boundary. A detail that is no JSON object is dropped.
        pub fn from_fault(fault: &Fault) -> Self {
            Self {
                kind: ErrorKind::from_wire(fault.code.as_str()),
                message: fault.message.as_str().to_owned(),
                detail: serde_json::from_str(fault.detail.as_str()).unwrap_or_default(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_survives_the_wire() {
        let words = [
            "invalid_input",
            "auth",
            "rate_limited",
            "context_overflow",
            "unknown",
            "panic",
            "internal",
        ];
        for word in words {
            assert_eq!(ErrorKind::from_wire(word).as_str(), word);
        }
        assert_eq!(ErrorKind::from_wire("from_the_future"), ErrorKind::Internal);
    }

    #[cfg(feature = "plugin")]
    #[test]
    fn fault_round_trip_keeps_kind_text_and_detail() {
        let error =
            Error::new(ErrorKind::RateLimited, "slow down").with_retry_after(Duration::from_millis(1500));
        let back = Error::from_fault(&error.clone().into_fault());
        assert_eq!(back, error);
        assert_eq!(back.retry_after(), Some(Duration::from_millis(1500)));
    }

    #[test]
    fn sources_are_part_of_the_text() {
        let parse = "x"
            .parse::<u32>()
            .map_err(std::io::Error::other)
            .expect_err("not a number");
        assert!(Error::from(parse).message().contains("invalid digit"));
    }
}
