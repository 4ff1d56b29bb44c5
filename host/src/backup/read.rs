//! Reads an archive that anybody may have made: every name is judged, everything is counted, and nothing counts before the
//! manifest at its end agrees with all that came before.
use super::{
    BackupError, DATABASE, Entry, MANIFEST, MEDIA, Manifest, STATE,
    create::hex,
    failed,
    manifest::{MAX_PATH, SCHEMA, admit},
    walk::MAX_FILES,
};
use crate::journal;
use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use std::{
    collections::{BTreeMap, HashSet},
    fs::{DirBuilder, File, OpenOptions},
    io::{Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt},
    path::{Path, PathBuf},
};
use tar::{Archive, EntryType};

/// Largest manifest, bytes.
const MAX_MANIFEST: u64 = 512 << 20;
/// Free bytes that an archive leaves on the disk that it is unpacked to.
pub(super) const LEFT_FREE: u64 = 64 << 20;
/// Bytes that are read at once.
const PIECE: usize = 64 << 10;

/// An archive that is whole.
#[derive(Debug)]
pub struct Verified {
    /// What it says of itself.
    pub manifest: Manifest,
    /// Bytes of all its files.
    pub bytes: u64,
    /// Version of the database in it.
    pub database: Option<i64>,
    /// How many files of messages its database names that it has not: they were gone when it was made, or behind a link.
    pub missing: u64,
}

/// Which files are written, and where to.
pub(super) enum Take<'t> {
    /// All of them, below this folder.
    All(&'t Path),
    /// The database alone, to be looked at.
    Database(&'t Path),
}

/// Reads a whole archive and judges it, also the database in it. It writes to a folder of its own only.
pub fn verify(archive: &Path) -> Result<Verified, BackupError> {
    let beside = archive.parent().filter(|folder| !folder.as_os_str().is_empty());
    let beside = beside.unwrap_or(Path::new("."));
    // a container may have no folder for what is temporary
    let scratch = tempfile::tempdir().or_else(|_| tempfile::tempdir_in(beside));
    let scratch = scratch.map_err(failed("make a folder in", beside))?;
    unpack(archive, &Take::Database(scratch.path()))
}

/// Free bytes where a folder is; very many if the system does not tell.
pub(super) fn free(folder: &Path) -> u64 {
    let disk = rustix::fs::statvfs(folder);
    disk.map_or(u64::MAX, |disk| disk.f_bavail.saturating_mul(disk.f_frsize))
}

/// Reads a whole archive, writes what is to be taken, and judges all of it.
pub(super) fn unpack(archive: &Path, take: &Take<'_>) -> Result<Verified, BackupError> {
    let refuse = |why: String| BackupError::Archive {
        path: archive.to_owned(),
        why,
    };
    let file = File::open(archive).map_err(failed("open", archive))?;
    let (Take::All(folder) | Take::Database(folder)) = take;
    let room = free(folder).saturating_sub(LEFT_FREE);
    let mut reader = Reader {
        seen: BTreeMap::new(),
        bytes: 0,
        room,
        take,
        long_name: None,
        manifest: None,
    };
    let mut tar = Archive::new(GzDecoder::new(file));
    // raw: what would change the name of the next entry comes here as an entry of its own
    let entries = tar.entries().map_err(|e| refuse(unreadable(&e)))?;
    for entry in entries.raw(true) {
        let entry = entry.map_err(|e| refuse(unreadable(&e)))?;
        reader.entry(entry).map_err(|error| match error {
            Refused::Why(why) => refuse(why),
            Refused::Error(error) => error,
        })?;
    }
    // what stands behind the archive's end mark is read too, for the checksum at the very end
    let mut rest = tar.into_inner();
    std::io::copy(
        &mut Read::by_ref(&mut rest).take(MAX_MANIFEST),
        &mut std::io::sink(),
    )
    .map_err(|e| refuse(unreadable(&e)))?;
    let (seen, bytes) = (reader.seen, reader.bytes);
    let manifest = reader
        .manifest
        .ok_or_else(|| refuse("it has no manifest: it is no backup, or was cut off".into()))?;
    agree(&manifest, seen).map_err(refuse)?;
    let database = look(folder)?;
    let missing = match database {
        Some(version) if version > 0 => missing(folder, &manifest)?,
        _ => 0,
    };
    Ok(Verified {
        manifest,
        bytes,
        database,
        missing,
    })
}

/// The manifest lists each file as it is, and no others.
fn agree(manifest: &Manifest, mut seen: BTreeMap<String, Entry>) -> Result<(), String> {
    for listed in &manifest.entries {
        match seen.remove(&listed.path) {
            None => return Err(format!("{} is in its manifest and not in it", listed.path)),
            Some(found) if found.size != listed.size || found.sha256 != listed.sha256 => {
                return Err(format!("{} is not what its manifest says", listed.path));
            }
            Some(_) => {}
        }
    }
    let mut tops = manifest.entries.iter().filter_map(|entry| top(&entry.path));
    if let Some(both) = tops.find(|top| manifest.left_out.contains(*top)) {
        return Err(format!("it has {both}, and says that it left it out"));
    }
    match seen.into_keys().next() {
        Some(extra) => Err(format!("{extra} is not in its manifest")),
        None => Ok(()),
    }
}

/// The name in the state directory that a file belongs to.
fn top(path: &str) -> Option<&str> {
    let (folder, rest) = path.split_once('/')?;
    (folder == STATE).then(|| rest.split('/').next()).flatten()
}

/// Is the database one that this program can go on with?
fn look(folder: &Path) -> Result<Option<i64>, BackupError> {
    let path = folder.join(STATE).join(DATABASE);
    if !path.is_file() {
        return Ok(None);
    }
    let seen = journal::look(&path, true)?;
    if let Some(damage) = seen.damage {
        return Err(BackupError::Damaged(damage));
    }
    match seen.version > seen.known {
        true => Err(BackupError::Newer {
            found: seen.version,
            known: seen.known,
        }),
        false => Ok(Some(seen.version)),
    }
}

/// How many of the files that the database names the archive has not.
fn missing(folder: &Path, manifest: &Manifest) -> Result<u64, BackupError> {
    let names: HashSet<_> = manifest.entries.iter().map(|entry| &*entry.path).collect();
    let has = |id: &str| names.contains(&*format!("{STATE}/{MEDIA}/{id}"));
    Ok(journal::missing_media(&folder.join(STATE).join(DATABASE), has)?)
}

fn unreadable(error: &std::io::Error) -> String {
    format!("it can't be read as a .tar.gz: {error}")
}

enum Refused {
    Why(String),
    Error(BackupError),
}

struct Reader<'t> {
    seen: BTreeMap<String, Entry>,
    bytes: u64,
    room: u64,
    take: &'t Take<'t>,
    /// The name of the next entry, where it did not fit into a header.
    long_name: Option<String>,
    manifest: Option<Manifest>,
}

impl Reader<'_> {
    fn entry<R: Read>(&mut self, mut entry: tar::Entry<'_, R>) -> Result<(), Refused> {
        if self.manifest.is_some() {
            return Err(Refused::Why("something stands behind its manifest".into()));
        }
        let kind = entry.header().entry_type();
        if kind == EntryType::GNULongName {
            return self.name(entry);
        }
        let name = match self.long_name.take() {
            Some(name) => name,
            None => text(&entry.header().path_bytes())?,
        };
        if kind != EntryType::Regular {
            return Err(Refused::Why(format!(
                "{name} is a link, a device or something else that no backup has"
            )));
        }
        if name == MANIFEST {
            return self.read_manifest(entry);
        }
        let path = admit(&name).map_err(|why| Refused::Why(format!("{name}: {why}")))?;
        if self.seen.contains_key(&name) || self.seen.len() >= MAX_FILES {
            return Err(Refused::Why(format!(
                "{name} is in it twice, or it has too many files"
            )));
        }
        let executable = entry.header().mode().is_ok_and(|mode| mode & 0o100 != 0);
        let target = match self.take {
            Take::All(folder) => Some(folder.join(path)),
            Take::Database(folder) => (path == Path::new(STATE).join(DATABASE)).then(|| folder.join(path)),
        };
        let (size, sha256) = self.copy(&mut entry, target.as_deref(), executable)?;
        let found = Entry {
            path: name.clone(),
            size,
            sha256,
            executable,
        };
        self.seen.insert(name, found);
        Ok(())
    }

    fn name<R: Read>(&mut self, entry: tar::Entry<'_, R>) -> Result<(), Refused> {
        if self.long_name.is_some() || entry.size() > MAX_PATH as u64 + 1 {
            return Err(Refused::Why("a name in it is too long".into()));
        }
        let mut bytes = Vec::new();
        let read = entry.take(MAX_PATH as u64 + 1).read_to_end(&mut bytes);
        read.map_err(|e| Refused::Why(unreadable(&e)))?;
        while bytes.last() == Some(&0) {
            bytes.pop();
        }
        self.long_name = Some(text(&bytes)?);
        Ok(())
    }

    fn read_manifest<R: Read>(&mut self, entry: tar::Entry<'_, R>) -> Result<(), Refused> {
        if entry.size() > MAX_MANIFEST {
            return Err(Refused::Why("its manifest is too large".into()));
        }
        let wrong = |why: String| Refused::Why(format!("its manifest is not one: {why}"));
        let value: serde_json::Value = serde_json::from_reader(entry).map_err(|e| wrong(e.to_string()))?;
        if value["schemaVersion"] != SCHEMA {
            return Err(wrong(format!(
                "it has the version {}, this program knows {SCHEMA}",
                value["schemaVersion"]
            )));
        }
        let manifest: Manifest = serde_json::from_value(value).map_err(|e| wrong(e.to_string()))?;
        let plain =
            |name: &String| !name.is_empty() && !name.contains(['/', '\0']) && name != "." && name != "..";
        if !manifest.left_out.iter().all(plain) {
            return Err(wrong("it leaves out what is no name".into()));
        }
        self.manifest = Some(manifest);
        Ok(())
    }

    fn copy<R: Read>(
        &mut self,
        entry: &mut tar::Entry<'_, R>,
        target: Option<&Path>,
        executable: bool,
    ) -> Result<(u64, String), Refused> {
        let mut file = match target {
            Some(path) => Some((open(path, executable).map_err(Refused::Error)?, path)),
            None => None,
        };
        let (mut hash, mut size) = (Sha256::new(), 0_u64);
        let mut piece = vec![0; PIECE];
        loop {
            let read = entry.read(&mut piece).map_err(|e| Refused::Why(unreadable(&e)))?;
            if read == 0 {
                break;
            }
            size += read as u64;
            self.bytes += read as u64;
            hash.update(&piece[..read]);
            if let Some((file, path)) = &mut file {
                self.room = self
                    .room
                    .checked_sub(read as u64)
                    .ok_or_else(|| Refused::Why("it holds more than the disk has room for".into()))?;
                file.write_all(&piece[..read])
                    .map_err(|e| Refused::Error(failed("write", path.to_path_buf())(e)))?;
            }
        }
        Ok((size, hex(&hash.finalize())))
    }
}

/// Makes a file that is not there yet, in folders of its owner's.
fn open(path: &Path, executable: bool) -> Result<File, BackupError> {
    let folder: PathBuf = path.parent().unwrap_or(Path::new("/")).into();
    let made = DirBuilder::new().recursive(true).mode(0o700).create(&folder);
    made.map_err(failed("make", &folder))?;
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(if executable { 0o700 } else { 0o600 })
        .open(path);
    file.map_err(failed("write", path))
}

fn text(bytes: &[u8]) -> Result<String, Refused> {
    let text = std::str::from_utf8(bytes).map(str::to_owned);
    text.map_err(|_| Refused::Why("a name in it is no text".into()))
}
