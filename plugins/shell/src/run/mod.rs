//! Commands that run: how they are started, what they say, how they end.
mod confine;
mod container;
mod containers;
mod docker;
mod engine;
mod keeping;
mod looking;
mod output;
mod session;
mod sessions;
mod terminal;
mod text;
mod veil;

pub use confine::{TEMPORARY, confinement};
pub use container::{Container, Inside, container};
pub use containers::{Containers, InUse};
pub use keeping::Plan;
pub use looking::Looking;
pub use output::Output;
pub use session::{Ended, Session};
pub use sessions::{Owner, Sessions};
pub use text::plain;
