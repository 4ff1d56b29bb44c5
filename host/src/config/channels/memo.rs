//! Policies that were read already: reading one costs as much as its channel's block is long, and every message needs it.
//!
//! They belong to one configuration, which never changes; a copy of it begins with none. Bounded.
use super::ChannelPolicy;
use crate::config::{Config, Fault};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, PoisonError},
};

/// Policies that are kept; beyond that all are read anew.
const MAX_KEPT: usize = 256;

/// The policies of a configuration by channel and account.
#[derive(Default)]
pub(in crate::config) struct Policies(Mutex<HashMap<(String, String), Arc<ChannelPolicy>>>);

impl Config {
    /// [`ChannelPolicy::of`], read once.
    pub fn channel_policy(&self, channel: &str, account: &str) -> Result<Arc<ChannelPolicy>, Vec<Fault>> {
        let key = (channel.to_owned(), account.to_owned());
        let mut kept = self.policies.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(policy) = kept.get(&key) {
            return Ok(policy.clone());
        }
        let policy = Arc::new(ChannelPolicy::of(self, channel, account)?);
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(key, policy.clone());
        Ok(policy)
    }
}

impl Clone for Policies {
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policies").finish_non_exhaustive()
    }
}
