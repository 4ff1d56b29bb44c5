//! A map that keeps what was used last, up to a bound. The memory behind "said once" and the messages of quiet chats.
use std::{
    collections::{BTreeMap, HashMap},
    hash::Hash,
};

/// A bounded map. What was not touched for longest makes way.
#[derive(Debug)]
pub(super) struct Recent<K, V> {
    limit: usize,
    tick: u64,
    entries: HashMap<K, (u64, V)>,
    by_age: BTreeMap<u64, K>,
}

impl<K: Clone + Eq + Hash, V> Recent<K, V> {
    /// An empty map for at most `limit` entries.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            tick: 0,
            entries: HashMap::new(),
            by_age: BTreeMap::new(),
        }
    }

    /// The entry of `key`, made if it is absent, and whether it was.
    pub(super) fn touch(&mut self, key: K, make: impl FnOnce() -> V) -> (&mut V, bool) {
        self.tick += 1;
        let tick = self.tick;
        let new = match self.entries.get(&key) {
            Some((age, _)) => {
                self.by_age.remove(age);
                false
            }
            None => {
                self.make_room();
                true
            }
        };
        self.by_age.insert(tick, key.clone());
        let entry = self.entries.entry(key).or_insert_with(|| (tick, make()));
        entry.0 = tick;
        (&mut entry.1, new)
    }

    /// The entry of `key`, if there is one; it does not become younger.
    pub(super) fn peek_mut(&mut self, key: &K) -> Option<&mut V> {
        self.entries.get_mut(key).map(|(_, value)| value)
    }

    /// How many there are.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Takes the entry of `key` out.
    pub(super) fn remove(&mut self, key: &K) -> Option<V> {
        let (age, value) = self.entries.remove(key)?;
        self.by_age.remove(&age);
        Some(value)
    }

    fn make_room(&mut self) {
        while self.entries.len() >= self.limit.max(1) {
            let Some((_, oldest)) = self.by_age.pop_first() else {
                return;
            };
            self.entries.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_makes_way() {
        let mut recent = Recent::new(2);
        assert!(recent.touch("a", || 1).1 && recent.touch("b", || 2).1);
        assert!(!recent.touch("a", || 9).1, "known");
        assert!(recent.touch("c", || 3).1);
        assert_eq!(recent.peek_mut(&"a"), Some(&mut 1));
        assert_eq!(recent.peek_mut(&"b"), None);
        assert_eq!(recent.remove(&"a"), Some(1));
        assert_eq!((recent.entries.len(), recent.by_age.len()), (1, 1));
    }
}
