//! `plugins`: which plugins are on, where they come from, and what each may do.
use super::opaque::Opaque;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;
use std::{collections::BTreeMap, fmt, path::PathBuf};

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
}

/// `plugins.load`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct LoadConfig {
    /// Libraries, or folders of libraries.
    pub paths: Vec<PathBuf>,
}

/// `plugins.entries.<id>`
#[derive(Clone, Default, Deserialize, JsonSchema)]
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
    #[schemars(regex(pattern = "^[0-9A-Fa-f]{64}$"))]
    pub sha256: Option<String>,
    /// A minisign signature that it must carry.
    pub minisign: Option<MinisignConfig>,
}

/// `plugins.entries.<id>.integrity.minisign`
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct MinisignConfig {
    /// The public key, base64.
    pub public_key: String,
    /// The signature's text. Default: the file `<library>.minisig`.
    #[serde(default)]
    pub signature: Option<String>,
}

/// `plugins.entries.<id>.permissions`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct PermissionsConfig {
    /// Who opens its sockets: `none`, `host` or `own`.
    #[schemars(extend("enum" = ["none", "host", "own", null]))]
    pub network: Option<String>,
    /// Hosts that it reaches through the gateway.
    pub hosts: Option<Vec<String>>,
    /// Files that it reads and writes besides its own.
    pub files: Option<FilesConfig>,
    /// Programs that it starts.
    pub processes: Option<Vec<String>>,
    /// Sections of this file that it reads beside its entry. Default: what its manifest asks for if it is bundled, nothing
    /// if it is not.
    pub sections: Option<Vec<String>>,
    /// URLs from messages, models and tools may lead to private addresses. False by default.
    pub private_network: bool,
    /// Memory of its process, megabytes; only with isolation. Default: no limit.
    #[schemars(range(min = 1, max = 1_048_576))]
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

/// `plugins.entries.<id>.deadlines`, milliseconds up to an hour
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct DeadlinesConfig {
    /// Opening the library and making an instance. Default: 15,000.
    #[schemars(range(min = 1, max = 3_600_000))]
    pub start_ms: Option<u64>,
    /// Any call that has no deadline of its own, and the longest single poll. Default: 30,000.
    #[schemars(range(min = 1, max = 3_600_000))]
    pub call_ms: Option<u64>,
    /// A tool. Default: 600,000.
    #[schemars(range(min = 1, max = 3_600_000))]
    pub tool_ms: Option<u64>,
    /// An answer of a model. Default: 600,000.
    #[schemars(range(min = 1, max = 3_600_000))]
    pub complete_ms: Option<u64>,
    /// Finishing what is under way, and stopping. Default: 10,000.
    #[schemars(range(min = 1, max = 3_600_000))]
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
        }
    }
}

impl fmt::Debug for EntryConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // the plugin's own settings may hold secrets
        f.debug_struct("EntryConfig")
            .field("enabled", &self.enabled)
            .field("config", &self.config.clone().map(Opaque))
            .field("isolation", &self.isolation)
            .field("integrity", &self.integrity)
            .field("permissions", &self.permissions)
            .field("required", &self.required)
            .field("deadlines", &self.deadlines)
            .finish()
    }
}
