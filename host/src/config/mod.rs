//! `openclaw.json`: where it is, what it says, and what of it concerns whom.
//!
//! A file is read whole or not at all: whatever is wrong with it is an error with a place, never an empty default.
mod env;
mod include;
mod location;
mod parse;
mod paths;
mod plugins;
mod schema;
mod substitute;

pub use env::Env;
pub use include::{IncludeError, Sources};
pub use location::{JsonPath, Location};
pub use parse::{Document, ParseError};
pub use paths::{Paths, PathsError};
pub use plugins::{
    DeadlinesConfig, EntryConfig, IntegrityConfig, IsolationConfig, LoadConfig, MinisignConfig,
    PermissionsConfig, PluginsConfig,
};
pub use substitute::MissingVariable;

use serde_json::Value;
use std::{collections::BTreeSet, fmt, ops::Deref};

/// A value that may hold secrets: it doesn't print.
#[derive(Clone, Default)]
pub struct Opaque(Value);

/// The whole configuration, read and checked.
#[derive(Debug, Clone, Default)]
pub struct Config {
    value: Opaque,
    /// `plugins`
    pub plugins: PluginsConfig,
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The files can't be read as one value.
    #[error(transparent)]
    Include(#[from] IncludeError),
    /// Variables that are named and not set.
    #[error("{}", join(.0))]
    Variables(Vec<MissingVariable>),
    /// A key has a value that it can't have.
    #[error("{at}: {path}: {why}")]
    Key {
        /// Where it stands.
        at: Location,
        /// Which key.
        path: String,
        /// What is wrong and what is allowed.
        why: String,
    },
}

impl Config {
    /// Reads the file and everything that it includes.
    pub fn load(paths: &Paths, env: &Env) -> Result<Self, ConfigError> {
        let sources = Sources::read(&paths.config_file, &paths.include_roots)?;
        let lookup = |name: &str| env.var(name);
        let value = substitute::substitute(sources.merged(), &lookup).map_err(ConfigError::Variables)?;
        Self::from_value(value).map_err(|(path, why)| {
            let at = sources.locate(&path.parse().unwrap_or_else(|_| JsonPath::root()));
            ConfigError::Key { at, path, why }
        })
    }

    /// From a value; an error names the path and what is wrong.
    pub fn from_value(value: Value) -> Result<Self, (String, String)> {
        let plugins = match value.get("plugins") {
            Some(section) => PluginsConfig::read(section)?,
            None => PluginsConfig::default(),
        };
        Ok(Self {
            value: Opaque(value),
            plugins,
        })
    }

    /// The merged value.
    pub fn value(&self) -> &Value {
        &self.value
    }

    /// `channels.<id>` blocks that are not switched off.
    pub fn channels(&self) -> BTreeSet<String> {
        let blocks = self.value["channels"].as_object().into_iter().flatten();
        let on = blocks
            .filter(|(id, block)| *id != "defaults" && *id != "modelByChannel" && block["enabled"] != false);
        on.filter(|(_, block)| block.is_object())
            .map(|(id, _)| id.clone())
            .collect()
    }

    /// Providers that model references, `models.providers` and auth profiles name.
    pub fn providers(&self) -> BTreeSet<String> {
        let mut providers = BTreeSet::new();
        let agents = &self.value["agents"];
        let listed = agents["list"].as_array().into_iter().flatten();
        let entries = agents["entries"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(_, entry)| entry);
        for agent in std::iter::once(&agents["defaults"]).chain(listed).chain(entries) {
            model_providers(&agent["model"], &mut providers);
        }
        providers.extend(
            self.value["models"]["providers"]
                .as_object()
                .into_iter()
                .flatten()
                .map(|(id, _)| id.clone()),
        );
        let profiles = self.value["auth"]["profiles"].as_object().into_iter().flatten();
        providers.extend(profiles.filter_map(|(_, profile)| profile["provider"].as_str().map(str::to_owned)));
        providers
    }

    /// `agents.defaults.model`, as `provider/model`.
    pub fn model(&self) -> Option<String> {
        let model = &self.value["agents"]["defaults"]["model"];
        model
            .as_str()
            .or_else(|| model["primary"].as_str())
            .map(str::to_owned)
    }

    /// `channels.<channel>.allowFrom`
    pub fn allow_from(&self, channel: &str) -> Vec<String> {
        let entries = self.value["channels"][channel]["allowFrom"]
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

fn model_providers(model: &Value, providers: &mut BTreeSet<String>) {
    let fallbacks = model["fallbacks"].as_array().into_iter().flatten();
    for reference in [model, &model["primary"]].into_iter().chain(fallbacks) {
        if let Some((provider, _)) = reference.as_str().and_then(|reference| reference.split_once('/')) {
            providers.insert(provider.to_lowercase());
        }
    }
}

impl Deref for Opaque {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl fmt::Debug for Opaque {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

fn join(items: &[impl ToString]) -> String {
    items
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_file_names_its_providers_and_channels() {
        let config = Config::from_value(json!({
            "agents": { "defaults": { "model": { "primary": "vendor/a", "fallbacks": ["other/b"] } },
                        "list": [{ "id": "main", "default": true, "model": "third/c" }] },
            "auth": { "profiles": { "x:default": { "mode": "token", "provider": "x" } } },
            "channels": { "loopback": { "enabled": true }, "off": { "enabled": false }, "defaults": {} }
        }))
        .expect("valid");
        assert_eq!(config.model().as_deref(), Some("vendor/a"));
        assert_eq!(
            config.providers().into_iter().collect::<Vec<_>>(),
            ["other", "third", "vendor", "x"]
        );
        assert_eq!(config.channels().into_iter().collect::<Vec<_>>(), ["loopback"]);
    }
}
