//! Answers to repeated requests: the same key gets the same answer, and the work is done once.
//!
//! A key belongs to whoever used it, so nobody reads another's answer. A request that is repeated while it runs waits for
//! the first one's answer. Failures that are worth a retry are not kept.
//!
//! Invariant: keys and bytes are bounded; what runs is never pushed out.
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{sync::watch, time::Instant};

use super::{frame::Answer, limits};

/// Answers of the last minutes.
#[derive(Debug, Default)]
pub(crate) struct Cache {
    state: Mutex<State>,
}

/// What to do with a request.
#[derive(Debug)]
pub(crate) enum Claim {
    /// Do it, and report to the ticket.
    Run(Ticket),
    /// It is done or runs: pass on what is reported.
    Join(watch::Receiver<Progress>),
    /// There is no room.
    Full,
}

/// What is known of a request's answer.
#[derive(Debug, Clone, Default)]
pub(crate) struct Progress {
    pub(crate) interim: Option<Answer>,
    pub(crate) outcome: Option<Answer>,
}

/// Reports the answer of a request. Dropped without one, the key is free again.
#[derive(Debug)]
pub(crate) struct Ticket {
    cache: Arc<Cache>,
    key: String,
    progress: Option<watch::Sender<Progress>>,
}

#[derive(Debug, Default)]
struct State {
    entries: HashMap<String, Entry>,
    /// Keys of finished entries, the oldest first.
    finished: VecDeque<(Instant, String)>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry {
    progress: watch::Receiver<Progress>,
    bytes: usize,
}

// === impl Cache ===

impl Cache {
    /// What to do with a request of `subject` for `method` with this key.
    pub(crate) fn claim(self: &Arc<Self>, subject: &str, method: &str, key: &str) -> Claim {
        let key = format!("{subject}\n{method}\n{key}");
        let mut state = self.state();
        state.expire(Instant::now());
        if let Some(entry) = state.entries.get(&key) {
            return Claim::Join(entry.progress.clone());
        }
        if !state.make_room() {
            return Claim::Full;
        }
        let (progress, seen) = watch::channel(Progress::default());
        state.entries.insert(
            key.clone(),
            Entry {
                progress: seen,
                bytes: 0,
            },
        );
        Claim::Run(Ticket {
            cache: self.clone(),
            key,
            progress: Some(progress),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl State ===

impl State {
    fn expire(&mut self, now: Instant) {
        let old = |at: &Instant| now >= *at + limits::IDEMPOTENCY_TTL;
        while self.finished.front().is_some_and(|(at, _)| old(at)) {
            self.drop_oldest();
        }
    }

    fn make_room(&mut self) -> bool {
        while self.entries.len() >= limits::MAX_IDEMPOTENCY_KEYS {
            if !self.drop_oldest() {
                return false;
            }
        }
        true
    }

    fn finish(&mut self, key: &str, bytes: usize) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        entry.bytes = bytes;
        self.bytes += bytes;
        self.finished.push_back((Instant::now(), key.to_owned()));
        while self.bytes > limits::MAX_IDEMPOTENCY_BYTES {
            if !self.drop_oldest() {
                break;
            }
        }
    }

    fn drop_oldest(&mut self) -> bool {
        let Some((_, key)) = self.finished.pop_front() else {
            return false;
        };
        self.bytes -= self.entries.remove(&key).map_or(0, |entry| entry.bytes);
        true
    }
}

// === impl Ticket ===

impl Ticket {
    pub(crate) fn interim(&self, answer: Answer) {
        if let Some(progress) = &self.progress {
            progress.send_modify(|progress| progress.interim = Some(answer));
        }
    }

    pub(crate) fn finish(mut self, answer: Answer) {
        let Some(progress) = self.progress.take() else {
            return;
        };
        let bytes = answer.len() + progress.borrow().interim.as_ref().map_or(0, Answer::len);
        progress.send_modify(|progress| progress.outcome = Some(answer));
        self.cache.state().finish(&self.key, bytes);
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if self.progress.is_some() {
            self.cache.state().entries.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn run(cache: &Arc<Cache>, key: &str) -> Option<Ticket> {
        match cache.claim("owner", "agent", key) {
            Claim::Run(ticket) => Some(ticket),
            _ => None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_is_kept_for_its_owner_and_its_time() {
        let cache = Arc::new(Cache::default());
        run(&cache, "k").unwrap().finish(Answer::ok(&json!(1)));
        let Claim::Join(progress) = cache.claim("owner", "agent", "k") else {
            panic!("done twice")
        };
        assert!(progress.borrow().outcome.is_some());
        assert!(
            matches!(cache.claim("device", "agent", "k"), Claim::Run(_)),
            "another's key"
        );
        assert!(
            matches!(cache.claim("owner", "send", "k"), Claim::Run(_)),
            "another method's key"
        );
        tokio::time::advance(limits::IDEMPOTENCY_TTL).await;
        assert!(run(&cache, "k").is_some());
    }

    #[tokio::test]
    async fn an_unfinished_request_frees_its_key_and_its_waiters() {
        let cache = Arc::new(Cache::default());
        let ticket = run(&cache, "k").unwrap();
        let Claim::Join(mut progress) = cache.claim("owner", "agent", "k") else {
            panic!("done twice")
        };
        drop(ticket);
        assert!(
            progress
                .wait_for(|progress| progress.outcome.is_some())
                .await
                .is_err()
        );
        assert!(run(&cache, "k").is_some());
    }

    #[tokio::test]
    async fn keys_and_bytes_are_bounded_and_what_runs_stays() {
        let cache = Arc::new(Cache::default());
        let first = run(&cache, "first").unwrap();
        for n in 0..5000 {
            run(&cache, &n.to_string())
                .unwrap()
                .finish(Answer::ok(&json!("x".repeat(64 * 1024))));
        }
        assert!(cache.state().bytes <= limits::MAX_IDEMPOTENCY_BYTES);
        assert!(cache.state().entries.len() <= limits::MAX_IDEMPOTENCY_KEYS);
        assert!(matches!(cache.claim("owner", "agent", "first"), Claim::Join(_)));
        let tickets: Vec<Ticket> = (0..999).map(|n| run(&cache, &format!("r{n}")).unwrap()).collect();
        assert!(matches!(cache.claim("owner", "agent", "more"), Claim::Full));
        drop((first, tickets));
        assert_eq!(cache.state().entries.len(), 0);
    }
}
