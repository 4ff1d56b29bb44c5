//! Agents: from a message to an answer, with the tools that the model asks for on the way.
mod answer;
mod asker;
mod collect;
mod desk;
mod gate;
mod inbox;
mod job;
mod lane;
mod queue;
mod request;
mod turn;

pub use asker::Models;
pub use desk::Desk;
pub use inbox::Inbox;
pub use job::Steering;
pub use lane::Lanes;
pub use request::DEFAULT_MODEL;
pub use turn::{Asker, TurnEvents, TurnOutcome};
