//! What is kept of calls, in the plugin's durable store: each call under a key that sorts by its beginning.
//!
//! Invariant: of calls that are over the newest [`MAX_HISTORY`] are kept; of calls that go on, all.
use super::{CallId, Calls, Record, State, live::Live};
use crate::provider::Probe;
use openclaw_plugin_api::Result;

/// Calls that are over and are kept.
pub(crate) const MAX_HISTORY: usize = 500;
/// Beginning of the keys.
const PREFIX: &str = "call/";
/// A call that has not been heard of for this long after its longest duration is over, milliseconds.
const LOST_MS: u64 = 60_000;

// === impl Calls ===

impl Calls {
    /// Keeps a call as it is now. Durable when this returns.
    pub(super) async fn save(&self, id: &CallId) -> Result<()> {
        let Some(pen) = self.with(id, |live| live.pen.clone()) else {
            return Ok(());
        };
        let _pen = pen.lock().await;
        let Some(record) = self.find(id) else {
            return Ok(());
        };
        self.0.host.store().put_json(&key(&record), &record).await?;
        self.tell_followers(&record);
        self.tell_clients(&record).await;
        Ok(())
    }

    /// Calls that are kept, the newest last; at most `count`.
    pub(crate) async fn history(&self, count: usize) -> Result<Vec<Record>> {
        let store = self.0.host.store();
        let keys = store.keys(PREFIX).await?;
        let mut records = Vec::new();
        for key in keys.iter().skip(keys.len().saturating_sub(count)) {
            records.extend(store.get_json(key).await.unwrap_or_default());
        }
        Ok(records)
    }

    /// A call that goes on or is kept, by our id or the carrier's.
    pub(crate) async fn look_up(&self, id: &str) -> Result<Option<Record>> {
        let call = CallId::given(id);
        let going_on = self
            .find(&call)
            .or_else(|| self.by_provider(id).and_then(|call| self.find(&call)));
        if going_on.is_some() {
            return Ok(going_on);
        }
        let kept = self.history(MAX_HISTORY).await?;
        let mut kept = kept.into_iter().rev();
        Ok(kept.find(|record| record.call_id == call || record.provider_call_id.as_deref() == Some(id)))
    }

    /// Forgets the oldest calls that are over.
    pub(super) async fn prune(&self) -> Result<()> {
        let store = self.0.host.store();
        let keys = store.keys(PREFIX).await?;
        let open: Vec<String> = self.active().iter().map(key).collect();
        for key in keys.iter().take(keys.len().saturating_sub(MAX_HISTORY)) {
            if !open.contains(key) {
                store.delete(key).await?;
            }
        }
        Ok(())
    }

    /// Takes up the calls that went on when the gateway ended, so that the next webhook finds them. What became of them is
    /// asked afterwards, with [`Calls::verify`]: a carrier that does not answer must not keep the gateway from starting.
    pub(crate) async fn restore(&self) -> Result<()> {
        self.prune().await?;
        for record in self.history(MAX_HISTORY).await? {
            if record.state.is_end() || record.provider != self.0.carrier.kind() {
                continue;
            }
            let mut live = self.fitted(record);
            live.is_off_stream = live.record.state.is_connected();
            if live
                .record
                .metadata
                .saying
                .as_ref()
                .is_some_and(|saying| saying.aloud)
            {
                // its stream ended with its process, and how much of it was heard nobody knows
                live.doubted(self.0.clock.now());
            }
            self.book().insert(live);
        }
        self.tick_while_needed();
        Ok(())
    }

    /// Asks the carrier what became of the calls that were taken up, and goes on with those that go on.
    pub(crate) async fn verify(&self) {
        for record in self.active() {
            self.look_after(&record.call_id).await;
            self.resume(&record.call_id);
        }
    }

    /// Asks the carrier how a call is, and ends it here if it is over.
    pub(super) async fn look_after(&self, id: &CallId) {
        let Some(record) = self.find(id).filter(|record| !record.state.is_end()) else {
            return;
        };
        let probed = self.probe(&record).await;
        let now = self.0.clock.now();
        match probed {
            Probe::Ended(reason) => self.end(id, reason),
            Probe::Answered => {
                self.with(id, |live| live.record.advance(State::Answered, now));
            }
            Probe::Ringing | Probe::Unknown => {}
        }
        if let Err(error) = self.save(id).await {
            tracing::warn!(call = id.as_str(), %error, "voice-call: the call can't be kept");
        }
    }

    async fn probe(&self, record: &Record) -> Probe {
        let longest = self.0.settings.config.max_duration();
        let longest = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        let since = record.answered_at.unwrap_or(record.started_at);
        let age = self.0.clock.now().saturating_sub(since);
        match &record.provider_call_id {
            Some(_) if age > longest.saturating_add(LOST_MS) => Probe::Ended(State::Timeout),
            Some(provider) => self.0.carrier.probe(provider).await.unwrap_or_else(|error| {
                let id = record.call_id.as_str();
                tracing::warn!(call = id, %error, "voice-call: the carrier does not say what became of a call; it is kept");
                Probe::Unknown
            }),
            // the process ended while it was dialled, and nobody knows whether it ever rang
            None => Probe::Ended(State::Failed),
        }
    }

    /// Goes on with a call that was taken up.
    fn resume(&self, id: &CallId) {
        let open = self.with(id, |live: &mut Live| {
            let metadata = &live.record.metadata;
            let is_open = live.record.state.is_connected();
            let has_words = live.has_words() || metadata.digits.is_some();
            (is_open, has_words, live.waits_for_agent())
        });
        let Some((true, has_words, unanswered)) = open else {
            return;
        };
        tracing::info!(call = id.as_str(), "voice-call: a call goes on after the restart");
        // what was answered already is said, and nobody is asked for it again
        if has_words || !unanswered && !self.0.carrier.speaks_documents() {
            let (calls, id) = (self.clone(), id.clone());
            self.0.host.spawn(async move { calls.drive(&id).await });
        }
        if unanswered {
            self.think(id);
        }
    }

    async fn tell_clients(&self, record: &Record) {
        let told = serde_json::json!({
            "callId": record.call_id, "state": record.state, "direction": record.direction, "from": record.from,
            "to": record.to, "turnCount": record.metadata.turn_count,
        });
        // nobody listening is fine
        let _ = self.0.host.emit("voicecall.call", &told).await;
    }
}

fn key(record: &Record) -> String {
    format!("{PREFIX}{:014}/{}", record.started_at, record.call_id)
}
