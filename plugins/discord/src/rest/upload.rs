//! Requests that carry files: `multipart/form-data`, each file streamed from the host's store.
//!
//! Invariant: at most a few chunks of a file are in memory at a time, and no content can end its part early.
use super::Request;
use futures_util::future::join;
use openclaw_plugin_api::{Feed, FetchResponse, Host, RequestBuilder, Result};
use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
};

/// Sends a request with its files.
pub(super) async fn send(request: &Request, host: &Host, builder: RequestBuilder) -> Result<FetchResponse> {
    let boundary = boundary();
    let kind = format!("multipart/form-data; boundary={boundary}");
    let (builder, feed) = builder.header("content-type", kind).stream();
    let (sent, ()) = join(builder.send(), write(request, host, feed, &boundary)).await;
    sent
}

async fn write(request: &Request, host: &Host, mut feed: Feed, boundary: &str) {
    let mut head = String::new();
    if let Some(body) = &request.body {
        head += &format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"payload_json\"\r\ncontent-type: \
             application/json\r\n\r\n{body}\r\n"
        );
    }
    for (name, value) in &request.fields {
        head +=
            &format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
    }
    for part in &request.files {
        head += &format!(
            "--{boundary}\r\ncontent-disposition: form-data; name=\"{}\"; filename=\"{}\"\r\ncontent-type: {}\r\n\r\n",
            header_safe(&part.field),
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

/// A line that nobody can foresee, so that nobody can put it into a file.
fn boundary() -> String {
    let random = || RandomState::new().build_hasher().finish();
    format!("openclaw-{:016x}{:016x}", random(), random())
}

/// Without what would end a header or its quotes.
fn header_safe(text: &str) -> String {
    let safe = |c: char| !c.is_control() && c != '"' && c != '\\';
    text.chars().map(|c| if safe(c) { c } else { '_' }).collect()
}
