//! Agents: from a message to an answer, with the tools that the model asks for on the way.
mod answer;
mod asker;
pub mod chunk;
mod collect;
pub mod compaction;
mod desk;
pub mod envelope;
pub mod failover;
mod gate;
mod inbox;
mod job;
mod lane;
mod queue;
pub mod reply;
mod request;
pub mod tokens;
mod turn;

pub use asker::Models;
pub use desk::Desk;
pub use inbox::Inbox;
pub use job::Steering;
pub use lane::Lanes;
pub use turn::{Asker, TurnEvents, TurnOutcome};
