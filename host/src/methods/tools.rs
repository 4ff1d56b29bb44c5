//! `tools.*`: which tools there are, what the policy says of them, and calling one without a model.
use super::{agents::named, params};
use crate::{
    agent::{
        Standing,
        commands::SessionSettings,
        policy::{self, Decision, Permits, Trust, Verdict},
        rules_of,
        tools::{Offered, Rights},
    },
    app::Gateway,
    config::{Config, ToolProfile, check_tools, tool_names},
    gateway::{Caller, Failure, Method, Scope},
    route::main_key,
};
use openclaw_plugin_api::{Content, Error, ErrorKind, ToolCall, ToolOrigin, ToolOutput};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// What is not called from outside unless the owner does it or the operator says so.
const DENIED: &[&str] = &[
    "apply_patch",
    "cron",
    "edit",
    "exec",
    "fs_*",
    "gateway",
    "message",
    "nodes",
    "process",
    "sessions_send",
    "sessions_spawn",
    "shell",
    "spawn",
    "write",
];
/// Most notices that one answer has.
const MAX_NOTICES: usize = 20;

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
    /// Tell also which tools are off, and why.
    #[serde(default)]
    include_off: bool,
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
        "tools.catalog" => catalog(gateway, params(method, given)?).await,
        "tools.effective" => effective(gateway, &params(method, given)?, caller).await,
        _ => invoke(gateway, params(method, given)?, caller).await,
    }
}

/// Every tool by who brings it, with what an agent's policy says of it.
async fn catalog(gateway: &Gateway, asked: Catalog) -> Result<Value, Failure> {
    let agent = named(gateway, asked.agent_id.as_deref(), None)?;
    let look = Look::new(gateway, agent, None, Trust::Owner).await?;
    let mut groups: Vec<Value> = Vec::new();
    for decision in look.decisions() {
        let plugin = decision.tool.plugin.as_deref();
        if plugin.is_some() && !asked.include_plugins.unwrap_or(true) {
            continue;
        }
        let mut row = row(&decision.tool);
        row["enabled"] = json!(decision.verdict.is_on());
        if let Verdict::Off(why) = &decision.verdict {
            row["disabledReason"] = json!(why.to_string());
        }
        let id = plugin.map_or_else(|| "core".to_owned(), |plugin| format!("plugin:{plugin}"));
        let group = groups.iter_mut().find(|group| group["id"] == id);
        match group.and_then(|group| group["tools"].as_array_mut()) {
            Some(tools) => tools.push(row),
            None => groups.push(group_of(gateway, &id, plugin, row)),
        }
    }
    let profiles = PROFILES.map(|(id, label)| json!({ "id": id, "label": label }));
    Ok(json!({ "agentId": look.agent, "profiles": profiles, "groups": groups }))
}

fn group_of(gateway: &Gateway, id: &str, plugin: Option<&str>, row: Value) -> Value {
    let Some(plugin) = plugin else {
        return json!({ "id": id, "label": "Gateway", "source": "core", "tools": [row] });
    };
    let found = gateway.registry.get(plugin);
    let label = found.map_or_else(|| plugin.to_owned(), |plugin| plugin.spec().manifest.name.clone());
    json!({ "id": id, "label": label, "source": "plugin", "pluginId": plugin, "tools": [row] })
}

/// The tools that the model of a conversation is offered and, if asked for, why the others are off.
async fn effective(gateway: &Gateway, asked: &Effective, caller: &Caller) -> Result<Value, Failure> {
    let agent = named(gateway, asked.agent_id.as_deref(), Some(&asked.session_key))?;
    let look = Look::new(gateway, agent, Some(&asked.session_key), trust(caller)).await?;
    let decisions = look.decisions();
    let of = |core: bool| {
        let on = decisions.iter().filter(|decision| decision.verdict.is_on());
        let on = on.filter(|decision| decision.tool.plugin.is_none() == core);
        on.map(|decision| row(&decision.tool)).collect::<Vec<_>>()
    };
    let mut groups = Vec::new();
    for (id, label, tools) in [
        ("core", "Gateway tools", of(true)),
        ("plugin", "Plugin tools", of(false)),
    ] {
        if !tools.is_empty() {
            groups.push(json!({ "id": id, "label": label, "source": id, "tools": tools }));
        }
    }
    let config = gateway.desk().config();
    let agents = config.agents();
    let own = agents.get(&look.agent).and_then(|agent| agent.tools.profile);
    let profile = own.or(config.tools.profile).unwrap_or(ToolProfile::Full);
    let mut found = json!({ "agentId": look.agent, "profile": profile.word(), "groups": groups });
    let notices = notices(gateway);
    if !notices.is_empty() {
        found["notices"] = json!(notices);
    }
    if asked.include_off {
        let off = decisions.iter().filter_map(|decision| match &decision.verdict {
            Verdict::Off(why) => {
                let mut row = row(&decision.tool);
                row["why"] = json!(why.to_string());
                Some(row)
            }
            Verdict::On => None,
        });
        found["off"] = json!(off.collect::<Vec<_>>());
        found["model"] = json!(look.model);
    }
    Ok(found)
}

/// Names in policies that nobody has.
fn notices(gateway: &Gateway) -> Vec<Value> {
    let desk = gateway.desk();
    let (faults, warnings) = check_tools(&desk.config(), &desk.tools.names());
    let all = faults.iter().chain(&warnings);
    all.take(MAX_NOTICES)
        .map(|fault| json!({ "id": "unknown-tool", "severity": "warning", "message": fault.to_string() }))
        .collect()
}

/// One tool, on behalf of whoever calls.
async fn invoke(gateway: &Gateway, asked: Invoke, caller: &Caller) -> Result<Value, Failure> {
    let agent = named(gateway, asked.agent_id.as_deref(), asked.session_key.as_deref())?;
    let (name, desk) = (asked.name, gateway.desk());
    let tools = desk.tools.all();
    let source = match tools.iter().find(|tool| tool.spec.name == name) {
        Some(tool) if tool.plugin.is_none() => "core",
        _ => "plugin",
    };
    if let Some(key) = closed(&desk.config(), &name, trust(caller)) {
        let error = json!({ "code": "forbidden", "message": format!("{name} is not served here: {key}") });
        return Ok(json!({ "ok": false, "toolName": name, "error": error }));
    }
    let session_key = asked.session_key.unwrap_or_else(|| main_key(&agent));
    let look = Look::new(gateway, agent, Some(&session_key), trust(caller)).await?;
    let origin = ToolOrigin {
        session_key,
        agent_id: look.agent.clone(),
        call_id: asked.idempotency_key.unwrap_or_else(crate::gateway::random::uuid),
        sender_is_owner: trust(caller) == Trust::Owner,
        ..ToolOrigin::default()
    };
    let arguments = Value::Object(asked.args.unwrap_or_default());
    let call = ToolCall { arguments, origin };
    let rights = Rights {
        permits: &look.permits,
        model: &look.model,
    };
    Ok(match desk.tools.invoke(&name, call, rights).await {
        Ok(output) => {
            json!({ "ok": true, "toolName": name, "output": told(&output), "source": source })
        }
        Err(error) => json!({
            "ok": false, "toolName": name, "source": source,
            "error": { "code": code(&error), "message": error.message() },
        }),
    })
}

fn told(output: &ToolOutput) -> Value {
    let mut told = json!({ "content": content(output) });
    if !output.details.is_null() {
        told["details"] = output.details.clone();
    }
    told
}

/// How far a caller is trusted: whoever may do everything is the owner.
fn trust(caller: &Caller) -> Trust {
    if caller.principal.scopes().permit(Scope::Admin) {
        Trust::Owner
    } else {
        Trust::Known
    }
}

/// Why a tool is not called from outside, `gateway.tools`. What runs programs, writes files or speaks for the agent is
/// for the owner, unless the operator lists it.
fn closed(config: &Config, name: &str, trust: Trust) -> Option<&'static str> {
    let tools = &config.value()["gateway"]["tools"];
    let listed = |list: &str| {
        let names = tools[list]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str);
        names
            .into_iter()
            .any(|pattern| tool_names::fits(&tool_names::canonical(pattern), name))
    };
    if listed("deny") {
        return Some("gateway.tools.deny has it");
    }
    let harmful = DENIED.iter().any(|pattern| tool_names::fits(pattern, name));
    let closed = harmful && trust < Trust::Owner && !listed("allow");
    closed.then_some("it needs operator.admin, or an entry in gateway.tools.allow")
}

/// The tools of a conversation as somebody sees them.
struct Look {
    agent: String,
    model: String,
    permits: Permits,
}

impl Look {
    async fn new(
        gateway: &Gateway,
        agent: String,
        session_key: Option<&str>,
        trust: Trust,
    ) -> Result<Self, Failure> {
        let desk = gateway.desk();
        let key = session_key.map_or_else(|| main_key(&agent), str::to_lowercase);
        let wanted = key.clone();
        let session = super::journal(desk, move |j| j.find_session(&wanted)).await?;
        let settings = session.map(|session| session.settings).unwrap_or_default();
        let standing = Standing {
            agent: &agent,
            session_key: &key,
            settings: &settings,
            trust,
        };
        let permits = rules_of(desk, &standing);
        let chosen: SessionSettings = serde_json::from_str(&settings).unwrap_or_default();
        let usual = desk.asker.default_model().await;
        let config = desk.config();
        let agents = config.agents();
        let known = agents.get(&agent).unwrap_or_else(|| agents.default_agent());
        let written = chosen
            .model()
            .or_else(|| known.model.primary.clone())
            .unwrap_or(usual);
        Ok(Self {
            model: known.reference(&written).to_owned(),
            permits,
            agent,
        })
    }

    fn decisions(&self) -> Vec<Decision> {
        self.permits.decisions(&self.model)
    }
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

fn row(tool: &Offered) -> Value {
    let spec = &tool.spec;
    let source = if tool.plugin.is_some() { "plugin" } else { "core" };
    let mut row = json!({
        "id": spec.name, "label": spec.name.replace('_', " "), "description": first_line(&spec.description),
        "rawDescription": spec.description, "source": source, "defaultProfiles": profiles_with(tool),
        "sideEffects": spec.side_effects, "idempotent": spec.idempotent, "parameters": spec.parameters,
    });
    if let Some(plugin) = &tool.plugin {
        row["pluginId"] = json!(plugin);
    }
    if tool.owner_only {
        row["ownerOnly"] = json!(true);
    }
    row
}

fn profiles_with(tool: &Offered) -> Vec<&'static str> {
    let all = [
        ToolProfile::Minimal,
        ToolProfile::Coding,
        ToolProfile::Messaging,
        ToolProfile::Full,
    ];
    let with = all
        .into_iter()
        .filter(|profile| policy::in_profile(*profile, tool));
    with.map(ToolProfile::word).collect()
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_do_harm_is_for_the_owner_unless_the_operator_lists_it() {
        let config =
            |tools: Value| Config::from_value(json!({ "gateway": { "tools": tools } })).expect("valid");
        let usual = config(json!({}));
        for name in ["exec", "write", "sessions_spawn", "cron"] {
            assert!(closed(&usual, name, Trust::Known).is_some(), "{name}");
            assert!(closed(&usual, name, Trust::Owner).is_none(), "{name}");
        }
        assert!(closed(&usual, "web_fetch", Trust::Known).is_none());
        let own = config(json!({ "allow": ["exec"], "deny": ["web_*"] }));
        assert!(closed(&own, "exec", Trust::Known).is_none());
        assert!(closed(&own, "web_fetch", Trust::Owner).is_some());
    }
}
