//! The folders that an agent's files are in, as handles, and the few things that are done with files below them.
//!
//! Links are followed as long as they stay below the folder. A hard link is a file like any other where it is read: to
//! make one takes rights over the file that it names. Where it is written it is replaced, so that nothing changes under
//! its other name.
use crate::error::FileError;
use cap_std::{
    ambient_authority,
    fs::{Dir, File, Metadata, OpenOptions, OpenOptionsExt, Permissions, PermissionsExt},
};
use openclaw_plugin_api::ToolOrigin;
use std::{
    ffi::OsString,
    io::{self, Write},
    path::{Component, Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

/// Largest file that is written, or read whole to be changed. Bytes.
pub const MAX_CHANGED: u64 = 16 << 20;
/// Opening must not wait: what looked like a file may be a pipe by now.
const NONBLOCK: i32 = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();

/// Where agents' files are.
#[derive(Debug)]
pub struct Desk {
    readable: Vec<PathBuf>,
    /// One change at a time: two edits of the same file must not undo each other.
    changing: Mutex<()>,
}

/// The folders of one call.
pub struct Workspace<'d> {
    desk: &'d Desk,
    root: Folder,
    readable: Vec<PathBuf>,
}

/// One folder, and the names under which it is known.
struct Folder {
    handle: Dir,
    names: Vec<PathBuf>,
}

/// A name below a folder.
struct Place<'w> {
    folder: &'w Dir,
    path: PathBuf,
}

/// A file's new bytes, on the disk beside its place. Dropped without having been put there, they are taken away.
pub struct Prepared {
    given: String,
    folder: Dir,
    temporary: String,
    name: OsString,
    replaces: bool,
    is_placed: bool,
}

// === impl Desk ===

impl Desk {
    /// With these folders readable beside the workspaces.
    pub fn new(readable: Vec<String>) -> Self {
        Self {
            readable: readable.into_iter().map(PathBuf::from).collect(),
            changing: Mutex::new(()),
        }
    }

    /// The folders of the agent that calls.
    pub fn workspace(&self, origin: &ToolOrigin) -> Result<Workspace<'_>, FileError> {
        if origin.workspace_dir.is_empty() {
            return Err(FileError::NoWorkspace);
        }
        let path = Path::new(&origin.workspace_dir);
        let root = Folder::open(path)
            .map_err(|e| FileError::system(&origin.workspace_dir, "used as the workspace", e))?;
        let mut readable = self.readable.clone();
        readable.extend(origin.readable_dirs.iter().map(PathBuf::from));
        Ok(Workspace {
            desk: self,
            root,
            readable,
        })
    }
}

// === impl Folder ===

impl Folder {
    fn open(path: &Path) -> io::Result<Self> {
        let handle = Dir::open_ambient_dir(path, ambient_authority())?;
        let mut names = vec![path.to_owned()];
        names.extend(path.canonicalize().ok().filter(|real| real != path));
        Ok(Self { handle, names })
    }

    /// What is left of an absolute path below this folder.
    fn inside<'p>(&self, path: &'p Path) -> Option<&'p Path> {
        self.names.iter().find_map(|name| path.strip_prefix(name).ok())
    }
}

// === impl Workspace ===

impl Workspace<'_> {
    /// Nobody else changes a file until this is dropped.
    pub fn change(&self) -> MutexGuard<'_, ()> {
        self.desk.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Opens a file for reading, with its size.
    pub fn open(&self, given: &str) -> Result<(File, u64), FileError> {
        match self.below(given) {
            Ok(place) => place.open(given),
            Err(outside) => self.open_elsewhere(given).unwrap_or(Err(outside)),
        }
    }

    /// Reads a whole file that is to be changed, and what may be done with it.
    pub fn take(&self, given: &str) -> Result<(Vec<u8>, Permissions), FileError> {
        use std::io::Read;
        let failed = |e| FileError::system(given, "read", e);
        let (file, size) = self.below(given)?.open(given)?;
        let permissions = file.metadata().map_err(failed)?.permissions();
        let too_large = |size| FileError::TooLarge {
            path: given.to_owned(),
            size,
            limit: MAX_CHANGED,
        };
        if size > MAX_CHANGED {
            return Err(too_large(size));
        }
        let mut bytes = Vec::new();
        file.take(MAX_CHANGED + 1)
            .read_to_end(&mut bytes)
            .map_err(failed)?;
        let size = bytes.len() as u64;
        if size > MAX_CHANGED {
            return Err(too_large(size));
        }
        Ok((bytes, permissions))
    }

    /// Is there anything of this name?
    pub fn exists(&self, given: &str) -> Result<bool, FileError> {
        let place = self.below(given)?;
        match place.folder.symlink_metadata(&place.path) {
            Ok(_) => Ok(true),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(e) => Err(FileError::system(given, "looked at", e)),
        }
    }

    /// Puts a file in place, whole or not at all. Folders that are missing are made. With `permissions`, or else those of the
    /// file that it replaces. Was there one before?
    pub fn put(
        &self,
        given: &str,
        bytes: &[u8],
        permissions: Option<Permissions>,
    ) -> Result<bool, FileError> {
        self.prepare(given, bytes, permissions)?.place()
    }

    /// The same, up to the moment when the file is there: nothing but its place can fail any more.
    pub fn prepare(
        &self,
        given: &str,
        bytes: &[u8],
        permissions: Option<Permissions>,
    ) -> Result<Prepared, FileError> {
        let size = bytes.len() as u64;
        if size > MAX_CHANGED {
            return Err(FileError::TooLarge {
                path: given.to_owned(),
                size,
                limit: MAX_CHANGED,
            });
        }
        let failed = |e| FileError::system(given, "written", e);
        let mut place = self.below(given)?;
        let before = place.existing(given)?;
        if before.is_some() {
            // the file that a link leads to is written, not the link
            place.path = place.folder.canonicalize(&place.path).map_err(failed)?;
        }
        let permissions = permissions.or_else(|| before.as_ref().map(Metadata::permissions));
        let (folder, name) = place.parent().map_err(failed)?;
        let temporary = temporary_name().map_err(failed)?;
        let prepared = Prepared {
            given: given.to_owned(),
            folder,
            temporary,
            name,
            replaces: before.is_some(),
            is_placed: false,
        };
        prepared.write(bytes, permissions).map_err(failed)?;
        Ok(prepared)
    }

    /// The one name of a file below the workspace, however it was given. A link has its own.
    pub fn name(&self, given: &str) -> Result<String, FileError> {
        let place = self.below(given)?;
        Ok(place.path.to_string_lossy().into_owned())
    }

    /// Takes a file, or a link, away.
    pub fn remove(&self, given: &str) -> Result<(), FileError> {
        let place = self.below(given)?;
        place.existing(given)?.ok_or_else(|| FileError::Missing {
            path: given.to_owned(),
        })?;
        place
            .folder
            .remove_file(&place.path)
            .map_err(|e| FileError::system(given, "deleted", e))
    }

    /// The name below the workspace. Whether it stays there, the handle decides.
    fn below(&self, given: &str) -> Result<Place<'_>, FileError> {
        let outside = || FileError::Outside {
            path: given.to_owned(),
        };
        let path = Path::new(given);
        let inside = if path.is_absolute() {
            self.root.inside(path).ok_or_else(outside)?
        } else if given.starts_with("~") {
            return Err(outside());
        } else {
            path
        };
        let path: PathBuf = inside
            .components()
            .filter(|part| *part != Component::CurDir)
            .collect();
        if path.as_os_str().is_empty() {
            return Err(FileError::NotAFile {
                path: given.to_owned(),
                what: "the workspace itself",
            });
        }
        Ok(Place {
            folder: &self.root.handle,
            path,
        })
    }

    /// In one of the folders that may only be read; none if it is in none of them.
    fn open_elsewhere(&self, given: &str) -> Option<Result<(File, u64), FileError>> {
        let path = Path::new(given);
        let folders = self.readable.iter().filter(|folder| path.starts_with(folder));
        let folder = folders.filter_map(|folder| Folder::open(folder).ok()).next()?;
        let place = Place {
            folder: &folder.handle,
            path: folder.inside(path)?.to_owned(),
        };
        Some(place.open(given))
    }
}

// === impl Place ===

impl Place<'_> {
    fn open(&self, given: &str) -> Result<(File, u64), FileError> {
        let failed = |e| FileError::system(given, "read", e);
        // looked at first: opening a device can do something
        ordinary(given, &self.folder.metadata(&self.path).map_err(failed)?)?;
        let mut how = OpenOptions::new();
        how.read(true).custom_flags(NONBLOCK);
        let file = self.folder.open_with(&self.path, &how).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        ordinary(given, &metadata)?;
        Ok((file, metadata.len()))
    }

    /// What is known of the file, if there is one.
    fn existing(&self, given: &str) -> Result<Option<Metadata>, FileError> {
        match self.folder.metadata(&self.path) {
            Ok(metadata) => ordinary(given, &metadata).map(|()| Some(metadata)),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(FileError::system(given, "looked at", e)),
        }
    }

    /// The folder that it is in, made if it is missing, and its last name.
    fn parent(&self) -> io::Result<(Dir, OsString)> {
        let name = self.path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        let folder = match parent {
            None => self.folder.try_clone()?,
            Some(parent) => {
                self.folder.create_dir_all(parent)?;
                self.folder.open_dir(parent)?
            }
        };
        Ok((folder, name.to_owned()))
    }
}

fn ordinary(given: &str, metadata: &Metadata) -> Result<(), FileError> {
    if metadata.is_file() {
        return Ok(());
    }
    Err(FileError::NotAFile {
        path: given.to_owned(),
        what: if metadata.is_dir() {
            "a folder"
        } else {
            "a device, a pipe or a socket"
        },
    })
}

// === impl Prepared ===

impl Prepared {
    fn write(&self, bytes: &[u8], permissions: Option<Permissions>) -> io::Result<()> {
        let mut how = OpenOptions::new();
        let mut file = self
            .folder
            .open_with(&self.temporary, how.write(true).create_new(true))?;
        if let Some(before) = permissions {
            // Never more than a file needs: no bits that lend somebody's rights. Before the bytes: what few may read is
            // never to be read by more.
            file.set_permissions(Permissions::from_mode(before.mode() & 0o777))?;
        }
        file.write_all(bytes)?;
        file.sync_data()
    }

    /// Puts it in place: whoever reads sees the old file or the new one. Was there one before?
    pub fn place(mut self) -> Result<bool, FileError> {
        self.folder
            .rename(&self.temporary, &self.folder, &self.name)
            .map_err(|e| FileError::system(&self.given, "written", e))?;
        self.is_placed = true;
        Ok(self.replaces)
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        if !self.is_placed {
            // it has served its purpose, or was never made; what was wrong is told
            let _ = self.folder.remove_file(&self.temporary);
        }
    }
}

fn temporary_name() -> io::Result<String> {
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    Ok(format!(".{:016x}.tmp", u64::from_ne_bytes(random)))
}
