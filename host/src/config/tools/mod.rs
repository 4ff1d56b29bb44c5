//! `tools`: which tools agents may use. What a single tool can be told stands in its plugin's configuration.
//!
//! Nothing is decided here: `agent::policy` does that. `names` knows what may be written in a policy, and `check` says
//! what of it nobody has.
mod check;
mod message;
pub mod names;

pub use check::{ToolNames, check};
pub use message::MessageTool;

use super::{Opaque, agents::words};
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// `tools`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ToolsConfig {
    /// A set of tools to begin with. Default: `full`.
    pub profile: Option<ToolProfile>,
    /// The only tools there are: names, `group:name`, ids of plugins, `*` in names. None: those of the profile.
    pub allow: Option<Vec<String>>,
    /// Tools in addition to those of the profile.
    pub also_allow: Vec<String>,
    /// Tools that nobody may use. Wins over everything.
    pub deny: Vec<String>,
    /// The same for one provider or model (`provider`, `provider/model`).
    pub by_provider: BTreeMap<String, ToolRules>,
    /// The same for one person: an id, `<channel>:<id>`, or `*` for everybody who is not named.
    pub tools_by_sender: BTreeMap<String, ToolRules>,
    /// What agents see of conversations.
    pub sessions: SessionTools,
    /// Whether agents may look into conversations of other agents and write there.
    pub agent_to_agent: AgentToAgent,
    /// What subagents may use.
    pub subagents: NestedTools,
    /// What may be used in a sandbox.
    pub sandbox: NestedTools,
    /// What ends a turn that goes round in circles.
    pub loop_detection: LoopDetection,
    /// What an agent may change of this file.
    pub gateway: GatewayTool,
    /// Where messages may go, and what may be done there.
    pub message: MessageTool,
    /// How the web is read and searched; judged by the plugin that does it.
    pub web: Opaque,
}

/// `agents.entries.<id>.tools`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ToolPolicy {
    /// A set of tools to begin with. Default: what `tools.profile` says.
    pub profile: Option<ToolProfile>,
    /// The only tools there are. None: what a wider key says.
    pub allow: Option<Vec<String>>,
    /// Tools in addition to those of the profile.
    pub also_allow: Vec<String>,
    /// Tools that may not be used.
    pub deny: Vec<String>,
    /// The same for one provider or model (`provider`, `provider/model`).
    pub by_provider: BTreeMap<String, ToolRules>,
    /// The same for one person: an id, `<channel>:<id>`, or `*` for everybody who is not named.
    pub tools_by_sender: BTreeMap<String, ToolRules>,
    /// Where messages may go, and what may be done there. Default: what `tools.message` says.
    pub message: MessageTool,
}

/// `tools.byProvider.<id>`, `tools.toolsBySender.<id>`, `channels.<id>.groups.<id>.tools`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ToolRules {
    /// A set of tools to begin with. It has an effect under `byProvider` only.
    pub profile: Option<ToolProfile>,
    /// The only tools there are. None: what a wider key says.
    pub allow: Option<Vec<String>>,
    /// Tools in addition.
    pub also_allow: Vec<String>,
    /// Tools that may not be used.
    pub deny: Vec<String>,
}

/// `tools.subagents`, `tools.sandbox`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct NestedTools {
    /// The rules. What they allow by name is no longer off by default.
    pub tools: ToolRules,
}

/// `tools.sessions`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct SessionTools {
    /// Which conversations the tools `sessions_*` and `session_status` reach. Default: `tree`.
    pub visibility: Option<SessionVisibility>,
}

/// `tools.agentToAgent`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct AgentToAgent {
    /// They may. Default: false.
    pub enabled: bool,
    /// Agents that take part, `*` in ids; both sides have to be named. Empty: all.
    pub allow: Vec<String>,
}

/// `tools.loopDetection`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct LoopDetection {
    /// A model that repeats one call again and again is warned, then its turn ends. Default: true.
    pub enabled: Option<bool>,
}

/// `tools.gateway`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayTool {
    /// Keys of this file that the tool `gateway` may write for the owner, with all that is below them. Default: none.
    pub editable: Vec<String>,
}

words! {
    /// A set of tools.
    ToolProfile {
        /// The state of the session.
        Minimal = "minimal",
        /// Files, commands, the web, sessions, memory.
        Coding = "coding",
        /// Messages and sessions.
        Messaging = "messaging",
        /// All.
        Full = "full",
    }
    /// Which conversations a tool reaches.
    SessionVisibility {
        /// The one that it is used in.
        Itself = "self",
        /// That one and those of the subagents that were started from it.
        Tree = "tree",
        /// Those of its agent.
        Agent = "agent",
        /// All, as far as `tools.agentToAgent` lets agents look at each other.
        All = "all",
    }
}

// === impl ToolProfile ===

impl ToolProfile {
    /// The word in the file.
    pub fn word(self) -> &'static str {
        match self {
            Self::Minimal => "minimal",
            Self::Coding => "coding",
            Self::Messaging => "messaging",
            Self::Full => "full",
        }
    }
}
