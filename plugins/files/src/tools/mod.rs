//! The four tools as models see them.
mod change;
mod read;

pub use change::{ApplyPatch, Edit, Write, text_of};
pub use read::Read;
