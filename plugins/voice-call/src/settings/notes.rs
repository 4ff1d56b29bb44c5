//! What an operator should know of a configuration that is fine: keys with an older name, and keys without effect.
//!
//! Invariant: no key that is taken is silently without effect.
use crate::config::{Carrier, Config, Token, ToolPolicy};

/// The notes on this configuration.
pub(super) fn on(config: &Config) -> Vec<&'static str> {
    let all = older_names(config).into_iter().chain(without_effect(config));
    all.filter(|(is, _)| *is).map(|(_, text)| text).collect()
}

fn older_names(config: &Config) -> Vec<(bool, &'static str)> {
    let streaming = &config.streaming;
    let set = |token: &Token| !matches!(token, Token::Missing);
    vec![
        (
            config.provider == Some(Carrier::Log),
            "provider \"log\" is now called \"mock\"",
        ),
        (config.twilio.from.is_some(), "twilio.from is now fromNumber"),
        (
            streaming.stt_provider.is_some(),
            "streaming.sttProvider is now streaming.provider",
        ),
        (
            set(&streaming.openai_api_key),
            "streaming.openaiApiKey is now streaming.providers.openai.apiKey",
        ),
        (
            streaming.stt_model.is_some(),
            "streaming.sttModel is now streaming.providers.openai.model",
        ),
        (
            streaming.silence_duration_ms.is_some(),
            "streaming.silenceDurationMs is now streaming.providers.openai.silenceDurationMs",
        ),
        (
            streaming.vad_threshold.is_some(),
            "streaming.vadThreshold is now streaming.providers.openai.vadThreshold",
        ),
    ]
}

fn without_effect(config: &Config) -> Vec<(bool, &'static str)> {
    let realtime = &config.realtime;
    let fast = realtime.fast_context.as_ref();
    vec![
        (
            config.store.is_some(),
            "store has no effect: records are in the gateway's own database",
        ),
        (
            config.numbers.values().any(|number| number.label.is_some()),
            "numbers.*.label has no effect",
        ),
        (
            config.stt.model.as_deref() == Some("whisper-1"),
            "stt.model \"whisper-1\" has no effect: it can't listen while somebody speaks; the engine's own model is used",
        ),
        (
            realtime.consult_thinking_level.as_deref() != config.consult_thinking(),
            "realtime.consultThinkingLevel is one of off, minimal, low, medium, high, xhigh: max and ultra mean xhigh, and \
             any other word leaves it to the agent",
        ),
        (
            realtime.enabled && config.serve.path.is_some() && realtime.stream_path.is_none(),
            "realtime.streamPath does not follow from serve.path: sound comes to /voice/stream/realtime; set it if it is to \
             come elsewhere",
        ),
        (
            realtime.consult_fast_mode.is_some(),
            "realtime.consultFastMode has no effect: models have one speed; realtime.consultThinkingLevel makes answers quicker",
        ),
        (
            fast.is_some_and(|fast| fast.enabled),
            "realtime.fastContext has no effect: there is no index of memories; the voice asks its agent, which remembers",
        ),
        (
            !realtime.tools.is_empty() && realtime.tool_policy != Some(ToolPolicy::Owner),
            "realtime.tools has no effect without realtime.toolPolicy \"owner\"",
        ),
        (
            realtime.tool_policy == Some(ToolPolicy::None) && realtime.consult_policy.is_some(),
            "realtime.consultPolicy has no effect with realtime.toolPolicy \"none\": the voice asks nobody",
        ),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn notes(config: Value) -> Vec<&'static str> {
        on(&serde_json::from_value(config).expect("it fits"))
    }

    #[test]
    fn keys_without_effect_say_so() {
        assert_eq!(notes(json!({})), [""; 0]);
        for (config, key) in [
            (json!({"store": "/x"}), "store"),
            (json!({"numbers": {"+15550001111": {"label": "x"}}}), "label"),
            (json!({"stt": {"model": "whisper-1"}}), "stt.model"),
            (json!({"realtime": {"consultFastMode": true}}), "consultFastMode"),
            (
                json!({"realtime": {"consultThinkingLevel": "adaptive"}}),
                "consultThinkingLevel",
            ),
            (
                json!({"realtime": {"consultThinkingLevel": "max"}}),
                "consultThinkingLevel",
            ),
            (
                json!({"serve": {"path": "/calls/webhook"}, "realtime": {"enabled": true}}),
                "realtime.streamPath",
            ),
            (
                json!({"realtime": {"fastContext": {"enabled": true}}}),
                "fastContext",
            ),
            (json!({"realtime": {"tools": ["x"]}}), "realtime.tools"),
            (
                json!({"realtime": {"toolPolicy": "none", "consultPolicy": "always"}}),
                "consultPolicy",
            ),
            (json!({"twilio": {"from": "+15550001111"}}), "fromNumber"),
        ] {
            let notes = notes(config.clone());
            assert!(notes.len() == 1 && notes[0].contains(key), "{config}: {notes:?}");
        }
        let fine = json!({"serve": {"path": "/calls/webhook"}, "realtime": {
            "enabled": true, "streamPath": "/calls/stream", "consultThinkingLevel": "high",
            "tools": ["x"], "toolPolicy": "owner", "fastContext": {"enabled": false}, "agentContext": {"enabled": true}
        }});
        assert_eq!(notes(fine), [""; 0]);
    }
}
