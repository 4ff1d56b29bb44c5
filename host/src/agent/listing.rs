//! Which models there are and whether each can be asked, for people who choose one.
use super::{asker::Models, request::DEFAULT_MODEL, survey::Survey};
use crate::{
    config::Agent,
    models::{Cooldowns, Login, ModelRef, Offer, ResolveError, Served, Source, is_allowed},
};
use openclaw_plugin_api::ModelInfo;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Variables that are named one by one.
const FEW: usize = 4;

/// A model that somebody may choose.
#[derive(Debug, Clone, PartialEq)]
pub struct Listed {
    /// How it is written.
    pub reference: ModelRef,
    /// What it can do.
    pub info: ModelInfo,
    /// Its other name; empty for none.
    pub alias: String,
    /// What it is to the agent: `default`, `fallback#1`, `configured`.
    pub tags: Vec<String>,
    /// How the gateway proves who asks.
    pub auth: Auth,
    /// It is served on this machine.
    pub local: bool,
    /// Its key rests after a fault until then, milliseconds since 1970; 0 if it does not.
    pub resting_until_ms: i64,
}

/// How the gateway proves to a provider who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// With a profile of the imported file.
    Profile,
    /// With a variable of the environment.
    Env,
    /// With the key in `models.providers`.
    Config,
    /// Nobody asks for it.
    None,
    /// It can't: there is no key.
    Missing,
    /// No running plugin serves it.
    Unserved,
}

/// A provider, and whether it can be asked.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ProviderState {
    /// Its id.
    pub provider: String,
    /// The plugin that serves it; empty if none does.
    pub plugin: String,
    /// How the gateway proves who asks.
    pub auth: Auth,
    /// Names of its keys, in their order.
    pub credentials: Vec<String>,
    /// Variables in which the plugin looks for a key.
    pub variables: Vec<String>,
    /// Why it can't be asked; empty if it can.
    pub problem: String,
}

impl Auth {
    /// A model can be asked.
    pub fn is_there(self) -> bool {
        !matches!(self, Self::Missing | Self::Unserved)
    }
}

impl Models {
    /// See [`Survey::judge`].
    pub fn judge(&self, agent: &Agent, written: &str) -> Result<ModelRef, ResolveError> {
        self.survey().judge(agent, written)
    }

    /// See [`Survey::list`]; with `all`, asks plugins for their catalogues first, and leaves out what does not answer.
    pub async fn list(&self, agent: &Agent, all: bool) -> Vec<Listed> {
        let survey = self.survey();
        if all {
            let ids = survey.provider_ids(agent).into_iter();
            let routes: Vec<_> = ids.filter_map(|id| survey.route(agent, &id).ok()).collect();
            self.catalogue.load_all(&self.registry, &routes).await;
        }
        survey.list(agent, all, &self.cooldowns)
    }
}

impl Survey {
    /// What somebody wrote as a model that a plugin serves.
    pub fn judge(&self, agent: &Agent, written: &str) -> Result<ModelRef, ResolveError> {
        let served = self.resolver.resolve(agent, written, None)?;
        let allowed = agent.allowed_models.as_deref();
        if !is_allowed(allowed, &served.reference) {
            return Err(ResolveError::Unknown(written.to_owned()));
        }
        Ok(served.reference)
    }

    /// The models of an agent; with `all`, every model that configuration and catalogue know.
    pub fn list(&self, agent: &Agent, all: bool, cooldowns: &Cooldowns) -> Vec<Listed> {
        let mut found: BTreeSet<ModelRef> = own(agent).into_keys().collect();
        let known = self.resolver.catalogue().all(&self.config.models).into_iter();
        found.extend(
            known
                .filter(|known| all || known.configured)
                .map(|known| known.reference),
        );
        found
            .into_iter()
            .map(|reference| self.listed(agent, reference, cooldowns))
            .collect()
    }

    /// The providers that models of an agent and running plugins name.
    pub fn providers(&self, agent: &Agent) -> Vec<ProviderState> {
        let ids = self.provider_ids(agent);
        ids.into_iter().map(|id| self.provider(agent, id)).collect()
    }

    /// What somebody wrote as a model, whether a plugin serves it or not.
    pub fn reference(&self, agent: &Agent, written: &str) -> Option<ModelRef> {
        self.resolver.reference(agent, written).ok()
    }

    /// The logins and tokens that are stored for an agent.
    pub fn logins(&self, agent: &Agent) -> Vec<Login> {
        self.resolver.logins(&agent.id)
    }

    /// Any model of a provider, for its address and keys.
    fn route(&self, agent: &Agent, provider: &str) -> Result<Served, ResolveError> {
        self.resolver.resolve(agent, &format!("{provider}/any"), None)
    }

    fn provider(&self, agent: &Agent, provider: String) -> ProviderState {
        match self.route(agent, &provider) {
            Ok(served) => {
                let variables = self.variables(&served);
                let auth = self.auth(&served);
                let problem = match auth {
                    Auth::Missing if variables.len() > FEW => {
                        format!(
                            "no key; `openclaw plugins inspect {}` lists the variables",
                            served.plugin
                        )
                    }
                    Auth::Missing => format!("no key; set {}", variables.join(" or ")),
                    _ => String::new(),
                };
                ProviderState {
                    provider,
                    auth,
                    credentials: served.credentials.iter().map(|key| key.id.clone()).collect(),
                    variables: variables.to_vec(),
                    problem,
                    plugin: served.plugin,
                }
            }
            Err(error) => ProviderState {
                provider,
                plugin: String::new(),
                auth: Auth::Unserved,
                credentials: Vec::new(),
                variables: Vec::new(),
                problem: error.to_string(),
            },
        }
    }

    fn listed(&self, agent: &Agent, reference: ModelRef, cooldowns: &Cooldowns) -> Listed {
        let written = reference.to_string();
        let served = self.resolver.resolve(agent, &written, None).ok();
        let key = served.as_ref().and_then(|served| served.credentials.first());
        let resting = key.and_then(|key| cooldowns.resting(&key.id, &written));
        let entry = agent.models.get(&written);
        Listed {
            info: self.resolver.info(&reference),
            alias: entry.and_then(|entry| entry.alias.clone()).unwrap_or_default(),
            tags: own(agent).remove(&reference).unwrap_or_default(),
            auth: served.as_ref().map_or(Auth::Unserved, |served| self.auth(served)),
            local: served.as_ref().is_some_and(|served| is_local(&served.base_url)),
            resting_until_ms: resting.map_or(0, |rest| rest.until_ms),
            reference,
        }
    }

    fn auth(&self, served: &Served) -> Auth {
        match served.credentials.first().map(|key| key.source) {
            None => Auth::Missing,
            Some(Source::Profile) => Auth::Profile,
            Some(Source::Config) => Auth::Config,
            Some(Source::None) => Auth::None,
            Some(Source::Environment) => match self.offer(served) {
                Some(offer) if offer.in_environment => Auth::Env,
                Some(offer) if !offer.variables.is_empty() => Auth::Missing,
                // a plugin without variables asks for no key
                _ => Auth::None,
            },
        }
    }

    fn offer(&self, served: &Served) -> Option<&Offer> {
        self.offers.iter().find(|offer| offer.plugin == served.plugin)
    }

    fn variables(&self, served: &Served) -> &[String] {
        let variables = self.offer(served).map(|offer| offer.variables.as_slice());
        variables.unwrap_or_default()
    }

    fn provider_ids(&self, agent: &Agent) -> BTreeSet<String> {
        let offered = self
            .offers
            .iter()
            .flat_map(|offer| offer.providers.iter().cloned());
        let configured = self.config.models.providers.keys();
        let configured = configured.map(|id| crate::config::provider_id(id));
        let own = own(agent).into_keys().map(|reference| reference.provider);
        offered.chain(configured).chain(own).collect()
    }
}

/// Is it an address of this machine?
fn is_local(address: &str) -> bool {
    let parsed = url::Url::parse(address).ok();
    match parsed.as_ref().and_then(url::Url::host) {
        Some(url::Host::Ipv4(ip)) => ip.is_loopback() || ip.is_unspecified(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback() || ip.is_unspecified(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".local"),
        None => false,
    }
}

/// The models that an agent's own settings name, and what they are to it.
fn own(agent: &Agent) -> BTreeMap<ModelRef, Vec<String>> {
    let mut found: BTreeMap<ModelRef, Vec<String>> = BTreeMap::new();
    let mut add = |written: &str, tag: String| {
        if let Some(reference) = ModelRef::parse(agent.reference(written)) {
            found.entry(reference).or_default().push(tag);
        }
    };
    add(
        agent.model.primary.as_deref().unwrap_or(DEFAULT_MODEL),
        "default".into(),
    );
    for (number, fallback) in agent.model.fallbacks.iter().flatten().enumerate() {
        add(fallback, format!("fallback#{}", number + 1));
    }
    for written in agent.models.keys() {
        add(written, "configured".into());
    }
    found
}
