//! How often somebody may change something: a script that writes in a loop must not wear out the disk nor reload plugins
//! for ever.
use crate::gateway::{Caller, Failure};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// Writes of one caller within [`WINDOW`], for each method.
const MOST: usize = 30;
/// How long a write counts.
const WINDOW: Duration = Duration::from_secs(60);
/// Callers that are remembered; the oldest are forgotten first.
const MAX_CALLERS: usize = 1_000;

/// Who wrote what, and when.
#[derive(Debug, Default)]
pub(in crate::methods) struct Writes(Mutex<HashMap<String, VecDeque<Instant>>>);

// === impl Writes ===

impl Writes {
    /// Counts a write, or says when there may be another one.
    pub(in crate::methods) fn take(&self, method: &str, caller: &Caller) -> Result<(), Failure> {
        let who = caller.principal.device().unwrap_or(caller.principal.subject());
        self.take_as(
            method,
            &format!("{method} {who} {}", caller.address),
            Instant::now(),
        )
    }

    fn take_as(&self, method: &str, key: &str, now: Instant) -> Result<(), Failure> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let counts = |at: &Instant| now.duration_since(*at) < WINDOW;
        if all.len() >= MAX_CALLERS && !all.contains_key(key) {
            all.retain(|_, times| times.back().is_some_and(counts));
            let oldest = all.iter().min_by_key(|(_, times)| times.back().copied());
            let oldest = oldest
                .map(|(key, _)| key.clone())
                .filter(|_| all.len() >= MAX_CALLERS);
            oldest.map(|key| all.remove(&key));
        }
        let times = all.entry(key.to_owned()).or_default();
        while times.front().is_some_and(|at| !counts(at)) {
            times.pop_front();
        }
        match times.front() {
            Some(first) if times.len() >= MOST => {
                let wait = WINDOW.saturating_sub(now.duration_since(*first));
                let seconds = wait.as_secs() + 1;
                let text = format!("rate limit exceeded for {method}; retry after {seconds}s");
                Err(Failure::unavailable(text).retry_after(wait))
            }
            _ => {
                times.push_back(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_slides_and_memory_is_bounded() {
        let (writes, start) = (Writes::default(), Instant::now());
        for _ in 0..MOST {
            writes.take_as("m", "a", start).expect("still room");
        }
        let refused = writes
            .take_as("m", "a", start + Duration::from_secs(1))
            .expect_err("too many");
        assert_eq!((refused.retryable, refused.retry_after_ms), (true, Some(59_000)));
        writes.take_as("m", "b", start).expect("somebody else");
        writes.take_as("m", "a", start + WINDOW).expect("a minute later");
        for n in 0..2 * MAX_CALLERS {
            writes
                .take_as("m", &n.to_string(), start + WINDOW)
                .expect("a first write");
        }
        assert!(writes.0.lock().expect("not poisoned").len() <= MAX_CALLERS);
    }
}
