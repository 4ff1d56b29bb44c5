//! Files of messages: fetched into the host's store, or said in words why not.
use crate::{
    account::Connection,
    wire::{Attachment, Message, Sticker},
};
use openclaw_plugin_api::{Backoff, Error, ErrorKind, Inbound, MediaRef, Result};
use std::time::Duration;

/// Largest file that is taken if nothing is said, MB.
const DEFAULT_MB: f64 = 100.0;
/// Files that are taken of one message. Discord allows ten, and stickers beside them.
const MAX_FILES: usize = 13;
/// How often a download is tried.
const TRIES: u32 = 3;
/// Bounds of the waits between.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(5));
/// Deadline of one download.
const DEADLINE: Duration = Duration::from_secs(120);
/// Where stickers are.
const STICKERS: &str = "https://cdn.discordapp.com/stickers";
/// The format of stickers that no model can see.
const LOTTIE: u64 = 3;
/// The format of stickers that move.
const GIF: u64 = 4;

/// What became of the files of a message.
#[derive(Debug, Default)]
pub(super) struct Files {
    pub(super) media: Vec<MediaRef>,
    /// What to say of each: its kind, or why it is not there.
    pub(super) words: Vec<String>,
}

/// One file.
#[derive(Debug, Clone, PartialEq)]
struct File {
    kind: &'static str,
    name: String,
    mime: String,
    url: String,
    /// 0: not known.
    size: u64,
    /// What people see of it besides.
    label: String,
}

/// Fetches the files of a message, unless the host would not take it. While it can't say, nothing is fetched.
pub(super) async fn take(connection: &Connection, event: &Inbound, message: &Message) -> Files {
    let files = files(message);
    if files.is_empty() {
        return Files::default();
    }
    if !connection.host.admits_surely(event).await {
        let words = files.iter().map(File::placeholder).collect();
        return Files {
            words,
            ..Files::default()
        };
    }
    let (mut taken, limit) = (Files::default(), limit(connection));
    for file in files.iter().take(MAX_FILES) {
        let (media, words) = one(connection, file, limit).await;
        taken.media.extend(media);
        taken.words.push(words);
    }
    taken
}

/// `<media:kind>` for each file.
pub(super) fn placeholders(message: &Message) -> Vec<String> {
    files(message).iter().map(File::placeholder).collect()
}

/// The files of a message and of what it forwards.
fn files(message: &Message) -> Vec<File> {
    let forwarded = message
        .message_snapshots
        .iter()
        .filter_map(|snapshot| snapshot.message.as_deref());
    std::iter::once(message)
        .chain(forwarded)
        .flat_map(|message| {
            let attachments = message.attachments.iter().map(attachment);
            attachments.chain(message.sticker_items.iter().map(sticker))
        })
        .collect()
}

fn attachment(file: &Attachment) -> File {
    let mime = file.content_type.clone().unwrap_or_default();
    // `text/plain; charset=utf-8`
    let mime = mime.split(';').next().unwrap_or_default().trim().to_owned();
    let kind = match mime.split('/').next() {
        Some("image") => "image",
        Some("video") => "video",
        Some("audio") => "audio",
        _ => "document",
    };
    File {
        kind,
        name: file.filename.clone(),
        mime,
        url: file.url.clone(),
        size: file.size,
        label: file.description.clone().unwrap_or_default(),
    }
}

fn sticker(sticker: &Sticker) -> File {
    let (end, mime) = match sticker.format_type {
        GIF => ("gif", "image/gif"),
        _ => ("png", "image/png"),
    };
    let is_id = !sticker.id.is_empty() && sticker.id.bytes().all(|b| b.is_ascii_digit());
    let url = (is_id && sticker.format_type != LOTTIE).then(|| format!("{STICKERS}/{}.{end}", sticker.id));
    File {
        kind: "sticker",
        name: format!("sticker.{end}"),
        mime: mime.to_owned(),
        url: url.unwrap_or_default(),
        size: 0,
        label: sticker.name.clone(),
    }
}

async fn one(connection: &Connection, file: &File, limit: u64) -> (Option<MediaRef>, String) {
    let placeholder = file.placeholder();
    // A moving sticker can't be shown to a model.
    if file.url.is_empty() {
        return (None, placeholder);
    }
    let too_big = || {
        format!(
            "{placeholder} [the file is larger than the {} MB that are taken]",
            limit >> 20
        )
    };
    if file.size > limit {
        return (None, too_big());
    }
    // One download at a time: many at once would fill the store's queue and the line.
    let _turn = connection.downloads.lock().await;
    let mut backoff = Backoff::new(AGAIN.0, AGAIN.1);
    loop {
        let fetched = connection
            .host()
            .timeout(DEADLINE, fetch(connection, file, limit))
            .await;
        let error = match fetched.and_then(|fetched| fetched) {
            Ok(media) => return (Some(media), placeholder),
            Err(error) => error,
        };
        if error.kind() == ErrorKind::Refused && error.message().contains("longer than") {
            return (None, too_big());
        }
        let wait = backoff
            .next_wait()
            .max(error.retry_after().unwrap_or_default())
            .min(AGAIN.1);
        if backoff.tries() >= TRIES || !error.kind().is_transient() {
            tracing::warn!(account = connection.id, kind = file.kind, %error, "a file could not be fetched");
            return (None, format!("{placeholder} [the file could not be fetched]"));
        }
        connection.host().sleep(wait).await;
    }
}

async fn fetch(connection: &Connection, file: &File, limit: u64) -> Result<MediaRef> {
    let mut request = connection
        .host()
        .http()
        .get(file.url.as_str())
        .max_bytes(limit.saturating_add(1));
    if let Some(proxy) = &connection.config.proxy {
        request = request.proxy(proxy.as_str());
    }
    let answer = request.send().await?.error_for_status()
        .await
        // the address has a signature in it, which is nobody's business
        .map_err(|error| Error::new(error.kind(), format_args!("discord's files: {}", error.message())))?;
    let mime = match file.mime.as_str() {
        "" => "application/octet-stream",
        mime => mime,
    };
    connection
        .host()
        .media()
        .save_answer(mime, &base_name(&file.name), answer, limit)
        .await
}

/// Bytes that a file may have.
fn limit(connection: &Connection) -> u64 {
    let configured = connection
        .config
        .media_max_mb
        .filter(|mb| mb.is_finite() && *mb > 0.0);
    let bytes = configured.unwrap_or(DEFAULT_MB) * 1_048_576.0;
    // Fractions of a byte don't matter, and the value is between 0 and the cap.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
    let bytes = bytes.min(512e6) as u64;
    bytes
}

/// The last part of a path, whatever its separators.
fn base_name(name: &str) -> String {
    let base = name.rsplit(['/', '\\']).next().unwrap_or_default();
    base.chars().filter(|c| !c.is_control()).take(120).collect()
}

impl File {
    fn placeholder(&self) -> String {
        format!("<media:{}> {}", self.kind, self.label)
            .trim_end()
            .to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Read;
    use serde_json::json;

    #[test]
    fn files_stickers_and_forwarded_files_are_seen() {
        let message = Message::read(json!({
            "attachments": [{ "filename": "a.png", "content_type": "image/png", "size": 5, "url": "https://cdn.discordapp.com/a", "description": "a cat" }],
            "sticker_items": [{ "id": "7", "name": "Wave", "format_type": 1 }, { "id": "8", "name": "Dance", "format_type": 3 }],
            "message_snapshots": [{ "message": { "attachments": [{ "filename": "b", "content_type": "text/plain; charset=utf-8" }] } }]
        }))
        .expect("a message");
        assert_eq!(
            placeholders(&message),
            [
                "<media:image> a cat",
                "<media:sticker> Wave",
                "<media:sticker> Dance",
                "<media:document>"
            ]
        );
        let files = files(&message);
        assert_eq!(files[1].url, "https://cdn.discordapp.com/stickers/7.png");
        assert_eq!(
            (files[2].url.as_str(), files[3].mime.as_str()),
            ("", "text/plain")
        );
    }

    #[test]
    fn a_sticker_can_t_lead_elsewhere() {
        let evil = Sticker {
            id: "../x".into(),
            ..Sticker::default()
        };
        assert_eq!(sticker(&evil).url, "");
        assert_eq!(base_name("..\\a/b\u{7}.txt"), "b.txt");
    }
}
