//! A plugin in a process of its own: the same file, the same `call`, as frames over a socket pair.
//!
//! The gateway [`spawn`]s a child and holds an [`Isolated`]; the child's `main` hands its end of the socket to
//! [`run`], which confines the process before it opens the library. Between them are two symmetric [`Peer`]s that
//! know frames, streams and limits, and neither a capability nor a method. When to restart is the owner's business.
mod budget;
mod child;
mod decode;
mod error;
mod exit;
mod frame;
mod open;
mod output;
mod parent;
mod peer;
mod process;
mod serving;
mod stream;
#[cfg(test)]
mod tests;
mod writer;

pub use child::{ChildError, run, take_socket};
pub use exit::Exit;
pub use open::Side;
pub use openclaw_confine::{Confinement, Enforced, Landlock, Network};
pub use parent::{Creation, Isolated, Usage, spawn};
pub use peer::{Failure, Peer, PeerError, Serve};
pub use process::Program;

/// Methods that the child itself serves; plugins never see them.
mod control {
    /// Opens the library and makes the instance: [`super::child::CreateRecord`] → registrations.
    pub(super) const CREATE: &str = "isolate/1/create";
    /// Drops the instance and ends the process.
    pub(super) const SHUTDOWN: &str = "isolate/1/shutdown";
}
