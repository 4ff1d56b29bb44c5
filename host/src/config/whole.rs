//! The JSON Schema of the whole configuration, generated from the types and from the schemas that plugins bring.
//!
//! It is for editors and for people. What the gateway itself checks with are the same parts, one by one.
use super::{secrets::SecretRef, sections};
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

/// The schemas that one plugin brings.
#[derive(Debug, Clone, Copy)]
pub struct PluginSchemas<'p> {
    /// The plugin.
    pub id: &'p str,
    /// What `plugins.entries.<id>.config` may be. None: nothing.
    pub config: Option<&'p Value>,
    /// What an account of a channel may be, by channel.
    pub channels: &'p Map<String, Value>,
}

/// The schema of `openclaw.json`.
pub fn json_schema<'p>(plugins: impl IntoIterator<Item = PluginSchemas<'p>>) -> Value {
    let mut generator = SchemaSettings::draft2020_12().into_generator();
    let mut properties: Map<String, Value> = sections::schemas(&mut generator)
        .into_iter()
        .map(|(key, schema)| (key.to_owned(), schema.to_value()))
        .collect();
    let reference = generator.subschema_for::<SecretRef>().to_value();
    let mut whole = Whole {
        definitions: generator.take_definitions(true),
        channels: Map::new(),
        reference,
    };
    for plugin in plugins {
        whole.add(plugin);
    }
    for key in sections::FREE.iter().chain(sections::SILENT) {
        properties.insert((*key).to_owned(), json!(true));
    }
    properties.insert(
        "channels".to_owned(),
        json!({"description": "Chat platforms by id.", "type": "object", "properties": whole.channels}),
    );
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "openclaw.json",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "$defs": whole.definitions,
    })
}

struct Whole {
    definitions: Map<String, Value>,
    channels: Map<String, Value>,
    reference: Value,
}

impl Whole {
    fn add(&mut self, plugin: PluginSchemas<'_>) {
        if let Some(schema) = plugin.config {
            let config = self.take_in(schema, &format!("plugin.{}", plugin.id));
            let entry = json!({"allOf": [
                {"$ref": "#/$defs/EntryConfig"},
                {"type": "object", "properties": {"config": config}}
            ]});
            let entries = self
                .definitions
                .get_mut("PluginsConfig")
                .and_then(|plugins| plugins.pointer_mut("/properties/entries")?.as_object_mut());
            if let Some(entries) = entries {
                let properties = entries.entry("properties").or_insert_with(|| json!({}));
                properties[plugin.id] = entry;
            }
        }
        for (channel, schema) in plugin.channels {
            let account = self.take_in(schema, &format!("channel.{channel}"));
            self.channels.insert(channel.clone(), block(account));
        }
    }

    /// A schema of a plugin as a part of this one: its definitions move here under names of their own, and where it
    /// wants a secret a reference to one will do.
    fn take_in(&mut self, schema: &Value, name: &str) -> Value {
        let mut schema = schema.clone();
        if let Some(map) = schema.as_object_mut() {
            map.shift_remove("$schema");
            if let Some(Value::Object(definitions)) = map.shift_remove("$defs") {
                for (key, mut definition) in definitions {
                    self.adapt(&mut definition, name);
                    self.definitions.insert(format!("{name}.{key}"), definition);
                }
            }
        }
        self.adapt(&mut schema, name);
        schema
    }

    fn adapt(&self, schema: &mut Value, name: &str) {
        match schema {
            Value::Object(map) => {
                if let Some(Value::String(target)) = map.get_mut("$ref")
                    && let Some(key) = target.strip_prefix("#/$defs/")
                {
                    *target = format!("#/$defs/{name}.{key}");
                }
                map.values_mut().for_each(|inner| self.adapt(inner, name));
                if is_secret(map) {
                    *schema = json!({"anyOf": [schema, self.reference]});
                }
            }
            Value::Array(items) => items.iter_mut().for_each(|inner| self.adapt(inner, name)),
            _ => {}
        }
    }
}

/// Does this schema describe a secret?
pub fn is_secret(schema: &Map<String, Value>) -> bool {
    schema.get("format").is_some_and(|format| format == "password")
        || schema.get("writeOnly").is_some_and(|only| only == true)
}

/// The block of a channel: the keys of an account, which all accounts inherit, and the accounts.
fn block(account: Value) -> Value {
    let mut block = account.clone();
    if let Some(map) = block.as_object_mut() {
        // what an account needs may stand in the account itself
        map.shift_remove("required");
        let properties = map.entry("properties").or_insert_with(|| json!({}));
        properties["enabled"] =
            json!({"description": "Is the channel on? Default: true.", "type": "boolean"});
        let mut account = account;
        account
            .as_object_mut()
            .map(|account| account.shift_remove("required"));
        properties["accounts"] = json!({
            "description": "Accounts by name. Each inherits the keys beside this one, and its own win. A token beside this one that none inherits is that of the account `default`.",
            "type": "object", "additionalProperties": account
        });
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{JsonPath, Schema};

    fn schema() -> Value {
        let channel = json!({
            "type": "object", "additionalProperties": false, "required": ["token"],
            "properties": {"token": {"type": "string", "format": "password"}, "peer": {"$ref": "#/$defs/Peer"}},
            "$defs": {"Peer": {"type": "object", "additionalProperties": false, "properties": {"id": {"type": "string"}}}}
        });
        let channels = Map::from_iter([("pigeon".to_owned(), channel.clone())]);
        json_schema([PluginSchemas {
            id: "pigeons",
            config: Some(&channel),
            channels: &channels,
        }])
    }

    #[test]
    fn it_judges_the_parts_of_plugins_too() {
        let schema = Schema::new(schema()).expect("a valid schema");
        let good = json!({
            "agents": {"list": [{"id": "main"}]}, "bindings": [], "gateway": {"auth": {"token": {"source": "env", "id": "X"}}},
            "channels": {"pigeon": {"enabled": true, "accounts": {"a": {"token": {"source": "env", "id": "X"}}}}, "other": {}},
            "plugins": {"entries": {"pigeons": {"config": {"token": "x", "peer": {"id": "1"}}}}},
        });
        assert!(schema.check(&good, &JsonPath::root()).is_empty());
        for (bad, part) in [
            (json!({"chanels": {}}), "did you mean `channels`?"),
            (
                json!({"channels": {"pigeon": {"peer": {"id": 5}}}}),
                "channels.pigeon.peer.id: is a number",
            ),
            (
                json!({"channels": {"pigeon": {"accounts": {"a": {"toke": ""}}}}}),
                "did you mean `token`?",
            ),
            (
                json!({"plugins": {"entries": {"pigeons": {"config": {}}}}}),
                "lacks the key \"token\"",
            ),
            (
                json!({"agents": {"defaults": {"timeoutSeconds": "x"}}}),
                "must be of type integer",
            ),
        ] {
            let faults = schema.check(&bad, &JsonPath::root());
            assert!(
                faults.iter().any(|fault| fault.to_string().contains(part)),
                "{part}: {faults:?}"
            );
        }
    }

    #[test]
    fn every_key_of_ours_is_documented() {
        fn undocumented(value: &Value, path: &str, found: &mut Vec<String>) {
            if let Some(properties) = value.get("properties").and_then(Value::as_object) {
                for (key, schema) in properties {
                    if schema.is_object()
                        && schema.get("description").is_none()
                        && schema.get("$ref").is_none()
                    {
                        found.push(format!("{path}.{key}"));
                    }
                }
            }
            for (key, inner) in value.as_object().into_iter().flatten() {
                undocumented(inner, &format!("{path}/{key}"), found);
            }
        }
        let mut found = Vec::new();
        undocumented(&json_schema([]), "", &mut found);
        assert!(found.is_empty(), "{found:?}");
    }
}
