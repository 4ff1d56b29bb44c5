//! Devices and requests as the protocol's clients know them. Tokens are no part of it, nor are their hashes.
use serde_json::{Value, json};

use crate::journal::{Device, DeviceRequest, DeviceRole};

/// A request that waits.
pub(super) fn request(request: &DeviceRequest) -> Value {
    let mut row = facts(&request.facts);
    merge(
        &mut row,
        json!({
            "requestId": request.id,
            "deviceId": request.device,
            "publicKey": request.public_key,
            "role": request.role,
            "roles": [request.role],
            "scopes": request.scopes,
            "silent": false,
            "isRepair": request.repair,
            "ts": request.created_ms,
        }),
    );
    row
}

/// A device that is let in.
pub(super) fn device(device: &Device, connected: bool) -> Value {
    let roles: Vec<&str> = device.roles.iter().map(|role| role.role.as_str()).collect();
    let mut scopes: Vec<&str> = Vec::new();
    for scope in device.roles.iter().flat_map(|role| &role.scopes) {
        if !scopes.contains(&scope.as_str()) {
            scopes.push(scope);
        }
    }
    let mut row = facts(&device.facts);
    merge(
        &mut row,
        json!({
            "deviceId": device.id,
            "publicKey": device.public_key,
            "role": roles.first(),
            "roles": roles,
            "scopes": scopes,
            "approvedVia": device.approved_via,
            "createdAtMs": device.created_ms,
            "approvedAtMs": device.approved_ms,
            "lastSeenAtMs": device.seen_ms,
            "lastSeenReason": device.seen_reason,
            "connected": connected,
            "tokens": device.roles.iter().map(token).collect::<Vec<_>>(),
        }),
    );
    if !device.label.is_empty() {
        row["label"] = json!(device.label);
    }
    row
}

fn token(role: &DeviceRole) -> Value {
    let mut row = json!({"role": role.role, "scopes": role.scopes, "createdAtMs": role.created_ms});
    let times = [("rotatedAtMs", role.rotated_ms), ("revokedAtMs", role.revoked_ms)];
    for (key, at) in times {
        if let Some(at) = at {
            row[key] = json!(at);
        }
    }
    row
}

fn facts(facts: &crate::journal::DeviceFacts) -> Value {
    serde_json::to_value(facts).expect("texts serialise")
}

pub(in crate::gateway) fn merge(row: &mut Value, more: Value) {
    if let (Value::Object(row), Value::Object(more)) = (row, more) {
        row.extend(more);
    }
}
