//! `tools.*`: the tools that running plugins offer, and calling one without a model.
use super::{agents::named, params};
use crate::{
    app::Gateway,
    gateway::{Caller, Failure, Method, Scope},
    plugins::plugin::Plugin,
    route::main_key,
};
use openclaw_plugin_api::{
    Content, Error, ErrorKind, ToolCall, ToolOrigin, ToolOutput, ToolSpec, surface::ids,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Sets of tools that an agent's policy may begin with.
const PROFILES: [(&str, &str); 4] = [
    ("minimal", "Minimal"),
    ("coding", "Coding"),
    ("messaging", "Messaging"),
    ("full", "Full"),
];

/// Parameters of `tools.catalog`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Catalog {
    #[serde(default)]
    agent_id: Option<String>,
    #[serde(default)]
    include_plugins: Option<bool>,
}

/// Parameters of `tools.effective`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Effective {
    session_key: String,
    #[serde(default)]
    agent_id: Option<String>,
}

/// Parameters of `tools.invoke`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Invoke {
    #[schemars(length(min = 1, max = 128))]
    name: String,
    #[serde(default)]
    args: Option<Map<String, Value>>,
    #[serde(default)]
    session_key: Option<String>,
    #[serde(default)]
    agent_id: Option<String>,
    #[serde(default)]
    idempotency_key: Option<String>,
    /// No tool asks before it is called here.
    #[serde(default, rename = "confirm")]
    _confirm: Option<bool>,
    #[serde(default, rename = "conversationReadOrigin")]
    _conversation_read_origin: Option<String>,
}

pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("tools.catalog", Scope::Read).with::<Catalog>(),
        Method::new("tools.effective", Scope::Read).with::<Effective>(),
        Method::new("tools.invoke", Scope::Write).with::<Invoke>(),
    ]
}

/// Answers what is about tools.
pub(super) async fn call(
    gateway: &Gateway,
    method: &str,
    given: Value,
    caller: &Caller,
) -> Result<Value, Failure> {
    match method {
        "tools.catalog" => catalog(gateway, params(method, given)?),
        "tools.effective" => effective(gateway, &params(method, given)?),
        _ => invoke(gateway, params(method, given)?, caller).await,
    }
}

/// Every tool by the plugin that offers it.
fn catalog(gateway: &Gateway, asked: Catalog) -> Result<Value, Failure> {
    let agent = named(gateway, asked.agent_id.as_deref(), None)?;
    let mut groups: Vec<Value> = Vec::new();
    if asked.include_plugins.unwrap_or(true) {
        for (plugin, spec) in offered(gateway) {
            let group = groups.iter_mut().find(|group| group["pluginId"] == plugin.id());
            match group.and_then(|group| group["tools"].as_array_mut()) {
                Some(tools) => tools.push(row(&plugin, &spec)),
                None => groups.push(json!({
                    "id": format!("plugin:{}", plugin.id()), "label": plugin.spec().manifest.name,
                    "source": "plugin", "pluginId": plugin.id(), "tools": [row(&plugin, &spec)],
                })),
            }
        }
    }
    let profiles = PROFILES.map(|(id, label)| json!({ "id": id, "label": label }));
    Ok(json!({ "agentId": agent, "profiles": profiles, "groups": groups }))
}

/// The tools that an agent's model is offered: every tool of a running plugin.
fn effective(gateway: &Gateway, asked: &Effective) -> Result<Value, Failure> {
    let agent = named(gateway, asked.agent_id.as_deref(), Some(&asked.session_key))?;
    let tools: Vec<_> = offered(gateway)
        .iter()
        .map(|(plugin, spec)| row(plugin, spec))
        .collect();
    let mut groups = Vec::new();
    if !tools.is_empty() {
        groups.push(json!({ "id": "plugin", "label": "Plugin tools", "source": "plugin", "tools": tools }));
    }
    Ok(json!({ "agentId": agent, "profile": "full", "groups": groups }))
}

/// One tool, on behalf of whoever calls.
async fn invoke(gateway: &Gateway, asked: Invoke, caller: &Caller) -> Result<Value, Failure> {
    let agent = named(gateway, asked.agent_id.as_deref(), asked.session_key.as_deref())?;
    let name = asked.name;
    let Some(plugin) = gateway.registry.offering("tool/1", &name) else {
        let error = json!({ "code": "not_found", "message": format!("there is no tool named {name}") });
        return Ok(json!({ "ok": false, "toolName": name, "error": error }));
    };
    let origin = ToolOrigin {
        session_key: asked.session_key.unwrap_or_else(|| main_key(&agent)),
        agent_id: agent,
        call_id: asked.idempotency_key.unwrap_or_else(crate::gateway::random::uuid),
        sender_is_owner: caller.principal.scopes().permit(Scope::Admin),
        ..ToolOrigin::default()
    };
    let arguments = Value::Object(asked.args.unwrap_or_default());
    let call = ToolCall { arguments, origin };
    let called = plugin.call::<ToolOutput>(ids::tool::INVOKE, &name, &call);
    Ok(match called.await {
        Ok(output) => {
            json!({ "ok": true, "toolName": name, "output": { "content": content(&output) }, "source": "plugin" })
        }
        Err(error) => json!({
            "ok": false, "toolName": name, "source": "plugin",
            "error": { "code": code(&error), "message": error.message() },
        }),
    })
}

fn content(output: &ToolOutput) -> Vec<Value> {
    let parts = output.content.iter().filter_map(|part| match part {
        Content::Text { text } => Some(json!({ "type": "text", "text": text })),
        Content::Image { mime_type, data } => {
            Some(json!({ "type": "image", "mimeType": mime_type, "data": data }))
        }
        _ => None,
    });
    parts.collect()
}

fn code(error: &Error) -> &'static str {
    match error.kind() {
        ErrorKind::InvalidInput => "invalid_request",
        ErrorKind::NotFound => "not_found",
        ErrorKind::Auth | ErrorKind::Refused => "forbidden",
        ErrorKind::Timeout => "timeout",
        _ => "tool_error",
    }
}

fn offered(gateway: &Gateway) -> Vec<(Arc<Plugin>, ToolSpec)> {
    let offered = gateway.registry.offered("tool/1").into_iter();
    offered
        .filter_map(|(plugin, tool)| Some((plugin, serde_json::from_value(tool.spec).ok()?)))
        .collect()
}

fn row(plugin: &Plugin, spec: &ToolSpec) -> Value {
    let label = spec.name.replace('_', " ");
    json!({
        "id": spec.name, "label": label, "description": first_line(&spec.description),
        "rawDescription": spec.description, "source": "plugin", "pluginId": plugin.id(),
        "defaultProfiles": ["full"], "sideEffects": spec.side_effects, "idempotent": spec.idempotent,
        "parameters": spec.parameters,
    })
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
