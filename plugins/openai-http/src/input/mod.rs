//! What requests say, as messages of a conversation.
mod chat;
mod items;
mod parts;
mod tools;

pub(crate) use chat::{ChatMessage, messages};
pub(crate) use items::{Input, items};
pub(crate) use parts::Picture;
pub(crate) use tools::{Choice, chosen, of_chat, of_responses};

use openclaw_plugin_api::{Message, Role};
use serde::{Deserialize, Deserializer};

/// What a request says.
#[derive(Debug, Default)]
pub(crate) struct Said {
    /// What the model should know for this turn.
    pub(crate) system: String,
    /// The conversation; the last message is what is answered.
    pub(crate) messages: Vec<Message>,
    /// Pictures that came with the last message.
    pub(crate) pictures: Vec<Picture>,
}

/// `null` is what a client writes for what it leaves out.
pub(crate) fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    Option::deserialize(deserializer).map(Option::unwrap_or_default)
}

impl Said {
    /// More for the model to know.
    fn instruct(&mut self, text: &str) {
        if !self.system.is_empty() {
            self.system.push_str("\n\n");
        }
        self.system.push_str(text);
    }

    /// What a conversation does not have yet that already knows the rest: all after the agent's last message.
    pub(crate) fn new_only(&mut self) {
        let known = self.messages.iter().rposition(|m| m.role == Role::Assistant);
        if let Some(last) = known.filter(|last| last + 1 < self.messages.len()) {
            self.messages.drain(..=last);
        }
    }
}
