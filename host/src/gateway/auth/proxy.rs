//! What a trusted proxy says about who is behind a request.
//!
//! Invariant: its headers count only if the socket's peer is a trusted proxy; what they say can narrow scopes, not widen
//! them.
use axum::http::HeaderMap;

use crate::{
    gateway::{
        denial,
        failure::Failure,
        scope::{Scope, Scopes},
    },
    http::server::Peer,
};

/// Header that narrows the scopes of whoever is let in by a proxy's word.
const SCOPES: &str = "x-openclaw-scopes";
/// Longest name of a user, bytes.
const MAX_USER: usize = 256;

/// `gateway.auth.trustedProxy`: whom a proxy may vouch for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProxyAuth {
    /// Header with the name of the user.
    pub user_header: String,
    /// Headers that have to be there too.
    pub required_headers: Vec<String>,
    /// Users that are let in; with none named, all.
    pub allow_users: Vec<String>,
    /// May the proxy be on this machine? Then any program here could pretend to be it.
    pub allow_loopback: bool,
}

/// What the head of a request says, taken when it comes.
#[derive(Debug, Default)]
pub(crate) struct ProxyClaim {
    user: Option<Result<String, Failure>>,
    cap: Option<Vec<Scope>>,
}

// === impl ProxyAuth ===

impl ProxyAuth {
    fn user(&self, peer: &Peer, headers: &HeaderMap) -> Result<String, Failure> {
        let proxy = peer.proxy().ok_or_else(denial::not_a_proxy)?;
        if proxy.is_loopback() && !self.allow_loopback {
            return Err(denial::not_a_proxy());
        }
        let text = |name: &str| {
            let value = headers.get(name)?.to_str().ok()?.trim();
            (!value.is_empty() && value.len() <= MAX_USER).then(|| value.to_owned())
        };
        if self.required_headers.iter().any(|name| text(name).is_none()) {
            return Err(denial::identity_header_required());
        }
        let user = text(&self.user_header).ok_or_else(denial::identity_header_required)?;
        if self.allow_users.is_empty() || self.allow_users.contains(&user) {
            Ok(user)
        } else {
            Err(denial::user_not_allowed())
        }
    }
}

// === impl ProxyClaim ===

impl ProxyClaim {
    /// What this head says, if proxies are asked at all.
    pub(crate) fn read(auth: Option<&ProxyAuth>, peer: &Peer, headers: &HeaderMap) -> Self {
        let cap = |text: &str| {
            text.split(',')
                .filter_map(|name| Scope::parse(name.trim()))
                .collect()
        };
        let header = headers.get(SCOPES);
        Self {
            user: auth.map(|auth| auth.user(peer, headers)),
            // what is no text names no scope
            cap: header.map(|value| value.to_str().map(cap).unwrap_or_default()),
        }
    }

    /// The user that a proxy vouches for, or why there is none. `None`: proxies aren't asked.
    pub(super) fn user(&self) -> Option<Result<&str, Failure>> {
        self.user.as_ref().map(|user| match user {
            Ok(user) => Ok(user.as_str()),
            Err(failure) => Err(failure.clone()),
        })
    }

    /// Does a proxy vouch for somebody who may do what takes `needed`?
    pub(crate) fn permits(&self, needed: Scope) -> bool {
        let granted = Scopes::granted(self.grant().iter().map(|scope| scope.name()), &Scope::ALL);
        matches!(self.user, Some(Ok(_))) && granted.permit(needed)
    }

    /// The scopes that are left of all.
    pub(super) fn grant(&self) -> Vec<Scope> {
        let all = Scope::ALL.into_iter();
        all.filter(|scope| self.cap.as_ref().is_none_or(|cap| cap.contains(scope)))
            .collect()
    }
}
