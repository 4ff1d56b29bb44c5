//! Messages of groups that nobody asked the agent to answer, kept as context for its next answer there.
//!
//! In memory only: they are context, not work. Bounded by chats, by messages and by the length of each.
use super::recent::Recent;
use openclaw_plugin_api::{Inbound, MediaRef};
use std::collections::VecDeque;

/// Chats whose messages are kept.
const MAX_CHATS: usize = 1000;
/// Longest text that is kept of a message, bytes.
const MAX_TEXT: usize = 8192;
/// Files that are kept of a message.
const MAX_FILES: usize = 4;

/// A message that was not answered.
#[derive(Debug, Clone, PartialEq)]
pub struct Skipped {
    /// Id on the platform.
    pub message_id: String,
    /// Who wrote it.
    pub sender_id: String,
    /// The sender's display name; untrusted.
    pub sender_name: String,
    /// What was written, cut if it is very long; untrusted.
    pub text: String,
    /// Its files.
    pub attachments: Vec<MediaRef>,
    /// When, milliseconds since 1970; 0: unknown.
    pub timestamp_ms: u64,
}

/// A chat: channel, account, chat, thread.
type Key = [String; 4];

/// The skipped messages of all chats.
#[derive(Debug)]
pub(super) struct Pending(Recent<Key, VecDeque<Skipped>>);

impl Pending {
    pub(super) fn new() -> Self {
        Self(Recent::new(MAX_CHATS))
    }

    /// Keeps a message; of more than `limit` the oldest go. One that is known already is replaced.
    pub(super) fn keep(&mut self, channel: &str, event: &Inbound, limit: usize) {
        let key = key(channel, event);
        if limit == 0 {
            self.0.remove(&key);
            return;
        }
        if self.replace(channel, event) {
            return;
        }
        let (messages, _) = self.0.touch(key, VecDeque::new);
        messages.push_back(Skipped::of(event));
        while messages.len() > limit {
            messages.pop_front();
        }
    }

    /// Gives a message that is kept its new content; says whether there is one.
    pub(super) fn replace(&mut self, channel: &str, event: &Inbound) -> bool {
        let messages = self.0.peek_mut(&key(channel, event));
        let known = messages.and_then(|messages| {
            messages
                .iter_mut()
                .find(|known| !known.message_id.is_empty() && known.message_id == event.message_id)
        });
        known.map(|known| *known = Skipped::of(event)).is_some()
    }

    /// Forgets a message that was deleted.
    pub(super) fn forget(&mut self, channel: &str, event: &Inbound) {
        if let Some(messages) = self.0.peek_mut(&key(channel, event)) {
            messages.retain(|known| known.message_id != event.message_id);
        }
    }

    /// The chat's messages, oldest first; they are kept no longer.
    pub(super) fn take(&mut self, channel: &str, event: &Inbound) -> Vec<Skipped> {
        self.0.remove(&key(channel, event)).unwrap_or_default().into()
    }
}

impl Skipped {
    fn of(event: &Inbound) -> Self {
        let text = &event.text;
        Self {
            message_id: event.message_id.clone(),
            sender_id: event.sender.id.clone(),
            sender_name: event.sender.name.clone(),
            text: text[..text.floor_char_boundary(MAX_TEXT)].to_owned(),
            attachments: event.attachments.iter().take(MAX_FILES).cloned().collect(),
            timestamp_ms: event.timestamp_ms,
        }
    }
}

fn key(channel: &str, event: &Inbound) -> Key {
    let chat = &event.chat;
    [channel, super::account(event), &chat.id, &chat.thread_id].map(str::to_owned)
}
