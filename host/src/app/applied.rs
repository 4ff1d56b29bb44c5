//! Which state of the configuration's files runs.
use crate::config::{Fingerprint, Sources};
use std::path::Path;
use tokio::sync::watch;

/// The state that runs, by name.
#[derive(Debug)]
pub struct Applied {
    fingerprint: Fingerprint,
    hash: watch::Sender<String>,
}

// === impl Applied ===

impl Applied {
    /// Nothing is known to run yet.
    pub(super) fn new(state_dir: &Path) -> Self {
        Self {
            fingerprint: Fingerprint::open(state_dir),
            hash: watch::Sender::default(),
        }
    }

    /// What these files say runs now.
    pub fn now(&self, sources: &Sources) {
        let hash = self.fingerprint.of_sources(sources);
        self.hash.send_if_modified(|known| {
            let differs = *known != hash;
            *known = hash;
            differs
        });
    }

    /// The name of what runs; empty if nobody said.
    pub fn hash(&self) -> String {
        self.hash.borrow().clone()
    }

    /// Tells when something else runs.
    pub fn watch(&self) -> watch::Receiver<String> {
        self.hash.subscribe()
    }

    /// Gives states their names.
    pub fn fingerprint(&self) -> &Fingerprint {
        &self.fingerprint
    }
}
