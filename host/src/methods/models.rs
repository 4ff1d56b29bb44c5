//! `models.*`: which models there are, and whether each can be asked.
mod auth;

use super::{
    basis::{Basis, agent},
    params,
    sessions::row as levels,
};
use crate::{
    agent::{DEFAULT_MODEL, Listed, commands::thinking_word},
    app::Gateway,
    config::Agent,
    gateway::{Failure, Method, Scope},
    models::Cooldowns,
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

// === impl List ===

impl List {
    fn agent(&self) -> Option<&str> {
        let of_key = || {
            self.session_key
                .as_deref()?
                .strip_prefix("agent:")?
                .split(':')
                .next()
        };
        self.agent_id.as_deref().or_else(of_key)
    }
}

/// The models of an agent.
pub(super) async fn list(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: List = params("models.list", given)?;
    let basis = Basis::of(gateway);
    let agents = basis.config.agents();
    let agent = agent(&agents, asked.agent())?;
    let found = gateway.desk().asker.list(agent, asked.view == View::All).await;
    Ok(rows(&asked, &basis, agent, &found))
}

/// The same without asking a plugin for its catalogue.
pub(super) fn list_of(basis: &Basis<'_>, cooldowns: &Cooldowns, given: Value) -> Result<Value, Failure> {
    let asked: List = params("models.list", given)?;
    let agents = basis.config.agents();
    let agent = agent(&agents, asked.agent())?;
    let found = basis.survey.list(agent, asked.view == View::All, cooldowns);
    Ok(rows(&asked, basis, agent, &found))
}

fn rows(asked: &List, basis: &Basis<'_>, agent: &Agent, found: &[Listed]) -> Value {
    let wanted = |model: &&Listed| {
        asked
            .provider
            .as_ref()
            .is_none_or(|id| *id == model.reference.provider)
    };
    let rows = found.iter().filter(wanted).map(|model| {
        let mut row = row(model, basis.now_ms);
        let reference = &model.reference;
        row["thinkingLevels"] = levels::levels(&basis.survey, agent, &reference.provider, &reference.model);
        row["thinkingDefault"] = json!(if model.info.reasoning {
            levels::default_thinking(agent)
        } else {
            "off"
        });
        row
    });
    json!({ "models": rows.collect::<Vec<_>>() })
}

/// What an agent's models are, and how the gateway proves to their providers who asks.
pub(super) fn auth_status(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    auth_status_of(&Basis::of(gateway), given)
}

/// The same of this basis.
pub(super) fn auth_status_of(basis: &Basis<'_>, given: Value) -> Result<Value, Failure> {
    let asked: AuthStatus = params("models.authStatus", given)?;
    let agents = basis.config.agents();
    let agent = agent(&agents, asked.agent_id.as_deref())?;
    let states = basis.survey.providers(agent);
    let providers = states.iter().map(|provider| {
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
    let resolved = basis.survey.judge(agent, default);
    let images = &agent.image_model;
    Ok(json!({
        "ts": basis.now_ms, "agentId": agent.id, "configPath": basis.paths.config_file,
        "agentDir": agent.agent_dir(basis.paths), "defaultModel": default,
        "resolvedDefault": resolved.as_ref().ok().map(ToString::to_string),
        "problem": resolved.as_ref().err().map(ToString::to_string),
        "thinking": agent.thinking.map(|level| thinking_word(level.into())),
        "fallbacks": agent.model.fallbacks.clone().unwrap_or_default(),
        "imageModel": images.primary, "imageFallbacks": images.fallbacks.clone().unwrap_or_default(),
        "aliases": Map::from_iter(aliases), "allowed": agent.allowed_models,
        "providers": providers.collect::<Vec<_>>(), "auth": auth::overview(basis, agent, &states),
    }))
}

fn row(model: &Listed, now_ms: i64) -> Value {
    let info = &model.info;
    let rests = model.resting_until_ms > now_ms;
    let mut row = json!({
        "id": model.reference.model, "name": info.name, "provider": model.reference.provider,
        "contextWindow": info.context_window, "maxTokens": info.max_tokens, "reasoning": info.reasoning,
        "input": info.input, "tags": model.tags, "auth": model.auth,
        "local": model.local, "available": model.auth.is_there() && !rests,
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
