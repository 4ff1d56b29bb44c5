//! `hello-ok`: what a client gets to know when it is let in.
//!
//! Invariant: it names only what exists, and to those without the scope nothing of the machine.
use serde_json::{Map, Value, json};
use std::sync::Arc;

use super::{
    auth::{Issued, Method, Principal},
    limits,
    methods::Caller,
    presence,
    scope::Scope,
    server::Shared,
};

/// The payload for this client.
pub(crate) fn hello(shared: &Shared, caller: &Arc<Caller>, issued: Option<&Issued>) -> Value {
    let mut hello = json!({
        "type": "hello-ok",
        "protocol": caller.protocol,
        "server": {"version": shared.version, "bootId": shared.boot_id, "connId": caller.connection},
        "features": features(shared, caller),
        "snapshot": snapshot(shared, caller),
        "auth": auth(&caller.principal, issued),
        "policy": policy(shared),
    });
    // what protocol 3 has not: `auth` without a token, and capabilities
    if let (3, None, Value::Object(hello)) = (caller.protocol, issued, &mut hello) {
        hello.remove("auth");
    }
    hello
}

fn features(shared: &Shared, caller: &Caller) -> Value {
    let mut methods: Vec<String> = shared.table.names().map(str::to_owned).collect();
    let extras = shared
        .handler
        .extras()
        .into_iter()
        .map(|row| row.name.into_owned());
    methods.extend(extras.filter(|name| shared.table.row(name).is_none()));
    let mut features = json!({
        "methods": methods,
        "events": shared.event_names,
    });
    if caller.protocol > 3 {
        features["capabilities"] = json!(shared.handler.capabilities());
    }
    features
}

fn snapshot(shared: &Shared, caller: &Caller) -> Value {
    let state = shared.events.state();
    let mut snapshot = Map::new();
    snapshot.insert("suspension".into(), json!({"phase": "accepting"}));
    snapshot.insert("presence".into(), presence::entries(shared));
    snapshot.insert("health".into(), state.health);
    snapshot.insert("stateVersion".into(), state.versions);
    snapshot.insert("uptimeMs".into(), json!(shared.uptime_ms()));
    snapshot.extend(shared.handler.snapshot(caller));
    if caller.principal.scopes().permit(Scope::Admin) {
        snapshot.insert("authMode".into(), json!(shared.verifier().mode().name()));
    }
    Value::Object(snapshot)
}

fn auth(principal: &Principal, issued: Option<&Issued>) -> Value {
    let mut auth = json!({
        "method": principal.method().name(),
        "role": principal.role().name(),
        "scopes": principal.scopes(),
    });
    if let (Some(issued), false) = (issued, principal.method() == Method::None) {
        auth["deviceToken"] = json!(issued.token.expose());
        auth["issuedAtMs"] = json!(issued.at_ms);
    }
    auth
}

fn policy(shared: &Shared) -> Value {
    let mut policy = Map::new();
    policy.insert("maxPayload".into(), json!(limits::MAX_MESSAGE));
    policy.insert("maxBufferedBytes".into(), json!(limits::MAX_BUFFERED));
    policy.insert("tickIntervalMs".into(), json!(limits::TICK.as_millis()));
    policy.extend(shared.handler.policy());
    Value::Object(policy)
}
