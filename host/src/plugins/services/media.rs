//! `media.*`: files of messages, written once under a name that nobody chose.
use super::{Context, Request, blocking, state::failed};
use crate::journal::{Journal, StoredMedia};
use openclaw_plugin_api::{Error, ErrorKind, MediaRef, Result, Sink, Source, abi::source_pair};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncWriteExt},
};

/// Largest file, bytes.
const MAX_FILE: u64 = 100 << 20;
/// Characters of a file name that are kept.
const MAX_NAME: usize = 200;
/// Bytes that are read at once.
const PIECE: usize = 64 << 10;

pub(super) async fn save(context: &Context, mut request: Request) -> Result<Vec<u8>> {
    let known: MediaRef = request.record()?;
    let source = request
        .input
        .take()
        .ok_or_else(|| Error::invalid("a file needs a stream of bytes"))?;
    let services = context.services();
    let (journal, now) = (&services.journal, services.clock.now_ms());
    let media = store(journal, &services.media, known, source, context.plugin(), now).await?;
    Ok(serde_json::to_vec(&media)?)
}

/// Takes a file of the gateway's own into the store.
pub(crate) async fn keep(
    journal: &Journal,
    folder: &Path,
    known: MediaRef,
    bytes: Vec<u8>,
    owner: &str,
    now_ms: i64,
) -> Result<MediaRef> {
    let (mut feed, source) = source_pair(1);
    feed.send(Ok(bytes)).await;
    drop(feed);
    store(journal, folder, known, source, owner, now_ms).await
}

async fn store(
    journal: &Journal,
    folder: &Path,
    known: MediaRef,
    source: Source,
    owner: &str,
    now_ms: i64,
) -> Result<MediaRef> {
    let id = new_id()?;
    let temporary = folder.join(format!(".{id}.tmp"));
    let outcome = write(source, folder, &temporary).await;
    let (size, sha256) = match outcome {
        Ok(written) => written,
        Err(error) => {
            let _ = tokio::fs::remove_file(&temporary).await;
            return Err(error);
        }
    };
    tokio::fs::rename(&temporary, path(folder, &id)).await?;
    let mime_type = match known.mime_type.as_str() {
        "" => "application/octet-stream".to_owned(),
        mime_type => mime_type.chars().take(MAX_NAME).collect(),
    };
    let media = MediaRef {
        id,
        mime_type,
        file_name: base_name(&known.file_name),
        size,
        sha256,
    };
    let stored = StoredMedia {
        media: media.clone(),
        plugin: owner.to_owned(),
    };
    journal
        .run(move |j| j.add_media(&stored, now_ms))
        .await
        .map_err(failed)?;
    Ok(media)
}

pub(super) async fn open(context: &Context, mut request: Request) -> Result<Vec<u8>> {
    let mut out = request.take_out()?;
    let (journal, id) = (context.services().journal.clone(), request.target.clone());
    let stored = blocking(move || journal.media(&id).map_err(failed)).await?;
    let missing = || {
        Error::new(
            ErrorKind::NotFound,
            format_args!("there is no file {}", request.target),
        )
    };
    let stored = stored.ok_or_else(missing)?;
    read(&path(&context.services().media, &stored.media.id), &mut out).await?;
    Ok(serde_json::to_vec(&stored.media)?)
}

/// Writes and syncs, counting as it goes: the limit holds before the disk is full of it.
async fn write(mut source: Source, folder: &Path, temporary: &Path) -> Result<(u64, String)> {
    tokio::fs::create_dir_all(folder).await?;
    let mut file = tokio::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(temporary)
        .await?;
    let (mut size, mut hasher) = (0_u64, Sha256::new());
    while let Some(chunk) = source.next().await {
        let chunk = chunk.map_err(|fault| Error::from_fault(&fault))?;
        size += chunk.len() as u64;
        if size > MAX_FILE {
            return Err(Error::new(
                ErrorKind::Refused,
                format_args!("a file has at most {MAX_FILE} bytes"),
            ));
        }
        hasher.update(&chunk);
        file.write_all(&chunk).await?;
    }
    file.sync_all().await?;
    let sha256 = hasher
        .finalize()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    Ok((size, sha256))
}

async fn read(path: &Path, out: &mut Sink) -> Result<()> {
    let mut file = File::open(path).await?;
    let mut piece = vec![0; PIECE];
    loop {
        let n = file.read(&mut piece).await?;
        if n == 0 || !out.send(&piece[..n]).await {
            return Ok(());
        }
    }
}

/// Ids are ours: 32 hex digits, so that no name of a platform ever becomes a path.
fn new_id() -> Result<String> {
    let mut random = [0_u8; 16];
    getrandom::fill(&mut random).map_err(|e| Error::new(ErrorKind::Internal, e))?;
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn path(folder: &Path, id: &str) -> PathBuf {
    folder.join(id)
}

/// What stands after the last separator of any platform.
fn base_name(name: &str) -> String {
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    base.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_lose_their_folders_and_control_characters() {
        for (name, base) in [
            ("a/b.txt", "b.txt"),
            ("..\\..\\c", "c"),
            ("../", ""),
            ("a\nb", "ab"),
        ] {
            assert_eq!(base_name(name), base);
        }
    }
}
