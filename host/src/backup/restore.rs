//! The way back. The caller holds the gateway's lock from before the first step to after the last.
//!
//! Everything happens inside of the state directory, so that it works where that is a volume of its own, which can't be
//! renamed. The order: unpack into [`WORK`] and check → write the plan to the disk, which is the decision → move what is
//! there aside → note that → move what was unpacked into its place → tidy up. Up to the plan a crash leaves the old state;
//! from there on [`finish`], which the gateway calls before it reads anything, brings the new one about, however often it
//! is broken off.
use super::{
    BEFORE, BackupError, CONFIG, Kind, STATE, WORK, failed,
    links::{self, IsMounted},
    plan::{Plan, free_name, plan},
    read::{Take, Verified, unpack},
};
use crate::config::{Paths, write_atomic};
use std::{
    collections::BTreeSet,
    fs::{self, DirBuilder, File},
    io::ErrorKind,
    os::unix::fs::{DirBuilderExt, MetadataExt},
    path::{Path, PathBuf},
};

/// The decision.
const PLAN: &str = "plan.json";
/// What was there is aside.
const ASIDE: &str = "aside";

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// The archive.
    pub verified: Verified,
    /// Where the state before is now.
    pub before: Option<PathBuf>,
    /// Where workspaces from outside of the state directory went.
    pub workspaces: Vec<(String, PathBuf)>,
    /// Links in the state directory that are links still.
    pub linked: Vec<PathBuf>,
}

/// Was a restore decided and not brought to its end?
pub fn is_broken_off(paths: &Paths) -> bool {
    paths.state_dir.join(WORK).join(PLAN).is_file()
}

/// Puts an archive in the place of the state. `known` are the agents and workspaces of the configuration that is here now: an
/// archive puts nothing anywhere else outside of the state directory. Under the gateway's lock.
pub fn restore(
    paths: &Paths,
    archive: &Path,
    known: &[(String, PathBuf)],
    now_ms: i64,
) -> Result<Restored, BackupError> {
    restore_with(paths, archive, known, now_ms, &links::is_mounted)
}

/// The same by what is said to be mounted.
pub(super) fn restore_with(
    paths: &Paths,
    archive: &Path,
    known: &[(String, PathBuf)],
    now_ms: i64,
    is_mounted: IsMounted<'_>,
) -> Result<Restored, BackupError> {
    let state = &paths.state_dir;
    // what was decided before is done before
    finish(paths)?;
    let work = state.join(WORK);
    remove(&work)?;
    folder(&work)?;
    let verified = unpack(archive, &Take::All(&work))
        .and_then(|verified| plan(paths, verified, known, now_ms, is_mounted));
    let (verified, plan) = match verified {
        Ok(found) => found,
        Err(error) => {
            // the old state is as it was; what was unpacked of the new one is worth nothing
            let _ = remove(&work);
            return Err(error);
        }
    };
    if let Err(error) = check_mounts(state, &plan.stay, is_mounted) {
        let _ = remove(&work);
        return Err(error);
    }
    let restored = Restored {
        before: (plan.kind == Kind::Full).then(|| state.join(&plan.before)),
        workspaces: plan
            .workspaces
            .iter()
            .map(|(agent, _, to)| (agent.clone(), to.clone()))
            .collect(),
        linked: plan
            .links
            .iter()
            .filter(|link| link.is_link())
            .map(|link| state.join(&link.at))
            .collect(),
        verified,
    };
    // all that was unpacked is on the disk before the decision is
    let opened = File::open(&work).map_err(failed("open", &work))?;
    rustix::fs::syncfs(&opened).map_err(|e| failed("sync", &work)(e.into()))?;
    let text = serde_json::to_vec(&plan).map_err(|e| failed("write", work.join(PLAN))(e.into()))?;
    write(&work.join(PLAN), &text)?;
    finish(paths)?;
    Ok(restored)
}

/// Carries out what was decided, if something was. It may be called again after any crash. Under the gateway's lock.
pub fn finish(paths: &Paths) -> Result<(), BackupError> {
    let (state, work) = (&paths.state_dir, paths.state_dir.join(WORK));
    if !is_broken_off(paths) {
        return Ok(());
    }
    let file = work.join(PLAN);
    let text = fs::read(&file).map_err(failed("read", &file))?;
    let plan: Plan = serde_json::from_slice(&text).map_err(|e| failed("read", &file)(e.into()))?;
    if plan.kind == Kind::Full {
        move_aside(state, &plan)?;
        move_in(state, &work.join(STATE), &state.join(&plan.before))?;
        for link in &plan.links {
            link.make(state)?;
        }
    }
    for (_, from, to) in &plan.workspaces {
        copy(&work.join(from), to)?;
    }
    if let Some(folder) = &plan.config_folder {
        put_config(&work.join(CONFIG), folder, plan.config_name.as_ref())?;
    }
    fs::remove_file(&file).map_err(failed("remove", &file))?;
    sync(&work)?;
    remove(&work)
}

/// Moves what is there aside. Nothing of the new state is in its place before that is noted.
fn move_aside(state: &Path, plan: &Plan) -> Result<(), BackupError> {
    let noted = state.join(WORK).join(ASIDE);
    if noted.exists() {
        return Ok(());
    }
    let before = state.join(&plan.before);
    folder(&before)?;
    for path in children(state)? {
        let name = path
            .file_name()
            .expect("an entry of a folder has a name")
            .to_owned();
        let text = name.to_string_lossy();
        if plan.stay.contains(&*text) || text.starts_with(BEFORE) {
            continue;
        }
        relocate(&path, &before.join(&name))?;
    }
    for link in &plan.links {
        link.keep(&state.join(WORK), &before)?;
    }
    sync(&before)?;
    sync(state)?;
    write(&noted, b"")
}

fn move_in(state: &Path, new: &Path, before: &Path) -> Result<(), BackupError> {
    if !new.is_dir() {
        return Ok(());
    }
    for path in children(new)? {
        let name = path.file_name().expect("an entry of a folder has a name");
        let target = state.join(name);
        if target.symlink_metadata().is_ok() {
            // some command made it anew since what was there was moved aside
            let late = free_name(before, &format!("{}.late", name.to_string_lossy()));
            relocate(&target, &before.join(late))?;
        }
        relocate(&path, &target)?;
    }
    sync(state)
}

fn put_config(from: &Path, to: &Path, name: Option<&(String, String)>) -> Result<(), BackupError> {
    let mut open = vec![from.to_owned()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(children(&path)?);
            continue;
        }
        let inner = path.strip_prefix(from).expect("it lies below");
        let inner = match name {
            Some((there, here)) if inner == Path::new(there) => Path::new(here),
            _ => inner,
        };
        let target = to.join(inner);
        folder(target.parent().unwrap_or(to))?;
        if links::is_same(&path, &target) {
            continue;
        }
        let content = fs::read(&path).map_err(failed("read", &path))?;
        write_atomic(&target, &content).map_err(failed("write", &target))?;
    }
    Ok(())
}

/// Moves something within the state directory. Where folders can't be renamed, as in a layered file system, it is copied
/// and then removed; an earlier try that was broken off is gone on with.
pub(super) fn relocate(from: &Path, to: &Path) -> Result<(), BackupError> {
    match fs::rename(from, to) {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::CrossesDevices | ErrorKind::DirectoryNotEmpty
            ) =>
        {
            copy(from, to)?;
            let removed = match from.is_dir() && !from.is_symlink() {
                true => fs::remove_dir_all(from),
                false => fs::remove_file(from),
            };
            removed.map_err(failed("remove", from))
        }
        moved => moved.map_err(failed("move", from)),
    }
}

/// Copies a file or a folder, over what is there.
pub(super) fn copy(from: &Path, to: &Path) -> Result<(), BackupError> {
    let Ok(metadata) = fs::symlink_metadata(from) else {
        return Ok(());
    };
    if metadata.is_dir() {
        folder(to)?;
        for path in children(from)? {
            copy(
                &path,
                &to.join(path.file_name().expect("an entry of a folder has a name")),
            )?;
        }
        return sync(to);
    }
    if metadata.is_symlink() {
        let target = fs::read_link(from).map_err(failed("read", from))?;
        let linked = std::os::unix::fs::symlink(target, to);
        return match linked {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => Err(failed("make", to)(error)),
            _ => Ok(()),
        };
    }
    if metadata.is_file() {
        fs::copy(from, to).map_err(failed("write", to))?;
        let synced = File::open(to).and_then(|file| file.sync_all());
        synced.map_err(failed("sync", to))?;
    }
    Ok(())
}

/// What is mounted by itself can't be moved. That is known before anything is decided.
pub(super) fn check_mounts(
    state: &Path,
    stay: &BTreeSet<String>,
    is_mounted: IsMounted<'_>,
) -> Result<(), BackupError> {
    let device = |path: &Path| fs::symlink_metadata(path).map(|metadata| metadata.dev()).ok();
    // the directory itself may be a link
    let here = fs::metadata(state).map(|metadata| metadata.dev()).ok();
    let fixed = children(state)?.into_iter().find(|path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let stays = stay.contains(&*name) || name.starts_with(BEFORE);
        // where the system does not tell of mounts, another disk is one
        let is_disk = || path.is_dir() && device(path) != here;
        !stays && (is_mounted(path) || is_disk())
    });
    match fixed {
        Some(path) => Err(BackupError::Mounted(path)),
        None => Ok(()),
    }
}

fn children(folder: &Path) -> Result<Vec<PathBuf>, BackupError> {
    let entries = fs::read_dir(folder).map_err(failed("read", folder))?;
    let paths: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    paths.map_err(failed("read", folder))
}

pub(super) fn folder(path: &Path) -> Result<(), BackupError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(path);
    made.map_err(failed("make", path))
}

fn remove(path: &Path) -> Result<(), BackupError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => Err(failed("remove", path)(error)),
        _ => Ok(()),
    }
}

fn write(path: &Path, content: &[u8]) -> Result<(), BackupError> {
    crate::config::write_alone(path, content).map_err(failed("write", path))?;
    sync(path.parent().unwrap_or(Path::new("/")))
}

pub(super) fn sync(folder: &Path) -> Result<(), BackupError> {
    let synced = File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(failed("sync", folder))
}
