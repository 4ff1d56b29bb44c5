//! The fake host's files: kept in memory, by the order in which they came.
use super::services::{Shared, collect, missing};
use crate::{Error, MediaRef, Result, Sink, Source};

impl Shared {
    pub(super) async fn save_media(&self, body: &[u8], input: Option<Source>) -> Result<Vec<u8>> {
        let mut media: MediaRef = serde_json::from_slice(body)?;
        let bytes = collect(input).await?;
        let mut state = self.state();
        media.id = format!("media-{}", state.media.len() + 1);
        media.size = bytes.len() as u64;
        state.media.insert(media.id.clone(), (media.clone(), bytes));
        Ok(serde_json::to_vec(&media)?)
    }

    pub(super) async fn open_media(&self, id: &str, out: Option<Sink>) -> Result<Vec<u8>> {
        let (media, bytes) = self.state().media.get(id).cloned().ok_or_else(|| missing(id))?;
        let mut out = out.ok_or_else(|| Error::invalid("a file needs a stream to be read into"))?;
        out.send(&bytes).await;
        Ok(serde_json::to_vec(&media)?)
    }
}
