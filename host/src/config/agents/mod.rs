//! `agents`: who answers, with which model, from which folder, and how.
//!
//! Files of February 2026 write agents as a list, files of September 2026 as a map; both become one [`Agents`]. These
//! types say what was written and no default is applied to them; [`AgentsConfig::resolved`] does that, once.
mod edits;
mod heartbeat;
mod merge;
mod model;
mod pruning;
mod resolve;
mod settings;

pub use edits::{AgentPlace, add_agent, bindings_of, put_workspace_aside, remove_agent, remove_bindings};
pub use heartbeat::{ActiveHours, Heartbeat};
pub use model::{ModelChoice, ModelEntry, ModelPolicy, Params};
pub use pruning::{ContextPruning, HardClear, PruningMode, PruningTools, SoftTrim};
pub use resolve::{Agent, Agents, MAIN_AGENT, agent_id};
pub use settings::{
    AgentSettings, BreakPreference, Chunk, Coalesce, Compaction, CompactionMode, ContextInjection,
    HumanDelay, HumanDelayMode, MemoryFlush, OnOff, ReasoningLevel, StreamingBreak, Subagents, ThinkingLevel,
    TimeFormat, TypingMode, VerboseLevel,
};

use super::{messages::GroupChatConfig, ordered::Ordered};
use schemars::JsonSchema;
use serde::Deserialize;

/// `agents`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentsConfig {
    /// What holds for every agent that does not say otherwise.
    pub defaults: AgentDefaults,
    /// The agents, in the form of February 2026.
    pub list: Vec<AgentEntry>,
    /// The agents by id, in the form of September 2026. Wins over an entry of `list` with the same id.
    pub entries: Ordered<AgentEntry>,
}

/// `agents.defaults`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct AgentDefaults {
    /// Turns of all agents that run at the same time. Default: 4.
    #[schemars(range(min = 1, max = 1024))]
    pub max_concurrent: Option<usize>,
    /// What an agent can have as well.
    #[serde(flatten)]
    pub settings: AgentSettings,
}

/// `agents.list[]`, `agents.entries.<id>`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct AgentEntry {
    /// Its name in bindings and session keys. In `entries` the key says it.
    pub id: Option<String>,
    /// It answers what no binding sends elsewhere. Default: the first agent does.
    pub default: bool,
    /// Its name for people.
    pub name: Option<String>,
    /// What it is for, in words for people.
    pub description: Option<String>,
    /// Folder of its private state. Default: `<state>/agents/<id>/agent`.
    pub agent_dir: Option<String>,
    /// Who it is in a chat.
    pub identity: Identity,
    /// How it behaves in groups. Each key that is set replaces the one in `messages.groupChat`.
    pub group_chat: GroupChatConfig,
    /// Tools that it may use, in addition to what `tools` says.
    pub tools: super::tools::ToolPolicy,
    /// What `agents.defaults` can say as well.
    #[serde(flatten)]
    pub settings: AgentSettings,
}

/// `agents.entries.<id>.identity`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct Identity {
    /// The name that it goes by. People who write it mention the agent.
    pub name: Option<String>,
    /// Its character, in a few words.
    pub theme: Option<String>,
    /// The sign that it goes by. It is also the default of `messages.ackReaction`.
    pub emoji: Option<String>,
    /// Its picture: a path in the workspace, a URL or a data URI.
    pub avatar: Option<String>,
}

pub(super) use settings::words;

#[cfg(test)]
mod tests;
