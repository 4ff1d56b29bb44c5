//! The gateway's protocol: WebSocket clients (command line, terminal, pages) that call methods and get events, and the
//! health probes and the plugins' routes on the same port.
//!
//! The way of a connection is `http` (upgrade) → `handshake` (challenge, `connect`, `auth`) → `session` (requests) with
//! `wire` and `outbox` below. What the methods do is not known here: a [`Handler`] brings rows and answers.
//!
//! Invariants: nothing but `connect` is answered before authentication; a method without a row does not exist; where a
//! connection comes from gives no right; every buffer, queue and wait has a bound in [`limits`].
mod auth;
pub mod client;
mod connect;
mod denial;
mod device;
mod devices;
mod failure;
mod figures;
mod frame;
mod front;
mod handshake;
mod hello;
mod http;
mod hub;
mod idempotency;
mod identify;
mod limiter;
pub mod limits;
mod methods;
mod nodes;
mod outbox;
mod presence;
pub(crate) mod random;
mod routes;
mod rules;
mod schema;
mod scope;
mod server;
mod session;
mod wire;

pub use auth::{Auth, Method as AuthMethod, Principal, ProxyAuth, Role};
pub(crate) use auth::{MIN_SECRET, is_placeholder};
pub use connect::{ClientInfo, MIN_PROTOCOL, PROTOCOL};
pub use devices::Devices;
pub use failure::{Code, Failure};
pub use front::{Front, FrontError, Open};
pub use hub::Events;
pub use limiter::Attempts;
pub use methods::{Access, Caller, Handler, Method, Readiness, Responder};
pub use nodes::{Invocation, NodePolicy, Nodes, Published};
pub use routes::{Offer, PagePlace, Routes};
pub use rules::{Doorkeeper, Rules};
pub use schema::Schema;
pub use scope::{Scope, Scopes};
pub use server::{Error, Fleet, Options, Policy, Running, Server, Stop};

#[cfg(test)]
mod tests;
