//! What happens on a platform: the event that a channel hands over.
use crate::MediaRef;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// What happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum InboundKind {
    /// A new message.
    #[default]
    Message,
    /// A message was changed.
    Edit,
    /// A message was deleted.
    Delete,
    /// A reaction was set or removed.
    Reaction,
    /// A button or menu was used.
    Button,
    /// A command of the platform's own interface.
    Command,
    /// Somebody joined or left.
    Membership,
    /// A call.
    Call,
    /// Something of a later version; recorded and dropped.
    #[serde(other)]
    Unknown,
}

/// Where a message belongs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChatKind {
    /// One person.
    #[default]
    Direct,
    /// Some people.
    Group,
    /// A room of a larger place (guild, workspace).
    Channel,
}

/// One event of a platform. Ids are the platform's stable ones, never names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Inbound {
    /// The platform's id of the event, unique in the account: a second one with the same id has no effect.
    pub event_id: String,
    /// What happened.
    pub kind: InboundKind,
    /// Account that received it.
    pub account_id: String,
    /// Where.
    pub chat: Chat,
    /// Who.
    pub sender: Sender,
    /// Id of the message that was written, changed, reacted to or whose button was used.
    pub message_id: String,
    /// Its text, as Markdown where the platform has formatting.
    pub text: String,
    /// The agent was addressed by name, or in another way that is always for it. A reply to it alone is told by
    /// `reply_to`: the operator says whether that counts.
    pub mentioned: bool,
    /// Somebody else was addressed, and the agent was not.
    pub mentions_others: bool,
    /// The message that this one refers to.
    pub reply_to: Option<Quoted>,
    /// Files, already in the host's store.
    pub attachments: Vec<MediaRef>,
    /// For [`InboundKind::Reaction`]: the emoji.
    pub emoji: String,
    /// For [`InboundKind::Reaction`] and [`InboundKind::Membership`]: removed or left.
    pub removed: bool,
    /// For [`InboundKind::Button`]: what the button carries. For [`InboundKind::Command`]: its name.
    pub value: String,
    /// For [`InboundKind::Command`]: its options by name.
    pub options: Map<String, Value>,
    /// When it happened, milliseconds since 1970. 0: unknown.
    pub timestamp_ms: u64,
    /// Anything else that templates and logs may use. Never instructions. `forwardedFrom` says from where a message was
    /// passed on: it is what somebody else wrote, so no command in it is carried out.
    pub extra: Map<String, Value>,
}

/// Where a message belongs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Chat {
    /// The chat's id.
    pub id: String,
    /// What sort of chat.
    pub kind: ChatKind,
    /// Title for people; untrusted.
    pub title: String,
    /// Thread or topic in it; empty if none.
    pub thread_id: String,
    /// The chat that a thread hangs on; empty if none.
    pub parent_id: String,
    /// Its title; untrusted.
    pub parent_title: String,
    /// Guild, team or workspace; empty if none.
    pub space_id: String,
    /// Its name; untrusted.
    pub space_title: String,
}

/// Who wrote.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Sender {
    /// Stable id. Empty means unknown, and never matches an allowlist.
    pub id: String,
    /// Display name; untrusted.
    pub name: String,
    /// Handle; may change hands, so never an identity.
    pub username: String,
    /// A program, not a person.
    pub is_bot: bool,
    /// Role ids in this place.
    pub roles: Vec<String>,
}

/// A message that another one refers to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Quoted {
    /// Its id.
    pub message_id: String,
    /// Its text or the quoted part; untrusted.
    pub text: String,
    /// Who wrote it.
    pub sender_id: String,
    /// It is the agent's own.
    pub from_self: bool,
}

// === impl Inbound ===

impl Inbound {
    /// Whether the sender passes on what somebody else wrote.
    pub fn is_forwarded(&self) -> bool {
        self.extra.contains_key("forwardedFrom")
    }
}
