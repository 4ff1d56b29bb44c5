//! Makes an archive, in one step: it is there when it is whole.
use super::{
    BackupError, CONFIG, DATABASE, Entry, Kind, MANIFEST, Manifest, Outside, STATE, WORKSPACE, failed,
    manifest::SCHEMA,
    walk::{Found, Tree},
};
use crate::{
    config::{Config, Paths, Sources},
    journal,
};
use flate2::{Compression, write::GzEncoder};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    io::{self, Read, Write},
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
};
use tar::{Builder, Header};

/// What is wanted.
#[derive(Debug, Clone)]
pub struct Request<'r> {
    /// Where things are.
    pub paths: &'r Paths,
    /// The configuration, as far as it can be read: it names workspaces.
    pub config: &'r Config,
    /// The folder or file for the archive. Default: the current folder.
    pub output: Option<PathBuf>,
    /// Workspaces too.
    pub workspaces: bool,
    /// The configuration alone.
    pub only_config: bool,
    /// Only tell.
    pub dry_run: bool,
    /// Now.
    pub now_ms: i64,
}

/// What was made, or would be.
#[derive(Debug)]
pub struct Created {
    /// The archive.
    pub archive: PathBuf,
    /// Its size, bytes; 0 if it was not made.
    pub size: u64,
    /// What it says of itself.
    pub manifest: Manifest,
    /// Bytes that were packed.
    pub bytes: u64,
    /// What could not be packed: links, sockets.
    pub skipped: Vec<PathBuf>,
}

/// Makes an archive.
pub fn create(request: &Request<'_>) -> Result<Created, BackupError> {
    let state = &request.paths.state_dir;
    if !state.is_dir() && !request.paths.config_file.is_file() {
        return Err(BackupError::Nothing(state.clone()));
    }
    if super::is_broken_off(request.paths) {
        return Err(BackupError::Unfinished);
    }
    let (mut tree, outside) = collect(request)?;
    let archive = place(request, &outside)?;
    let database = state.join(DATABASE);
    let with_database = !request.only_config && database.is_file();
    let mut manifest = Manifest {
        schema_version: SCHEMA,
        created_ms: request.now_ms,
        created_at: stamp(request.now_ms, "%Y-%m-%dT%H:%M:%SZ"),
        runtime_version: env!("CARGO_PKG_VERSION").to_owned(),
        kind: if request.only_config {
            Kind::Config
        } else {
            Kind::Full
        },
        state_dir: state.clone(),
        config_file: tree
            .files
            .iter()
            .any(|file| file.name.starts_with("config/"))
            .then(|| request.paths.config_file.clone()),
        left_out: std::mem::take(&mut tree.left_out),
        outside,
        entries: Vec::new(),
    };
    let database_bytes = fs::metadata(&database).map_or(0, |metadata| metadata.len());
    let mut bytes = tree.bytes() + if with_database { database_bytes } else { 0 };
    let mut size = 0;
    if request.dry_run {
        manifest.entries = tree
            .files
            .iter()
            .map(|file| listed(file, String::new()))
            .collect();
    } else {
        let folder = archive.parent().expect("a file in a folder");
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
        made.map_err(failed("make", folder))?;
        let scratch = tempfile::Builder::new()
            .prefix(".openclaw-backup-")
            .tempdir_in(folder);
        let scratch = scratch.map_err(failed("make a folder in", folder))?;
        room(folder, database_bytes)?;
        if with_database {
            let copy = scratch.path().join(DATABASE);
            journal::copy(&database, &copy)?;
            let copied = fs::metadata(&copy).map_err(failed("look at", &copy))?.len();
            bytes = tree.bytes() + copied;
            tree.files.push(Found {
                path: copy,
                name: format!("{STATE}/{DATABASE}"),
                executable: false,
                size: copied,
            });
        }
        size = write(&archive, &tree.files, &mut manifest)?;
    }
    Ok(Created {
        archive,
        size,
        manifest,
        bytes,
        skipped: tree.skipped,
    })
}

/// The files, and workspaces that lie elsewhere.
fn collect(request: &Request<'_>) -> Result<(Tree, Vec<Outside>), BackupError> {
    let (state, config) = (&request.paths.state_dir, &request.paths.config_file);
    let mut tree = Tree::default();
    if request.only_config || !config.starts_with(state) {
        add_config(&mut tree, request.paths)?;
    }
    let mut outside = Vec::new();
    if request.only_config {
        return Ok((tree, outside));
    }
    let agents = request.config.agents();
    let all = agents.agents.iter();
    let all: Vec<_> = all
        .map(|agent| (agent.id.clone(), agent.workspace(request.paths)))
        .collect();
    let inside: Vec<_> = all
        .iter()
        .map(|(_, path)| path.clone())
        .filter(|path| path.starts_with(state) && path != state)
        .collect();
    tree.state(state, if request.workspaces { &[] } else { &inside })?;
    if request.workspaces {
        for (agent, path) in all {
            let known = |other: &Outside| other.path == path;
            if path.starts_with(state)
                || state.starts_with(&path)
                || outside.iter().any(known)
                || !path.is_dir()
            {
                continue;
            }
            let root = outside.len();
            tree.add(&path, &format!("{WORKSPACE}/{root}"), &[], 0)?;
            outside.push(Outside { agent, path, root });
        }
    }
    Ok((tree, outside))
}

/// The configuration with what it includes from its own folder. What it includes from elsewhere is that place's matter.
fn add_config(tree: &mut Tree, paths: &Paths) -> Result<(), BackupError> {
    let file = &paths.config_file;
    let folder = file.parent().unwrap_or(Path::new("/"));
    let mut files = vec![file.clone()];
    if let Ok(sources) = Sources::read(file, &paths.include_roots) {
        files.extend(sources.files().skip(1).map(Path::to_owned));
    }
    for file in files {
        match file.strip_prefix(folder).ok().and_then(Path::to_str) {
            Some(name) => tree.add(&file, &format!("{CONFIG}/{name}"), &[], 0)?,
            None => tree.skipped.push(file),
        }
    }
    Ok(())
}

/// Where the archive goes: never into what it is made of, never over something.
fn place(request: &Request<'_>, outside: &[Outside]) -> Result<PathBuf, BackupError> {
    let name = format!(
        "openclaw-backup-{}.tar.gz",
        stamp(request.now_ms, "%Y-%m-%dT%H-%M-%SZ")
    );
    let absolute = |path: &Path| std::path::absolute(path).map_err(failed("find", path));
    let is_inside = |path: &Path| {
        // the folder may still have to be made; what leads to it exists
        let real = path.ancestors().find_map(|path| path.canonicalize().ok());
        let real = real.unwrap_or_else(|| path.to_owned());
        let all =
            std::iter::once(&request.paths.state_dir).chain(outside.iter().map(|outside| &outside.path));
        let mut all = all.map(|root| root.canonicalize().unwrap_or_else(|_| root.clone()));
        all.any(|root| real.starts_with(root))
    };
    let archive = match &request.output {
        Some(output) if is_archive(output) => absolute(output)?,
        Some(folder) => absolute(&folder.join(name))?,
        None => {
            let here = absolute(Path::new("."))?;
            // where people are when they look at the state
            let home = request.paths.home.clone().filter(|home| !is_inside(home));
            let folder = if is_inside(&here) {
                home.unwrap_or_else(std::env::temp_dir)
            } else {
                here
            };
            folder.join(name)
        }
    };
    let folder = archive.parent().unwrap_or(Path::new("/"));
    if is_inside(folder) {
        return Err(BackupError::Inside(archive));
    }
    if archive.exists() {
        return Err(BackupError::Exists(archive));
    }
    Ok(archive)
}

/// Does a path name a file, and not the folder for it?
fn is_archive(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    !path.is_dir() && matches!(extension, Some("gz" | "tgz"))
}

fn room(folder: &Path, needed: u64) -> Result<(), BackupError> {
    let free = super::read::free(folder);
    match free < needed {
        true => Err(BackupError::NoRoom {
            path: folder.to_owned(),
            free,
            needed,
        }),
        false => Ok(()),
    }
}

fn write(archive: &Path, files: &[Found], manifest: &mut Manifest) -> Result<u64, BackupError> {
    let folder = archive.parent().expect("a file in a folder");
    // readable by its owner only: it holds secrets
    let file = tempfile::Builder::new()
        .prefix(".openclaw-backup-")
        .permissions(fs::Permissions::from_mode(0o600))
        .tempfile_in(folder)
        .map_err(failed("write into", folder))?;
    let mut builder = Builder::new(GzEncoder::new(file, Compression::fast()));
    for found in files {
        if let Some((size, sha256)) = append(&mut builder, found, manifest.created_ms)? {
            manifest.entries.push(Entry {
                size,
                ..listed(found, sha256)
            });
        }
    }
    let writing = || failed("write", archive);
    let text = serde_json::to_vec_pretty(manifest).map_err(|e| writing()(e.into()))?;
    let mut header = header(text.len() as u64, false, manifest.created_ms);
    builder
        .append_data(&mut header, MANIFEST, text.as_slice())
        .map_err(writing())?;
    let encoder = builder.into_inner().map_err(writing())?;
    let file = encoder.finish().map_err(writing())?;
    file.as_file().sync_all().map_err(writing())?;
    let size = file.as_file().metadata().map_err(writing())?.len();
    file.persist_noclobber(archive)
        .map_err(|error| match error.error.kind() {
            io::ErrorKind::AlreadyExists => BackupError::Exists(archive.to_owned()),
            _ => writing()(error.error),
        })?;
    let folder_file = File::open(folder).and_then(|folder| folder.sync_all());
    folder_file.map_err(writing())?;
    Ok(size)
}

/// Packs one file and gives its size and hash; none if it went meanwhile.
fn append<W: Write>(
    builder: &mut Builder<W>,
    found: &Found,
    created_ms: i64,
) -> Result<Option<(u64, String)>, BackupError> {
    let file = match File::open(&found.path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", &found.path)(error)),
    };
    // of the file that is open: another may have taken its name since
    let size = file.metadata().map_err(failed("read", &found.path))?.len();
    let mut reader = Hashed {
        inner: file.take(size),
        hash: Sha256::new(),
        read: 0,
    };
    let mut header = header(size, found.executable, created_ms);
    builder
        .append_data(&mut header, &found.name, &mut reader)
        .map_err(failed("pack", &found.path))?;
    if reader.read != size {
        return Err(BackupError::Changed(found.path.clone()));
    }
    Ok(Some((size, hex(&reader.hash.finalize()))))
}

/// A file's own times and owner are nobody's business on another machine.
fn header(size: u64, executable: bool, created_ms: i64) -> Header {
    let mut header = Header::new_gnu();
    header.set_size(size);
    header.set_mode(if executable { 0o700 } else { 0o600 });
    header.set_mtime(u64::try_from(created_ms / 1000).unwrap_or(0));
    header
}

fn listed(found: &Found, sha256: String) -> Entry {
    Entry {
        path: found.name.clone(),
        size: found.size,
        sha256,
        executable: found.executable,
    }
}

/// A moment in UTC.
pub(super) fn stamp(ms: i64, format: &str) -> String {
    let moment = jiff::Timestamp::from_millisecond(ms).unwrap_or(jiff::Timestamp::UNIX_EPOCH);
    moment.strftime(format).to_string()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A reader that hashes what passes.
struct Hashed<R> {
    inner: R,
    hash: Sha256,
    read: u64,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        self.read += read as u64;
        Ok(read)
    }
}
