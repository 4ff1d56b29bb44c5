//! Replies on their way out: from the outbox to the channel's plugin, in order, until the platform has them.
//!
//! Invariant: a reply is sent only after it is in the outbox and noted as being sent, so whatever happens to the
//! process, it is either tried again or shown. This module decides what a failed try means; it never writes a reply
//! itself.
mod body;
mod outbox;
mod presence;
mod tally;
mod typing;
mod verdict;

pub use body::{Body, lane_of, lane_to, message_to};
pub use outbox::{Carrier, Outbox};
pub use presence::{Place, Seen, UNKNOWN, follow};
pub use tally::Tally;
