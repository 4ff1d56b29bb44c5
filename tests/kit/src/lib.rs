//! The conformance kit: proves that a plugin keeps the rules of the boundary, whatever it is asked.
//!
//! [`run`] starts one process for each test, so that a crash ends one test and is reported with what the plugin was
//! doing; that process comes back to [`run_one`]. The kit knows no loader: whoever runs it brings a [`Lab`]. It judges
//! behaviour at the ABI only, never what an answer says. Nothing here waits for ever, and everything that a plugin can
//! make grow (streams, logs, store, events) is bounded on the kit's side.
//!
//! [`conformance`] is another suite: what every channel owes to its platform and its people, with the real gateway.
//!
//! A test is one function and one row in a file of `tests/`. Randomness comes from one seed, which the report names:
//! the same seed asks the same questions again.
mod bench;
pub mod conformance;
mod fake;
mod generate;
mod journal;
mod lab;
mod outcome;
mod plausible;
mod process;
mod report;
mod rng;
mod run;
mod sandbox;
mod subject;
mod tests;

pub use lab::Lab;
pub use outcome::{Category, Outcome, Status};
pub use report::{Report, Summary};
pub use run::{Case, run_one};
pub use sandbox::{DEFAULT_TIMEOUT, Options, RunError, run};
pub use tests::{Test, tests};
