//! `messages`: what happens to messages around a turn: prefixes, mentions, queues, acknowledging reactions.
use super::agents::words;
use schemars::JsonSchema;
use serde::Deserialize;
use std::{collections::BTreeMap, time::Duration};

/// `messages`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct MessagesConfig {
    /// Text before each answer; `auto` is the agent's name in brackets, empty stops what a wider key says.
    /// Default: nothing.
    pub response_prefix: Option<String>,
    /// How agents behave in groups.
    pub group_chat: GroupChatConfig,
    /// What happens to messages that come during a turn.
    pub queue: QueueConfig,
    /// How long to wait for more text of the same sender.
    pub inbound: InboundConfig,
    /// The reaction that says "seen". Empty: none. Default: the agent's emoji, else 👀.
    pub ack_reaction: Option<String>,
    /// Which messages get it. Default: `group-mentions`.
    pub ack_reaction_scope: Option<AckScope>,
    /// Accepted, without effect: the reaction stays.
    pub remove_ack_after_reply: bool,
}

/// `messages.groupChat`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct GroupChatConfig {
    /// Regular expressions that count as a mention, whatever their case. Default: the agent's name and emoji.
    pub mention_patterns: Option<Vec<String>>,
    /// Messages before the mention that the agent is shown. 0: none. Default: 50.
    #[schemars(range(max = 1000))]
    pub history_limit: Option<usize>,
}

/// `messages.queue`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct QueueConfig {
    /// What happens to a message that comes during a turn. Default: `steer`.
    pub mode: Option<QueueMode>,
    /// The same for one channel.
    pub by_channel: BTreeMap<String, QueueMode>,
    /// How long a queue waits for more before its turn, milliseconds. Default: 500.
    #[schemars(range(max = 600_000))]
    pub debounce_ms: Option<u64>,
    /// The same for one channel.
    #[schemars(inner(range(max = 600_000)))]
    pub debounce_ms_by_channel: BTreeMap<String, u64>,
    /// Most messages in the queue of a session. Default: 20.
    #[schemars(range(min = 1, max = 1000))]
    pub cap: Option<usize>,
    /// What goes when there are more. Default: `summarize`.
    pub drop: Option<QueueDrop>,
}

/// `messages.inbound`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct InboundConfig {
    /// How long to wait for more text of the same sender before a turn, milliseconds. Default: 0.
    #[schemars(range(max = 600_000))]
    pub debounce_ms: Option<u64>,
    /// The same for one channel.
    #[schemars(inner(range(max = 600_000)))]
    pub by_channel: BTreeMap<String, u64>,
}

words! {
    /// What happens to a message that comes during a turn.
    QueueMode {
        /// It goes into the running turn, else it is the next one.
        Steer = "steer",
        /// It is a turn of its own, after this one.
        Followup = "followup",
        /// With all others that wait it is one turn, after this one.
        Collect = "collect",
        /// It ends the turn and starts a new one.
        Interrupt = "interrupt",
        /// It goes into the running turn and is also the next one; of February 2026, here the same as `steer`.
        SteerBacklog = "steer-backlog",
        /// The same as `steer-backlog`.
        SteerPlusBacklog = "steer+backlog",
        /// The same as `steer`.
        Queue = "queue",
    }
    /// What goes when a queue is full.
    QueueDrop {
        /// The oldest message.
        Old = "old",
        /// The newest message.
        New = "new",
        /// The oldest message, and the agent is told in a line what it was.
        Summarize = "summarize",
    }
    /// Which messages get the reaction that says "seen".
    AckScope {
        /// Those in groups that mention the agent.
        GroupMentions = "group-mentions",
        /// All in groups that it answers.
        GroupAll = "group-all",
        /// Direct ones.
        Direct = "direct",
        /// All that it answers.
        All = "all",
        /// None.
        Off = "off",
        /// None.
        None = "none",
    }
}

// === impl QueueConfig ===

impl QueueConfig {
    /// The mode of a channel: one of `steer`, `followup`, `collect` and `interrupt`.
    pub fn mode(&self, channel: &str) -> QueueMode {
        let written = self.by_channel.get(channel).copied().or(self.mode);
        match written.unwrap_or(QueueMode::Steer) {
            QueueMode::SteerBacklog | QueueMode::SteerPlusBacklog | QueueMode::Queue => QueueMode::Steer,
            mode => mode,
        }
    }

    /// How long a queue of a channel waits for more.
    pub fn debounce(&self, channel: &str) -> Duration {
        let written = self.debounce_ms_by_channel.get(channel).copied();
        Duration::from_millis(written.or(self.debounce_ms).unwrap_or(500))
    }

    /// Most messages in the queue of a session.
    pub fn cap(&self) -> usize {
        self.cap.unwrap_or(20)
    }

    /// What goes when there are more.
    pub fn drop(&self) -> QueueDrop {
        self.drop.unwrap_or(QueueDrop::Summarize)
    }
}

// === impl InboundConfig ===

impl InboundConfig {
    /// How long to wait for more text of the same sender on a channel.
    pub fn debounce(&self, channel: &str) -> Duration {
        let written = self.by_channel.get(channel).copied();
        Duration::from_millis(written.or(self.debounce_ms).unwrap_or(0))
    }
}

// === impl MessagesConfig ===

impl MessagesConfig {
    /// Which messages get the reaction that says "seen".
    pub fn ack_scope(&self) -> AckScope {
        self.ack_reaction_scope.unwrap_or(AckScope::GroupMentions)
    }
}
