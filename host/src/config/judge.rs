//! Judges the parts of the configuration that belong to plugins, by the schemas that they bring.
//!
//! An account of a channel is judged with what it inherits from the block; a fault is told where the value stands.
use super::{
    Config, JsonPath, Schema, known,
    location::Step,
    marks,
    schema::{Fault, Finding, type_name},
    secrets::is_reference,
    whole::PluginSchemas,
};
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// What the schemas of plugins say about a configuration.
#[derive(Debug, Default)]
pub struct Judgement {
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// Keys that OpenClaw knows and that have no effect here.
    pub without_effect: Vec<JsonPath>,
}

/// Judges the configuration of these plugins and of their channels.
pub fn judge<'p>(config: &Config, plugins: impl IntoIterator<Item = PluginSchemas<'p>>) -> Judgement {
    let mut judgement = Judgement::default();
    for plugin in plugins {
        let at = JsonPath::root()
            .key("plugins")
            .key("entries")
            .key(plugin.id)
            .key("config");
        match (at.of(config.value()), plugin.config) {
            (Some(value), Some(schema)) => judgement.check(schema, value, &at, |_| at.clone()),
            (Some(value), None) if value.as_object().is_none_or(|map| !map.is_empty()) => {
                let message = format!("plugin {} takes no configuration; remove it", plugin.id);
                judgement.faults.push(Fault { path: at, message });
            }
            (None, Some(schema)) => judgement.check(schema, &json!({}), &at, |_| at.clone()),
            _ => {}
        }
        for (channel, schema) in plugin.channels {
            let at = JsonPath::root().key("channels").key(channel);
            match at.of(config.value()) {
                Some(Value::Object(block)) => judgement.check_channel(schema, block, &at),
                Some(other) => {
                    let message = format!("is of type {}, but must be of type object", type_name(other));
                    judgement.faults.push(Fault { path: at, message });
                }
                None => {}
            }
        }
    }
    judgement.tidy();
    judgement
}

/// `value` without the keys that `schema` does not have and OpenClaw knows: what is left can be given to a plugin.
/// Beside it stand the keys that were left out. `at` is where the value stands.
pub fn without_known_keys(schema: &Value, value: &Value, at: &JsonPath) -> (Value, Vec<JsonPath>) {
    let mut rest = value.clone();
    let mut left_out = Vec::new();
    let Ok(schema) = Schema::new(schema.clone()) else {
        return (rest, left_out);
    };
    for finding in schema.examine(value, at) {
        if let Finding::Unknown { path, .. } = finding
            && known::is_known(&path)
        {
            super::sections::remove(&mut rest, &path.steps()[at.steps().len()..]);
            left_out.push(path);
        }
    }
    (rest, left_out)
}

/// The value as a plugin would see it: a text where a reference to a secret stands that was not fetched.
fn without_references(value: &Value) -> Value {
    match value {
        Value::Object(map) if is_reference(map) => Value::String("secret".into()),
        Value::Object(map) => map
            .iter()
            .map(|(key, inner)| (key.clone(), without_references(inner)))
            .collect(),
        Value::Array(items) => items.iter().map(without_references).collect(),
        other => other.clone(),
    }
}

impl Judgement {
    fn check_channel(&mut self, schema: &Value, block: &Map<String, Value>, at: &JsonPath) {
        let is_off = |block: &Map<String, Value>| block.get("enabled").is_some_and(|on| on == false);
        if is_off(block) {
            return;
        }
        let mut root = block.clone();
        let accounts = match root.shift_remove("accounts") {
            Some(Value::Object(accounts)) if !accounts.is_empty() => accounts,
            _ => Map::from_iter([(String::new(), json!({}))]),
        };
        for (id, own) in &accounts {
            let nothing = Map::new();
            let own = own.as_object().unwrap_or(&nothing);
            if is_off(own) {
                continue;
            }
            let mut account = root.clone();
            account.extend(own.clone());
            let inside = at.key("accounts").key(id);
            self.check(schema, &Value::Object(account), at, |key| {
                if own.contains_key(key) {
                    inside.clone()
                } else {
                    at.clone()
                }
            });
        }
    }

    /// Checks a value at `at`. `home` tells where the value of its key `key` really stands.
    fn check(&mut self, schema: &Value, value: &Value, at: &JsonPath, home: impl Fn(&str) -> JsonPath) {
        let value = &without_references(value);
        let unused = marks::without_effect(schema, value, at);
        let Ok(schema) = Schema::new(schema.clone()) else {
            let message = "can't be judged: the plugin's schema is itself wrong; tell its author".into();
            self.faults.push(Fault {
                path: at.clone(),
                message,
            });
            return;
        };
        let place = |path: &JsonPath| match &path.steps()[at.steps().len()..] {
            steps @ [Step::Key(key), ..] => {
                steps.iter().fold(home(key), |path, step| path.then(step.clone()))
            }
            _ => at.clone(),
        };
        self.without_effect.extend(unused.iter().map(&place));
        for finding in schema.examine(value, at) {
            match finding {
                Finding::Fault(fault) => self.faults.push(Fault {
                    path: place(&fault.path),
                    message: fault.message,
                }),
                Finding::Unknown { path, .. } if known::is_known(&path) => {
                    self.without_effect.push(place(&path));
                }
                Finding::Unknown { path, known } => {
                    let typed: Vec<_> = known.iter().map(String::as_str).collect();
                    self.faults.push(Fault {
                        path: place(&path),
                        message: known::strange(&path, &typed),
                    });
                }
            }
        }
    }

    fn tidy(&mut self) {
        let mut seen = BTreeSet::new();
        self.faults
            .retain(|fault| seen.insert((fault.path.clone(), fault.message.clone())));
        self.without_effect.sort();
        self.without_effect.dedup();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schema() -> Value {
        json!({"type": "object", "additionalProperties": false, "required": ["token"], "properties": {
            "enabled": {}, "token": {"type": "string"}, "peer": {"type": "object", "additionalProperties": false,
            "properties": {"id": {"type": "string"}}}}})
    }

    fn judged(value: Value) -> (Vec<String>, Vec<String>) {
        let schema = schema();
        let channels = Map::from_iter([("irc".to_owned(), schema.clone())]);
        let plugin = PluginSchemas {
            id: "p",
            config: Some(&schema),
            channels: &channels,
        };
        let judgement = judge(&Config::from_value(value).expect("valid in itself"), [plugin]);
        let faults = judgement.faults.iter().map(ToString::to_string).collect();
        (
            faults,
            judgement.without_effect.iter().map(ToString::to_string).collect(),
        )
    }

    #[test]
    fn plugins_and_channels_are_judged_in_their_places() {
        let config = json!({"plugins": {"entries": {"p": {"config": {"token": 5}}}}, "channels": {"irc": {
            "peer": {"di": 1}, "nick": "known, but not to this plugin",
            "accounts": {"a": {"token": 7}, "b": {}, "off": {"enabled": false, "token": 1}}}}});
        let (faults, warnings) = judged(config);
        assert_eq!(
            faults,
            [
                "plugins.entries.p.config.token: is a number, but must be of type string; write it in quotes",
                "channels.irc.peer.di: is an unknown key; did you mean `id`?",
                "channels.irc.accounts.a.token: is a number, but must be of type string; write it in quotes",
                "channels.irc: is an object, but lacks the key \"token\"",
            ]
        );
        assert_eq!(warnings, ["channels.irc.nick"]);
    }

    #[test]
    fn what_a_plugin_needs_is_missed() {
        let (faults, _) = judged(json!({}));
        assert_eq!(
            faults,
            ["plugins.entries.p.config: is an object, but lacks the key \"token\""]
        );
        let (faults, _) = judged(
            json!({"plugins": {"entries": {"p": {"config": {"token": ""}}}}, "channels": {"irc": {"enabled": false}}}),
        );
        assert!(faults.is_empty(), "{faults:?}");
    }

    #[test]
    fn references_to_secrets_are_texts() {
        let reference = json!({"source": "env", "id": "TOKEN"});
        let (faults, _) = judged(json!({
            "plugins": {"entries": {"p": {"config": {"token": reference}}}},
            "channels": {"irc": {"accounts": {"a": {"token": reference}}}},
        }));
        assert!(faults.is_empty(), "{faults:?}");
    }

    #[test]
    fn known_keys_are_left_out_for_a_plugin() {
        let at = JsonPath::root().key("channels").key("irc");
        let (rest, left_out) =
            without_known_keys(&schema(), &json!({"token": "x", "nick": "n", "nik": 1}), &at);
        assert_eq!(rest, json!({"token": "x", "nik": 1}));
        assert_eq!(left_out, [at.key("nick")]);
    }
}
