//! Paired devices that do what they are asked: a telephone that takes a picture, another machine that runs a command.
use super::host_ids;
use crate::{Host, Result};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A device that is here.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Node {
    /// Its id.
    pub id: String,
    /// As people call it; its id if it has no name.
    pub name: String,
    /// What it runs on, such as `linux` or `macos`.
    pub platform: String,
    /// What it may be asked now.
    pub commands: Vec<String>,
}

/// What a node is asked to do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct NodeRequest {
    /// Id of the node.
    pub node: String,
    /// What to do, such as `system.run`.
    pub command: String,
    /// With what.
    pub params: Value,
    /// How long it may take, milliseconds; 0: as long as the host allows.
    pub timeout_ms: u64,
}

impl Host {
    /// The devices that are here and what each may be asked. Only for plugins that start processes.
    pub async fn nodes(&self) -> Result<Vec<Node>> {
        self.call(host_ids::NODE_LIST, "", &()).await
    }

    /// Asks a device, and waits for its answer. The host sends only what the device's owner allowed; whether this may be done
    /// at all, a plugin asks before (see [`Host::approvals`]). Only for plugins that start processes.
    pub async fn node_invoke(&self, request: &NodeRequest) -> Result<Value> {
        self.call(host_ids::NODE_INVOKE, "", request).await
    }
}
