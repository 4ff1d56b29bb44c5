//! The two tools as models see them.
mod approve;
mod exec;
mod keys;
mod plan;
mod process;
mod text;

pub use exec::Exec;
pub use process::Process;
