//! Makes an archive, in one step: it is there when it is whole.
use super::{
    BackupError, CONFIG, DATABASE, Entry, Kind, MANIFEST, Manifest, STATE, WORKSPACE, failed,
    links::Named,
    manifest::SCHEMA,
    pack::{Packed, append},
    walk::{Found, Tree},
};
use crate::{
    config::{Config, Paths, Sources},
    journal,
};
use flate2::{Compression, write::GzEncoder};
use std::{
    fs::{self, File},
    io,
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
}

/// A moment in the making of an archive, for tests of what the gateway does meanwhile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Moment {
    /// The database was copied.
    Copied,
    /// Files were found, and none was read.
    Listed,
}

/// Makes an archive.
pub fn create(request: &Request<'_>) -> Result<Created, BackupError> {
    create_with(request, &mut |_| {})
}

/// The same, with something that happens meanwhile.
pub(super) fn create_with(
    request: &Request<'_>,
    meanwhile: &mut dyn FnMut(Moment),
) -> Result<Created, BackupError> {
    let state = &request.paths.state_dir;
    if !state.is_dir() && !request.paths.config_file.is_file() {
        return Err(BackupError::Nothing(state.clone()));
    }
    if super::is_broken_off(request.paths) {
        return Err(BackupError::Unfinished);
    }
    let named = Named::of(request);
    let archive = place(request, &named)?;
    if request.dry_run {
        return would(request, &named, archive);
    }
    let folder = archive.parent().expect("a file in a folder");
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(failed("make", folder))?;
    let scratch = tempfile::Builder::new()
        .prefix(".openclaw-backup-")
        .tempdir_in(folder);
    let scratch = scratch.map_err(failed("make a folder in", folder))?;
    // First the database: a file is written before it is named there, and stays. So what is found afterwards has all files
    // that the copy names, and at worst some that it does not know.
    let database = copy_database(request, scratch.path())?;
    meanwhile(Moment::Copied);
    let mut tree = collect(request, &named)?;
    meanwhile(Moment::Listed);
    tree.files.extend(database);
    let mut manifest = describe(request, &tree, &named);
    let size = write(&archive, &tree.files, scratch.path(), &mut manifest)?;
    Ok(Created {
        archive,
        size,
        manifest,
        bytes: tree.bytes(),
    })
}

/// What would be made.
fn would(request: &Request<'_>, named: &Named, archive: PathBuf) -> Result<Created, BackupError> {
    let tree = collect(request, named)?;
    let database = database(request).and_then(|path| fs::metadata(path).ok());
    let mut manifest = describe(request, &tree, named);
    let entries = tree.files.iter().map(|file| listed(file, String::new()));
    manifest.entries = entries.collect();
    Ok(Created {
        archive,
        size: 0,
        manifest,
        bytes: tree.bytes() + database.map_or(0, |metadata| metadata.len()),
    })
}

/// What an archive says of itself, but for its entries.
fn describe(request: &Request<'_>, tree: &Tree, named: &Named) -> Manifest {
    let has_config = tree.files.iter().any(|file| file.name.starts_with("config/"));
    let text = |path: &PathBuf| path.to_string_lossy().into_owned();
    Manifest {
        schema_version: SCHEMA,
        created_ms: request.now_ms,
        created_at: stamp(request.now_ms, "%Y-%m-%dT%H:%M:%SZ"),
        runtime_version: env!("CARGO_PKG_VERSION").to_owned(),
        kind: if request.only_config {
            Kind::Config
        } else {
            Kind::Full
        },
        state_dir: request.paths.state_dir.clone(),
        config_file: has_config.then(|| request.paths.config_file.clone()),
        left_out: tree.left_out.clone(),
        skipped: tree.skipped.iter().map(text).collect(),
        outside: named.outside.clone(),
        entries: Vec::new(),
    }
}

/// The database, if it is wanted and there is one.
fn database(request: &Request<'_>) -> Option<PathBuf> {
    let path = request.paths.state_dir.join(DATABASE);
    (!request.only_config && path.is_file()).then_some(path)
}

/// Copies the database to a folder, as it is at one moment.
fn copy_database(request: &Request<'_>, folder: &Path) -> Result<Option<Found>, BackupError> {
    let Some(path) = database(request) else {
        return Ok(None);
    };
    let size = |path: &Path| fs::metadata(path).map(|metadata| metadata.len());
    room(folder, size(&path).map_err(failed("look at", &path))?)?;
    let copy = folder.join(DATABASE);
    journal::copy(&path, &copy)?;
    Ok(Some(Found {
        size: size(&copy).map_err(failed("look at", &copy))?,
        path: copy,
        name: format!("{STATE}/{DATABASE}"),
        executable: false,
        followed: false,
    }))
}

/// The files as they are now.
fn collect(request: &Request<'_>, named: &Named) -> Result<Tree, BackupError> {
    let (state, config) = (&request.paths.state_dir, &request.paths.config_file);
    let mut tree = Tree {
        skipped: named.skipped.clone(),
        followed: named.followed.clone(),
        ..Tree::default()
    };
    if request.only_config || !config.starts_with(state) {
        add_config(&mut tree, request.paths)?;
    }
    if request.only_config {
        return Ok(tree);
    }
    let without: &[PathBuf] = if request.workspaces { &[] } else { &named.inside };
    tree.state(state, without)?;
    for outside in &named.outside {
        let name = format!("{WORKSPACE}/{}", outside.root);
        tree.add(&outside.path, &name, &[], 0)?;
    }
    Ok(tree)
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
fn place(request: &Request<'_>, named: &Named) -> Result<PathBuf, BackupError> {
    let name = format!(
        "openclaw-backup-{}.tar.gz",
        stamp(request.now_ms, "%Y-%m-%dT%H-%M-%SZ")
    );
    let absolute = |path: &Path| std::path::absolute(path).map_err(failed("find", path));
    let is_inside = |path: &Path| {
        // the folder may still have to be made; what leads to it exists
        let real = path.ancestors().find_map(|path| path.canonicalize().ok());
        let real = real.unwrap_or_else(|| path.to_owned());
        let all = std::iter::once(&request.paths.state_dir).chain(&named.followed);
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

fn write(
    archive: &Path,
    files: &[Found],
    scratch: &Path,
    manifest: &mut Manifest,
) -> Result<u64, BackupError> {
    let folder = archive.parent().expect("a file in a folder");
    // readable by its owner only: it holds secrets
    let file = tempfile::Builder::new()
        .prefix(".openclaw-backup-")
        .permissions(fs::Permissions::from_mode(0o600))
        .tempfile_in(folder)
        .map_err(failed("write into", folder))?;
    let mut builder = Builder::new(GzEncoder::new(file, Compression::fast()));
    for found in files {
        match append(&mut builder, found, scratch, manifest.created_ms)? {
            Packed::Whole { size, sha256 } => manifest.entries.push(Entry {
                size,
                ..listed(found, sha256)
            }),
            Packed::Gone => {}
            Packed::Other => manifest.skipped.push(found.path.to_string_lossy().into_owned()),
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

/// A file's own times and owner are nobody's business on another machine.
pub(super) fn header(size: u64, executable: bool, created_ms: i64) -> Header {
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
