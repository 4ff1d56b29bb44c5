//! Agents come and go: as edits of the configuration, which the gateway then follows like any other.
use super::find;
use crate::{
    app::Gateway,
    config::{Edit, JsonPath, agent_id, edit_file},
    gateway::{Code, Failure},
    methods::params,
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{path::PathBuf, time::Duration};

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
    let place = place(config.value(), &id);
    let mut edits = Vec::new();
    // the first named agent does not take the place of the one that is there without a name
    let unnamed = config.value()["agents"]["entries"].is_null() && config.value()["agents"]["list"].is_null();
    if unnamed {
        let main = JsonPath::root()
            .key("agents")
            .key("entries")
            .key(&agents.default_id);
        edits.push(set(&main, "default", json!(true)));
    }
    if place.listed {
        edits.push(set(&place.path, "id", json!(id)));
    }
    edits.push(set(&place.path, "name", json!(asked.name)));
    let fields = [("workspace", &asked.workspace), ("model", &model)];
    for (field, value) in fields {
        edits.extend(value.as_ref().map(|value| set(&place.path, field, json!(value))));
    }
    edits.extend(looks(&place.path, asked.emoji.as_ref(), asked.avatar.as_ref()));
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
    let place = place(config.value(), &id);
    let mut edits = Vec::new();
    let fields = [
        ("name", &asked.name),
        ("workspace", &asked.workspace),
        ("model", &model),
    ];
    for (field, value) in fields {
        edits.extend(value.as_ref().map(|value| set(&place.path, field, json!(value))));
    }
    edits.extend(looks(&place.path, asked.emoji.as_ref(), asked.avatar.as_ref()));
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
    let value = config.value();
    let bound: Vec<_> = value["bindings"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
        .filter(|(_, binding)| {
            binding["agentId"]
                .as_str()
                .is_some_and(|bound| agent_id(bound) == id)
        })
        .map(|(number, _)| number)
        .collect();
    // from the last one on, so that no number changes before its turn
    let mut edits: Vec<_> = bound
        .iter()
        .rev()
        .map(|number| Edit::Unset {
            path: JsonPath::root().key("bindings").index(*number),
        })
        .collect();
    edits.push(Edit::Unset {
        path: place(value, &id).path,
    });
    apply(gateway, edits, |config| config.agents().get(&id).is_none()).await?;
    let mut removed = Vec::new();
    if asked.delete_files != Some(false)
        && let Some(aside) = put_aside(gateway, workspace.clone())
    {
        removed.push(json!({ "path": workspace, "method": "trash", "movedTo": aside }));
    }
    Ok(json!({
        "ok": true, "agentId": id, "removedBindings": bound.len(), "removed": removed, "failed": [],
    }))
}

/// Where an agent stands in the file.
struct Place {
    path: JsonPath,
    /// In the list of February 2026, where entries have their ids inside.
    listed: bool,
}

fn place(config: &Value, id: &str) -> Place {
    let agents = JsonPath::root().key("agents");
    let entries = &config["agents"]["entries"];
    let written = entries
        .as_object()
        .and_then(|entries| entries.keys().find(|key| agent_id(key) == id));
    let list = config["agents"]["list"].as_array();
    let number = list.and_then(|list| {
        let named = |entry: &Value| {
            entry["id"]
                .as_str()
                .is_some_and(|written| agent_id(written) == id)
        };
        list.iter().position(named)
    });
    match (written, number, list) {
        (Some(key), ..) => Place {
            path: agents.key("entries").key(key),
            listed: false,
        },
        (None, Some(number), _) => Place {
            path: agents.key("list").index(number),
            listed: true,
        },
        (None, None, Some(list)) if entries.is_null() => Place {
            path: agents.key("list").index(list.len()),
            listed: true,
        },
        _ => Place {
            path: agents.key("entries").key(id),
            listed: false,
        },
    }
}

fn set(place: &JsonPath, field: &str, value: Value) -> Edit {
    Edit::Set {
        path: place.clone().key(field),
        value,
    }
}

fn looks(place: &JsonPath, emoji: Option<&String>, avatar: Option<&String>) -> Vec<Edit> {
    let identity = place.clone().key("identity");
    let fields = [("emoji", emoji), ("avatar", avatar)];
    let given = fields
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    given
        .map(|(name, value)| set(&identity, name, json!(value)))
        .collect()
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

/// Moves a workspace of the gateway's own out of the way. One that lies elsewhere is its owner's.
fn put_aside(gateway: &Gateway, workspace: PathBuf) -> Option<PathBuf> {
    let state = &gateway.paths().state_dir;
    let name = workspace.file_name()?.to_str()?.to_owned();
    if !workspace.starts_with(state) || !workspace.is_dir() {
        return None;
    }
    let aside = workspace.with_file_name(format!("{name}.deleted.{}", gateway.now_ms()));
    match std::fs::rename(&workspace, &aside) {
        Ok(()) => Some(aside),
        Err(error) => {
            tracing::warn!(target: "openclaw::agents", %error, "{} stays", workspace.display());
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_stands_where_the_file_has_agents() {
        let of = |config: Value, id: &str| place(&config, id).path.to_string();
        assert_eq!(of(json!({}), "a"), "agents.entries.a");
        assert_eq!(
            of(json!({"agents": {"entries": {"A": {}}}}), "a"),
            "agents.entries.A"
        );
        let list = json!({"agents": {"list": [{"id": "x"}, {"id": "a"}]}});
        assert_eq!(of(list.clone(), "a"), "agents.list[1]");
        assert_eq!(of(list, "new"), "agents.list[2]");
    }
}
