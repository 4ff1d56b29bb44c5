//! The whole plugin on a fake host.
use crate::PLUGIN;
use openclaw_plugin_api::{CommandCall, HttpCall, testing::TestHost};
use serde_json::{Value, json};

fn command(line: &str) -> CommandCall {
    CommandCall {
        name: "voicecall".into(),
        args: line.split_whitespace().map(str::to_owned).collect(),
        ..CommandCall::default()
    }
}

#[tokio::test]
async fn an_incomplete_setup_says_in_one_list_what_is_missing_and_lives() {
    let host = TestHost::new();
    let config = json!({
        "provider": "twilio", "tunnel": {"provider": "ngrok"}, "webhookSecurity": {"allowedHosts": ["example.ngrok.app"]},
    });
    let plugin = host.load(&PLUGIN, config).expect("it loads");
    plugin
        .call::<()>("service/1/start", "voicecall", &json!(null))
        .await
        .expect("it starts");
    let status = plugin
        .method("voicecall.status", json!({}))
        .await
        .expect("a status");
    let missing = status["plugin"]["missing"].as_array().expect("a list").clone();
    assert_eq!(missing.len(), 4, "{missing:?}");
    assert!(
        missing
            .iter()
            .any(|line| line.as_str().is_some_and(|line| line.contains("NGROK_AUTHTOKEN")))
    );
    for failing in [
        plugin
            .method("voicecall.start", json!({"to": "+15550001111"}))
            .await
            .expect_err("no calls"),
        plugin
            .method("voicecall.status", json!({"callId": "x"}))
            .await
            .expect_err("no calls"),
    ] {
        assert!(failing.message().contains("setup incomplete"), "{failing}");
    }
    let told = plugin
        .command(&command("call -m hi -t +15550001111"))
        .await
        .expect("an answer");
    assert!(
        told.exit_code == 1 && told.text.contains("TWILIO_AUTH_TOKEN"),
        "{told:?}"
    );
    let tool = plugin
        .tool("voice_call", json!({"action": "get_status", "callId": "x"}))
        .await
        .expect("an answer");
    assert!(
        tool.is_error
            && tool.details["error"]
                .as_str()
                .is_some_and(|e| e.contains("setup incomplete"))
    );
    let hook = HttpCall {
        path: "/voice/webhook".into(),
        ..HttpCall::default()
    };
    let refused = plugin
        .http("/voice/webhook", &hook)
        .await
        .expect_err("nobody can verify it");
    assert_eq!(refused.kind().as_str(), "config");
    let health: Value = plugin
        .call("service/1/health", "voicecall", &json!(null))
        .await
        .expect("a health");
    assert_eq!(health["ok"], false);
}

#[tokio::test]
async fn a_private_address_is_refused_with_its_remedies() {
    let credentials = || {
        TestHost::new()
            .secret("TWILIO_ACCOUNT_SID", "AC1")
            .secret("TWILIO_AUTH_TOKEN", "hush")
            .secret("TWILIO_FROM_NUMBER", "+15550009999")
    };
    for (config, words) in [
        (
            json!({"publicUrl": "http://192.168.1.2:18789/voice/webhook"}),
            "publicly reachable",
        ),
        (
            json!({"publicUrl": "https://localhost/voice/webhook"}),
            "publicly reachable",
        ),
        (json!({"inboundPolicy": "open"}), "publicly reachable"),
        (json!({}), ""),
        (
            json!({"publicUrl": "https://voice.example.com/voice/webhook", "inboundPolicy": "open"}),
            "",
        ),
        (
            json!({"inboundPolicy": "open", "webhookSecurity": {"allowedHosts": ["voice.example.com"]}}),
            "",
        ),
    ] {
        let mut config = config;
        config["provider"] = json!("twilio");
        let plugin = credentials().load(&PLUGIN, config.clone()).expect("it loads");
        plugin
            .call::<()>("service/1/start", "voicecall", &json!(null))
            .await
            .expect("it starts");
        let status = plugin
            .method("voicecall.status", json!({}))
            .await
            .expect("a status");
        let state = status["plugin"]["state"].as_str().unwrap_or_default().to_owned();
        assert_eq!(status["plugin"]["ready"], words.is_empty(), "{config}: {state}");
        assert!(state.contains(words), "{config}: {state}");
        if !words.is_empty() {
            for remedy in ["tunnel.provider", "publicUrl", "out only"] {
                assert!(state.contains(remedy), "{remedy}: {state}");
            }
        }
    }
}

#[tokio::test]
async fn a_wrong_configuration_keeps_it_from_loading() {
    let host = TestHost::new();
    let config = json!({"provider": "twilio", "skipSignatureVerification": true});
    let error = host.load(&PLUGIN, config).expect_err("anybody could forge calls");
    assert!(error.message().contains("skipSignatureVerification"), "{error}");
}

#[test]
fn the_schema_takes_both_forms_and_nothing_unknown() {
    let manifest: Value = serde_json::from_str(PLUGIN.manifest()).expect("a manifest");
    let validator = jsonschema::validator_for(&manifest["configSchema"]).expect("a schema");
    let engine = json!({"apiKey": {"source": "env", "id": "KEY"}, "model": "m", "anything": 1});
    let whole = json!({
        "enabled": true, "provider": "telnyx", "fromNumber": "+15550001111", "toNumber": "+15550002222",
        "twilio": {"accountSid": "AC1", "authToken": "t", "region": "ie1", "from": "+15550001111"},
        "telnyx": {"apiKey": "k", "connectionId": "c", "publicKey": "p"}, "plivo": {"authId": "a", "authToken": "t"},
        "inboundPolicy": "pairing", "allowFrom": ["+15550001111"], "inboundGreeting": "Hi",
        "numbers": {"+15550001111": {"inboundGreeting": "Hi", "tts": {"provider": "openai"}, "agentId": "a",
            "responseModel": "m", "responseSystemPrompt": "s", "responseTimeoutMs": 1000}},
        "outbound": {"defaultMode": "conversation", "notifyHangupDelaySec": 0}, "maxDurationSeconds": 60,
        "staleCallReaperSeconds": 0, "silenceTimeoutMs": 500, "transcriptTimeoutMs": 1000, "ringTimeoutMs": 5000,
        "maxConcurrentCalls": 2, "serve": {"port": 3334, "bind": "127.0.0.1", "path": "/voice/webhook"},
        "publicUrl": "https://voice.example.com/voice/webhook",
        "tunnel": {"provider": "tailscale-funnel", "ngrokAuthToken": "t", "ngrokDomain": "d",
            "allowNgrokFreeTierLoopbackBypass": false},
        "tailscale": {"mode": "serve", "path": "/voice/webhook", "port": 8443},
        "webhookSecurity": {"allowedHosts": ["a"], "trustForwardingHeaders": true, "trustedProxyIPs": ["::1"]},
        "skipSignatureVerification": false,
        "streaming": {"enabled": false, "sttProvider": "openai-realtime", "openaiApiKey": "k", "sttModel": "m",
            "silenceDurationMs": 800, "vadThreshold": 0.5, "streamPath": "/voice/stream", "preStartTimeoutMs": 5000,
            "maxPendingConnections": 32, "maxPendingConnectionsPerIp": 4, "maxConnections": 128,
            "provider": "openai", "providers": {"openai": engine}},
        "realtime": {"enabled": false, "provider": "openai", "streamPath": "/r", "instructions": "i",
            "toolPolicy": "safe-read-only", "consultPolicy": "auto", "consultThinkingLevel": "low",
            "consultFastMode": true, "tools": [], "fastContext": {"enabled": false, "timeoutMs": 800, "maxResults": 3,
            "sources": ["memory"], "fallbackToConsult": false}, "agentContext": {"enabled": false, "maxChars": 6000,
            "includeIdentity": true, "includeWorkspaceFiles": true, "files": ["SOUL.md"]}, "providers": {"openai": engine}},
        "stt": {"provider": "openai", "model": "whisper-1"},
        "tts": {"provider": "elevenlabs", "openai": {"apiKey": "k", "model": "m", "voice": "alloy"},
            "elevenlabs": {"apiKey": "k", "baseUrl": "https://e.example", "voiceId": "v", "modelId": "m", "seed": 1,
            "voiceSettings": {"stability": 1}}, "providers": {"openai": {"speakerVoice": "alloy"}}, "auto": "always"},
        "store": "~/.openclaw/voice-calls", "agentId": "main", "sessionScope": "per-call",
        "responseModel": "openai/gpt-4o-mini", "responseSystemPrompt": "s", "responseTimeoutMs": 30000,
    });
    let wrong: Vec<_> = validator
        .iter_errors(&whole)
        .map(|e| format!("{}: {e}", e.instance_path()))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    for wrong in [
        json!({"provider": "nobody"}),
        json!({"unknown": 1}),
        json!({"fromNumber": "5550001111"}),
        json!({"fromNumber": "+05550001111"}),
        json!({"twilio": {"acountSid": "AC1"}}),
        json!({"numbers": {"+15550001111": {"greeting": "Hi"}}}),
        json!({"maxDurationSeconds": 0}),
        json!({"serve": {"path": "voice"}}),
    ] {
        assert!(!validator.is_valid(&wrong), "{wrong}");
    }
}
