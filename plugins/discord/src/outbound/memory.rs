//! What sending remembers of itself: private chats, and messages that are not where the host thinks. Bounded; what is
//! forgotten is asked again, or costs an edit in place.
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Private chats that are remembered.
const MAX_PRIVATE: usize = 5_000;
/// Messages that are remembered.
const MAX_MESSAGES: usize = 5_000;

/// What is remembered for one account.
#[derive(Debug, Default)]
pub(crate) struct Memory(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    private: Recent<String>,
    homes: Recent<Home>,
    delivered: Recent<String>,
}

/// Where a message really is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Home {
    /// In this thread.
    Channel(String),
    /// An answer to this interaction, seen by one person.
    Interaction(String),
}

/// Values by id, of which the oldest are forgotten.
#[derive(Debug)]
struct Recent<V> {
    values: HashMap<String, V>,
    order: VecDeque<String>,
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn private_chat(&self, user: &str) -> Option<String> {
        self.lock().private.values.get(user).cloned()
    }

    pub(super) fn put_private_chat(&self, user: String, channel: String) {
        self.lock().private.put(user, channel, MAX_PRIVATE);
    }

    /// Where a message is, if it is not in the chat that it was meant for.
    pub(crate) fn home(&self, message: &str) -> Option<Home> {
        self.lock().homes.values.get(message).cloned()
    }

    pub(crate) fn put_home(&self, message: String, home: Home) {
        self.lock().homes.put(message, home, MAX_MESSAGES);
    }

    /// The nonce under which this process sent a message.
    pub(super) fn nonce_of(&self, message: &str) -> Option<String> {
        self.lock().delivered.values.get(message).cloned()
    }

    pub(super) fn put_delivered(&self, message: String, nonce: String) {
        self.lock().delivered.put(message, nonce, MAX_MESSAGES);
    }
}

impl<V> Recent<V> {
    fn put(&mut self, id: String, value: V, limit: usize) {
        if self.values.insert(id.clone(), value).is_some() {
            return;
        }
        self.order.push_back(id);
        while self.order.len() > limit {
            if let Some(oldest) = self.order.pop_front() {
                self.values.remove(&oldest);
            }
        }
    }
}

impl<V> Default for Recent<V> {
    fn default() -> Self {
        Self {
            values: HashMap::new(),
            order: VecDeque::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten() {
        let mut recent = Recent::default();
        for n in 0..5 {
            recent.put(n.to_string(), n, 3);
            recent.put(n.to_string(), n, 3);
        }
        let mut left: Vec<_> = recent.values.into_values().collect();
        left.sort_unstable();
        assert_eq!((left, recent.order.len()), (vec![2, 3, 4], 3));
    }
}
