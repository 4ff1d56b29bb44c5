//! `sessions.groups.*`: the groups into which people sort conversations, for all of their clients.
use crate::{
    app::Gateway,
    gateway::Failure,
    journal::Groups,
    methods::{journal, params},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// Groups at most.
const MAX_GROUPS: usize = 500;
/// Characters of a name at most.
const MAX_NAME: usize = 512;

/// Parameters of `sessions.groups.put`: all groups, in their new order.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Put {
    names: Vec<String>,
    section_order: Option<Vec<String>>,
}

/// Parameters of `sessions.groups.rename`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Rename {
    name: String,
    to: String,
}

/// Parameters of `sessions.groups.delete`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Delete {
    name: String,
}

pub(in crate::methods) async fn call(
    gateway: &Gateway,
    method: &str,
    given: Value,
) -> Result<Value, Failure> {
    match method {
        "sessions.groups.list" => {
            let groups = journal(gateway.desk(), crate::journal::Journal::groups).await?;
            Ok(view(&groups))
        }
        // a group begins with nothing of its own here: conversations have no folders or worktrees to choose
        "sessions.groups.defaults" => Ok(json!({ "defaults": [] })),
        "sessions.groups.put" => put(gateway, params(method, given)?).await,
        "sessions.groups.rename" => {
            let asked: Rename = params(method, given)?;
            let (from, to) = (name(method, &asked.name)?, name(method, &asked.to)?);
            regroup(gateway, from, Some(to)).await
        }
        _ => {
            let asked: Delete = params(method, given)?;
            regroup(gateway, name(method, &asked.name)?, None).await
        }
    }
}

async fn put(gateway: &Gateway, asked: Put) -> Result<Value, Failure> {
    const METHOD: &str = "sessions.groups.put";
    if asked.names.len() > MAX_GROUPS {
        let text = format!("at /names: must not have more than {MAX_GROUPS} items");
        return Err(Failure::params(METHOD, text));
    }
    let mut names = Vec::new();
    for one in asked.names.iter().filter(|one| !one.trim().is_empty()) {
        let one = name(METHOD, one)?;
        if !names.contains(&one) {
            names.push(one);
        }
    }
    let sections = asked.section_order.map(|order| sections(&order, &names));
    let done = journal(gateway.desk(), move |j| j.put_groups(&names, sections.as_deref())).await?;
    let groups = done.map_err(|lost| {
        let lost: Vec<_> = lost
            .iter()
            .map(|(name, count)| format!("\"{name}\" ({count})"))
            .collect();
        Failure::invalid(format!(
            "these groups have conversations and are not among the names: {}; name them, or delete them by \
             sessions.groups.delete",
            lost.join(", ")
        ))
    })?;
    changed(gateway);
    let mut answer = view(&groups);
    answer["ok"] = json!(true);
    Ok(answer)
}

/// Sections that there can be, each once.
fn sections(order: &[String], names: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for id in order.iter().take(2 * MAX_GROUPS) {
        // as a group is named: without what stands around it
        let id = match id.split_once(':') {
            Some((kind, name)) => format!("{}:{}", kind.trim(), name.trim()),
            None => id.trim().to_owned(),
        };
        let known = match id.split_once(':') {
            Some(("category", name)) => names.iter().any(|one| one == name),
            Some(("catalog", name)) => !name.is_empty() && name.len() <= MAX_NAME,
            _ => matches!(id.as_str(), "ungrouped" | "groups" | "work"),
        };
        if known && !found.contains(&id) {
            found.push(id);
        }
    }
    found
}

async fn regroup(gateway: &Gateway, from: String, to: Option<String>) -> Result<Value, Failure> {
    let unknown = Failure::invalid(format!("unknown session group: {from}"));
    let renamed = to.is_some();
    let done = journal(gateway.desk(), move |j| j.regroup(&from, to.as_deref())).await?;
    let (groups, updated) = match done {
        Some(done) => done,
        None if renamed => return Err(unknown),
        // whoever wants it gone has it
        None => (journal(gateway.desk(), crate::journal::Journal::groups).await?, 0),
    };
    changed(gateway);
    let mut answer = view(&groups);
    answer["ok"] = json!(true);
    answer["updatedSessions"] = json!(updated);
    Ok(answer)
}

fn name(method: &str, given: &str) -> Result<String, Failure> {
    let name = given.trim();
    match name.chars().count() {
        1..=MAX_NAME => Ok(name.to_owned()),
        _ => {
            let text = format!("a group's name has 1 to {MAX_NAME} characters");
            Err(Failure::params(method, text))
        }
    }
}

fn view(groups: &Groups) -> Value {
    let rows = groups.names.iter().enumerate();
    let rows: Vec<_> = rows
        .map(|(position, name)| json!({ "name": name, "position": position }))
        .collect();
    json!({ "groups": rows, "sectionOrder": groups.sections })
}

/// Tells clients to read the groups again.
fn changed(gateway: &Gateway) {
    gateway.desk().live.changed("", "", "groups");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sections_that_there_are_have_a_place() {
        let order = [
            "ungrouped",
            "category: Work ",
            "category:Gone",
            "catalog:",
            "catalog:x",
            "nonsense",
            "ungrouped",
        ];
        let order: Vec<_> = order.iter().map(|id| (*id).to_owned()).collect();
        assert_eq!(
            sections(&order, &["Work".to_owned()]),
            ["ungrouped", "category:Work", "catalog:x"]
        );
    }

    #[test]
    fn a_name_has_something_in_it() {
        assert_eq!(name("m", " a ").expect("a name"), "a");
        assert!(name("m", "  ").is_err() && name("m", &"x".repeat(MAX_NAME + 1)).is_err());
    }
}
