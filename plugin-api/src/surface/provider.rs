//! `provider/1`: a model vendor. The host asks for one completion and reads it as a stream of deltas.
use crate::{Error, ErrorKind, Message, Registrar, Result, Secret, Sink, ToolSpec};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, future::Future, sync::Arc};

/// Method ids. Target: provider id.
pub mod ids {
    /// Body: [`super::CompletionRequest`]; out: [`super::Delta`]s; reply: [`super::Completion`].
    pub const COMPLETE: &str = "provider/1/complete";
    /// Body: [`super::CatalogRequest`]; reply: `[ModelInfo]`.
    pub const MODELS: &str = "provider/1/models";
    /// Body: [`super::EmbedRequest`]; reply: [`super::Embeddings`].
    pub const EMBED: &str = "provider/1/embed";
}

/// A model vendor, or something that speaks like one.
pub trait Provider: Send + Sync + 'static {
    /// The part before `/` in a model reference.
    const ID: &'static str;

    /// Answers one request, writing what it learns into `out` as it comes. Dropping the future, or a `false` from
    /// `out`, cancels the request at the vendor.
    fn complete(
        &self,
        request: CompletionRequest,
        out: Deltas,
    ) -> impl Future<Output = Result<Completion>> + Send;

    /// The models that it offers, the one that it would take first. Called at start and on request, with a deadline.
    fn models(&self, _: CatalogRequest) -> impl Future<Output = Result<Vec<ModelInfo>>> + Send {
        async { Ok(Vec::new()) }
    }

    /// Turns texts into vectors.
    fn embed(&self, _: EmbedRequest) -> impl Future<Output = Result<Embeddings>> + Send {
        async { Err(Error::unsupported("this provider makes no embeddings")) }
    }
}

/// One request to a model.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CompletionRequest {
    /// Model id without the provider.
    pub model: String,
    /// The system prompt in blocks; the first ones change seldom and are worth caching.
    pub system: Vec<String>,
    /// The conversation, oldest first.
    pub messages: Vec<Message>,
    /// Tools that the model may ask for.
    pub tools: Vec<ToolSpec>,
    /// Upper limit of the answer, tokens. None: the model's own.
    pub max_tokens: Option<u32>,
    /// 0 to 2. None: the vendor's default.
    pub temperature: Option<f32>,
    /// How hard to think.
    pub thinking: Thinking,
    /// How long the vendor should keep the prefix.
    pub cache: CacheRetention,
    /// Stable id of the conversation, for vendors that route by it.
    pub session_id: String,
    /// The key to use; the host chose it among the profiles. None: the provider's own way.
    #[serde(serialize_with = "crate::secret::expose")]
    pub credential: Option<Secret>,
    /// Address of the service. Empty: the vendor's.
    pub base_url: String,
    /// Which of the vendor's APIs, `openai-responses`. Empty: the provider's choice.
    pub api: String,
    /// Headers to add.
    pub headers: BTreeMap<String, String>,
    /// Vendor-specific parameters, passed on as they are.
    pub params: Map<String, Value>,
}

/// How hard a model should think before it answers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Thinking {
    /// Not at all.
    #[default]
    Off,
    /// A little.
    Minimal,
    /// Less than usual.
    Low,
    /// As usual.
    Medium,
    /// More than usual.
    High,
    /// As much as it can.
    Xhigh,
}

/// How long a vendor should keep the prefix of a prompt.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CacheRetention {
    /// Not at all.
    None,
    /// The vendor's default, minutes.
    #[default]
    Short,
    /// About an hour.
    Long,
}

/// How an answer ended.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Completion {
    /// Why the model stopped.
    pub stop_reason: StopReason,
    /// What it cost.
    pub usage: Usage,
    /// The model that answered, if the vendor says so.
    pub model: String,
    /// The vendor's id of the answer, for support.
    pub response_id: String,
}

/// Why a model stopped.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum StopReason {
    /// It was done.
    #[default]
    Stop,
    /// It reached the limit of tokens.
    Length,
    /// It wants tools to run.
    ToolUse,
    /// The vendor refused to go on.
    Refusal,
    /// Something of a later version.
    #[serde(other)]
    Other,
}

/// What a request cost.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Usage {
    /// Input that was neither read from nor written to a cache, tokens.
    pub input: u64,
    /// Output, tokens, thinking included.
    pub output: u64,
    /// Input read from the vendor's cache, tokens.
    pub cache_read: u64,
    /// Input written to the vendor's cache, tokens.
    pub cache_write: u64,
    /// What the vendor charged, US dollars; 0 when it doesn't say.
    pub cost: f64,
}

/// Which catalogue to read.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct CatalogRequest {
    /// The key to use.
    #[serde(serialize_with = "crate::secret::expose")]
    pub credential: Option<Secret>,
    /// Address of the service. Empty: the vendor's.
    pub base_url: String,
    /// Ask the vendor now instead of answering what is known.
    pub refresh: bool,
}

/// Texts to turn into vectors.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct EmbedRequest {
    /// Model id without the provider; empty for the provider's usual one.
    pub model: String,
    /// The texts.
    pub input: Vec<String>,
    /// Length of the vectors. None: the model's own.
    pub dimensions: Option<u32>,
    /// The key to use.
    #[serde(serialize_with = "crate::secret::expose")]
    pub credential: Option<Secret>,
    /// Address of the service. Empty: the vendor's.
    pub base_url: String,
    /// Headers to add.
    pub headers: BTreeMap<String, String>,
}

/// Vectors of texts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Embeddings {
    /// One for each text, in their order.
    pub vectors: Vec<Vec<f32>>,
    /// What it cost.
    pub usage: Usage,
    /// The model that made them.
    pub model: String,
}

/// One model of a catalogue.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ModelInfo {
    /// Id without the provider.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Window, tokens. 0: unknown.
    pub context_window: u32,
    /// Upper limit of an answer, tokens. 0: unknown.
    pub max_tokens: u32,
    /// Can it think?
    pub reasoning: bool,
    /// What it takes: `text`, `image`, `audio`.
    pub input: Vec<String>,
    /// US dollars for a million tokens of input.
    pub cost_input: f64,
    /// US dollars for a million tokens of output.
    pub cost_output: f64,
    /// US dollars for a million tokens read from the cache.
    pub cost_cache_read: f64,
    /// US dollars for a million tokens written to the cache.
    pub cost_cache_write: f64,
}

/// One step of an answer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Delta {
    /// More text.
    Text(String),
    /// More thought.
    Thinking(String),
    /// Proof of the thought so far, or of the next tool call.
    Signature(String),
    /// A tool call begins.
    ToolCall {
        /// Position among the calls of this answer, from 0.
        index: u32,
        /// Id that the result refers to.
        id: String,
        /// Tool name.
        name: String,
    },
    /// More of a call's arguments: a piece of JSON text.
    Arguments {
        /// Which call.
        index: u32,
        /// The piece.
        json: String,
    },
    /// The vendor is alive but has nothing to say; keeps the idle timer from firing.
    Ping,
}

/// Where a provider writes its answer.
#[derive(Debug)]
pub struct Deltas {
    sink: Sink,
    buffer: Vec<u8>,
}

// Deltas cross as bytes, a tag and a payload: they are the hottest path of the boundary, and text needs no JSON.
const TEXT: u8 = b't';
const THINKING: u8 = b'h';
const SIGNATURE: u8 = b's';
const TOOL_CALL: u8 = b'c';
const ARGUMENTS: u8 = b'a';
const PING: u8 = b'p';

// === impl Deltas ===

impl Deltas {
    pub(crate) fn new(sink: Sink) -> Self {
        Self {
            sink,
            buffer: Vec::with_capacity(256),
        }
    }

    /// More text.
    pub async fn text(&mut self, text: &str) -> Result<()> {
        self.write(TEXT, text.as_bytes()).await
    }

    /// More thought.
    pub async fn thinking(&mut self, text: &str) -> Result<()> {
        self.write(THINKING, text.as_bytes()).await
    }

    /// Any step.
    pub async fn send(&mut self, delta: Delta) -> Result<()> {
        match delta {
            Delta::Text(text) => self.write(TEXT, text.as_bytes()).await,
            Delta::Thinking(text) => self.write(THINKING, text.as_bytes()).await,
            Delta::Signature(text) => self.write(SIGNATURE, text.as_bytes()).await,
            Delta::ToolCall { index, id, name } => {
                let head = serde_json::to_vec(&(index, id, name))?;
                self.write(TOOL_CALL, &head).await
            }
            Delta::Arguments { index, json } => {
                let mut piece = index.to_le_bytes().to_vec();
                piece.extend_from_slice(json.as_bytes());
                self.write(ARGUMENTS, &piece).await
            }
            Delta::Ping => self.write(PING, &[]).await,
        }
    }

    async fn write(&mut self, tag: u8, payload: &[u8]) -> Result<()> {
        self.buffer.clear();
        self.buffer.push(tag);
        self.buffer.extend_from_slice(payload);
        match self.sink.send(&self.buffer).await {
            true => Ok(()),
            false => Err(Error::new(
                ErrorKind::Cancelled,
                "the reader of this answer went away",
            )),
        }
    }
}

// === impl Delta ===

impl Delta {
    /// Reads one chunk of a [`ids::COMPLETE`] stream. `None`: a step of a later version, to be skipped.
    pub fn decode(chunk: &[u8]) -> Result<Option<Self>> {
        let Some((tag, payload)) = chunk.split_first() else {
            return Ok(None);
        };
        Ok(Some(match *tag {
            TEXT => Self::Text(utf8(payload)?),
            THINKING => Self::Thinking(utf8(payload)?),
            SIGNATURE => Self::Signature(utf8(payload)?),
            TOOL_CALL => {
                let (index, id, name) = serde_json::from_slice(payload)?;
                Self::ToolCall { index, id, name }
            }
            ARGUMENTS => {
                let (index, json) = payload.split_first_chunk::<4>().ok_or_else(|| {
                    Error::new(ErrorKind::Internal, "a delta of arguments without its index")
                })?;
                Self::Arguments {
                    index: u32::from_le_bytes(*index),
                    json: utf8(json)?,
                }
            }
            PING => Self::Ping,
            _ => return Ok(None),
        }))
    }
}

fn utf8(bytes: &[u8]) -> Result<String> {
    Ok(std::str::from_utf8(bytes)?.to_owned())
}

pub(crate) fn provider_register<P: Provider>(api: &mut Registrar, id: &str, provider: P) {
    api.declare("provider/1", id, &Value::Null);
    let provider = Arc::new(provider);
    let catalog = provider.clone();
    api.unary(ids::MODELS, id, move |request| {
        let provider = catalog.clone();
        async move { provider.models(request).await }
    });
    let embedder = provider.clone();
    api.unary(ids::EMBED, id, move |request| {
        let provider = embedder.clone();
        async move { provider.embed(request).await }
    });
    api.handle(ids::COMPLETE, id, move |request| {
        let provider = provider.clone();
        async move {
            let completion: CompletionRequest = request.record()?;
            let out = request
                .out
                .ok_or_else(|| Error::invalid("a completion needs a stream to write to"))?;
            crate::to_json(&provider.complete(completion, Deltas::new(out)).await?)
        }
    });
}
