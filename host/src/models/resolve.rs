//! Which plugin serves a model, where, with which parameters and with which keys.
//!
//! A provider id that a plugin declares is served by that plugin. Any other id needs a block in `models.providers` whose
//! `api` a plugin speaks; the call then names that plugin's first provider and carries the block's address.
use super::{
    catalogue::{self, Catalogue},
    credentials::Keys,
    profiles::{Login, Profiles},
    reference::ModelRef,
    served::{ResolveError, Served},
};
use crate::{
    clock::Clock,
    config::{Agent, Config, Env, ModelConfig, ProviderConfig, SecretInput, provider_id},
};
use openclaw_plugin_api::{Manifest, ModelInfo};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, sync::Arc, time::Duration};

/// What a plugin offers to models, from its manifest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Offer {
    /// The plugin.
    pub plugin: String,
    /// Providers that it declares.
    pub providers: Vec<String>,
    /// APIs that it speaks to services that it does not know.
    pub apis: Vec<String>,
    /// Variables in which it looks for a key.
    pub variables: Vec<String>,
    /// One of its variables is set.
    pub in_environment: bool,
}

/// Finds what serves a model. A snapshot: made anew when the configuration or the plugins change.
#[derive(Debug)]
pub struct Resolver {
    config: Arc<Config>,
    offers: Vec<Offer>,
    profiles: Profiles,
    catalogue: Arc<Catalogue>,
    clock: Clock,
}

/// How a provider is called.
struct Service<'a> {
    offer: &'a Offer,
    target: &'a str,
    api: String,
    /// The plugin declares the provider.
    own: bool,
}

// === impl Offer ===

impl Offer {
    /// What a manifest declares.
    pub fn of(manifest: &Manifest, env: &Env) -> Self {
        Self {
            plugin: manifest.id.clone(),
            providers: manifest.providers.clone(),
            apis: manifest.apis.clone(),
            variables: manifest.secrets.clone(),
            in_environment: manifest.secrets.iter().any(|name| env.var(name).is_some()),
        }
    }
}

// === impl Resolver ===

impl Resolver {
    /// A snapshot of one configuration and the plugins that are on.
    pub fn new(
        config: Arc<Config>,
        offers: Vec<Offer>,
        profiles: Profiles,
        catalogue: Arc<Catalogue>,
        clock: Clock,
    ) -> Self {
        Self {
            config,
            offers,
            profiles,
            catalogue,
            clock,
        }
    }

    /// What somebody wrote as a reference: an alias, `provider/model`, or a model's id alone that means one of the
    /// configured models or belongs to the provider of the agent's own model.
    pub fn reference(&self, agent: &Agent, written: &str) -> Result<ModelRef, ResolveError> {
        let written = written.trim();
        let meant = agent.reference(written);
        if let Some(reference) = ModelRef::parse(meant) {
            return Ok(reference);
        }
        if meant.is_empty() || meant.contains('/') {
            return Err(ResolveError::Unknown(written.to_owned()));
        }
        let mut found: Vec<_> = self
            .configured(agent)
            .into_iter()
            .filter(|reference| reference.model == meant)
            .collect();
        found.sort();
        found.dedup();
        match found.as_slice() {
            [one] => Ok(one.clone()),
            [] => {
                let usual = agent.model.primary.as_deref().map(|own| agent.reference(own));
                let usual = usual.and_then(ModelRef::parse);
                let usual = usual.ok_or_else(|| ResolveError::Unknown(written.to_owned()))?;
                Ok(ModelRef::new(&usual.provider, meant))
            }
            several => Err(ResolveError::Ambiguous {
                written: written.to_owned(),
                models: several.iter().map(ToString::to_string).collect(),
            }),
        }
    }

    /// Finds what serves a model for an agent. `profile` is the only key to use.
    pub fn resolve(
        &self,
        agent: &Agent,
        written: &str,
        profile: Option<&str>,
    ) -> Result<Served, ResolveError> {
        let reference = self.reference(agent, written)?;
        let block = catalogue::provider(&self.config.models, &reference.provider);
        let model = catalogue::configured(&self.config.models, &reference);
        let Service {
            offer,
            target,
            api,
            own,
        } = self.service(&reference.provider, block, model)?;
        let base_url = model
            .and_then(|model| model.base_url.clone())
            .or_else(|| block.and_then(|block| block.base_url.clone()))
            .unwrap_or_default();
        if !own && base_url.is_empty() {
            return Err(ResolveError::NoAddress(reference.provider));
        }
        let keys = Keys {
            provider: &reference.provider,
            auth: &self.config.auth,
            store: self.profiles.of(&agent.id),
            pinned: profile,
            own,
            in_environment: offer.in_environment,
            configured: block
                .and_then(|block| block.api_key.as_ref())
                .and_then(SecretInput::secret),
            now_ms: self.clock.now_ms(),
        };
        let credentials = keys.credentials();
        if let (true, Some(profile)) = (credentials.is_empty(), profile) {
            return Err(ResolveError::NoProfile(profile.to_owned()));
        }
        Ok(Served {
            plugin: offer.plugin.clone(),
            target: target.to_owned(),
            base_url,
            api,
            headers: headers(block, model),
            auth_header: block.and_then(|block| block.auth_header).unwrap_or(false),
            params: self.params(agent, &reference, block, model),
            credentials,
            info: self.info(&reference),
            timeout: block
                .and_then(|block| block.timeout_seconds)
                .map(Duration::from_secs),
            reference,
        })
    }

    /// The models to ask, in their order, and why others of the list can't be. With no usable one the reasons are the
    /// error.
    pub fn plan<'a>(
        &self,
        agent: &Agent,
        references: impl IntoIterator<Item = &'a str>,
        profile: Option<&str>,
    ) -> (Vec<Arc<Served>>, Vec<ResolveError>) {
        let mut plan: Vec<Arc<Served>> = Vec::new();
        let mut errors = Vec::new();
        for written in references {
            match self.resolve(agent, written, profile) {
                Ok(served) if plan.iter().any(|other| other.reference == served.reference) => {}
                Ok(served) => plan.push(Arc::new(served)),
                Err(error) => errors.push(error),
            }
        }
        (plan, errors)
    }

    /// What is known about a model.
    pub fn info(&self, reference: &ModelRef) -> ModelInfo {
        self.catalogue.info(&self.config.models, reference)
    }

    /// Is there a profile with this id for the agent?
    pub fn has_profile(&self, agent: &str, id: &str) -> bool {
        self.profiles.of(agent).has(id)
    }

    /// The logins and tokens that an agent has.
    pub fn logins(&self, agent: &str) -> Vec<Login> {
        self.profiles.of(agent).logins()
    }

    /// The catalogue behind it.
    pub fn catalogue(&self) -> &Arc<Catalogue> {
        &self.catalogue
    }

    /// Every model that the configuration names.
    fn configured(&self, agent: &Agent) -> Vec<ModelRef> {
        let services = self.config.models.providers.iter();
        let of_services = services.flat_map(|(provider, service)| {
            let models = service.models.iter();
            models.map(move |model| ModelRef::new(provider, &*model.id))
        });
        let written = agent.models.keys().map(String::as_str);
        let written = written.chain(agent.model.references());
        of_services.chain(written.filter_map(ModelRef::parse)).collect()
    }

    /// The plugin of a provider and how to call it.
    fn service(
        &self,
        provider: &str,
        block: Option<&ProviderConfig>,
        model: Option<&ModelConfig>,
    ) -> Result<Service<'_>, ResolveError> {
        let api = model
            .and_then(|model| model.api.clone())
            .or_else(|| block.and_then(|block| block.api.clone()));
        let declared = self.offers.iter().find_map(|offer| {
            let mut ids = offer.providers.iter();
            Some((offer, ids.find(|id| provider_id(id) == provider)?))
        });
        if let Some((offer, target)) = declared {
            return Ok(Service {
                offer,
                target,
                api: api.unwrap_or_default(),
                own: true,
            });
        }
        let (Some(_), Some(api)) = (block, api) else {
            return Err(ResolveError::NoPlugin(provider.to_owned()));
        };
        let mut speakers = self.offers.iter().filter(|offer| offer.apis.contains(&api));
        match speakers.find_map(|offer| Some((offer, offer.providers.first()?))) {
            Some((offer, target)) => Ok(Service {
                offer,
                target,
                api,
                own: false,
            }),
            None => Err(ResolveError::NoApi {
                provider: provider.to_owned(),
                api,
            }),
        }
    }

    /// Parameters: the service's, the model's, then the agent's.
    fn params(
        &self,
        agent: &Agent,
        reference: &ModelRef,
        block: Option<&ProviderConfig>,
        model: Option<&ModelConfig>,
    ) -> Map<String, Value> {
        let mut params = block.map(|block| block.params.to_map()).unwrap_or_default();
        if let Some(model) = model {
            params.extend(model.params.to_map());
        }
        params.extend(agent.params(&reference.to_string()).to_map());
        if let Some(compat) = self.compat(reference) {
            params.insert("compat".to_owned(), compat);
        }
        params
    }

    /// `models.providers.<id>.models[].compat` as it was written: only the plugin knows the words.
    fn compat(&self, reference: &ModelRef) -> Option<Value> {
        let services = self.config.value()["models"]["providers"].as_object()?;
        let (_, service) = services
            .iter()
            .find(|(id, _)| provider_id(id) == reference.provider)?;
        let mut models = service["models"].as_array()?.iter();
        let model = models.find(|model| model["id"] == reference.model.as_str())?;
        model.get("compat").filter(|compat| compat.is_object()).cloned()
    }
}

fn headers(block: Option<&ProviderConfig>, model: Option<&ModelConfig>) -> BTreeMap<String, String> {
    let of_service = block
        .into_iter()
        .flat_map(|block| block.headers.iter().chain(&block.request.headers));
    let of_model = model.into_iter().flat_map(|model| &model.headers);
    of_service
        .chain(of_model)
        .filter_map(|(name, value)| Some((name.to_ascii_lowercase(), value.secret()?.expose().to_owned())))
        .collect()
}

#[cfg(test)]
mod tests;
