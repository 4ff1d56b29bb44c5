//! How long it takes to come to each phase of a run, for the client that asked for it.
use super::{
    event::{Event, To},
    tale::Tale,
};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

/// When what happened, for the client that asked.
#[derive(Debug)]
pub(super) struct Timing {
    pub(super) received: Instant,
    pub(super) acked: Option<Instant>,
    pub(super) dispatched: Instant,
    pub(super) answered: bool,
    pub(super) completed: bool,
}

impl Timing {
    /// For a run that somebody asks for now.
    pub(super) fn new(now: Instant) -> Self {
        Self {
            received: now,
            acked: None,
            dispatched: now,
            answered: false,
            completed: false,
        }
    }
}

impl Tale {
    /// The work is done, though not all of it is told.
    pub(super) fn completed(&mut self, now: Instant, out: &mut Vec<Event>) {
        let open = self.timing.as_ref().is_some_and(|timing| !timing.completed);
        if open {
            out.extend(self.timing("dispatch-completed", now, Map::new()));
            self.timing.iter_mut().for_each(|timing| timing.completed = true);
        }
    }

    /// There is nothing more to tell of it.
    pub(super) fn closed(&mut self, now: Instant, out: &mut Vec<Event>) {
        self.completed(now, out);
        let after = Map::from_iter([("postDispatchMs".to_owned(), json!(0))]);
        out.extend(self.timing("post-dispatch-completed", now, after));
        self.timing = None;
    }

    /// For the client that asked: how long it took to come here.
    pub(super) fn timing(&self, phase: &str, now: Instant, more: Map<String, Value>) -> Option<Event> {
        let timing = self.timing.as_ref()?;
        let acked = timing.acked.unwrap_or(timing.received);
        let ms = |since: Instant| (now.saturating_duration_since(since).as_secs_f64() * 1e6).round() / 1e3;
        let mut payload = json!({
            "phase": phase, "runId": self.run_id, "sessionKey": self.session_key, "agentId": self.agent_id,
            "ackToPhaseMs": ms(acked), "receivedToPhaseMs": ms(timing.received),
        });
        if phase != "dispatch-started" {
            payload["dispatchStartedToPhaseMs"] = json!(ms(timing.dispatched));
        }
        payload.as_object_mut()?.extend(more);
        Some(Event {
            name: "chat.send_timing",
            payload,
            to: To::Sender,
        })
    }
}
