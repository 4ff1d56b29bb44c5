//! Why a request failed, and what to do about it.
//!
//! Invariant: no text holds a token, neither the bot's nor one of a path.
use super::codes;
use openclaw_plugin_api::{Error, ErrorKind};
use std::time::Duration;

/// Why a request failed.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum RestError {
    /// Discord answered no.
    #[error("discord {}: {} {}; {}", .0.route, .0.status, .0.text(), codes::remedy(.0.status, .0.code))]
    Refused(Box<Refusal>),
    /// The limit is reached, and waiting for it takes longer than the request may.
    #[error("discord {route}: too many requests; wait {} s", .wait.as_secs_f64().ceil())]
    Limited {
        /// Method and template.
        route: String,
        /// How long to wait.
        wait: Duration,
    },
    /// Too many requests wait for their turn.
    #[error("discord {route}: too many requests wait ahead of this one; try again later")]
    Queue {
        /// Method and template.
        route: String,
    },
    /// So many requests were refused that the next ones might close Discord to this address.
    #[error(
        "discord {route}: held back, because too many requests were refused (401, 403, 429) lately; look for the cause in \
         the log, requests go again in {} s", .wait.as_secs_f64().ceil()
    )]
    TooManyRefusals {
        /// Method and template.
        route: String,
        /// How long to wait.
        wait: Duration,
    },
    /// Discord refused the token a moment ago.
    #[error(
        "discord refused the bot token a moment ago; get a new one in the developer portal (Bot, Reset Token) and set it"
    )]
    TokenRefused {
        /// When it is tried again.
        wait: Duration,
    },
    /// There is no answer, and the request may have had its effect.
    #[error("discord {route}: {why}; it may or may not have taken effect, look into the channel")]
    Unknown {
        /// Method and template.
        route: String,
        /// What happened.
        why: String,
    },
    /// There is no answer, and nothing has happened.
    #[error("discord {route}: {}", .error.message())]
    Lost {
        /// Method and template.
        route: String,
        /// What happened.
        error: Box<Error>,
    },
    /// Discord did what was asked, and the answer is not what was expected.
    #[error("discord {route}: the answer can't be read: {why}")]
    Answer {
        /// Method and template.
        route: String,
        /// What is wrong with it.
        why: String,
    },
}

/// Discord's no.
#[derive(Debug, Clone, Default)]
pub(crate) struct Refusal {
    /// Method and template.
    pub(crate) route: String,
    /// HTTP status.
    pub(crate) status: u16,
    /// Discord's own code; 0 if it gave none.
    pub(crate) code: u32,
    /// Discord's words.
    pub(crate) message: String,
    /// Which fields are wrong and why, `content: must be 2000 or fewer in length`.
    pub(crate) fields: Vec<String>,
}

// === impl RestError ===

impl RestError {
    pub(super) fn limited(route: impl Into<String>, wait: Duration) -> Self {
        Self::Limited {
            route: route.into(),
            wait,
        }
    }

    /// What was asked for is known to be gone, without asking.
    pub(crate) fn gone(why: &str) -> Self {
        Self::Refused(Box::new(Refusal {
            status: 404,
            message: why.to_owned(),
            ..Refusal::default()
        }))
    }

    /// Discord's own code, if it answered with one.
    pub(crate) fn code(&self) -> Option<u32> {
        match self {
            Self::Refused(refusal) if refusal.code != 0 => Some(refusal.code),
            _ => None,
        }
    }

    /// The HTTP status, if there was an answer.
    pub(crate) fn status(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.status),
            Self::Limited { .. } => Some(429),
            Self::TokenRefused { .. } => Some(401),
            _ => None,
        }
    }

    /// Is what was asked for, or asked about, not there?
    pub(crate) fn is_gone(&self) -> bool {
        self.status() == Some(404)
    }

    /// Will nothing work with this token?
    pub(crate) fn is_token_refused(&self) -> bool {
        match self {
            Self::TokenRefused { .. } => true,
            Self::Refused(refusal) => refusal.status == 401,
            _ => false,
        }
    }

    /// How long to wait before it can work.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Limited { wait, .. } | Self::TooManyRefusals { wait, .. } | Self::TokenRefused { wait } => {
                Some(*wait)
            }
            Self::Lost { error, .. } => error.retry_after(),
            _ => None,
        }
    }

    fn kind(&self) -> ErrorKind {
        match self {
            Self::Refused(refusal) => codes::kind(refusal.status, refusal.code),
            Self::Limited { .. } => ErrorKind::RateLimited,
            Self::Queue { .. } | Self::TooManyRefusals { .. } => ErrorKind::Overloaded,
            Self::TokenRefused { .. } => ErrorKind::Auth,
            Self::Unknown { .. } => ErrorKind::Unknown,
            Self::Lost { error, .. } => error.kind(),
            Self::Answer { .. } => ErrorKind::Server,
        }
    }
}

/// With Discord's code and status for machines.
impl RestError {
    /// The error as the host takes it.
    pub(crate) fn into_error(self) -> Error {
        let mut error = Error::new(self.kind(), &self);
        if let Some(status) = self.status() {
            error = error.with("status", status);
        }
        if let Some(code) = self.code() {
            error = error.with("code", code);
        }
        match self.retry_after() {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        }
    }
}

// === impl Refusal ===

impl Refusal {
    fn text(&self) -> String {
        let mut text = self.message.clone();
        if self.code != 0 {
            text += &format!(" ({})", self.code);
        }
        if !self.fields.is_empty() {
            text += &format!(": {}", self.fields.join(", "));
        }
        text
    }
}
