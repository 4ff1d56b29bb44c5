//! The network side of the host. So far: the one outbound client of the whole gateway.
//!
//! Every connection that the gateway opens, for itself or for a plugin, is opened by [`Client`]. The way of a request is
//! `guard` (is this a URL we accept?) → `policy` (may this caller go there?) → `dns` and `address` (is every address
//! allowed?) → `client` or `websocket` (speak) → `response` (count and cap what comes back).
//!
//! Invariants: no caller reaches a host outside its [`Egress`]; a URL marked [`Origin::Untrusted`] never leads to an
//! address that is not public, at any redirect, whatever a resolver answers; no error text holds a path, a query or a
//! credential; every wait has a deadline and every buffer a bound in `limits`.
//! Nothing here knows plugins: whoever calls translates to and from their records.

mod address;
mod client;
mod decode;
mod dns;
mod error;
mod failure;
mod guard;
pub mod limits;
mod policy;
mod proxy;
mod redirect;
mod request;
mod response;
pub mod server;
mod tls;
pub mod websocket;

pub use address::AddressClass;
pub use client::{Client, Options};
pub use dns::{Resolver, Resolving, SystemResolver};
pub use error::{Denial, Error, Phase, Result};
pub use policy::{Counts, Egress, PatternError};
pub use proxy::Proxy;
pub use request::{Body, BodyStream, Origin, Request};
pub use response::Response;

#[cfg(test)]
mod tests;
