//! Runs of agents that clients began, so that others can wait for their ends.
//!
//! Bounded: when there are [`MAX_RUNS`], the oldest that nobody waits for is forgotten. Who waits is bounded by the calls
//! of clients.
use serde_json::Value;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::watch;

/// Runs that are remembered.
const MAX_RUNS: usize = 1_000;

/// All runs.
#[derive(Debug, Default)]
pub(super) struct Runs(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    runs: HashMap<String, watch::Sender<Option<Value>>>,
    order: VecDeque<String>,
}

// === impl Runs ===

impl Runs {
    /// How a run ended; waits for it. None: it did not end in time, or nobody knows it.
    pub(super) async fn wait(&self, id: &str, limit: Duration) -> Option<Value> {
        // one that is not known yet may begin meanwhile
        let mut ended = self.watch(id).subscribe();
        let end = tokio::time::timeout(limit, ended.wait_for(Option::is_some)).await;
        end.ok()?.ok()?.clone()
    }

    /// Is it remembered how this run ended?
    pub(super) fn knows(&self, id: &str) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.runs.get(id).is_some_and(|run| run.borrow().is_some())
    }

    /// A run has ended.
    pub(super) fn end(&self, id: &str, how: Value) {
        self.watch(id).send_replace(Some(how));
    }

    fn watch(&self, id: &str) -> watch::Sender<Option<Value>> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(run) = known.runs.get(id) {
            return run.clone();
        }
        if known.order.len() >= MAX_RUNS {
            known.forget_one();
        }
        let run = watch::channel(None).0;
        known.order.push_back(id.to_owned());
        known.runs.insert(id.to_owned(), run.clone());
        run
    }
}

impl Known {
    fn forget_one(&mut self) {
        let is_idle = |id: &String| self.runs.get(id).is_none_or(|run| run.receiver_count() == 0);
        if let Some(oldest) = self.order.iter().position(is_idle)
            && let Some(oldest) = self.order.remove(oldest)
        {
            self.runs.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[tokio::test(start_paused = true)]
    async fn a_run_is_waited_for_before_and_after_its_end() {
        let runs = Runs::default();
        let limit = Duration::from_secs(5);
        assert_eq!(runs.wait("a", limit).await, None, "it has not ended");
        let (waited, ()) = tokio::join!(runs.wait("a", limit), async { runs.end("a", json!("ok")) });
        assert_eq!(
            (waited, runs.wait("a", limit).await),
            (Some(json!("ok")), Some(json!("ok")))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_is_forgotten() {
        let runs = Runs::default();
        for number in 0..=MAX_RUNS {
            runs.end(&number.to_string(), json!(number));
        }
        assert_eq!(runs.wait("0", Duration::from_millis(1)).await, None);
        assert_eq!(runs.0.lock().expect("whole").order.len(), MAX_RUNS);
    }
    #[tokio::test(start_paused = true)]
    async fn one_that_is_waited_for_is_not_forgotten() {
        let runs = Runs::default();
        let (waited, ()) = tokio::join!(runs.wait("first", Duration::from_secs(5)), async {
            for number in 0..=MAX_RUNS {
                runs.end(&number.to_string(), json!(number));
            }
            runs.end("first", json!("ok"));
        });
        assert_eq!(waited, Some(json!("ok")));
        assert_eq!(runs.wait("0", Duration::from_millis(1)).await, None);
    }
}
