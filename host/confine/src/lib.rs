//! Processes that may do no more than they are told, and that leave nothing behind when they end.
//!
//! [`apply`] confines the process that calls it: plugins in processes of their own, and commands that agents run.
//! [`launch`] starts such commands from a program that has threads: through two short processes of the same program, so
//! that nothing here has to run between `fork` and `exec`.
//! [`programs`] says which programs run others. It knows no plugin and decides nothing about what is allowed.
mod confinement;
pub mod launch;
pub mod programs;
mod syscalls;
pub mod tree;

pub use confinement::{ConfineError, Confinement, Enforced, Landlock, Network, apply};
