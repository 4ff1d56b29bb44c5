//! `gateway`: how the gateway is and how it is configured, for the owner. A model changes nothing of the configuration
//! but what the operator lists in `tools.gateway.editable`, and never what says so.
use super::{Bench, HostTool};
use openclaw_plugin_api::{Error, ErrorKind, Result, ToolOrigin, ToolOutput};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// What no list opens: who may do what, and where secrets are.
const CLOSED: &[&str] = &[
    "tools",
    "approvals",
    "commands",
    "gateway",
    "plugins",
    "secrets",
    "auth",
    "hooks",
    "env",
    "mcp",
];
/// What is closed at any depth.
const CLOSED_KEYS: &[&str] = &[
    "tools",
    "toolsBySender",
    "sandbox",
    "allowFrom",
    "groupAllowFrom",
    "dmPolicy",
    "groupPolicy",
];
/// Deepest change.
const MAX_DEPTH: usize = 32;

pub(super) struct Gateway;

/// What to do.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
enum Action {
    /// How the gateway is.
    #[serde(rename = "status")]
    Status,
    /// The configuration, without secrets.
    #[serde(rename = "config.get")]
    Get,
    /// What a key of the configuration means; `path` names it.
    #[serde(rename = "config.schema")]
    Schema,
    /// Changes keys that the operator has opened.
    #[serde(rename = "config.patch")]
    Patch,
}

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Args {
    /// What to do.
    action: Action,
    /// For config.schema: the key, like agents.defaults.model.
    #[serde(default)]
    path: Option<String>,
    /// For config.patch: a JSON object with the keys to change.
    #[serde(default)]
    raw: Option<String>,
    /// For config.patch: the hash that config.get told.
    #[serde(default)]
    base_hash: Option<String>,
    /// For config.patch: why, in a line.
    #[serde(default)]
    note: Option<String>,
}

impl HostTool for Gateway {
    const NAME: &'static str = "gateway";
    const DESCRIPTION: &'static str = "How this gateway is (status) and how it is configured (config.get, config.schema with path). config.patch changes \
         keys that the operator has opened; ask the person for anything else.";
    const OWNER_ONLY: bool = true;
    type Args = Args;

    async fn invoke(&self, args: Args, _: ToolOrigin, bench: Bench) -> Result<ToolOutput> {
        let answer = match args.action {
            Action::Status => bench.ask("status", json!({})).await?,
            Action::Get => {
                let mut answer = bench.ask("config.get", json!({})).await?;
                // the text of the file may have what only the operator should read; the values are without secrets
                answer.as_object_mut().map(|answer| answer.shift_remove("raw"));
                answer
            }
            Action::Schema => match args.path.filter(|path| !path.is_empty()) {
                Some(path) => bench.ask("config.schema.lookup", json!({ "path": path })).await?,
                None => {
                    return Err(Error::invalid(
                        "path is missing: which key of the configuration, like agents.defaults",
                    ));
                }
            },
            Action::Patch => {
                let raw = args
                    .raw
                    .ok_or_else(|| Error::invalid("raw is missing: a JSON object with the keys to change"))?;
                let patch: Value = serde_json::from_str(&raw)
                    .map_err(|error| Error::invalid(format_args!("raw is no JSON: {error}")))?;
                may_change(&patch, &bench.desk.config().tools.gateway.editable)?;
                let params = json!({ "raw": raw, "baseHash": args.base_hash, "note": args.note });
                let mut answer = bench.ask("config.patch", params).await?;
                answer.as_object_mut().map(|answer| answer.shift_remove("config"));
                answer
            }
        };
        Ok(ToolOutput::json(answer))
    }
}

/// Whether a change touches nothing but what was opened.
fn may_change(patch: &Value, editable: &[String]) -> Result<()> {
    let mut paths = Vec::new();
    leaves(patch, String::new(), MAX_DEPTH, &mut paths)?;
    if paths.is_empty() {
        return Err(Error::invalid("raw changes nothing"));
    }
    for path in paths {
        let first = path.split('.').next().unwrap_or_default();
        let closed = CLOSED.contains(&first) || path.split('.').any(|key| CLOSED_KEYS.contains(&key));
        let opened = editable.iter().any(|open| {
            let open = open.trim();
            !open.is_empty()
                && (path == open || path.strip_prefix(open).is_some_and(|rest| rest.starts_with('.')))
        });
        if closed || !opened {
            let text = format!(
                "{path} is not for a model to change; tell the person what to write into openclaw.json"
            );
            return Err(Error::new(ErrorKind::Refused, text));
        }
    }
    Ok(())
}

/// Where a change ends: what it sets, and what it takes away. A key with a dot in it would look like two.
fn leaves(patch: &Value, at: String, depth: usize, found: &mut Vec<String>) -> Result<()> {
    match patch {
        Value::Object(map) if depth == 0 => {
            Err(Error::invalid(format_args!("{} is nested too deep", map.len())))
        }
        Value::Object(map) => map.iter().try_for_each(|(key, value)| {
            if key.contains('.') || key.is_empty() {
                return Err(Error::invalid(format_args!(
                    "{key:?} is no key of the configuration"
                )));
            }
            let here = if at.is_empty() {
                key.clone()
            } else {
                format!("{at}.{key}")
            };
            match value {
                Value::Object(inner) if inner.is_empty() => {
                    found.push(here);
                    Ok(())
                }
                value => leaves(value, here, depth - 1, found),
            }
        }),
        _ if at.is_empty() => Err(Error::invalid("raw is a JSON object with the keys to change")),
        value => {
            // a whole list may hide what is closed in its elements
            let hides = closed_inside(value, depth);
            found.push(if hides { format!("{at}.tools") } else { at });
            Ok(())
        }
    }
}

fn closed_inside(value: &Value, depth: usize) -> bool {
    match value {
        _ if depth == 0 => true,
        Value::Array(items) => items.iter().any(|item| closed_inside(item, depth - 1)),
        Value::Object(map) => map
            .iter()
            .any(|(key, value)| CLOSED_KEYS.contains(&key.as_str()) || closed_inside(value, depth - 1)),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_model_changes_what_was_opened_and_nothing_else() {
        let open = [
            "messages".to_owned(),
            "agents.defaults.userTimezone".to_owned(),
            "agents.list".to_owned(),
            "tools".to_owned(),
            "channels".to_owned(),
        ];
        for (patch, may) in [
            (json!({ "messages": { "queue": { "mode": "steer" } } }), true),
            (json!({ "messages": null }), true),
            (
                json!({ "agents": { "defaults": { "userTimezone": "UTC" } } }),
                true,
            ),
            (
                json!({ "agents": { "defaults": { "userTimezones": "UTC" } } }),
                false,
            ),
            (json!({ "agents": { "defaults": { "model": "x/y" } } }), false),
            (json!({ "agents": null }), false),
            (json!({ "agents": { "defaults": {} } }), false),
            (json!({ "agents": { "list": [{ "id": "a" }] } }), true),
            (
                json!({ "agents": { "list": [{ "id": "a", "tools": { "deny": [] } }] } }),
                false,
            ),
            (json!({ "tools": { "gateway": { "editable": ["*"] } } }), false),
            (json!({ "channels": { "chat": { "allowFrom": ["*"] } } }), false),
            (json!({ "messages.queue": 1 }), false),
            (json!({}), false),
            (json!([]), false),
            (json!("x"), false),
        ] {
            assert_eq!(may_change(&patch, &open).is_ok(), may, "{patch}");
            assert!(
                may_change(&patch, &[]).is_err(),
                "nothing is open by default: {patch}"
            );
        }
    }
}
