//! What a restore would refuse here, told before anything is unpacked or changed.
use super::{
    BackupError, CONFIG, Kind, Manifest, STATE,
    links::{self, IsMounted, met},
    pack::hash,
    plan::staying,
    read::{LEFT_FREE, Verified, free, verify},
    restore::check_mounts,
};
use crate::config::Paths;
use std::path::{Path, PathBuf};

/// Reads an archive like [`verify`], and says what else a restore would refuse: it changes nothing.
pub fn rehearse(paths: &Paths, archive: &Path) -> Result<Verified, BackupError> {
    rehearse_with(paths, archive, &links::is_mounted)
}

/// The same by what is said to be mounted.
pub(super) fn rehearse_with(
    paths: &Paths,
    archive: &Path,
    is_mounted: IsMounted<'_>,
) -> Result<Verified, BackupError> {
    let verified = verify(archive)?;
    let (manifest, state) = (&verified.manifest, &paths.state_dir);
    room(state, verified.bytes)?;
    let (mut stay, config) = (staying(manifest), &paths.config_file);
    if let Some(sha256) = new_config(paths, manifest, is_mounted) {
        let is_new = |file: &Path| hash(file).is_ok_and(|found| found == sha256);
        links::check_config(config, &is_new, is_mounted)?;
    }
    if manifest.kind == Kind::Full && state.is_dir() {
        // where the configuration is mounted it is written, and not moved
        if let Some(at) = met(state, config).filter(|_| config.is_file()) {
            stay.insert(at.to_string_lossy().into_owned());
        }
        check_mounts(state, &stay, is_mounted)?;
    }
    Ok(verified)
}

/// What is unpacked lies in the state directory, which may have to be made.
fn room(state: &Path, needed: u64) -> Result<(), BackupError> {
    let mut above = state.ancestors();
    let path = above.find(|path| path.exists()).unwrap_or(state);
    let free = free(path).saturating_sub(LEFT_FREE);
    match free < needed {
        true => Err(BackupError::NoRoom {
            path: path.to_owned(),
            free,
            needed,
        }),
        false => Ok(()),
    }
}

/// The hash of what would be written to the place of the configuration; none if it would not be written, but moved.
fn new_config(paths: &Paths, manifest: &Manifest, is_mounted: IsMounted<'_>) -> Option<String> {
    let config = &paths.config_file;
    let own = |file: &Path| file.file_name().map(PathBuf::from);
    let listed = |path: &Path| {
        let mut entries = manifest.entries.iter();
        entries.find(|entry| Path::new(&entry.path) == path)
    };
    let there = manifest
        .config_file
        .as_deref()
        .and_then(own)
        .or_else(|| own(config));
    let apart = there.and_then(|name| listed(&Path::new(CONFIG).join(name)));
    let stays = config.is_symlink() || is_mounted(config);
    let inside = || {
        let at = met(&paths.state_dir, config).filter(|_| stays)?;
        listed(&Path::new(STATE).join(at))
    };
    apart.or_else(inside).map(|entry| entry.sha256.clone())
}
