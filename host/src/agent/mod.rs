//! Agents: from a message to an answer, with the tools that the model asks for on the way.
pub mod chunk;
mod collect;
pub mod commands;
pub mod envelope;
mod inbox;
pub mod prompt;
pub mod reply;
mod sessions;
mod turn;

pub use inbox::{AllowFrom, Inbox};
pub use sessions::Sessions;
pub use turn::{Turn, TurnEvents, TurnOutcome, run};
