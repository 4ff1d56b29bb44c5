//! Why a request failed: Telegram refused it, or nobody knows.
use super::Effect;
use openclaw_plugin_api::{Error, ErrorKind};
use std::{fmt, time::Duration};

/// Why a request failed. Its texts never hold the token.
#[derive(Debug, Clone)]
pub(crate) enum Failure {
    /// Telegram answered no.
    Refused(Refusal),
    /// There is no answer. The kind says whether the request may have had an effect.
    Lost(Error),
}

/// Telegram's no.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    /// What was asked.
    pub(crate) method: String,
    /// `error_code`, which is an HTTP status.
    pub(crate) code: u16,
    /// Telegram's words.
    pub(crate) description: String,
    /// How long to wait.
    pub(crate) retry_after: Option<Duration>,
    /// The group became a supergroup with this id.
    pub(crate) migrate_to: Option<i64>,
}

impl Failure {
    pub(crate) fn refused(method: &str, code: u16, why: &str) -> Self {
        Self::Refused(Refusal {
            method: method.to_owned(),
            code,
            description: why.to_owned(),
            retry_after: None,
            migrate_to: None,
        })
    }

    pub(crate) fn unknown(method: &str, why: impl fmt::Display) -> Self {
        let text =
            format_args!("telegram {method}: {why}; it may or may not have taken effect, look into the chat");
        Self::Lost(Error::new(ErrorKind::Unknown, text))
    }

    /// A request without an answer. `text` is the error's, free of the token.
    pub(super) fn lost(method: &str, error: &Error, text: &str, effect: Effect) -> Self {
        // The host says `sent: false` where the connection was never made.
        let unsent = error.detail().get("sent").and_then(serde_json::Value::as_bool) == Some(false);
        let in_doubt = matches!(
            error.kind(),
            ErrorKind::Network
                | ErrorKind::Timeout
                | ErrorKind::Server
                | ErrorKind::Internal
                | ErrorKind::Cancelled
        );
        match effect {
            Effect::Once if in_doubt && !unsent => Self::unknown(method, text),
            _ => Self::Lost(Error::new(
                error.kind(),
                format_args!("telegram {method}: {text}"),
            )),
        }
    }

    /// Did Telegram refuse with words that contain one of these?
    pub(crate) fn says(&self, words: &[&str]) -> bool {
        match self {
            Self::Refused(refusal) => {
                let description = refusal.description.to_lowercase();
                words.iter().any(|word| description.contains(word))
            }
            Self::Lost(_) => false,
        }
    }

    /// Telegram's code, if it answered.
    pub(crate) fn code(&self) -> Option<u16> {
        match self {
            Self::Refused(refusal) => Some(refusal.code),
            Self::Lost(_) => None,
        }
    }

    /// How long Telegram asked to wait.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Refused(refusal) => refusal.retry_after,
            Self::Lost(error) => error.retry_after(),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Lost(error) => error,
            Failure::Refused(refusal) => refusal.into_error(),
        }
    }
}

impl Refusal {
    fn into_error(self) -> Error {
        let Self {
            method,
            code,
            description,
            retry_after,
            migrate_to,
        } = self;
        let words = description.to_lowercase();
        let has = |word: &str| words.contains(word);
        let (kind, remedy) = match code {
            401 | 404 if has("unauthorized") || words == "not found" => (
                ErrorKind::Auth,
                "the bot token is wrong or revoked: get a new one from @BotFather",
            ),
            429 => (ErrorKind::RateLimited, "wait"),
            403 => (
                ErrorKind::Rejected,
                "the person blocked the bot or never started it, or the bot left the chat",
            ),
            _ if has("chat not found") => (
                ErrorKind::NotFound,
                "check the id; a person has to start the bot first, a group has to add it",
            ),
            _ if has("message to") && has("not found") || has("message not found") => {
                (ErrorKind::NotFound, "the message is gone")
            }
            _ if migrate_to.is_some() => (
                ErrorKind::NotFound,
                "the group is a supergroup now: use its new id",
            ),
            413 => (ErrorKind::Rejected, "bots may send 50 MB, pictures 10 MB"),
            400..=499 => (ErrorKind::Rejected, "change the message"),
            _ => (ErrorKind::Server, "try again later"),
        };
        let mut error = Error::new(
            kind,
            format_args!("telegram {method}: {code} {description}; {remedy}"),
        )
        .with("status", code);
        if let Some(chat) = migrate_to {
            error = error.with("migrateToChatId", chat.to_string());
        }
        match retry_after {
            Some(wait) => error.with_retry_after(wait),
            None => error,
        }
    }
}
