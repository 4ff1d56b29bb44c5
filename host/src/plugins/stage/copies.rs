//! Copies of libraries, below the state directory. They outlive the gateway, so that a start writes only what has
//! changed; each start compares them byte by byte with the file that it was asked to open.
use super::{Staged, hash_into};
use std::{
    collections::BTreeMap,
    fs::{self, File, OpenOptions},
    io::{self, Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
    time::SystemTime,
};

/// Below the state directory.
pub const FOLDER: &str = "plugins/.staged";
/// How much of the hash is in a copy's name, digits.
const HASH_IN_NAME: usize = 16;

/// Forgets copies of earlier runs but the last one of each plugin that is wanted. Called before anything is opened. What
/// can't be removed lies there until the next start; nothing is opened that was not compared.
pub fn sweep(state: &Path, wanted: impl Fn(&str) -> bool) {
    let mut kept = BTreeMap::<String, (SystemTime, PathBuf)>::new();
    for entry in fs::read_dir(state.join(FOLDER)).into_iter().flatten().flatten() {
        let path = entry.path();
        let made = entry.metadata().and_then(|file| file.modified());
        let (Some(id), Ok(made)) = (plugin_of(&path).filter(|id| wanted(id)), made) else {
            let _ = fs::remove_file(&path);
            continue;
        };
        let id = id.to_owned();
        let older = match kept.get(&id) {
            Some((last, _)) if *last >= made => Some(path),
            _ => kept.insert(id, (made, path)).map(|(_, older)| older),
        };
        older.map(fs::remove_file);
    }
}

/// A copy of the library as it is now: one that is there already, or a new one.
pub fn take(id: &str, from: &Path, folder: &Path) -> io::Result<Staged> {
    fs::create_dir_all(folder)?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    for entry in fs::read_dir(folder)? {
        let copy = entry?.path();
        // what can't be read is no copy
        if plugin_of(&copy) == Some(id)
            && let Ok(Some(sha256)) = hash_if_same(from, &copy)
            && copy == folder.join(name(id, &sha256, from))
        {
            return Ok(Staged { path: copy, sha256 });
        }
    }
    let temporary = folder.join(format!(".{id}-{}.tmp", std::process::id()));
    let outcome = copy_to(id, from, folder, &temporary);
    if outcome.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    outcome
}

/// The hash of what was compared, read once: a file that changes meanwhile is another one than its copy.
fn hash_if_same(file: &Path, copy: &Path) -> io::Result<Option<String>> {
    let (mut file, mut copy) = (File::open(file)?, File::open(copy)?);
    if file.metadata()?.len() != copy.metadata()?.len() {
        return Ok(None);
    }
    let mut buffer = Vec::new();
    let compared = hash_into(&mut file, |bytes| {
        buffer.resize(bytes.len(), 0);
        copy.read_exact(&mut buffer)?;
        match buffer == bytes {
            true => Ok(()),
            false => Err(io::ErrorKind::InvalidData.into()),
        }
    });
    let ended = copy.read(&mut [0])? == 0;
    Ok(compared.ok().filter(|_| ended))
}

fn copy_to(id: &str, from: &Path, folder: &Path, temporary: &Path) -> io::Result<Staged> {
    let _ = fs::remove_file(temporary);
    let mut source = File::open(from)?;
    let mut target = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o500)
        .open(temporary)?;
    let sha256 = hash_into(&mut source, |bytes| target.write_all(bytes))?;
    let path = folder.join(name(id, &sha256, from));
    fs::rename(temporary, &path)?;
    Ok(Staged { path, sha256 })
}

fn name(id: &str, sha256: &str, from: &Path) -> String {
    let extension = from.extension().and_then(|e| e.to_str()).unwrap_or("so");
    format!("{id}-{}.{extension}", &sha256[..HASH_IN_NAME])
}

/// Whose copy that is; none if it is something else.
fn plugin_of(copy: &Path) -> Option<&str> {
    let (id, hash) = copy.file_stem()?.to_str()?.rsplit_once('-')?;
    let is_hash = hash.len() == HASH_IN_NAME && hash.bytes().all(|digit| digit.is_ascii_hexdigit());
    (is_hash && !id.is_empty() && !id.starts_with('.')).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixture {
        root: tempfile::TempDir,
        file: PathBuf,
    }

    fn fixture() -> Fixture {
        let root = tempfile::tempdir().expect("a folder");
        let file = root.path().join("x.so");
        Fixture { root, file }
    }

    impl Fixture {
        fn take(&self, id: &str, bytes: &[u8]) -> PathBuf {
            fs::write(&self.file, bytes).expect("a file");
            let staged = take(id, &self.file, &self.folder()).expect("a copy");
            assert_eq!(fs::read(&staged.path).expect("there"), bytes);
            staged.path
        }

        fn folder(&self) -> PathBuf {
            self.root.path().join(FOLDER)
        }

        fn names(&self) -> Vec<PathBuf> {
            let entries = fs::read_dir(self.folder()).expect("a folder");
            let mut paths: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
            paths.sort();
            paths
        }
    }

    fn inode(path: &Path) -> u64 {
        use std::os::unix::fs::MetadataExt;
        fs::metadata(path).expect("there").ino()
    }

    #[test]
    fn the_same_bytes_are_written_once() {
        let f = fixture();
        let first = f.take("x", b"one");
        let written = inode(&first);
        sweep(f.root.path(), |id| id == "x");
        assert_eq!(inode(&f.take("x", b"one")), written, "kept over a start");
        assert_ne!(f.take("x", b"two"), first);
        assert_eq!(
            inode(&f.take("x", b"one")),
            written,
            "kept while another one runs"
        );
        assert_ne!(f.take("x-y", b"one"), first, "each plugin has its own");
    }

    #[test]
    fn a_copy_that_somebody_changed_is_made_again() {
        let f = fixture();
        let copy = f.take("x", b"one");
        for changed in ["onE", "one and more"] {
            fs::remove_file(&copy).expect("removed");
            fs::write(&copy, changed).expect("changed");
            assert_eq!(f.take("x", b"one"), copy, "{changed}");
        }
        let wrong_name = f.folder().join("x-0123456789abcdef.so");
        fs::rename(&copy, &wrong_name).expect("renamed");
        assert_eq!(f.take("x", b"one"), copy);
    }

    #[test]
    fn a_sweep_keeps_the_last_copy_of_what_is_wanted() {
        let f = fixture();
        let made = |path: &Path, seconds| {
            let file = File::open(path).expect("there");
            let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
            file.set_modified(at).expect("dated");
        };
        let last = f.take("x", b"two");
        made(&last, 30);
        for (bytes, seconds) in [(b"one", 10), (b"six", 20)] {
            made(&f.take("x", bytes), seconds);
        }
        let other = f.take("x-y", b"one");
        f.take("gone", b"one");
        fs::write(f.folder().join(".x-17.tmp"), "cut off").expect("a file");
        sweep(f.root.path(), |id| id != "gone");
        assert_eq!(f.names(), [last, other]);
    }
}
