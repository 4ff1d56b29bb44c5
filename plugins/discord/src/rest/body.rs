//! The body of an answer.
//!
//! Invariant: it is bounded, and reading it gives way now and then: one that comes without end and without a pause must
//! not keep the thread that other plugins are polled on.
use openclaw_plugin_api::{Error, ErrorKind, FetchResponse, Result};
use std::{future::poll_fn, task::Poll};

/// Longest answer, bytes. A hundred messages with embeds stay far below.
pub(super) const MAX_ANSWER: u64 = 4 << 20;
/// Pieces that are read before others have their turn.
const PIECES: usize = 16;

/// Reads the whole body.
pub(super) async fn read(mut answer: FetchResponse) -> Result<Vec<u8>> {
    let mut body = Vec::new();
    let mut pieces = 0;
    while let Some(piece) = answer.chunk().await? {
        if (body.len() + piece.len()) as u64 > MAX_ANSWER {
            let text = format!("the answer is longer than {MAX_ANSWER} bytes");
            return Err(Error::new(ErrorKind::Refused, text));
        }
        body.extend_from_slice(&piece);
        pieces += 1;
        if pieces % PIECES == 0 {
            give_way().await;
        }
    }
    Ok(body)
}

async fn give_way() {
    let mut given = false;
    poll_fn(|context| {
        if given {
            return Poll::Ready(());
        }
        given = true;
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
