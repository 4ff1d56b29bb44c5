//! Interactions that can still be answered. Kept in memory and in the host's store, so that a command is answered in its
//! place even after a restart.
//!
//! Invariant: an interaction's token is in no log and no error.
use crate::{account::Connection, recent::Recent};
use openclaw_plugin_api::Result;
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, SystemTime},
};

/// In front of the id of an interaction where it stands for an event.
const EVENT: &str = "interaction:";
/// Where they are in the store.
const STORE: &str = "interaction/";
/// A token is good for 15 minutes; the rest is for the way.
const GOOD_FOR: Duration = Duration::from_secs(14 * 60 + 30);
/// Interactions that are remembered; the others are looked up in the store.
const MAX_OPEN: usize = 1_000;

/// Interactions that are open.
#[derive(Debug)]
pub(crate) struct Open(Mutex<Recent<String, Entry>>);

/// One interaction.
#[derive(Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Entry {
    pub(super) application: String,
    pub(super) token: String,
    /// When it began, milliseconds since 1970.
    pub(super) began_ms: u64,
    /// A command waits for an answer in its own place. Of a component only the refusal goes there.
    pub(super) is_command: bool,
    /// The answer is seen by one person.
    pub(super) is_ephemeral: bool,
}

/// The id of the event that an interaction is.
pub(super) fn event_id(interaction: &str) -> String {
    format!("{EVENT}{interaction}")
}

/// Is the event an interaction?
pub(crate) fn is_one(event: &str) -> bool {
    event.starts_with(EVENT)
}

impl Default for Open {
    fn default() -> Self {
        Self(Mutex::new(Recent::new(MAX_OPEN)))
    }
}

impl Open {
    fn lock(&self) -> MutexGuard<'_, Recent<String, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Remembers an interaction.
pub(super) async fn begin(connection: &Connection, event: &str, entry: Entry) -> Result<()> {
    let bytes = serde_json::to_vec(&entry)?;
    connection.interactions.lock().put(event.to_owned(), entry);
    let store = connection.host().store();
    store
        .add(&key(connection, event), bytes, Some(GOOD_FOR))
        .await
        .map(drop)
}

/// The interaction of an event, as long as it can be answered.
pub(super) async fn find(connection: &Connection, event: &str) -> Option<Entry> {
    if !is_one(event) {
        return None;
    }
    let known = connection.interactions.lock().get(event).cloned();
    let entry = match known {
        Some(entry) => entry,
        None => connection
            .host()
            .store()
            .get_json(&key(connection, event))
            .await
            .ok()??,
    };
    let age = now_ms().saturating_sub(entry.began_ms);
    (Duration::from_millis(age) < GOOD_FOR).then_some(entry)
}

/// Milliseconds since 1970.
pub(super) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.ok()
        .and_then(|now| now.as_millis().try_into().ok())
        .unwrap_or(0)
}

/// Under which something of an event is kept.
pub(super) fn key(connection: &Connection, event: &str) -> String {
    format!("{STORE}{}/{event}", connection.id)
}

/// Without the token.
impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Entry")
            .field("is_command", &self.is_command)
            .finish_non_exhaustive()
    }
}
