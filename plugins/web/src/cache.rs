//! What was fetched or found a short while ago.
//!
//! Invariant: bounded in entries and in bytes; the oldest goes first.
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

/// Entries that are kept.
const MAX_ENTRIES: usize = 64;
/// Bytes of all texts that are kept.
const MAX_BYTES: usize = 8 << 20;

/// Texts by key, for a while.
#[derive(Debug)]
pub struct Cache<T> {
    ttl: Duration,
    entries: Mutex<VecDeque<Entry<T>>>,
}

#[derive(Debug)]
struct Entry<T> {
    key: String,
    value: Arc<T>,
    bytes: usize,
    since: Instant,
}

// === impl Cache ===

impl<T> Cache<T> {
    /// One that keeps for so many minutes.
    pub fn new(minutes: f64) -> Self {
        Self {
            ttl: Duration::try_from_secs_f64(minutes * 60.0).unwrap_or_default(),
            entries: Mutex::default(),
        }
    }

    /// What is known under the key and not too old.
    pub fn get(&self, key: &str, now: Instant) -> Option<Arc<T>> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| now.duration_since(entry.since) < self.ttl);
        let found = entries.iter().find(|entry| entry.key == key)?;
        Some(found.value.clone())
    }

    /// Keeps a value of that many bytes.
    pub fn put(&self, key: String, value: T, bytes: usize, now: Instant) -> Arc<T> {
        let value = Arc::new(value);
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|entry| entry.key != key);
        if !self.ttl.is_zero() && bytes <= MAX_BYTES {
            entries.push_back(Entry {
                key,
                value: value.clone(),
                bytes,
                since: now,
            });
        }
        while entries.len() > MAX_ENTRIES
            || entries.iter().map(|entry| entry.bytes).sum::<usize>() > MAX_BYTES
        {
            entries.pop_front();
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_forgets_with_time_and_is_bounded() {
        let (cache, now) = (Cache::new(15.0), Instant::now());
        cache.put("a".into(), 1, 10, now);
        assert_eq!(cache.get("a", now).as_deref(), Some(&1));
        assert_eq!(
            cache.get("a", now + Duration::from_secs(899)).as_deref(),
            Some(&1)
        );
        assert_eq!(cache.get("a", now + Duration::from_secs(900)), None);
        for n in 0..MAX_ENTRIES + 1 {
            cache.put(n.to_string(), n, 1, now);
        }
        assert!(cache.get("0", now).is_none() && cache.get("1", now).is_some());
        cache.put("big".into(), 0, MAX_BYTES, now);
        assert!(cache.get("1", now).is_none() && cache.get("big", now).is_some());
        cache.put("huge".into(), 0, MAX_BYTES + 1, now);
        assert!(cache.get("huge", now).is_none());
    }

    #[test]
    fn without_time_it_keeps_nothing() {
        let (cache, now) = (Cache::new(0.0), Instant::now());
        cache.put("a".into(), 1, 10, now);
        assert_eq!(cache.get("a", now), None);
    }
}
