//! Pictures of transcripts, in the store: each once, under a name that its content gives.
use crate::journal::{Journal, StoredMedia};
use openclaw_plugin_api::MediaRef;
use sha2::{Digest, Sha256};
use std::{fs, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::Path};

/// Largest picture, bytes.
const MAX_PICTURE: usize = 20 << 20;
/// Whose they are.
const OWNER: &str = "openclaw";
/// What stands in transcripts before the id of a file.
const MARK: &str = "media:";

/// Keeps one and gives what stands for it; nothing where it can't be kept.
pub(super) fn keep(
    journal: &Journal,
    folder: &Path,
    mime_type: &str,
    bytes: &[u8],
    now_ms: i64,
) -> Option<String> {
    if bytes.is_empty() || bytes.len() > MAX_PICTURE {
        return None;
    }
    let hash = Sha256::digest(bytes);
    let sha256: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    let id = sha256[..32].to_owned();
    let path = folder.join(&id);
    if !path.exists() {
        write(folder, &path, &id, bytes).ok()?;
    }
    let stored = StoredMedia {
        media: MediaRef {
            id: id.clone(),
            mime_type: mime_type.to_owned(),
            file_name: String::new(),
            size: bytes.len() as u64,
            sha256,
        },
        plugin: OWNER.to_owned(),
    };
    journal.import_media(&stored, now_ms).ok()?;
    Some(format!("{MARK}{id}"))
}

fn write(folder: &Path, path: &Path, id: &str, bytes: &[u8]) -> std::io::Result<()> {
    fs::create_dir_all(folder)?;
    let temporary = folder.join(format!(".{id}.tmp"));
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}
