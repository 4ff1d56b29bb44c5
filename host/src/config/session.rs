//! `session`: which messages belong to one conversation, and when it begins anew. Pure settings; `route` applies them.
use super::{PeerKind, TypingMode, opaque::Ignored};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// Hour of the local day at which conversations begin anew by default.
const AT_HOUR: u8 = 4;
/// Minutes of silence after which a conversation begins anew by default, where silence counts.
const IDLE_MINUTES: u32 = 60;

/// `session`
#[derive(Debug, Clone, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct SessionConfig {
    /// One conversation for each sender and group, or one for all. Default: `per-sender`.
    pub scope: SessionScope,
    /// Which private chats share a conversation. Default: `main`, all of an agent.
    pub dm_scope: DmScope,
    /// Whether groups have conversations of their own. Default: `per-group`.
    pub group_scope: GroupScope,
    /// Names for people with several ids: `{"ann": ["<channel>:123", "456"]}`. Without effect for `dmScope: "main"`.
    pub identity_links: BTreeMap<String, Vec<String>>,
    /// Messages that begin the conversation anew. Default: `/new` and `/reset`.
    pub reset_triggers: Vec<String>,
    /// When conversations begin anew. Default: daily at four.
    pub reset: Option<ResetConfig>,
    /// The same by sort of chat.
    pub reset_by_type: ResetByType,
    /// The same by channel; goes before the sort of chat.
    pub reset_by_channel: BTreeMap<String, ResetConfig>,
    /// Minutes of silence after which a conversation begins anew; the form of 2025.
    #[schemars(range(min = 1))]
    pub idle_minutes: Option<u32>,
    /// Which conversations may be answered.
    pub send_policy: SendPolicy,
    /// Seconds between two signs that the agent is typing.
    #[schemars(range(min = 1))]
    pub typing_interval_seconds: Option<u32>,
    /// When the agent is shown typing.
    pub typing_mode: Option<TypingMode>,
    /// How agents talk to each other.
    pub agent_to_agent: AgentToAgent,
    /// Accepted for OpenClaw's sake; without effect: conversations are in the journal.
    pub store: Option<Ignored>,
    /// Accepted for OpenClaw's sake; without effect: the main conversation is always `main`.
    pub main_key: Option<Ignored>,
    /// Accepted for OpenClaw's sake; without effect.
    pub notify_on_create: Option<Ignored>,
    /// Accepted for OpenClaw's sake; without effect.
    pub maintenance: Option<Ignored>,
    /// Accepted for OpenClaw's sake; without effect.
    pub thread_bindings: Option<Ignored>,
    /// Accepted for OpenClaw's sake; without effect.
    pub sharing: Option<Ignored>,
}

/// `session.scope`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SessionScope {
    /// By sender and group.
    #[default]
    PerSender,
    /// One for everything.
    Global,
}

/// `session.dmScope`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DmScope {
    /// All private chats of an agent are one conversation.
    #[default]
    Main,
    /// One for each person, over all channels.
    PerPeer,
    /// One for each person and channel.
    PerChannelPeer,
    /// One for each person, channel and account.
    PerAccountChannelPeer,
}

/// `session.groupScope`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum GroupScope {
    /// All groups share the agent's main conversation.
    Main,
    /// One for each group.
    #[default]
    PerGroup,
}

/// `session.reset`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ResetConfig {
    /// At an hour, after silence, or never. Default: `idle` if only `idleMinutes` is set, else `daily`.
    pub mode: Option<ResetMode>,
    /// Hour of the local day. Default: 4.
    #[schemars(range(max = 23))]
    pub at_hour: Option<u8>,
    /// Minutes of silence; counts beside the hour if it is set. Default for `idle`: 60.
    #[schemars(range(min = 1))]
    pub idle_minutes: Option<u32>,
}

/// When a conversation begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ResetMode {
    /// Never by itself.
    None,
    /// At an hour of the local day.
    Daily,
    /// After silence.
    Idle,
}

/// `session.resetByType`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ResetByType {
    /// Private chats.
    pub direct: Option<ResetConfig>,
    /// Private chats, in the form of February 2026.
    pub dm: Option<ResetConfig>,
    /// Groups.
    pub group: Option<ResetConfig>,
    /// Threads and topics.
    pub thread: Option<ResetConfig>,
}

/// `session.sendPolicy`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct SendPolicy {
    /// Where no rule applies. Default: `allow`.
    pub default: SendAction,
    /// The first `deny` that applies wins, then any `allow`.
    pub rules: Vec<SendRule>,
}

/// Whether something is sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SendAction {
    /// It is.
    #[default]
    Allow,
    /// It is not.
    Deny,
}

/// `session.sendPolicy.rules[]`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct SendRule {
    /// What it says.
    pub action: SendAction,
    /// What it is about; empty means everything.
    pub r#match: SendMatch,
}

/// `session.sendPolicy.rules[].match`: all that is set must hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct SendMatch {
    /// Channel.
    pub channel: Option<String>,
    /// Sort of chat.
    pub chat_type: Option<PeerKind>,
    /// What the session key begins with behind the agent.
    pub key_prefix: Option<String>,
    /// What the whole session key begins with.
    pub raw_key_prefix: Option<String>,
}

/// `session.agentToAgent`
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentToAgent {
    /// Accepted, without effect: answers to answers.
    #[schemars(range(max = 5))]
    pub max_ping_pong_turns: Option<u8>,
}

/// When one conversation begins anew, with everything inherited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ResetPolicy {
    /// Hour of the local day.
    pub at_hour: Option<u8>,
    /// Minutes of silence.
    pub idle_minutes: Option<u32>,
}

impl SessionConfig {
    /// When a conversation on `channel` begins anew: the channel's rule, else that of the sort of chat, else the
    /// general one.
    pub fn reset_policy(&self, channel: &str, kind: PeerKind, in_thread: bool) -> ResetPolicy {
        let by_type = &self.reset_by_type;
        let of_kind = match kind {
            _ if in_thread => by_type.thread,
            PeerKind::Direct => by_type.direct.or(by_type.dm),
            PeerKind::Group | PeerKind::Channel => by_type.group,
        };
        let by_channel = self.reset_by_channel.iter();
        let of_channel = by_channel
            .filter(|(name, _)| name.eq_ignore_ascii_case(channel))
            .map(|(_, reset)| *reset)
            .next();
        let older = ResetConfig {
            mode: self.idle_minutes.map(|_| ResetMode::Idle),
            idle_minutes: self.idle_minutes,
            ..ResetConfig::default()
        };
        of_channel.or(of_kind).or(self.reset).unwrap_or(older).into()
    }
}

impl From<ResetConfig> for ResetPolicy {
    fn from(config: ResetConfig) -> Self {
        let only_idle = config.idle_minutes.is_some() && config.at_hour.is_none();
        let usual = if only_idle {
            ResetMode::Idle
        } else {
            ResetMode::Daily
        };
        match config.mode.unwrap_or(usual) {
            ResetMode::None => Self::default(),
            ResetMode::Daily => Self {
                at_hour: Some(config.at_hour.unwrap_or(AT_HOUR).min(23)),
                idle_minutes: config.idle_minutes,
            },
            ResetMode::Idle => Self {
                at_hour: None,
                idle_minutes: Some(config.idle_minutes.unwrap_or(IDLE_MINUTES)),
            },
        }
    }
}

impl Default for SessionConfig {
    fn default() -> Self {
        Self {
            scope: SessionScope::default(),
            dm_scope: DmScope::default(),
            group_scope: GroupScope::default(),
            identity_links: BTreeMap::new(),
            reset_triggers: vec!["/new".into(), "/reset".into()],
            reset: None,
            reset_by_type: ResetByType::default(),
            reset_by_channel: BTreeMap::new(),
            idle_minutes: None,
            send_policy: SendPolicy::default(),
            typing_interval_seconds: None,
            typing_mode: None,
            agent_to_agent: AgentToAgent::default(),
            store: None,
            main_key: None,
            notify_on_create: None,
            maintenance: None,
            thread_bindings: None,
            sharing: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_nearest_reset_counts() {
        let daily = |at_hour, idle_minutes| ResetPolicy {
            at_hour: Some(at_hour),
            idle_minutes,
        };
        let idle = |minutes| ResetPolicy {
            at_hour: None,
            idle_minutes: Some(minutes),
        };
        use PeerKind::{Channel, Direct, Group};
        for (session, channel, kind, thread, expected) in [
            (json!({}), "c", Direct, false, daily(4, None)),
            (json!({"idleMinutes": 7}), "c", Direct, false, idle(7)),
            (
                json!({"idleMinutes": 7, "reset": {"mode": "daily"}}),
                "c",
                Direct,
                false,
                daily(4, None),
            ),
            (
                json!({"reset": {"mode": "none", "atHour": 3}}),
                "c",
                Direct,
                false,
                ResetPolicy::default(),
            ),
            (json!({"reset": {"mode": "idle"}}), "c", Direct, false, idle(60)),
            (json!({"reset": {"idleMinutes": 9}}), "c", Direct, false, idle(9)),
            (
                json!({"reset": {"mode": "daily", "idleMinutes": 9}}),
                "c",
                Direct,
                false,
                daily(4, Some(9)),
            ),
            (
                json!({"resetByType": {"dm": {"atHour": 5}}}),
                "c",
                Direct,
                false,
                daily(5, None),
            ),
            (
                json!({"resetByType": {"dm": {"atHour": 5}}}),
                "c",
                Group,
                false,
                daily(4, None),
            ),
            (
                json!({"resetByType": {"group": {"atHour": 5}}}),
                "c",
                Channel,
                false,
                daily(5, None),
            ),
            (
                json!({"resetByType": {"thread": {"atHour": 6}}}),
                "c",
                Channel,
                true,
                daily(6, None),
            ),
            (
                json!({"resetByChannel": {"C": {"atHour": 7}}, "resetByType": {"direct": {"atHour": 5}}}),
                "c",
                Direct,
                false,
                daily(7, None),
            ),
        ] {
            let config = SessionConfig::deserialize(&session).expect("a session");
            assert_eq!(config.reset_policy(channel, kind, thread), expected, "{session}");
        }
    }
}
