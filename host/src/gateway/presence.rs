//! Who is here: the gateway, people's pages and terminals, and nodes. Commands come and go unseen.
use serde_json::{Value, json};
use std::{fs, sync::LazyLock};

use super::{auth::Role, methods::Caller, server::Shared};

/// The machine: its name and its operating system.
static MACHINE: LazyLock<(String, String)> = LazyLock::new(|| {
    let kernel = |name: &str| {
        let text = fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
        text.trim().to_owned()
    };
    let platform = format!("{} {}", std::env::consts::OS, kernel("osrelease"));
    (kernel("hostname"), platform.trim_end().to_owned())
});

/// The entries, the gateway's own first.
pub(crate) fn entries(shared: &Shared) -> Value {
    let (host, platform) = &*MACHINE;
    let (version, now_ms) = (&shared.version, shared.clock.now_ms());
    let mut entries = vec![json!({
        "host": host,
        "version": version,
        "platform": platform,
        "deviceFamily": "Linux",
        "mode": "gateway",
        "reason": "self",
        "instanceId": shared.boot_id,
        "text": format!("Gateway: {host}, version {version}"),
        "ts": now_ms,
    })];
    let callers = shared.events.callers();
    let mut seen: Vec<_> = callers.iter().filter(|caller| is_seen(caller)).collect();
    seen.sort_by_key(|caller| (caller.since_ms, &caller.connection));
    entries.extend(seen.into_iter().map(|caller| entry(caller, now_ms)));
    Value::Array(entries)
}

/// Tells everybody that a client came or went, if it is one that is seen.
pub(crate) fn announce(shared: &Shared, caller: &Caller) {
    if is_seen(caller) {
        let presence = json!({"presence": entries(shared)});
        shared.events.broadcast("presence", &presence);
    }
}

fn is_seen(caller: &Caller) -> bool {
    caller.client.is_operator_ui() || caller.principal.role() == Role::Node
}

fn entry(caller: &Caller, now_ms: i64) -> Value {
    let Caller {
        principal, client, ..
    } = caller;
    let name = client.display_name.as_deref().unwrap_or(&client.id);
    let mut entry = json!({
        "host": name,
        "clientId": client.id,
        "mode": client.mode,
        "version": client.version,
        "platform": client.platform,
        "reason": "connect",
        "roles": [principal.role().name()],
        "scopes": principal.scopes(),
        "onlineSince": caller.since_ms,
        "text": format!("{name} ({})", client.mode),
        "ts": now_ms,
    });
    let optional = [
        ("deviceId", principal.device()),
        ("deviceFamily", client.device_family.as_deref()),
        ("modelIdentifier", client.model_identifier.as_deref()),
        ("timeZone", client.time_zone.as_deref()),
        ("instanceId", client.instance_id.as_deref()),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            entry[key] = json!(value);
        }
    }
    entry
}
