//! `plugins.*`: the plugins of this process as they are now, and switching them on and off.
mod catalog;

use super::{
    Reread,
    config::{self, Files, Nothing},
    params,
};
use crate::{
    app::Gateway,
    gateway::{Caller, Events, Failure, Method, Scope},
    plugins::{
        discover::Origin,
        plugin::{Plugin, State},
    },
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::time::MissedTickBehavior;

/// How often it is looked whether a plugin has changed, while somebody is there to be told.
const LOOK: Duration = Duration::from_millis(500);

/// Parameters of `plugins.inspect`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Inspect {
    plugin_id: String,
}

/// Parameters of `plugins.setEnabled`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct SetEnabled {
    plugin_id: String,
    enabled: bool,
    /// What a plugin may do is in its manifest, and the operator's permissions narrow it.
    #[serde(default, rename = "acknowledgeCapabilities")]
    _acknowledge_capabilities: Option<Value>,
}

pub(super) fn methods() -> Vec<Method> {
    let own = vec![
        Method::new("plugins.list", Scope::Read).with::<Nothing>(),
        Method::new("plugins.inspect", Scope::Read).with::<Inspect>(),
        Method::new("plugins.setEnabled", Scope::Admin).with::<SetEnabled>(),
        Method::new("plugins.reload", Scope::Admin),
    ];
    [own, catalog::methods()].concat()
}

/// Answers what is about plugins.
pub(super) async fn call(
    files: &Files,
    reread: &Reread,
    method: &str,
    given: Value,
    caller: &Caller,
) -> Result<Value, Failure> {
    let gateway = &files.gateway;
    match method {
        "plugins.list" => Ok(list(gateway)),
        "plugins.inspect" => inspect(gateway, &params(method, given)?),
        "plugins.catalog.browse" => catalog::browse(gateway, &params(method, given)?),
        "plugins.catalog.get" => catalog::get(gateway, &params(method, given)?),
        "plugins.setEnabled" => {
            files.writes.take(method, caller)?;
            set_enabled(files, params(method, given)?).await
        }
        _ => {
            files.writes.take(method, caller)?;
            reload(gateway, reread, &given).await
        }
    }
}

/// Tells clients when a plugin has changed its state, was replaced, or came.
pub(super) fn tell(gateway: &Arc<Gateway>, events: &Events) {
    let (gateway, events) = (Arc::downgrade(gateway), events.clone());
    tokio::spawn(async move {
        let (mut tick, mut told) = (tokio::time::interval(LOOK), None);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tick.tick().await;
            let Some(gateway) = gateway.upgrade() else {
                return;
            };
            let now = gateway.registry.revision();
            if told.replace(now).is_some_and(|told| told != now) && events.clients() > 0 {
                let states = gateway.registry.views().into_iter();
                let states: Vec<_> = states
                    .map(|view| json!({ "id": view.id, "enabled": view.enabled, "status": view.status }))
                    .collect();
                let payload = json!({ "ts": gateway.now_ms(), "generation": now, "plugins": states });
                events.broadcast("plugins.changed", &payload);
            }
        }
    });
}

/// Which run and which don't.
pub(super) fn health(gateway: &Gateway) -> Value {
    let views = gateway.registry.views();
    let loaded: Vec<_> = views
        .iter()
        .filter(|p| p.status == "loaded")
        .map(|p| p.id.as_str())
        .collect();
    let errors: Vec<_> = views
        .iter()
        .filter(|p| !p.error.is_empty())
        .map(|p| json!({ "id": p.id, "origin": p.origin, "failurePhase": p.failed_at, "error": p.error }))
        .collect();
    json!({ "loaded": loaded, "errors": errors, "unavailable": [] })
}

/// Every plugin with its state, counters and process.
fn list(gateway: &Gateway) -> Value {
    let plugins = gateway.registry.all();
    let troubles = gateway.registry.problems().into_iter();
    let diagnostics: Vec<_> = troubles
        .map(|(id, why)| json!({ "level": "error", "pluginId": id, "message": format!("{id}: {why}") }))
        .collect();
    json!({
        "plugins": plugins.iter().map(|plugin| row(plugin)).collect::<Vec<_>>(), "diagnostics": diagnostics,
        "mutationAllowed": true, "generation": gateway.registry.revision(),
        "lostThreads": gateway.lost_threads(),
    })
}

/// One plugin: what every client knows, and what ours shows beside it.
fn row(plugin: &Plugin) -> Value {
    let view = plugin.view();
    let state = match plugin.state() {
        State::Failed { .. } | State::Quarantined { .. } => "error",
        _ if view.enabled => "enabled",
        _ => "disabled",
    };
    let memory = view.usage.as_ref().map(|usage| usage.rss_bytes);
    let origin = view.origin;
    let spec = plugin.spec();
    let mut row = json!(view);
    row["installed"] = json!(true);
    row["state"] = json!(state);
    row["removable"] = json!(origin == Origin::Installed);
    row["memoryBytes"] = json!(memory);
    row["configurable"] = json!(spec.manifest.config_schema.is_some());
    row["channels"] = json!(spec.manifest.channels);
    row["providers"] = json!(spec.manifest.providers);
    if row["error"] == "" {
        row.as_object_mut().map(|row| row.shift_remove("error"));
    }
    row
}

/// One plugin: what it declares, what it may do, and how it is configured.
fn inspect(gateway: &Gateway, asked: &Inspect) -> Result<Value, Failure> {
    let plugin = find(gateway, &asked.plugin_id)?;
    let spec = plugin.spec();
    let manifest = &spec.manifest;
    let kind = if spec.origin == Origin::Bundled {
        "bundled"
    } else {
        "path"
    };
    let row = row(&plugin);
    let token = row["sha256"].as_str().unwrap_or_default().to_owned();
    Ok(json!({
        "ok": true, "plugin": row, "source": { "kind": kind, "spec": spec.path, "integrity": token, "integrityKind": "sha256" },
        "declared": {
            "channels": manifest.channels, "providers": manifest.providers, "tools": manifest.tools,
            "contracts": manifest.capabilities(), "hooks": [], "mcpServers": [], "cliCommands": manifest.commands,
            "cliBackends": [], "skills": [], "dangerousConfigFlags": [], "speech": manifest.speech,
            "routes": manifest.routes, "methods": manifest.methods, "services": manifest.services,
            "sections": manifest.sections, "secrets": manifest.secrets,
        },
        "permissions": { "declared": manifest.permissions, "granted": spec.settings.permissions },
        "configPath": format!("plugins.entries.{}.config", manifest.id), "configSchema": manifest.config_schema,
        "channelSchemas": manifest.channel_schemas, "uiHints": manifest.ui_hints,
        "author": manifest.authors, "license": manifest.license, "homepage": manifest.homepage,
        "apiVersion": manifest.api_version, "reviewToken": token,
    }))
}

/// Switches a plugin on or off, in the file and at once.
async fn set_enabled(files: &Files, asked: SetEnabled) -> Result<Value, Failure> {
    let plugin = find(&files.gateway, &asked.plugin_id)?;
    let id = plugin.id().to_owned();
    let patch = json!({ "plugins": { "entries": { &id: { "enabled": asked.enabled } } } });
    let changed = config::change(files, config::Change::small(&patch)).await?;
    let row = row(&*find(&files.gateway, &id)?);
    let mut warnings: Vec<String> = Vec::new();
    warnings.extend(
        changed["sentinel"]["payload"]["message"]
            .as_str()
            .map(str::to_owned),
    );
    if row["enabled"] != asked.enabled {
        let reason = row["reason"].as_str().unwrap_or_default();
        let wished = if asked.enabled { "on" } else { "off" };
        warnings.push(format!("the plugin is not {wished}: {reason}"));
    }
    warnings.extend(row["error"].as_str().map(str::to_owned));
    Ok(json!({ "ok": true, "plugin": row, "restartRequired": false, "warnings": warnings }))
}

/// Reads the file and the settings of one plugin again and puts a new instance in the place of the old one.
async fn reload(gateway: &Gateway, reread: &Reread, params: &Value) -> Result<Value, Failure> {
    let id = params["id"].as_str().or(params["pluginId"].as_str());
    let id = id.ok_or_else(|| Failure::params("plugins.reload", "must have required property 'id'"))?;
    let (reread, asked) = (reread.clone(), id.to_owned());
    let spec = tokio::task::spawn_blocking(move || reread(&asked)).await;
    let spec = spec.unwrap_or_else(|ended| Err(format!("reading plugin {id} anew ended: {ended}")));
    let spec = spec.map_err(Failure::invalid)?;
    let view = gateway.registry.reload(id, Some(spec)).await;
    let view = view.map_err(Failure::unavailable)?;
    Ok(json!({ "plugin": view }))
}

fn find(gateway: &Gateway, id: &str) -> Result<Arc<Plugin>, Failure> {
    let unknown = || {
        Failure::invalid(format!(
            "plugin not found: {id}; `openclaw plugins list` shows them"
        ))
    };
    gateway.registry.get(id).ok_or_else(unknown)
}
