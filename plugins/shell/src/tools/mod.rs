//! The two tools as models see them.
mod approve;
mod call;
mod exec;
mod keys;
mod later;
mod node;
mod plan;
mod process;

pub use exec::Exec;
pub use process::Process;
