//! The smaller records of `channels.telegram`.
use super::value::Id;
use openclaw_plugin_api::setting::Anything;
use schemars::JsonSchema;
use serde::Deserialize;

/// One command of the bot's menu.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct CustomCommand {
    /// 1 to 32 of `a-z`, `0-9`, `_`. A leading `/` is dropped and `-` becomes `_`.
    pub command: String,
    /// What the menu says of it.
    pub description: String,
}

/// How a reply is shown while it is written: `true`, a mode, or an object. The host acts by it.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
#[allow(dead_code, reason = "the host reads it; here it makes the schema")]
pub enum Streaming {
    /// On or off.
    Switch(bool),
    /// A mode.
    Mode(StreamingMode),
    /// The form of September 2026.
    Object(Box<StreamingObject>),
}

/// A mode of showing replies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StreamingMode {
    /// The finished reply only.
    Off,
    /// One message that grows.
    Partial,
    /// A message for each block.
    Block,
    /// What the agent is doing, then the reply.
    Progress,
}

/// The form of September 2026.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct StreamingObject {
    /// The mode.
    pub mode: Option<StreamingMode>,
    /// How long texts are cut: `length` or `newline`.
    pub chunk_mode: Option<ChunkMode>,
    /// Accepted, without effect.
    pub preview: Option<Anything>,
    /// Accepted, without effect.
    pub progress: Option<Anything>,
    /// Messages for blocks.
    pub block: Option<Anything>,
}

/// How long texts are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChunkMode {
    /// At the limit.
    Length,
    /// At blank lines, then at the limit.
    Newline,
}

/// `draftChunk` and `blockStreamingCoalesce`: sizes for blocks.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct DraftChunk {
    /// Least characters.
    pub min_chars: Option<u32>,
    /// Most characters.
    pub max_chars: Option<u32>,
    /// Longest silence, milliseconds.
    pub idle_ms: Option<u32>,
    /// Accepted, without effect.
    pub break_preference: Option<String>,
}

/// Retries of requests.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Retry {
    /// How many tries.
    pub attempts: Option<u32>,
    /// Shortest wait, milliseconds.
    pub min_delay_ms: Option<u32>,
    /// Longest wait, milliseconds.
    pub max_delay_ms: Option<u32>,
    /// Random part of a wait, 0 to 1.
    pub jitter: Option<f64>,
}

/// How connections are made.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Network {
    /// Accepted, without effect: the host tries all addresses of a name.
    pub auto_select_family: Option<bool>,
    /// Accepted, without effect.
    pub dns_result_order: Option<String>,
    /// Accepted, without effect: `apiRoot` is written by the operator and may be private.
    pub dangerously_allow_private_network: Option<bool>,
}

/// Which commands the menu shows.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Commands {
    /// The gateway's own: `true`, `false` or `"auto"`, which is on.
    pub native: Option<Anything>,
    /// Accepted, without effect.
    pub native_skills: Option<Anything>,
}

/// What the agent may do besides answering.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Actions {
    /// React to messages.
    pub reactions: Option<bool>,
    /// Accepted, without effect.
    pub send_message: Option<bool>,
    /// Delete messages.
    pub delete_message: Option<bool>,
    /// Edit messages.
    pub edit_message: Option<bool>,
    /// Make polls.
    pub poll: Option<bool>,
    /// Send stickers; off if nothing is said.
    pub sticker: Option<bool>,
    /// Open forum topics.
    pub create_forum_topic: Option<bool>,
    /// Change forum topics.
    pub edit_forum_topic: Option<bool>,
}

/// Approvals of commands in the chat.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct ExecApprovals {
    /// `true`, `false` or `"auto"`.
    pub enabled: Option<Anything>,
    /// Ids of people who may approve.
    pub approvers: Option<Vec<Id>>,
    /// Only for these agents.
    pub agent_filter: Option<Vec<String>>,
    /// Only for these sessions.
    pub session_filter: Option<Vec<String>>,
    /// `dm`, `channel` or `both`.
    pub target: Option<String>,
}

/// Sessions bound to threads.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct ThreadBindings {
    /// On.
    pub enabled: Option<bool>,
    /// A binding ends after so much silence.
    pub idle_hours: Option<f64>,
    /// A binding ends after so long.
    pub max_age_hours: Option<f64>,
    /// Agents may open bound sessions.
    pub spawn_sessions: Option<bool>,
    /// `isolated` or `fork`.
    pub default_spawn_context: Option<String>,
}

/// Where mention patterns count.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct MentionPatterns {
    /// `allow` or `deny`.
    pub mode: Option<String>,
    /// Chats where they count.
    pub allow_in: Option<Vec<String>>,
    /// Chats where they don't.
    pub deny_in: Option<Vec<String>>,
}

/// What is shown of heartbeats.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct HeartbeatVisibility {
    /// Say that all is well.
    pub show_ok: Option<bool>,
    /// Tell what needs attention.
    pub show_alerts: Option<bool>,
    /// Show a sign of life.
    pub use_indicator: Option<bool>,
}

/// How Markdown is shown.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Markdown {
    /// Tables as `code` (default), as `bullets`, or `off`: as they are written. `block` is `code`.
    pub tables: Option<TableMode>,
}

/// How tables are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TableMode {
    /// As they are written.
    Off,
    /// A list for each row.
    Bullets,
    /// Aligned, in a block of code.
    #[default]
    Code,
    /// The same as code.
    Block,
}

/// `healthMonitor`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Enabled {
    /// On.
    pub enabled: Option<bool>,
}

/// `dms.<id>` and the retired `dm`.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Dm {
    /// Messages of the past that a turn sees.
    pub history_limit: Option<u32>,
    /// Retired, without effect.
    pub thread_replies: Option<Anything>,
}
