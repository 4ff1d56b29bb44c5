//! What clients are told of runs and conversations as it happens.
//!
//! Two tasks. The first tells of runs and never waits for anything but news: each client has a bounded queue of its own.
//! The second reads the journal for what those who follow conversations see of them. Neither is waited for by a turn.
mod chronicle;
mod ending;
mod event;
mod subscribers;
mod tale;
mod timing;
mod tools;

pub(super) use subscribers::Subscribers;

use super::{agent::Ended, runs::Runs};
use crate::{
    agent::live::{End, Live, News, Run, Step},
    app::Gateway,
    gateway::Events,
};
use chronicle::Chronicle;
use event::{Event, To};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tale::Tale;
use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::Instant,
};

/// What a client says that it understands if it wants to see tools at work.
const TOOL_EVENTS: &str = "tool-events";

/// Begins to tell clients.
pub(super) fn start(
    gateway: &Arc<Gateway>,
    events: &Events,
    subscribers: &Arc<Subscribers>,
    runs: &Arc<Runs>,
) {
    let live = &gateway.desk().live;
    let feed = Feed {
        gateway: gateway.clone(),
        events: events.clone(),
        runs: runs.clone(),
        tales: HashMap::new(),
        tells: Arc::default(),
    };
    let (clients, tells) = (events.clone(), feed.tells.clone());
    live.audience(Box::new(move || {
        clients.clients() > 0 || tells.load(Ordering::Acquire)
    }));
    tokio::spawn(feed.run(live.watch()));
    let chronicle = Chronicle::new(gateway.clone(), events.clone(), subscribers.clone());
    tokio::spawn(chronicle.run(live.watch()));
}

struct Feed {
    gateway: Arc<Gateway>,
    events: Events,
    runs: Arc<Runs>,
    tales: HashMap<String, Tale>,
    /// There are tales: who has begun one has to hear the rest.
    tells: Arc<AtomicBool>,
}

// === impl Feed ===

impl Feed {
    async fn run(mut self, mut news: Receiver<News>) {
        loop {
            let due = self.tales.values().filter_map(Tale::due).min();
            let rings = async {
                match due {
                    Some(due) => tokio::time::sleep_until(due).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                biased;
                heard = news.recv() => match heard {
                    Ok(News::Run(run, step)) => self.step(&run, &step),
                    Ok(News::Session { .. }) => {}
                    Err(RecvError::Lagged(_)) => self.catch_up(),
                    Err(RecvError::Closed) => return,
                },
                () = rings => self.ring(),
            }
            self.tells.store(!self.tales.is_empty(), Ordering::Release);
        }
    }

    fn live(&self) -> &Live {
        &self.gateway.desk().live
    }

    fn step(&mut self, run: &Arc<Run>, step: &Step) {
        let told = self.told(run, step);
        if matches!(step, Step::Ended) {
            self.tales.remove(&run.id);
            self.runs.end(&run.id, record(run));
        }
        self.send(&run.sender(), told);
    }

    /// What clients are told of a step. Nothing is made up for nobody: whoever comes while a run is under way is told what
    /// it has said by then.
    fn told(&mut self, run: &Arc<Run>, step: &Step) -> Vec<Event> {
        let (now, now_ms) = (Instant::now(), self.gateway.now_ms());
        if let Some(tale) = self.tales.get_mut(&run.id) {
            return tale.step(run, step, now, now_ms);
        }
        if self.events.clients() == 0 {
            return Vec::new();
        }
        let tale = self.tales.entry(run.id.clone());
        let tale = tale.or_insert_with(|| Tale::new(run, now));
        let mut told = match step {
            Step::Opened => Vec::new(),
            _ => tale.catch_up(run, now, now_ms),
        };
        told.extend(tale.step(run, step, now, now_ms));
        told
    }

    fn ring(&mut self) {
        let (now, now_ms) = (Instant::now(), self.gateway.now_ms());
        let due = self
            .tales
            .values_mut()
            .filter(|tale| tale.due().is_some_and(|due| due <= now));
        let told: Vec<_> = due.flat_map(|tale| tale.ring(now, now_ms)).collect();
        self.send("", told);
    }

    /// News were missed. What runs have said is at the runs; those that are not there any more have ended.
    fn catch_up(&mut self) {
        let (now, now_ms) = (Instant::now(), self.gateway.now_ms());
        tracing::warn!(target: "openclaw::gateway", "clients were told of runs too slowly; some steps are left out");
        let mut told = Vec::new();
        for run in self.live().active(None) {
            let tale = self
                .tales
                .entry(run.id.clone())
                .or_insert_with(|| Tale::new(&run, now));
            told.extend(tale.catch_up(&run, now, now_ms));
        }
        let gone: Vec<_> = self
            .tales
            .keys()
            .filter(|id| self.live().find(id).is_none())
            .cloned()
            .collect();
        for id in gone {
            if let Some(tale) = self.tales.remove(&id) {
                // its words are in the history; that it is over is what has to be known
                told.push(event::chat(tale.chat_event("final")));
            }
        }
        self.send("", told);
    }

    fn send(&self, sender: &str, told: Vec<Event>) {
        for Event { name, payload, to } in told {
            match to {
                To::All => self.events.broadcast(name, &payload),
                To::ToolWatchers => self.events.broadcast_to(name, &payload, |caller| {
                    caller.caps.iter().any(|cap| cap == TOOL_EVENTS)
                }),
                To::Sender => self
                    .events
                    .broadcast_to(name, &payload, |caller| caller.connection == sender),
            }
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
