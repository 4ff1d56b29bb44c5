//! What happened in a run, in words: for logs, for whoever wrote the message, and for compatible clients.
use crate::models::{ModelRef, Served};
use openclaw_plugin_api::{Error, ErrorKind};
use std::{fmt, sync::Arc};

/// Longest text of one fault in a report, characters.
const MAX_TEXT: usize = 300;
/// Faults that a report lists.
const MAX_ATTEMPTS: usize = 32;

/// What one model with one key said last.
#[derive(Debug, Clone, PartialEq)]
pub struct Attempted {
    /// The model.
    pub model: ModelRef,
    /// The key's name.
    pub credential: String,
    /// What it said, cut to a sensible length.
    pub message: String,
    /// What kind of fault.
    pub kind: ErrorKind,
    /// How often it was asked.
    pub times: u32,
}

/// No model answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Exhausted {
    /// What each of them said last, in their order.
    pub attempts: Vec<Attempted>,
}

/// Another model answered than the one that was wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fallback {
    /// The one that was wanted.
    pub wanted: ModelRef,
    /// The one that answered.
    pub used: ModelRef,
    /// Why. None: the wanted one rests after an earlier fault.
    pub reason: Option<ErrorKind>,
}

/// Why a run ended without an answer.
#[derive(Debug, Clone)]
pub enum Stopped {
    /// The conversation does not fit into this model's window: make it shorter and run again.
    Overflow(Arc<Served>, Error),
    /// A fault that no other model would change, or one in the middle of what somebody has seen.
    Failed(Error),
    /// Everything was tried.
    Exhausted(Exhausted),
}

/// The word for a kind of fault that users of OpenClaw know.
pub fn reason(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::RateLimited => "rate_limit",
        ErrorKind::Server => "server_error",
        ErrorKind::NotFound => "model_not_found",
        ErrorKind::InvalidInput | ErrorKind::Rejected => "format",
        ErrorKind::Internal | ErrorKind::Unknown => "unclassified",
        other => other.as_str(),
    }
}

// === impl Attempted ===

impl Attempted {
    /// Adds a fault to a report; one of the same model and key takes the place of the last.
    pub(super) fn note(all: &mut Vec<Self>, model: ModelRef, credential: &str, error: &Error) {
        let message: String = error.message().chars().take(MAX_TEXT).collect();
        let same = |last: &&mut Self| last.model == model && last.credential == credential;
        if let Some(last) = all.last_mut().filter(same) {
            last.times += 1;
            (last.message, last.kind) = (message, error.kind());
        } else if all.len() < MAX_ATTEMPTS {
            all.push(Self {
                model,
                credential: credential.to_owned(),
                message,
                kind: error.kind(),
                times: 1,
            });
        }
    }
}

impl fmt::Display for Attempted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {} ({})", self.model, self.message, reason(self.kind))?;
        match self.times {
            1 => Ok(()),
            times => write!(f, " ×{times}"),
        }
    }
}

// === impl Exhausted ===

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.attempts.is_empty() {
            return f.write_str(
                "no model can be asked; set agents.defaults.model to one that a running plugin offers and give it a key",
            );
        }
        write!(f, "All models failed ({}): ", self.attempts.len())?;
        for (position, attempted) in self.attempts.iter().enumerate() {
            let between = if position == 0 { "" } else { " | " };
            write!(f, "{between}{attempted}")?;
        }
        Ok(())
    }
}

// === impl Fallback ===

impl fmt::Display for Fallback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let why = self.reason.map_or("resting after an earlier fault", reason);
        write!(f, "↪️ Model Fallback: {} ({} {why})", self.used, self.wanted)
    }
}

// === impl Stopped ===

impl Stopped {
    /// The error that a turn ends with. Its kind is that of the last fault.
    pub fn into_error(self) -> Error {
        match self {
            Self::Overflow(_, error) | Self::Failed(error) => error,
            Self::Exhausted(exhausted) => {
                let kind = exhausted
                    .attempts
                    .last()
                    .map_or(ErrorKind::Config, |last| last.kind);
                Error::new(kind, exhausted)
            }
        }
    }

    /// What the person who waits is told. No vendor's words but for a refused request, where they are the only help.
    pub fn for_person(&self) -> String {
        let (kind, text) = match self {
            Self::Overflow(..) => (ErrorKind::ContextOverflow, String::new()),
            Self::Failed(error) => (error.kind(), error.message().chars().take(MAX_TEXT).collect()),
            Self::Exhausted(exhausted) => match exhausted.attempts.last() {
                Some(last) => (last.kind, String::new()),
                None => return format!("⚠️ {exhausted}"),
            },
        };
        match kind {
            ErrorKind::ContextOverflow => {
                "⚠️ This conversation no longer fits into the model's window. Send /compact to shorten it or /new to begin \
                 another one."
            }
            ErrorKind::Billing => {
                "⚠️ The account at the model's vendor is out of credit. Top it up, or choose another model with /model."
            }
            ErrorKind::Auth => {
                "⚠️ The model's vendor did not accept the gateway's key. The operator has to look at it: `openclaw models \
                 status`."
            }
            ErrorKind::RateLimited => "⚠️ The model's vendor limits requests just now. Please try again in a minute.",
            ErrorKind::Overloaded => "⚠️ The AI service is temporarily overloaded. Please try again in a moment.",
            ErrorKind::Timeout => "⚠️ The model did not answer in time. Please try again.",
            ErrorKind::Server | ErrorKind::Network => {
                "⚠️ The AI service could not be reached or failed. Please try again in a moment."
            }
            ErrorKind::NotFound => {
                "⚠️ The configured model is not offered. The operator has to look at it: `openclaw models status`."
            }
            ErrorKind::InvalidInput | ErrorKind::Rejected => return format!("LLM request rejected: {text}"),
            _ => "⚠️ Something went wrong before there was an answer. The gateway's log says what.",
        }
        .to_owned()
    }
}
