//! Files of messages: written once, read by whoever has the reference, deleted by the host when they are old.
use super::{
    FetchResponse, host_ids, parse,
    streamed::{Streamed, beside},
};
use crate::{
    Error, ErrorKind, Feed, Host, MediaRef, Result, Source,
    abi::{Call, source_pair},
};
use std::future::Future;

/// Pieces of an answer that wait for the store.
const PIECES: usize = 4;

/// Files of messages; see [`Host::media`].
#[derive(Debug, Clone)]
pub struct Media {
    host: Host,
}

/// A file that is being read.
#[derive(Debug)]
pub struct MediaReader(Streamed);

impl Media {
    pub(super) fn new(host: Host) -> Self {
        Self { host }
    }

    /// Stores bytes. The reference carries their size and hash.
    pub async fn save(&self, mime_type: &str, file_name: &str, bytes: Vec<u8>) -> Result<MediaRef> {
        let (mut feed, source) = source_pair(1);
        feed.send(Ok(bytes)).await;
        drop(feed);
        parse(&self.store(mime_type, file_name, source)?.await?)
    }

    /// Stores the body of an answer piece by piece, so that it is never whole in memory. Refused if it has more than
    /// `limit` bytes; then nothing is stored.
    pub async fn save_answer(
        &self,
        mime_type: &str,
        file_name: &str,
        answer: FetchResponse,
        limit: u64,
    ) -> Result<MediaRef> {
        let (feed, source) = source_pair(PIECES);
        let stored = self.store(mime_type, file_name, source)?;
        parse(&beside(stored, feed_answer(feed, answer, limit)).await?)
    }

    fn store(
        &self,
        mime_type: &str,
        file_name: &str,
        source: Source,
    ) -> Result<impl Future<Output = Result<Vec<u8>>> + Send + use<>> {
        let known = MediaRef {
            mime_type: mime_type.into(),
            file_name: file_name.into(),
            ..MediaRef::default()
        };
        let body = serde_json::to_vec(&known)?;
        Ok(self.host.call_raw(Call {
            method: host_ids::MEDIA_SAVE,
            target: "",
            meta: "",
            body,
            out: None,
            input: Some(source),
        }))
    }

    /// Opens a file.
    pub fn open(&self, media: &MediaRef) -> MediaReader {
        MediaReader(Streamed::start(
            &self.host,
            host_ids::MEDIA_OPEN,
            &media.id,
            Vec::new(),
            None,
        ))
    }
}

impl MediaReader {
    /// The next piece; `None` at the end.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        self.0.next().await
    }
}

/// Ends when there is no more, or nobody takes it.
async fn feed_answer(mut feed: Feed, mut answer: FetchResponse, limit: u64) {
    let mut length = 0;
    loop {
        let piece = match answer.chunk().await {
            Ok(Some(piece)) => Ok(piece),
            Ok(None) => return,
            Err(error) => Err(error),
        };
        length += piece.as_ref().map_or(0, |piece| piece.len() as u64);
        let piece = piece.and_then(|piece| match length > limit {
            false => Ok(piece),
            true => Err(Error::new(
                ErrorKind::Refused,
                format_args!("the file is longer than {limit} bytes"),
            )),
        });
        let is_last = piece.is_err();
        if !feed.send(piece.map_err(Error::into_fault)).await || is_last {
            return;
        }
    }
}
