//! The command line: one file for each command, no logic that the gateway needs.
mod failure;
mod output;
pub mod plugins;

pub use failure::Failure;
