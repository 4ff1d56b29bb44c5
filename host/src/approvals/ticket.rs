//! A question that was asked, and why one can't be asked or answered.
use super::{Decision, Ending, FileError, MAX_OPEN, Outcome, Record};
use std::time::Duration;
use tokio::sync::watch;

/// How a question is asked.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Its id. None: a new one.
    pub id: Option<String>,
    /// How long somebody has to answer. None: [`PATIENCE`].
    pub patience: Option<Duration>,
    /// The connection of whoever asks: it does not count as somebody to ask.
    pub asker: String,
}

/// A question that was asked, and its end when it comes.
#[derive(Debug)]
pub struct Ticket {
    /// As it was asked.
    pub record: Record,
    end: watch::Receiver<Option<Outcome>>,
}

/// Why a question can't be asked.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AskError {
    /// There are too many.
    #[error("{MAX_OPEN} approvals are open already; answer some with `openclaw approvals pending`")]
    Full,
    /// There is one with this id.
    #[error("there is an approval with the id {0} already; use another")]
    Taken(String),
}

/// Why an answer has no effect.
#[derive(Debug, thiserror::Error)]
pub enum ResolveError {
    /// Nothing of this id was asked, or long ago.
    #[error("there is no approval {0}; see `openclaw approvals pending`")]
    Unknown(String),
    /// It has ended.
    #[error("approval {} was decided already: {}", .0.id, .0.outcome.as_ref().map(Outcome::sentence).unwrap_or_default())]
    Decided(Box<Record>),
    /// This answer is not among those that may be given.
    #[error("{} can't be the answer to approval {id}: its programs can't become a rule; use allow-once or deny", .decision.word())]
    NotOffered {
        /// Which question.
        id: String,
        /// Which answer.
        decision: Decision,
    },
    /// The rule can't be written.
    #[error("the rule was not written: {0}")]
    File(#[from] FileError),
}

// === impl Ticket ===

impl Ticket {
    pub(super) fn new(record: Record, end: watch::Receiver<Option<Outcome>>) -> Self {
        Self { record, end }
    }

    /// Waits for the end.
    pub async fn outcome(&mut self) -> Outcome {
        match self.end.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone().unwrap_or_else(closed),
            Err(_) => closed(),
        }
    }

    /// The end, if it has come.
    pub fn ended(&self) -> Option<Outcome> {
        self.end.borrow().clone()
    }
}

/// The gateway ends.
fn closed() -> Outcome {
    Outcome {
        ending: Ending::Restarted,
        by: String::new(),
        at_ms: 0,
    }
}
