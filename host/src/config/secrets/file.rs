//! Secrets in a file: a regular one, of this user, that nobody else can read or has a second name for.
//!
//! All checks are made on the opened file, so nothing can be put in its place after them.
use super::{FileMode, FileProvider};
use crate::config::schema::type_name;
use openclaw_plugin_api::Secret;
use rustix::fs::{Mode, OFlags};
use serde_json::Value;
use std::{
    fs::{File, Metadata},
    io::{self, Read},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::mpsc::sync_channel,
    time::Duration,
};

/// The id of the one secret in a file of mode `singleValue`.
pub(super) const VALUE: &str = "value";
/// Longest wait for the file, if the configuration does not say, milliseconds.
const TIMEOUT_MS: u64 = 5000;
/// Largest file, if the configuration does not say, bytes.
const MAX_BYTES: u64 = 1 << 20;

/// What is in a file of secrets.
pub(super) enum Content {
    /// One secret.
    Single(Secret),
    /// An object.
    Json(Value),
}

/// Opens and reads the file. The text of the error names the file and what to do.
pub(super) fn read(provider: &FileProvider, path: &Path) -> Result<Content, String> {
    let wrong = |why: &str| format!("the file {} {why}", path.display());
    if !path.is_absolute() {
        return Err(wrong("has a relative path; write an absolute one"));
    }
    let limit = provider.max_bytes.unwrap_or(MAX_BYTES);
    let wait = Duration::from_millis(provider.timeout_ms.unwrap_or(TIMEOUT_MS));
    let (sender, receiver) = sync_channel(1);
    let opened: PathBuf = path.into();
    // a file of a network that is gone blocks for good, and so only its thread does
    std::thread::spawn(move || sender.send(read_checked(&opened, limit)));
    let text = match receiver.recv_timeout(wait) {
        Ok(Ok(text)) => text,
        Ok(Err(why)) => return Err(wrong(&why)),
        Err(_) => {
            return Err(wrong(
                "could not be read in time; check where it is, or raise timeoutMs",
            ));
        }
    };
    match provider.mode {
        FileMode::SingleValue => {
            let line = text.strip_suffix('\n').unwrap_or(&text);
            Ok(Content::Single(Secret::new(
                line.strip_suffix('\r').unwrap_or(line),
            )))
        }
        FileMode::Json => serde_json::from_str(&text).map(Content::Json).map_err(|error| {
            let place = format!(
                "is not JSON in line {}, column {}; correct it",
                error.line(),
                error.column()
            );
            wrong(&place)
        }),
    }
}

fn read_checked(path: &Path, limit: u64) -> Result<String, String> {
    let unreadable = |error: &io::Error| format!("can't be read: {error}; check its path and owner");
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = match rustix::fs::open(path, flags, Mode::empty()) {
        Ok(file) => File::from(file),
        Err(rustix::io::Errno::LOOP) => return Err("is a link; name the file that it leads to".into()),
        Err(errno) => return Err(unreadable(&errno.into())),
    };
    let metadata = file.metadata().map_err(|error| unreadable(&error))?;
    check(&metadata, limit)?;
    let mut bytes = Vec::new();
    file.take(limit + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error))?;
    if bytes.len() as u64 > limit {
        return Err(too_large(limit));
    }
    String::from_utf8(bytes).map_err(|_| "is not UTF-8 text; correct it".into())
}

fn check(metadata: &Metadata, limit: u64) -> Result<(), String> {
    if !metadata.is_file() {
        return Err("is not a regular file; name one".into());
    }
    if metadata.nlink() != 1 {
        return Err("has a second name (a hard link); remove that, or copy the file".into());
    }
    if !is_ours(metadata) {
        return Err("belongs to another user; make it this user's own".into());
    }
    if metadata.mode() & 0o077 != 0 {
        return Err("can be read or written by other users; run `chmod 600` on it".into());
    }
    if metadata.len() > limit {
        return Err(too_large(limit));
    }
    Ok(())
}

/// This user's, or root's, who can read everything anyway.
pub(super) fn is_ours(metadata: &Metadata) -> bool {
    let us = rustix::process::geteuid().as_raw();
    metadata.uid() == us || metadata.uid() == 0
}

fn too_large(limit: u64) -> String {
    format!("is larger than {limit} bytes; is it the right one? If so, raise maxBytes")
}

// === impl Content ===

impl Content {
    /// The secret with this id.
    pub(super) fn secret(&self, id: &str) -> Result<Secret, String> {
        let found = match self {
            Self::Single(secret) if id == VALUE => return filled(secret.expose(), id),
            Self::Single(_) => {
                return Err(format!(
                    "the file holds one secret; its id is `{VALUE}`, not `{id}`"
                ));
            }
            Self::Json(value) if id == VALUE => Some(value),
            Self::Json(value) => value.pointer(id),
        };
        match found {
            Some(Value::String(text)) => filled(text, id),
            Some(other) => Err(format!(
                "`{id}` in the file is of type {}, and a secret is a string",
                type_name(other)
            )),
            None => Err(format!(
                "the file has nothing at `{id}`; add it, or correct the reference"
            )),
        }
    }
}

/// An empty secret is none.
pub(super) fn filled(text: &str, id: &str) -> Result<Secret, String> {
    if text.is_empty() {
        Err(format!("the secret `{id}` is empty; fill it in"))
    } else {
        Ok(Secret::new(text))
    }
}
