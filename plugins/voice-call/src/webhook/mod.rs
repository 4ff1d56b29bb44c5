//! Webhooks: who calls is established before anything is read.
//!
//! The order is the host's: path, method, length → [`Gate::check`] on the head → the body, under its limit and in its
//! time → [`Gate::verify`] on its bytes → the replay memory → parsing. Invariant: only [`Gate`] makes a [`Verified`], and
//! the call model takes nothing else.
mod address;
mod gate;
mod replay;
mod routes;
mod sign;

pub(crate) use gate::{Gate, Verified};
pub(crate) use replay::Replays;
pub(crate) use routes::Webhooks;

#[cfg(test)]
mod tests;
