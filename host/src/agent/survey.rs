//! What follows from one configuration and one set of plugins: which models there are and what serves them. It asks
//! nobody, so a command makes one too where no gateway runs.
use crate::{
    clock::Clock,
    config::{Agents, Config, Paths},
    models::{Catalogue, Offer, Profiles, Resolver},
};
use std::sync::{Arc, OnceLock};

/// A snapshot: made anew when the configuration or the plugins change.
pub struct Survey {
    pub(super) config: Arc<Config>,
    pub(super) offers: Vec<Offer>,
    pub(super) agents: Arc<Agents>,
    pub(super) resolver: Resolver,
    /// See [`super::Models::default_model`].
    pub(super) usual: OnceLock<String>,
}

// === impl Survey ===

impl Survey {
    /// What these plugins offer under this configuration, with the keys that are stored at these places.
    pub fn new(
        config: Arc<Config>,
        offers: Vec<Offer>,
        paths: &Paths,
        catalogue: Arc<Catalogue>,
        clock: Clock,
    ) -> Self {
        let agents = config.agents();
        let folders = agents
            .agents
            .iter()
            .map(|agent| (agent.id.as_str(), agent.agent_dir(paths)));
        let (profiles, problems) = Profiles::read(folders);
        for problem in problems {
            tracing::warn!(target: "openclaw::models", "{problem}");
        }
        let resolver = Resolver::new(config.clone(), offers.clone(), profiles, catalogue, clock);
        Self {
            config,
            offers,
            agents,
            resolver,
            usual: OnceLock::new(),
        }
    }
}

impl std::fmt::Debug for Survey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Survey").finish_non_exhaustive()
    }
}
