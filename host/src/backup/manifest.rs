//! What an archive says of itself: which files it has, with sizes and hashes, and where they came from.
//!
//! Paths are judged here and nowhere else: a path of an archive that leads out of its folder can't become an [`Entry`].
use super::{BEFORE, CONFIG, LOCK, LOGS, SIDECARS, STATE, WORK, WORKSPACE};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeSet,
    path::{Component, Path, PathBuf},
};

/// The form of the manifest.
pub(super) const SCHEMA: u32 = 1;
/// Longest path of a file, bytes.
pub(super) const MAX_PATH: usize = 4096;
/// Longest name in a path, bytes.
const MAX_NAME: usize = 255;
/// Deepest folder.
pub(super) const MAX_DEPTH: usize = 64;

/// What was copied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Everything.
    Full,
    /// The configuration alone.
    Config,
}

/// The manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// The form of this.
    pub schema_version: u32,
    /// When it was made, milliseconds since 1970.
    pub created_ms: i64,
    /// The same for people.
    pub created_at: String,
    /// Release of the program that made it.
    pub runtime_version: String,
    /// What was copied.
    pub kind: Kind,
    /// The state directory that it is of.
    pub state_dir: PathBuf,
    /// The configuration that it is of, if it lies elsewhere or was copied alone.
    pub config_file: Option<PathBuf>,
    /// Names in the state directory that were left out; a restore leaves them as they are.
    pub left_out: BTreeSet<String>,
    /// What could not be copied: links that are nobody's to follow, sockets, names that are no text.
    #[serde(default)]
    pub skipped: Vec<String>,
    /// Workspaces that lie elsewhere.
    pub outside: Vec<Outside>,
    /// The files.
    pub entries: Vec<Entry>,
}

/// A workspace that lies outside of the state directory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outside {
    /// Its agent.
    pub agent: String,
    /// Where it lay.
    pub path: PathBuf,
    /// Its folder in the archive: `workspace/<root>`.
    pub root: usize,
}

/// One file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Where it is in the archive.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// SHA-256, hex.
    pub sha256: String,
    /// It is a program or a library that its owner may run.
    #[serde(default)]
    pub executable: bool,
}

/// The path of an archive's entry, if it is one that may be unpacked. The error says why it is not.
pub(super) fn admit(path: &str) -> Result<&Path, &'static str> {
    if path.len() > MAX_PATH || path.chars().any(char::is_control) {
        return Err("its name is too long, or has characters that no name has");
    }
    let plain = Path::new(path);
    let mut parts = Vec::new();
    for part in plain.components() {
        let Component::Normal(name) = part else {
            return Err("its name leads out of the archive");
        };
        let name = name.to_str().expect("part of a text");
        if name.len() > MAX_NAME {
            return Err("a part of its name is too long");
        }
        parts.push(name);
    }
    // `a//b`, `a/./b` and `a/` are other ways to write what stands there once already
    if parts.join("/") != path || parts.len() > MAX_DEPTH {
        return Err("its name is not written plainly, or is too deep");
    }
    let fits = match parts.as_slice() {
        [STATE, first, ..] => {
            let ours =
                [WORK, LOCK, LOGS].contains(first) || SIDECARS.contains(first) || first.starts_with(BEFORE);
            !ours
        }
        [CONFIG, _, ..] => true,
        [WORKSPACE, root, _, ..] => root
            .parse::<u16>()
            .is_ok_and(|number| number.to_string() == *root),
        _ => false,
    };
    match fits {
        true => Ok(plain),
        false => Err("no backup has such a file"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_paths_in_known_folders_are_admitted() {
        for good in [
            "state/openclaw.json",
            "state/media/a b",
            "config/x/y.json5",
            "workspace/0/MEMORY.md",
        ] {
            assert!(admit(good).is_ok(), "{good}");
        }
        for bad in [
            "",
            "/etc/passwd",
            "state",
            "state/",
            "state/../x",
            "../state/x",
            "state//x",
            "state/./x",
            "./state/x",
            "other/x",
            "workspace/MEMORY.md",
            "workspace/../x",
            "workspace/00/x",
            "workspace/-1/x",
            "config",
            "state/gateway.lock",
            "state/logs/x",
            "state/.restore/plan.json",
            "state/before-restore-1/x",
            "state/state.db-wal",
            "state/a\nb",
            "state/a\0b",
            "manifest.json",
        ] {
            assert!(admit(bad).is_err(), "{bad:?}");
        }
        assert!(admit(&format!("state/{}", "x".repeat(300))).is_err());
        assert!(admit(&format!("state/{}x", "d/".repeat(100))).is_err());
    }
}
