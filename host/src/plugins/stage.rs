//! From a file somewhere to the copy that is opened: owner and mode, hash, signature, and a name made of the content.
//!
//! What is checked is what is opened: the bytes are copied once, hashed on the way, and nobody else writes to the copy.
//! Overwriting the original afterwards is harmless, and a new version has a new name, so that the dynamic linker takes
//! it for another library.
mod copies;

pub use copies::{FOLDER, sweep};

use super::manifest::is_id;
use minisign_verify::{PublicKey, Signature};
use sha2::{Digest, Sha256};
use std::{
    fs::{self, File},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

/// What a library must match.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Integrity {
    /// Lower-case hex.
    pub sha256: Option<String>,
    /// A minisign public key; the signature is in `<library>.minisig` or given.
    pub public_key: Option<String>,
    /// The signature's text.
    pub signature: Option<String>,
}

/// A copy that may be opened.
#[derive(Debug, Clone, PartialEq)]
pub struct Staged {
    /// The copy.
    pub path: PathBuf,
    /// Lower-case hex.
    pub sha256: String,
}

/// Why a library may not be opened.
#[derive(Debug, thiserror::Error)]
pub enum StageError {
    /// Somebody else could change it.
    #[error("{} {why}; fix it with `{remedy}`", path.display())]
    Unsafe {
        /// File or folder.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
        /// A command.
        remedy: String,
    },
    /// It is not the file that was pinned.
    #[error(
        "{} has the hash {actual}, plugins.entries.{id}.integrity.sha256 says {expected}; \
         if you trust the new file, change the pin", path.display()
    )]
    Hash {
        /// Plugin.
        id: String,
        /// The file.
        path: PathBuf,
        /// Pinned.
        expected: String,
        /// Found.
        actual: String,
    },
    /// The signature is wrong or missing.
    #[error("the signature of {} is not valid: {why}", path.display())]
    Signature {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// The copy can't be made.
    #[error("can't copy {} into {}: {why}", from.display(), to.display())]
    Copy {
        /// The file.
        from: PathBuf,
        /// The folder.
        to: PathBuf,
        /// What the system said.
        why: io::Error,
    },
}

/// Checks a library and copies it below the state directory.
pub fn stage(id: &str, path: &Path, integrity: &Integrity, state: &Path) -> Result<Staged, StageError> {
    assert!(is_id(id), "ids are checked when manifests are read");
    check_owner(path)?;
    let folder = state.join(FOLDER);
    let copy_error = |why| StageError::Copy {
        from: path.into(),
        to: folder.clone(),
        why,
    };
    let staged = copies::take(id, path, &folder).map_err(copy_error)?;
    let verdict =
        check_hash(id, path, &staged, integrity).and_then(|()| check_signature(path, &staged, integrity));
    if let Err(error) = verdict {
        let _ = fs::remove_file(&staged.path);
        return Err(error);
    }
    Ok(staged)
}

/// The same judgement on the file where it lies, without a copy: for `openclaw plugins doctor`.
pub fn judge(id: &str, path: &Path, integrity: &Integrity) -> Result<(), StageError> {
    check_owner(path)?;
    let failed = |why| StageError::Copy {
        from: path.into(),
        to: PathBuf::new(),
        why,
    };
    let in_place = Staged {
        path: path.into(),
        sha256: hash_file(path).map_err(failed)?,
    };
    check_hash(id, path, &in_place, integrity).and_then(|()| check_signature(path, &in_place, integrity))
}

/// The file and its folder belong to us or to root, and nobody else may write to them.
fn check_owner(path: &Path) -> Result<(), StageError> {
    let folder = path.parent().unwrap_or(Path::new("/"));
    for path in [path, folder] {
        let metadata = fs::symlink_metadata(path).map_err(|why| StageError::Copy {
            from: path.into(),
            to: PathBuf::new(),
            why,
        })?;
        let us = rustix::process::geteuid().as_raw();
        if metadata.uid() != us && metadata.uid() != 0 {
            let why = format!(
                "belongs to user {}, not to the gateway's user {us} or root",
                metadata.uid()
            );
            return Err(unsafe_path(path, why, format!("chown {us} {}", path.display())));
        }
        let sticky = metadata.is_dir() && metadata.mode() & 0o1000 != 0;
        if metadata.mode() & 0o022 != 0 && !sticky {
            let why = format!("can be written by others (mode {:03o})", metadata.mode() & 0o777);
            return Err(unsafe_path(path, why, format!("chmod go-w {}", path.display())));
        }
    }
    Ok(())
}

fn unsafe_path(path: &Path, why: String, remedy: String) -> StageError {
    StageError::Unsafe {
        path: path.into(),
        why,
        remedy,
    }
}

fn check_hash(id: &str, path: &Path, staged: &Staged, integrity: &Integrity) -> Result<(), StageError> {
    match &integrity.sha256 {
        Some(expected) if !expected.eq_ignore_ascii_case(&staged.sha256) => Err(StageError::Hash {
            id: id.into(),
            path: path.into(),
            expected: expected.clone(),
            actual: staged.sha256.clone(),
        }),
        _ => Ok(()),
    }
}

fn check_signature(path: &Path, staged: &Staged, integrity: &Integrity) -> Result<(), StageError> {
    let Some(key) = &integrity.public_key else {
        return Ok(());
    };
    let bad = |why: String| StageError::Signature {
        path: path.into(),
        why,
    };
    let key =
        PublicKey::from_base64(key).map_err(|e| bad(format!("the public key in the configuration: {e}")))?;
    let file = PathBuf::from(format!("{}.minisig", path.display()));
    let text = match &integrity.signature {
        Some(text) => text.clone(),
        None => fs::read_to_string(&file).map_err(|e| bad(format!("can't read {}: {e}", file.display())))?,
    };
    let signature = Signature::decode(&text).map_err(|e| bad(e.to_string()))?;
    let bytes = fs::read(&staged.path).map_err(|e| bad(e.to_string()))?;
    key.verify(&bytes, &signature, false)
        .map_err(|e| bad(e.to_string()))
}

/// Lower-case hex of a file's SHA-256.
pub fn hash_file(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    hash_into(&mut file, |_| Ok(()))
}

/// Reads to the end, passing every piece on, and gives the hash.
fn hash_into(source: &mut File, mut each: impl FnMut(&[u8]) -> io::Result<()>) -> io::Result<String> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 128 << 10];
    loop {
        let n = source.read(&mut buffer)?;
        if n == 0 {
            return Ok(hex(&hasher.finalize()));
        }
        hasher.update(&buffer[..n]);
        each(&buffer[..n])?;
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    struct Fixture {
        _root: tempfile::TempDir,
        file: PathBuf,
        state: PathBuf,
    }

    fn fixture(bytes: &[u8]) -> Fixture {
        let root = tempfile::tempdir().expect("a folder");
        let (folder, state) = (root.path().join("lib"), root.path().join("state"));
        fs::create_dir(&folder).expect("a folder");
        let file = folder.join("x.so");
        fs::write(&file, bytes).expect("a file");
        Fixture {
            _root: root,
            file,
            state,
        }
    }

    #[test]
    fn the_copy_is_named_by_content_and_survives_its_original() {
        let f = fixture(b"one");
        let first = stage("x", &f.file, &Integrity::default(), &f.state).expect("staged");
        fs::write(&f.file, b"two").expect("overwritten");
        let second = stage("x", &f.file, &Integrity::default(), &f.state).expect("staged");
        assert_ne!(first.path, second.path);
        assert_eq!(fs::read(&first.path).expect("still there"), b"one");
        assert_eq!(second.sha256, hash_file(&f.file).expect("a hash"));
    }

    #[test]
    fn another_hash_than_pinned_is_refused_and_leaves_no_copy() {
        let f = fixture(b"one");
        let pin = Integrity {
            sha256: Some("0".repeat(64)),
            ..Integrity::default()
        };
        let error = stage("x", &f.file, &pin, &f.state).expect_err("another hash");
        assert!(error.to_string().contains("change the pin"), "{error}");
        assert_eq!(fs::read_dir(f.state.join(FOLDER)).expect("a folder").count(), 0);
        let pin = Integrity {
            sha256: Some(hash_file(&f.file).expect("a hash").to_uppercase()),
            ..pin
        };
        stage("x", &f.file, &pin, &f.state).expect("the pinned file");
    }

    #[test]
    fn what_others_can_write_is_refused_with_the_command_that_mends_it() {
        let f = fixture(b"one");
        fs::set_permissions(&f.file, fs::Permissions::from_mode(0o666)).expect("changed");
        let error = stage("x", &f.file, &Integrity::default(), &f.state).expect_err("writable");
        assert!(error.to_string().contains("chmod go-w"), "{error}");
        fs::set_permissions(&f.file, fs::Permissions::from_mode(0o600)).expect("changed");
        let folder = f.file.parent().expect("a folder");
        fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).expect("changed");
        stage("x", &f.file, &Integrity::default(), &f.state).expect_err("writable folder");
    }

    #[test]
    fn a_signature_by_the_configured_key_is_needed_once_there_is_one() {
        // Key pair, signature and message of the minisign-verify documentation.
        let key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
        let signature = "untrusted comment: signature from minisign secret key\n\
            RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=\n\
            trusted comment: timestamp:1633700835\tfile:test\tprehashed\n\
            wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==";
        let f = fixture(b"test");
        let signed = Integrity {
            public_key: Some(key.into()),
            signature: Some(signature.into()),
            sha256: None,
        };
        stage("x", &f.file, &signed, &f.state).expect("signed");
        fs::write(&f.file, b"tesT").expect("changed");
        stage("x", &f.file, &signed, &f.state).expect_err("changed after signing");
        let unsigned = Integrity {
            signature: None,
            ..signed
        };
        assert!(
            stage("x", &f.file, &unsigned, &f.state)
                .expect_err("no file")
                .to_string()
                .contains("minisig")
        );
    }
}
