//! `tools`: which tools agents may use. What a single tool can be told stands in its plugin's configuration.
use super::agents::words;
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
    pub by_provider: BTreeMap<String, ToolPolicy>,
}

/// `agents.entries.<id>.tools`, `tools.byProvider.<id>`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ToolPolicy {
    /// A set of tools to begin with. Default: what a wider key says.
    pub profile: Option<ToolProfile>,
    /// The only tools there are. None: what a wider key says.
    pub allow: Option<Vec<String>>,
    /// Tools in addition.
    pub also_allow: Vec<String>,
    /// Tools that may not be used.
    pub deny: Vec<String>,
}

words! {
    /// A set of tools.
    ToolProfile {
        /// The state of the session.
        Minimal = "minimal",
        /// Files, commands, sessions, memory.
        Coding = "coding",
        /// Messages and sessions.
        Messaging = "messaging",
        /// All.
        Full = "full",
    }
}
