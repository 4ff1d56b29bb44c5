//! `plugins.catalog.*`: what plugins there are to choose from. This gateway asks no registry, so these are the ones that
//! lie in its folders, running or not.
use super::{find, row};
use crate::{
    app::Gateway,
    gateway::{Failure, Method, Scope},
    plugins::discover::Origin,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// What the id of an entry begins with that is known here only.
const LOCAL: &str = "local_";

/// Parameters of `plugins.catalog.browse`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Browse {
    #[serde(default)]
    query: Option<String>,
    /// `all`, `bundled`, or what only a registry knows: what is new there, what others like.
    #[serde(default)]
    intent: Option<String>,
    #[serde(default)]
    category: Option<String>,
    #[serde(default)]
    cursor: Option<String>,
    #[serde(default, rename = "pageSize")]
    #[schemars(range(min = 1, max = 100))]
    _page_size: Option<u32>,
    #[serde(default, rename = "searchSource")]
    _search_source: Option<String>,
}

/// Parameters of `plugins.catalog.get`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Get {
    #[schemars(length(min = 1))]
    id: String,
    #[serde(default, rename = "version")]
    _version: Option<String>,
}

pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("plugins.catalog.browse", Scope::Read).with::<Browse>(),
        Method::new("plugins.catalog.get", Scope::Read).with::<Get>(),
    ]
}

pub(super) fn browse(gateway: &Gateway, asked: &Browse) -> Result<Value, Failure> {
    if asked.cursor.is_some() {
        return Err(Failure::invalid("unknown cursor: the catalog has one page"));
    }
    let mut rows: Vec<_> = gateway.registry.all().iter().map(|plugin| row(plugin)).collect();
    rows.retain(|row| is_asked_for(asked, row));
    rows.sort_by_key(|row| text(row, "name").to_lowercase());
    Ok(json!({ "items": rows.iter().map(entry).collect::<Vec<_>>() }))
}

pub(super) fn get(gateway: &Gateway, asked: &Get) -> Result<Value, Failure> {
    let unknown = || Failure::invalid(format!("unknown plugin \"{}\" of the catalog", asked.id));
    let id = plugin_id(&asked.id).ok_or_else(unknown)?;
    let plugin = find(gateway, &id)?;
    let manifest = &plugin.spec().manifest;
    let mut detail = json!({
        "origin": "local", "topics": [], "configuration": [], "mcpServers": [], "skills": [], "versions": [],
        "channels": manifest.channels, "providers": manifest.providers, "contracts": manifest.capabilities(),
    });
    if !manifest.authors.is_empty() {
        detail["author"] = json!(manifest.authors);
    }
    if !manifest.homepage.is_empty() {
        detail["documentationUrl"] = json!(manifest.homepage);
    }
    Ok(json!({ "plugin": entry(&row(&plugin)), "detail": detail }))
}

/// Is this one among those that are looked for?
fn is_asked_for(asked: &Browse, row: &Value) -> bool {
    let of_intent = match asked.intent.as_deref() {
        None | Some("all") => true,
        Some("bundled") => row["origin"] == json!(Origin::Bundled),
        Some(_) => false,
    };
    let query = asked.query.as_deref().unwrap_or_default().trim().to_lowercase();
    let found = ["id", "name", "description"]
        .iter()
        .any(|field| text(row, field).to_lowercase().contains(&query));
    // a manifest names no categories
    of_intent && asked.category.is_none() && found
}

fn entry(row: &Value) -> Value {
    json!({
        "id": entry_id(text(row, "id")),
        "catalog": {
            "name": row["name"], "summary": row["description"], "official": false, "categories": [],
            "latestVersion": row["version"], "publishedToClawHub": false,
        },
        "local": {
            "present": true, "installed": true, "enabled": row["enabled"], "state": row["state"],
            "pluginId": row["id"], "action": "manage",
        },
    })
}

fn text<'a>(row: &'a Value, field: &str) -> &'a str {
    row[field].as_str().unwrap_or_default()
}

fn entry_id(plugin: &str) -> String {
    format!("{LOCAL}{}", URL_SAFE_NO_PAD.encode(plugin))
}

fn plugin_id(entry: &str) -> Option<String> {
    let bytes = URL_SAFE_NO_PAD.decode(entry.strip_prefix(LOCAL)?).ok()?;
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(wanted: Value) -> Browse {
        serde_json::from_value(wanted).expect("parameters")
    }

    #[test]
    fn an_entry_leads_back_to_its_plugin() {
        assert_eq!(plugin_id(&entry_id("my-plugin")).as_deref(), Some("my-plugin"));
        for wrong in ["my-plugin", "local_%", "local_/w"] {
            assert_eq!(plugin_id(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_only_a_registry_knows_is_not_made_up() {
        let row = json!({ "id": "notes", "name": "Notes", "description": "Reads and writes", "origin": Origin::Bundled });
        assert!(is_asked_for(&asked(json!({})), &row));
        assert!(is_asked_for(
            &asked(json!({ "intent": "bundled", "query": "WRITES" })),
            &row
        ));
        for wanted in [
            json!({ "intent": "trending" }),
            json!({ "category": "media" }),
            json!({ "query": "pictures" }),
        ] {
            assert!(!is_asked_for(&asked(wanted), &row));
        }
    }
}
