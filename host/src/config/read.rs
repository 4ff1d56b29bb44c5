//! Reading the files of a configuration: bounded, and never waiting for who writes into a pipe.
use super::{include::IncludeError, parse};
use cap_std::{ambient_authority, fs::Dir};
use std::{
    fs::OpenOptions,
    io::{self, Read},
    os::unix::fs::OpenOptionsExt,
    path::Path,
};

/// The main file.
pub(super) fn main(path: &Path) -> Result<Vec<u8>, IncludeError> {
    OpenOptions::new()
        .read(true)
        .custom_flags(no_wait())
        .open(path)
        .and_then(bounded)
        .map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => IncludeError::Missing(path.into()),
            _ => IncludeError::Read {
                path: path.into(),
                source,
            },
        })
}

/// A file in a folder that nothing leads out of.
pub(super) fn below(root: &Path, relative: &Path) -> io::Result<Vec<u8>> {
    let mut options = cap_std::fs::OpenOptions::new();
    cap_std::fs::OpenOptionsExt::custom_flags(options.read(true), no_wait());
    let folder = Dir::open_ambient_dir(root, ambient_authority())?;
    bounded(folder.open_with(relative, &options)?.into_std())
}

/// The flag with which a pipe is opened, and then refused, also while nobody writes to it.
fn no_wait() -> i32 {
    i32::try_from(rustix::fs::OFlags::NONBLOCK.bits()).expect("flags are the system's integers")
}

/// One byte over the limit is read, so that the parser sees and names the excess.
fn bounded(file: std::fs::File) -> io::Result<Vec<u8>> {
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("it is not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(parse::MAX_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}
