//! A copy of everything that a gateway keeps, in one file, and the way back.
//!
//! A copy is made beside a running gateway: the database by SQLite itself, as it is at one moment, and other files as they
//! are found. Each file stands in the manifest with its size and hash; the manifest is the archive's last entry, so one
//! that was cut off has none. The way back leaves either the old state or the new one: what is unpacked lies aside until
//! all of it was checked, one file is the decision, and whoever comes after a crash carries it out. Nothing is deleted.
mod create;
mod links;
mod manifest;
mod pack;
mod plan;
mod read;
mod rehearse;
mod restore;
mod walk;

pub use create::{Created, Request, create};
pub use manifest::{Entry, Kind, Manifest, Outside};
pub use read::{Verified, verify};
pub use rehearse::rehearse;
pub use restore::{Restored, finish, is_broken_off, restore};

use crate::journal::JournalError;
use std::{io, path::PathBuf};

/// Folder of the state directory in which a restore is prepared.
const WORK: &str = ".restore";
/// How folders begin in which the state before a restore is kept.
const BEFORE: &str = "before-restore-";
/// The gateway's lock: it stays where it is, whoever holds it.
const LOCK: &str = "gateway.lock";
/// Logs: they tell what really was, so they are neither copied nor replaced.
const LOGS: &str = "logs";
/// Folder of the files that came with messages; the database names them.
const MEDIA: &str = "media";
/// The database.
const DATABASE: &str = "state.db";
/// What belongs to the database and is never copied: a copy is whole without it.
const SIDECARS: [&str; 2] = ["state.db-wal", "state.db-shm"];
/// Folders of an archive.
const STATE: &str = "state";
const CONFIG: &str = "config";
const WORKSPACE: &str = "workspace";
/// The manifest's name in an archive.
const MANIFEST: &str = "manifest.json";

/// Why there is no backup, or no way back from one.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The system says no.
    #[error("can't {what} {}: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// With which file.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The database can't be copied, or the copy is none.
    #[error(transparent)]
    Database(#[from] JournalError),
    /// The copy of the database is damaged.
    #[error("the database in the archive is damaged: {0}; take another archive")]
    Damaged(String),
    /// The database in the archive is of a newer gateway.
    #[error(
        "the database in the archive has version {found}, this program knows {known}; restore it with the newer program"
    )]
    Newer {
        /// Its version.
        found: i64,
        /// The newest that is known.
        known: i64,
    },
    /// There is nothing to copy.
    #[error("there is nothing to back up: {} does not exist; check OPENCLAW_STATE_DIR", .0.display())]
    Nothing(PathBuf),
    /// Half of the state is of another one.
    #[error(
        "a restore was broken off, so the state is half an old and half a new one; finish it first: openclaw doctor --fix"
    )]
    Unfinished,
    /// Part of the state is a disk of its own, or a file or folder that a container was given.
    #[error(
        "{} is mounted by itself, so it can't be moved aside; unmount it, or start the container without it, and try again; \
         nothing was changed",
        .0.display()
    )]
    Mounted(PathBuf),
    /// The configuration can't be written.
    #[error(
        "{} can't be written: its folder, or what is mounted in its place, is read-only here; make it writable and try again; \
         nothing was changed",
        .0.display()
    )]
    Unwritable(PathBuf),
    /// The configuration can't be written through the link that it is.
    #[error(
        "{} is a link to {}, which is not there or whose folder can't be written; mend that, or remove the link to get a plain \
         file in its place, and try again; nothing was changed",
        path.display(),
        target.display()
    )]
    Linked {
        /// The link.
        path: PathBuf,
        /// What it says.
        target: PathBuf,
    },
    /// The archive would lie in what it is a copy of.
    #[error("{} is inside of what is backed up; choose another place with --output", .0.display())]
    Inside(PathBuf),
    /// It is there already.
    #[error("{} is there already and is not overwritten; choose another name with --output", .0.display())]
    Exists(PathBuf),
    /// The disk has no room.
    #[error("{} has room for {free} bytes, and {needed} are needed; make room or choose another disk", path.display())]
    NoRoom {
        /// Where.
        path: PathBuf,
        /// Free bytes.
        free: u64,
        /// Needed bytes.
        needed: u64,
    },
    /// The archive is not one that this program made, or not whole.
    #[error("{}: {why}; nothing was changed", path.display())]
    Archive {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

/// For `map_err`: what was tried with which file.
fn failed(what: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> BackupError {
    let path = path.into();
    move |source| BackupError::Io { what, path, source }
}

/// Did a file go, or the folder that it was in?
fn is_gone(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

#[cfg(test)]
mod tests;
