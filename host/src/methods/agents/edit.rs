//! Agents come and go: as edits of the configuration, which the gateway then follows like any other.
use super::find;
use crate::{
    app::Gateway,
    config::{AgentPlace, Edit, add_agent, agent_id, edit_file, put_workspace_aside, remove_agent},
    gateway::{Code, Failure},
    methods::params,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{
    path::{Path, PathBuf},
    time::Duration,
};

/// How long the gateway has to follow an edit before the caller is answered.
const FOLLOWED: Duration = Duration::from_secs(10);

/// Parameters of `agents.create`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Create {
    name: String,
    #[serde(default)]
    workspace: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    emoji: Option<String>,
    #[serde(default)]
    avatar: Option<String>,
}

/// Parameters of `agents.update`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Update {
    agent_id: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    workspace: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    emoji: Option<String>,
    #[serde(default)]
    avatar: Option<String>,
}

/// Parameters of `agents.delete`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Delete {
    agent_id: String,
    #[serde(default)]
    delete_files: Option<bool>,
}

/// One more agent.
pub(in crate::methods) async fn create(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: Create = params("agents.create", given)?;
    let id = agent_id(&asked.name);
    let config = gateway.desk().config();
    let agents = config.agents();
    if asked.name.trim().is_empty() || agents.get(&id).is_some() {
        return Err(Failure::invalid(format!("agent \"{id}\" already exists")));
    }
    let model = judged(gateway, asked.model.as_deref())?;
    let fields = [("workspace", asked.workspace.as_ref()), ("model", model.as_ref())];
    let mut edits = add_agent(&config, &id, &asked.name, fields);
    let place = AgentPlace::of(config.value(), &id);
    edits.extend(place.identity(looks(asked.emoji.as_ref(), asked.avatar.as_ref())));
    apply(gateway, edits, |config| config.agents().get(&id).is_some()).await?;
    let config = gateway.desk().config();
    let agents = config.agents();
    let workspace = find(&agents, &id)?.workspace(gateway.paths());
    let mut answer = json!({ "ok": true, "agentId": id, "name": asked.name, "workspace": workspace });
    if let Some(model) = model {
        answer["model"] = json!(model);
    }
    Ok(answer)
}

/// Changes what is set of an agent.
pub(in crate::methods) async fn update(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: Update = params("agents.update", given)?;
    let config = gateway.desk().config();
    let agents = config.agents();
    let id = find(&agents, &asked.agent_id)?.id.clone();
    let model = judged(gateway, asked.model.as_deref())?;
    let place = AgentPlace::of(config.value(), &id);
    let fields = [
        ("name", &asked.name),
        ("workspace", &asked.workspace),
        ("model", &model),
    ];
    let given = fields
        .into_iter()
        .filter_map(|(field, value)| Some((field, value.as_ref()?)));
    let mut edits: Vec<_> = given
        .map(|(field, value)| place.set(field, json!(value)))
        .collect();
    edits.extend(place.identity(looks(asked.emoji.as_ref(), asked.avatar.as_ref())));
    if edits.is_empty() {
        return Ok(json!({ "ok": true, "agentId": id }));
    }
    let before = config.clone();
    apply(gateway, edits, |now| now.value() != before.value()).await?;
    Ok(json!({ "ok": true, "agentId": id }))
}

/// An agent goes, with its bindings. Its files are put aside, not destroyed.
pub(in crate::methods) async fn delete(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: Delete = params("agents.delete", given)?;
    let config = gateway.desk().config();
    let agents = config.agents();
    let agent = find(&agents, &asked.agent_id)?;
    let (id, workspace) = (agent.id.clone(), agent.workspace(gateway.paths()));
    if agent.is_default {
        return Err(Failure::invalid(format!(
            "\"{id}\" is the default agent and can't be deleted"
        )));
    }
    let (edits, bound) = remove_agent(config.value(), &id);
    apply(gateway, edits, |config| config.agents().get(&id).is_none()).await?;
    let mut removed = Vec::new();
    if asked.delete_files != Some(false)
        && let Some(aside) = put_aside(gateway, &workspace)
    {
        removed.push(json!({ "path": workspace, "method": "trash", "movedTo": aside }));
    }
    Ok(json!({
        "ok": true, "agentId": id, "removedBindings": bound, "removed": removed, "failed": [],
    }))
}

/// What people see of an agent.
fn looks<'a>(
    emoji: Option<&'a String>,
    avatar: Option<&'a String>,
) -> [(&'static str, Option<&'a String>); 2] {
    [("emoji", emoji), ("avatar", avatar)]
}

fn judged(gateway: &Gateway, model: Option<&str>) -> Result<Option<String>, Failure> {
    let Some(model) = model else { return Ok(None) };
    let desk = gateway.desk();
    let config = desk.config();
    let agents = config.agents();
    let judged = desk.asker.judge(agents.default_agent(), model);
    judged
        .map(|model| Some(model.to_string()))
        .map_err(|error| Failure::invalid(error.to_string()))
}

/// Edits the file and waits until the gateway follows it.
async fn apply(
    gateway: &Gateway,
    edits: Vec<Edit>,
    followed: impl Fn(&crate::config::Config) -> bool,
) -> Result<(), Failure> {
    let paths = gateway.paths().clone();
    let edited =
        tokio::task::spawn_blocking(move || edit_file(&paths.config_file, &paths.include_roots, &edits))
            .await;
    let edited = edited.map_err(|error| Failure::unavailable(error.to_string()))?;
    edited.map_err(|error| Failure::new(Code::InvalidRequest, error.to_string()))?;
    let mut config = gateway.desk().config.clone();
    let wait = config.wait_for(|config| followed(config));
    match tokio::time::timeout(FOLLOWED, wait).await {
        Ok(Ok(_)) => Ok(()),
        _ => Err(Failure::unavailable(
            "the configuration is written, but the gateway does not follow it; see its log",
        )),
    }
}

/// Moves a workspace of the gateway's own out of the way.
fn put_aside(gateway: &Gateway, workspace: &Path) -> Option<PathBuf> {
    let moved = put_workspace_aside(&gateway.paths().state_dir, workspace, gateway.now_ms());
    let told = moved.inspect_err(|error| {
        tracing::warn!(target: "openclaw::agents", %error, "{} stays", workspace.display());
    });
    told.ok().flatten()
}
