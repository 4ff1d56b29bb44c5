//! Agents: from a message to an answer, with the tools that the model asks for on the way.
mod collect;
pub mod compaction;
pub mod failover;
mod inbox;
mod sessions;
pub mod tokens;
mod turn;

pub use inbox::{AllowFrom, Inbox};
pub use sessions::Sessions;
pub use turn::{Turn, TurnEvents, TurnOutcome, run};
