//! `agents.*` and `agent.identity.get`: who answers here, and the files that an agent reads ahead of conversations.
mod edit;
mod files;

pub(super) use edit::{create, delete, update};
pub(super) use files::{get as get_file, list as list_files, set as set_file};

use super::{params, sessions::row};
use crate::{
    app::Gateway,
    config::Agent,
    gateway::{Caller, Failure, Method, Scope},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// What a client says that it understands if it wants to know what kind of agent one is.
const AGENT_KIND: &str = "agent-kind";

/// Parameters of `agents.list`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct List {}

/// Parameters of `agent.identity.get`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Identity {
    agent_id: Option<String>,
    session_key: Option<String>,
}

pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("agents.list", Scope::Read),
        Method::new("agents.files.list", Scope::Read),
        Method::new("agents.files.get", Scope::Read),
        Method::new("agent.identity.get", Scope::Read),
        Method::new("agents.files.set", Scope::Admin),
        Method::new("agents.create", Scope::Admin),
        Method::new("agents.update", Scope::Admin),
        Method::new("agents.delete", Scope::Admin),
    ]
}

/// All agents.
pub(super) async fn list(gateway: &Gateway, caller: &Caller, given: Value) -> Result<Value, Failure> {
    let _: List = params("agents.list", given)?;
    let config = gateway.desk().config();
    let agents = config.agents();
    let usual = gateway.desk().asker.default_model().await;
    let kind = caller.caps.iter().any(|cap| cap == AGENT_KIND);
    let rows: Vec<_> = agents
        .agents
        .iter()
        .map(|agent| describe(gateway, agent, &usual, kind))
        .collect();
    let sole = rows.len() == 1;
    Ok(json!({
        "defaultId": agents.default_id, "ownership": if sole { "sole" } else { "explicit" },
        "selectionRequired": false, "mainKey": "main", "scope": scope(gateway), "agents": rows,
    }))
}

/// Whether conversations are those of one person each, or all one.
pub(super) fn scope(gateway: &Gateway) -> &'static str {
    match gateway.desk().config().session.scope {
        crate::config::SessionScope::Global => "global",
        crate::config::SessionScope::PerSender => "per-sender",
    }
}

fn describe(gateway: &Gateway, agent: &Agent, usual: &str, kind: bool) -> Value {
    let written = agent.model.primary.as_deref().unwrap_or(usual);
    let primary = agent.reference(written).to_owned();
    let (provider, model) = row::parts(&primary);
    let workspace = agent.workspace(gateway.paths());
    let survey = gateway.desk().asker.survey();
    let mut found = json!({
        "id": agent.id, "workspace": workspace, "workspaceGit": workspace.join(".git").exists(),
        "agentRuntime": row::runtime(), "thinkingLevels": row::levels(&survey, agent, &provider, &model),
        "thinkingOptions": row::names(&survey, agent, &provider, &model),
        "thinkingDefault": row::default_thinking(agent), "model": { "primary": primary },
        "defaultPermissionMode": "full",
    });
    if kind {
        found["kind"] = json!("agent");
    }
    if let Some(name) = &agent.name {
        found["name"] = json!(name);
    }
    if let Some(fallbacks) = &agent.model.fallbacks {
        found["model"]["fallbacks"] = json!(fallbacks);
    }
    let identity = &agent.identity;
    let known = [
        ("name", &identity.name),
        ("theme", &identity.theme),
        ("emoji", &identity.emoji),
        ("avatar", &identity.avatar),
    ];
    for (name, value) in known {
        if let Some(value) = value {
            found["identity"][name] = json!(value);
        }
    }
    found
}

/// How an agent is called and what it looks like.
pub(super) fn identity(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: Identity = params("agent.identity.get", given)?;
    let config = gateway.desk().config();
    let agents = config.agents();
    let named = asked.agent_id.as_deref().or_else(|| {
        let key = asked.session_key.as_deref()?;
        key.strip_prefix("agent:")?.split(':').next()
    });
    let agent = named.map_or_else(|| Ok(agents.default_agent()), |id| find(&agents, id))?;
    let (name, source) = match (&agent.identity.name, &agent.name) {
        (Some(name), _) | (None, Some(name)) => (name.as_str(), "config"),
        (None, None) => ("Assistant", "default"),
    };
    let first = name.chars().next().map(|first| first.to_uppercase().to_string());
    let avatar = agent.identity.avatar.clone().or(first);
    let mut found = json!({ "agentId": agent.id, "name": name, "nameSource": source, "avatar": avatar });
    if let Some(emoji) = &agent.identity.emoji {
        found["emoji"] = json!(emoji);
    }
    Ok(found)
}

/// The id of the agent that is named, or whose a conversation is, or the default one.
pub(super) fn named(
    gateway: &Gateway,
    id: Option<&str>,
    session_key: Option<&str>,
) -> Result<String, Failure> {
    let config = gateway.desk().config();
    let agents = config.agents();
    let of_key = || session_key?.strip_prefix("agent:")?.split(':').next();
    let found = id
        .or_else(of_key)
        .map_or_else(|| Ok(agents.default_agent()), |id| find(&agents, id))?;
    Ok(found.id.clone())
}

/// An agent that there has to be.
fn find<'a>(agents: &'a crate::config::Agents, id: &str) -> Result<&'a Agent, Failure> {
    let unknown = || Failure::invalid(format!("unknown agent id \"{id}\"; see agents in openclaw.json"));
    agents.get(id).ok_or_else(unknown)
}

/// What a client begins with: whose conversation is the main one.
pub(super) fn session_defaults(gateway: &Gateway) -> Value {
    let config = gateway.desk().config();
    let agents = config.agents();
    let agent = agents.default_agent();
    json!({
        "defaultAgentId": agent.id, "modelConfigured": agent.model.primary.is_some(),
        "ownership": ownership(&agents), "selectionRequired": false, "mainKey": "main",
        "mainSessionKey": crate::route::main_key(&agent.id), "scope": scope(gateway),
    })
}

/// Whether the default agent is the only one.
pub(super) fn ownership(agents: &crate::config::Agents) -> &'static str {
    if agents.agents.len() == 1 {
        "sole"
    } else {
        "explicit"
    }
}
