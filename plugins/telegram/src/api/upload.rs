//! Requests that carry files: `multipart/form-data`, each file streamed from the host's store.
//!
//! Invariant: at most a few chunks of a file are in memory at a time.
use futures_util::future::join;
use openclaw_plugin_api::{Feed, FetchResponse, Host, MediaRef, RequestBuilder, Result};
use serde_json::{Map, Value};

/// One file of a request.
#[derive(Debug, Clone)]
pub(crate) struct Part {
    /// Name of the field.
    pub(crate) field: String,
    /// What it holds.
    pub(crate) media: MediaRef,
    /// The name that people see.
    pub(crate) file_name: String,
}

/// A request with files.
pub(crate) struct Upload {
    /// Fields that are not files; those that aren't texts are written as JSON.
    pub(crate) fields: Map<String, Value>,
    /// The files.
    pub(crate) files: Vec<Part>,
}

impl Upload {
    pub(super) async fn send(self, host: &Host, request: RequestBuilder) -> Result<FetchResponse> {
        let boundary = self.boundary();
        let kind = format!("multipart/form-data; boundary={boundary}");
        let (request, feed) = request.header("content-type", kind).stream();
        let (sent, ()) = join(request.send(), self.write(host, feed, &boundary)).await;
        sent
    }

    async fn write(self, host: &Host, mut feed: Feed, boundary: &str) {
        let mut head = String::new();
        for (name, value) in &self.fields {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            head += &format!(
                "--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n"
            );
        }
        for part in &self.files {
            head += &format!(
                "--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"; filename=\"{}\"\r\ncontent-type: {}\r\n\r\n",
                part.field,
                header_safe(&part.file_name),
                header_safe(&part.media.mime_type),
            );
            if !feed.send(Ok(std::mem::take(&mut head).into_bytes())).await {
                return;
            }
            let mut file = host.media().open(&part.media);
            loop {
                match file.chunk().await {
                    Ok(Some(chunk)) => {
                        if !feed.send(Ok(chunk)).await {
                            return;
                        }
                    }
                    Ok(None) => break,
                    // The request fails with the reason instead of sending half a file.
                    Err(error) => {
                        feed.send(Err(error.into_fault())).await;
                        return;
                    }
                }
            }
            head += "\r\n";
        }
        head += &format!("--{boundary}--\r\n");
        feed.send(Ok(head.into_bytes())).await;
    }

    /// A line that occurs in no file: files are named by their hash, and none contains its own.
    fn boundary(&self) -> String {
        let hash = self.files.first().map_or("", |part| part.media.sha256.as_str());
        format!(
            "openclaw-{:0>16}",
            hash.chars()
                .filter(char::is_ascii_alphanumeric)
                .take(40)
                .collect::<String>()
        )
    }
}

/// Without what would end a header or its quotes.
fn header_safe(text: &str) -> String {
    text.chars()
        .map(|c| {
            if c.is_control() || c == '"' || c == '\\' {
                '_'
            } else {
                c
            }
        })
        .collect()
}
