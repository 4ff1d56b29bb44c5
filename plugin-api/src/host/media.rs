//! Files of messages: written once, read by whoever has the reference, deleted by the host when they are old.
use super::{host_ids, parse, streamed::Streamed};
use crate::{
    Host, MediaRef, Result,
    abi::{Call, source_pair},
};

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
        let known = MediaRef {
            mime_type: mime_type.into(),
            file_name: file_name.into(),
            ..MediaRef::default()
        };
        let (mut feed, source) = source_pair(1);
        feed.send(Ok(bytes)).await;
        drop(feed);
        let body = serde_json::to_vec(&known)?;
        let call = Call {
            method: host_ids::MEDIA_SAVE,
            target: "",
            meta: "",
            body,
            out: None,
            input: Some(source),
        };
        parse(&self.host.call_raw(call).await?)
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
