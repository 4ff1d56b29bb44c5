//! Reads the repository's files and finds what must not be in them. `tests/tree.rs` runs each rule on the real tree.
//!
//! It looks at text, not at syntax trees: a rule that a person can repeat with grep is one that a person believes.
//! Where a rule is about code, comments and literals are blanked first ([`code`]), so that talk about a thing is not
//! the thing.

mod code;
mod find;
pub mod rules;
mod tree;

pub use code::code;
pub use find::{Finding, absolute_path, any_case, report, word};
pub use tree::{File, Tree};
