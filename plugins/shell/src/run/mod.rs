//! Commands that run: how they are started, what they say, how they end.
mod confine;
mod container;
mod keeping;
mod looking;
mod output;
mod session;
mod sessions;
mod terminal;
mod text;

pub use confine::{TEMPORARY, confinement};
pub use container::{Inside, container};
pub use keeping::Plan;
pub use looking::Looking;
pub use output::Output;
pub use session::{Ended, Session};
pub use sessions::{Owner, Sessions};
