//! Nodes and their requests as the protocol's clients know them.
use serde_json::{Value, json};

use super::{Live, policy::scopes_to_approve};
use crate::{
    gateway::devices::merge,
    journal::{DeviceFacts, Node, NodeRequest},
};

/// A request that waits.
pub(super) fn request(request: &NodeRequest) -> Value {
    let scopes = scopes_to_approve(&request.surface.commands);
    let mut row = facts(&request.facts);
    merge(
        &mut row,
        json!({
            "requestId": request.id,
            "nodeId": request.node,
            "caps": request.surface.caps,
            "commands": request.surface.commands,
            "requiredApproveScopes": scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>(),
            "ts": request.created_ms,
        }),
    );
    row
}

/// A node that is let in, as the list of pairings has it.
pub(super) fn paired(node: &Node) -> Value {
    let mut row = named(&node.facts, node);
    merge(
        &mut row,
        json!({
            "nodeId": node.id,
            "caps": node.surface.caps,
            "commands": node.surface.commands,
            "createdAtMs": node.created_ms,
            "approvedAtMs": node.approved_ms,
            "lastSeenAtMs": node.seen_ms,
            "lastSeenReason": node.seen_reason,
        }),
    );
    row
}

/// A node with everything that is known of it. `commands`: what may be asked of it now.
pub(super) fn node(
    id: &str,
    known: Option<&Node>,
    request: Option<&NodeRequest>,
    live: Option<&Live>,
    commands: &[String],
) -> Value {
    let newest = live.map(|live| &live.facts).or(known.map(|node| &node.facts));
    let newest = newest.or(request.map(|request| &request.facts));
    let mut row = newest.map_or_else(
        || json!({}),
        |newest| known.map_or_else(|| facts(newest), |node| named(newest, node)),
    );
    let caps = live
        .map(|live| &live.offered.caps)
        .or(known.map(|node| &node.surface.caps));
    merge(
        &mut row,
        json!({
            "nodeId": id,
            "caps": caps.cloned().unwrap_or_default(),
            "commands": commands,
            "sessionHost": false,
            "nodePluginTools": live.map_or_else(|| json!([]), |live| live.tools.clone()),
            "approvalState": state(known, request),
            "paired": known.is_some(),
            "connected": live.is_some(),
        }),
    );
    if let Some(live) = live {
        let count = live.skills.as_array().map_or(0, Vec::len);
        merge(
            &mut row,
            json!({"connectedAtMs": live.since_ms, "lastConnectedAtMs": live.since_ms, "skillCount": count}),
        );
    }
    if let Some(node) = known {
        merge(
            &mut row,
            json!({"approvedAtMs": node.approved_ms, "lastSeenAtMs": node.seen_ms, "lastSeenReason": node.seen_reason}),
        );
    }
    if let Some(request) = request {
        merge(
            &mut row,
            json!({
                "pendingRequestId": request.id,
                "pendingDeclaredCaps": request.surface.caps,
                "pendingDeclaredCommands": request.surface.commands,
            }),
        );
    }
    row
}

fn state(known: Option<&Node>, request: Option<&NodeRequest>) -> &'static str {
    match (known, request) {
        (Some(_), None) => "approved",
        (Some(_), Some(_)) => "pending-reapproval",
        (None, Some(_)) => "pending-approval",
        (None, None) => "unapproved",
    }
}

/// With the name that the owner gave, if there is one.
fn named(said: &DeviceFacts, node: &Node) -> Value {
    let mut row = facts(said);
    if !node.name.is_empty() {
        row["displayName"] = json!(node.name);
    }
    row
}

fn facts(facts: &DeviceFacts) -> Value {
    serde_json::to_value(facts).expect("texts serialise")
}
