//! `config.schema`: the schema of the whole configuration, and how a form shows each field.
use super::place::Place;
use crate::{
    config::{Outline, Step, has_secret_name, is_secret_schema},
    plugins::discover::Found,
};
use serde_json::{Map, Value, json};

/// How deep fields are described.
const MAX_DEPTH: usize = 12;
/// Fields that are described at most.
const MAX_HINTS: usize = 20_000;

/// Stands for any key of a map and any element of a list.
pub(super) const ANY: &str = "*";

/// The answer.
pub(super) fn answer(place: &Place) -> Value {
    let config = place.look().read.ok().and_then(|read| read.config);
    let found = place.found(config.as_ref().unwrap_or(&place.running));
    let schema = place.schema(&found);
    let outline = Outline::new(schema);
    let hints = hints(&outline, &found);
    let at = jiff::Timestamp::from_millisecond(place.now_ms).unwrap_or_default();
    json!({
        "schema": outline.schema(), "uiHints": hints, "version": env!("CARGO_PKG_VERSION"),
        "generatedAt": at.to_string(),
    })
}

/// The hints of all fields, by path; what plugins say of theirs wins.
pub(super) fn hints(outline: &Outline, found: &Found) -> Map<String, Value> {
    let mut hints = Map::new();
    describe(outline, &outline.root(), "", 0, &mut hints);
    for candidate in found.plugins.values() {
        let manifest = &candidate.library.manifest;
        for (path, hint) in &manifest.ui_hints {
            let own = format!("plugins.entries.{}.config.{path}", manifest.id);
            let path = if path.starts_with("channels.") {
                path.clone()
            } else {
                own
            };
            let entry = hints.entry(path).or_insert_with(|| json!({}));
            if let (Some(entry), Some(hint)) = (entry.as_object_mut(), hint.as_object()) {
                entry.extend(hint.clone());
            }
        }
    }
    hints
}

/// The hint of one field.
pub(super) fn hint(key: &str, nodes: &[&Map<String, Value>]) -> Value {
    let text = |name: &str| nodes.iter().find_map(|node| node.get(name)?.as_str());
    let mut hint = json!({ "label": text("title").map_or_else(|| label(key), str::to_owned) });
    if let Some(help) = text("description") {
        hint["help"] = json!(help);
    }
    if has_secret_name(key) || nodes.iter().any(|node| is_secret_schema(node)) {
        hint["sensitive"] = json!(true);
    }
    hint
}

fn describe(
    outline: &Outline,
    nodes: &[&Map<String, Value>],
    path: &str,
    depth: usize,
    hints: &mut Map<String, Value>,
) {
    if depth >= MAX_DEPTH || hints.len() >= MAX_HINTS {
        return;
    }
    for key in keys(nodes) {
        let step = if key == ANY && nodes.iter().any(|node| node.contains_key("items")) {
            Step::Index(0)
        } else {
            Step::Key(key.clone())
        };
        let inner = outline.inner(nodes, &step);
        let path = if path.is_empty() {
            key.clone()
        } else {
            format!("{path}.{key}")
        };
        if key != ANY {
            hints.insert(path.clone(), hint(&key, &inner));
        }
        describe(outline, &inner, &path, depth + 1, hints);
    }
}

/// The keys that a value may have, `*` for any.
pub(super) fn keys(nodes: &[&Map<String, Value>]) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for node in nodes {
        let properties = node.get("properties").and_then(Value::as_object);
        for key in properties.into_iter().flat_map(|map| map.keys()) {
            if !keys.contains(key) {
                keys.push(key.clone());
            }
        }
    }
    let open = |node: &&Map<String, Value>| {
        node.get("additionalProperties").is_some_and(Value::is_object) || node.contains_key("items")
    };
    if nodes.iter().any(open) {
        keys.push(ANY.to_owned());
    }
    keys
}

/// `botToken` → `Bot Token`
fn label(key: &str) -> String {
    let mut label = String::new();
    for (position, c) in key.chars().enumerate() {
        if position == 0 {
            label.extend(c.to_uppercase());
        } else if c == '_' || c == '-' {
            label.push(' ');
        } else {
            if c.is_uppercase() && !label.ends_with(char::is_uppercase) && !label.ends_with(' ') {
                label.push(' ');
            }
            label.push(c);
        }
    }
    label
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::json_schema;

    #[test]
    fn fields_of_maps_and_lists_are_described_and_secrets_are_marked() {
        let outline = Outline::new(json_schema([]));
        let hints = hints(&outline, &Found::default());
        assert_eq!(hints["gateway.auth.token"]["sensitive"], true);
        assert_eq!(hints["gateway.port"]["label"], "Port");
        assert!(
            hints["gateway.port"]["help"]
                .as_str()
                .is_some_and(|help| !help.is_empty())
        );
        assert!(hints.contains_key("models.providers.*.apiKey"), "maps");
        assert!(hints.contains_key("agents.list.*.id"), "lists");
        assert!(hints.len() < MAX_HINTS);
        assert_eq!(label("botToken"), "Bot Token");
        assert_eq!(label("allowedURLs"), "Allowed URLs");
    }
}
