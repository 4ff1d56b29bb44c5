//! What is known of an entry of a transcript beside its words: who said it by which client, which model, what it cost.
//!
//! It stands in the entry's record under a name of its own, where no model sees it.
use super::tokens;
use crate::journal::{Entry, EntryKind};
use openclaw_plugin_api::{Message, StopReason, Usage};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The provider of what the gateway itself says in a conversation.
pub const OWN_PROVIDER: &str = "openclaw";
/// The model of what the gateway itself says in a conversation.
pub const OWN_MODEL: &str = "gateway-injected";

/// Beside the words of an entry.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct About {
    /// What every try of the same message has in common: `<run>:user`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub idempotency_key: String,
    /// Who said it.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sender_id: String,
    /// How he is called.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub sender_name: String,
    /// He owns the gateway.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub sender_is_owner: bool,
    /// The channel that it came by; empty for a client.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub channel: String,
    /// The client that it came by.
    #[serde(skip_serializing_if = "Value::is_null")]
    pub client: Value,
    /// Provider that answered.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub provider: String,
    /// Model that answered.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub model: String,
    /// What the request cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// Why it stopped, in the protocol's word.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub stop_reason: String,
    /// How long the request took, milliseconds.
    #[serde(skip_serializing_if = "is_zero")]
    pub took_ms: u64,
    /// Why there is no answer, for the person.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub error: String,
    /// Who stopped it: `rpc` or `stop`.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub aborted_by: String,
    /// It is the answer to a command, which no model sees.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub command: bool,
    /// When it was said, milliseconds since 1970; 0: when it was written.
    #[serde(skip_serializing_if = "is_zero")]
    pub said_ms: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl About {
    /// For a message of the gateway's own.
    pub fn own() -> Self {
        Self {
            provider: OWN_PROVIDER.to_owned(),
            model: OWN_MODEL.to_owned(),
            stop_reason: "stop".to_owned(),
            ..Self::default()
        }
    }

    /// What an entry's record says beside its words.
    pub fn of(entry: &Entry) -> Self {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Record {
            about: About,
        }
        let record: Record = serde_json::from_str(&entry.body).unwrap_or_default();
        record.about
    }
}

/// A message as an entry, with what is known of it.
pub fn entry(turn: &str, kind: EntryKind, message: &Message, about: &About) -> Entry {
    #[derive(Serialize)]
    struct Record<'a> {
        #[serde(flatten)]
        message: &'a Message,
        #[serde(skip_serializing_if = "is_default")]
        about: &'a About,
    }
    let body = serde_json::to_string(&Record { message, about }).unwrap_or_default();
    let tokens = match kind {
        EntryKind::Message => tokens::of_message(message),
        // no model sees it
        _ => 0,
    };
    Entry::new(turn, kind, body, u32::try_from(tokens).unwrap_or(u32::MAX))
}

fn is_default(about: &&About) -> bool {
    **about == About::default()
}

/// Why a model stopped, in the protocol's word.
pub fn stop_word(stop: StopReason) -> &'static str {
    match stop {
        StopReason::Length => "length",
        StopReason::ToolUse => "toolUse",
        StopReason::Refusal => "refusal",
        _ => "stop",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use openclaw_plugin_api::Role;

    #[test]
    fn what_is_known_stands_beside_the_words() {
        let message = Message::text(Role::User, "hi");
        let about = About {
            idempotency_key: "r:user".into(),
            ..About::default()
        };
        let written = entry("t", EntryKind::Message, &message, &about);
        assert_eq!(About::of(&written), about);
        let read: Message = serde_json::from_str(&written.body).expect("a message");
        assert_eq!(read, message, "the words are as they were");
        assert!(written.tokens > 0);
        let plain = entry("t", EntryKind::Note, &message, &About::default());
        assert!(!plain.body.contains("about") && plain.tokens == 0);
    }
}
