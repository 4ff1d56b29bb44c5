//! What can be chosen among models, and what is known of them.
use super::{asker::Models, commands::ModelChoice, request::DEFAULT_MODEL, survey::Survey};
use crate::{
    config::Agent,
    models::{ModelRef, is_allowed},
};
use std::collections::BTreeMap;

impl Models {
    /// The models that may be chosen for an agent.
    pub(super) fn choices(&self, agent: &Agent) -> Vec<ModelChoice> {
        let snap = self.survey();
        let configured = agent
            .models
            .keys()
            .map(String::as_str)
            .chain(agent.model.references());
        let mut found: BTreeMap<String, ModelChoice> = BTreeMap::new();
        let mut add = |reference: String, name: String| {
            let aliases = agent.models.get(&reference).and_then(|entry| entry.alias.clone());
            found.entry(reference.clone()).or_insert(ModelChoice {
                reference,
                name,
                aliases: aliases.into_iter().collect(),
            });
        };
        configured.for_each(|written| add(agent.reference(written).to_owned(), String::new()));
        for known in self.catalogue.all(&snap.config.models) {
            add(known.reference.to_string(), known.info.name.clone());
        }
        let allowed = agent.allowed_models.as_deref();
        found.retain(|written, _| ModelRef::parse(written).is_some_and(|model| is_allowed(allowed, &model)));
        found.into_values().collect()
    }

    /// See [`Survey::window`].
    pub fn window(&self, agent: &Agent, model: &str) -> u64 {
        self.survey().window(agent, model)
    }
}

impl Survey {
    /// The window of a model, tokens. Empty: the agent's own.
    pub fn window(&self, agent: &Agent, model: &str) -> u64 {
        let own = agent.model.primary.as_deref().unwrap_or(DEFAULT_MODEL);
        let written = if model.is_empty() { own } else { model };
        let info = ModelRef::parse(agent.reference(written)).map(|model| self.resolver.info(&model));
        let window = info.map_or(0, |info| u64::from(info.context_window));
        agent
            .settings
            .context_tokens
            .map_or(window, |cap| cap.min(window))
    }

    /// Can a model think before it answers?
    pub fn reasons(&self, agent: &Agent, model: &str) -> bool {
        let model = ModelRef::parse(agent.reference(model));
        model.is_some_and(|model| self.resolver.info(&model).reasoning)
    }
}
