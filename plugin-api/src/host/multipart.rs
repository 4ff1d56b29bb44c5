//! Forms that carry files: `multipart/form-data` (RFC 7578), each file streamed from the host's store.
//!
//! Invariant: at most a few chunks of a file are in memory at a time, and no content can end its part early.
use crate::{Error, Feed, Host, MediaRef, Result};
use serde::Serialize;
use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
};

/// A form for [`RequestBuilder::multipart`](super::RequestBuilder::multipart). Its parts are sent in order.
#[derive(Debug, Clone, Default)]
pub struct Multipart {
    parts: Vec<Part>,
}

/// One part of a form.
#[derive(Debug, Clone)]
struct Part {
    name: String,
    content: Content,
}

#[derive(Debug, Clone)]
enum Content {
    Text(String),
    Json(String),
    File { media: MediaRef, file_name: String },
}

impl Multipart {
    /// A form without parts.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a field.
    pub fn text(self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.part(name, Content::Text(value.into()))
    }

    /// Adds a field of the type `application/json`.
    pub fn json(self, name: impl Into<String>, value: &impl Serialize) -> Result<Self> {
        let json = serde_json::to_string(value)?;
        Ok(self.part(name, Content::Json(json)))
    }

    /// Adds a file under the name that people shall see.
    pub fn file(self, name: impl Into<String>, media: MediaRef, file_name: impl Into<String>) -> Self {
        let file_name = file_name.into();
        self.part(name, Content::File { media, file_name })
    }

    fn part(mut self, name: impl Into<String>, content: Content) -> Self {
        let name = name.into();
        self.parts.push(Part { name, content });
        self
    }

    /// Writes the form; ends early if nobody takes it, and with the error if a file can't be read.
    pub(super) async fn write(self, boundary: String, host: Host, mut feed: Feed) {
        let mut pending = String::new();
        for part in self.parts {
            pending += &part.head(&boundary);
            match part.content {
                Content::Text(text) | Content::Json(text) => pending += &text,
                Content::File { media, .. } => {
                    let head = std::mem::take(&mut pending).into_bytes();
                    if !(feed.send(Ok(head)).await && copy(&host, &media, &mut feed).await) {
                        return;
                    }
                }
            }
            pending += "\r\n";
        }
        pending += &format!("--{boundary}--\r\n");
        feed.send(Ok(pending.into_bytes())).await;
    }
}

impl Part {
    fn head(&self, boundary: &str) -> String {
        let name = header_safe(&self.name);
        let more = match &self.content {
            Content::Text(_) => String::new(),
            Content::Json(_) => "\r\ncontent-type: application/json".into(),
            Content::File { media, file_name } => format!(
                "; filename=\"{}\"\r\ncontent-type: {}",
                header_safe(file_name),
                header_safe(&media.mime_type)
            ),
        };
        format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"{more}\r\n\r\n")
    }
}

/// A line that nobody can foresee, so that nobody can put it into a file.
pub(super) fn boundary() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("openclaw-{:016x}{:016x}", random(), random())
}

/// True: the whole file went out.
async fn copy(host: &Host, media: &MediaRef, feed: &mut Feed) -> bool {
    let mut file = host.media().open(media);
    loop {
        match file.chunk().await {
            Ok(Some(chunk)) => {
                if !feed.send(Ok(chunk)).await {
                    return false;
                }
            }
            Ok(None) => return true,
            // The request fails with the reason instead of sending half a file.
            Err(error) => {
                feed.send(Err(Error::into_fault(error))).await;
                return false;
            }
        }
    }
}

/// Without what would end a header or its quotes.
fn header_safe(text: &str) -> String {
    let safe = |c: char| !c.is_control() && c != '"' && c != '\\';
    text.chars().map(|c| if safe(c) { c } else { '_' }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_boundaries_are_alike_and_none_is_made_of_what_is_sent() {
        let (a, b) = (boundary(), boundary());
        assert_ne!(a, b);
        assert_eq!(a.len(), "openclaw-".len() + 32);
    }

    #[test]
    fn a_name_ends_neither_its_quotes_nor_its_header() {
        let media = MediaRef {
            mime_type: "text/plain\r\nx: y".into(),
            ..MediaRef::default()
        };
        let file_name = "a\"; filename=\"b\r\n\r\n.txt".into();
        let part = Part {
            name: "file\n".into(),
            content: Content::File { media, file_name },
        };
        assert_eq!(
            part.head("B"),
            "--B\r\ncontent-disposition: form-data; name=\"file_\"; filename=\"a_; filename=_b____.txt\"\r\n\
             content-type: text/plain__x: y\r\n\r\n"
        );
    }
}
