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
            if schema.is_some_and(|schema| !schema["properties"][KEY].is_null()) {
                put(account, &list, config.commands.native());
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
