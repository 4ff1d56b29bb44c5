//! What those who follow conversations see of them: `sessions.changed` with the row, `session.message` with what was
//! written. It reads the journal, and only if somebody follows.
use super::Subscribers;
use crate::{
    agent::{
        live::{End, News, Run, Step},
        turns_of,
    },
    app::Gateway,
    gateway::Events,
    journal::{Entry, Journal, JournalError, Session},
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
        let mut payload = json!({ "ts": self.gateway.now_ms() });
        if !key.is_empty() {
            payload["sessionKey"] = json!(key);
            payload["agentId"] = json!(agent);
        }
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
        let mut after = match self.places.get(&id) {
            Some(place) => *place,
            None => self.before(&id, &run.id, &last).await,
        };
        let row = self.row(&session, &last);
        loop {
            let transcript = id.clone();
            let journal = &self.gateway.desk().journal;
            let read = journal.run(move |j| j.behind(&transcript, after, MAX_ENTRIES));
            let Ok(entries) = read.await else { return };
            let Some(newest) = entries.last().map(|entry| entry.seq) else {
                return;
            };
            if self.places.len() >= MAX_PLACES {
                self.places.clear();
            }
            self.places.insert(id.clone(), newest);
            self.told(&session, &row, &entries);
            if entries.len() < MAX_ENTRIES as usize {
                return;
            }
            after = newest;
        }
    }

    fn told(&self, session: &Session, row: &Value, entries: &[Entry]) {
        let id = &session.session_id;
        for entry in entries {
            let Some(message) = message::row(id, entry) else {
                continue;
            };
            let mut payload = json!({
                "sessionKey": session.key, "agentId": session.agent, "messageId": message::id(id, entry.seq),
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

    /// The last place that is not told where nobody has looked yet: what is told begins with the run, which may have
    /// written more than one thing since.
    async fn before(&self, transcript: &str, run: &str, last: &[Entry]) -> i64 {
        let (transcript, run) = (transcript.to_owned(), run.to_owned());
        let journal = &self.gateway.desk().journal;
        let first = journal.run(move |j| first_of(j, &transcript, &run)).await;
        let newest = || last.last().map(|entry| entry.seq);
        first.ok().flatten().or_else(newest).map_or(0, |seq| seq - 1)
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

/// The place of the first thing that a run has written.
fn first_of(journal: &Journal, transcript: &str, run: &str) -> Result<Option<i64>, JournalError> {
    for turn in turns_of(run) {
        if let Some(first) = journal.turn(transcript, &turn)?.first() {
            return Ok(Some(first.seq));
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::EntryKind;

    #[test]
    fn the_first_look_begins_with_what_the_run_wrote_first() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(&folder.path().join("state.db")).expect("created");
        let entry = |turn: &str| Entry::new(turn, EntryKind::Message, "{}".into(), 0);
        let old = [entry("old"), entry("old")];
        let new: Vec<_> = (0..20).map(|_| entry("run-new")).collect();
        for entries in [&old[..], &new] {
            journal.append("s", entries, 1).expect("written");
        }
        let first = |run| first_of(&journal, "s", run).expect("read");
        assert_eq!(first("new"), first("old").map(|seq| seq + 2), "a client's");
        assert!(first("old").is_some(), "a channel's");
        assert_eq!(first("other"), None);
    }
}
