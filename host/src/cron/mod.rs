//! Jobs that run at a time: an agent hears of something, or is asked something and its answer goes to a chat.
//!
//! A run takes the way of a client's question: it stands in the journal with its job before it begins, and its question
//! in the inbox under the run's own id. So a killed process neither loses a run nor does it twice. What was missed while
//! no gateway ran is done once. Nothing here knows the protocol's methods; those are in `methods::cron`.
mod engine;
mod job;
mod outcome;
mod place;
mod run;
mod schedule;
mod webhook;

pub use engine::{Changed, Cron, CronError, Listing, MAX_JOBS};
pub use job::{DeliveryMode, Job, JobDelivery, Payload, State, Status, WakeMode};
pub use outcome::Record;
pub(crate) use place::chat;
pub use place::last_route;
pub use schedule::{Schedule, instant};
pub use webhook::Webhook;

#[cfg(test)]
pub(crate) mod tests;
