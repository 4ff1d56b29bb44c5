//! What sending remembers of itself: private chats, and messages that are not where the host thinks. Bounded; what is
//! forgotten is asked again, or costs an edit in place.
use crate::recent::Recent;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Private chats that are remembered.
const MAX_PRIVATE: usize = 5_000;
/// Messages that are remembered.
const MAX_MESSAGES: usize = 5_000;

/// What is remembered for one account.
#[derive(Debug)]
pub(crate) struct Memory(Mutex<State>);

#[derive(Debug)]
struct State {
    private: Recent<String, String>,
    homes: Recent<String, Home>,
    delivered: Recent<String, String>,
}

/// Where a message really is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Home {
    /// In this thread.
    Channel(String),
    /// An answer to this interaction, seen by one person.
    Interaction(String),
}

impl Default for Memory {
    fn default() -> Self {
        Self(Mutex::new(State {
            private: Recent::new(MAX_PRIVATE),
            homes: Recent::new(MAX_MESSAGES),
            delivered: Recent::new(MAX_MESSAGES),
        }))
    }
}

impl Memory {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn private_chat(&self, user: &str) -> Option<String> {
        self.lock().private.get(user).cloned()
    }

    pub(super) fn put_private_chat(&self, user: String, channel: String) {
        self.lock().private.put(user, channel);
    }

    /// Where a message is, if it is not in the chat that it was meant for.
    pub(crate) fn home(&self, message: &str) -> Option<Home> {
        self.lock().homes.get(message).cloned()
    }

    pub(crate) fn put_home(&self, message: String, home: Home) {
        self.lock().homes.put(message, home);
    }

    /// The nonce under which this process sent a message.
    pub(super) fn nonce_of(&self, message: &str) -> Option<String> {
        self.lock().delivered.get(message).cloned()
    }

    pub(super) fn put_delivered(&self, message: String, nonce: String) {
        self.lock().delivered.put(message, nonce);
    }
}
