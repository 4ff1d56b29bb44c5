//! What a configuration makes use of: the channels that it turns on and the providers that it names.
//!
//! Reads the shapes of February and September 2026 alike. It answers which plugins are needed and validates nothing:
//! a shape that it does not know names nobody.

use std::collections::BTreeSet;

use serde_json::Value;

use super::Config;

/// Keys of `channels` that are settings for all channels.
const SHARED: [&str; 2] = ["defaults", "modelByChannel"];

impl Config {
    /// The channels that have a block in `channels` which is not turned off.
    pub fn channels(&self) -> BTreeSet<String> {
        keys(&self.value()["channels"])
            .filter(|id| self.channel_enabled(id))
            .map(str::to_owned)
            .collect()
    }

    /// Whether there is a block for channel `id` that is not turned off.
    pub fn channel_enabled(&self, id: &str) -> bool {
        let block = &self.value()["channels"][id];
        !SHARED.contains(&id) && block.is_object() && block["enabled"] != false
    }

    /// The ids of all model providers that the configuration names: in models of agents, in `models.providers` and in
    /// `auth.profiles`.
    pub fn providers(&self) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let agents = &self.value()["agents"];
        let entries = agents["entries"]
            .as_object()
            .into_iter()
            .flat_map(|map| map.values());
        let list = agents["list"].as_array().into_iter().flatten();
        for agent in std::iter::once(&agents["defaults"]).chain(list).chain(entries) {
            of_agent(agent, &mut found);
        }
        found.extend(keys(&self.value()["models"]["providers"]).map(provider_id));
        for (id, profile) in self.value()["auth"]["profiles"].as_object().into_iter().flatten() {
            let name = profile["provider"]
                .as_str()
                .or_else(|| Some(id.split_once(':')?.0));
            found.extend(name.map(provider_id));
        }
        found.remove("");
        found
    }

    /// `agents.defaults.model`, as `provider/model`.
    pub fn model(&self) -> Option<String> {
        let model = &self.value()["agents"]["defaults"]["model"];
        model
            .as_str()
            .or_else(|| model["primary"].as_str())
            .map(str::to_owned)
    }

    /// `channels.<channel>.allowFrom`
    pub fn allow_from(&self, channel: &str) -> Vec<String> {
        let entries = self.value()["channels"][channel]["allowFrom"]
            .as_array()
            .into_iter()
            .flatten();
        entries
            .filter_map(|entry| match entry {
                Value::String(id) => Some(id.clone()),
                Value::Number(id) => Some(id.to_string()),
                _ => None,
            })
            .collect()
    }
}

fn of_agent(agent: &Value, found: &mut BTreeSet<String>) {
    for key in [
        "model",
        "imageModel",
        "utilityModel",
        "decisionModel",
        "voiceModel",
        "pdfModel",
    ] {
        of_model(&agent[key], found);
    }
    for nested in ["subagents", "heartbeat"] {
        of_model(&agent[nested]["model"], found);
    }
    found.extend(keys(&agent["models"]).filter_map(provider));
}

/// A model is written as `"provider/model"` or as `{ primary, fallbacks }`.
fn of_model(model: &Value, found: &mut BTreeSet<String>) {
    let fallbacks = model["fallbacks"].as_array().into_iter().flatten();
    let names = [model, &model["primary"]]
        .into_iter()
        .chain(fallbacks)
        .filter_map(Value::as_str);
    found.extend(names.filter_map(provider));
}

/// The part before the first slash. A name without one is an alias, and the model that it stands for names the provider.
fn provider(reference: &str) -> Option<String> {
    Some(provider_id(reference.split_once('/')?.0))
}

/// A provider's id as keys have it: lower case, and one name where people write several.
pub fn provider_id(name: &str) -> String {
    match name.trim().to_lowercase().as_str() {
        "z.ai" | "z-ai" => "zai".into(),
        other => other.into(),
    }
}

fn keys(value: &Value) -> impl Iterator<Item = &str> {
    value
        .as_object()
        .into_iter()
        .flat_map(|map| map.keys().map(String::as_str))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn providers_are_found_in_every_shape() {
        let config = Config::from_value(json!({
            "agents": {
                "defaults": {
                    "model": {"primary": "vendor/a", "fallbacks": ["other/b", "alias"]},
                    "models": {"openrouter/meta/llama": {}}, "imageModel": "google/g", "heartbeat": {"model": "mistral/x"}
                },
                "list": [{"id": "x", "model": "groq/m"}, {"model": {"primary": "Z.AI/m"}}],
                "entries": {"main": {"model": "demo/echo"}}
            },
            "models": {"providers": {"local": {}}},
            "auth": {"profiles": {"xai:default": {"provider": "xai"}, "moonshot:default": {}}},
        }))
        .expect("valid");
        assert_eq!(config.model().as_deref(), Some("vendor/a"));
        let found: Vec<_> = config.providers().into_iter().collect();
        assert_eq!(
            found,
            [
                "demo",
                "google",
                "groq",
                "local",
                "mistral",
                "moonshot",
                "openrouter",
                "other",
                "vendor",
                "xai",
                "zai"
            ]
        );
        assert!(Config::default().providers().is_empty());
    }

    #[test]
    fn channels() {
        let config = Config::from_value(json!({"channels": {
            "a": {}, "b": {"enabled": true}, "c": {"enabled": false}, "d": null, "defaults": {"enabled": true} }}))
        .expect("valid");
        assert_eq!(config.channels().into_iter().collect::<Vec<_>>(), ["a", "b"]);
        assert!(!config.channel_enabled("absent"));
    }
}
