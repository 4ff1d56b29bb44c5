//! Calls: what they are, how they go on, and what is kept of them.
mod media;

pub(crate) use media::{Media, MediaEvent, MediaEvents, NoMedia, Ticket};

use serde::{Deserialize, Serialize};
use std::fmt;

/// Id of a call, ours.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub(crate) struct CallId(String);

impl CallId {
    /// A new one.
    pub(crate) fn random() -> Self {
        Self(crate::clock::uuid())
    }

    /// One that a carrier or a person gives back. It finds a call or finds none.
    pub(crate) fn given(text: &str) -> Self {
        Self(text.to_owned())
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CallId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
