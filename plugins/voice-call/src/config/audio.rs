//! Sound: media streams, engines that listen and speak, speech to speech.
use openclaw_plugin_api::setting::{Anything, Token};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};
use std::collections::BTreeMap;

/// Audio of a call over a WebSocket. The keys of February stand beside those of September; the newer ones win.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Streaming {
    /// On?
    pub enabled: bool,
    /// The engine that listens; the first one there is if nothing is said.
    pub provider: Option<String>,
    /// What the engines are told, by their ids.
    pub providers: BTreeMap<String, Engine>,
    /// The older name of `provider`.
    pub stt_provider: Option<String>,
    /// The older name of `providers.openai.apiKey`.
    pub openai_api_key: Token,
    /// The older name of `providers.openai.model`.
    pub stt_model: Option<String>,
    /// The older name of `providers.openai.silenceDurationMs`.
    pub silence_duration_ms: Option<u32>,
    /// The older name of `providers.openai.vadThreshold`.
    #[schemars(range(min = 0.0, max = 1.0))]
    pub vad_threshold: Option<f32>,
    /// Path of the WebSocket; `/voice/stream` if nothing is said.
    #[schemars(regex(pattern = r"^/[A-Za-z0-9._~/-]*$"))]
    pub stream_path: Option<String>,
    /// How long a stream may take to say which call it is of, milliseconds; 5,000 if nothing is said.
    #[schemars(range(min = 1, max = 60_000))]
    pub pre_start_timeout_ms: Option<u32>,
    /// Streams that have not said so yet; 32 if nothing is said.
    #[schemars(range(min = 1, max = 10_000))]
    pub max_pending_connections: Option<u32>,
    /// The same from one address; 4 if nothing is said.
    #[schemars(range(min = 1, max = 10_000))]
    pub max_pending_connections_per_ip: Option<u32>,
    /// Streams altogether; 128 if nothing is said.
    #[schemars(range(min = 1, max = 10_000))]
    pub max_connections: Option<u32>,
}

/// What one engine is told.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Engine {
    /// The key to use; the engine's own if nothing is said.
    pub api_key: Token,
    /// Where the service is.
    #[schemars(extend("x-egress" = true))]
    pub base_url: Option<String>,
    /// The model.
    pub model: Option<String>,
    /// The voice.
    #[serde(alias = "speakerVoice")]
    pub voice: Option<String>,
    /// Silence that ends what somebody says, milliseconds.
    pub silence_duration_ms: Option<u32>,
    /// How sure the engine has to be that somebody speaks, 0 to 1.
    pub vad_threshold: Option<f32>,
    /// Whatever else the engine knows.
    #[serde(flatten)]
    pub params: Map<String, Value>,
}

/// Speech to speech.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Realtime {
    /// On?
    pub enabled: bool,
    /// The engine; the first one there is if nothing is said.
    pub provider: Option<String>,
    /// Path of the WebSocket; `/voice/stream/realtime` if nothing is said.
    #[schemars(regex(pattern = r"^/[A-Za-z0-9._~/-]*$"))]
    pub stream_path: Option<String>,
    /// What the model should know.
    pub instructions: Option<String>,
    /// Which tools the agent behind the voice may use; `safe-read-only` if nothing is said.
    pub tool_policy: Option<ToolPolicy>,
    /// When the agent behind the voice is asked.
    pub consult_policy: Option<ConsultPolicy>,
    /// How hard the agent thinks when it is asked: `off`, `minimal`, `low`, `medium`, `high`, `xhigh`. `max` and `ultra` are
    /// `xhigh`; any other word leaves it to the agent.
    pub consult_thinking_level: Option<String>,
    /// Accepted, without effect: models have one speed here; `consultThinkingLevel` makes answers quicker.
    #[schemars(extend("x-no-effect" = true))]
    pub consult_fast_mode: Option<Anything>,
    /// Tools of the operator's own, under `toolPolicy: "owner"`.
    pub tools: Vec<Value>,
    /// Accepted, without effect: there is no index of memories here, so the voice asks its agent, which remembers.
    #[schemars(extend("x-no-effect" = true))]
    pub fast_context: Option<FastContext>,
    /// Who the agent is, told to the voice when a call begins, so that it speaks like the agent without asking it.
    pub agent_context: AgentContext,
    /// What the engines are told, by their ids.
    pub providers: BTreeMap<String, Engine>,
}

/// Which tools the agent behind the voice may use. Whoever is on the phone is never the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ToolPolicy {
    /// `read`, `web_search`, `web_fetch`, `x_search`, `memory_search` and `memory_get`, as far as the agent's policy permits.
    SafeReadOnly,
    /// All that the agent's policy permits for somebody who is not the owner; the voice may use `realtime.tools` by itself.
    Owner,
    /// The agent is not asked.
    None,
}

/// When the agent behind the voice is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ConsultPolicy {
    /// When the voice thinks that it should.
    Auto,
    /// For everything of weight.
    Substantive,
    /// Each time.
    Always,
}

/// Accepted, without effect.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct FastContext {
    /// Accepted, without effect.
    pub enabled: bool,
    /// Accepted, without effect.
    pub timeout_ms: Option<u32>,
    /// Accepted, without effect.
    pub max_results: Option<u32>,
    /// Accepted, without effect.
    pub sources: Vec<String>,
    /// Accepted, without effect.
    pub fallback_to_consult: bool,
}

/// Who the agent is, told to the voice when a call begins.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct AgentContext {
    /// On?
    pub enabled: bool,
    /// Most characters of it; 6,000 if nothing is said.
    #[schemars(range(min = 1, max = 50_000))]
    pub max_chars: Option<u32>,
    /// With the agent's name and theme; yes if nothing is said.
    pub include_identity: Option<bool>,
    /// With files of its workspace; yes if nothing is said.
    pub include_workspace_files: Option<bool>,
    /// Which files, of those that stand in the agent's prompt; `SOUL.md`, `IDENTITY.md` and `USER.md` if nothing is said.
    pub files: Option<Vec<String>>,
}

/// The form of February 2026: which engine listens.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Stt {
    /// The engine.
    pub provider: Option<String>,
    /// The model.
    pub model: Option<String>,
}

/// Which engine speaks, in the form of February (`openai`, `elevenlabs`) or of September (`providers`).
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Tts {
    /// The engine; the first one there is if nothing is said.
    pub provider: Option<String>,
    /// What the engines are told, by their ids.
    pub providers: BTreeMap<String, Engine>,
    /// The older place of `providers.openai`.
    pub openai: Option<Engine>,
    /// The older place of `providers.elevenlabs`.
    pub elevenlabs: Option<Elevenlabs>,
}

/// The form of February 2026.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
pub struct Elevenlabs {
    /// The key to use.
    pub api_key: Token,
    /// Where the service is.
    #[schemars(extend("x-egress" = true))]
    pub base_url: Option<String>,
    /// The voice.
    pub voice_id: Option<String>,
    /// The model.
    pub model_id: Option<String>,
    /// Whatever else the engine knows.
    #[serde(flatten)]
    pub params: Map<String, Value>,
}

// === impl Tts ===

impl Tts {
    /// The voice that is wanted, whatever engine it is of.
    pub fn voice(&self) -> Option<String> {
        self.engine()?.voice.filter(|voice| !voice.is_empty())
    }

    /// What the engine is told.
    pub fn engine(&self) -> Option<Engine> {
        let wanted = self.provider.as_deref().filter(|id| !id.is_empty());
        self.told(wanted.unwrap_or("openai"))
    }

    /// This, and what it leaves open as `general` says it.
    pub fn over(&self, general: &Self) -> Self {
        let older = [
            self.openai.is_some().then_some("openai"),
            self.elevenlabs.is_some().then_some("elevenlabs"),
        ];
        let ids = self.providers.keys().map(String::as_str);
        let merged = ids.chain(older.into_iter().flatten()).filter_map(|id| {
            let own = self.told(id)?;
            let merged = general.told(id).map_or(own.clone(), |general| own.over(&general));
            Some((id.to_owned(), merged))
        });
        let mut whole = general.clone();
        whole.providers.extend(merged);
        whole.provider = self.provider.clone().or(whole.provider);
        whole
    }

    /// What one engine is told, in its newer place or its older one.
    fn told(&self, id: &str) -> Option<Engine> {
        let older = || match id {
            "openai" => self.openai.clone(),
            "elevenlabs" => self.elevenlabs.clone().map(Engine::from),
            _ => None,
        };
        self.providers.get(id).cloned().or_else(older)
    }
}

// === impl Engine ===

impl Engine {
    fn over(&self, general: &Self) -> Self {
        let mut params = general.params.clone();
        params.extend(self.params.clone());
        let api_key = match &self.api_key {
            Token::Missing => general.api_key.clone(),
            own => own.clone(),
        };
        Self {
            api_key,
            base_url: self.base_url.clone().or_else(|| general.base_url.clone()),
            model: self.model.clone().or_else(|| general.model.clone()),
            voice: self.voice.clone().or_else(|| general.voice.clone()),
            silence_duration_ms: self.silence_duration_ms.or(general.silence_duration_ms),
            vad_threshold: self.vad_threshold.or(general.vad_threshold),
            params,
        }
    }
}

impl From<Elevenlabs> for Engine {
    fn from(older: Elevenlabs) -> Self {
        Self {
            api_key: older.api_key,
            base_url: older.base_url,
            model: older.model_id,
            voice: older.voice_id,
            params: older.params,
            ..Self::default()
        }
    }
}
