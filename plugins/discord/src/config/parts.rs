//! The smaller records of `channels.discord`.
use super::value::Id;
use openclaw_plugin_api::setting::{Anything, DmPolicy, Token};
use schemars::JsonSchema;
use serde::Deserialize;

/// A record of the configuration: every key is optional, unknown ones are faults.
macro_rules! record {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
        #[serde(default, rename_all = "camelCase")]
        #[schemars(deny_unknown_fields)]
        pub struct $name { $($(#[$field_doc])* pub $field: $type,)* }
    };
}

record! {
    /// `dm`: private chats.
    Dm {
        /// False: private messages are not taken.
        enabled: Option<bool>,
        /// The older name of `dmPolicy`.
        policy: Option<DmPolicy>,
        /// The older place of `allowFrom`.
        allow_from: Option<Vec<Id>>,
        /// Chats of several people are taken. False if nothing is said.
        group_enabled: Option<bool>,
        /// Only those of these chats, by id; empty means all.
        group_channels: Option<Vec<Id>>,
    }
}

record! {
    /// `dms.<id>`
    DmSettings {
        /// Messages of the past that a turn sees.
        history_limit: Option<u32>,
    }
}

record! {
    /// The form of September 2026.
    StreamingObject {
        /// The mode.
        mode: Option<StreamingMode>,
        /// How long texts are cut.
        chunk_mode: Option<ChunkMode>,
        /// Accepted, without effect.
        preview: Option<Anything>,
        /// Accepted, without effect.
        progress: Option<Anything>,
        /// Messages for blocks.
        block: Option<Anything>,
    }
}

record! {
    /// `draftChunk` and `blockStreamingCoalesce`: sizes for blocks.
    DraftChunk {
        /// Least characters.
        min_chars: Option<u32>,
        /// Most characters.
        max_chars: Option<u32>,
        /// Longest silence, milliseconds.
        idle_ms: Option<u32>,
        /// Accepted, without effect.
        break_preference: Option<String>,
    }
}

record! {
    /// Which commands are registered with the platform.
    Commands {
        /// The gateway's own: `true`, `false` or `"auto"`, which is on.
        native: Option<Toggle>,
        /// Accepted, without effect.
        native_skills: Option<Toggle>,
    }
}

record! {
    /// One command that the host wants registered.
    NativeCommand {
        /// Its name.
        command: String,
        /// What the menu says of it.
        description: String,
        /// How its arguments look, `<number> [--now]`; empty if it takes none.
        usage: String,
        /// What its argument can be; empty if anything.
        choices: Vec<String>,
    }
}

record! {
    /// What the agent may do besides answering. On if nothing is said, but for `roles`, `moderation` and `presence`.
    Actions {
        /// React to messages and list reactions.
        reactions: Option<bool>,
        /// Send stickers.
        stickers: Option<bool>,
        /// Upload emoji.
        emoji_uploads: Option<bool>,
        /// Upload stickers.
        sticker_uploads: Option<bool>,
        /// Make polls.
        polls: Option<bool>,
        /// Read permissions.
        permissions: Option<bool>,
        /// Read, send, edit and delete messages.
        messages: Option<bool>,
        /// Open, list and answer in threads.
        threads: Option<bool>,
        /// Pin, unpin and list pins.
        pins: Option<bool>,
        /// Search messages.
        search: Option<bool>,
        /// Read members.
        member_info: Option<bool>,
        /// Read roles.
        role_info: Option<bool>,
        /// Give and take roles; off if nothing is said.
        roles: Option<bool>,
        /// Read channels.
        channel_info: Option<bool>,
        /// See who is in a voice channel.
        voice_status: Option<bool>,
        /// List and make events.
        events: Option<bool>,
        /// Time out, remove and ban people; off if nothing is said.
        moderation: Option<bool>,
        /// Make, change, move and delete channels and categories.
        channels: Option<bool>,
        /// Change the bot's presence; off if nothing is said.
        presence: Option<bool>,
    }
}

record! {
    /// `slashCommand`
    SlashCommand {
        /// Answers are seen only by who gave the command. True if nothing is said.
        ephemeral: Option<bool>,
    }
}

record! {
    /// `intents`: what the bot hears besides the ordinary. Each must be switched on in the Developer Portal too.
    Intents {
        /// Who is online. False if nothing is said.
        presence: Option<bool>,
        /// Who joins and leaves. False if nothing is said.
        guild_members: Option<bool>,
        /// What messages say that don't mention the bot. True if nothing is said.
        message_content: Option<bool>,
        /// Who is in voice channels. True if nothing is said.
        voice_states: Option<bool>,
    }
}

record! {
    /// `autoPresence`: the presence tells how the gateway is doing.
    AutoPresence {
        /// On.
        enabled: Option<bool>,
        /// How often it is looked at, milliseconds. 30,000 if nothing is said.
        interval_ms: Option<u64>,
        /// Least time between two changes, milliseconds. 15,000 if nothing is said.
        min_update_interval_ms: Option<u64>,
        /// What is shown when all is well.
        healthy_text: Option<String>,
        /// What is shown when something is wrong.
        degraded_text: Option<String>,
        /// Accepted, without effect.
        exhausted_text: Option<String>,
    }
}

record! {
    /// Approvals of commands in the chat.
    ExecApprovals {
        /// `true`, `false` or `"auto"`.
        enabled: Option<Toggle>,
        /// Ids of people who may approve.
        approvers: Option<Vec<Id>>,
        /// Only for these agents.
        agent_filter: Option<Vec<String>>,
        /// Only for these sessions.
        session_filter: Option<Vec<String>>,
        /// Where they are asked: `dm`, `channel` or `both`.
        target: Option<String>,
        /// Accepted, without effect: the question is edited.
        cleanup_after_resolve: Option<bool>,
    }
}

record! {
    /// `agentComponents`: buttons, menus and forms.
    AgentComponents {
        /// False: none are sent, and those that are pressed have no effect.
        enabled: Option<bool>,
        /// How long they can be used, milliseconds. 1,800,000 if nothing is said; at most 86,400,000.
        ttl_ms: Option<u64>,
    }
}

record! {
    /// Sessions bound to threads.
    ThreadBindings {
        /// On.
        enabled: Option<bool>,
        /// The older name of `idleHours`.
        ttl_hours: Option<f64>,
        /// A binding ends after so much silence.
        idle_hours: Option<f64>,
        /// A binding ends after so long.
        max_age_hours: Option<f64>,
        /// Agents may open bound sessions.
        spawn_sessions: Option<bool>,
        /// The older name of `spawnSessions`.
        spawn_subagent_sessions: Option<bool>,
        /// The older name of `spawnSessions`, for other programs' agents.
        spawn_acp_sessions: Option<bool>,
        /// `isolated` or `fork`.
        default_spawn_context: Option<String>,
    }
}

record! {
    /// `thread`
    ThreadSettings {
        /// Accepted, without effect.
        inherit_parent: Option<bool>,
    }
}

record! {
    /// PluralKit: messages that it posts for its members.
    PluralKit {
        /// Ask it who wrote them. False if nothing is said.
        enabled: Option<bool>,
        /// Its token, for members that are private.
        token: Token,
    }
}

record! {
    /// Where mention patterns count.
    MentionPatterns {
        /// `allow` or `deny`.
        mode: Option<String>,
        /// Chats where they count.
        allow_in: Option<Vec<String>>,
        /// Chats where they don't.
        deny_in: Option<Vec<String>>,
    }
}

record! {
    /// How Markdown is shown.
    Markdown {
        /// Tables as `code` (default), as `bullets`, or `off`: as they are written. `block` is `code`.
        tables: Option<TableMode>,
    }
}

record! {
    /// `healthMonitor`
    Enabled {
        /// On.
        enabled: Option<bool>,
    }
}

/// On, off, or `"auto"`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Toggle {
    /// On or off.
    Flag(bool),
    /// `"auto"`.
    Word(String),
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

/// How long texts are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ChunkMode {
    /// At the limit.
    Length,
    /// At blank lines, then at the limit.
    Newline,
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

/// Whether the bot is shown as online.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum PresenceStatus {
    /// A green dot.
    #[default]
    Online,
    /// A red one.
    Dnd,
    /// A yellow one.
    Idle,
    /// As if it were offline.
    Invisible,
}

/// Whether other bots may write. The host decides by it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum AllowBots {
    /// Always or never.
    Flag(bool),
    /// `"mentions"`: when they mention the bot.
    Word(MentionsWord),
}

/// The word `mentions`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum MentionsWord {
    /// When the bot is mentioned.
    Mentions,
}

impl Toggle {
    /// Off, and not merely unsaid.
    pub fn is_off(&self) -> bool {
        matches!(self, Self::Flag(false))
    }
}

impl PresenceStatus {
    /// As the gateway knows it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Online => "online",
            Self::Dnd => "dnd",
            Self::Idle => "idle",
            Self::Invisible => "invisible",
        }
    }
}
