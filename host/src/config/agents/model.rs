//! How a configuration names models: a reference `provider/model`, maybe with others to fall back to.
use super::super::Opaque;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// A model and what to try when it does not answer: `"provider/model"` or `{ primary, fallbacks }`.
#[derive(Debug, Clone, Default, PartialEq, Eq, JsonSchema)]
#[schemars(with = "Written")]
pub struct ModelChoice {
    /// The first one to ask. None: the one of `agents.defaults`.
    pub primary: Option<String>,
    /// The others, in their order. None: those of `agents.defaults`, if `primary` is unset too.
    pub fallbacks: Option<Vec<String>>,
    /// Longest wait for it, milliseconds.
    pub timeout_ms: Option<u64>,
}

/// The two forms of a [`ModelChoice`].
#[derive(Deserialize, JsonSchema)]
#[serde(untagged)]
enum Written {
    /// One reference.
    Reference(String),
    /// A reference and others to fall back to.
    Choice(Choice),
}

/// `{ primary, fallbacks }`
#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Choice {
    /// The first model to ask, `provider/model` or an alias.
    primary: Option<String>,
    /// Models to ask when it does not answer, in this order.
    fallbacks: Option<Vec<String>>,
    /// Accepted, without effect: `models.providers.<id>.timeoutSeconds` says how long is waited.
    timeout_ms: Option<u64>,
}

/// `agents.defaults.models.<provider/model>`
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelEntry {
    /// A short name for the model.
    pub alias: Option<String>,
    /// Parameters that are sent to the vendor as they are, but for the gateway's own words: `maxTokens`, `temperature` and
    /// `cacheRetention` (`none`, `short`, `long`).
    pub params: Params,
    /// Accepted, without effect: answers are always taken as they are written.
    pub streaming: Option<bool>,
}

/// `agents.defaults.modelPolicy`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ModelPolicy {
    /// The only models that people may choose, as `provider/model` or `provider/*`. None: any.
    pub allow: Option<Vec<String>>,
}

/// Parameters for a vendor, passed on as they are.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Params(BTreeMap<String, Opaque>);

// === impl ModelChoice ===

impl ModelChoice {
    /// Is nothing set?
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// What this choice means where `usual` is the choice of `agents.defaults`. An own model goes without the fallbacks
    /// of another one, unless it lists some.
    #[must_use]
    pub fn or(&self, usual: &Self) -> Self {
        match &self.primary {
            Some(_) => self.clone(),
            None => Self {
                primary: usual.primary.clone(),
                fallbacks: self.fallbacks.clone().or_else(|| usual.fallbacks.clone()),
                timeout_ms: self.timeout_ms.or(usual.timeout_ms),
            },
        }
    }

    /// All references, the primary one first.
    pub fn references(&self) -> impl Iterator<Item = &str> {
        self.primary
            .iter()
            .chain(self.fallbacks.iter().flatten())
            .map(String::as_str)
    }
}

impl<'de> Deserialize<'de> for ModelChoice {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(match Written::deserialize(deserializer)? {
            Written::Reference(reference) => Self {
                primary: Some(reference),
                ..Self::default()
            },
            Written::Choice(choice) => Self {
                primary: choice.primary,
                fallbacks: choice.fallbacks,
                timeout_ms: choice.timeout_ms,
            },
        })
    }
}

// === impl Params ===

impl Params {
    /// These parameters, and those of `usual` that are not set here.
    #[must_use]
    pub fn or(&self, usual: &Self) -> Self {
        let mut all = usual.clone();
        all.0
            .extend(self.0.iter().map(|(key, value)| (key.clone(), value.clone())));
        all
    }

    /// The parameters as JSON.
    pub fn to_map(&self) -> Map<String, Value> {
        self.0
            .iter()
            .map(|(key, value)| (key.clone(), value.0.clone()))
            .collect()
    }

    /// Are there none?
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}
