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

use super::{agent::Ended, runs::Runs};
use crate::{
    agent::live::{End, News, Run, Step},
    app::Gateway,
    gateway::Events,
};
use chronicle::Chronicle;
use event::{Event, To};
use serde_json::{Value, json};
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
            self.runs.end(&run.id, record(run));
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
        let active = self.gateway.desk().live.active(None);
        let (now, now_ms) = self.now();
        for (run, told) in self.tales.catch_up(&active, now, now_ms) {
            if run.how().is_some() {
                self.runs.end(&run.id, record(&run));
            }
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
    use crate::{agent::live::Source, cron::tests::Lab};

    #[tokio::test]
    async fn who_waits_for_a_run_hears_of_its_end_also_if_news_were_missed() {
        let lab = Lab::new();
        let gateway = Arc::new(lab.start(json!({})).await);
        let mut feed = Feed {
            gateway: gateway.clone(),
            events: Events::default(),
            runs: Arc::default(),
            tales: Tales::default(),
            tells: Arc::default(),
        };
        let live = &gateway.desk().live;
        let open = |id| drop(live.open(id, "k", "main", Source::Channel));
        // one ends among what is passed over, the other before that
        open("missed");
        feed.catch_up(&mut live.watch());
        assert!(!feed.runs.knows("missed"), "it goes on");
        live.end("missed", End::Aborted);
        let mut news = live.watch();
        open("passed");
        live.end("passed", End::Aborted);
        feed.catch_up(&mut news);
        assert!(feed.runs.knows("passed") && feed.runs.knows("missed"));
    }
}
