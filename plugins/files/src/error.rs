//! What can be wrong with a file, in words that a model can act on.
use openclaw_plugin_api::{Error, ErrorKind};
use std::io;

/// Why a file was not read or changed.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// Whoever called named no workspace.
    #[error("this call came without a workspace, so there are no files; call it as an agent")]
    NoWorkspace,
    /// The path can't be a file of the workspace.
    #[error("{path} is not in the workspace; name a path below it")]
    Outside {
        /// As it was given.
        path: String,
    },
    /// Nothing of that name.
    #[error("{path} does not exist; list its folder to see what does")]
    Missing {
        /// As it was given.
        path: String,
    },
    /// Something that is no file.
    #[error("{path} is {what}, not a file")]
    NotAFile {
        /// As it was given.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// Larger than this plugin handles.
    #[error("{path} has {size} bytes, more than {limit}; work on a part of it by other means")]
    TooLarge {
        /// As it was given.
        path: String,
        /// Its size.
        size: u64,
        /// What is handled.
        limit: u64,
    },
    /// No text and no picture.
    #[error("{path} is a binary file of {size} bytes; it can't be shown as text")]
    Binary {
        /// As it was given.
        path: String,
        /// Its size.
        size: u64,
    },
    /// The arguments don't say what to do.
    #[error("{0}")]
    Arguments(String),
    /// An edit or a patch does not fit.
    #[error("{path}: {why}; nothing was changed")]
    NoFit {
        /// As it was given.
        path: String,
        /// What does not fit, and what to do.
        why: String,
    },
    /// The system said no.
    #[error("{path} can't be {doing}: {source}")]
    System {
        /// As it was given.
        path: String,
        /// `read`, `written`, …
        doing: &'static str,
        /// What it said.
        source: io::Error,
    },
}

impl FileError {
    /// What the system said about a path.
    pub fn system(path: &str, doing: &'static str, source: io::Error) -> Self {
        let path = path.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing { path },
            // how a path that leads out of its folder is refused
            io::ErrorKind::PermissionDenied if source.raw_os_error().is_none() => Self::Outside { path },
            _ => Self::System { path, doing, source },
        }
    }

    /// An edit or a patch that does not fit.
    pub fn no_fit(path: &str, why: impl Into<String>) -> Self {
        Self::NoFit {
            path: path.to_owned(),
            why: why.into(),
        }
    }

    /// As the host knows errors.
    pub fn into_error(self) -> Error {
        let kind = match &self {
            Self::NoWorkspace | Self::Arguments(_) | Self::NoFit { .. } => ErrorKind::InvalidInput,
            Self::Missing { .. } => ErrorKind::NotFound,
            Self::Outside { .. } | Self::NotAFile { .. } | Self::TooLarge { .. } | Self::Binary { .. } => {
                ErrorKind::Refused
            }
            Self::System { .. } => ErrorKind::Internal,
        };
        Error::new(kind, self)
    }
}
