//! A folder as a `.tar.gz` that depends on nothing but the folder's content: entries are sorted, and times, owners
//! and modes are fixed. The same bundle gives the same bytes.
use crate::error::{Error, Result};
use flate2::{Compression, GzBuilder};
use std::{
    fs::{self, File},
    io::{self, BufWriter, Write},
    path::{Path, PathBuf},
};
use tar::{Builder, EntryType, Header};

/// The time of every entry, 1980-01-01: real dates would differ from build to build, and zero alarms some tools.
pub(crate) const TIME: u64 = 315_532_800;
/// What may be run: programs, libraries, folders.
const EXECUTABLE: u32 = 0o755;
/// Everything else.
const READABLE: u32 = 0o644;

/// Packs a folder, whose name becomes the top of the archive.
pub(crate) fn pack(folder: &Path, to: &Path) -> Result<()> {
    let file = File::create(to).map_err(Error::file("write", to))?;
    let gzip = GzBuilder::new()
        .mtime(0)
        .write(BufWriter::new(file), Compression::best());
    let gzip = write(folder, gzip).map_err(Error::file("pack", folder))?;
    let mut file = gzip.finish().map_err(Error::file("write", to))?;
    file.flush().map_err(Error::file("write", to))
}

/// The files below a folder, sorted, relative to it.
pub(crate) fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = entries(folder).map_err(Error::file("list", folder))?;
    Ok(entries
        .into_iter()
        .filter(|path| folder.join(path).is_file())
        .collect())
}

fn write<W: Write>(folder: &Path, to: W) -> io::Result<W> {
    let top = Path::new(folder.file_name().ok_or(io::ErrorKind::InvalidInput)?);
    let mut archive = Builder::new(to);
    append(&mut archive, folder, top)?;
    for path in entries(folder)? {
        append(&mut archive, &folder.join(&path), &top.join(&path))?;
    }
    archive.into_inner()
}

fn append<W: Write>(archive: &mut Builder<W>, file: &Path, name: &Path) -> io::Result<()> {
    let metadata = fs::metadata(file)?;
    let mut header = Header::new_gnu();
    header.set_mtime(TIME);
    header.set_uid(0);
    header.set_gid(0);
    if metadata.is_dir() {
        header.set_entry_type(EntryType::Directory);
        header.set_mode(EXECUTABLE);
        header.set_size(0);
        return archive.append_data(&mut header, name.join(""), io::empty());
    }
    header.set_entry_type(EntryType::Regular);
    header.set_mode(if is_executable(&metadata) {
        EXECUTABLE
    } else {
        READABLE
    });
    header.set_size(metadata.len());
    archive.append_data(&mut header, name, File::open(file)?)
}

/// Everything below a folder, sorted, relative to it.
fn entries(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let (mut found, mut open) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(inner) = open.pop() {
        for entry in fs::read_dir(folder.join(&inner))? {
            let entry = entry?;
            let path = inner.join(entry.file_name());
            if entry.file_type()?.is_dir() {
                open.push(path.clone());
            }
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(unix)]
fn is_executable(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    metadata.permissions().mode() & 0o100 != 0
}

#[cfg(not(unix))]
fn is_executable(_: &fs::Metadata) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use flate2::read::GzDecoder;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let temp = tempfile::tempdir().unwrap();
        for file in files {
            let path = temp.path().join("top").join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, file).unwrap();
        }
        temp
    }

    fn packed(temp: &tempfile::TempDir) -> Vec<u8> {
        let to = temp.path().join("out.tar.gz");
        pack(&temp.path().join("top"), &to).unwrap();
        fs::read(to).unwrap()
    }

    #[test]
    fn the_same_content_gives_the_same_bytes() {
        let (one, two) = (folder(&["b/c", "a", "b/a"]), folder(&["b/a", "b/c", "a"]));
        let file = File::options()
            .write(true)
            .open(two.path().join("top/a"))
            .unwrap();
        file.set_modified(std::time::UNIX_EPOCH).unwrap();
        assert_eq!(packed(&one), packed(&two));
        fs::write(two.path().join("top/a"), "b").unwrap();
        assert_ne!(packed(&one), packed(&two));
    }

    #[test]
    fn entries_are_sorted_and_below_the_top() {
        let bytes = packed(&folder(&["b/c", "a"]));
        let mut archive = tar::Archive::new(GzDecoder::new(&bytes[..]));
        let names: Vec<_> = archive
            .entries()
            .unwrap()
            .map(|entry| entry.unwrap().path().unwrap().to_str().unwrap().to_owned())
            .collect();
        assert_eq!(names, ["top/", "top/a", "top/b/", "top/b/c"]);
    }
}
