//! Checksums, as `sha256sum` prints them.
use crate::error::{Error, Result};
use sha2::{Digest as _, Sha256};
use std::{fmt::Write as _, fs::File, io, path::Path};

/// A hash that a file can be copied into.
struct Sum(Sha256);

/// The length and the checksum of a file.
pub(crate) fn of_file(path: &Path) -> Result<(u64, String)> {
    let mut file = File::open(path).map_err(Error::file("read", path))?;
    let mut sum = Sum(Sha256::new());
    let bytes = io::copy(&mut file, &mut sum).map_err(Error::file("read", path))?;
    Ok((bytes, sum.hex()))
}

/// The checksum of bytes.
pub(crate) fn of_bytes(bytes: &[u8]) -> String {
    let mut sum = Sum(Sha256::new());
    sum.0.update(bytes);
    sum.hex()
}

impl Sum {
    fn hex(self) -> String {
        self.0.finalize().iter().fold(String::new(), |mut text, byte| {
            write!(text, "{byte:02x}").expect("a String takes every write");
            text
        })
    }
}

impl io::Write for Sum {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_sha256sum() {
        let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(of_bytes(b"abc"), sum);
        let temp = tempfile::tempdir().unwrap();
        let file = temp.path().join("abc");
        std::fs::write(&file, "abc").unwrap();
        assert_eq!(of_file(&file).unwrap(), (3, sum.to_owned()));
    }
}
