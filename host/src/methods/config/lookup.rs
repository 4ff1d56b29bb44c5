//! `config.schema.lookup`: one field and what is in it.
use super::{
    hints::{ANY, hint, keys},
    place::Place,
};
use crate::{
    config::{JsonPath, Outline, ReloadKind, Step, reload_kind},
    gateway::Failure,
};
use serde_json::{Map, Value, json};

/// The answer.
pub(super) fn answer(place: &Place, asked: &str) -> Result<Value, Failure> {
    let config = place.look().read.ok().and_then(|read| read.config);
    let found = place.found(config.as_ref().unwrap_or(&place.running));
    look_up(&Outline::new(place.schema(&found)), asked)
}

fn look_up(outline: &Outline, asked: &str) -> Result<Value, Failure> {
    let unknown = || Failure::invalid("config schema path not found");
    let path: JsonPath = asked.trim().parse().map_err(|_| unknown())?;
    let nodes = at(outline, &path);
    if nodes.is_empty() {
        return Err(unknown());
    }
    let required: Vec<&str> = nodes
        .iter()
        .filter_map(|node| node.get("required")?.as_array())
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let children = keys(&nodes).into_iter().map(|key| {
        let inner_path = path.key(&key);
        let inner = inner(outline, &nodes, &key);
        let written = written(&inner_path);
        json!({
            "key": key, "path": written, "type": kind(&inner), "required": required.contains(&key.as_str()),
            "hasChildren": !keys(&inner).is_empty(), "reloadKind": word(&inner_path), "hint": hint(&key, &inner),
            "hintPath": written,
        })
    });
    let children: Vec<_> = children.map(without_nulls).collect();
    let key = match path.steps().last() {
        Some(Step::Key(key)) => key.clone(),
        _ => String::new(),
    };
    Ok(json!({
        "path": written(&path), "schema": schema(outline, &nodes), "reloadKind": word(&path),
        "hint": hint(&key, &nodes), "hintPath": written(&path), "children": children,
    }))
}

fn at<'o>(outline: &'o Outline, path: &JsonPath) -> Vec<&'o Map<String, Value>> {
    path.steps()
        .iter()
        .fold(outline.root(), |nodes, step| match step {
            Step::Key(key) => inner(outline, &nodes, key),
            Step::Index(_) => outline.inner(&nodes, step),
        })
}

/// `*` is any key and any element.
fn inner<'o>(
    outline: &'o Outline,
    nodes: &[&'o Map<String, Value>],
    key: &str,
) -> Vec<&'o Map<String, Value>> {
    let by_key = outline.inner(nodes, &Step::Key(key.to_owned()));
    if by_key.is_empty() && (key == ANY || key.parse::<usize>().is_ok()) {
        return outline.inner(nodes, &Step::Index(0));
    }
    by_key
}

/// What the value may be, with the fields one level deep.
fn schema(outline: &Outline, nodes: &[&Map<String, Value>]) -> Value {
    let mut schema = Map::new();
    for node in nodes.iter().filter(|node| !node.contains_key("$ref")) {
        for (key, value) in node
            .iter()
            .filter(|(key, _)| !["$defs", "properties", "$schema"].contains(&key.as_str()))
        {
            schema.entry(key.clone()).or_insert_with(|| value.clone());
        }
    }
    // a value that may be absent is not told as one that may be null
    let kind_of_all = kind(nodes);
    if !kind_of_all.is_null() {
        schema.insert("type".into(), kind_of_all);
    }
    let properties: Map<String, Value> = keys(nodes)
        .into_iter()
        .filter(|key| key != ANY)
        .map(|key| {
            let inner = inner(outline, nodes, &key);
            let text = |name: &str| inner.iter().find_map(|node| node.get(name).cloned());
            let field = json!({ "type": kind(&inner), "description": text("description"), "enum": text("enum"), "default": text("default") });
            (key, without_nulls(field))
        })
        .collect();
    if !properties.is_empty() {
        schema.insert("properties".into(), Value::Object(properties));
    }
    Value::Object(schema)
}

/// The types of a field; one, or several.
fn kind(nodes: &[&Map<String, Value>]) -> Value {
    let mut kinds: Vec<&str> = Vec::new();
    for node in nodes {
        let found = match node.get("type") {
            Some(Value::String(kind)) => vec![kind.as_str()],
            Some(Value::Array(kinds)) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => Vec::new(),
        };
        kinds.extend(found.into_iter().filter(|kind| *kind != "null"));
    }
    kinds.dedup();
    match kinds.as_slice() {
        [] => Value::Null,
        [one] => json!(one),
        _ => {
            kinds.sort_unstable();
            kinds.dedup();
            json!(kinds)
        }
    }
}

fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(map.into_iter().filter(|(_, value)| !value.is_null()).collect()),
        other => other,
    }
}

fn word(path: &JsonPath) -> &'static str {
    match reload_kind(path) {
        ReloadKind::None => "none",
        ReloadKind::Hot => "hot",
        ReloadKind::Restart => "restart",
    }
}

fn written(path: &JsonPath) -> String {
    let keys = path.steps().iter().map(|step| match step {
        Step::Key(key) => key.clone(),
        Step::Index(index) => index.to_string(),
    });
    keys.collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::json_schema;

    #[test]
    fn a_field_is_told_with_what_is_in_it() {
        let outline = Outline::new(json_schema([]));
        let told = look_up(&outline, "gateway").expect("a field");
        assert_eq!(told["reloadKind"], "restart");
        let children = told["children"].as_array().expect("a list");
        let port = children
            .iter()
            .find(|child| child["key"] == "port")
            .expect("a port");
        assert_eq!(
            (&port["path"], &port["type"], &port["hasChildren"]),
            (&json!("gateway.port"), &json!("integer"), &json!(false))
        );
        assert_eq!(
            look_up(&outline, "models.providers.mine.apiKey").expect("a field")["hint"]["sensitive"],
            true
        );
        assert_eq!(
            look_up(&outline, "agents.list.*.id").expect("a field")["schema"]["type"],
            "string"
        );
        assert_eq!(
            look_up(&outline, "agents.list[0].id").expect("a field")["path"],
            "agents.list.0.id"
        );
        let refused = look_up(&outline, "gateway.prot").expect_err("no such field");
        assert_eq!(refused.message, "config schema path not found");
    }
}
