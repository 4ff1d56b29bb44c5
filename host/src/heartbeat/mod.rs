//! Heartbeats: now and then an agent looks by itself whether anything needs attention, and it is woken when something
//! has happened that it is to hear of.
//!
//! A beat is a question in the agent's main conversation, and takes the way of a client's question. What has nothing to
//! say is delivered nowhere. Nothing here sleeps but [`Heart::run`].
mod beat;

use crate::{
    agent::{Desk, Inbox},
    config::{Agent, Heartbeat},
    journal::{JournalError, SystemEvent},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Notify, broadcast};

/// Events that a slow listener may fall behind by.
const NEWS: usize = 64;
/// Longest sleep: the configuration and the time of day may be others meanwhile.
const MAX_SLEEP: Duration = Duration::from_secs(30);
/// Where the journal has the last beats.
const SPACE: &str = "host:heartbeat";

/// Why an agent is woken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Cause {
    /// Its time has come.
    Interval,
    /// Somebody wakes it.
    Wake,
    /// Something has happened that it is to hear of.
    Event,
}

/// How a beat went, as clients see it.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Beat {
    /// When, milliseconds since 1970.
    pub ts: i64,
    /// `sent`, `ok-token`, `ok-empty`, `skipped` or `failed`.
    pub status: String,
    /// The agent.
    pub agent_id: String,
    /// The beginning of what it said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub preview: Option<String>,
    /// Why it was left out, or failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The same in words for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Where it went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The chat there.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// There were files.
    pub has_media: bool,
    /// How long it took, milliseconds.
    pub duration_ms: i64,
}

/// The heartbeats of all agents.
pub struct Heart {
    desk: Arc<Desk>,
    inbox: Arc<Inbox>,
    on: AtomicBool,
    state: Mutex<State>,
    news: broadcast::Sender<Value>,
    woken: Notify,
}

#[derive(Debug, Default)]
struct State {
    /// Agents that are to be woken, and why.
    wanted: BTreeMap<String, Cause>,
    /// Agents whose beat is under way.
    beating: HashSet<String>,
    /// When each is due.
    due: BTreeMap<String, i64>,
    /// How the last beat of all went.
    last: Option<Beat>,
}

impl Heart {
    /// For the agents at this desk.
    pub fn new(desk: Arc<Desk>, inbox: Arc<Inbox>) -> Arc<Self> {
        Arc::new(Self {
            desk,
            inbox,
            on: AtomicBool::new(true),
            state: Mutex::default(),
            news: broadcast::channel(NEWS).0,
            woken: Notify::new(),
        })
    }

    /// Beats from now on, as clients see them.
    pub fn watch(&self) -> broadcast::Receiver<Value> {
        self.news.subscribe()
    }

    /// How the last beat went.
    pub fn last(&self) -> Option<Beat> {
        self.state().last.clone()
    }

    /// Beats by themselves happen from now on, or don't.
    pub fn switch(&self, on: bool) {
        self.on.store(on, Ordering::Relaxed);
        self.woken.notify_one();
    }

    /// Beats by themselves happen.
    pub fn is_on(&self) -> bool {
        self.on.load(Ordering::Relaxed)
    }

    /// An agent is to look, soon.
    pub fn wake(&self, agent: &str, cause: Cause) {
        let mut state = self.state();
        let wanted = state.wanted.entry(agent.to_owned()).or_insert(cause);
        *wanted = cause.max(*wanted);
        drop(state);
        self.woken.notify_one();
    }

    /// A conversation is to hear of something at its next turn.
    pub async fn tell(&self, session: &str, text: &str) -> Result<(), JournalError> {
        let event = SystemEvent {
            session: session.to_owned(),
            text: text.to_owned(),
            created_ms: self.desk.clock.now_ms(),
        };
        self.desk.journal.run(move |j| j.system_event(&event)).await?;
        self.desk.journal.synced().await
    }

    /// How the heartbeats of agents are set, as clients see it.
    pub fn settings(&self) -> Vec<Value> {
        let config = self.desk.config();
        let agents = config.agents();
        let rows = agents.agents.iter().map(|agent| {
            let every = agent.heartbeat.as_ref().and_then(Heartbeat::interval);
            json!({
                "agentId": agent.id, "enabled": every.is_some() && self.is_on(),
                "everyMs": every.map(|every| every.as_millis() as u64),
                "target": agent.heartbeat.as_ref().and_then(|beat| beat.target.clone()),
            })
        });
        rows.collect()
    }

    /// Begins the beats whose time has come. Gives when to look again.
    pub async fn tick(self: &Arc<Self>) -> Option<i64> {
        let now = self.desk.clock.now_ms();
        let config = self.desk.config();
        let agents = config.agents();
        let wanted = std::mem::take(&mut self.state().wanted);
        for (id, cause) in wanted {
            if let Some(agent) = agents.get(&id) {
                self.beat(agent, cause, now).await;
            }
        }
        if !self.is_on() {
            return None;
        }
        let mut next = None;
        for agent in &agents.agents {
            let every = agent.heartbeat.as_ref().and_then(Heartbeat::interval);
            let Some(every) = every.and_then(|every| i64::try_from(every.as_millis()).ok()) else {
                self.state().due.remove(&agent.id);
                continue;
            };
            let due = self.due(agent, every, now).await;
            if due <= now {
                self.plan(&agent.id, now + every);
                self.beat(agent, Cause::Interval, now).await;
            }
            let due = due.max(now + if due <= now { every } else { 0 });
            next = Some(next.map_or(due, |next: i64| next.min(due)));
        }
        next
    }

    /// Works until the gateway ends.
    pub async fn run(self: Arc<Self>) {
        loop {
            let next = self.tick().await;
            let wait = next.map_or(MAX_SLEEP, |next| {
                let ms = u64::try_from(next - self.desk.clock.now_ms()).unwrap_or(0);
                Duration::from_millis(ms).min(MAX_SLEEP)
            });
            tokio::select! {
                () = self.woken.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// When an agent is due: its interval after the last beat, also if another process had that; a shorter interval
    /// counts at once.
    async fn due(&self, agent: &Agent, every: i64, now: i64) -> i64 {
        if let Some(due) = self.state().due.get(&agent.id) {
            return (*due).min(now + every);
        }
        let id = agent.id.clone();
        let kept = self.desk.journal.run(move |j| j.get(SPACE, &id, now)).await;
        let kept = kept.ok().flatten();
        let last: Option<Beat> = kept.and_then(|kept| serde_json::from_slice(&kept).ok());
        let due = match last {
            // the day of the beat may lie in a future that never came
            Some(last) => (last.ts + every).min(now + every),
            None => now + every,
        };
        self.plan(&agent.id, due);
        due
    }

    fn plan(&self, agent: &str, due: i64) {
        self.state().due.insert(agent.to_owned(), due);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Heart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Heart").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
