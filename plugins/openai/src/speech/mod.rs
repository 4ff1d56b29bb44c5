//! `speech/1`: texts spoken, speech written down while it is spoken, and both at once.
//!
//! `speak` is one request whose answer is audio; `listen` and `converse` are sockets of the realtime API, which `socket`
//! opens. Nothing is stored, and no audio is converted: what OpenAI doesn't write, it can't be asked for.
//!
//! Invariant: a key from the environment goes to its vendor's own host and nowhere else, as with models.
mod converse;
mod listen;
mod socket;
mod speak;
#[cfg(test)]
mod tests;

use crate::{errors::Told, service::Service, vendors::OPENAI};
use openclaw_plugin_api::{
    AudioFormat, Codec, Conversation, Sink, Source, SpeechInfo, Synthesis, Transcription, Transcripts, Voice,
    prelude::*,
};

/// Id of the engine.
pub const ENGINE: &str = "openai";

/// Voices that are known; others are taken as they are.
const VOICES: [&str; 13] = [
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer",
    "verse",
];

/// OpenAI's speech.
pub struct OpenAiSpeech {
    host: Host,
}

/// Where and as whom one request goes.
struct Access {
    service: Service,
    key: Option<Secret>,
}

impl OpenAiSpeech {
    /// Speech over this host.
    pub fn new(host: &Host) -> Self {
        Self { host: host.clone() }
    }

    async fn access(&self, base_url: &str, credential: Option<Secret>) -> Result<Access> {
        let service = Service::at(OPENAI, base_url);
        let asker = CompletionRequest {
            credential,
            ..CompletionRequest::default()
        };
        let key = service.key(&self.host, &asker).await?;
        Ok(Access { service, key })
    }
}

impl Speech for OpenAiSpeech {
    const ID: &'static str = ENGINE;

    fn info(&self) -> SpeechInfo {
        SpeechInfo {
            label: "OpenAI".into(),
            synthesize: true,
            transcribe: true,
            converse: true,
            voices: VOICES.map(str::to_owned).to_vec(),
        }
    }

    async fn synthesize(&self, request: Synthesis, out: Sink) -> Result<()> {
        let access = self.access(&request.base_url, request.credential.clone()).await?;
        speak::speak(&self.host, &access, &request, out).await
    }

    async fn transcribe(&self, request: Transcription, audio: Source, out: Transcripts) -> Result<()> {
        let access = self.access(&request.base_url, request.credential.clone()).await?;
        listen::listen(&self.host, &access, &request, audio, out).await
    }

    async fn converse(&self, request: Conversation, audio: Source, out: Voice) -> Result<()> {
        let access = self.access(&request.base_url, request.credential.clone()).await?;
        converse::converse(&self.host, &access, &request, audio, out).await
    }
}

impl Access {
    fn error(&self, told: Told) -> Error {
        told.into_error(&self.service.name, self.key.as_ref(), None)
    }
}

/// How the realtime API calls a format.
fn wire_format(format: &AudioFormat) -> Result<Value> {
    match (format.codec, format.sample_rate, format.channels) {
        (Codec::Pcm16, 24_000, 1) => Ok(json!({"type": "audio/pcm", "rate": 24_000})),
        (Codec::Mulaw, 8_000, 1) => Ok(json!({"type": "audio/pcmu"})),
        (Codec::Alaw, 8_000, 1) => Ok(json!({"type": "audio/pcma"})),
        _ => Err(Error::unsupported(
            "this engine hears mono of 24,000 Hz as 16-bit PCM, or of 8,000 Hz as µ-law or A-law; convert it first",
        )),
    }
}

/// When somebody has stopped speaking, as the operator wants it judged.
fn turn_detection(params: &serde_json::Map<String, Value>) -> Value {
    let number = |key: &str, usual: f64| params.get(key).and_then(Value::as_f64).unwrap_or(usual);
    json!({
        "type": "server_vad",
        "threshold": number("vadThreshold", 0.5).clamp(0.0, 1.0),
        "prefix_padding_ms": 300,
        "silence_duration_ms": number("silenceDurationMs", 800.0).clamp(50.0, 60_000.0).round(),
    })
}
