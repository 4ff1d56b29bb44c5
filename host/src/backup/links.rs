//! Links in the places that the product names: the configuration file and agents' workspaces.
//!
//! An operator who keeps these elsewhere put the link there. So a copy has what it leads to, and a restore leaves it a link:
//! the configuration is written through it, and what a workspace holds is nobody's to replace. Any other link is part of
//! somebody's files and is never followed.
use super::{
    BackupError, CONFIG, Outside, Request, STATE, failed,
    plan::is_free,
    restore::{copy, folder, relocate, sync},
};
use crate::config::Paths;
use rustix::fs::{Access, AtFlags, CWD, StatxAttributes, StatxFlags, access, statx};
use serde::{Deserialize, Serialize};
use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
};

/// Folder of a restore's work: what an archive has in the place of a link.
const BEHIND: &str = "behind";
/// Folder of a restore's work: what the configuration was that is written through a link.
const KEPT: &str = "kept";

/// The places that a request names.
#[derive(Debug, Default)]
pub(super) struct Named {
    /// Workspaces in the state directory.
    pub(super) inside: Vec<PathBuf>,
    /// Where a link is followed.
    pub(super) followed: Vec<PathBuf>,
    /// Workspaces that a walk through the state directory does not meet.
    pub(super) outside: Vec<Outside>,
    /// What can't be copied.
    pub(super) skipped: Vec<PathBuf>,
}

/// Where a workspace is, links resolved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Lies {
    /// In the state directory: a walk has it without following anything.
    Inside,
    /// Behind a link that a walk through the state directory meets.
    Behind,
    /// Somewhere else.
    Elsewhere,
    /// Nowhere, or it holds the state directory and would be copied into itself.
    Never,
}

// === impl Named ===

impl Named {
    pub(super) fn of(request: &Request<'_>) -> Self {
        let (paths, mut named) = (request.paths, Self::default());
        if paths.config_file.is_file() {
            named.followed.push(paths.config_file.clone());
        }
        if request.only_config {
            return named;
        }
        for agent in request.config.agents().agents.iter() {
            let path = agent.workspace(paths);
            if path.starts_with(&paths.state_dir) && path != paths.state_dir {
                named.inside.push(path.clone());
            }
            if request.workspaces {
                named.add(&paths.state_dir, agent.id.clone(), path);
            }
        }
        named
    }

    fn add(&mut self, state: &Path, agent: String, path: PathBuf) {
        if self.followed.contains(&path) {
            return;
        }
        match Lies::of(state, &path) {
            Lies::Inside => {}
            Lies::Behind => self.followed.push(path),
            Lies::Elsewhere => {
                self.followed.push(path.clone());
                let root = self.outside.len();
                self.outside.push(Outside { agent, path, root });
            }
            // one in the state directory is told of by the walk, and one that is not there yet is no loss
            Lies::Never if path.starts_with(state) || path.symlink_metadata().is_err() => {}
            Lies::Never => self.skipped.push(path),
        }
    }
}

// === impl Lies ===

impl Lies {
    fn of(state: &Path, path: &Path) -> Self {
        let home = state.canonicalize().unwrap_or_else(|_| state.to_owned());
        let Ok(real) = path.canonicalize() else {
            return Self::Never;
        };
        if real.starts_with(&home) {
            Self::Inside
        } else if !real.is_dir() || home.starts_with(&real) {
            Self::Never
        } else if met(state, path).is_some() {
            Self::Behind
        } else {
            Self::Elsewhere
        }
    }
}

/// The path below the state directory of what a walk through it meets: nothing on the way there is a link that leads out.
pub(super) fn met<'p>(state: &Path, path: &'p Path) -> Option<&'p Path> {
    let at = path.strip_prefix(state).ok()?;
    let parent = path.parent()?.canonicalize().ok()?;
    let inside = parent.starts_with(state.canonicalize().ok()?);
    (inside && at.file_name().is_some()).then_some(at)
}

/// A link in the state directory that a restore leaves one, or the configuration where it is mounted by itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Link {
    /// Where it is below the state directory.
    pub(super) at: PathBuf,
    /// What it says; None: it is a mounted file, which stays where it is.
    to: Option<PathBuf>,
}

// === impl Link ===

impl Link {
    /// The link at a named place, unless the archive in `work` has something there that can't be written through it.
    pub(super) fn of(state: &Path, work: &Path, path: &Path, is_file: bool) -> Option<Self> {
        let at = met(state, path)?;
        let to = Some(fs::read_link(path).ok()?);
        let at = at.to_owned();
        Self { at, to }.if_written(work, is_file)
    }

    /// The configuration, if it is mounted by itself at once in the state directory: it can't be moved, only written.
    pub(super) fn mounted(state: &Path, work: &Path, path: &Path, is_mounted: IsMounted<'_>) -> Option<Self> {
        let at = met(state, path).filter(|at| at.components().count() == 1)?;
        let (at, to) = (at.to_owned(), None);
        let stays = path.is_file() && is_mounted(path);
        stays.then_some(Self { at, to })?.if_written(work, true)
    }

    /// This, unless the archive has here what can't be written through it.
    fn if_written(self, work: &Path, is_file: bool) -> Option<Self> {
        let new = work.join(STATE);
        let other = new.join(&self.at).symlink_metadata();
        let differs = other.is_ok_and(|other| other.is_file() != is_file);
        let mut above = self.at.ancestors().skip(1);
        let blocked = above.any(|above| new.join(above).is_file());
        (!differs && !blocked).then_some(self)
    }

    /// Is it a link?
    pub(super) fn is_link(&self) -> bool {
        self.to.is_some()
    }

    /// Takes a workspace that the archive has here out of the state to come. Gives where it is now in `work`.
    pub(super) fn divert(&self, work: &Path) -> Result<Option<PathBuf>, BackupError> {
        let name = Path::new(BEHIND).join(&self.at);
        let moved = take(&work.join(STATE).join(&self.at), &work.join(&name))?;
        Ok(moved.then_some(name))
    }

    /// The same for the configuration, which is written like one that lies elsewhere. What it is now is kept as a file, for
    /// a link that was moved aside leads to the new one.
    pub(super) fn divert_config(&self, paths: &Paths, work: &Path) -> Result<(), BackupError> {
        if let Ok(real) = paths.config_file.canonicalize()
            && real.is_file()
        {
            let kept = work.join(KEPT).join(&self.at);
            folder(kept.parent().unwrap_or(work))?;
            copy(&real, &kept)?;
        }
        let name = self.at.file_name().unwrap_or_default();
        let (from, to) = (work.join(STATE).join(&self.at), work.join(CONFIG).join(name));
        if work.join(CONFIG).is_dir() {
            // its gateway had its configuration elsewhere, so this was a file that nobody read
            return take(&from, &work.join(BEHIND).join(&self.at)).map(drop);
        }
        take(&from, &to).map(drop)
    }

    /// Puts what was kept of the configuration to what was moved aside.
    pub(super) fn keep(&self, work: &Path, before: &Path) -> Result<(), BackupError> {
        let (kept, to) = (work.join(KEPT).join(&self.at), before.join(&self.at));
        if !kept.is_file() {
            return Ok(());
        }
        folder(to.parent().unwrap_or(before))?;
        relocate(&kept, &to)
    }

    /// Makes the link again, if nothing is in its place.
    pub(super) fn make(&self, state: &Path) -> Result<(), BackupError> {
        let path = state.join(&self.at);
        let Some(to) = self.to.as_ref().filter(|_| path.symlink_metadata().is_err()) else {
            return Ok(());
        };
        let parent = path.parent().unwrap_or(state);
        folder(parent)?;
        symlink(to, &path).map_err(failed("make", &path))?;
        sync(parent)
    }
}

fn take(from: &Path, to: &Path) -> Result<bool, BackupError> {
    if from.symlink_metadata().is_err() {
        return Ok(false);
    }
    folder(to.parent().unwrap_or(to))?;
    relocate(from, to)?;
    Ok(true)
}

/// Can the configuration be written? That is known before anything is decided. `is_new` says of a file whether it already is
/// what would be written.
pub(super) fn check_config(
    config: &Path,
    is_new: &dyn Fn(&Path) -> bool,
    is_mounted: IsMounted<'_>,
) -> Result<(), BackupError> {
    let Ok(link) = fs::read_link(config) else {
        let mut above = config.ancestors().skip(1);
        let folder = above.find(|folder| folder.exists()).unwrap_or(Path::new("/"));
        let is_fixed = is_mounted(config) && access(config, Access::WRITE_OK).is_err();
        return match receives_files(folder) && !is_fixed || is_new(config) {
            true => Ok(()),
            false => Err(BackupError::Unwritable(config.to_owned())),
        };
    };
    let fits = config.canonicalize().is_ok_and(|real| {
        let parent = real.parent().unwrap_or(Path::new("/"));
        real.is_file() && (receives_files(parent) || is_new(&real))
    });
    match fits {
        true => Ok(()),
        false => Err(BackupError::Linked {
            path: config.to_owned(),
            target: link,
        }),
    }
}

fn receives_files(folder: &Path) -> bool {
    access(folder, Access::WRITE_OK | Access::EXEC_OK).is_ok()
}

/// Says whether something is mounted at a path itself.
pub(super) type IsMounted<'m> = &'m dyn Fn(&Path) -> bool;

/// The system's own word. The device does not tell: what is mounted may be of the same one.
pub(super) fn is_mounted(path: &Path) -> bool {
    let flags = AtFlags::NO_AUTOMOUNT | AtFlags::SYMLINK_NOFOLLOW;
    let looked = statx(CWD, path, flags, StatxFlags::empty());
    looked.is_ok_and(|stat| stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT))
}

/// Do two files have the same content? What is the same already is not written.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    fs::read(one).is_ok_and(|one| fs::read(other).is_ok_and(|other| one == other))
}

/// May a restore fill a workspace at this path? What a link leads to in the state directory is moved aside with it.
pub(super) fn receives(state: &Path, path: &Path) -> bool {
    let stays = || matches!(Lies::of(state, path), Lies::Behind | Lies::Elsewhere);
    is_free(path) && (!path.is_symlink() || stays())
}
