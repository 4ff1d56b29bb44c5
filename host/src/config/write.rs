//! Replaces a file in one step: a reader sees the old content or the new one, also after a crash.
//!
//! The new file is readable by its owner only. The old content is kept beside it as `<name>.bak`, and the
//! ones before as `<name>.bak.1` to `.bak.4`. If the path is a link, the file that it leads to is replaced and the link
//! stays. A file that is mounted by itself, as into a container, can't be replaced: it is written in place, once its old
//! content is kept, and its mode stays.

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use tempfile::NamedTempFile;

/// Copies of earlier contents that are kept.
const BACKUPS: usize = 5;
/// Links on the way to a file, as the system counts them.
const MAX_LINKS: usize = 40;

/// Replaces `path` by `content` and keeps the old content as `<path>.bak`.
pub fn write_atomic(path: &Path, content: &[u8]) -> io::Result<()> {
    let (target, old) = match fs::canonicalize(path) {
        Ok(target) => {
            let old = fs::read(&target)?;
            (target, Some(old))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => (end_of(path)?, None),
        Err(error) => return Err(error),
    };
    replace(&target, content, old.as_deref(), &stage)
}

/// Where a file is to be that is not there yet: at the end of the links that lead to it.
fn end_of(path: &Path) -> io::Result<PathBuf> {
    let mut path = path.to_owned();
    for _ in 0..MAX_LINKS {
        match fs::read_link(&path) {
            // an absolute one replaces the folder
            Ok(to) => path = folder_of(&path).join(to),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(path),
            Err(error) => return Err(error),
        }
    }
    Err(io::Error::other(format!(
        "{} is a link that leads in a circle",
        path.display()
    )))
}

/// Replaces `path` by `content` and keeps nothing of the old content.
pub fn write_alone(path: &Path, content: &[u8]) -> io::Result<()> {
    place(stage(path, content)?, path, content)
}

/// Makes a file that has this content and is to get this path.
type Stage<'s> = &'s dyn Fn(&Path, &[u8]) -> io::Result<NamedTempFile>;

/// Both files are on the disk before anything gets another name: a disk that is full costs no earlier content.
fn replace(target: &Path, content: &[u8], old: Option<&[u8]>, stage: Stage<'_>) -> io::Result<()> {
    let new = stage(target, content)?;
    if let Some(old) = old {
        let kept = stage(target, old)?;
        rotate(target)?;
        place(kept, &backup_of(target, 0), old)?;
    }
    place(new, target, content)?;
    File::open(folder_of(target))?.sync_all()
}

/// The copy of the content of `path` that was replaced `age` times before the last.
fn backup_of(path: &Path, age: usize) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".bak");
    if age > 0 {
        name.push(format!(".{age}"));
    }
    name.into()
}

/// Makes room for a new copy; the oldest one goes.
fn rotate(path: &Path) -> io::Result<()> {
    for age in (1..BACKUPS).rev() {
        match fs::rename(backup_of(path, age - 1), backup_of(path, age)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(())
}

/// Writes a file aside, of the same owner as the one at `path`. `NamedTempFile` creates with mode 0600.
fn stage(path: &Path, content: &[u8]) -> io::Result<NamedTempFile> {
    let mut file = NamedTempFile::new_in(folder_of(path))?;
    file.write_all(content)?;
    keep_owner(file.as_file(), path);
    file.as_file().sync_all()?;
    Ok(file)
}

/// Renames a file to `path`.
fn place(file: NamedTempFile, path: &Path, content: &[u8]) -> io::Result<()> {
    let placed = file.persist(path).map(drop).map_err(|error| error.error);
    or_in_place(placed, path, content)
}

/// What the system has mounted at a path keeps it, and is written where it is.
fn or_in_place(placed: io::Result<()>, path: &Path, content: &[u8]) -> io::Result<()> {
    match placed {
        Err(error) if error.kind() == io::ErrorKind::ResourceBusy => {
            let mut file = OpenOptions::new().write(true).open(path)?;
            file.write_all(content)?;
            file.set_len(content.len() as u64)?;
            file.sync_all()
        }
        placed => placed,
    }
}

/// An edit by root must not take the file from the gateway's user. Anyone else can not give files away, and owns them.
fn keep_owner(file: &File, owner: &Path) {
    let (Ok(before), Ok(now)) = (fs::metadata(owner), file.metadata()) else {
        return;
    };
    if (before.uid(), before.gid()) != (now.uid(), now.gid()) {
        let ids = (
            rustix::fs::Uid::from_raw(before.uid()),
            rustix::fs::Gid::from_raw(before.gid()),
        );
        let _ = rustix::fs::fchown(file, Some(ids.0), Some(ids.1));
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o777
    }

    #[test]
    fn replaces_keeps_the_old_and_is_private() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("c.json");
        write_atomic(&file, b"one").unwrap();
        assert!(!backup_of(&file, 0).exists());
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        write_atomic(&file, b"two").unwrap();
        assert_eq!(
            (fs::read(&file).unwrap(), fs::read(backup_of(&file, 0)).unwrap()),
            (b"two".to_vec(), b"one".to_vec())
        );
        assert_eq!((mode(&file), mode(&backup_of(&file, 0))), (0o600, 0o600));
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 2);
    }

    #[test]
    fn a_link_whose_file_is_not_there_yet_stays_a_link() {
        let temp = tempfile::tempdir().unwrap();
        let (file, link) = (temp.path().join("mounted/c.json"), temp.path().join("c.json"));
        fs::create_dir(temp.path().join("mounted")).unwrap();
        symlink("mounted/c.json", &link).unwrap();
        write_atomic(&link, b"one").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"one");
        fs::remove_file(&link).unwrap();
        symlink("c.json", &link).unwrap();
        write_atomic(&link, b"two").unwrap_err();
    }

    #[test]
    fn five_earlier_contents_are_kept() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("c.json");
        for n in 0..9 {
            write_atomic(&file, n.to_string().as_bytes()).unwrap();
        }
        let kept: Vec<_> = (0..BACKUPS)
            .map(|age| fs::read_to_string(backup_of(&file, age)).unwrap())
            .collect();
        assert_eq!(kept, ["7", "6", "5", "4", "3"]);
        assert_eq!(fs::read_dir(temp.path()).unwrap().count(), 1 + BACKUPS);
    }

    #[test]
    fn a_write_that_fails_costs_no_earlier_content() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("c.json");
        for n in 0..3 {
            write_atomic(&file, n.to_string().as_bytes()).unwrap();
        }
        let full =
            |_: &Path, _: &[u8]| -> io::Result<NamedTempFile> { Err(io::ErrorKind::StorageFull.into()) };
        for _ in 0..=BACKUPS {
            replace(&file, b"new", Some(b"2"), &full).unwrap_err();
        }
        let read = |path: PathBuf| fs::read_to_string(path).unwrap();
        let kept = [backup_of(&file, 0), backup_of(&file, 1)].map(read);
        assert_eq!(kept, ["1", "0"]);
        assert_eq!(read(file), "2");
    }

    #[test]
    fn a_file_that_is_mounted_is_written_in_place() {
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("c.json");
        fs::write(&file, "an old and long one").unwrap();
        let before = fs::metadata(&file).unwrap().ino();
        or_in_place(Err(io::ErrorKind::ResourceBusy.into()), &file, b"new").unwrap();
        assert_eq!(fs::read(&file).unwrap(), b"new");
        assert_eq!(fs::metadata(&file).unwrap().ino(), before);
        or_in_place(Err(io::ErrorKind::StorageFull.into()), &file, b"other").unwrap_err();
        assert_eq!(fs::read(&file).unwrap(), b"new");
    }

    #[test]
    fn a_link_stays_a_link() {
        let temp = tempfile::tempdir().unwrap();
        let (file, link) = (temp.path().join("real"), temp.path().join("link"));
        fs::write(&file, "one").unwrap();
        symlink("real", &link).unwrap();
        write_atomic(&link, b"two").unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(fs::read(&file).unwrap(), b"two");
    }
}
