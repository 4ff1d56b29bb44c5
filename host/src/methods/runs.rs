//! Runs of agents that clients began, so that others can wait for their ends.
//!
//! Bounded: when there are [`MAX_RUNS`], the oldest that nobody waits for is forgotten. Who waits is bounded by the calls
//! of clients.
use super::agent::Ended;
use crate::agent::live::{End, Observer, Run, Step};
use serde_json::{Value, json};
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    time::Duration,
};
use tokio::sync::watch;

/// Runs that are remembered.
const MAX_RUNS: usize = 1_000;

/// All runs.
#[derive(Debug, Default)]
pub(super) struct Runs(Mutex<Known>);

/// Hears how runs end. It does not keep them: a run has whoever hears of it.
struct Ends(Weak<Runs>);

#[derive(Debug, Default)]
struct Known {
    runs: HashMap<String, watch::Sender<Option<Arc<Run>>>>,
    order: VecDeque<String>,
    /// Runs that have ended, and nobody was told.
    heard: Vec<Arc<Run>>,
}

// === impl Runs ===

impl Runs {
    /// Hears every end, however slowly clients are told of runs.
    pub(super) fn observer(self: &Arc<Self>) -> Arc<dyn Observer> {
        Arc::new(Ends(Arc::downgrade(self)))
    }

    /// How a run ended; waits for it. None: it did not end in time, or nobody knows it.
    pub(super) async fn wait(&self, id: &str, limit: Duration) -> Option<Value> {
        // one that is not known yet may begin meanwhile
        let mut ended = self.watch(id).subscribe();
        let end = tokio::time::timeout(limit, ended.wait_for(Option::is_some)).await;
        Some(record(end.ok()?.ok()?.as_deref()?))
    }

    /// Is it remembered how this run ended?
    pub(super) fn knows(&self, id: &str) -> bool {
        let known = self.lock();
        known.runs.get(id).is_some_and(|run| run.borrow().is_some())
    }

    /// Tells those who wait of the ends that were heard. Whoever tells clients of runs says when, so that they see the end
    /// of a run no later than the answer to who waited for it.
    pub(super) fn settle(&self) {
        let heard = std::mem::take(&mut self.lock().heard);
        for run in heard {
            self.watch(&run.id).send_replace(Some(run));
        }
    }

    fn hear(&self, run: &Arc<Run>) {
        let mut known = self.lock();
        known.heard.push(run.clone());
        let is_long = known.heard.len() > MAX_RUNS;
        drop(known);
        if is_long {
            self.settle();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watch(&self, id: &str) -> watch::Sender<Option<Arc<Run>>> {
        let mut known = self.lock();
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

impl Observer for Ends {
    fn hear(&self, run: &Arc<Run>, step: &Step) {
        if let (Step::Ended, Some(runs)) = (step, self.0.upgrade()) {
            runs.hear(run);
        }
    }
}

/// The end of a run for those who wait for it.
fn record(run: &Run) -> Value {
    let mut end = match run.how() {
        Some(End::Answered { text, usage }) => return Ended::of(run, text, usage).record(),
        Some(End::Failed { message, .. }) => json!({ "status": "error", "error": message }),
        Some(End::Aborted) | None => json!({
            "status": "error", "error": "the run was aborted", "stopReason": run.stopped_by(),
        }),
        Some(End::Merged) => json!({ "status": "ok", "terminalReply": { "disposition": "merged" } }),
        Some(End::Told { text }) => {
            json!({ "status": "ok", "terminalReply": { "disposition": "visible", "text": text } })
        }
    };
    end["runId"] = json!(run.id);
    end["startedAt"] = json!(run.began_ms());
    end["endedAt"] = json!(run.ended_ms());
    end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        agent::live::{Live, Source},
        clock::Clock,
    };

    struct Lab {
        live: Live,
        runs: Arc<Runs>,
    }

    impl Lab {
        fn new() -> Self {
            let (live, runs) = (Live::new(Clock::system()), Arc::<Runs>::default());
            live.observe(runs.observer());
            Self { live, runs }
        }

        /// A whole run; none of its news are read.
        fn run(&self, id: &str) {
            drop(self.live.open(id, "k", "main", Source::Caller));
            let text = id.to_owned();
            self.live.end(id, End::Told { text });
            self.runs.settle();
        }

        async fn said(&self, id: &str) -> Option<Value> {
            let record = self.runs.wait(id, Duration::from_secs(5)).await?;
            assert_eq!(record["status"], "ok");
            Some(record["terminalReply"]["text"].clone())
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_run_is_waited_for_before_and_after_its_end() {
        let lab = Lab::new();
        assert_eq!(lab.said("a").await, None, "it has not ended");
        let (waited, ()) = tokio::join!(lab.said("a"), async { lab.run("a") });
        assert_eq!(
            (waited, lab.said("a").await),
            (Some(json!("a")), Some(json!("a")))
        );
        assert!(lab.runs.knows("a") && !lab.runs.knows("b"));
    }

    #[test]
    fn ends_that_nobody_asks_for_do_not_pile_up() {
        let lab = Lab::new();
        for number in 0..=MAX_RUNS {
            let id = number.to_string();
            drop(lab.live.open(&id, "k", "main", Source::Caller));
            lab.live.end(&id, End::Aborted);
        }
        assert!(
            lab.runs.knows(&MAX_RUNS.to_string()),
            "told, for there were too many"
        );
        assert!(lab.runs.lock().heard.is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn the_oldest_is_forgotten_unless_it_is_waited_for() {
        let lab = Lab::new();
        let (waited, ()) = tokio::join!(lab.said("first"), async {
            (0..=MAX_RUNS).for_each(|number| lab.run(&number.to_string()));
            lab.run("first");
        });
        assert_eq!(waited, Some(json!("first")));
        assert_eq!(lab.said("0").await, None);
        assert_eq!(lab.runs.lock().order.len(), MAX_RUNS);
    }
}
