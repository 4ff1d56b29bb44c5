//! The shared secrets of a gateway, as hashes.
use openclaw_plugin_api::Secret;
use sha2::{Digest, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;

use super::{Method, ProxyAuth};

/// Who is let in: the shared secrets, and whom a proxy vouches for. With none of these, only programs and devices on
/// this machine are.
#[derive(Debug, Clone, Default)]
pub struct Auth {
    /// `gateway.auth.token`.
    pub token: Option<Secret>,
    /// `gateway.auth.password`.
    pub password: Option<Secret>,
    /// `gateway.auth.trustedProxy`, if that is the mode.
    pub proxy: Option<ProxyAuth>,
}

/// Checks secrets. Keeps hashes only.
pub(crate) struct Verifier {
    token: Option<Hash>,
    password: Option<Hash>,
    proxy: Option<ProxyAuth>,
}

pub(crate) type Hash = [u8; 32];

// === impl Verifier ===

impl Verifier {
    pub(crate) fn new(auth: &Auth) -> Self {
        let hash = |secret: &Option<Secret>| {
            secret
                .as_ref()
                .filter(|secret| !secret.is_empty())
                .map(|secret| digest(secret.expose()))
        };
        Self {
            token: hash(&auth.token),
            password: hash(&auth.password),
            proxy: auth.proxy.clone(),
        }
    }

    /// The same secrets and another word on proxies. None: the mode is another one, or nothing changed.
    pub(crate) fn with_proxy(&self, proxy: &ProxyAuth) -> Option<Self> {
        let changed = self.proxy.as_ref().is_some_and(|own| own != proxy);
        changed.then(|| Self {
            token: self.token,
            password: self.password,
            proxy: Some(proxy.clone()),
        })
    }

    /// Is there neither a secret nor a proxy?
    pub(crate) fn is_open(&self) -> bool {
        self.mode() == Method::None
    }

    /// Whom a proxy may vouch for, if that is the mode.
    pub(crate) fn proxy(&self) -> Option<&ProxyAuth> {
        self.proxy.as_ref()
    }

    /// The mode, as clients know it.
    pub(crate) fn mode(&self) -> Method {
        match (&self.proxy, &self.token, &self.password) {
            (Some(_), ..) => Method::TrustedProxy,
            (None, Some(_), _) => Method::Token,
            (None, None, Some(_)) => Method::Password,
            (None, None, None) => Method::None,
        }
    }

    /// Is it a secret of ours? A token may be offered as a password and the other way round.
    pub(crate) fn check(&self, offered: &str) -> Option<Method> {
        let offered = digest(offered);
        let equal = |secret: &Option<Hash>| secret.is_some_and(|secret| secret.ct_eq(&offered).into());
        match (equal(&self.token), equal(&self.password)) {
            (true, _) => Some(Method::Token),
            (false, true) => Some(Method::Password),
            (false, false) => None,
        }
    }
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Verifier({})", self.mode().name())
    }
}

/// What is kept and compared of a secret.
pub(crate) fn digest(secret: &str) -> Hash {
    Sha256::digest(secret.as_bytes()).into()
}
