//! `bindings[]`: which agent answers where. `route` follows them; nothing is resolved here.
use super::opaque::Ignored;
use schemars::{JsonSchema, Schema, json_schema};
use serde::Deserialize;

/// One binding.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct BindingConfig {
    /// `route` by default. Bindings of the type `acp` have no effect.
    pub r#type: BindingKind,
    /// The agent that answers; one that there is not means the default agent.
    pub agent_id: String,
    /// Which messages are meant.
    pub r#match: BindingMatch,
    /// How its conversations are cut, instead of `session`.
    pub session: BindingSession,
    /// For people.
    pub comment: Option<String>,
    /// Accepted for OpenClaw's sake; without effect.
    pub acp: Option<Ignored>,
}

/// What a binding is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BindingKind {
    /// It sends messages to an agent.
    #[default]
    Route,
    /// It has no effect here.
    Acp,
}

/// `bindings[].match`: all that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct BindingMatch {
    /// Channel.
    pub channel: String,
    /// Account; absent means the default account, `*` any.
    pub account_id: Option<String>,
    /// Person or chat.
    pub peer: Option<PeerConfig>,
    /// Space.
    pub guild_id: Option<String>,
    /// Space, as some platforms call it.
    pub team_id: Option<String>,
    /// Roles of the sender in the space; one of them is enough.
    pub roles: Vec<String>,
}

/// `bindings[].match.peer`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PeerConfig {
    /// What sort of chat.
    pub kind: PeerKind,
    /// Id of the person or chat; `*` is any of this sort.
    pub id: String,
}

/// What sort of chat a peer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(transform = with_dm)]
pub enum PeerKind {
    /// One person. February 2026 also has `dm`.
    #[serde(alias = "dm")]
    Direct,
    /// A group.
    Group,
    /// A room of a space; means the same as `group`.
    Channel,
}

/// `bindings[].session`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct BindingSession {
    /// Which private chats share a conversation.
    pub dm_scope: Option<super::DmScope>,
    /// Whether groups have conversations of their own.
    pub group_scope: Option<super::GroupScope>,
}

/// The schema of [`PeerKind`] with the word of February 2026, which a derived one leaves out.
fn with_dm(schema: &mut Schema) {
    *schema = json_schema!({"type": "string", "enum": ["direct", "dm", "group", "channel"]});
}
