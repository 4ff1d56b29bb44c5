//! `channels.discord.guilds`: servers, and the channels in them. Who may write there is decided by the host.
use super::value::Id;
use openclaw_plugin_api::setting::Anything;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// One server, by its id, or `*` for all.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Guild {
    /// Its name as it is written in lists; counts only with `dangerouslyAllowNameMatching`.
    pub slug: Option<String>,
    /// Answer only where the bot is mentioned or replied to. True if nothing is said.
    pub require_mention: Option<bool>,
    /// Messages that mention somebody else and not the bot are not answered.
    pub ignore_other_mentions: Option<bool>,
    /// Whose messages' reactions are told. `own` if nothing is said.
    pub reaction_notifications: Option<ReactionNotifications>,
    /// Ids of people who may write; with `roles` empty, everybody may.
    pub users: Vec<Id>,
    /// Ids of roles that may write.
    pub roles: Vec<Id>,
    /// Tools that the agent has here.
    pub tools: Option<Tools>,
    /// Tools by sender.
    pub tools_by_sender: Option<BTreeMap<String, Tools>>,
    /// Accepted, without effect: tell who comes online.
    pub presence_events: Option<Anything>,
    /// Channels by id, name or `*`. If there are any, there are no others.
    pub channels: BTreeMap<String, Room>,
}

/// One channel of a server, by its id, its name, or `*` for all.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Room {
    /// The older name of `enabled`.
    pub allow: Option<bool>,
    /// False: the channel is not served.
    pub enabled: Option<bool>,
    /// Answer only where the bot is mentioned or replied to.
    pub require_mention: Option<bool>,
    /// Messages that mention somebody else and not the bot are not answered.
    pub ignore_other_mentions: Option<bool>,
    /// Ids of people who may write; replaces the server's.
    pub users: Option<Vec<Id>>,
    /// Ids of roles that may write; replaces the server's.
    pub roles: Option<Vec<Id>>,
    /// Tools that the agent has here.
    pub tools: Option<Tools>,
    /// Tools by sender.
    pub tools_by_sender: Option<BTreeMap<String, Tools>>,
    /// Accepted, without effect.
    pub skills: Option<Vec<String>>,
    /// More instructions for the agent.
    pub system_prompt: Option<String>,
    /// Show the message that a thread began with. True if nothing is said.
    pub include_thread_starter: Option<bool>,
    /// Answer each message in a thread of its own.
    pub auto_thread: Option<bool>,
    /// Accepted, without effect: such a thread is called after the message.
    pub auto_thread_name: Option<AutoThreadName>,
    /// Minutes of silence after which such a thread is archived: 60, 1440, 4320 or 10080.
    pub auto_archive_duration: Option<Minutes>,
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
    /// Everybody's, where `users` names who reacts.
    Allowlist,
}

/// How a thread is called that was opened for a message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum AutoThreadName {
    /// After the message.
    #[default]
    Message,
    /// By a model; here also after the message.
    Generated,
}

/// Minutes, as a number or in quotes.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Minutes {
    /// A number.
    Number(u32),
    /// In quotes.
    Text(String),
}

/// Which tools an agent has.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Tools {
    /// Only these.
    pub allow: Option<Vec<String>>,
    /// These too.
    pub also_allow: Option<Vec<String>>,
    /// Not these.
    pub deny: Option<Vec<String>>,
}

impl Minutes {
    /// The number, if it is one.
    pub fn get(&self) -> Option<u32> {
        match self {
            Self::Number(minutes) => Some(*minutes),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }
}
