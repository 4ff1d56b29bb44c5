//! How the files of an image are linked: with their tables of relocations packed, which are a thirtieth of the size then.
//!
//! Only the loader of glibc 2.36 and later reads such tables. An image has the builder's C library, or one that is no
//! older; a bundle has to run on older systems, so it is linked as ever. For the builds to stay apart, those of images are
//! in a folder of their own.
use crate::workspace::Workspace;
use std::process::Command;

/// The first glibc that reads packed tables.
const SINCE: (u32, u32) = (2, 36);
/// What the linker is told.
const FLAG: &str = "-Clink-arg=-Wl,-z,pack-relative-relocs";
/// The folder of these builds below `target/`.
const FOLDER: &str = "image";

/// The workspace whose builds are for images, if this machine's C library reads what they would have.
pub(super) fn packed(workspace: Workspace) -> Workspace {
    let version = Command::new("getconf").arg("GNU_LIBC_VERSION").output();
    let version = version.map(|said| String::from_utf8_lossy(&said.stdout).into_owned());
    if version.is_ok_and(|version| reads_them(&version)) {
        workspace.apart(FOLDER, FLAG)
    } else {
        workspace
    }
}

/// Is this, as `getconf` prints it, a C library whose loader reads packed tables?
fn reads_them(version: &str) -> bool {
    let numbers = version.trim().strip_prefix("glibc ").unwrap_or_default();
    let mut numbers = numbers.split('.').map(|number| number.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten()) {
        (Some(major), Some(minor)) => (major, minor) >= SINCE,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_library_that_reads_them_gets_them() {
        for (version, reads) in [
            ("glibc 2.36\n", true),
            ("glibc 3.0\n", true),
            ("glibc 2.41.9\n", true),
            ("glibc 2.35\n", false),
            ("musl 1.2.5\n", false),
            ("", false),
        ] {
            assert_eq!(reads_them(version), reads, "{version}");
        }
    }
}
