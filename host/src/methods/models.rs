//! `models.*`: which models there are, and whether each can be asked.
use super::{params, sessions::row as levels};
use crate::{
    agent::{DEFAULT_MODEL, Listed, commands::thinking_word},
    app::Gateway,
    config::Agent,
    gateway::{Failure, Method, Scope},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Parameters of `models.list`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct List {
    agent_id: Option<String>,
    /// The conversation whose agent is meant.
    session_key: Option<String>,
    view: View,
    /// Only the models of one provider.
    provider: Option<String>,
    /// Details are always there.
    #[serde(rename = "includeDetails")]
    _include_details: bool,
    #[serde(rename = "includeProviderCapabilities")]
    _include_provider_capabilities: bool,
    /// The list is made anew each time.
    #[serde(rename = "preparedOnly")]
    _prepared_only: bool,
    #[serde(rename = "refresh")]
    _refresh: bool,
}

/// Which models.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum View {
    /// Those that the configuration names.
    #[default]
    Default,
    /// The same.
    Configured,
    /// The same.
    ProviderConfig,
    /// Also those that plugins know.
    All,
}

/// Parameters of `models.authStatus`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct AuthStatus {
    agent_id: Option<String>,
    /// The state is read anew each time.
    #[serde(rename = "refresh")]
    _refresh: bool,
}

pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("models.list", Scope::Read).with::<List>(),
        Method::new("models.authStatus", Scope::Read).with::<AuthStatus>(),
    ]
}

/// The models of an agent.
pub(super) async fn list(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: List = params("models.list", given)?;
    let config = gateway.desk().config();
    let agents = config.agents();
    let of_key = || {
        asked
            .session_key
            .as_deref()?
            .strip_prefix("agent:")?
            .split(':')
            .next()
    };
    let agent = agent(&agents, asked.agent_id.as_deref().or_else(of_key))?;
    let found = gateway.desk().asker.list(agent, asked.view == View::All).await;
    let now = gateway.now_ms();
    let wanted = |model: &&Listed| {
        asked
            .provider
            .as_ref()
            .is_none_or(|id| *id == model.reference.provider)
    };
    let rows = found.iter().filter(wanted).map(|model| {
        let mut row = row(model, now);
        let reference = &model.reference;
        row["thinkingLevels"] = levels::levels(gateway, agent, &reference.provider, &reference.model);
        row["thinkingDefault"] = json!(if model.info.reasoning {
            levels::default_thinking(agent)
        } else {
            "off"
        });
        row
    });
    Ok(json!({ "models": rows.collect::<Vec<_>>() }))
}

/// What an agent's models are, and how the gateway proves to their providers who asks.
pub(super) fn auth_status(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: AuthStatus = params("models.authStatus", given)?;
    let desk = gateway.desk();
    let config = desk.config();
    let agents = config.agents();
    let agent = agent(&agents, asked.agent_id.as_deref())?;
    let providers = desk.asker.providers(agent).into_iter().map(|provider| {
        let status = if provider.auth.is_there() { "ok" } else { "missing" };
        let mut row = json!(provider);
        row["status"] = json!(status);
        row["authProvider"] = row["provider"].clone();
        row["displayName"] = row["provider"].clone();
        // nobody signs in here: a provider has keys or none
        row["profiles"] = json!([]);
        row
    });
    let aliases = agent.models.iter().filter_map(|(model, entry)| {
        let alias = entry.alias.as_ref()?;
        Some((alias.clone(), json!(model)))
    });
    let default = agent.model.primary.as_deref().unwrap_or(DEFAULT_MODEL);
    let resolved = desk.asker.judge(agent, default);
    Ok(json!({
        "ts": gateway.now_ms(), "agentId": agent.id, "configPath": gateway.paths().config_file,
        "agentDir": agent.agent_dir(gateway.paths()), "defaultModel": default,
        "resolvedDefault": resolved.as_ref().ok().map(ToString::to_string),
        "problem": resolved.as_ref().err().map(ToString::to_string),
        "thinking": agent.thinking.map(|level| thinking_word(level.into())),
        "fallbacks": agent.model.fallbacks.clone().unwrap_or_default(),
        "aliases": Map::from_iter(aliases), "allowed": agent.allowed_models,
        "providers": providers.collect::<Vec<_>>(),
    }))
}

fn agent<'a>(agents: &'a crate::config::Agents, id: Option<&str>) -> Result<&'a Agent, Failure> {
    let Some(id) = id else {
        return Ok(agents.default_agent());
    };
    let unknown = || Failure::invalid(format!("unknown agent id \"{id}\"; see agents in openclaw.json"));
    agents.get(id).ok_or_else(unknown)
}

fn row(model: &Listed, now_ms: i64) -> Value {
    let info = &model.info;
    let rests = model.resting_until_ms > now_ms;
    let mut row = json!({
        "id": model.reference.model, "name": info.name, "provider": model.reference.provider,
        "contextWindow": info.context_window, "maxTokens": info.max_tokens, "reasoning": info.reasoning,
        "input": info.input, "tags": model.tags, "auth": model.auth,
        "available": model.auth.is_there() && !rests,
    });
    if !model.alias.is_empty() {
        row["alias"] = json!(model.alias);
    }
    if !model.auth.is_there() {
        row["unavailableReason"] = json!("missing-auth");
    } else if rests {
        row["unavailableReason"] = json!("cooldown");
        row["unavailableUntil"] = json!(model.resting_until_ms);
    }
    row
}
