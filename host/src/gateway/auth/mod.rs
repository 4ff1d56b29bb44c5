//! Who is let in, and with which scopes.
//!
//! Invariants: a [`Principal`] comes only from [`admit()`]; its scopes are the asked-for ones that the credential holds;
//! where a connection comes from gives no right by itself, it can only take some away; secrets are compared as hashes,
//! in constant time, and kept as hashes only.
mod admit;
mod proxy;
mod secrets;
mod strength;

use openclaw_plugin_api::Secret;
use std::fmt;

use super::{
    connect::Connect,
    failure::Failure,
    scope::{Scope, Scopes},
};

pub(crate) use admit::{Way, admit};
pub use proxy::ProxyAuth;
pub(crate) use proxy::ProxyClaim;
pub use secrets::Auth;
pub(crate) use secrets::{Verifier, digest};
pub(crate) use strength::{MIN_SECRET, is_placeholder};

/// Somebody who is let in.
#[derive(Debug, Clone)]
pub struct Principal {
    method: Method,
    role: Role,
    scopes: Scopes,
    device: Option<String>,
    user: Option<String>,
}

/// How somebody proved to be let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    /// With the token.
    Token,
    /// With the password.
    Password,
    /// With the token of its device.
    DeviceToken,
    /// By the word of a trusted proxy.
    TrustedProxy,
    /// There is no secret.
    None,
}

/// What somebody is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Uses the gateway.
    Operator,
    /// Is used by the gateway: a device that does what it is asked.
    Node,
}

/// Somebody who is let in, with what is told only once.
#[derive(Debug)]
pub(crate) struct Admission {
    pub(crate) principal: Principal,
    pub(crate) issued: Option<Issued>,
}

/// A token that a device gets.
pub(crate) struct Issued {
    pub(crate) token: Secret,
    pub(crate) at_ms: i64,
}

/// Why somebody isn't let in, and whether it was a guess.
#[derive(Debug)]
pub(crate) struct Denied {
    pub(crate) failure: Failure,
    pub(crate) guessed: bool,
}

// === impl Principal ===

impl Principal {
    /// How it was let in.
    pub fn method(&self) -> Method {
        self.method
    }

    /// What it is.
    pub fn role(&self) -> Role {
        self.role
    }

    /// What it may do.
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// Its device, if it proved one.
    pub fn device(&self) -> Option<&str> {
        self.device.as_deref()
    }

    /// Who it is, as a trusted proxy says.
    pub fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    /// Who it is, the same for each of its connections.
    pub fn subject(&self) -> &str {
        let known = self.device.as_deref().or(self.user.as_deref());
        known.unwrap_or("owner")
    }

    /// May it decide about this device? Whoever came by the token of a device decides about that one only, unless it may
    /// do everything.
    pub fn governs(&self, device: &str) -> bool {
        self.method != Method::DeviceToken
            || self.scopes.permit(Scope::Admin)
            || self.device.as_deref() == Some(device)
    }
}

// === impl Method ===

impl Method {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Method::Token => "token",
            Method::Password => "password",
            Method::DeviceToken => "device-token",
            Method::TrustedProxy => "trusted-proxy",
            Method::None => "none",
        }
    }
}

// === impl Role ===

impl Role {
    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Role::Operator => "operator",
            Role::Node => "node",
        }
    }

    /// Checks the role that a client asks for.
    pub(crate) fn parse(connect: &Connect) -> Result<Self, Failure> {
        match connect.role.as_deref() {
            None | Some("operator") => Ok(Self::Operator),
            Some("node") => Ok(Self::Node),
            Some(_) => Err(Failure::invalid("invalid role")),
        }
    }
}

// === impl Issued ===

impl fmt::Debug for Issued {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Issued({})", self.at_ms)
    }
}

// === impl Denied ===

impl Denied {
    fn plain(failure: Failure) -> Self {
        Self {
            failure,
            guessed: false,
        }
    }

    fn guess(failure: Failure) -> Self {
        Self {
            failure,
            guessed: true,
        }
    }
}

#[cfg(test)]
mod tests;
