//! What holds in one group, topic or private chat. The host reads these keys; the plugin passes messages on.
use super::value::Id;
use openclaw_plugin_api::setting::{Anything, DmPolicy, GroupPolicy};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// One group, by its id (`-100…`), or `*` for all.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Group {
    /// False: the group is not served.
    pub enabled: Option<bool>,
    /// Answer only where the bot is mentioned or replied to. True if nothing is said.
    pub require_mention: Option<bool>,
    /// Overrides `groupPolicy` here.
    pub group_policy: Option<GroupPolicy>,
    /// Who may write here.
    pub allow_from: Option<Vec<Id>>,
    /// Accepted, without effect.
    pub skills: Option<Vec<String>>,
    /// More instructions for the agent.
    pub system_prompt: Option<String>,
    /// Tools that the agent has here: `allow`, `alsoAllow`, `deny`.
    pub tools: Option<Tools>,
    /// Tools by sender.
    pub tools_by_sender: Option<BTreeMap<String, Tools>>,
    /// Forum topics, by thread id. A topic inherits from its group.
    pub topics: BTreeMap<String, Topic>,
    /// Accepted, without effect: `bindings` say which agent answers.
    pub agent_id: Option<String>,
    /// Accepted, without effect.
    pub ingest: Option<bool>,
    /// Accepted, without effect.
    pub error_policy: Option<ErrorPolicy>,
    /// Accepted, without effect.
    pub disable_audio_preflight: Option<bool>,
}

/// One forum topic.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Topic {
    /// False: the topic is not served.
    pub enabled: Option<bool>,
    /// Answer only where the bot is mentioned or replied to.
    pub require_mention: Option<bool>,
    /// Overrides `groupPolicy` here.
    pub group_policy: Option<GroupPolicy>,
    /// Who may write here.
    pub allow_from: Option<Vec<Id>>,
    /// Accepted, without effect.
    pub skills: Option<Vec<String>>,
    /// More instructions for the agent.
    pub system_prompt: Option<String>,
    /// Accepted, without effect: `bindings` say which agent answers.
    pub agent_id: Option<String>,
    /// Accepted, without effect.
    pub ingest: Option<bool>,
    /// Accepted, without effect.
    pub error_policy: Option<ErrorPolicy>,
    /// Accepted, without effect.
    pub disable_audio_preflight: Option<bool>,
}

/// One private chat, by the person's id.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Direct {
    /// False: the chat is not served.
    pub enabled: Option<bool>,
    /// Overrides `dmPolicy` here.
    pub dm_policy: Option<DmPolicy>,
    /// Who may write here.
    pub allow_from: Option<Vec<Id>>,
    /// Accepted, without effect.
    pub skills: Option<Vec<String>>,
    /// More instructions for the agent.
    pub system_prompt: Option<String>,
    /// Tools that the agent has here: `allow`, `alsoAllow`, `deny`.
    pub tools: Option<Tools>,
    /// Tools by sender.
    pub tools_by_sender: Option<BTreeMap<String, Tools>>,
    /// Accepted, without effect.
    pub topics: BTreeMap<String, Topic>,
    /// Accepted, without effect: only messages in topics are served.
    pub require_topic: Option<bool>,
    /// Accepted, without effect: name new topics.
    pub auto_topic_label: Option<Anything>,
    /// Accepted, without effect.
    pub error_policy: Option<ErrorPolicy>,
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

/// What happens with errors of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ErrorPolicy {
    /// Each is told in the chat.
    Always,
    /// The same one is told once in four hours.
    Once,
    /// None is told.
    Silent,
}
