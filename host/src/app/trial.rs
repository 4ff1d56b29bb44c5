//! A few plugins started by themselves, to find out whether what is about to be configured works.
//!
//! There is a registry and a journal, but no office: nothing that comes in is accepted, so no platform is ever told that
//! somebody has it, and nothing is answered. What plugins keep goes into a folder that ends with the trial.
use super::ground::{Ground, Plan};
use crate::{
    agent::Models,
    clock::Clock,
    config::{Config, Env, Paths},
    http,
    journal::{Journal, JournalError},
    models::{Snapshot, Source},
    plugins::plugin::{Spec, State},
};
use openclaw_plugin_api::{
    ChannelState, ChannelStatus, Error, ErrorKind, ModelInfo, Result, Secret, surface::ids,
};
use std::{
    io,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tempfile::TempDir;
use tokio::sync::watch;

/// Threads that poll plugins.
const POLL_THREADS: usize = 1;
/// How long a platform may take to say who a bot is.
const PROBE: Duration = Duration::from_secs(30);
/// How the folder's name begins.
const FOLDER: &str = ".openclaw-trial-";

/// What is tried.
pub struct TrialOptions {
    /// The plugins that it takes; those that are on are started.
    pub specs: Vec<Spec>,
    /// The configuration as it would be, with its secrets.
    pub config: Config,
    /// Places of files. Nothing is written there but a folder for as long as it takes.
    pub paths: Paths,
    /// This program, to be started for isolated plugins.
    pub program: PathBuf,
    /// The environment.
    pub env: Env,
}

/// Why nothing can be tried.
#[derive(Debug, thiserror::Error)]
pub enum TrialError {
    /// There is no place for the plugins' files.
    #[error("no folder for the trial can be made near {}: {source}; check its owner and mode", .near.display())]
    Folder {
        /// Where one was wanted.
        near: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The journal can't be made.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The outbound client can't be made.
    #[error("{0}")]
    Http(http::Error),
}

/// Plugins that run for a trial.
pub struct Trial {
    ground: Ground,
    models: Models,
    _config: watch::Sender<Arc<Config>>,
    // the last one: plugins have their files in it
    _folder: TempDir,
}

// === impl Trial ===

impl Trial {
    /// Starts the plugins. Returns when each has started or failed.
    pub async fn start(options: TrialOptions) -> std::result::Result<Self, TrialError> {
        let folder = folder(&options.paths.state_dir)?;
        let state = folder.path().to_owned();
        let (clock, secrets) = (Clock::system(), options.env.clone());
        let plan = Plan {
            specs: options.specs,
            journal: Journal::open(&state.join("state.db"))?,
            state,
            program: options.program,
            secrets: Box::new(move |variable| secrets.var(variable).map(Secret::new)),
            clock: clock.clone(),
            threads: POLL_THREADS,
            absent: "this is a trial: nothing is taken in, and no agent works",
        };
        let (ground, _) = Ground::lay(plan).await.map_err(TrialError::Http)?;
        let (running, config) = watch::channel(Arc::new(options.config));
        let models = Models::new(
            ground.registry.clone(),
            config,
            clock,
            options.paths,
            options.env,
            Snapshot::default(),
        );
        Ok(Self {
            ground,
            models,
            _config: running,
            _folder: folder,
        })
    }

    /// The models of a provider, as its plugin knows them; the first one is its own choice.
    pub async fn models(&self, provider: &str) -> Result<Vec<ModelInfo>> {
        self.models.named_by(provider).await
    }

    /// Asks a model for a word, with the key from this place.
    pub async fn ask(&self, model: &str, from: Source) -> Result<()> {
        self.models.try_out(model, from).await
    }

    /// Asks the platform who the bot of an account is. An account that can't work is an error.
    pub async fn probe(&self, channel: &str, account: &str) -> Result<ChannelStatus> {
        let plugin = self.ground.registry.all().into_iter().find(|plugin| {
            let spec = plugin.spec();
            spec.reason.is_on() && spec.manifest.channels.iter().any(|own| own == channel)
        });
        let plugin = plugin.ok_or_else(|| {
            Error::new(
                ErrorKind::NotFound,
                format_args!("no plugin that is on offers {channel}"),
            )
        })?;
        if let State::Failed { why, .. } = plugin.state() {
            return Err(Error::new(ErrorKind::Config, why));
        }
        let asked = plugin.call::<ChannelStatus>(ids::channel::PROBE, channel, &account);
        let status = match tokio::time::timeout(PROBE, asked).await {
            Ok(status) => status?,
            Err(_) => {
                let text = format!("no answer within {} s", PROBE.as_secs());
                return Err(Error::new(ErrorKind::Timeout, text));
            }
        };
        match status.state {
            ChannelState::Failed => Err(Error::new(ErrorKind::Auth, status.problem)),
            ChannelState::Degraded => Err(Error::new(ErrorKind::Network, status.problem)),
            ChannelState::Stopped | ChannelState::Connecting | ChannelState::Connected => Ok(status),
        }
    }

    /// Why plugins of it don't run, by their ids.
    pub fn failures(&self) -> Vec<(String, String)> {
        let all = self.ground.registry.all().into_iter();
        all.filter_map(|plugin| match plugin.state() {
            State::Failed { why, .. } => Some((plugin.id().to_owned(), why)),
            _ => None,
        })
        .collect()
    }

    /// Ends the plugins.
    pub async fn stop(self) {
        self.ground.registry.stop().await;
    }
}

impl std::fmt::Debug for Trial {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Trial").finish_non_exhaustive()
    }
}

/// A folder on the disk of the state directory, where libraries may be run; the system's own place for such folders often
/// forbids that. A state directory that is not there yet is not made for it.
fn folder(state: &Path) -> std::result::Result<TempDir, TrialError> {
    let make = |at: &Path| tempfile::Builder::new().prefix(FOLDER).tempdir_in(at);
    let near = state.ancestors().find(|folder| folder.is_dir()).unwrap_or(state);
    make(near)
        .or_else(|_| make(&std::env::temp_dir()))
        .map_err(|source| TrialError::Folder {
            near: near.to_owned(),
            source,
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_directory_that_is_not_there_is_not_made() {
        let home = tempfile::tempdir().expect("a folder");
        let state = home.path().join("deep/state");
        let made = folder(&state).expect("a folder");
        assert_eq!(made.path().parent(), Some(home.path()));
        drop(made);
        assert_eq!(std::fs::read_dir(home.path()).expect("it is there").count(), 0);
    }

    #[tokio::test]
    async fn without_plugins_everything_is_told_to_be_missing() {
        let home = tempfile::tempdir().expect("a folder");
        let trial = Trial::start(TrialOptions {
            specs: Vec::new(),
            config: Config::default(),
            paths: Paths {
                config_file: home.path().join("openclaw.json"),
                state_dir: home.path().join("state"),
                home: None,
                include_roots: Vec::new(),
            },
            program: PathBuf::new(),
            env: Env::default(),
        })
        .await
        .expect("it starts");
        let error = trial
            .ask("vendor/model", Source::Config)
            .await
            .expect_err("no plugin");
        assert!(error.message().contains("no running plugin"), "{error}");
        assert!(trial.models("vendor").await.is_err() && trial.probe("chat", "default").await.is_err());
        trial.stop().await;
        assert!(!home.path().join("state").exists());
    }
}
