//! What is to be run, as it stands on a keeper's command line.
use crate::Confinement;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A command. Its environment and its streams are those of the keeper.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Command {
    /// The program's file.
    pub program: PathBuf,
    /// What the file has to be. None: whatever is there.
    pub identity: Option<Identity>,
    /// The name that the program is told it has.
    pub name: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// The folder that it starts in.
    pub folder: PathBuf,
    /// The terminal that it talks to, in place of streams.
    pub terminal: Option<PathBuf>,
    /// What it may do. None: what the keeper may.
    pub confinement: Option<Confinement>,
    /// How much there may be of it.
    pub limits: Limits,
}

/// A file, whatever it is called.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Identity {
    /// The device.
    pub device: u64,
    /// The file on it.
    pub inode: u64,
    /// When it was changed last, seconds and nanoseconds: numbers of files are used again.
    pub changed: (i64, i64),
}

/// How much there may be of a command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Limits {
    /// Processes at once, itself among them. 0: no limit.
    pub processes: u32,
    /// Largest file that it writes, bytes. 0: no limit.
    pub file_size: u64,
}
