//! Conversations, each with its messages and its place: one turn at a time.
//!
//! They are in memory, as many and as long as the bounds below say; the journal will keep them.
use openclaw_plugin_api::Message;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::Mutex as AsyncMutex;

/// Conversations that are kept; a new one takes the place of one that nobody uses.
const MAX_SESSIONS: usize = 1000;
/// Messages of one conversation that are kept; the oldest go first.
const MAX_MESSAGES: usize = 200;

/// Messages, oldest first.
pub type Transcript = Arc<AsyncMutex<Vec<Message>>>;

/// All conversations.
#[derive(Debug, Default)]
pub struct Sessions {
    all: Mutex<HashMap<String, Transcript>>,
}

impl Sessions {
    /// One conversation. Lock it for a turn.
    pub fn get(&self, key: &str) -> Transcript {
        let mut all = self.all.lock().unwrap_or_else(PoisonError::into_inner);
        if !all.contains_key(key) && all.len() >= MAX_SESSIONS {
            let idle = all
                .iter()
                .find(|(_, transcript)| Arc::strong_count(transcript) == 1);
            if let Some(idle) = idle.map(|(key, _)| key.clone()) {
                all.remove(&idle);
            }
        }
        all.entry(key.to_owned()).or_default().clone()
    }

    /// Forgets what is beyond the bound, never beginning with the answer of a tool.
    pub(super) fn trim(transcript: &mut Vec<Message>) {
        use openclaw_plugin_api::Role;
        if transcript.len() > MAX_MESSAGES {
            transcript.drain(..transcript.len() - MAX_MESSAGES);
        }
        let first = transcript
            .iter()
            .position(|message| message.role == Role::User)
            .unwrap_or(transcript.len());
        transcript.drain(..first);
    }
}
