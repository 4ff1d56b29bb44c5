//! What must go on working: plugins built against older, newer and changed versions of `openclaw-plugin-api`
//! ([`variants`]), and libraries of releases as they were shipped ([`fixtures`]).
//!
//! A variant is a copy of today's API with a textual change, so the matrix needs no old sources and no network. Nothing
//! is loaded here: this crate makes and finds files, and says what a host must make of them.
mod edits;
mod fixtures;
mod variant;

pub use fixtures::{Fixture, FixtureError, fixtures, freeze};
pub use variant::{BuildError, Expected, Variant, variants};

use std::{
    env,
    path::{Path, PathBuf},
};

/// The workspace's folder.
fn workspace() -> &'static Path {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    here.ancestors()
        .nth(2)
        .expect("this crate is two folders below the workspace")
}

/// Where copies and their builds go: below the target folder, which nobody commits.
fn scratch() -> PathBuf {
    let target = env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from);
    target.join("compat")
}
