//! Paired devices as plugins see them: who is here, and asking one of them.
//!
//! What may be sent to a device at all is decided in `gateway::nodes`; whether the plugin may ask is decided before.
use crate::gateway::{Failure, Invocation, Nodes, random::uuid};
use openclaw_plugin_api::{Error, ErrorKind, Node, NodeRequest, Result};
use serde_json::Value;

/// Those that are here.
pub(super) async fn list(nodes: &Nodes) -> Result<Vec<Node>> {
    let listed = nodes.list().await.map_err(told)?;
    let rows = listed["nodes"].as_array().into_iter().flatten();
    Ok(rows.filter(|row| row["connected"] == true).map(node).collect())
}

/// What a device answers.
pub(super) async fn invoke(nodes: &Nodes, request: NodeRequest) -> Result<Value> {
    let asked = Invocation {
        node: request.node,
        command: request.command,
        params: Some(request.params).filter(|params| !params.is_null()),
        timeout_ms: Some(request.timeout_ms),
        key: uuid(),
    };
    let mut answer = nodes.send(asked).await.map_err(told)?;
    Ok(answer["payload"].take())
}

fn node(row: &Value) -> Node {
    let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
    let commands = row["commands"].as_array().into_iter().flatten();
    let id = text("nodeId");
    Node {
        name: Some(text("displayName"))
            .filter(|name| !name.is_empty())
            .unwrap_or_else(|| id.clone()),
        platform: text("platform"),
        commands: commands
            .filter_map(|name| Some(name.as_str()?.to_owned()))
            .collect(),
        id,
    }
}

fn told(failure: Failure) -> Error {
    Error::new(ErrorKind::Refused, failure.message)
}
