//! What those who follow conversations see of them: `sessions.changed` with the row, `session.message` with what was
//! written. It reads the journal, and only if somebody follows.
use super::Subscribers;
use crate::{
    agent::{
        live::{End, News, Run, Step},
        run_id,
    },
    app::Gateway,
    gateway::Events,
    journal::{Entry, Session},
    methods::{
        basis::Basis,
        sessions::{
            message,
            row::{self, LAST_ENTRIES, More},
        },
    },
};
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Arc};
use tokio::sync::broadcast::{Receiver, error::RecvError};

/// Entries that are told of at once.
const MAX_ENTRIES: u32 = 64;
/// Transcripts whose last told place is remembered; one more empties the memory.
const MAX_PLACES: usize = 2_000;

pub(super) struct Chronicle {
    gateway: Arc<Gateway>,
    events: Events,
    subscribers: Arc<Subscribers>,
    /// The last place of each transcript that was told of.
    places: HashMap<String, i64>,
}

impl Chronicle {
    pub(super) fn new(gateway: Arc<Gateway>, events: Events, subscribers: Arc<Subscribers>) -> Self {
        Self {
            gateway,
            events,
            subscribers,
            places: HashMap::new(),
        }
    }

    pub(super) async fn run(mut self, mut news: Receiver<News>) {
        loop {
            match news.recv().await {
                Ok(News::Session { key, agent, reason }) => {
                    self.changed(&key, &agent, json!({ "reason": reason })).await;
                }
                Ok(News::Run(run, step)) => self.step(&run, &step).await,
                // rows are read anew each time, so what was missed is in the next ones
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    async fn step(&mut self, run: &Arc<Run>, step: &Step) {
        let (key, agent) = (&run.session_key, &run.agent_id);
        let phase = |phase: &str| json!({ "phase": phase, "runId": run.id });
        match step {
            Step::Began => {
                let reason = json!({ "reason": "agent.run.started", "runId": run.id, "phase": "start" });
                self.changed(key, agent, reason).await;
            }
            Step::Asks { .. } => self.changed(key, agent, phase("model")).await,
            Step::Wrote if self.subscribers.follow(key) => self.wrote(run).await,
            // who follows later begins where the transcript is then
            Step::Wrote => drop(self.places.remove(&run.session_id())),
            Step::Ended => {
                let how = match run.how() {
                    Some(End::Failed { .. }) => "error",
                    _ => "end",
                };
                self.subscribers.tidy(&self.events);
                self.changed(key, agent, phase(how)).await;
                // of what is written while no client is here nothing is heard; who comes later begins where it is then
                if self.events.clients() == 0 {
                    self.places.clear();
                }
            }
            _ => {}
        }
    }

    /// Something of a conversation is other than it was.
    async fn changed(&self, key: &str, agent: &str, why: Value) {
        if !self.subscribers.any() {
            return;
        }
        let mut payload = json!({ "sessionKey": key, "agentId": agent, "ts": self.gateway.now_ms() });
        if let (Some(payload), Value::Object(why)) = (payload.as_object_mut(), why) {
            payload.extend(why);
        }
        if let Some((session, last)) = self.read(key).await {
            payload["session"] = self.row(&session, &last);
        }
        let wanted = |connection: &str| self.subscribers.has_all(connection);
        self.events
            .broadcast_to("sessions.changed", &payload, |caller| wanted(&caller.connection));
    }

    /// There is more in the transcript of a conversation.
    async fn wrote(&mut self, run: &Arc<Run>) {
        let Some((session, last)) = self.read(&run.session_key).await else {
            return;
        };
        let id = session.session_id.clone();
        let known = self.places.get(&id).copied();
        let after = known.unwrap_or_else(|| before(&last, &run.id));
        let journal = &self.gateway.desk().journal;
        let transcript = id.clone();
        let read = journal.run(move |j| j.behind(&transcript, after, MAX_ENTRIES));
        let Ok(entries) = read.await else { return };
        let Some(newest) = entries.last().map(|entry| entry.seq) else {
            return;
        };
        if self.places.len() >= MAX_PLACES {
            self.places.clear();
        }
        self.places.insert(id.clone(), newest);
        let row = self.row(&session, &last);
        for entry in &entries {
            let Some(message) = message::row(&id, entry) else {
                continue;
            };
            let mut payload = json!({
                "sessionKey": session.key, "agentId": session.agent, "messageId": message::id(&id, entry.seq),
                "messageSeq": entry.seq, "session": row,
            });
            if message["role"] == "user" {
                payload["senderIsOwner"] = message["__openclaw"]["senderIsOwner"].clone();
            }
            payload["message"] = message;
            self.events.broadcast_to("session.message", &payload, |caller| {
                self.subscribers.has(&caller.connection, &session.key)
            });
        }
    }

    async fn read(&self, key: &str) -> Option<(Session, Vec<Entry>)> {
        let key = key.to_owned();
        let read = self.gateway.desk().journal.run(move |j| {
            let Some(session) = j.find_session(&key)? else {
                return Ok(None);
            };
            let last = j.page(&session.session_id, 0, LAST_ENTRIES)?;
            Ok(Some((session, last)))
        });
        read.await.ok().flatten()
    }

    fn row(&self, session: &Session, last: &[Entry]) -> Value {
        let more = More {
            last,
            ..More::default()
        };
        row::row(&Basis::of(&self.gateway), session, &more)
    }
}

/// The last place that is not told where nobody has looked yet: what is told begins with the run, which may have written
/// more than one thing since.
fn before(last: &[Entry], run: &str) -> i64 {
    let of_run = last.iter().find(|entry| run_id(&entry.turn) == run);
    of_run.or(last.last()).map_or(0, |entry| entry.seq - 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::EntryKind;

    #[test]
    fn the_first_look_begins_with_what_the_run_wrote_first() {
        let entry = |seq, turn: &str| Entry {
            seq,
            ..Entry::new(turn, EntryKind::Message, String::new(), 0)
        };
        let last = [entry(7, "run-old"), entry(8, "run-r"), entry(9, "run-r")];
        assert_eq!(before(&last, "r"), 7, "question and answer");
        assert_eq!(before(&last, "other"), 8, "the newest");
        assert_eq!(before(&[], "r"), 0);
    }
}
