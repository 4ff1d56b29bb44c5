//! Who wants to know of conversations: all of them, or some.
//!
//! Bounded: connections that have gone are forgotten when there are many, or when the last one has gone.
use crate::gateway::Events;
use std::{
    collections::{BTreeSet, HashMap},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Connections after which those that have gone are looked for.
const MANY: usize = 64;
/// Conversations that one connection may follow.
const MAX_KEYS: usize = 256;

/// Who wants to know what.
#[derive(Debug, Default)]
pub(in crate::methods) struct Subscribers(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    all: BTreeSet<String>,
    some: HashMap<String, BTreeSet<String>>,
}

impl Subscribers {
    /// A connection follows all conversations, or no more.
    pub(in crate::methods) fn all(&self, connection: &str, on: bool) {
        let mut known = self.known();
        if on {
            known.all.insert(connection.to_owned());
        } else {
            known.all.remove(connection);
        }
    }

    /// A connection follows one conversation, or no more. False: it follows too many.
    pub(in crate::methods) fn one(&self, connection: &str, key: &str, on: bool) -> bool {
        let mut known = self.known();
        let keys = known.some.entry(connection.to_owned()).or_default();
        if !on {
            keys.remove(key);
            if keys.is_empty() {
                known.some.remove(connection);
            }
            return true;
        }
        if keys.len() >= MAX_KEYS && !keys.contains(key) {
            return false;
        }
        keys.insert(key.to_owned());
        true
    }

    /// Does anybody follow all conversations?
    pub(super) fn any(&self) -> bool {
        !self.known().all.is_empty()
    }

    /// Does anybody follow this one?
    pub(super) fn follow(&self, key: &str) -> bool {
        let known = self.known();
        !known.all.is_empty() || known.some.values().any(|keys| keys.contains(key))
    }

    /// Does this connection follow all?
    pub(super) fn has_all(&self, connection: &str) -> bool {
        self.known().all.contains(connection)
    }

    /// Does this connection follow this one, or all?
    pub(super) fn has(&self, connection: &str, key: &str) -> bool {
        let known = self.known();
        known.all.contains(connection) || known.some.get(connection).is_some_and(|keys| keys.contains(key))
    }

    /// Forgets connections that have gone, if there are many or nobody is here.
    pub(super) fn tidy(&self, events: &Events) {
        let mut gone: BTreeSet<_> = {
            let known = self.known();
            known.all.iter().chain(known.some.keys()).cloned().collect()
        };
        if gone.is_empty() || (gone.len() <= MANY && events.clients() > 0) {
            return;
        }
        // Whoever comes from now on is not among them: a connection is here before it follows anything.
        for caller in events.callers() {
            gone.remove(&caller.connection);
        }
        let mut known = self.known();
        known.all.retain(|connection| !gone.contains(connection));
        known.some.retain(|connection, _| !gone.contains(connection));
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_follow_all_and_some_one() {
        let subscribers = Subscribers::default();
        assert!(!subscribers.follow("a") && !subscribers.any());
        subscribers.all("x", true);
        assert!(subscribers.one("y", "a", true));
        assert!(subscribers.has("x", "b") && subscribers.has("y", "a") && !subscribers.has("y", "b"));
        subscribers.all("x", false);
        assert!(subscribers.one("y", "a", false));
        assert!(!subscribers.follow("a"));
    }

    #[test]
    fn one_connection_follows_so_many() {
        let subscribers = Subscribers::default();
        assert!((0..MAX_KEYS).all(|n| subscribers.one("x", &n.to_string(), true)));
        assert!(!subscribers.one("x", "more", true) && subscribers.one("x", "0", true));
    }

    #[test]
    fn those_who_have_gone_are_forgotten_when_there_are_many() {
        let subscribers = Subscribers::default();
        (0..=MANY).for_each(|n| subscribers.all(&n.to_string(), true));
        subscribers.tidy(&Events::default());
        assert!(!subscribers.any());
    }

    #[test]
    fn when_the_last_one_has_gone_nobody_follows() {
        let subscribers = Subscribers::default();
        subscribers.all("x", true);
        assert!(subscribers.one("y", "a", true));
        subscribers.tidy(&Events::default());
        assert!(!subscribers.any() && !subscribers.follow("a"));
    }
}
