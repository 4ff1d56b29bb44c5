//! What plugins stand on, whoever starts them: services, threads, the hub that they ask, and the registry.
//!
//! It takes up nothing of what is kept and accepts nothing that comes in: that is for who puts an office on it.
use super::hub::Hub;
use crate::{
    clock::Clock,
    http,
    journal::Journal,
    plugins::{
        generation::Workshop,
        plugin::Spec,
        pool::Pool,
        registry::{Registry, RequiredFailed},
        services::{Core, SecretSource, Services},
    },
};
use std::{
    path::PathBuf,
    sync::{Arc, OnceLock},
};

/// What it is made of.
pub(super) struct Plan {
    /// The plugins; those that are on are started.
    pub(super) specs: Vec<Spec>,
    /// Folder of the plugins' files.
    pub(super) state: PathBuf,
    /// This program, to be started for isolated plugins.
    pub(super) program: PathBuf,
    /// What is kept.
    pub(super) journal: Journal,
    /// Secrets of the environment.
    pub(super) secrets: SecretSource,
    /// The time of day.
    pub(super) clock: Clock,
    /// Threads that poll plugins.
    pub(super) threads: usize,
    /// What a plugin hears that asks for more than there is.
    pub(super) absent: &'static str,
}

/// Plugins that run.
pub(super) struct Ground {
    pub(super) registry: Arc<Registry>,
    // plugins call it through a weak reference
    pub(super) hub: Arc<Hub>,
    pub(super) http: http::Client,
    // its threads end with it
    pub(super) pool: Pool,
}

// === impl Ground ===

impl Ground {
    /// Starts the plugins. Returns when each has started or failed, with those that failed and must not.
    pub(super) async fn lay(plan: Plan) -> Result<(Self, Vec<RequiredFailed>), http::Error> {
        let http = http::Client::new(http::Options::default())?;
        let hub = Arc::new(Hub::new(plan.clock.clone(), plan.absent));
        let services = Arc::new(Services {
            runtime: tokio::runtime::Handle::current(),
            http: http.clone(),
            journal: plan.journal,
            media: plan.state.join("media"),
            clock: plan.clock,
            secrets: plan.secrets,
            core: OnceLock::new(),
        });
        let core: Arc<dyn Core> = hub.clone();
        let _ = services.core.set(Arc::downgrade(&core));
        let pool = Pool::new(plan.threads);
        let workshop = Workshop {
            pool: pool.clone(),
            services,
            state: plan.state,
            program: plan.program,
        };
        let (registry, failed) = Registry::start(workshop, plan.specs).await;
        let registry = Arc::new(registry);
        let _ = hub.registry.set(Arc::downgrade(&registry));
        let ground = Self {
            registry,
            hub,
            http,
            pool,
        };
        Ok((ground, failed))
    }
}
