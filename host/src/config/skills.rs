//! `skills`: instructions for special work that agents find in folders.
use super::secrets::SecretInput;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;

/// `skills`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct SkillsConfig {
    /// Where they are found.
    pub load: SkillsLoad,
    /// Single skills by key.
    pub entries: BTreeMap<String, SkillEntry>,
}

/// `skills.load`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct SkillsLoad {
    /// More folders with skills; those of others go first.
    pub extra_dirs: Vec<String>,
}

/// `skills.entries.<key>`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct SkillEntry {
    /// Is it offered? Default: true.
    pub enabled: Option<bool>,
    /// The value of its main variable.
    pub api_key: Option<SecretInput>,
    /// Variables that it needs.
    pub env: BTreeMap<String, SecretInput>,
    /// What else it can be told.
    pub config: BTreeMap<String, serde_json::Value>,
}
