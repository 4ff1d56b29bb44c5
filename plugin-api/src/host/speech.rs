//! Engines that speak and listen, which other plugins bring.
use super::{host_ids, streamed::Streamed};
use crate::{Conversation, Feed, Host, Result, Synthesis, Transcript, Transcription, abi::source_pair};

/// Chunks of audio that wait before the writer has to: 20 ms each make a third of a second.
const WINDOW: usize = 16;

/// Engines that speak and listen; see [`Host::speech`].
#[derive(Debug, Clone)]
pub struct SpeechEngines {
    host: Host,
}

/// Audio that is being made.
#[derive(Debug)]
pub struct Speaking(Streamed);

/// Speech that is being written down.
#[derive(Debug)]
pub struct Listening(Streamed);

/// A spoken conversation.
#[derive(Debug)]
pub struct Conversing(Streamed);

impl SpeechEngines {
    pub(super) fn new(host: Host) -> Self {
        Self { host }
    }

    /// Speaks a text. `engine` is empty for the configured one.
    pub fn synthesize(&self, engine: &str, request: &Synthesis) -> Result<Speaking> {
        let body = serde_json::to_vec(request)?;
        Ok(Speaking(Streamed::start(
            &self.host,
            host_ids::SYNTHESIZE,
            engine,
            body,
            None,
        )))
    }

    /// Listens to what is written into the [`Feed`].
    pub fn transcribe(&self, engine: &str, request: &Transcription) -> Result<(Feed, Listening)> {
        let (feed, source) = source_pair(WINDOW);
        let body = serde_json::to_vec(request)?;
        Ok((
            feed,
            Listening(Streamed::start(
                &self.host,
                host_ids::TRANSCRIBE,
                engine,
                body,
                Some(source),
            )),
        ))
    }

    /// Listens to the [`crate::VoiceInput`]s that are written into the [`Feed`], and speaks.
    pub fn converse(&self, engine: &str, request: &Conversation) -> Result<(Feed, Conversing)> {
        let (feed, source) = source_pair(WINDOW);
        let body = serde_json::to_vec(request)?;
        Ok((
            feed,
            Conversing(Streamed::start(
                &self.host,
                host_ids::CONVERSE,
                engine,
                body,
                Some(source),
            )),
        ))
    }
}

impl Speaking {
    /// The next piece of audio; `None` at the end.
    pub async fn chunk(&mut self) -> Result<Option<Vec<u8>>> {
        self.0.next().await
    }
}

impl Listening {
    /// What was heard so far; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<Transcript>> {
        match self.0.next().await? {
            Some(chunk) => Ok(Some(serde_json::from_slice(&chunk)?)),
            None => Ok(None),
        }
    }
}

impl Conversing {
    /// The next piece of audio or event; `None` at the end.
    pub async fn next(&mut self) -> Result<Option<crate::VoiceOutput>> {
        match self.0.next().await? {
            Some(chunk) => crate::VoiceOutput::decode(&chunk).map(Some),
            None => Ok(None),
        }
    }
}
