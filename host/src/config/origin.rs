//! `env`, `meta`, `wizard`: where variables come from, and what programs noted in the file about themselves.
use super::opaque::Ignored;
use openclaw_plugin_api::Secret;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// `env`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct EnvConfig {
    /// Variables that count where the environment has none of the name.
    pub vars: BTreeMap<String, Secret>,
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
