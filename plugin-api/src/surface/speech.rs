//! `speech/1`: text to speech, speech to text, and both at once.
use crate::{Error, Registrar, Result, Secret, Sink, Source};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{future::Future, sync::Arc};

/// Method ids. Target: engine id.
pub mod ids {
    /// Body: [`super::Synthesis`]; out: audio; reply: null.
    pub const SYNTHESIZE: &str = "speech/1/synthesize";
    /// Body: [`super::Transcription`]; in: audio; out: [`super::Transcript`] as JSON; reply: null.
    pub const TRANSCRIBE: &str = "speech/1/transcribe";
    /// Body: [`super::Conversation`]; in: [`super::VoiceInput`]s; out: [`super::VoiceOutput`]s; reply: null.
    pub const CONVERSE: &str = "speech/1/converse";
}

/// An engine that speaks, listens, or both.
pub trait Speech: Send + Sync + 'static {
    /// Id in the configuration.
    const ID: &'static str;

    /// What it can do.
    fn info(&self) -> SpeechInfo;

    /// Speaks a text: audio in the asked format, in chunks as they come.
    fn synthesize(&self, _request: Synthesis, _out: Sink) -> impl Future<Output = Result<()>> + Send {
        async { Err(Error::unsupported("this engine can't speak")) }
    }

    /// Listens until the audio ends.
    fn transcribe(
        &self,
        _request: Transcription,
        _audio: Source,
        _out: Transcripts,
    ) -> impl Future<Output = Result<()>> + Send {
        async { Err(Error::unsupported("this engine can't listen")) }
    }

    /// Listens and speaks at once. What comes in is read with [`VoiceInput::decode`].
    fn converse(
        &self,
        _request: Conversation,
        _audio: Source,
        _out: Voice,
    ) -> impl Future<Output = Result<()>> + Send {
        async { Err(Error::unsupported("this engine can't hold a conversation")) }
    }
}

/// What an engine can do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SpeechInfo {
    /// Name for people.
    pub label: String,
    /// Speaks.
    pub synthesize: bool,
    /// Listens.
    pub transcribe: bool,
    /// Does both at once.
    pub converse: bool,
    /// Names of voices.
    pub voices: Vec<String>,
}

/// How audio is written down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct AudioFormat {
    /// Samples for a second, 24,000 by default.
    pub sample_rate: u32,
    /// Channels are interleaved; 1 by default.
    pub channels: u8,
    /// Encoding.
    pub codec: Codec,
}

/// Encoding of audio.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Codec {
    /// 16 bits, signed, little-endian.
    #[default]
    Pcm16,
    /// G.711 µ-law.
    Mulaw,
    /// G.711 A-law.
    Alaw,
    /// MP3 file.
    Mp3,
    /// Opus in Ogg.
    Opus,
    /// WAV file.
    Wav,
}

/// A text to speak.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Synthesis {
    /// The text.
    pub text: String,
    /// Voice; empty for the engine's default.
    pub voice: String,
    /// Model; empty for the engine's default.
    pub model: String,
    /// How to write it down.
    pub format: AudioFormat,
    /// 1 is normal speed; 0 means the default.
    pub speed: f32,
    /// The key to use.
    #[serde(serialize_with = "crate::secret::expose")]
    pub credential: Option<Secret>,
    /// Address of the service. Empty: the vendor's.
    pub base_url: String,
    /// Engine-specific parameters.
    pub params: Map<String, Value>,
}

/// Speech to write down.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Transcription {
    /// How the audio is written.
    pub format: AudioFormat,
    /// BCP 47; empty to detect.
    pub language: String,
    /// Model; empty for the engine's default.
    pub model: String,
    /// Words that may come up.
    pub hint: String,
    /// The key to use.
    #[serde(serialize_with = "crate::secret::expose")]
    pub credential: Option<Secret>,
    /// Address of the service. Empty: the vendor's.
    pub base_url: String,
    /// Engine-specific parameters.
    pub params: Map<String, Value>,
}

/// What was heard so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Transcript {
    /// The words of this utterance.
    pub text: String,
    /// The utterance is over and its text will not change.
    pub is_final: bool,
    /// Somebody just began to speak; the text may still be empty.
    pub speech_started: bool,
}

/// A spoken conversation.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Conversation {
    /// How audio is written, both ways.
    pub format: AudioFormat,
    /// What the model should know.
    pub instructions: String,
    /// Voice; empty for the engine's default.
    pub voice: String,
    /// Model; empty for the engine's default.
    pub model: String,
    /// Tools that it may ask for.
    pub tools: Vec<crate::ToolSpec>,
    /// The key to use.
    #[serde(serialize_with = "crate::secret::expose")]
    pub credential: Option<Secret>,
    /// Address of the service. Empty: the vendor's.
    pub base_url: String,
    /// Engine-specific parameters.
    pub params: Map<String, Value>,
}

/// What happens in a spoken conversation, besides audio.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum VoiceEvent {
    /// The caller began to speak: what is being played should stop.
    Interrupted,
    /// What the caller said.
    Heard {
        /// The words.
        text: String,
    },
    /// What the model said.
    Said {
        /// The words.
        text: String,
    },
    /// The model asks for a tool. The answer goes in as [`VoiceControl::ToolResult`].
    ToolCall {
        /// Id that the result refers to.
        id: String,
        /// Tool name.
        name: String,
        /// JSON object.
        arguments: Value,
    },
    /// Something of a later version.
    #[serde(other)]
    Unknown,
}

/// What goes into a conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum VoiceInput {
    /// Audio of the caller.
    Audio(Vec<u8>),
    /// Something that the model should know.
    Control(VoiceControl),
}

/// What the model should know in a spoken conversation, besides audio.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum VoiceControl {
    /// What a tool answered.
    ToolResult {
        /// Id of the call.
        id: String,
        /// The answer, for the model.
        output: String,
    },
    /// The model should speak now, by these instructions: a greeting.
    Speak {
        /// What to say, or about what.
        instructions: String,
    },
    /// After [`VoiceEvent::Interrupted`]: so much of the interrupted answer was heard.
    Played {
        /// Milliseconds of audio.
        ms: u64,
    },
    /// Something of a later version.
    #[serde(other)]
    Unknown,
}

/// Where a transcription goes.
#[derive(Debug)]
pub struct Transcripts(Sink);

/// Where a conversation goes: audio and events in one stream, in order.
#[derive(Debug)]
pub struct Voice(Sink);

/// What comes out of a conversation.
#[derive(Debug, Clone, PartialEq)]
pub enum VoiceOutput {
    /// Audio to play.
    Audio(Vec<u8>),
    /// Something happened.
    Event(VoiceEvent),
}

/// First byte of a chunk of audio in a conversation's stream.
const AUDIO: u8 = b'a';
/// First byte of an event.
const EVENT: u8 = b'e';

impl Default for AudioFormat {
    fn default() -> Self {
        Self {
            sample_rate: 24_000,
            channels: 1,
            codec: Codec::Pcm16,
        }
    }
}

impl Transcripts {
    /// What was heard so far. False: nobody listens any more.
    pub async fn send(&mut self, transcript: &Transcript) -> bool {
        match serde_json::to_vec(transcript) {
            Ok(json) => self.0.send(&json).await,
            Err(_) => false,
        }
    }
}

impl VoiceInput {
    /// One chunk of the input of an [`ids::CONVERSE`].
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Audio(audio) => tagged(AUDIO, audio),
            Self::Control(control) => tagged(EVENT, &serde_json::to_vec(control).unwrap_or_default()),
        }
    }

    /// Reads one chunk.
    pub fn decode(chunk: &[u8]) -> Result<Self> {
        match chunk.split_first() {
            Some((&AUDIO, audio)) => Ok(Self::Audio(audio.to_vec())),
            Some((&EVENT, control)) => Ok(Self::Control(serde_json::from_slice(control)?)),
            _ => Ok(Self::Control(VoiceControl::Unknown)),
        }
    }
}

fn tagged(tag: u8, payload: &[u8]) -> Vec<u8> {
    let mut chunk = Vec::with_capacity(payload.len() + 1);
    chunk.push(tag);
    chunk.extend_from_slice(payload);
    chunk
}

impl VoiceOutput {
    /// Reads one chunk of an [`ids::CONVERSE`] stream.
    pub fn decode(chunk: &[u8]) -> Result<Self> {
        match chunk.split_first() {
            Some((&AUDIO, audio)) => Ok(Self::Audio(audio.to_vec())),
            Some((&EVENT, event)) => Ok(Self::Event(serde_json::from_slice(event)?)),
            _ => Ok(Self::Event(VoiceEvent::Unknown)),
        }
    }
}

impl Voice {
    /// A piece of audio to play. False: nobody listens any more.
    pub async fn audio(&mut self, bytes: &[u8]) -> bool {
        self.0.send(&tagged(AUDIO, bytes)).await
    }

    /// Something happened. False: nobody listens any more.
    pub async fn event(&mut self, event: &VoiceEvent) -> bool {
        match serde_json::to_vec(event) {
            Ok(json) => self.0.send(&tagged(EVENT, &json)).await,
            Err(_) => false,
        }
    }
}

pub(crate) fn speech_register<S: Speech>(api: &mut Registrar, engine: S) {
    api.declare("speech/1", S::ID, &engine.info());
    let engine = Arc::new(engine);
    let (speaker, listener) = (engine.clone(), engine.clone());
    api.handle(ids::SYNTHESIZE, S::ID, move |request| {
        let engine = speaker.clone();
        async move {
            let (body, _, out) = request.streams::<Synthesis>()?;
            crate::to_json(&engine.synthesize(body, out).await?)
        }
    });
    api.handle(ids::TRANSCRIBE, S::ID, move |request| {
        let engine = listener.clone();
        async move {
            let (body, audio, out) = request.streams::<Transcription>()?;
            let audio = audio.ok_or_else(|| Error::invalid("listening needs a stream of audio"))?;
            crate::to_json(&engine.transcribe(body, audio, Transcripts(out)).await?)
        }
    });
    api.handle(ids::CONVERSE, S::ID, move |request| {
        let engine = engine.clone();
        async move {
            let (body, audio, out) = request.streams::<Conversation>()?;
            let audio = audio.ok_or_else(|| Error::invalid("a conversation needs a stream of audio"))?;
            crate::to_json(&engine.converse(body, audio, Voice(out)).await?)
        }
    });
}
