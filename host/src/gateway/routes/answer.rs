//! From what a plugin writes to what the client gets.
//!
//! Invariants: an answer ends when the plugin's call has ended well; otherwise the client gets an error, or a connection
//! that breaks where the body would have gone on. Neither a silent plugin nor a client that reads nothing keeps a place
//! for longer than its time. An answer that nobody waits for any more is cancelled.
use axum::{
    body::{Body, Bytes},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use futures_util::{
    future::{BoxFuture, OptionFuture},
    stream,
};
use openclaw_plugin_api::{Error, ErrorKind, HttpHead, Result, abi::Chunks};
use std::{io, time::Duration};
use tokio::{sync::mpsc, time};

use super::{limits, refusal};

/// Headers that belong to the connection, which is the gateway's.
const OF_THE_CONNECTION: [HeaderName; 7] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::PROXY_AUTHENTICATE,
];

/// A plugin's call, and what it writes.
pub(super) struct Exchange {
    /// `None` after its end.
    call: Option<BoxFuture<'static, Result<()>>>,
    /// `None` after their end.
    chunks: Option<Chunks>,
}

impl Exchange {
    pub(super) fn new(call: BoxFuture<'static, Result<()>>, chunks: Chunks) -> Self {
        Self {
            call: Some(call),
            chunks: Some(chunks),
        }
    }

    /// The client's answer, which begins within `patience`. `place` is kept until the last byte is on its way.
    pub(super) async fn answer(mut self, patience: Duration, place: impl Send + 'static) -> Response {
        let head = match time::timeout(patience.min(limits::ANSWER_BEGINS), self.next()).await {
            Ok(Ok(Some(head))) => head,
            Ok(Ok(None)) => {
                return refusal::of(&Error::new(ErrorKind::Internal, "the route answered nothing"));
            }
            Ok(Err(error)) => return refusal::of(&error),
            Err(_) => {
                return refusal::of(&Error::new(
                    ErrorKind::Timeout,
                    "the route did not answer in time",
                ));
            }
        };
        let mut response = match head_of(&head) {
            Ok(response) => response,
            Err(error) => return refusal::of(&error),
        };
        let (pieces, mut body) = mpsc::channel(1);
        tokio::spawn(async move {
            self.pump(pieces).await;
            drop(place);
        });
        *response.body_mut() = Body::from_stream(stream::poll_fn(move |cx| body.poll_recv(cx)));
        response
    }

    async fn pump(&mut self, pieces: mpsc::Sender<io::Result<Bytes>>) {
        loop {
            let next = tokio::select! {
                next = time::timeout(limits::ANSWER_SILENCE, self.next()) => next,
                () = pieces.closed() => return,
            };
            let (piece, last) = match next {
                Ok(Ok(Some(piece))) => (Ok(Bytes::from(piece)), false),
                Ok(Ok(None)) => return,
                Ok(Err(error)) => {
                    tracing::warn!(target: "openclaw::routes", %error, "an answer broke off");
                    (Err(io::Error::other("the plugin failed")), true)
                }
                Err(_) => {
                    tracing::warn!(target: "openclaw::routes", "an answer was cut: its plugin fell silent");
                    (Err(io::Error::from(io::ErrorKind::TimedOut)), true)
                }
            };
            let taken = time::timeout(limits::CLIENT_STALLS, pieces.send(piece)).await;
            if last || !matches!(taken, Ok(Ok(()))) {
                return;
            }
        }
    }

    /// The next piece; `None` when the call has ended well.
    async fn next(&mut self) -> Result<Option<Vec<u8>>> {
        let Self { call, chunks } = self;
        loop {
            tokio::select! {
                biased;
                chunk = OptionFuture::from(chunks.as_mut().map(Chunks::next)), if chunks.is_some() => {
                    match chunk.flatten() {
                        Some(chunk) => return Ok(Some(chunk)),
                        None => *chunks = None,
                    }
                }
                outcome = OptionFuture::from(call.as_mut()), if call.is_some() => {
                    *call = None;
                    outcome.unwrap_or(Ok(()))?;
                }
                else => return Ok(None),
            }
        }
    }
}

fn head_of(bytes: &[u8]) -> Result<Response> {
    let head: HttpHead = serde_json::from_slice(bytes)?;
    let status = StatusCode::from_u16(head.status).ok();
    let status = status
        .filter(|status| !status.is_informational())
        .ok_or_else(|| {
            Error::new(
                ErrorKind::Internal,
                format_args!("the route answered with status {}", head.status),
            )
        })?;
    let mut response = status.into_response();
    let headers = response.headers_mut();
    for (name, value) in head.headers {
        let valid = (HeaderName::try_from(name), HeaderValue::try_from(value));
        let (Ok(name), Ok(value)) = valid else {
            return Err(Error::new(
                ErrorKind::Internal,
                "the route answered with a header that can't be sent",
            ));
        };
        if !OF_THE_CONNECTION.contains(&name) {
            headers.append(name, value);
        }
    }
    Ok(response)
}
