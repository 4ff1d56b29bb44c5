//! Name resolution, and the second half of the address guard.
//!
//! Invariant: a guarded connection takes its addresses from [`Lookup`] and from nowhere else, and [`Lookup`] gives none
//! unless all of an answer's addresses are allowed. What was checked is what is connected to, so an answer that changes
//! between two questions gains nothing.

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;

use super::error::Denial;
use super::guard;
use super::limits::MAX_ADDRESSES;

/// Answer of a [`Resolver`], in time.
pub type Resolving = Pin<Box<dyn Future<Output = io::Result<Vec<IpAddr>>> + Send>>;

/// Source of addresses for names. The system's is [`SystemResolver`]; tests bring their own.
pub trait Resolver: Send + Sync + 'static {
    /// All addresses of `host`, a name in ASCII without a trailing dot.
    fn resolve(&self, host: &str) -> Resolving;
}

/// The machine's own resolver, with its hosts file and search domains.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

/// Which addresses a connection may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// All: the URL is the caller's own.
    Any,
    /// Public ones.
    Public,
    /// Public and private ones: an operator waived part of the guard.
    Private,
}

/// A resolver under a rule, in the form that `reqwest` takes.
#[derive(Clone)]
pub(super) struct Lookup {
    resolver: Arc<dyn Resolver>,
    reach: Reach,
}

/// Why a lookup gave no address.
#[derive(Debug, thiserror::Error)]
pub(super) enum LookupError {
    #[error("{0}")]
    Denied(Denial),
    #[error("{0}")]
    Failed(io::Error),
    #[error("the name has no address")]
    Empty,
}

impl Resolver for SystemResolver {
    fn resolve(&self, host: &str) -> Resolving {
        let host = host.to_owned();
        Box::pin(async move {
            let addresses = tokio::net::lookup_host((host.as_str(), 0)).await?;
            Ok(addresses.map(|address| address.ip()).collect())
        })
    }
}

// === impl Reach ===

impl Reach {
    /// Every reach, in the order of [`Reach::index`].
    pub(super) const ALL: [Self; 3] = [Self::Any, Self::Public, Self::Private];

    pub(super) fn index(self) -> usize {
        match self {
            Self::Any => 0,
            Self::Public => 1,
            Self::Private => 2,
        }
    }

    /// The reach of a guarded request.
    pub(super) fn guarded(allow_private: bool) -> Self {
        if allow_private {
            Self::Private
        } else {
            Self::Public
        }
    }

    /// Checks one address by this rule.
    pub(super) fn check(self, address: IpAddr) -> Result<(), Denial> {
        match self {
            Self::Any => Ok(()),
            Self::Public => guard::check_address(address, false),
            Self::Private => guard::check_address(address, true),
        }
    }
}

// === impl Lookup ===

impl Lookup {
    pub(super) fn new(resolver: Arc<dyn Resolver>, reach: Reach) -> Self {
        Self { resolver, reach }
    }

    /// The addresses of a name, all of them allowed. The ones beyond the bound are checked too, then dropped.
    pub(super) async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, LookupError> {
        let mut addresses = self.resolver.resolve(host).await.map_err(LookupError::Failed)?;
        for address in &addresses {
            self.reach.check(*address).map_err(LookupError::Denied)?;
        }
        addresses.truncate(MAX_ADDRESSES);
        if addresses.is_empty() {
            Err(LookupError::Empty)
        } else {
            Ok(addresses)
        }
    }
}

impl reqwest::dns::Resolve for Lookup {
    fn resolve(&self, name: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let lookup = self.clone();
        Box::pin(async move {
            let addresses = lookup.addresses(name.as_str()).await?;
            // port 0 stands for the URL's own
            let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as reqwest::dns::Addrs)
        })
    }
}

impl fmt::Debug for Lookup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lookup")
            .field("reach", &self.reach)
            .finish_non_exhaustive()
    }
}
