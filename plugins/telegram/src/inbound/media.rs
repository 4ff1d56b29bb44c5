//! Files of messages: fetched from Telegram into the host's store, or said in words why not.
use crate::{
    account::Account,
    api::{Failure, File, Message},
};
use openclaw_plugin_api::{Error, ErrorKind, MediaRef, Result};
use serde_json::json;
use std::time::Duration;

/// What Telegram gives to bots, bytes.
const CLOUD_LIMIT: u64 = 20 << 20;
/// How often a download is tried.
const TRIES: u32 = 3;
/// Wait before the next try.
const AGAIN: Duration = Duration::from_secs(1);

/// Why a file is not there.
enum Missing {
    /// It is larger than what Telegram gives or than what is taken.
    TooBig,
    /// It could not be fetched: also where the operator's rules for the network say no.
    Failed(Error),
}

/// The file of a message and what to say of it: its kind, or why it is not there.
pub(super) async fn take(account: &Account, message: &Message) -> (Option<MediaRef>, Option<String>) {
    let Some((kind, file, mime)) = file_of(message) else {
        return (None, placeholder(message));
    };
    let limit = limit(account);
    if file.file_size.is_some_and(|size| size > limit) {
        return (None, Some(too_big(kind, limit)));
    }
    let _one_at_a_time = account.downloads.lock().await;
    for attempt in 1.. {
        match fetch(account, kind, file, mime, limit).await {
            Ok(media) => return (Some(media), Some(format!("<media:{kind}>"))),
            Err(Missing::TooBig) => return (None, Some(too_big(kind, limit))),
            Err(Missing::Failed(error))
                if attempt >= TRIES
                    || !(error.kind().is_transient() || error.kind() == ErrorKind::Unknown) =>
            {
                tracing::warn!(account = account.id, kind, %error, "a file could not be fetched");
                return (
                    None,
                    Some(format!("<media:{kind}> [the file could not be fetched]")),
                );
            }
            Err(Missing::Failed(error)) => {
                account
                    .api
                    .host()
                    .sleep(error.retry_after().unwrap_or(AGAIN).min(AGAIN * 5))
                    .await
            }
        }
    }
    (None, None)
}

/// `<media:kind>` for messages with a file.
pub(super) fn placeholder(message: &Message) -> Option<String> {
    if let Some((kind, ..)) = file_of(message) {
        return Some(format!("<media:{kind}>"));
    }
    // Moving stickers can't be shown to a model.
    let sticker = message.sticker.as_ref()?;
    Some(format!("<media:sticker> {}", sticker.emoji).trim_end().to_owned())
}

/// The file of a message, its kind, and its type if Telegram doesn't say.
fn file_of(message: &Message) -> Option<(&'static str, &File, &'static str)> {
    // Several sizes of a picture; the last is the largest.
    if let Some(photo) = message
        .photo
        .iter()
        .max_by_key(|size| u64::from(size.width) * u64::from(size.height))
    {
        return Some(("image", photo, "image/jpeg"));
    }
    if let Some(sticker) = message
        .sticker
        .as_ref()
        .filter(|sticker| !sticker.is_animated && !sticker.is_video)
    {
        return Some(("sticker", sticker, "image/webp"));
    }
    // Telegram sends an animation as a document too; the animation says more.
    [
        ("video", &message.animation, "video/mp4"),
        ("video", &message.video, "video/mp4"),
        ("video", &message.video_note, "video/mp4"),
        ("audio", &message.voice, "audio/ogg"),
        ("audio", &message.audio, "audio/mpeg"),
        ("document", &message.document, "application/octet-stream"),
    ]
    .into_iter()
    .find_map(|(kind, file, mime)| file.as_ref().map(|file| (kind, file, mime)))
}

async fn fetch(
    account: &Account,
    kind: &str,
    file: &File,
    mime: &str,
    limit: u64,
) -> Result<MediaRef, Missing> {
    let found: File = account
        .api
        .ask("getFile", &json!({ "file_id": file.file_id }))
        .await?;
    let path = found
        .file_path
        .ok_or_else(|| Error::new(ErrorKind::NotFound, "telegram getFile: no path"))?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let answer = account.api.download(&path).await?;
    let bytes = answer.bytes_up_to(limit).await.map_err(|error| {
        // within an answer nothing but its length is refused
        if error.kind() == ErrorKind::Refused {
            return Missing::TooBig;
        }
        // Errors of the body may name the URL as well.
        Missing::Failed(Error::new(error.kind(), account.api.scrub(error.message())))
    })?;
    let mime = if file.mime_type.is_empty() {
        mime
    } else {
        &file.mime_type
    };
    let name = if file.file_name.is_empty() {
        let (_, extension) = path.rsplit_once('.').unwrap_or((&path, "bin"));
        format!("{kind}.{extension}")
    } else {
        file.file_name.clone()
    };
    let media = account.api.host().media();
    Ok(media.save(mime, &base_name(&name), bytes).await?)
}

impl From<Failure> for Missing {
    fn from(failure: Failure) -> Self {
        if failure.says(&["file is too big"]) {
            return Self::TooBig;
        }
        Self::Failed(failure.into())
    }
}

impl From<Error> for Missing {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// Bytes that a file may have.
fn limit(account: &Account) -> u64 {
    let configured = account
        .config
        .media_max_mb
        .filter(|mb| mb.is_finite() && *mb > 0.0)
        .map(|mb| mb * 1_048_576.0);
    // Fractions of a byte don't matter, and the value is between 0 and the cap.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let configured = configured.map_or(u64::MAX, |bytes| bytes.min(512e6) as u64);
    let cap = if account.config.api_root.is_none() {
        CLOUD_LIMIT
    } else {
        64 << 20
    };
    configured.min(cap)
}

fn too_big(kind: &str, limit: u64) -> String {
    format!(
        "<media:{kind}> [the file is larger than the {} MB that are taken]",
        limit >> 20
    )
}

/// The last part of a path, whatever its separators.
fn base_name(name: &str) -> String {
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    base.chars().filter(|c| !c.is_control()).take(120).collect()
}
