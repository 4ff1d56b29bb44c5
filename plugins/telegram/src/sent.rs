//! What this process sent: how far a message got, and which messages are the bot's own.
use std::{
    collections::VecDeque,
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Messages whose progress is remembered.
const MAX_PROGRESS: usize = 256;
/// Own messages that are remembered.
const MAX_OWN: usize = 2000;

/// What this process sent.
#[derive(Debug, Default)]
pub(crate) struct Sent(Mutex<Memory>);

#[derive(Debug, Default)]
struct Memory {
    /// By idempotency key: the messages that each part became.
    progress: VecDeque<(String, Vec<Vec<i64>>)>,
    own: VecDeque<(i64, i64)>,
}

impl Sent {
    fn lock(&self) -> MutexGuard<'_, Memory> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The parts of a message that were delivered by an earlier try.
    pub(crate) fn progress(&self, key: &str) -> Vec<Vec<i64>> {
        let memory = self.lock();
        let known = memory
            .progress
            .iter()
            .find(|(known, _)| known == key && !key.is_empty());
        known.map(|(_, ids)| ids.clone()).unwrap_or_default()
    }

    /// The next part of a message was delivered.
    pub(crate) fn delivered(&self, key: &str, chat: Option<i64>, ids: &[i64]) {
        let mut memory = self.lock();
        for id in ids {
            if memory.own.len() >= MAX_OWN {
                memory.own.pop_front();
            }
            memory.own.push_back((chat.unwrap_or_default(), *id));
        }
        if key.is_empty() {
            return;
        }
        if let Some((_, known)) = memory.progress.iter_mut().find(|(known, _)| known == key) {
            known.push(ids.to_vec());
            return;
        }
        if memory.progress.len() >= MAX_PROGRESS {
            memory.progress.pop_front();
        }
        memory.progress.push_back((key.to_owned(), vec![ids.to_vec()]));
    }

    /// Is the message one of the bot's, as far as this process knows?
    pub(crate) fn is_own(&self, chat: i64, id: i64) -> bool {
        self.lock().own.contains(&(chat, id))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_and_forgets_the_oldest() {
        let sent = Sent::default();
        for n in 0..3000 {
            sent.delivered(&n.to_string(), Some(1), &[n]);
        }
        sent.delivered("2999", Some(1), &[3000]);
        assert_eq!(sent.progress("2999"), [[2999], [3000]]);
        assert!(sent.progress("0").is_empty() && !sent.is_own(1, 0) && sent.is_own(1, 2500));
        let memory = sent.lock();
        assert_eq!((memory.progress.len(), memory.own.len()), (MAX_PROGRESS, MAX_OWN));
    }
}
