//! `channels.discord`: every key that OpenClaw knows in its forms of February and September 2026.
//!
//! Who may write and when the agent answers is decided by the host with keys that stand here only so that the schema is
//! whole. Keys without any effect are told once, by [`Config::without_effect`]. Invariant: no type here prints a token.
mod parts;
mod space;
mod value;

pub use openclaw_plugin_api::setting::Token;
pub use parts::{
    Actions, AgentComponents, AutoPresence, Commands, ExecApprovals, Intents, NativeCommand, PresenceStatus,
    SlashCommand, TableMode,
};
pub use space::{Guild, ReactionNotifications, Room};
pub use value::Id;

use openclaw_plugin_api::setting::{Anything, DmPolicy, GroupPolicy};
use parts::{
    AllowBots, ChunkMode, Dm, DmSettings, DraftChunk, Enabled, Markdown, MentionPatterns, PluralKit,
    Streaming, StreamingMode, ThreadBindings, ThreadSettings,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Discord bots.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
#[allow(
    dead_code,
    reason = "the build script makes the schema from it; the host merges accounts"
)]
pub struct Discord {
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
    /// The bot's token, from the Developer Portal. For the account `default`, `DISCORD_BOT_TOKEN` is used if it is not
    /// set.
    #[schemars(extend("x-credential" = true))]
    pub token: Token,
    /// The application's id; asked of Discord if it is not set.
    pub application_id: Option<Id>,
    /// HTTP proxy for the gateway and for all requests of this account.
    #[schemars(extend("x-egress" = true))]
    pub proxy: Option<String>,
    /// Where the REST API is. `https://discord.com/api` if nothing is said; `/v10` is added where no version stands.
    #[schemars(extend("x-egress" = true))]
    pub api_root: Option<String>,
    /// Where the gateway is, for every connection. What Discord says if it is not set.
    #[schemars(extend("x-egress" = true))]
    pub gateway_url: Option<String>,
    /// A name for people.
    pub name: Option<String>,
    /// Accepted, without effect.
    pub capabilities: Option<Anything>,
    /// Who may write to the bot in private.
    pub dm_policy: Option<DmPolicy>,
    /// Ids of people, in quotes; `discord:` or `user:` may stand before them.
    pub allow_from: Vec<Id>,
    /// Private chats.
    pub dm: Option<Dm>,
    /// Whether servers are served.
    pub group_policy: Option<GroupPolicy>,
    /// Servers by id, or `*`. If there are any, there are no others.
    pub guilds: BTreeMap<String, Guild>,
    /// Lists of people may have names. They change hands, so this is dangerous.
    pub dangerously_allow_name_matching: Option<bool>,
    /// Other bots may write: `true`, or `"mentions"`.
    pub allow_bots: Option<AllowBots>,
    /// Accepted, without effect.
    pub bot_loop_protection: Option<Anything>,
    /// Ids of people by the name that the agent gives them.
    pub mention_aliases: BTreeMap<String, Id>,
    /// Where mention patterns count.
    pub mention_patterns: Option<MentionPatterns>,
    /// Accepted, without effect.
    pub context_visibility: Option<String>,
    /// Messages of a channel that a turn sees as context.
    pub history_limit: Option<u32>,
    /// Accepted, without effect.
    pub dm_history_limit: Option<u32>,
    /// Accepted, without effect.
    pub dms: BTreeMap<String, DmSettings>,
    /// Longest text of one message, characters. 2,000 if nothing is said, which is Discord's own limit.
    pub text_chunk_limit: Option<u32>,
    /// How long texts are cut.
    pub chunk_mode: Option<ChunkMode>,
    /// Most lines of one message. 17 if nothing is said.
    pub max_lines_per_message: Option<u32>,
    /// How a reply is shown while it is written.
    pub streaming: Option<Streaming>,
    /// The older name of `streaming`.
    pub stream_mode: Option<StreamingMode>,
    /// Accepted, without effect.
    pub draft_chunk: Option<DraftChunk>,
    /// Send a reply in blocks.
    pub block_streaming: Option<bool>,
    /// Joins small blocks.
    pub block_streaming_coalesce: Option<DraftChunk>,
    /// Which parts of a reply refer to the message: `off`, `first`, `all`, `batched`.
    pub reply_to_mode: Option<String>,
    /// Largest file that is taken or sent, MB. 100 if nothing is said.
    #[schemars(range(min = 0))]
    pub media_max_mb: Option<f64>,
    /// Messages show no previews of links. True if nothing is said.
    pub suppress_embeds: Option<bool>,
    /// What the agent may do besides answering.
    pub actions: Option<Actions>,
    /// Slash commands.
    pub slash_command: Option<SlashCommand>,
    /// Which commands are registered.
    pub commands: Option<Commands>,
    /// Commands that the host wants registered. Written by the host.
    pub native_commands_list: Vec<NativeCommand>,
    /// What the bot hears besides the ordinary.
    pub intents: Option<Intents>,
    /// What the bot is shown to be doing.
    pub activity: Option<String>,
    /// Whether the bot is shown as online.
    pub status: Option<PresenceStatus>,
    /// 0 plays, 1 streams, 2 listens, 3 watches, 4 is a text of its own, 5 competes. 4 if nothing is said.
    #[schemars(range(min = 0, max = 5))]
    pub activity_type: Option<u8>,
    /// Where it streams.
    pub activity_url: Option<String>,
    /// The presence tells how the gateway is doing.
    pub auto_presence: Option<AutoPresence>,
    /// Approvals of commands in the chat.
    pub exec_approvals: Option<ExecApprovals>,
    /// Buttons, menus and forms.
    pub agent_components: Option<AgentComponents>,
    /// Accepted, without effect.
    pub thread_bindings: Option<ThreadBindings>,
    /// Conversations of threads.
    pub thread: Option<ThreadSettings>,
    /// Messages of PluralKit.
    pub pluralkit: Option<PluralKit>,
    /// Accepted, without effect: voice channels.
    pub voice: Option<Anything>,
    /// Emoji that acknowledges a message.
    pub ack_reaction: Option<String>,
    /// Accepted, without effect: `messages.ackReactionScope` says it.
    pub ack_reaction_scope: Option<String>,
    /// Text before each reply.
    pub response_prefix: Option<String>,
    /// How Markdown is shown.
    pub markdown: Option<Markdown>,
    /// Accepted, without effect: neither chats nor the platform change the configuration.
    pub config_writes: Option<bool>,
    /// Where messages go that name no target.
    pub default_to: Option<Id>,
    /// Accepted, without effect.
    pub heartbeat: Option<Anything>,
    /// Accepted, without effect.
    pub heartbeat_visibility: Option<Anything>,
    /// Accepted, without effect: a connection is judged by its heartbeats.
    pub health_monitor: Option<Enabled>,
    /// Accepted, without effect.
    pub join_intro: Option<bool>,
    /// Accepted, without effect.
    pub activities: Option<Anything>,
    /// Accepted, without effect.
    pub inbound_worker: Option<Anything>,
    /// Retired, without effect: the host keeps what is to be sent and tries again.
    pub retry: Option<Anything>,
    /// Retired, without effect.
    pub event_queue: Option<Anything>,
    /// Retired, without effect.
    pub ui: Option<Anything>,
    /// Retired, without effect.
    pub gateway_info_timeout_ms: Option<Anything>,
    /// Retired, without effect.
    pub gateway_ready_timeout_ms: Option<Anything>,
    /// Retired, without effect.
    pub gateway_runtime_ready_timeout_ms: Option<Anything>,
}

impl Config {
    /// Keys that are set and that nothing here acts by.
    pub fn without_effect(&self) -> Vec<&'static str> {
        let any = Option::is_some;
        let keys: [(&'static str, bool); 14] = [
            ("capabilities", any(&self.capabilities)),
            ("voice", any(&self.voice)),
            ("healthMonitor", self.health_monitor.is_some()),
            ("joinIntro", self.join_intro.is_some()),
            ("activities", any(&self.activities)),
            ("inboundWorker", any(&self.inbound_worker)),
            ("retry", any(&self.retry)),
            ("eventQueue", any(&self.event_queue)),
            ("ui", any(&self.ui)),
            ("gatewayInfoTimeoutMs", any(&self.gateway_info_timeout_ms)),
            ("gatewayReadyTimeoutMs", any(&self.gateway_ready_timeout_ms)),
            (
                "gatewayRuntimeReadyTimeoutMs",
                any(&self.gateway_runtime_ready_timeout_ms),
            ),
            (
                "guilds.*.presenceEvents",
                self.guilds.values().any(|guild| guild.presence_events.is_some()),
            ),
            ("thread.inheritParent", self.inherits_parent()),
        ];
        keys.into_iter()
            .filter_map(|(key, is_set)| is_set.then_some(key))
            .collect()
    }

    fn inherits_parent(&self) -> bool {
        self.thread
            .as_ref()
            .is_some_and(|thread| thread.inherit_parent.is_some())
    }
}
