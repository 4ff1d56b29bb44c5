//! Forms of the configuration that older releases wrote. They are read all the same; this says what the same is called now.
//!
//! Invariant: what is edited means afterwards what it meant before. Where both forms are written the newer one counts, as
//! it does when the file is read.
use crate::config::{Edit, JsonPath, agent_id};
use serde_json::{Map, Value, json};

/// Something in an older form.
#[derive(Debug, Clone)]
pub struct OldForm {
    /// Where.
    pub path: JsonPath,
    /// What it is called now.
    pub now: String,
    /// What makes the new form of it.
    pub edits: Vec<Edit>,
}

/// All that is written in older forms.
pub fn find(written: &Value) -> Vec<OldForm> {
    let mut found = Vec::new();
    agents(written, &mut found);
    bindings(written, &mut found);
    session(written, &mut found);
    nodes(written, &mut found);
    words(written, &mut found);
    let channels = JsonPath::root().key("channels");
    for (id, block) in written["channels"].as_object().into_iter().flatten() {
        let at = channels.key(id);
        let accounts: Vec<_> = block["accounts"].as_object().into_iter().flatten().collect();
        let others: Vec<_> = accounts.iter().map(|(_, own)| *own).collect();
        channel(block, &others, &at, &mut found);
        for (account, own) in accounts {
            channel(own, &[block], &at.key("accounts").key(account), &mut found);
        }
    }
    found
}

fn set(path: JsonPath, value: Value) -> Edit {
    Edit::Set { path, value }
}

fn unset(path: JsonPath) -> Edit {
    Edit::Unset { path }
}

/// `agents.list` → `agents.entries`, which come first where both are written.
fn agents(written: &Value, found: &mut Vec<OldForm>) {
    let Some(list) = written["agents"]["list"].as_array() else {
        return;
    };
    let mut entries = match &written["agents"]["entries"] {
        Value::Null => Map::new(),
        Value::Object(entries) => entries.clone(),
        _ => return,
    };
    let mut known: Vec<_> = entries.keys().map(|id| agent_id(id)).collect();
    for agent in list {
        let (Some(agent), Some(id)) = (agent.as_object(), agent["id"].as_str()) else {
            return;
        };
        let normal = agent_id(id);
        if known.contains(&normal) {
            continue;
        }
        known.push(normal);
        let mut agent = agent.clone();
        agent.shift_remove("id");
        entries.insert(id.to_owned(), Value::Object(agent));
    }
    let at = JsonPath::root().key("agents");
    found.push(OldForm {
        path: at.key("list"),
        now: "agents.entries, by id".into(),
        edits: vec![
            set(at.key("entries"), Value::Object(entries)),
            unset(at.key("list")),
        ],
    });
}

fn bindings(written: &Value, found: &mut Vec<OldForm>) {
    let all = written["bindings"].as_array().into_iter().flatten();
    for (n, binding) in all.enumerate() {
        if binding["match"]["peer"]["kind"] == "dm" {
            let path = JsonPath::root().key("bindings").index(n);
            let path = path.key("match").key("peer").key("kind");
            found.push(OldForm {
                edits: vec![set(path.clone(), json!("direct"))],
                path,
                now: "\"direct\"".into(),
            });
        }
    }
}

fn session(written: &Value, found: &mut Vec<OldForm>) {
    let (session, at) = (&written["session"], JsonPath::root().key("session"));
    let by_type = at.key("resetByType");
    if let Some(dm) = session["resetByType"].get("dm") {
        let mut edits = vec![unset(by_type.key("dm"))];
        if session["resetByType"].get("direct").is_none() {
            edits.insert(0, set(by_type.key("direct"), dm.clone()));
        }
        found.push(OldForm {
            path: by_type.key("dm"),
            now: "session.resetByType.direct".into(),
            edits,
        });
    }
    if let Some(minutes) = session.get("idleMinutes") {
        let mut edits = vec![unset(at.key("idleMinutes"))];
        if session.get("reset").is_none() {
            let reset = json!({"mode": "idle", "idleMinutes": minutes});
            edits.insert(0, set(at.key("reset"), reset));
        }
        found.push(OldForm {
            path: at.key("idleMinutes"),
            now: "session.reset, with the mode \"idle\"".into(),
            edits,
        });
    }
}

fn nodes(written: &Value, found: &mut Vec<OldForm>) {
    let at = JsonPath::root().key("gateway").key("nodes");
    for (old, new) in [("allowCommands", "allow"), ("denyCommands", "deny")] {
        let (path, newer) = (at.key(old), at.key("commands").key(new));
        let Some(names) = path.of(written) else { continue };
        let mut edits = vec![unset(path.clone())];
        if newer.of(written).is_none() {
            edits.insert(0, set(newer.clone(), names.clone()));
        }
        found.push(OldForm {
            path,
            now: newer.to_string(),
            edits,
        });
    }
}

/// Words that mean the same as newer ones.
fn words(written: &Value, found: &mut Vec<OldForm>) {
    let table: [(&[&str], &[&str], &str); 2] = [
        (&["gateway", "reload", "mode"], &["hot", "restart"], "hybrid"),
        (
            &["messages", "queue", "mode"],
            &["steer-backlog", "steer+backlog", "queue"],
            "steer",
        ),
    ];
    for (keys, old, new) in table {
        let path = keys.iter().fold(JsonPath::root(), |path, key| path.key(*key));
        if path
            .of(written)
            .and_then(Value::as_str)
            .is_some_and(|word| old.contains(&word))
        {
            found.push(OldForm {
                edits: vec![set(path.clone(), json!(new))],
                path,
                now: format!("\"{new}\""),
            });
        }
    }
}

/// A channel's block, or an account of it. Accounts inherit key by key, so where `others` that it shares values with say
/// something of the same matter, moving a value from one key to another could change what they mean: that is left to
/// people.
fn channel(block: &Value, others: &[&Value], at: &JsonPath, found: &mut Vec<OldForm>) {
    let shared = |keys: &[&str]| {
        others
            .iter()
            .any(|other| keys.iter().any(|key| other.get(*key).is_some()))
    };
    if !shared(&["dm", "dmPolicy", "allowFrom"]) {
        dm(block, at, found);
    }
    if !shared(&[
        "streaming",
        "streamMode",
        "chunkMode",
        "blockStreaming",
        "blockStreamingCoalesce",
    ]) {
        streaming(block, at, found);
    }
    for spaces in ["guilds", "teams"] {
        for (space, rule) in block[spaces].as_object().into_iter().flatten() {
            for (place, rule) in rule["channels"].as_object().into_iter().flatten() {
                let Some(allow) = rule.get("allow") else { continue };
                let path = at.key(spaces).key(space).key("channels").key(place);
                let mut edits = vec![unset(path.key("allow"))];
                if rule.get("enabled").is_none() {
                    edits.insert(0, set(path.key("enabled"), allow.clone()));
                }
                found.push(OldForm {
                    path: path.key("allow"),
                    now: "`enabled`".into(),
                    edits,
                });
            }
        }
    }
    let threads = at.key("threadBindings");
    if let (Some(hours), None) = (
        block["threadBindings"].get("ttlHours"),
        block["threadBindings"].get("idleHours"),
    ) {
        found.push(OldForm {
            path: threads.key("ttlHours"),
            now: "`idleHours`".into(),
            edits: vec![
                set(threads.key("idleHours"), hours.clone()),
                unset(threads.key("ttlHours")),
            ],
        });
    }
}

fn dm(block: &Value, at: &JsonPath, found: &mut Vec<OldForm>) {
    let Some(dm) = block["dm"].as_object() else { return };
    let at_dm = at.key("dm");
    let mut rest = dm.len();
    for (old, new) in [("policy", "dmPolicy"), ("allowFrom", "allowFrom")] {
        let Some(value) = dm.get(old) else { continue };
        rest -= 1;
        let mut edits = vec![unset(at_dm.key(old))];
        if block.get(new).is_none() {
            edits.insert(0, set(at.key(new), value.clone()));
        }
        if rest == 0 {
            edits.push(unset(at_dm.clone()));
        }
        found.push(OldForm {
            path: at_dm.key(old),
            now: format!("`{new}` beside it"),
            edits,
        });
    }
}

/// Flat keys about how replies are written → the object `streaming`.
fn streaming(block: &Value, at: &JsonPath, found: &mut Vec<OldForm>) {
    const FLAT: [&str; 4] = [
        "streamMode",
        "chunkMode",
        "blockStreaming",
        "blockStreamingCoalesce",
    ];
    let flat: Vec<_> = FLAT.iter().filter(|key| block.get(**key).is_some()).collect();
    let is_flat = matches!(block["streaming"], Value::Bool(_) | Value::String(_));
    if flat.is_empty() && !is_flat {
        return;
    }
    let mut new = match &block["streaming"] {
        Value::Object(object) => object.clone(),
        Value::Null | Value::Bool(_) | Value::String(_) => Map::new(),
        _ => return,
    };
    let mode = match &block["streaming"] {
        Value::Bool(false) => Some(json!("off")),
        Value::Bool(true) => Some(block.get("streamMode").cloned().unwrap_or(json!("partial"))),
        Value::String(mode) => Some(json!(mode)),
        _ => block.get("streamMode").cloned(),
    };
    if let Some(mode) = mode {
        new.entry("mode").or_insert(mode);
    }
    if let Some(chunks) = block.get("chunkMode") {
        new.entry("chunkMode").or_insert(chunks.clone());
    }
    for (old, now) in [
        ("blockStreaming", "enabled"),
        ("blockStreamingCoalesce", "coalesce"),
    ] {
        let Some(value) = block.get(old) else { continue };
        let inner = new.entry("block").or_insert(json!({}));
        let Some(inner) = inner.as_object_mut() else {
            return;
        };
        inner.entry(now).or_insert(value.clone());
    }
    let mut edits = vec![set(at.key("streaming"), Value::Object(new))];
    edits.extend(flat.iter().map(|key| unset(at.key(**key))));
    let first = flat.first().map_or("streaming", |key| **key);
    found.push(OldForm {
        path: at.key(first),
        now: "the object `streaming` with mode, chunkMode and block".into(),
        edits,
    });
}

#[cfg(test)]
#[path = "tests/old_forms.rs"]
mod tests;
