//! The archive formats: each hands its entries to the [`Sink`] and checks that the archive is whole.
//!
//! Where a format offers two ways to say one thing (a name in an extension header, a second directory of entries), the
//! second way is refused, so that no two readers can see different archives.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
};

use flate2::read::GzDecoder;
use tar::{Archive, EntryType, PaxExtensions};
use zip::{CompressionMethod, ZipArchive};

use super::{
    meter::Meter,
    unpack::{Limits, Sink, UnpackError},
};

/// Largest extension header of a tar archive.
const MAX_PAX: u64 = 64 * 1024;
/// Length of the record at the end of a zip archive.
const ZIP_END: usize = 22;
/// Length of the fixed part of an entry of a zip archive's directory.
const ZIP_ENTRY: usize = 46;
/// Most bytes of one entry of a zip archive's directory: its fixed part, and three parts with 16-bit lengths.
const ZIP_ENTRY_MAX: u64 = 4 * 64 * 1024;

/// What a file is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Format {
    /// A library, with its name.
    Library(String),
    /// `.tar`
    Tar,
    /// `.tar.gz`
    TarGz,
    /// `.zip`
    Zip,
}

impl Format {
    /// The format of a file that begins with `head`.
    pub(super) fn of_head(head: &[u8]) -> Option<Self> {
        match head {
            [0x1f, 0x8b, ..] => Some(Self::TarGz),
            [b'P', b'K', 3 | 5, 4 | 6, ..] => Some(Self::Zip),
            _ if head.get(257..262) == Some(b"ustar") => Some(Self::Tar),
            _ => None,
        }
    }
}

/// Reads a tar archive.
pub(super) fn tar(file: &mut File, limits: Limits, sink: &mut Sink<'_>) -> Result<(), UnpackError> {
    let packed = file.metadata().map_err(damaged)?.len();
    entries(Meter::new(file, packed, limits), sink).map(drop)
}

/// Reads a compressed tar archive.
pub(super) fn tar_gz(file: &mut File, limits: Limits, sink: &mut Sink<'_>) -> Result<(), UnpackError> {
    let packed = file.metadata().map_err(damaged)?.len();
    let mut meter = entries(Meter::new(GzDecoder::new(file), packed, limits), sink)?;
    let drained = meter.drain();
    meter.hit.take().map_or(drained.map_err(damaged), Err)
}

/// Reads all entries and gives the reader back.
fn entries<R: Read>(mut meter: Meter<R>, sink: &mut Sink<'_>) -> Result<Meter<R>, UnpackError> {
    let result = {
        let mut archive = Archive::new(&mut meter);
        // raw: extension headers come as entries of their own, to be judged here
        archive.entries().map_err(damaged).and_then(|entries| {
            for entry in entries.raw(true) {
                take(entry.map_err(damaged)?, sink)?;
            }
            Ok(())
        })
    };
    match (meter.hit.take(), result) {
        (Some(hit), _) => Err(hit),
        (None, Err(error)) => Err(error),
        // a whole archive says where it ends, before the file does
        (None, Ok(())) if meter.ended => Err(UnpackError::Damaged("it ends without its end mark".into())),
        (None, Ok(())) => Ok(meter),
    }
}

fn take<R: Read>(mut entry: tar::Entry<'_, R>, sink: &mut Sink<'_>) -> Result<(), UnpackError> {
    let raw = entry.header().path_bytes().into_owned();
    match entry.header().entry_type() {
        EntryType::Regular => {
            let size = entry.size();
            sink.file(&raw, &mut entry, Some(size))
        }
        EntryType::Directory if entry.size() == 0 => sink.folder(&raw),
        EntryType::XHeader | EntryType::XGlobalHeader => {
            sink.count()?;
            harmless_extension(entry, &raw, sink)
        }
        EntryType::GNULongName | EntryType::GNULongLink => Err(sink.refuse(&raw, "its name is too long")),
        EntryType::Symlink | EntryType::Link => Err(sink.refuse(&raw, "it is a link")),
        EntryType::Char | EntryType::Block | EntryType::Fifo => {
            Err(sink.refuse(&raw, "it is a device or a pipe"))
        }
        _ => Err(sink.refuse(&raw, "it is not a regular file")),
    }
}

/// An extension header may tell times, owners and comments, which mean nothing here, and nothing else.
fn harmless_extension<R: Read>(
    entry: tar::Entry<'_, R>,
    raw: &[u8],
    sink: &Sink<'_>,
) -> Result<(), UnpackError> {
    if entry.size() > MAX_PAX {
        return Err(sink.refuse(raw, "its extension header is too large"));
    }
    let mut records = Vec::new();
    entry.take(MAX_PAX).read_to_end(&mut records).map_err(damaged)?;
    for record in PaxExtensions::new(&records) {
        let key = record.map_err(damaged)?.key_bytes().to_owned();
        if matches!(&*key, b"path" | b"linkpath" | b"size") || key.starts_with(b"GNU.sparse") {
            return Err(sink.refuse(raw, "an extension header changes its name, size or shape"));
        }
    }
    Ok(())
}

/// Reads a zip archive.
pub(super) fn zip(file: &mut File, limits: Limits, sink: &mut Sink<'_>) -> Result<(), UnpackError> {
    let packed = file.metadata().map_err(damaged)?.len();
    let listed = listed(file, packed, limits)?;
    let mut archive = ZipArchive::new(&mut *file).map_err(damaged)?;
    if archive.offset() != 0 || archive.has_overlapping_files().map_err(damaged)? {
        return Err(UnpackError::Damaged(
            "its files overlap, or something stands before them".into(),
        ));
    }
    let mut rest = limits;
    for (index, raw) in listed.iter().enumerate() {
        // the archive merges entries of one name, so there are fewer then
        let entry = if index < archive.len() {
            archive.by_index(index).map_err(damaged)?
        } else {
            return Err(sink.refuse(raw, "another entry has the same name"));
        };
        if entry.name_raw() != raw {
            return Err(sink.refuse(raw, "another entry has the same name"));
        }
        if !is_file(&entry, raw, sink)? {
            sink.folder(raw)?;
            continue;
        }
        let size = entry.size();
        let mut meter = Meter::new(entry, packed, rest);
        let result = sink.file(raw, &mut meter, Some(size));
        meter.hit.take().map_or(result, Err)?;
        rest.bytes = rest.bytes.saturating_sub(size);
    }
    Ok(())
}

/// Tells a file from a folder, and refuses what is neither.
fn is_file<R: Read>(
    entry: &zip::read::ZipFile<'_, R>,
    raw: &[u8],
    sink: &Sink<'_>,
) -> Result<bool, UnpackError> {
    let kind = entry.unix_mode().map_or(0, |mode| mode & 0o170_000);
    let known = matches!(
        entry.compression(),
        CompressionMethod::Stored | CompressionMethod::Deflated
    );
    match (kind, entry.is_dir()) {
        (0o120_000, _) => Err(sink.refuse(raw, "it is a link")),
        _ if entry.encrypted() || !known => {
            Err(sink.refuse(raw, "it is encrypted or compressed in an unknown way"))
        }
        (0 | 0o040_000, true) if entry.size() == 0 => Ok(false),
        (0 | 0o100_000, false) => Ok(true),
        _ => Err(sink.refuse(raw, "it is not a regular file")),
    }
}

/// The names in a zip archive's directory, in order, also those that appear twice.
fn listed(file: &mut File, packed: u64, limits: Limits) -> Result<Vec<Vec<u8>>, UnpackError> {
    let wrong = |what: &str| UnpackError::Damaged(what.into());
    let mut end = [0; ZIP_END];
    let before_end = packed
        .checked_sub(ZIP_END as u64)
        .ok_or_else(|| wrong("it is cut off"))?;
    file.seek(SeekFrom::Start(before_end)).map_err(damaged)?;
    file.read_exact(&mut end).map_err(damaged)?;
    // a comment behind the end record could hold another end record
    if !end.starts_with(b"PK\x05\x06") || u16_at(&end, 20) != Some(0) {
        return Err(wrong("its end is missing, or a comment stands there"));
    }
    let count = usize::from(u16_at(&end, 10).unwrap_or_default());
    if count > limits.entries {
        return Err(UnpackError::TooMuch {
            limit: limits.entries as u64,
            what: "entries",
        });
    }
    let start = u64::from(u32_at(&end, 16).unwrap_or_default());
    let length = before_end
        .checked_sub(start)
        .filter(|length| *length <= count as u64 * ZIP_ENTRY_MAX);
    let length = length.ok_or_else(|| wrong("its directory is not where it should be"))?;
    let mut directory = Vec::new();
    file.seek(SeekFrom::Start(start)).map_err(damaged)?;
    Read::by_ref(file)
        .take(length)
        .read_to_end(&mut directory)
        .map_err(damaged)?;
    file.rewind().map_err(damaged)?;

    let mut rest = &directory[..];
    let names = std::iter::from_fn(|| (!rest.is_empty()).then(|| next_name(&mut rest)));
    let names: Option<Vec<_>> = names.take(count + 1).collect();
    names
        .filter(|names| names.len() == count)
        .ok_or_else(|| wrong("its directory is cut off or too long"))
}

/// Takes an entry off a zip archive's directory.
fn next_name(rest: &mut &[u8]) -> Option<Vec<u8>> {
    let [name, extra, comment] = [28, 30, 32].map(|at| u16_at(rest, at).map(usize::from));
    let end = ZIP_ENTRY + name?;
    let raw = rest
        .get(ZIP_ENTRY..end)
        .filter(|_| rest.starts_with(b"PK\x01\x02"))?
        .to_vec();
    *rest = rest.get(end + extra? + comment?..)?;
    Some(raw)
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn damaged(error: impl Into<io::Error>) -> UnpackError {
    UnpackError::Damaged(error.into().to_string())
}
