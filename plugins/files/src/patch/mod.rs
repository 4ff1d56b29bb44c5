//! Patches of several files: read, then fitted to the files, then written.
//!
//! Nothing is written before all of it fits.
mod apply;
mod hunk;
mod parse;

pub use apply::apply;
pub use parse::parse;
use std::iter;

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
    /// Its lines, from top to bottom.
    pub lines: Vec<(Sign, String)>,
    /// The change is at the end of the file.
    pub at_end: bool,
}

/// What becomes of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    /// It is there, and stays.
    Keep,
    /// It is there, and goes.
    Drop,
    /// It is new.
    Add,
}

// === impl Part ===

impl Part {
    /// The names in it.
    pub fn names_mut(&mut self) -> impl Iterator<Item = &mut String> {
        let (path, moved) = match self {
            Self::Add { path, .. } | Self::Delete { path } => (path, None),
            Self::Update { path, moved, .. } => (path, moved.as_mut()),
        };
        iter::once(path).chain(moved)
    }
}

// === impl Hunk ===

impl Hunk {
    /// Its lines that are there already.
    pub fn old(&self) -> Vec<&str> {
        let old = self.lines.iter().filter(|(sign, _)| *sign != Sign::Add);
        old.map(|(_, line)| line.as_str()).collect()
    }
}
