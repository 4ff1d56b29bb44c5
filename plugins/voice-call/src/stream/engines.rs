//! Which engines speak and listen, and what they are told.
use crate::config::{Config, Token, Tts};
use openclaw_plugin_api::{
    AudioFormat, Codec, Conversation, ErrorKind, Feed, Host, Listening, Result, Secret, Speaking, Synthesis,
    Transcription,
};
use serde_json::{Map, Value, json};
use std::{collections::HashMap, time::Duration};

/// Silence that ends what somebody says, if nobody says otherwise.
const SILENCE_MS: u32 = 800;
/// Time for the engines to say whether they are there.
const PROBE: Duration = Duration::from_secs(5);

/// What telephones speak.
pub(crate) const TELEPHONE: AudioFormat = AudioFormat {
    sample_rate: 8000,
    channels: 1,
    codec: Codec::Mulaw,
};

/// One engine, and what it is told.
#[derive(Clone, Default)]
pub(crate) struct Engine {
    /// Its id; empty for the first one there is.
    pub(crate) id: String,
    /// The key to use; the engine's own if there is none.
    pub(crate) credential: Option<Secret>,
    pub(crate) base_url: String,
    pub(crate) model: String,
    pub(crate) voice: String,
    pub(crate) params: Map<String, Value>,
}

/// The engines of calls.
#[derive(Debug, Clone)]
pub(crate) struct Engines {
    pub(crate) ear: Engine,
    pub(crate) voice: Engine,
    /// The voices of numbers that have one of their own.
    voices: HashMap<String, Engine>,
    /// Speech to speech.
    pub(crate) talker: Engine,
}

// === impl Engines ===

impl Engines {
    pub(crate) fn of(config: &Config) -> Self {
        Self {
            ear: ear(config),
            voice: voice(config.tts.as_ref()),
            voices: voices(config),
            talker: talker(config),
        }
    }

    /// The voice of the number that was dialled.
    pub(crate) fn voice_of(&self, number: &str) -> &Engine {
        self.voices.get(number).unwrap_or(&self.voice)
    }

    /// Can calls be heard and answered? Asks for what can't be done: an engine that is there says so, and a key that is
    /// missing is told.
    pub(crate) async fn probe(&self, host: &Host, realtime: bool) -> Result<()> {
        if realtime {
            let request = Conversation {
                format: impossible(),
                ..self.talker.conversation()
            };
            let (_feed, mut talking) = host.speech().converse(&self.talker.id, &request)?;
            return is_there(host.timeout(PROBE, talking.next()).await?.map(drop));
        }
        let mut nothing = self.voice.speak(host, "")?;
        is_there(host.timeout(PROBE, nothing.chunk()).await?.map(drop))?;
        let request = Transcription {
            format: impossible(),
            ..self.ear.transcription()
        };
        let (_feed, mut listening) = host.speech().transcribe(&self.ear.id, &request)?;
        is_there(host.timeout(PROBE, listening.next()).await?.map(drop))
    }
}

fn impossible() -> AudioFormat {
    AudioFormat {
        sample_rate: 1,
        ..TELEPHONE
    }
}

/// What can't be done is refused by whoever is there.
fn is_there(outcome: Result<()>) -> Result<()> {
    match outcome {
        Err(error)
            if matches!(
                error.kind(),
                ErrorKind::NotFound | ErrorKind::Auth | ErrorKind::Closed | ErrorKind::UnknownMethod
            ) =>
        {
            Err(error)
        }
        _ => Ok(()),
    }
}

// === impl Engine ===

impl Engine {
    /// Speaks a text, as PCM of 24,000 Hz.
    pub(crate) fn speak(&self, host: &Host, text: &str) -> Result<Speaking> {
        let request = Synthesis {
            text: text.to_owned(),
            voice: self.voice.clone(),
            model: self.model.clone(),
            credential: self.credential.clone(),
            base_url: self.base_url.clone(),
            params: self.params.clone(),
            ..Synthesis::default()
        };
        host.speech().synthesize(&self.id, &request)
    }

    /// Listens to a telephone.
    pub(crate) fn listen(&self, host: &Host) -> Result<(Feed, Listening)> {
        host.speech().transcribe(&self.id, &self.transcription())
    }

    fn transcription(&self) -> Transcription {
        Transcription {
            format: TELEPHONE,
            model: self.model.clone(),
            credential: self.credential.clone(),
            base_url: self.base_url.clone(),
            params: self.params.clone(),
            ..Transcription::default()
        }
    }

    /// Talks over a telephone.
    pub(crate) fn conversation(&self) -> Conversation {
        Conversation {
            format: TELEPHONE,
            voice: self.voice.clone(),
            model: self.model.clone(),
            credential: self.credential.clone(),
            base_url: self.base_url.clone(),
            params: self.params.clone(),
            ..Conversation::default()
        }
    }
}

fn ear(config: &Config) -> Engine {
    let own = &config.streaming;
    let id = own.provider.as_deref().or(own.stt_provider.as_deref());
    let id = id.or(config.stt.provider.as_deref());
    // an engine's older name was that of one of its models
    let id = id.map(|id| id.trim_end_matches("-realtime")).unwrap_or_default();
    let told = own.providers.get(named(id));
    let mut params = told.map(|told| told.params.clone()).unwrap_or_default();
    let silence = told
        .and_then(|told| told.silence_duration_ms)
        .or(own.silence_duration_ms);
    let silence = silence.or(config.silence_timeout_ms).unwrap_or(SILENCE_MS);
    params.insert("silenceDurationMs".into(), json!(silence));
    if let Some(threshold) = told.and_then(|told| told.vad_threshold).or(own.vad_threshold) {
        params.insert("vadThreshold".into(), json!(threshold));
    }
    let model = told.and_then(|told| told.model.clone());
    // whisper-1 is the older form's default, and no model that listens while one speaks
    let older = config.stt.model.clone().filter(|model| model != "whisper-1");
    Engine {
        id: id.to_owned(),
        credential: told
            .and_then(|told| key(&told.api_key))
            .or_else(|| key(&own.openai_api_key)),
        base_url: told.and_then(|told| told.base_url.clone()).unwrap_or_default(),
        model: model
            .or_else(|| own.stt_model.clone())
            .or(older)
            .unwrap_or_default(),
        voice: String::new(),
        params,
    }
}

fn voice(tts: Option<&Tts>) -> Engine {
    let Some(own) = tts else {
        return Engine::default();
    };
    let told = own.engine();
    let told = told.as_ref();
    Engine {
        credential: told.and_then(|told| key(&told.api_key)),
        base_url: told.and_then(|told| told.base_url.clone()).unwrap_or_default(),
        model: told.and_then(|told| told.model.clone()).unwrap_or_default(),
        voice: told.and_then(|told| told.voice.clone()).unwrap_or_default(),
        params: told.map(|told| told.params.clone()).unwrap_or_default(),
        id: own.provider.clone().unwrap_or_default(),
    }
}

fn voices(config: &Config) -> HashMap<String, Engine> {
    let own = config.numbers.iter().filter(|(_, own)| own.tts.is_some());
    own.map(|(number, _)| {
        let tts = config.tts_of(number.digits());
        (number.to_string(), voice(tts.as_ref()))
    })
    .collect()
}

fn talker(config: &Config) -> Engine {
    let own = &config.realtime;
    let id = own.provider.clone().unwrap_or_default();
    let told = own.providers.get(named(&id));
    let mut params = told.map(|told| told.params.clone()).unwrap_or_default();
    let silence = told
        .and_then(|told| told.silence_duration_ms)
        .unwrap_or(SILENCE_MS);
    params.insert("silenceDurationMs".into(), json!(silence));
    if let Some(threshold) = told.and_then(|told| told.vad_threshold) {
        params.insert("vadThreshold".into(), json!(threshold));
    }
    Engine {
        credential: told.and_then(|told| key(&told.api_key)),
        base_url: told.and_then(|told| told.base_url.clone()).unwrap_or_default(),
        model: told.and_then(|told| told.model.clone()).unwrap_or_default(),
        voice: told.and_then(|told| told.voice.clone()).unwrap_or_default(),
        params,
        id,
    }
}

/// Settings without the name of an engine are those of the usual one.
fn named(id: &str) -> &str {
    if id.is_empty() { "openai" } else { id }
}

fn key(token: &Token) -> Option<Secret> {
    match token {
        Token::Value(secret) => Some(secret.clone()),
        Token::Missing | Token::Unresolved => None,
    }
}

/// Without the key.
impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine")
            .field("id", &self.id)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn engines(config: Value) -> Engines {
        Engines::of(&serde_json::from_value(config).unwrap())
    }

    #[test]
    fn both_forms_of_the_configuration_tell_the_engines_the_same() {
        let older = engines(json!({
            "streaming": {"sttProvider": "openai-realtime", "openaiApiKey": "k", "sttModel": "m", "silenceDurationMs": 500, "vadThreshold": 0.5},
            "tts": {"provider": "openai", "openai": {"apiKey": "v", "model": "tts-1", "voice": "nova"}},
        }));
        let newer = engines(json!({
            "streaming": {"provider": "openai", "providers": {"openai":
                {"apiKey": "k", "model": "m", "silenceDurationMs": 500, "vadThreshold": 0.5}}},
            "tts": {"provider": "openai", "providers": {"openai": {"apiKey": "v", "model": "tts-1", "speakerVoice": "nova"}}},
        }));
        for engines in [older, newer] {
            assert_eq!(
                (engines.ear.id.as_str(), engines.ear.model.as_str()),
                ("openai", "m")
            );
            assert_eq!(engines.ear.credential.as_ref().map(Secret::expose), Some("k"));
            assert_eq!(engines.ear.params["silenceDurationMs"], 500);
            assert_eq!(engines.ear.params["vadThreshold"], 0.5);
            assert_eq!(
                (engines.voice.voice.as_str(), engines.voice.model.as_str()),
                ("nova", "tts-1")
            );
            assert_eq!(engines.voice.credential.as_ref().map(Secret::expose), Some("v"));
            assert!(!format!("{:?}", engines.ear).contains('k'));
        }
    }

    #[test]
    fn a_number_speaks_as_it_is_told_and_otherwise_as_all_do() {
        let engines = engines(json!({
            "tts": {"provider": "openai", "openai": {"apiKey": "k", "model": "tts-1", "voice": "nova", "speed": 2}},
            "numbers": {
                "+15550001111": {"tts": {"providers": {"openai": {"voice": "onyx"}}}},
                "+15550002222": {"tts": {"openai": {"model": "tts-2", "speed": 3}}},
                "+15550003333": {"tts": {"provider": "elevenlabs", "elevenlabs": {"apiKey": "e", "voiceId": "v", "modelId": "m", "seed": 1}}},
                "+15550004444": {"inboundGreeting": "Hi"},
            },
        }));
        for (number, id, model, voice, secret, speed) in [
            ("+15550001111", "openai", "tts-1", "onyx", "k", json!(2)),
            ("+15550002222", "openai", "tts-2", "nova", "k", json!(3)),
            ("+15550003333", "elevenlabs", "m", "v", "e", Value::Null),
            ("+15550004444", "openai", "tts-1", "nova", "k", json!(2)),
            ("", "openai", "tts-1", "nova", "k", json!(2)),
        ] {
            let engine = engines.voice_of(number);
            assert_eq!(
                (engine.id.as_str(), engine.model.as_str(), engine.voice.as_str()),
                (id, model, voice),
                "{number}"
            );
            assert_eq!(
                engine.credential.as_ref().map(Secret::expose),
                Some(secret),
                "{number}"
            );
            assert_eq!(
                engine.params.get("speed").cloned().unwrap_or_default(),
                speed,
                "{number}"
            );
        }
        assert_eq!(engines.voice_of("+15550003333").params["seed"], 1);
    }

    #[test]
    fn nothing_said_is_any_engine_with_its_own_key() {
        let engines = engines(json!({"silenceTimeoutMs": 600, "stt": {"model": "whisper-1"}}));
        assert_eq!(engines.ear.params["silenceDurationMs"], 600);
        for engine in [&engines.ear, &engines.voice, &engines.talker] {
            assert!(engine.id.is_empty() && engine.credential.is_none() && engine.model.is_empty());
        }
    }
}
