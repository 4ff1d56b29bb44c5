//! Unpacks an archive that a stranger made.
//!
//! Accepted is one library, and texts beside it, as regular files with plain names; `.tar.gz`, `.tar`, `.zip`, or the
//! bare library. All else is refused: links, devices, sparse files, extension headers that rename, two entries of one
//! name. Bytes, entries and the ratio of compression are bounded while reading. Everything is written through the
//! handle of one empty directory, which is empty again after an error; nothing else is touched.

use std::{
    fs::File,
    io::{self, Read, Seek, Write},
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use cap_std::fs::{Dir, DirBuilder, DirBuilderExt, OpenOptions, OpenOptionsExt as _};
use sha2::{Digest, Sha256};

use super::{
    format::{self, Format},
    name::{self, Names, Role},
};

/// Mode of a folder of a plugin.
pub(super) const FOLDER_MODE: u32 = 0o700;
/// Mode of an unpacked file. Loading a library needs no more.
const FILE_MODE: u32 = 0o400;
/// Bytes that are read at once.
const CHUNK: usize = 64 * 1024;
/// Bounds of an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Entries, folders included.
    pub entries: usize,
    /// Bytes that come out of it, and bytes of the archive itself.
    pub bytes: u64,
    /// How many times larger than the archive its content may be.
    pub ratio: u64,
}

/// What came out of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unpacked {
    /// The library's file name.
    pub library: String,
    /// The library's SHA-256, in hexadecimal digits.
    pub sha256: String,
    /// Paths of the texts beside it.
    pub texts: Vec<String>,
}

/// Why an archive was refused. What it wrote is removed.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The file can not be read.
    #[error("archive {} could not be read: {source}; check that it is a file and that you may read it", path.display())]
    Open {
        /// The archive.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is neither an archive nor a library.
    #[error("{} is neither a .tar.gz, .tar or .zip archive nor a .so, .dylib or .dll library; check the download", .0.display())]
    Format(PathBuf),
    /// The archive ends too early, or it contradicts itself.
    #[error("the archive is damaged: {0}; download it again")]
    Damaged(String),
    /// The archive exceeds a bound.
    #[error(
        "the archive has more than {limit} {what}; a plugin is not that large, so check where it comes from"
    )]
    TooMuch {
        /// The bound.
        limit: u64,
        /// What is bounded.
        what: &'static str,
    },
    /// An entry must not be in a plugin's archive.
    #[error("the archive's entry `{name}` is refused: {reason}; ask the plugin's author for a clean archive")]
    Entry {
        /// Its name, made safe for printing.
        name: String,
        /// Why.
        reason: &'static str,
    },
    /// There is no library in it.
    #[error("the archive holds no .so, .dylib or .dll library; ask the plugin's author for a built archive")]
    NoLibrary,
    /// There are two libraries in it.
    #[error("the archive holds two libraries, {first} and {second}; install one plugin at a time")]
    TwoLibraries {
        /// The first one.
        first: String,
        /// The second one.
        second: String,
    },
    /// The directory to unpack into has something in it.
    #[error("the directory to unpack into is not empty; use a fresh one")]
    NotEmpty,
    /// Something could not be written.
    #[error("unpacking could not write: {0}; check the free space and the mode of the folder")]
    Write(#[source] io::Error),
}

/// Where entries go. The format's reader hands them over one by one.
pub(super) struct Sink<'d> {
    into: &'d Dir,
    limits: Limits,
    names: Names,
    entries: usize,
    library: Option<(String, String)>,
    texts: Vec<String>,
}

/// Unpacks the archive or library at `archive` into the empty directory `into`.
pub fn unpack(archive: &Path, into: &Dir, limits: &Limits) -> Result<Unpacked, UnpackError> {
    let mut file = open(archive, limits)?;
    if into.entries().map_err(UnpackError::Write)?.next().is_some() {
        return Err(UnpackError::NotEmpty);
    }
    let result = format_of(archive, &mut file).and_then(|format| {
        let mut sink = Sink::new(into, *limits);
        match format {
            Format::Library(name) => sink.file(name.as_bytes(), &mut file, None)?,
            Format::Tar => format::tar(&mut file, *limits, &mut sink)?,
            Format::TarGz => format::tar_gz(&mut file, *limits, &mut sink)?,
            Format::Zip => format::zip(&mut file, *limits, &mut sink)?,
        }
        sink.finish()
    });
    if result.is_err() {
        clear(into);
    }
    result
}

// === impl Limits ===

impl Default for Limits {
    fn default() -> Self {
        Self {
            entries: 64,
            bytes: 256 * 1024 * 1024,
            ratio: 100,
        }
    }
}

// === impl Sink ===

impl<'d> Sink<'d> {
    fn new(into: &'d Dir, limits: Limits) -> Self {
        Self {
            into,
            limits,
            names: Names::default(),
            entries: 0,
            library: None,
            texts: Vec::new(),
        }
    }

    /// Takes a folder. None is created for it: the files bring theirs along.
    pub(super) fn folder(&mut self, raw: &[u8]) -> Result<(), UnpackError> {
        self.admit(raw, true).map(drop)
    }

    /// Takes a file of `size` bytes, where that is known.
    pub(super) fn file(
        &mut self,
        raw: &[u8],
        content: &mut dyn Read,
        size: Option<u64>,
    ) -> Result<(), UnpackError> {
        let (path, is_library) = match self.admit(raw, false)? {
            Role::Library(name) => (Some(name), true),
            Role::Text(path) => (Some(path), false),
            Role::Ignored | Role::Folder => (None, false),
        };
        if let (true, Some((first, _)), Some(second)) = (is_library, &self.library, &path) {
            return Err(UnpackError::TwoLibraries {
                first: first.clone(),
                second: second.clone(),
            });
        }
        let mut target = path
            .as_deref()
            .map(|path| self.create(path))
            .transpose()
            .map_err(UnpackError::Write)?;
        let (written, sha256) = copy(content, target.as_mut())?;
        if size.is_some_and(|size| size != written) {
            return Err(UnpackError::Damaged(format!(
                "entry `{}` ends too early",
                name::shown(raw)
            )));
        }
        if let Some(target) = target {
            target.sync_all().map_err(UnpackError::Write)?;
        }
        match path {
            Some(name) if is_library => self.library = Some((name, sha256)),
            Some(path) => self.texts.push(path),
            None => {}
        }
        Ok(())
    }

    /// Refuses an entry.
    pub(super) fn refuse(&self, raw: &[u8], reason: &'static str) -> UnpackError {
        UnpackError::Entry {
            name: name::shown(raw),
            reason,
        }
    }

    /// Counts an entry.
    pub(super) fn count(&mut self) -> Result<(), UnpackError> {
        self.entries += 1;
        if self.entries > self.limits.entries {
            return Err(UnpackError::TooMuch {
                limit: self.limits.entries as u64,
                what: "entries",
            });
        }
        Ok(())
    }

    fn admit(&mut self, raw: &[u8], is_folder: bool) -> Result<Role, UnpackError> {
        self.count()?;
        self.names
            .admit(raw, is_folder)
            .map_err(|reason| self.refuse(raw, reason))
    }

    fn create(&self, path: &str) -> io::Result<cap_std::fs::File> {
        if let Some((folder, _)) = path.rsplit_once('/') {
            match self
                .into
                .create_dir_with(folder, DirBuilder::new().mode(FOLDER_MODE))
            {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
                _ => {}
            }
        }
        self.into.open_with(
            path,
            OpenOptions::new().write(true).create_new(true).mode(FILE_MODE),
        )
    }

    fn finish(self) -> Result<Unpacked, UnpackError> {
        let (library, sha256) = self.library.ok_or(UnpackError::NoLibrary)?;
        Ok(Unpacked {
            library,
            sha256,
            texts: self.texts,
        })
    }
}

/// Opens without waiting for a writer, should the path be a pipe.
fn open(path: &Path, limits: &Limits) -> Result<File, UnpackError> {
    let fault = |source| UnpackError::Open {
        path: path.into(),
        source,
    };
    let flags = (rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::CLOEXEC)
        .bits()
        .cast_signed();
    let file = File::options()
        .read(true)
        .custom_flags(flags)
        .open(path)
        .map_err(fault)?;
    let metadata = file.metadata().map_err(fault)?;
    if !metadata.is_file() {
        return Err(fault(io::Error::other("it is not a regular file")));
    }
    if metadata.len() > limits.bytes {
        return Err(UnpackError::TooMuch {
            limit: limits.bytes,
            what: "bytes",
        });
    }
    Ok(file)
}

fn format_of(path: &Path, file: &mut File) -> Result<Format, UnpackError> {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .unwrap_or_default();
    if name::is_library(name) {
        return Ok(Format::Library(name.into()));
    }
    let fault = |source| UnpackError::Open {
        path: path.into(),
        source,
    };
    let mut head = Vec::new();
    Read::by_ref(file)
        .take(512)
        .read_to_end(&mut head)
        .map_err(fault)?;
    file.rewind().map_err(fault)?;
    Format::of_head(&head).ok_or_else(|| UnpackError::Format(path.into()))
}

/// Copies and hashes. A reading error is the archive's fault, a writing error is ours.
fn copy(from: &mut dyn Read, mut to: Option<&mut cap_std::fs::File>) -> Result<(u64, String), UnpackError> {
    let mut hash = Sha256::new();
    let mut written = 0;
    let mut buffer = vec![0; CHUNK];
    loop {
        let read = match from.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(UnpackError::Damaged(error.to_string())),
        };
        hash.update(&buffer[..read]);
        if let Some(file) = &mut to {
            file.write_all(&buffer[..read]).map_err(UnpackError::Write)?;
        }
        written += read as u64;
    }
    let sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok((written, sha256))
}

/// Removes all that an unpacking wrote. The directory was empty before, and no link is followed.
fn clear(into: &Dir) {
    for entry in into.entries().into_iter().flatten().flatten() {
        let is_folder = entry.file_type().is_ok_and(|kind| kind.is_dir());
        let name = entry.file_name();
        // what can not be removed is left to the owner of the directory, who drops it as a whole
        let _ = if is_folder {
            into.remove_dir_all(name)
        } else {
            into.remove_file(name)
        };
    }
}
