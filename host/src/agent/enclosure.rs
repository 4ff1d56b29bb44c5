//! Files that a model sends with its answer: from the agent's workspace, or from a public address.
//!
//! A path is opened below the workspace's folder, so that neither `..` nor a link leads out of it; an address passes the
//! guard of the outbound client. Both are as large as the operator allows, and no larger.
use super::reply::MediaSource;
use crate::{
    http::{Client, Egress, Origin, Request},
    plugins::services::keep_media,
};
use cap_std::{ambient_authority, fs::Dir};
use openclaw_plugin_api::{Error, ErrorKind, MediaRef, Result};
use std::{
    io::Read,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// How long a download may take.
const DOWNLOAD: Duration = Duration::from_secs(60);

/// Where files come from and go to.
pub struct Enclosures {
    /// The outbound client.
    pub http: Client,
    /// What may be reached.
    pub egress: Arc<Egress>,
    /// What is kept.
    pub journal: crate::journal::Journal,
    /// Where files are.
    pub media: PathBuf,
    /// The time of day.
    pub clock: crate::clock::Clock,
}

impl Enclosures {
    /// One file, taken into the store.
    pub async fn take(&self, source: &MediaSource, workspace: &Path, max_bytes: u64) -> Result<MediaRef> {
        let (name, mime_type, bytes) = match source {
            MediaSource::Path(path) => {
                let (folder, path) = (workspace.to_owned(), path.clone());
                let read = tokio::task::spawn_blocking(move || read(&folder, &path, max_bytes));
                let (name, bytes) = read.await??;
                let mime_type = mime_of(&name).to_owned();
                (name, mime_type, bytes)
            }
            MediaSource::Url(url) => self.download(url, max_bytes).await?,
        };
        let known = MediaRef {
            mime_type,
            file_name: name,
            ..MediaRef::default()
        };
        let now = self.clock.now_ms();
        keep_media(&self.journal, &self.media, known, bytes, "agent", now).await
    }

    async fn download(&self, url: &str, max_bytes: u64) -> Result<(String, String, Vec<u8>)> {
        let mut request = Request::new("GET", url, Origin::Untrusted);
        request.total = Some(DOWNLOAD);
        request.max_response_bytes = max_bytes;
        let failed = |e: crate::http::Error| Error::new(ErrorKind::Network, e);
        let response = self.http.send(&self.egress, request).await.map_err(failed)?;
        if !(200..300).contains(&response.status()) {
            let text = format!("the file's address answered with status {}", response.status());
            return Err(Error::new(ErrorKind::NotFound, text));
        }
        let header = response
            .headers()
            .get("content-type")
            .and_then(|value| value.to_str().ok());
        let mime_type = header
            .unwrap_or_default()
            .split(';')
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned();
        let path = response.url().path().to_owned();
        let name = path.rsplit('/').next().unwrap_or_default().to_owned();
        let bytes = response.bytes().await.map_err(failed)?;
        Ok((name, mime_type, bytes.to_vec()))
    }
}

impl std::fmt::Debug for Enclosures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Enclosures").finish_non_exhaustive()
    }
}

fn read(workspace: &Path, path: &str, max_bytes: u64) -> Result<(String, Vec<u8>)> {
    let path = Path::new(path.strip_prefix("file://").unwrap_or(path));
    let inside = path.strip_prefix(workspace).unwrap_or(path);
    if inside.is_absolute() {
        let text = format!(
            "{} is not in the agent's workspace, so it is not sent",
            path.display()
        );
        return Err(Error::new(ErrorKind::Refused, text));
    }
    let folder = Dir::open_ambient_dir(workspace, ambient_authority())?;
    // looked at first: a pipe would be opened for ever
    let metadata = folder.metadata(inside)?;
    if !metadata.is_file() || metadata.len() > max_bytes {
        let text = format!("{} is no file of at most {max_bytes} bytes", inside.display());
        return Err(Error::new(ErrorKind::Refused, text));
    }
    let mut bytes = Vec::new();
    let file = folder.open(inside)?;
    file.take(max_bytes).read_to_end(&mut bytes)?;
    let name = inside
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    Ok((name, bytes))
}

/// The usual types by their endings; a channel sends anything else as a document.
fn mime_of(name: &str) -> &'static str {
    let ending = name.rsplit('.').next().unwrap_or_default().to_ascii_lowercase();
    match ending.as_str() {
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "gif" => "image/gif",
        "webp" => "image/webp",
        "mp4" => "video/mp4",
        "mp3" => "audio/mpeg",
        "ogg" | "opus" => "audio/ogg",
        "m4a" => "audio/mp4",
        "wav" => "audio/wav",
        "pdf" => "application/pdf",
        "txt" | "log" => "text/plain",
        "md" => "text/markdown",
        "json" => "application/json",
        "csv" => "text/csv",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_files_of_the_workspace_are_sent() {
        let (inside, outside) = (
            tempfile::tempdir().expect("a folder"),
            tempfile::tempdir().expect("a folder"),
        );
        std::fs::write(inside.path().join("a.txt"), "hello").expect("written");
        std::fs::write(outside.path().join("b.txt"), "secret").expect("written");
        std::os::unix::fs::symlink(outside.path().join("b.txt"), inside.path().join("link")).expect("linked");
        let read = |path: &str| read(inside.path(), path, 100);
        assert_eq!(
            read("a.txt").expect("inside"),
            ("a.txt".into(), b"hello".to_vec())
        );
        let absolute = inside.path().join("a.txt").display().to_string();
        assert!(read(&absolute).is_ok(), "the same by its whole path");
        let other = outside.path().join("b.txt").display().to_string();
        for bad in ["../b.txt", "link", &other, "/etc/passwd", "."] {
            assert!(read(bad).is_err(), "{bad}");
        }
    }
}
