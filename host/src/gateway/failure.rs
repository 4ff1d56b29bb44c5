//! A request that failed, as the protocol tells it.
use serde::{Serialize, Serializer};
use serde_json::{Value, json};
use std::{fmt, time::Duration};

use super::scope::Scope;

/// What kind of failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Code {
    /// The request is wrong, or the caller may not connect.
    InvalidRequest,
    /// The device has to be admitted first.
    NotPaired,
    /// The caller's scopes don't permit it.
    Forbidden,
    /// It can't be done now, or it was tried and failed.
    Unavailable,
    /// There is no such approval any more.
    ApprovalNotFound,
}

/// Error of a response.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Failure {
    /// Kind.
    pub code: Code,
    /// Text for a person; some clients compare it.
    pub message: String,
    /// May the same request succeed later?
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub retryable: bool,
    /// When to try again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_ms: Option<u64>,
    /// What a program can read.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub details: Option<Box<Value>>,
    /// Payload beside the error: a run that failed reports its id.
    #[serde(skip)]
    pub payload: Option<Box<Value>>,
}

// === impl Code ===

impl Code {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Code::InvalidRequest => "INVALID_REQUEST",
            Code::NotPaired => "NOT_PAIRED",
            Code::Forbidden => "FORBIDDEN",
            Code::Unavailable => "UNAVAILABLE",
            Code::ApprovalNotFound => "APPROVAL_NOT_FOUND",
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

// === impl Failure ===

impl Failure {
    /// A failure of this kind.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            code,
            message,
            retryable: false,
            retry_after_ms: None,
            details: None,
            payload: None,
        }
    }

    /// The request is wrong.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidRequest, message)
    }

    /// The parameters of `method` are wrong; `problems` as [`super::Schema::check`] lists them.
    pub fn params(method: &str, problems: impl fmt::Display) -> Self {
        Self::invalid(format!("invalid {method} params: {problems}"))
    }

    /// It can't be done, or it was tried and failed.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, message)
    }

    /// No such method. Clients compare this text to fall back.
    pub fn unknown_method(name: &str) -> Self {
        Self::invalid(format!("unknown method: {name}"))
    }

    /// The caller lacks a scope.
    pub fn missing_scope(scope: Scope) -> Self {
        let details = json!({
            "code": "MISSING_SCOPE",
            "missingScope": scope.name(),
            "requiredScopes": [scope.name()],
        });
        Self::new(Code::Forbidden, format!("missing scope: {scope}")).with_details(details)
    }

    /// The caller is a node and this is for operators, or the other way round.
    pub fn unauthorized_role(role: &str) -> Self {
        Self::invalid(format!("unauthorized role: {role}"))
    }

    /// With something for a program to read.
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(Box::new(details));
        self
    }

    /// With a payload beside the error.
    pub fn with_payload(mut self, payload: Value) -> Self {
        self.payload = Some(Box::new(payload));
        self
    }

    /// Worth trying again after this time.
    pub fn retry_after(mut self, after: Duration) -> Self {
        self.retryable = true;
        self.retry_after_ms = u64::try_from(after.as_millis()).ok();
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
