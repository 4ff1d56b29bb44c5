//! `channels.telegram`: every key that OpenClaw knows in its forms of February and September 2026.
//!
//! Who may write and when the agent answers is decided by the host with keys that stand here only so that the schema is
//! whole. Keys without any effect say so. Invariant: no type here prints a token.
mod group;
mod parts;
mod value;

pub use openclaw_plugin_api::setting::Token;
pub use parts::{Actions, CustomCommand, TableMode};

use group::{Direct, Group};
use openclaw_plugin_api::setting::{Anything, DmPolicy, GroupPolicy};
use parts::{
    Commands, Dm, DraftChunk, Enabled, ExecApprovals, HeartbeatVisibility, Markdown, MentionPatterns,
    Network, Retry, Streaming, ThreadBindings,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use value::Id;

/// Telegram bots.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
#[allow(
    dead_code,
    reason = "the build script makes the schema from it; the host merges accounts"
)]
pub struct Telegram {
    /// What holds for every account that doesn't say otherwise.
    #[serde(flatten)]
    pub shared: Config,
    /// Bots beside the one of the root, by a name of your choice. A key of an account wins over the same key above.
    pub accounts: BTreeMap<String, Account>,
    /// The account that sends when nobody says which.
    pub default_account: Option<String>,
}

/// One bot.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
#[allow(
    dead_code,
    reason = "the build script makes the schema from it; the host merges accounts"
)]
pub struct Account {
    /// Its keys.
    #[serde(flatten)]
    pub config: Config,
}

/// The keys of one account.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Config {
    /// False switches the account off.
    pub enabled: Option<bool>,
    /// The token that BotFather gave. For the account `default`, `TELEGRAM_BOT_TOKEN` is used if neither this nor
    /// `tokenFile` is set.
    #[schemars(extend("x-credential" = true))]
    pub bot_token: Token,
    /// A file that holds the token and nothing else: a regular file, no link. It wins over `botToken`.
    #[schemars(extend("x-credential" = true))]
    pub token_file: Option<String>,
    /// A name for people.
    pub name: Option<String>,
    /// Accepted, without effect.
    pub capabilities: Option<Anything>,
    /// Who may write to the bot in private.
    pub dm_policy: Option<DmPolicy>,
    /// Numeric ids of people; `telegram:` or `tg:` may stand before them.
    pub allow_from: Vec<Id>,
    /// Whether groups are served.
    pub group_policy: Option<GroupPolicy>,
    /// Numeric ids of people who may write in groups. `allowFrom` if not set.
    pub group_allow_from: Option<Vec<Id>>,
    /// Groups that are served, by id; `*` for all.
    pub groups: BTreeMap<String, Group>,
    /// Private chats, by the person's id.
    pub direct: BTreeMap<String, Direct>,
    /// Messages of a group that a turn sees as context.
    pub history_limit: Option<u32>,
    /// Accepted, without effect.
    pub dm_history_limit: Option<u32>,
    /// Accepted, without effect.
    pub dms: BTreeMap<String, Dm>,
    /// Longest text of one message, characters. 4,000 if nothing is said; Telegram's own limit is 4,096.
    pub text_chunk_limit: Option<u32>,
    /// How long texts are cut: `length` or `newline`.
    pub chunk_mode: Option<parts::ChunkMode>,
    /// How a reply is shown while it is written.
    pub streaming: Option<Streaming>,
    /// The older name of `streaming`.
    pub stream_mode: Option<parts::StreamingMode>,
    /// Accepted, without effect.
    pub draft_chunk: Option<DraftChunk>,
    /// Send a reply in blocks.
    pub block_streaming: Option<bool>,
    /// Joins small blocks.
    pub block_streaming_coalesce: Option<DraftChunk>,
    /// Which parts of a reply refer to the message: `off`, `first`, `all`, `batched`.
    pub reply_to_mode: Option<String>,
    /// Largest file that is taken, MB. Telegram gives bots 20 at most; a Bot API server of your own gives more.
    #[schemars(range(min = 0))]
    pub media_max_mb: Option<f64>,
    /// Retired, without effect: each request has a deadline of its own.
    pub timeout_seconds: Option<f64>,
    /// Retired, without effect.
    pub media_group_flush_ms: Option<u32>,
    /// Retired, without effect.
    pub polling_stall_threshold_ms: Option<u32>,
    /// Retired, without effect: the host keeps what is to be sent and tries again.
    pub retry: Option<Retry>,
    /// How connections are made.
    pub network: Option<Network>,
    /// HTTP proxy for all requests of this account.
    #[schemars(extend("x-egress" = true))]
    pub proxy: Option<String>,
    /// Where the Bot API is, without `/bot<token>`. `https://api.telegram.org` if nothing is said.
    #[schemars(extend("x-egress" = true))]
    pub api_root: Option<String>,
    /// Accepted, without effect: files are always fetched over HTTP.
    pub trusted_local_file_roots: Option<Vec<String>>,
    /// Public URL of the gateway's `/telegram-webhook`. Set, Telegram calls it and nothing is polled.
    pub webhook_url: Option<String>,
    /// What Telegram says with each call, to prove itself; required with `webhookUrl`, and another one for each account.
    pub webhook_secret: Token,
    /// Accepted, without effect: the path is `/telegram-webhook` on the gateway's port.
    pub webhook_path: Option<String>,
    /// Accepted, without effect: the gateway's own port serves the webhook.
    pub webhook_host: Option<String>,
    /// Accepted, without effect: the gateway's own port serves the webhook.
    pub webhook_port: Option<u16>,
    /// Accepted, without effect: use a certificate that Telegram trusts.
    pub webhook_cert_path: Option<String>,
    /// False: no previews of links.
    pub link_preview: Option<bool>,
    /// Accepted, without effect.
    pub rich_messages: Option<bool>,
    /// More commands for the bot's menu.
    pub custom_commands: Vec<CustomCommand>,
    /// Commands that the host wants in the menu, before `customCommands`. Written by the host.
    pub native_commands_list: Vec<CustomCommand>,
    /// Which commands the menu shows.
    pub commands: Option<Commands>,
    /// Whose messages' reactions are told: `off`, `own` (the bot's), `all`. `own` if nothing is said.
    pub reaction_notifications: Option<ReactionNotifications>,
    /// Accepted, without effect.
    pub reaction_level: Option<String>,
    /// What the agent may do besides answering.
    pub actions: Option<Actions>,
    /// Approvals of commands in the chat.
    pub exec_approvals: Option<ExecApprovals>,
    /// Accepted, without effect.
    pub error_policy: Option<group::ErrorPolicy>,
    /// Accepted, without effect.
    pub silent_error_replies: Option<bool>,
    /// Accepted, without effect.
    pub thread_bindings: Option<ThreadBindings>,
    /// Where mention patterns count.
    pub mention_patterns: Option<MentionPatterns>,
    /// Accepted, without effect.
    pub context_visibility: Option<String>,
    /// Accepted, without effect.
    pub join_intro: Option<bool>,
    /// Accepted, without effect.
    pub health_monitor: Option<Enabled>,
    /// Emoji that acknowledges a message.
    pub ack_reaction: Option<String>,
    /// Text before each reply.
    pub response_prefix: Option<String>,
    /// How Markdown is shown.
    pub markdown: Option<Markdown>,
    /// Accepted, without effect: neither chats nor the platform change the configuration.
    pub config_writes: Option<bool>,
    /// Accepted, without effect.
    pub default_to: Option<Id>,
    /// Accepted, without effect.
    pub heartbeat: Option<HeartbeatVisibility>,
    /// Accepted, without effect.
    pub heartbeat_visibility: Option<HeartbeatVisibility>,
    /// Accepted, without effect: name new topics.
    pub auto_topic_label: Option<Anything>,
    /// Retired, without effect: `groups.*.requireMention` says it.
    pub group_mentions_only: Option<bool>,
    /// Retired, without effect.
    pub include_group_history_context: Option<Anything>,
    /// Retired, without effect.
    pub dm: Option<Dm>,
}

/// Whose messages' reactions are told.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ReactionNotifications {
    /// Nobody's.
    Off,
    /// The bot's.
    #[default]
    Own,
    /// Everybody's.
    All,
}
