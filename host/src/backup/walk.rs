//! Which files belong to a gateway: all of its state but what is made anew by itself, its configuration, its workspaces.
use super::{
    BEFORE, BackupError, DATABASE, LOCK, LOGS, SIDECARS, WORK, failed, is_gone, manifest::MAX_DEPTH,
};
use crate::plugins::stage;
use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
};

/// Names in the state directory that are not worth a copy: logs, and what is made anew.
const MADE_ANEW: [&str; 5] = [LOGS, "tmp", "cache", "sandboxes", "dashboard.html"];
/// Most files of one archive.
pub(super) const MAX_FILES: usize = 1_000_000;

/// A file to be copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Found {
    /// Where it is.
    pub(super) path: PathBuf,
    /// Where it goes in the archive.
    pub(super) name: String,
    /// Its owner may run it.
    pub(super) executable: bool,
    /// Bytes.
    pub(super) size: u64,
    /// It may be a link, which is followed.
    pub(super) followed: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Tree {
    /// Files in the order of their names.
    pub(super) files: Vec<Found>,
    /// Names in the state directory that were left out.
    pub(super) left_out: BTreeSet<String>,
    /// What can't be in an archive: links, sockets, names that are no text.
    pub(super) skipped: Vec<PathBuf>,
    /// Places where a link is followed; everywhere else it is skipped.
    pub(super) followed: Vec<PathBuf>,
}

impl Tree {
    /// Adds the state directory, without these folders in it.
    pub(super) fn state(&mut self, state: &Path, without: &[PathBuf]) -> Result<(), BackupError> {
        for path in children(state)? {
            let Some(name) = plain_name(&path) else {
                self.skipped.push(path);
                continue;
            };
            let special = [LOCK, DATABASE, WORK].contains(&name) || SIDECARS.contains(&name);
            if special || name.starts_with(BEFORE) {
                continue;
            }
            let damaged = name.starts_with("state.db.damaged-");
            if MADE_ANEW.contains(&name) || damaged || without.contains(&path) {
                self.left_out.insert(name.to_owned());
                continue;
            }
            if path.is_symlink() && !self.followed.contains(&path) {
                // a restore leaves it where it is: what it leads to is in no archive
                self.left_out.insert(name.to_owned());
            }
            let skip = [state.join(stage::FOLDER)];
            self.add(
                &path,
                &format!("{}/{name}", super::STATE),
                &[without, &skip].concat(),
                0,
            )?;
        }
        Ok(())
    }

    /// Adds a file, or a folder with all that is in it, under a name.
    pub(super) fn add(
        &mut self,
        path: &Path,
        name: &str,
        without: &[PathBuf],
        depth: usize,
    ) -> Result<(), BackupError> {
        if without.iter().any(|other| other == path) {
            return Ok(());
        }
        let followed = self.followed.iter().any(|other| other == path);
        let looked = match followed {
            true => fs::metadata(path),
            false => fs::symlink_metadata(path),
        };
        let metadata = match looked {
            Ok(metadata) => metadata,
            // it went meanwhile
            Err(error) if is_gone(&error) => return Ok(()),
            Err(error) => return Err(failed("look at", path)(error)),
        };
        let deep = depth >= MAX_DEPTH - 4;
        if metadata.is_dir() && !deep {
            for child in children(path)? {
                match plain_name(&child) {
                    Some(own) => self.add(&child, &format!("{name}/{own}"), without, depth + 1)?,
                    None => self.skipped.push(child),
                }
            }
        } else if metadata.is_file() && self.files.len() < MAX_FILES {
            self.files.push(Found {
                path: path.to_owned(),
                name: name.to_owned(),
                executable: metadata.permissions().mode() & 0o100 != 0,
                size: metadata.len(),
                followed,
            });
        } else {
            self.skipped.push(path.to_owned());
        }
        Ok(())
    }

    /// How much there is, bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.files.iter().map(|file| file.size).sum()
    }
}

/// The name of something, if an archive may have it.
fn plain_name(path: &Path) -> Option<&str> {
    let name = path.file_name()?.to_str()?;
    (!name.chars().any(char::is_control)).then_some(name)
}

fn children(folder: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if is_gone(&error) => return Ok(Vec::new()),
        Err(error) => return Err(failed("read", folder)(error)),
    };
    let paths: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths.map_err(failed("read", folder))?;
    paths.sort();
    Ok(paths)
}
