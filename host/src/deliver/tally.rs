//! What became of deliveries, by channel. Channels are as many as plugins bring.
use crate::journal::Outcome;
use std::{
    collections::BTreeMap,
    sync::{Mutex, PoisonError},
};

/// Counts since the start.
#[derive(Debug, Default)]
pub struct Tally(Mutex<Counts>);

/// By channel and what became of it.
pub type Counts = BTreeMap<(String, &'static str), u64>;

// === impl Tally ===

impl Tally {
    pub(super) fn note(&self, channel: &str, outcome: &Outcome) {
        let word = match outcome {
            Outcome::Sent(..) => "sent",
            Outcome::Retry(..) | Outcome::Anew(..) => "retry",
            Outcome::Unknown(..) => "unknown",
            Outcome::Failed(..) => "failed",
        };
        let mut counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *counts.entry((channel.to_owned(), word)).or_default() += 1;
    }

    /// All of them.
    pub fn read(&self) -> Counts {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
