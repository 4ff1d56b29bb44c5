//! What both tools work with.
use crate::{
    config::Config,
    rules::{Environment, GIVEN},
    run::{Containers, Sessions},
};
use openclaw_plugin_api::{ToolOrigin, Variables, host_ids, prelude::*};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};
use tokio::sync::OnceCell;

/// This very program, whatever happened to its file meanwhile.
const OWN_PROGRAM: &str = "/proc/self/exe";
/// How often is looked for containers to take away.
const PRUNING: Duration = Duration::from_secs(30 * 60);
/// How long a command that has ended can be looked at, if the operator says nothing.
const KEPT: Duration = Duration::from_secs(1800);

/// What both tools work with.
pub struct Bench {
    /// The host.
    pub host: Host,
    /// Commands that run.
    pub sessions: Sessions,
    /// Containers that commands run in.
    pub containers: Containers,
    config: RwLock<Arc<Config>>,
    inherited: OnceCell<BTreeMap<String, String>>,
}

/// Ends all commands when the plugin stops.
pub struct Keeper(pub Arc<Bench>);

impl Bench {
    /// With a configuration, and no command yet.
    pub fn new(host: Host, config: Config) -> Self {
        let kept = config.tools.exec.cleanup_ms.map_or(KEPT, Duration::from_millis);
        Self {
            host,
            sessions: Sessions::new(config.max_sessions, kept),
            containers: Containers::default(),
            config: RwLock::new(Arc::new(config)),
            inherited: OnceCell::new(),
        }
    }

    /// Takes over changes of the configuration from now on: commands that run go on.
    pub fn follow(self: &Arc<Self>) {
        let (mut changes, bench) = (self.host.config_changes(), self.clone());
        self.host.spawn(async move {
            loop {
                match changes.changed::<Config>().await {
                    Ok(config) => {
                        *bench.config.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(config);
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the new configuration can't be read; the old one stays")
                    }
                }
            }
        });
    }

    /// The configuration as it is now.
    pub fn config(&self) -> Arc<Config> {
        self.config.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The program that keeps commands.
    pub fn keeper(&self) -> PathBuf {
        self.config().keeper.as_deref().unwrap_or(OWN_PROGRAM).into()
    }

    /// Takes away containers that nobody has used for long, now and from time to time.
    async fn prune(self: Arc<Self>) {
        loop {
            // as where they are made: the operator may have named an engine elsewhere
            let own = Environment::new(self.inherited().await, self.config().env.clone(), &[]);
            self.containers.prune(&self.host.store(), &own.of_engine()).await;
            self.host.sleep(PRUNING).await;
        }
    }

    /// What commands inherit.
    pub async fn environment(&self, config: &Config, prepend: &[String], origin: &ToolOrigin) -> Environment {
        let base = self.inherited().await;
        let environment = Environment::new(base, config.env.clone(), prepend);
        environment.with_skills(self.skills(origin).await)
    }

    /// The gateway's own variables, as far as they are given on.
    async fn inherited(&self) -> BTreeMap<String, String> {
        let read = || async {
            let mut base = BTreeMap::new();
            for name in GIVEN {
                if let Ok(Some(value)) = self.host.secret(name).await {
                    base.insert((*name).to_owned(), value.expose().to_owned());
                }
            }
            base
        };
        self.inherited.get_or_init(read).await.clone()
    }

    /// What the operator set for the agent's skills.
    async fn skills(&self, origin: &ToolOrigin) -> Variables {
        if !self.host.serves(host_ids::TOOL_ENVIRONMENT) {
            return Variables::default();
        }
        let found = self.host.tool_variables(origin).await;
        found.unwrap_or_else(|error| {
            tracing::warn!(%error, "a command goes without the variables of skills");
            Variables::default()
        })
    }
}

impl Service for Keeper {
    const ID: &'static str = "shell";

    async fn start(&self) -> Result<()> {
        let bench = self.0.clone();
        self.0.host.spawn(bench.prune());
        Ok(())
    }

    async fn stop(&self) -> Result<()> {
        self.0.sessions.end().await;
        Ok(())
    }
}
