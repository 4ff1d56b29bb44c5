//! Agents come and go: as edits of the file, in `agents.entries`, or in the list of February 2026 where the file has that.
use super::agent_id;
use crate::config::{Config, Edit, JsonPath};
use serde_json::{Value, json};
use std::{
    fs, io,
    path::{Path, PathBuf},
};

/// Where an agent stands in the file, or would.
#[derive(Debug, Clone)]
pub struct AgentPlace {
    /// Its object.
    pub path: JsonPath,
    /// In the list, where entries have their ids inside.
    pub is_listed: bool,
}

// === impl AgentPlace ===

impl AgentPlace {
    /// The place of the agent with this id.
    pub fn of(config: &Value, id: &str) -> Self {
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
        let (path, is_listed) = match (written, number, list) {
            (Some(key), ..) => (agents.key("entries").key(key), false),
            (None, Some(number), _) => (agents.key("list").index(number), true),
            (None, None, Some(list)) if entries.is_null() => (agents.key("list").index(list.len()), true),
            _ => (agents.key("entries").key(id), false),
        };
        Self { path, is_listed }
    }

    /// Gives one of its keys a value.
    pub fn set(&self, field: &str, value: Value) -> Edit {
        Edit::Set {
            path: self.path.key(field),
            value,
        }
    }

    /// Gives keys of its identity the values that there are.
    pub fn identity<'a>(&self, fields: impl IntoIterator<Item = (&'a str, Option<&'a String>)>) -> Vec<Edit> {
        let identity = self.path.key("identity");
        let given = fields
            .into_iter()
            .filter_map(|(name, value)| Some((name, value?)));
        let set = given.map(|(name, value)| Edit::Set {
            path: identity.key(name),
            value: json!(value),
        });
        set.collect()
    }
}

/// One more agent, which there must not be yet, with these keys.
pub fn add_agent<'a>(
    config: &Config,
    id: &str,
    name: &str,
    fields: impl IntoIterator<Item = (&'a str, Option<&'a String>)>,
) -> Vec<Edit> {
    let place = AgentPlace::of(config.value(), id);
    let mut edits = Vec::new();
    let agents = &config.value()["agents"];
    // the first named agent does not take the place of the one that is there without a name
    if agents["entries"].is_null() && agents["list"].is_null() {
        let main = AgentPlace::of(config.value(), &config.agents().default_id);
        edits.push(main.set("default", json!(true)));
    }
    if place.is_listed {
        edits.push(place.set("id", json!(id)));
    }
    edits.push(place.set("name", json!(name)));
    let given = fields
        .into_iter()
        .filter_map(|(field, value)| Some((field, value?)));
    edits.extend(given.map(|(field, value)| place.set(field, json!(value))));
    edits
}

/// An agent goes, with its bindings; how many it had.
pub fn remove_agent(config: &Value, id: &str) -> (Vec<Edit>, usize) {
    let bound = bindings_of(config, id);
    let mut edits = remove_bindings(&bound);
    edits.push(Edit::Unset {
        path: AgentPlace::of(config, id).path,
    });
    (edits, bound.len())
}

/// The places of an agent's bindings in `bindings`.
pub fn bindings_of(config: &Value, id: &str) -> Vec<usize> {
    let all = config["bindings"].as_array().into_iter().flatten().enumerate();
    let own = all.filter(|(_, binding)| {
        binding["agentId"]
            .as_str()
            .is_some_and(|bound| agent_id(bound) == id)
    });
    own.map(|(number, _)| number).collect()
}

/// Takes bindings away, from the last one on, so that no number changes before its turn.
pub fn remove_bindings(numbers: &[usize]) -> Vec<Edit> {
    let mut numbers = numbers.to_vec();
    numbers.sort_unstable_by(|a, b| b.cmp(a));
    let path = |number| JsonPath::root().key("bindings").index(number);
    numbers
        .into_iter()
        .map(|number| Edit::Unset { path: path(number) })
        .collect()
}

/// Moves a workspace out of the way, to where it says. None: there is none, or it lies outside of the state directory, where
/// it is its owner's.
pub fn put_workspace_aside(state: &Path, workspace: &Path, now_ms: i64) -> io::Result<Option<PathBuf>> {
    let name = workspace.file_name().and_then(|name| name.to_str());
    let Some(name) = name.filter(|_| workspace.starts_with(state) && workspace.is_dir()) else {
        return Ok(None);
    };
    let aside = workspace.with_file_name(format!("{name}.deleted.{now_ms}"));
    fs::rename(workspace, &aside)?;
    Ok(Some(aside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_agent_stands_where_the_file_has_agents() {
        let of = |config: Value, id: &str| AgentPlace::of(&config, id).path.to_string();
        assert_eq!(of(json!({}), "a"), "agents.entries.a");
        assert_eq!(
            of(json!({"agents": {"entries": {"A": {}}}}), "a"),
            "agents.entries.A"
        );
        let list = json!({"agents": {"list": [{"id": "x"}, {"id": "a"}]}});
        assert_eq!(of(list.clone(), "a"), "agents.list[1]");
        assert_eq!(of(list, "new"), "agents.list[2]");
    }

    #[test]
    fn an_agent_goes_with_its_bindings_from_the_last_one_on() {
        let config = json!({
            "agents": {"entries": {"a": {}, "b": {}}},
            "bindings": [{"agentId": "a"}, {"agentId": "b"}, {"agentId": "A"}],
        });
        let (edits, bound) = remove_agent(&config, "a");
        let paths: Vec<_> = edits
            .iter()
            .map(|edit| match edit {
                Edit::Unset { path } => path.to_string(),
                Edit::Set { .. } => "set".to_owned(),
            })
            .collect();
        assert_eq!(
            (bound, paths),
            (
                2,
                vec![
                    "bindings[2]".to_owned(),
                    "bindings[0]".to_owned(),
                    "agents.entries.a".to_owned(),
                ]
            )
        );
    }
}
