//! What the operator decided about one plugin, resolved: what the rest of this folder works with.
use super::stage::Integrity;
use openclaw_plugin_api::{Account, NetworkPermission, Permissions, surface::ids};
use serde_json::Value;
use std::{collections::BTreeMap, time::Duration};

/// Where a plugin runs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Isolation {
    /// In the gateway's process: trusted code.
    #[default]
    None,
    /// In a process of its own, confined to what it declares.
    Process,
}

/// How long things may take.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deadlines {
    /// Opening the library and making an instance.
    pub start: Duration,
    /// Any call that has no deadline of its own, and the longest single poll.
    pub call: Duration,
    /// A tool.
    pub tool: Duration,
    /// An answer of a model.
    pub complete: Duration,
    /// Finishing what is under way, and stopping.
    pub stop: Duration,
}

/// Limits of a plugin in a process of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ChildLimits {
    /// Address space, bytes. None: no limit.
    pub memory: Option<u64>,
}

/// What the operator decided about one plugin.
#[derive(Clone, PartialEq)]
pub struct Settings {
    /// Where the operator moved routes to, by their declared paths.
    pub moved_routes: BTreeMap<String, String>,
    /// `plugins.entries.<id>.config` with the sections that it reads, valid by the schema.
    pub config: Value,
    /// Where it runs.
    pub isolation: Isolation,
    /// What its file must match.
    pub integrity: Integrity,
    /// What it may do: the manifest's wish, narrowed or widened by the operator.
    pub permissions: Permissions,
    /// The gateway doesn't start without it.
    pub required: bool,
    /// How long things may take.
    pub deadlines: Deadlines,
    /// Limits of its process, if it has one.
    pub limits: ChildLimits,
    /// Accounts of its channels, to be started.
    pub accounts: Vec<(String, Account)>,
    /// Guarded requests may reach private addresses.
    pub allow_private_network: bool,
}

impl Default for Deadlines {
    fn default() -> Self {
        Self {
            start: Duration::from_secs(15),
            call: Duration::from_secs(30),
            tool: Duration::from_secs(600),
            complete: Duration::from_secs(600),
            stop: Duration::from_secs(10),
        }
    }
}

impl Deadlines {
    /// The deadline of a method. None: it lasts as long as somebody listens.
    pub fn of(&self, method: &str) -> Option<Duration> {
        match method {
            // somebody waits for what somebody else does: an answer on the phone, a program
            ids::tool::INVOKE | ids::command::RUN | ids::method::CALL => Some(self.tool),
            ids::provider::COMPLETE => Some(self.complete),
            // a text is spoken as fast as somebody plays it: who passes it on looks at silence
            ids::http::WEBSOCKET
            | ids::speech::SYNTHESIZE
            | ids::speech::TRANSCRIBE
            | ids::speech::CONVERSE => None,
            ids::plugin::STOP | ids::channel::STOP | ids::service::STOP => Some(self.stop),
            _ => Some(self.call),
        }
    }
}

/// Without what may hold secrets: the configuration and the accounts.
impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Settings")
            .field("isolation", &self.isolation)
            .field("permissions", &self.permissions)
            .field("required", &self.required)
            .field("deadlines", &self.deadlines)
            .finish_non_exhaustive()
    }
}

impl Settings {
    /// Hosts that the plugin may reach through the gateway.
    pub fn hosts(&self) -> Vec<&str> {
        match self.permissions.network {
            NetworkPermission::Host | NetworkPermission::Own => {
                self.permissions.hosts.iter().map(String::as_str).collect()
            }
            NetworkPermission::None => Vec::new(),
        }
    }
}
