//! Why a plugin does not run: one variant for each stage between its file and its first call.
use super::{load::LoadError, manifest::ManifestError, stage::StageError};
use crate::http::PatternError;
use std::time::Duration;

/// Why a plugin does not run. The variants are the stages, in order.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its file is none that can be loaded here.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
    /// Its file is not safe, or not the pinned one.
    #[error(transparent)]
    Stage(#[from] StageError),
    /// The checks of its file ended before they were done.
    #[error("the file could not be checked: {0}; try again, and report it if it stays so")]
    Check(String),
    /// Its configuration does not fit its schema.
    #[error("{0}")]
    Config(String),
    /// A host pattern in its permissions is wrong.
    #[error("the permissions of plugin {id} name a wrong host: {source}")]
    Permission {
        /// The plugin.
        id: String,
        /// What is wrong.
        source: PatternError,
    },
    /// The library can't be opened.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// Its code did not make an instance.
    #[error("plugin {id} could not be created: {why}")]
    Create {
        /// The plugin.
        id: String,
        /// What it said.
        why: String,
    },
    /// Its process refused the library, or ended while opening it.
    #[error("{why}")]
    Child {
        /// At which stage.
        stage: &'static str,
        /// What it said.
        why: String,
    },
    /// It took too long.
    #[error(
        "plugin {id} did not {what} within {limit:?}; a plugin returns at once and works in the background \
         (plugins.entries.{id}.deadlines.startMs)"
    )]
    Timeout {
        /// The plugin.
        id: String,
        /// What was waited for.
        what: &'static str,
        /// How long.
        limit: Duration,
    },
    /// It registers something else than it declares.
    #[error("{0}; the author has to make them agree")]
    Registration(String),
    /// It was created and could not be started.
    #[error("plugin {id} could not be started: {why}")]
    Start {
        /// The plugin.
        id: String,
        /// What it said.
        why: String,
    },
}

impl StartError {
    /// At which stage, in a word, for machines and for people who look things up.
    pub fn stage(&self) -> &'static str {
        match self {
            Self::Manifest(error) => match error {
                ManifestError::WrongTarget { .. } | ManifestError::NewerGlibc { .. } => "target",
                ManifestError::ApiVersion { .. } | ManifestError::Abi { .. } => "version",
                ManifestError::PanicAbort { .. } => "panic-strategy",
                _ => "manifest",
            },
            Self::Stage(_) | Self::Check(_) => "integrity",
            Self::Config(_) | Self::Permission { .. } => "config",
            Self::Load(error) => error.stage(),
            Self::Child { stage, .. } => stage,
            Self::Create { .. } | Self::Timeout { .. } => "create",
            Self::Registration(_) => "registration",
            Self::Start { .. } => "start",
        }
    }
}
