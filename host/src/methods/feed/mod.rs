//! What clients are told of runs and conversations as it happens.
//!
//! Two tasks. The first tells of runs and never waits for anything but news: each client has a bounded queue of its own.
//! The second reads the journal for what those who follow conversations see of them. Neither is waited for by a turn.
mod chronicle;
mod ending;
mod event;
mod subscribers;
mod tale;
mod tales;
mod timing;
mod tools;

pub(super) use subscribers::Subscribers;

use super::runs::Runs;
use crate::{
    agent::live::{News, Run, Step},
    app::Gateway,
    gateway::Events,
};
use chronicle::Chronicle;
use event::{Event, To};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tales::Tales;
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
        tales: Tales::default(),
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
    tales: Tales,
    /// There are tales: who has begun one has to hear the rest.
    tells: Arc<AtomicBool>,
}

// === impl Feed ===

impl Feed {
    async fn run(mut self, mut news: Receiver<News>) {
        loop {
            let due = self.tales.due();
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
                    Err(RecvError::Lagged(_)) => self.catch_up(&mut news),
                    Err(RecvError::Closed) => return,
                },
                () = rings => self.ring(),
            }
            self.tells.store(!self.tales.is_empty(), Ordering::Release);
        }
    }

    fn step(&mut self, run: &Arc<Run>, step: &Step) {
        let anybody = self.events.clients() > 0;
        let (now, now_ms) = self.now();
        let told = self.tales.step(run, step, anybody, now, now_ms);
        if matches!(step, Step::Ended) {
            self.runs.settle();
        }
        self.send(&run.sender(), told);
    }

    fn ring(&mut self) {
        let (now, now_ms) = self.now();
        for (run, told) in self.tales.ring(now, now_ms) {
            self.send(&run.sender(), told);
        }
    }

    fn catch_up(&mut self, news: &mut Receiver<News>) {
        tracing::warn!(target: "openclaw::gateway", "clients were told of runs too slowly; some steps are left out");
        for run in tales::pass_over(news) {
            self.step(&run, &Step::Ended);
        }
        self.runs.settle();
        let active = self.gateway.desk().live.active(None);
        let (now, now_ms) = self.now();
        for (run, told) in self.tales.catch_up(&active, now, now_ms) {
            self.send(&run.sender(), told);
        }
    }

    fn now(&self) -> (Instant, i64) {
        (Instant::now(), self.gateway.now_ms())
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
