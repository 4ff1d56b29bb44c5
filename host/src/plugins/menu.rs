//! The commands that a channel puts into its platform's own menu: written into the configuration of each account, where
//! the channel's schema has a place for them.
use super::plugin::Spec;
use crate::{
    agent::commands::{PluginCommand, native},
    config::Config,
};
use openclaw_plugin_api::Account;
use serde_json::{Value, json};

/// Where channels look for them.
const KEY: &str = "nativeCommandsList";

/// Writes them into the accounts of every channel. What the operator wrote there stays.
pub(super) fn write(config: &Config, specs: &mut [Spec]) {
    let list = list(specs);
    for spec in specs {
        for (channel, account) in &mut spec.settings.accounts {
            let schema = spec.manifest.channel_schemas.get(channel.as_str());
            if let Some(schema) = schema.filter(|schema| !schema["properties"][KEY].is_null()) {
                put(account, &as_known(&list, schema), config.commands.native());
            }
        }
    }
}

fn put(account: &mut Account, list: &Value, is_on: bool) {
    let own = account.config["commands"]["native"].as_bool();
    if let Value::Object(config) = &mut account.config {
        let list = if own.unwrap_or(is_on) {
            list.clone()
        } else {
            json!([])
        };
        config.entry(KEY).or_insert(list);
    }
}

/// The commands with what the channel's schema knows of one: a plugin of an earlier release knows less.
fn as_known(list: &Value, schema: &Value) -> Value {
    let mut item = &schema["properties"][KEY]["items"];
    if let Some(path) = item["$ref"].as_str().and_then(|path| path.strip_prefix('#')) {
        item = schema.pointer(path).unwrap_or(&Value::Null);
    }
    let mut list = list.clone();
    if let (Some(known), Some(commands)) = (item["properties"].as_object(), list.as_array_mut()) {
        for command in commands.iter_mut().filter_map(Value::as_object_mut) {
            command.retain(|key, _| known.contains_key(key));
        }
    }
    list
}

/// The gateway's own commands, and those that plugins which are on declare.
fn list(specs: &[Spec]) -> Value {
    let running = specs.iter().filter(|spec| spec.reason.is_on());
    let brought = running.flat_map(|spec| {
        let of = |name: &String| PluginCommand {
            name: name.clone(),
            description: format!("A command of {}.", spec.manifest.name),
            require_auth: true,
        };
        spec.manifest.commands.iter().map(of)
    });
    let commands = native(&brought.collect::<Vec<_>>());
    let one = |command: crate::agent::commands::NativeCommand| json!({ "command": command.name, "description": command.description, "usage": command.usage });
    commands.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_is_told_what_it_knows_of() {
        let list = json!([{ "command": "help", "description": "d", "usage": "u" }]);
        let known = json!({ "command": {}, "description": {} });
        let inline = json!({ "properties": { KEY: { "items": { "properties": known } } } });
        let apart = json!({
            "properties": { KEY: { "items": { "$ref": "#/$defs/One" } } },
            "$defs": { "One": { "properties": known } },
        });
        for schema in [inline, apart] {
            assert_eq!(
                as_known(&list, &schema),
                json!([{ "command": "help", "description": "d" }])
            );
        }
        let anything = json!({ "properties": { KEY: { "items": {} } } });
        assert_eq!(as_known(&list, &anything), list);
    }

    #[test]
    fn an_account_gets_the_commands_unless_somebody_wants_others_or_none() {
        let list = list(&[]);
        assert!(
            list.as_array()
                .is_some_and(|list| list.iter().any(|one| one["command"] == "help"))
        );
        for (config, is_on, expected) in [
            (json!({}), true, list.clone()),
            (json!({}), false, json!([])),
            (json!({ "commands": { "native": false } }), true, json!([])),
            (json!({ "commands": { "native": true } }), false, list.clone()),
            (json!({ "commands": { "native": "auto" } }), true, list.clone()),
            (json!({ KEY: ["mine"] }), true, json!(["mine"])),
        ] {
            let mut account = Account {
                id: "default".into(),
                config,
            };
            put(&mut account, &list, is_on);
            assert_eq!(account.config[KEY], expected);
        }
    }
}
