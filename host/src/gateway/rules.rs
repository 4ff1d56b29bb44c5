//! The rules of the door that the owner may change while the gateway runs: which pages and proxies are trusted, what is let
//! in without a question, how often somebody may guess, whether there is a page, and what nodes may be asked.
//!
//! Invariant: a request is judged by one state of the rules, the one that held when they were looked at. Who is in stays in.
use super::{
    auth::ProxyAuth,
    nodes::NodePolicy,
    server::{Policy, Shared},
};
use crate::http::server::{Network, Sites};
use std::sync::{Arc, PoisonError, RwLock};

/// The rules.
#[derive(Debug, Clone, Default)]
pub struct Rules {
    /// Web pages and host names that may reach the gateway. Pages that it serves itself are added.
    pub sites: Sites,
    /// Proxies whose forwarding headers count.
    pub trusted_proxies: Vec<Network>,
    /// What the owner allows.
    pub policy: Policy,
    /// Which commands may be sent to nodes.
    pub commands: NodePolicy,
}

/// Changes the rules of a running gateway.
#[derive(Clone)]
pub struct Doorkeeper(Arc<Shared>);

/// The rules as they are now.
#[derive(Debug)]
pub(crate) struct Current {
    ports: Vec<u16>,
    rules: RwLock<Arc<Rules>>,
}

// === impl Doorkeeper ===

impl Doorkeeper {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self(shared.clone())
    }

    /// From now on these hold, and this for whom a proxy may vouch, if that is the mode: whoever came by a proxy comes
    /// anew then. Whether pages need devices is decided at a start only.
    pub fn change(&self, mut rules: Rules, proxy: Option<&ProxyAuth>) {
        if let Some(proxy) = proxy {
            self.0.vouch(proxy);
        }
        let before = self.0.rules.get();
        rules.policy.pages_without_device = before.policy.pages_without_device;
        self.0.limiter.change(rules.policy.attempts);
        self.0.routing.show_pages(rules.policy.pages);
        self.0.nodes.permit(rules.commands.clone());
        self.0.rules.set(rules);
    }
}

// === impl Current ===

impl Current {
    /// The rules of a gateway that listens on these ports.
    pub(crate) fn new(rules: Rules, ports: Vec<u16>) -> Self {
        let current = Self {
            ports,
            rules: RwLock::default(),
        };
        current.set(rules);
        current
    }

    pub(crate) fn get(&self) -> Arc<Rules> {
        self.rules.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn set(&self, mut rules: Rules) {
        self.ports.iter().for_each(|port| rules.sites.add_own(*port));
        *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(rules);
    }
}
