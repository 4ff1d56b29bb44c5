//! Packs one file as it is when it is read: since it was found it may have changed, gone, or become something else.
use super::{
    BackupError,
    create::{header, hex},
    failed, is_gone,
    walk::Found,
};
use rustix::{
    fs::{Mode, OFlags},
    io::Errno,
};
use sha2::{Digest, Sha256};
use std::{
    fs::File,
    io::{self, Read, Seek, Write},
    path::Path,
};
use tar::Builder;

/// Most bytes of a file that are held in memory before they are packed; more wait on the disk.
const IN_MEMORY: usize = 8 << 20;

/// What became of a file.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Packed {
    /// It is in the archive.
    Whole {
        /// Bytes.
        size: u64,
        /// SHA-256, hex.
        sha256: String,
    },
    /// It is not there any more.
    Gone,
    /// It is no plain file any more.
    Other,
}

/// Packs a file. `scratch` is a folder for what is large.
pub(super) fn append<W: Write>(
    builder: &mut Builder<W>,
    found: &Found,
    scratch: &Path,
    created_ms: i64,
) -> Result<Packed, BackupError> {
    let mut flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    if !found.followed {
        // a link that took the file's place since leads to what nobody wanted in an archive
        flags |= OFlags::NOFOLLOW;
    }
    let file = match rustix::fs::open(&found.path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(Errno::LOOP | Errno::NXIO) => return Ok(Packed::Other),
        Err(errno) if is_gone(&errno.into()) => return Ok(Packed::Gone),
        Err(errno) => return Err(failed("read", &found.path)(errno.into())),
    };
    let metadata = file.metadata().map_err(failed("read", &found.path))?;
    if !metadata.is_file() {
        return Ok(Packed::Other);
    }
    // no more than it has now: one that grows all the time comes to an end too
    pack(builder, found, file.take(metadata.len()), scratch, created_ms)
}

/// Packs what a file says. An archive has a file's size before its content, and a file may become shorter while it is
/// read; so it is read to its end first.
pub(super) fn pack<W: Write>(
    builder: &mut Builder<W>,
    found: &Found,
    content: impl Read,
    scratch: &Path,
    created_ms: i64,
) -> Result<Packed, BackupError> {
    let packing = || failed("pack", &found.path);
    let mut hashed = Hashed {
        inner: content,
        hash: Sha256::new(),
    };
    let mut spool = tempfile::spooled_tempfile_in(IN_MEMORY, scratch);
    let size = io::copy(&mut hashed, &mut spool).map_err(packing())?;
    spool.rewind().map_err(packing())?;
    let mut header = header(size, found.executable, created_ms);
    builder
        .append_data(&mut header, &found.name, spool)
        .map_err(packing())?;
    let sha256 = hex(&hashed.hash.finalize());
    Ok(Packed::Whole { size, sha256 })
}

/// The SHA-256 of a file, hex.
pub(super) fn hash(path: &Path) -> io::Result<String> {
    let mut hashed = Hashed {
        inner: File::open(path)?,
        hash: Sha256::new(),
    };
    io::copy(&mut hashed, &mut io::sink())?;
    Ok(hex(&hashed.hash.finalize()))
}

/// A reader that hashes what passes.
struct Hashed<R> {
    inner: R,
    hash: Sha256,
}

impl<R: Read> Read for Hashed<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.hash.update(&buffer[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_became_shorter_is_packed_as_it_was_read() {
        let scratch = tempfile::tempdir().expect("a folder");
        let found = Found {
            path: "a.jsonl".into(),
            name: "state/a.jsonl".into(),
            executable: false,
            size: 100,
            followed: false,
        };
        let mut builder = Builder::new(Vec::new());
        let packed = pack(&mut builder, &found, &b"short"[..], scratch.path(), 0).expect("packed");
        let sha256 = hex(&Sha256::digest(b"short"));
        assert_eq!(packed, Packed::Whole { size: 5, sha256 });
        let bytes = builder.into_inner().expect("an archive");
        let mut archive = tar::Archive::new(&bytes[..]);
        let mut entries = archive.entries().expect("entries");
        let mut text = String::new();
        let mut entry = entries.next().expect("one").expect("whole");
        entry.read_to_string(&mut text).expect("text");
        assert_eq!(text, "short");
    }
}
