//! A map that forgets.
use std::{
    collections::{HashMap, HashSet, VecDeque},
    hash::Hash,
};

/// A map that forgets the oldest entry when it is full.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    values: HashMap<K, V>,
    order: VecDeque<K>,
    limit: usize,
}

impl<K: Clone + Eq + Hash, V> Recent<K, V> {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            values: HashMap::new(),
            order: VecDeque::new(),
            limit,
        }
    }

    pub(crate) fn put(&mut self, key: K, value: V) {
        if self.values.insert(key.clone(), value).is_some() {
            return;
        }
        self.order.push_back(key);
        while self.values.len() > self.limit {
            let Some(oldest) = self.order.pop_front() else {
                return;
            };
            self.values.remove(&oldest);
        }
    }

    /// All of them, the oldest first.
    pub(crate) fn in_order(&self) -> impl DoubleEndedIterator<Item = &V> {
        self.order.iter().filter_map(|key| self.values.get(key))
    }

    pub(crate) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.values.get(key)
    }

    pub(crate) fn get_mut<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: std::borrow::Borrow<Q>,
    {
        self.values.get_mut(key)
    }

    pub(crate) fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q)
    where
        K: std::borrow::Borrow<Q>,
    {
        if self.values.remove(key).is_some() {
            self.order.retain(|known| known.borrow() != key);
        }
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        self.values.retain(|_, value| keep(value));
        let left: HashSet<&K> = self.values.keys().collect();
        self.order.retain(|key| left.contains(key));
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_is_forgotten_and_what_is_removed_leaves_nothing() {
        let mut recent = Recent::new(2);
        for n in 0..3 {
            recent.put(n, n);
        }
        assert_eq!(
            (recent.get(&0), recent.get(&1), recent.len()),
            (None, Some(&1), 2)
        );
        recent.remove(&1);
        recent.put(4, 4);
        assert_eq!((recent.len(), recent.order.len()), (2, 2));
        recent.retain(|value| *value == 4);
        assert_eq!(recent.order, [4]);
    }
}
