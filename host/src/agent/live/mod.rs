//! Runs that are under way, for whoever watches them: clients of the gateway see every answer as it is written, also
//! those to chats of channels.
//!
//! It observes and decides nothing. A run never waits for whoever watches: what it says is kept with the run, and a
//! bounded broadcast tells that there is more. Who falls behind finds the whole text at the run.
mod ears;
mod run;
mod step;

pub use ears::{Audience, Observer};
pub use run::{End, Run, Source, Written};
pub use step::Step;

use crate::clock::Clock;
use ears::Ears;
use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::broadcast;

/// Conversations whose last run is remembered.
const MAX_LAST: usize = 2_000;

/// Something that clients may want to know.
#[derive(Debug, Clone)]
pub enum News {
    /// Of a run.
    Run(Arc<Run>, Step),
    /// Of a conversation.
    Session {
        /// Its key; empty: of all.
        key: String,
        /// Its agent; empty: of all.
        agent: String,
        /// What happened to it, in the protocol's word.
        reason: &'static str,
    },
}

/// How the last run of a conversation went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Last {
    /// Its id.
    pub run_id: String,
    /// `done`, `failed` or `killed`.
    pub status: &'static str,
    /// When it began, milliseconds since 1970.
    pub began_ms: i64,
    /// When it ended, milliseconds since 1970.
    pub ended_ms: i64,
}

/// All runs.
#[derive(Debug)]
pub struct Live {
    known: Mutex<Known>,
    ears: Arc<Ears>,
    clock: Clock,
}

#[derive(Debug, Default)]
struct Known {
    active: HashMap<String, Arc<Run>>,
    last: HashMap<String, Last>,
    order: VecDeque<String>,
}

// === impl Live ===

impl Live {
    /// None yet.
    pub fn new(clock: Clock) -> Self {
        Self {
            known: Mutex::default(),
            ears: Arc::new(Ears::new()),
            clock,
        }
    }

    /// What happens from now on.
    pub fn watch(&self) -> broadcast::Receiver<News> {
        self.ears.news.subscribe()
    }

    /// One more who hears every step of every run.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        let mut observers = self
            .ears
            .observers
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        observers.push(observer);
    }

    /// Whether those who watch have anybody to tell: if not, they hear of ends only. The first word stays.
    pub fn audience(&self, audience: Audience) {
        let _ = self.ears.audience.set(audience);
    }

    /// The run with this id, made if nobody has named it yet; and whether it was.
    pub fn open(&self, id: &str, session_key: &str, agent_id: &str, source: Source) -> (Arc<Run>, bool) {
        self.open_for(id, session_key, agent_id, source, "")
    }

    /// The same for a client with this connection.
    pub fn open_for(
        &self,
        id: &str,
        session_key: &str,
        agent_id: &str,
        source: Source,
        connection: &str,
    ) -> (Arc<Run>, bool) {
        let mut known = self.known();
        if let Some(run) = known.active.get(id) {
            return (run.clone(), false);
        }
        let run = Arc::new(Run::new(
            id,
            session_key,
            agent_id,
            source,
            self.ears.clone(),
            self.clock.clone(),
        ));
        // before anybody is told of it
        run.sent_by(connection);
        known.active.insert(id.to_owned(), run.clone());
        drop(known);
        run.opened();
        (run, true)
    }

    /// A run that waits or works.
    pub fn find(&self, id: &str) -> Option<Arc<Run>> {
        self.known().active.get(id).cloned()
    }

    /// All that wait or work, of one conversation or of all.
    pub fn active(&self, session_key: Option<&str>) -> Vec<Arc<Run>> {
        let known = self.known();
        let wanted = |run: &&Arc<Run>| session_key.is_none_or(|key| run.session_key == key);
        let mut runs: Vec<_> = known.active.values().filter(wanted).cloned().collect();
        runs.sort_by_key(|run| (run.opened_ms(), run.id.clone()));
        runs
    }

    /// How the last run of a conversation went.
    pub fn last(&self, session_key: &str) -> Option<Last> {
        self.known().last.get(session_key).cloned()
    }

    /// A run has ended. Only the first end counts.
    pub fn end(&self, id: &str, end: End) {
        let Some(run) = self.known().active.remove(id) else {
            return;
        };
        let status = match &end {
            End::Answered { .. } => Some("done"),
            End::Failed { .. } => Some("failed"),
            End::Aborted => Some("killed"),
            End::Merged | End::Told { .. } => None,
        };
        let ended_ms = self.clock.now_ms();
        if let Some(status) = status {
            self.known().remember(&run, status, ended_ms);
        }
        run.end(end, ended_ms);
    }

    /// Something happened to a conversation.
    pub fn changed(&self, key: &str, agent: &str, reason: &'static str) {
        // nobody watching is fine
        let _ = self.ears.news.send(News::Session {
            key: key.to_owned(),
            agent: agent.to_owned(),
            reason,
        });
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Known {
    fn remember(&mut self, run: &Run, status: &'static str, ended_ms: i64) {
        let last = Last {
            run_id: run.id.clone(),
            status,
            began_ms: run.began_ms().unwrap_or(ended_ms),
            ended_ms,
        };
        if self.last.insert(run.session_key.clone(), last).is_none() {
            self.order.push_back(run.session_key.clone());
        }
        if self.order.len() > MAX_LAST
            && let Some(oldest) = self.order.pop_front()
        {
            self.last.remove(&oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openclaw_plugin_api::AgentEvent;
    use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    fn live() -> Live {
        Live::new(Clock::system())
    }

    fn text(text: &str) -> AgentEvent {
        AgentEvent::Text { text: text.into() }
    }

    #[tokio::test]
    async fn what_is_written_is_told_once_however_much_it_is() {
        let live = live();
        let mut news = live.watch();
        let (run, fresh) = live.open("r", "agent:main:main", "main", Source::Client);
        assert!(fresh && !live.open("r", "k", "main", Source::Client).1);
        assert!(matches!(news.recv().await, Ok(News::Run(_, Step::Opened))));
        run.asks("p", "m");
        (0..10 * ears::NEWS).for_each(|_| run.hear(&text("x")));
        assert!(matches!(news.recv().await, Ok(News::Run(_, Step::Asks { .. }))));
        assert!(matches!(news.recv().await, Ok(News::Run(_, Step::Grew))));
        assert!(news.try_recv().is_err(), "one word for all of it");
        assert_eq!(run.written().text.len(), 10 * ears::NEWS);
        run.hear(&text("y"));
        assert!(matches!(news.try_recv(), Ok(News::Run(_, Step::Grew))));
    }

    #[tokio::test]
    async fn without_an_audience_only_ends_are_told_and_everything_is_observed() {
        #[derive(Default)]
        struct Count(AtomicUsize);
        impl Observer for Count {
            fn hear(&self, _: &Arc<Run>, _: &Step) {
                self.0.fetch_add(1, Ordering::Relaxed);
            }
        }
        let (live, count, here) = (
            live(),
            Arc::new(Count::default()),
            Arc::new(AtomicBool::new(false)),
        );
        let mut news = live.watch();
        live.observe(count.clone());
        let asked = here.clone();
        live.audience(Box::new(move || asked.load(Ordering::Relaxed)));
        let (run, _) = live.open("r", "k", "main", Source::Channel);
        run.began("s");
        here.store(true, Ordering::Relaxed);
        run.asks("p", "m");
        here.store(false, Ordering::Relaxed);
        live.end("r", End::Aborted);
        assert!(matches!(news.try_recv(), Ok(News::Run(_, Step::Asks { .. }))));
        assert!(matches!(news.try_recv(), Ok(News::Run(_, Step::Ended))));
        assert!(news.try_recv().is_err());
        assert_eq!(count.0.load(Ordering::Relaxed), 4);
    }

    #[tokio::test]
    async fn a_run_ends_once_and_is_remembered() {
        let live = live();
        let (run, _) = live.open("r", "k", "main", Source::Client);
        run.began("s");
        live.end("r", End::Aborted);
        live.end("r", End::Merged);
        run.ended().await;
        assert!(live.find("r").is_none() && live.active(None).is_empty());
        assert_eq!(live.last("k").map(|last| last.status), Some("killed"));
        assert!(matches!(run.how(), Some(End::Aborted)));
    }

    #[test]
    fn the_oldest_conversation_is_forgotten() {
        let live = live();
        for n in 0..=MAX_LAST {
            live.open("r", &n.to_string(), "main", Source::Client);
            live.end("r", End::Aborted);
        }
        assert!(live.last("0").is_none() && live.last("1").is_some());
    }
}
