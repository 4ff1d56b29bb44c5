//! Engines of speech that a plugin uses, and listeners that it opens, held by the test.
use crate::{Error, ListenHead, ListenRequest, Result, Sink, Source, VoiceInput};
use futures_channel::oneshot;
use serde_json::Value;
use std::fmt;

/// One use of an engine: a text to speak, audio to write down, or a conversation. Dropping it ends the call well.
pub struct FakeSpeech {
    /// `host/1/speech.synthesize`, …
    pub method: String,
    /// Id of the engine; empty for any.
    pub engine: String,
    /// What the plugin asked for.
    pub request: Value,
    out: Sink,
    input: Option<Source>,
    end: Option<oneshot::Sender<Error>>,
}

impl FakeSpeech {
    pub(super) fn begin(
        method: &str,
        engine: &str,
        body: &[u8],
        out: Option<Sink>,
        input: Option<Source>,
    ) -> Result<(Self, oneshot::Receiver<Error>)> {
        let out = out.ok_or_else(|| Error::invalid("speech needs a stream to write to"))?;
        let (end, ended) = oneshot::channel();
        let speech = Self {
            method: method.to_owned(),
            engine: engine.to_owned(),
            request: serde_json::from_slice(body)?,
            out,
            input,
            end: Some(end),
        };
        Ok((speech, ended))
    }

    /// Gives the plugin one chunk: audio, a transcript or an output of a conversation. False: it has gone away.
    pub async fn send(&mut self, chunk: &[u8]) -> bool {
        self.out.send(chunk).await
    }

    /// The plugin's next chunk; `None` when there is no more.
    pub async fn next(&mut self) -> Option<Vec<u8>> {
        self.input.as_mut()?.next().await?.ok()
    }

    /// The plugin's next input of a conversation; `None` when there is no more.
    pub async fn voice(&mut self) -> Option<VoiceInput> {
        VoiceInput::decode(&self.next().await?).ok()
    }

    /// The engine fails.
    pub fn fail(mut self, error: Error) {
        if let Some(end) = self.end.take() {
            // nobody waits: the plugin has gone away
            let _ = end.send(error);
        }
    }
}

/// Pretends to listen until nobody waits for it.
pub(super) async fn listen(body: &[u8], out: Option<Sink>) -> Result<Vec<u8>> {
    let request: ListenRequest = serde_json::from_slice(body)?;
    let mut out = out.ok_or_else(|| Error::invalid("a listener needs a stream to write to"))?;
    let head = ListenHead {
        address: request.bind,
    };
    out.send(&serde_json::to_vec(&head)?).await;
    std::future::pending().await
}

impl fmt::Debug for FakeSpeech {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeSpeech")
            .field("method", &self.method)
            .field("engine", &self.engine)
            .finish_non_exhaustive()
    }
}
