//! `env`, `meta`, `wizard`: where variables come from, and what programs noted in the file about themselves.
use super::opaque::Ignored;
use openclaw_plugin_api::Secret;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// `env`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields, extend("patternProperties" = {"^[A-Z_][A-Z0-9_]*$": {"type": "string"}}))]
pub struct EnvConfig {
    /// Variables that count where the environment has none of the name. They may also stand beside this key.
    pub vars: BTreeMap<String, Secret>,
    /// Variables that are written beside `vars`.
    #[serde(flatten)]
    #[schemars(skip)]
    inline: BTreeMap<String, Secret>,
}

/// `meta`, which programs write and people don't.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct MetaConfig {
    /// Version of the program that wrote the file last.
    pub last_touched_version: Option<String>,
    /// When it did, RFC 3339.
    pub last_touched_at: Option<String>,
    /// What was brought into a newer form. Kept as it is.
    pub migrations: Option<Ignored>,
}

// === impl EnvConfig ===

impl EnvConfig {
    /// The value that the file gives to a variable. The environment's own value comes before it.
    pub fn var(&self, name: &str) -> Option<&str> {
        let written = self.vars.get(name).or_else(|| self.inline.get(name));
        written.map(Secret::expose).filter(|value| !value.is_empty())
    }
}
