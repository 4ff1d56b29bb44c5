//! Patches of several files: read, then fitted to the files, then written.
//!
//! Nothing is written before all of it fits.
mod apply;
mod hunk;
mod parse;

pub use apply::apply;
pub use parse::parse;

/// What a patch does with one file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// Makes it.
    Add {
        /// Where.
        path: String,
        /// The whole content.
        text: String,
    },
    /// Takes it away.
    Delete {
        /// Where.
        path: String,
    },
    /// Changes it.
    Update {
        /// Where.
        path: String,
        /// Its new name, if it gets one.
        moved: Option<String>,
        /// The changes, from top to bottom.
        hunks: Vec<Hunk>,
    },
}

/// One change of a file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hunk {
    /// A line above the change, to find it by; empty for none.
    pub anchor: String,
    /// Lines that are there.
    pub old: Vec<String>,
    /// Lines that are to be there.
    pub new: Vec<String>,
    /// The change is at the end of the file.
    pub at_end: bool,
}
