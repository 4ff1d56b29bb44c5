//! A zoo of plugins with one fault each, and what a host must make of every one of them.
//!
//! The specimens are the files under `examples/`, one `cdylib` each; [`expectations`] is the table that a test goes
//! through, and [`broken_files`] makes the faulty files that no compiler produces. This crate holds what the specimens
//! share, so that each shows its fault and little else. Nothing here is part of the program. It is the one package
//! outside the ABI where `unsafe` is allowed: breaking promises is its purpose.
mod exhibit;
mod expect;
mod files;
mod raw;

pub use exhibit::{Exhibit, Named, block_on};
pub use expect::{Expect, Expectation, Stage, Trigger, expectations};
pub use files::{broken_files, library_file, library_with_panic_abort};
pub use raw::{Dispatch, array, create, fault, fine, ready, table};

/// What a specimen needs.
pub mod prelude {
    pub use crate::{block_on, exhibit, raw_manifest, raw_root};
    pub use openclaw_plugin_api::prelude::*;
}

#[doc(hidden)]
pub mod __private {
    pub use openclaw_plugin_api::__private::*;
}
