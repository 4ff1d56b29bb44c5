//! The last configuration that the gateway ran with, kept in the state directory for the day when the file is broken.
//!
//! Nothing is ever started from it: a person decides to go back.
use super::{Paths, Sources, write::write_alone};
use std::{fs, io, path::PathBuf};

/// The file in the state directory.
const NAME: &str = "openclaw.json.last-good";

/// Where the copy is.
pub fn last_good(paths: &Paths) -> PathBuf {
    paths.state_dir.join(NAME)
}

/// Keeps the main file of a configuration that the gateway runs with. Only its owner can read the copy.
pub fn keep_last_good(paths: &Paths, sources: &Sources) -> io::Result<()> {
    let (path, text) = (last_good(paths), sources.main().text());
    if fs::read(&path).is_ok_and(|kept| kept == text.as_bytes()) {
        return Ok(());
    }
    write_alone(&path, text.as_bytes())
}
