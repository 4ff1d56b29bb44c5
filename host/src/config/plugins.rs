//! `plugins`: which plugins are on, where they come from, and what each may do.
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, path::PathBuf};

/// `plugins`
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct PluginsConfig {
    /// Are there plugins at all? True by default.
    pub enabled: bool,
    /// Only these ids; empty means any.
    pub allow: Vec<String>,
    /// Never these ids.
    pub deny: Vec<String>,
    /// Where to look besides the usual folders.
    pub load: LoadConfig,
    /// Ids without which the gateway doesn't start.
    pub required: Vec<String>,
    /// Settings by id.
    pub entries: BTreeMap<String, EntryConfig>,
    /// Accepted for OpenClaw's sake; without effect.
    pub slots: Value,
    /// Accepted for OpenClaw's sake; without effect.
    pub installs: Value,
}

/// `plugins.load`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadConfig {
    /// Libraries, or folders of libraries.
    pub paths: Vec<PathBuf>,
}

/// `plugins.entries.<id>`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct EntryConfig {
    /// On or off, whatever else would decide.
    pub enabled: Option<bool>,
    /// The plugin's own settings, judged by the schema in its manifest.
    pub config: Option<Value>,
    /// `none`: in the gateway's process. `process`: in one of its own. Default: `none` for bundled plugins, `process`
    /// for others.
    pub isolation: Option<IsolationConfig>,
    /// What its file must match.
    pub integrity: Option<IntegrityConfig>,
    /// What it may do. Each key that is set replaces the wish of the plugin's manifest.
    pub permissions: PermissionsConfig,
    /// The gateway doesn't start without it.
    pub required: bool,
    /// How long things may take.
    pub deadlines: DeadlinesConfig,
    /// Accepted for OpenClaw's sake; without effect.
    pub hooks: Value,
    /// Accepted for OpenClaw's sake; without effect.
    pub subagent: Value,
    /// Accepted for OpenClaw's sake; without effect.
    pub llm: Value,
    /// Accepted for OpenClaw's sake; without effect.
    pub api_key: Value,
    /// Accepted for OpenClaw's sake; without effect.
    pub env: Value,
}

/// Where a plugin runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum IsolationConfig {
    /// In the gateway's process: trusted code.
    None,
    /// In a process of its own, confined.
    Process,
}

/// `plugins.entries.<id>.integrity`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct IntegrityConfig {
    /// SHA-256 of the library, hex.
    pub sha256: Option<String>,
    /// A minisign signature that it must carry.
    pub minisign: Option<MinisignConfig>,
}

/// `plugins.entries.<id>.integrity.minisign`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct MinisignConfig {
    /// The public key, base64.
    pub public_key: String,
    /// The signature's text. Default: the file `<library>.minisig`.
    pub signature: Option<String>,
}

/// `plugins.entries.<id>.permissions`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct PermissionsConfig {
    /// Who opens its sockets: `none`, `host` or `own`.
    pub network: Option<String>,
    /// Hosts that it reaches through the gateway.
    pub hosts: Option<Vec<String>>,
    /// Files that it reads and writes besides its own.
    pub files: Option<FilesConfig>,
    /// Programs that it starts.
    pub processes: Option<Vec<String>>,
    /// URLs from messages, models and tools may lead to private addresses. False by default.
    pub private_network: bool,
    /// Memory of its process, megabytes; only with isolation. Default: no limit.
    pub memory_mb: Option<u64>,
}

/// `plugins.entries.<id>.permissions.files`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct FilesConfig {
    /// Paths that it reads.
    pub read: Vec<String>,
    /// Paths that it writes.
    pub write: Vec<String>,
}

/// `plugins.entries.<id>.deadlines`, milliseconds
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct DeadlinesConfig {
    /// Opening the library and making an instance. Default: 15,000.
    pub start_ms: Option<u64>,
    /// Any call that has no deadline of its own, and the longest single poll. Default: 30,000.
    pub call_ms: Option<u64>,
    /// A tool. Default: 600,000.
    pub tool_ms: Option<u64>,
    /// An answer of a model. Default: 600,000.
    pub complete_ms: Option<u64>,
    /// Finishing what is under way, and stopping. Default: 10,000.
    pub stop_ms: Option<u64>,
}

impl Default for PluginsConfig {
    fn default() -> Self {
        Self {
            enabled: true,
            allow: Vec::new(),
            deny: Vec::new(),
            load: LoadConfig::default(),
            required: Vec::new(),
            entries: BTreeMap::new(),
            slots: Value::Null,
            installs: Value::Null,
        }
    }
}

impl PluginsConfig {
    /// Reads the section. An error has the path of the key and what is wrong with it.
    pub(super) fn read(section: &Value) -> Result<Self, (String, String)> {
        let mut track = serde_path_to_error::Track::new();
        let deserializer = serde_path_to_error::Deserializer::new(section, &mut track);
        Self::deserialize(deserializer).map_err(|e| {
            let path = track.path().to_string();
            let path = if path == "." {
                "plugins".to_owned()
            } else {
                format!("plugins.{path}")
            };
            (path, e.to_string())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_entry_has_every_key_of_the_documentation() {
        let config = PluginsConfig::read(&json!({
            "entries": { "x": { "enabled": true, "isolation": "process", "integrity": { "sha256": "00" },
                "permissions": { "hosts": ["a"], "files": { "read": ["/x"] } }, "deadlines": { "callMs": 5 } } }
        }))
        .expect("valid");
        let entry = &config.entries["x"];
        assert_eq!(
            (entry.isolation, entry.deadlines.call_ms),
            (Some(IsolationConfig::Process), Some(5))
        );
        assert!(config.enabled);
    }

    #[test]
    fn a_wrong_key_is_named_with_its_path() {
        let (path, why) =
            PluginsConfig::read(&json!({ "entries": { "x": { "enabld": true } } })).expect_err("a typo");
        assert_eq!(path, "plugins.entries.x.enabld");
        assert!(why.contains("enabled"), "{why}");
        let (path, _) = PluginsConfig::read(&json!({ "allow": "x" })).expect_err("a wrong type");
        assert_eq!(path, "plugins.allow");
    }
}
