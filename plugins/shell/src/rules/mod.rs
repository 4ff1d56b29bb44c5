//! What may run, and where: decided from the configuration and the call, before anything is asked or started.
mod decide;
mod environment;
mod line;
mod programs;
mod resolve;
mod safe_bins;

pub use decide::{Place, Ruling, Wish, agent, decide};
pub use environment::{Environment, GIVEN, check};
pub use line::{Line, parse};
pub use programs::unlistable;
pub use resolve::{Program, Search};
pub use safe_bins::{DEFAULT as SAFE_BINS, is_safe};
