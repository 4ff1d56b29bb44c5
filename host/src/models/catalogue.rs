//! Which models there are and what each can do: what plugins say, and over it what the configuration says.
//!
//! A turn never waits for it: it looks up what is known and takes defaults for the rest. Plugins are asked on demand, with
//! a deadline, and an old answer is kept until there is a newer one.
use super::{reference::ModelRef, served::Served};
use crate::{
    config::{CatalogueMode, Modality, ModelConfig, ModelsConfig, provider_id},
    plugins::{registry::Registry, services::Request},
};
use futures_util::future::join_all;
use openclaw_plugin_api::{CatalogRequest, Error, ErrorKind, ModelInfo, Result, surface::ids};
use std::{
    collections::BTreeMap,
    sync::{PoisonError, RwLock},
    time::Duration,
};
use tokio::time::Instant;

/// Window of a model that nobody knows, tokens.
pub const DEFAULT_WINDOW: u32 = 200_000;
/// Longest answer of a model that nobody knows, tokens.
pub const DEFAULT_MAX_TOKENS: u32 = 8_192;
/// How long a plugin may take to answer.
const DEADLINE: Duration = Duration::from_secs(15);
/// How long an answer is good.
const FRESH: Duration = Duration::from_secs(3600);
/// After how long one that failed is asked again, so that not every turn waits for it.
const AGAIN: Duration = Duration::from_secs(300);
/// Models of one provider; the rest of a longer answer is dropped.
const MAX_MODELS: usize = 4_096;
/// Longest answer of a plugin, bytes.
const MAX_ANSWER: usize = 8 << 20;

/// What plugins said about their models.
#[derive(Debug, Default)]
pub struct Catalogue {
    answers: RwLock<BTreeMap<String, Answer>>,
}

#[derive(Debug, Clone)]
struct Answer {
    good_until: Instant,
    models: Vec<ModelInfo>,
}

/// One model of the whole catalogue.
#[derive(Debug, Clone, PartialEq)]
pub struct Known {
    /// How it is written.
    pub reference: ModelRef,
    /// What it can do, with defaults for what nobody says.
    pub info: ModelInfo,
    /// It stands in `models.providers`.
    pub configured: bool,
}

// === impl Catalogue ===

impl Catalogue {
    /// Asks the plugin of one provider, unless its last answer is fresh, and says whether it did. `route` is any model of
    /// the provider, for its address and key.
    pub async fn load(&self, registry: &Registry, route: &Served, refresh: bool) -> Result<bool> {
        let provider = &route.reference.provider;
        if !refresh && self.is_fresh(provider) {
            return Ok(false);
        }
        let told = Self::ask(registry, route, refresh).await;
        match told {
            Ok(models) => {
                self.put(provider, models);
                Ok(true)
            }
            Err(error) => {
                self.failed(provider);
                Err(error)
            }
        }
    }

    /// Asks the plugins of the providers of several models, beside each other, and says whether any was asked: those that
    /// answer instead of the first are to be known as well as it is. What does not answer is gone on without.
    pub async fn load_all<'a>(
        &self,
        registry: &Registry,
        routes: impl IntoIterator<Item = &'a Served>,
    ) -> bool {
        let mut first = BTreeMap::new();
        for route in routes {
            first.entry(&route.reference.provider).or_insert(route);
        }
        let asked = first.into_iter().map(|(provider, route)| async move {
            let told = self.load(registry, route, false).await;
            told.unwrap_or_else(|error| {
                tracing::debug!(target: "openclaw::models", provider, %error, "no catalogue");
                false
            })
        });
        join_all(asked).await.contains(&true)
    }

    async fn ask(registry: &Registry, route: &Served, refresh: bool) -> Result<Vec<ModelInfo>> {
        let plugin = registry.get(&route.plugin).ok_or_else(|| {
            let text = format!("plugin {} is not there any more", route.plugin);
            Error::new(ErrorKind::NotFound, text)
        })?;
        let body = CatalogRequest {
            credential: route.credentials.first().and_then(|key| key.secret.clone()),
            base_url: route.base_url.clone(),
            refresh,
        };
        let request = Request {
            method: ids::provider::MODELS.to_owned(),
            target: route.target.clone(),
            body: serde_json::to_vec(&body)?,
            ..Request::default()
        };
        let answer = plugin.call_raw(request, Some(DEADLINE)).await?;
        if answer.len() > MAX_ANSWER {
            let provider = &route.reference.provider;
            let text = format!("the catalogue of {provider} is longer than {MAX_ANSWER} bytes");
            return Err(Error::new(ErrorKind::Refused, text));
        }
        Ok(serde_json::from_slice(&answer)?)
    }

    /// Keeps what was known and lets the plugin alone for a while.
    fn failed(&self, provider: &str) {
        let mut answers = self.answers.write().unwrap_or_else(PoisonError::into_inner);
        let good_until = Instant::now() + AGAIN;
        let models = answers.remove(provider).map(|old| old.models).unwrap_or_default();
        answers.insert(provider.to_owned(), Answer { good_until, models });
    }

    /// The model that a plugin names first: the one that it would take.
    pub fn first(&self, provider: &str) -> Option<String> {
        let answers = self.answers.read().unwrap_or_else(PoisonError::into_inner);
        answers
            .get(provider)?
            .models
            .first()
            .map(|model| model.id.clone())
    }

    /// Takes an answer in.
    pub fn put(&self, provider: &str, mut models: Vec<ModelInfo>) {
        models.retain(|model| !model.id.is_empty());
        models.truncate(MAX_MODELS);
        let answer = Answer {
            good_until: Instant::now() + FRESH,
            models,
        };
        let mut answers = self.answers.write().unwrap_or_else(PoisonError::into_inner);
        answers.insert(provider.to_owned(), answer);
    }

    /// Forgets what a plugin said, say because it was replaced.
    pub fn forget(&self, provider: &str) {
        let mut answers = self.answers.write().unwrap_or_else(PoisonError::into_inner);
        answers.remove(provider);
    }

    /// What is known about one model.
    pub fn info(&self, config: &ModelsConfig, reference: &ModelRef) -> ModelInfo {
        let told = self.told(reference);
        let Some(configured) = configured(config, reference) else {
            return complete(told.unwrap_or_default(), reference, 0);
        };
        let provider = provider(config, &reference.provider);
        let limit = provider.and_then(|provider| provider.max_tokens).unwrap_or(0);
        complete(merge(configured, told), reference, limit)
    }

    /// All models that are known, by reference.
    pub fn all(&self, config: &ModelsConfig) -> Vec<Known> {
        let mut found = BTreeMap::new();
        if config.mode != Some(CatalogueMode::Replace) {
            let answers = self.answers.read().unwrap_or_else(PoisonError::into_inner);
            for (provider, answer) in answers.iter() {
                let references = answer.models.iter().map(|m| ModelRef::new(provider, &*m.id));
                found.extend(references.map(|reference| (reference, false)));
            }
        }
        for (provider, service) in &config.providers {
            let references = service.models.iter().map(|m| ModelRef::new(provider, &*m.id));
            found.extend(references.map(|reference| (reference, true)));
        }
        found
            .into_iter()
            .map(|(reference, configured)| Known {
                info: self.info(config, &reference),
                reference,
                configured,
            })
            .collect()
    }

    /// Was the plugin of a provider asked lately?
    pub(crate) fn is_fresh(&self, provider: &str) -> bool {
        let answers = self.answers.read().unwrap_or_else(PoisonError::into_inner);
        answers
            .get(provider)
            .is_some_and(|answer| Instant::now() < answer.good_until)
    }

    fn told(&self, reference: &ModelRef) -> Option<ModelInfo> {
        let answers = self.answers.read().unwrap_or_else(PoisonError::into_inner);
        let models = &answers.get(&reference.provider)?.models;
        let find = |id: &str| models.iter().find(|model| model.id == id);
        // a release with its date is the model that is listed without
        let found = find(&reference.model).or_else(|| find(reference.undated()?));
        found.cloned()
    }
}

/// The block of a provider, whichever way its id is written.
pub(super) fn provider<'a>(config: &'a ModelsConfig, id: &str) -> Option<&'a crate::config::ProviderConfig> {
    let exact = config.providers.get(id);
    exact.or_else(|| {
        let mut others = config.providers.iter();
        others
            .find(|(written, _)| provider_id(written) == id)
            .map(|(_, provider)| provider)
    })
}

/// The entry of a model in `models.providers`.
pub(super) fn configured<'a>(config: &'a ModelsConfig, reference: &ModelRef) -> Option<&'a ModelConfig> {
    let models = &provider(config, &reference.provider)?.models;
    models.iter().find(|model| model.id == reference.model)
}

/// What the configuration says, and where it is silent what the plugin told.
fn merge(configured: &ModelConfig, told: Option<ModelInfo>) -> ModelInfo {
    let told = told.unwrap_or_default();
    let whole = configured.context_window.map(saturated);
    let window = whole.unwrap_or(told.context_window);
    let used = configured.context_tokens.map(saturated);
    let or = |written: f64, told: f64| if written > 0.0 { written } else { told };
    ModelInfo {
        id: configured.id.clone(),
        name: configured.name.clone().unwrap_or(told.name),
        context_window: match used {
            Some(used) if window == 0 => used.min(DEFAULT_WINDOW),
            Some(used) => used.min(window),
            None => window,
        },
        max_tokens: configured.max_tokens.unwrap_or(told.max_tokens),
        reasoning: configured.reasoning || told.reasoning,
        input: match &configured.input {
            Some(input) => input.iter().map(|kind| modality(*kind).to_owned()).collect(),
            None => told.input,
        },
        cost_input: or(configured.cost.input, told.cost_input),
        cost_output: or(configured.cost.output, told.cost_output),
        cost_cache_read: or(configured.cost.cache_read, told.cost_cache_read),
        cost_cache_write: or(configured.cost.cache_write, told.cost_cache_write),
    }
}

/// Fills in what nobody says.
fn complete(mut info: ModelInfo, reference: &ModelRef, max_tokens: u32) -> ModelInfo {
    info.id.clone_from(&reference.model);
    if info.name.is_empty() {
        info.name.clone_from(&reference.model);
    }
    if info.context_window == 0 {
        info.context_window = DEFAULT_WINDOW;
    }
    if info.max_tokens == 0 {
        info.max_tokens = match max_tokens {
            0 => DEFAULT_MAX_TOKENS,
            limit => limit,
        };
    }
    info.max_tokens = info.max_tokens.min(info.context_window);
    if info.input.is_empty() {
        info.input.push("text".to_owned());
    }
    info
}

fn modality(kind: Modality) -> &'static str {
    match kind {
        Modality::Text => "text",
        Modality::Image => "image",
        Modality::Audio => "audio",
        Modality::Video => "video",
    }
}

fn saturated(tokens: u64) -> u32 {
    u32::try_from(tokens).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn config(value: serde_json::Value) -> ModelsConfig {
        serde_json::from_value(value).expect("valid")
    }

    fn told(id: &str) -> ModelInfo {
        ModelInfo {
            id: id.into(),
            context_window: 1_000_000,
            max_tokens: 64_000,
            reasoning: true,
            input: vec!["text".into(), "image".into()],
            cost_input: 5.0,
            ..ModelInfo::default()
        }
    }

    #[test]
    fn the_configuration_wins_key_by_key_and_defaults_come_last() {
        let catalogue = Catalogue::default();
        catalogue.put("vendor", vec![told("big"), told("other")]);
        let config = config(json!({"providers": {"Vendor": {"maxTokens": 4000, "models": [
            {"id": "big", "contextTokens": 100_000, "cost": {"input": 1.5}}, {"id": "own"}]}}}));
        let big = catalogue.info(&config, &ModelRef::new("vendor", "big"));
        assert_eq!(
            (big.context_window, big.max_tokens, big.cost_input),
            (100_000, 64_000, 1.5)
        );
        assert!(big.reasoning && big.input.len() == 2);
        let dated = catalogue.info(&config, &ModelRef::new("vendor", "other-20250929"));
        assert_eq!((dated.id.as_str(), dated.max_tokens), ("other-20250929", 64_000));
        assert!(
            dated.input.contains(&"image".to_owned()),
            "it sees as the model without the date does"
        );
        let own = catalogue.info(&config, &ModelRef::new("vendor", "own"));
        assert_eq!((own.context_window, own.max_tokens), (DEFAULT_WINDOW, 4_000));
        let unknown = catalogue.info(&config, &ModelRef::new("x", "y"));
        assert_eq!(
            (unknown.context_window, unknown.max_tokens, unknown.input),
            (DEFAULT_WINDOW, DEFAULT_MAX_TOKENS, vec!["text".to_owned()])
        );
    }

    #[test]
    fn a_failure_keeps_what_was_known_and_is_not_asked_for_in_every_turn() {
        let catalogue = Catalogue::default();
        assert!(!catalogue.is_fresh("vendor"));
        catalogue.put("vendor", vec![told("big")]);
        catalogue.failed("vendor");
        catalogue.failed("gone");
        assert!(catalogue.is_fresh("vendor") && catalogue.is_fresh("gone"));
        assert!(catalogue.told(&ModelRef::new("vendor", "big")).is_some());
        catalogue.forget("gone");
        assert!(!catalogue.is_fresh("gone"));
    }

    #[test]
    fn the_mode_decides_what_is_listed() {
        let catalogue = Catalogue::default();
        catalogue.put("vendor", vec![told("big"), ModelInfo::default()]);
        let list = |mode| {
            let config = config(json!({"mode": mode, "providers": {"local": {"models": [{"id": "small"}]}}}));
            let all = catalogue.all(&config).into_iter();
            all.map(|known| (known.reference.to_string(), known.configured))
                .collect::<Vec<_>>()
        };
        assert_eq!(
            list("merge"),
            [("local/small".to_owned(), true), ("vendor/big".to_owned(), false)]
        );
        assert_eq!(list("replace"), [("local/small".to_owned(), true)]);
    }
}
