//! The folder of installed plugins: `<state>/plugins/<id>/<sha256-prefix>-<library>` with `install.json` beside it.
//!
//! A plugin's folder appears, changes and disappears in one step; a crash leaves at most a hidden folder, which the
//! next installation removes. One process changes the store at a time. Only folders that this store made are removed.

use std::{
    fs::File,
    io::{self, Write},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

use cap_std::{
    ambient_authority,
    fs::{Dir, DirBuilder, DirBuilderExt, MetadataExt, OpenOptions, OpenOptionsExt},
};
use rustix::fs::{FlockOperation, RenameFlags, flock, renameat_with};
use serde::{Deserialize, Serialize};

use super::unpack::{FOLDER_MODE, Limits, UnpackError, Unpacked, unpack};

/// The file that says what was installed.
const RECORD: &str = "install.json";
/// Largest record that is read.
const MAX_RECORD: u64 = 64 * 1024;
/// Start of the names of folders that are being made or removed. Discovery skips hidden folders.
const STAGING: &str = ".staging-";
/// Hexadecimal digits of the hash in a library's name.
const PREFIX: usize = 12;
/// Longest plugin id.
const MAX_ID: usize = 64;

/// The folder of installed plugins.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    dir: Dir,
}

/// An unpacked plugin that is not installed yet. Dropped, it is removed again. It holds the store's lock.
#[derive(Debug)]
pub struct Staged<'s> {
    store: &'s Store,
    name: String,
    unpacked: Unpacked,
    _lock: File,
}

/// What the caller knows about a staged plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offer {
    /// The plugin's id, from its manifest.
    pub id: String,
    /// Its version, from its manifest.
    pub version: String,
    /// Where the user got it: a path or an address, without credentials.
    pub source: String,
    /// Whether the hash is to be required from now on.
    pub pin: bool,
    /// The time of the installation.
    pub at: SystemTime,
}

/// What `install.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Record {
    /// The plugin's id.
    pub id: String,
    /// Its version.
    pub version: String,
    /// The library's file name in the plugin's folder.
    pub library: String,
    /// The library's SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// Where the user got it.
    pub source: String,
    /// When it was installed: milliseconds since 1970, UTC.
    pub installed_at: u64,
    /// Whether the hash is required.
    pub pin: bool,
}

/// An installed plugin.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// Its record.
    pub record: Record,
    /// Its library.
    pub library: PathBuf,
}

/// Why the store could not do what was asked. It is as it was before.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The archive was refused.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// Another process is changing the store.
    #[error("another installation is under way in {}; wait for it and try again", .0.display())]
    Busy(PathBuf),
    /// Others may write into the store.
    #[error("plugin folder {} can be written by other users; run `chmod go-w` on it", .0.display())]
    Exposed(PathBuf),
    /// The id can not be a folder's name.
    #[error("`{0}` is not a plugin id; an id begins with a lower-case letter and has those, digits and `-`")]
    Id(String),
    /// Another version is there.
    #[error(
        "plugin {id} is installed in version {installed}; use --force to replace it by version {offered}"
    )]
    Exists {
        /// The id.
        id: String,
        /// The version that is there.
        installed: String,
        /// The version that was to be placed.
        offered: String,
    },
    /// What is there was not made by this store.
    #[error("{} was not installed by this command; move or remove it by hand", .0.display())]
    Foreign(PathBuf),
    /// The plugin is not installed.
    #[error("plugin {0} is not installed; `openclaw plugins list` shows those that are")]
    Absent(String),
    /// The file system refused.
    #[error("{} could not be {doing}: {source}; check its owner, its mode and the free space", path.display())]
    Io {
        /// What was being done.
        doing: &'static str,
        /// To what.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// What is at an id's place.
enum Place {
    Empty,
    Plugin(Record),
    Foreign,
}

// === impl Store ===

impl Store {
    /// Opens the store at `path`, and creates it if it is absent. Only its last folder is created.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let fault = |source| StoreError::Io {
            doing: "opened",
            path: path.into(),
            source,
        };
        match std::fs::DirBuilder::new().mode(FOLDER_MODE).create(path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(fault(error)),
            _ => {}
        }
        let dir = Dir::open_ambient_dir(path, ambient_authority()).map_err(fault)?;
        if dir.dir_metadata().map_err(fault)?.mode() & 0o022 != 0 {
            return Err(StoreError::Exposed(path.into()));
        }
        Ok(Self {
            path: path.into(),
            dir,
        })
    }

    /// Unpacks `archive` inside the store, where discovery does not see it.
    pub fn stage(&self, archive: &Path, limits: &Limits) -> Result<Staged<'_>, StoreError> {
        let lock = self.lock()?;
        self.sweep();
        let fault = |source| self.fault("unpacked into", "", source);
        let random = getrandom::u64().map_err(|error| fault(io::Error::other(error)))?;
        let name = format!("{STAGING}{random:016x}");
        self.dir
            .create_dir_with(&name, DirBuilder::new().mode(FOLDER_MODE))
            .map_err(fault)?;
        let into = self.dir.open_dir(&name).map_err(fault)?;
        let unpacked = unpack(archive, &into, limits).inspect_err(|_| {
            // swept later, if it can not be removed now
            let _ = self.dir.remove_dir_all(&name);
        })?;
        Ok(Staged {
            store: self,
            name,
            unpacked,
            _lock: lock,
        })
    }

    /// Removes an installed plugin's folder.
    pub fn uninstall(&self, id: &str) -> Result<Record, StoreError> {
        check_id(id)?;
        let _lock = self.lock()?;
        self.sweep();
        let record = match self.place_of(id)? {
            Place::Empty => return Err(StoreError::Absent(id.into())),
            Place::Foreign => return Err(StoreError::Foreign(self.path.join(id))),
            Place::Plugin(record) => record,
        };
        let fault = |source| self.fault("removed", id, source);
        let hidden = format!("{STAGING}removed-{id}");
        self.dir.rename(id, &self.dir, &hidden).map_err(fault)?;
        self.sync().map_err(fault)?;
        self.dir.remove_dir_all(&hidden).map_err(fault)?;
        Ok(record)
    }

    /// The installed plugins, by id. Folders that are not this store's are left out.
    pub fn list(&self) -> Result<Vec<Installed>, StoreError> {
        let mut all = Vec::new();
        for entry in self
            .dir
            .entries()
            .map_err(|source| self.fault("listed", "", source))?
            .flatten()
        {
            let name = entry.file_name();
            let Some(id) = name.to_str().filter(|id| check_id(id).is_ok()) else {
                continue;
            };
            if let Place::Plugin(record) = self.place_of(id)? {
                all.push(self.installed(record));
            }
        }
        all.sort_by(|a, b| a.record.id.cmp(&b.record.id));
        Ok(all)
    }

    fn installed(&self, record: Record) -> Installed {
        Installed {
            library: self.path.join(&record.id).join(&record.library),
            record,
        }
    }

    /// What is at `id`. A link is not followed: it is somebody else's.
    fn place_of(&self, id: &str) -> Result<Place, StoreError> {
        let fault = |source| self.fault("read", id, source);
        match self.dir.symlink_metadata(id) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Place::Empty),
            Err(error) => return Err(fault(error)),
            Ok(metadata) if !metadata.is_dir() => return Ok(Place::Foreign),
            Ok(_) => {}
        }
        let folder = self.dir.open_dir(id).map_err(fault)?;
        let is_record = folder
            .symlink_metadata(RECORD)
            .is_ok_and(|it| it.is_file() && it.len() <= MAX_RECORD);
        let bytes = if is_record {
            folder.read(RECORD).map_err(fault)?
        } else {
            Vec::new()
        };
        let record = serde_json::from_slice(&bytes)
            .ok()
            .filter(|record: &Record| record.id == id);
        Ok(record.map_or(Place::Foreign, Place::Plugin))
    }

    /// Takes the lock, which ends with the returned file and with the process.
    fn lock(&self) -> Result<File, StoreError> {
        let own = itself(&self.dir).map_err(|source| self.fault("locked", "", source))?;
        match flock(&own, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => Ok(own),
            Err(rustix::io::Errno::WOULDBLOCK) => Err(StoreError::Busy(self.path.clone())),
            Err(error) => Err(self.fault("locked", "", error.into())),
        }
    }

    /// Removes what earlier processes left behind. Called under the lock.
    fn sweep(&self) {
        for entry in self.dir.entries().into_iter().flatten().flatten() {
            let name = entry.file_name();
            if name.to_str().is_some_and(|name| name.starts_with(STAGING)) {
                // a leftover does no harm: it is hidden, and tried again next time
                let _ = self.dir.remove_dir_all(&name);
            }
        }
    }

    fn sync(&self) -> io::Result<()> {
        itself(&self.dir)?.sync_all()
    }

    fn fault(&self, doing: &'static str, below: &str, source: io::Error) -> StoreError {
        StoreError::Io {
            doing,
            path: self.path.join(below),
            source,
        }
    }
}

// === impl Staged ===

impl Staged<'_> {
    /// What was unpacked.
    pub fn unpacked(&self) -> &Unpacked {
        &self.unpacked
    }

    /// Where the library lies, for reading its manifest.
    pub fn library(&self) -> PathBuf {
        self.store.path.join(&self.name).join(&self.unpacked.library)
    }

    /// Installs the plugin. The same library is left as it is; another one stays unless `force`, and somebody else's
    /// folder stays in any case.
    pub fn place(self, offer: &Offer, force: bool) -> Result<Installed, StoreError> {
        check_id(&offer.id)?;
        let record = self.record_of(offer);
        let replace = match self.store.place_of(&offer.id)? {
            Place::Empty => false,
            Place::Plugin(there) if !force && (&there.sha256, there.pin) == (&record.sha256, record.pin) => {
                return Ok(self.store.installed(there));
            }
            Place::Plugin(there) if !force => {
                return Err(StoreError::Exists {
                    id: there.id,
                    installed: there.version,
                    offered: record.version,
                });
            }
            Place::Plugin(_) => true,
            Place::Foreign => return Err(StoreError::Foreign(self.store.path.join(&offer.id))),
        };
        self.complete(&record, replace)
            .map_err(|source| self.store.fault("installed", &offer.id, source))?;
        Ok(self.store.installed(record))
    }

    fn record_of(&self, offer: &Offer) -> Record {
        let since = offer.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        Record {
            id: offer.id.clone(),
            version: offer.version.clone(),
            library: format!("{}-{}", &self.unpacked.sha256[..PREFIX], self.unpacked.library),
            sha256: self.unpacked.sha256.clone(),
            source: offer.source.clone(),
            installed_at: u64::try_from(since.as_millis()).unwrap_or(u64::MAX),
            pin: offer.pin,
        }
    }

    /// Finishes the hidden folder, then gives it its name. A replaced folder takes the hidden name and is dropped.
    fn complete(&self, record: &Record, replace: bool) -> io::Result<()> {
        let store = &self.store.dir;
        let own = store.open_dir(&self.name)?;
        own.rename(&self.unpacked.library, &own, &record.library)?;
        let mut file = own.open_with(
            RECORD,
            OpenOptions::new().write(true).create_new(true).mode(0o600),
        )?;
        file.write_all(&serde_json::to_vec_pretty(record)?)?;
        file.sync_all()?;
        itself(&own)?.sync_all()?;
        let flags = if replace {
            RenameFlags::EXCHANGE
        } else {
            RenameFlags::NOREPLACE
        };
        renameat_with(store, &*self.name, store, &*record.id, flags)?;
        self.store.sync()
    }
}

impl Drop for Staged<'_> {
    fn drop(&mut self) {
        // absent after an installation; what can not be removed is swept later
        let _ = self.store.dir.remove_dir_all(&self.name);
    }
}

/// The directory as a file that can be locked and synced, which a handle for paths can not.
fn itself(dir: &Dir) -> io::Result<File> {
    dir.open(".").map(cap_std::fs::File::into_std)
}

/// The rule of manifests: an id is also a folder's name here.
fn check_id(id: &str) -> Result<(), StoreError> {
    let fits = id.len() <= MAX_ID
        && id.starts_with(|c: char| c.is_ascii_lowercase())
        && id
            .chars()
            .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-');
    if fits {
        Ok(())
    } else {
        Err(StoreError::Id(id.escape_debug().take(MAX_ID).collect()))
    }
}
