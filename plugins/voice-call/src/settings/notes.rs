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
            realtime.consult_fast_mode.is_some(),
            "realtime.consultFastMode has no effect",
        ),
        (
            fast.is_some_and(|fast| fast.enabled),
            "realtime.fastContext has no effect: the voice asks its agent",
        ),
        (
            realtime.agent_context.enabled,
            "realtime.agentContext has no effect: the voice asks its agent; realtime.instructions tell it who it is",
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
                json!({"realtime": {"fastContext": {"enabled": true}}}),
                "fastContext",
            ),
            (
                json!({"realtime": {"agentContext": {"enabled": true}}}),
                "agentContext",
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
        let fine =
            json!({"realtime": {"tools": ["x"], "toolPolicy": "owner", "fastContext": {"enabled": false}}});
        assert_eq!(notes(fine), [""; 0]);
    }
}
