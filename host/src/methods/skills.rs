//! `skills.*`: what agents find instructions for, what of it can be used, and switching it.
use super::{chat, params};
use crate::{
    app::Gateway,
    config::{Edit, JsonPath, edit_file},
    gateway::{Code, Failure, Method, Scope},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

/// How long the gateway has to follow an edit before the caller is answered.
const FOLLOWED: Duration = Duration::from_secs(10);

/// Parameters of `skills.status`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Status {
    agent_id: Option<String>,
    session_key: Option<String>,
}

/// Parameters of `skills.bins`.
#[derive(Debug, JsonSchema)]
#[schemars(deny_unknown_fields)]
struct Nothing {}

/// Parameters of `skills.search`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Search {
    #[serde(rename = "query")]
    _query: Option<String>,
    #[serde(rename = "limit")]
    #[schemars(range(min = 1, max = 100))]
    _limit: Option<u32>,
}

/// Parameters of `skills.library.list`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Library {
    #[serde(rename = "sessionKey")]
    #[schemars(length(max = 512))]
    _session_key: Option<String>,
    #[serde(rename = "scope")]
    _scope: Option<String>,
}

/// Parameters of `skills.update`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Update {
    skill_key: String,
    #[serde(default)]
    enabled: Option<bool>,
    #[serde(default)]
    api_key: Option<String>,
    #[serde(default)]
    env: BTreeMap<String, String>,
}

pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("skills.status", Scope::Read),
        Method::new("skills.search", Scope::Read).with::<Search>(),
        Method::new("skills.library.list", Scope::Read).with::<Library>(),
        Method::new("skills.update", Scope::Admin),
        Method::for_nodes("skills.bins").with::<Nothing>(),
    ]
}

pub(super) async fn call(gateway: &Gateway, method: &str, given: Value) -> Result<Value, Failure> {
    match method {
        "skills.status" => status(gateway, params(method, given)?).await,
        // skills that somebody could fetch: this gateway asks no registry. Those that are here are in `skills.status`.
        // OpenClaw's page calls it an error if nobody answers; so with the next one
        "skills.search" => {
            let _: Search = params(method, given)?;
            Ok(json!({ "results": [] }))
        }
        // skills that people keep for themselves or share: they are files in the workspaces here, and nobody's
        "skills.library.list" => {
            let _: Library = params(method, given)?;
            Ok(json!({
                "entries": [], "profileId": chat::OWNER, "multipleProfiles": false, "defaultTarget": "workspace",
                "canManageWorkspace": false, "defaultSelectionLimit": 0,
            }))
        }
        "skills.update" => update(gateway, params(method, given)?).await,
        "skills.bins" => bins(gateway).await,
        _ => Err(Failure::unknown_method(method)),
    }
}

async fn status(gateway: &Gateway, wanted: Status) -> Result<Value, Failure> {
    let desk = gateway.desk();
    let config = desk.config();
    let agents = config.agents();
    let of_key = wanted
        .session_key
        .as_deref()
        .and_then(|key| key.split(':').nth(1));
    let agent = match wanted.agent_id.as_deref().or(of_key) {
        None => agents.default_agent(),
        Some(id) => agents.get(id).ok_or_else(|| {
            Failure::invalid(format!("unknown agent id \"{id}\"; see agents in openclaw.json"))
        })?,
    };
    let skills = desk.skills.get(&config, agent, &desk.paths).await;
    let rows = skills.iter().map(|skill| {
        let mut row = json!(skill);
        row["configChecks"] = json!([]);
        row["install"] = json!([]);
        row
    });
    Ok(json!({
        "workspaceDir": agent.workspace(&desk.paths), "managedSkillsDir": desk.paths.state_dir.join("skills"),
        "agentId": agent.id, "skills": rows.collect::<Vec<_>>(),
    }))
}

/// Programs that skills may need, so that a node can say which of them it has.
async fn bins(gateway: &Gateway) -> Result<Value, Failure> {
    let desk = gateway.desk();
    let config = desk.config();
    let mut bins = BTreeSet::new();
    for agent in &config.agents().agents {
        let skills = desk.skills.get(&config, agent, &desk.paths).await;
        for skill in skills.iter() {
            let needs = &skill.requirements;
            bins.extend(needs.bins.iter().chain(&needs.any_bins).cloned());
        }
    }
    Ok(json!({ "bins": bins }))
}

async fn update(gateway: &Gateway, asked: Update) -> Result<Value, Failure> {
    let key = asked.skill_key.trim();
    if key.is_empty() {
        return Err(Failure::params("skills.update", "skillKey is empty"));
    }
    let entry = JsonPath::root().key("skills").key("entries").key(key);
    let set = |path: JsonPath, value: Value| Edit::Set { path, value };
    // an empty value takes away what is there
    let text = |path: JsonPath, value: &str| match value.trim() {
        "" => Edit::Unset { path },
        value => set(path, json!(value)),
    };
    let mut edits = Vec::new();
    edits.extend(
        asked
            .enabled
            .map(|enabled| set(entry.key("enabled"), json!(enabled))),
    );
    edits.extend(
        asked
            .api_key
            .as_deref()
            .map(|value| text(entry.key("apiKey"), value)),
    );
    let variables = asked.env.iter();
    edits.extend(variables.map(|(name, value)| text(entry.key("env").key(name), value)));
    if edits.is_empty() {
        return Err(Failure::params(
            "skills.update",
            "nothing to change: name enabled, apiKey or env",
        ));
    }
    let (paths, mut config) = (gateway.paths().clone(), gateway.desk().config.clone());
    config.mark_unchanged();
    let edited =
        tokio::task::spawn_blocking(move || edit_file(&paths.config_file, &paths.include_roots, &edits))
            .await;
    let edited = edited.map_err(|error| Failure::unavailable(error.to_string()))?;
    edited.map_err(|error| Failure::new(Code::InvalidRequest, error.to_string()))?;
    // one that changes nothing is not followed by anything
    let _ = tokio::time::timeout(FOLLOWED, config.changed()).await;
    let config = gateway.desk().config();
    let enabled = config.skills.entries.get(key).and_then(|entry| entry.enabled);
    Ok(json!({ "ok": true, "skillKey": key, "config": { "enabled": enabled.unwrap_or(true) } }))
}
