//! The whole plugin on a fake host.
mod webhooks;

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
    let whole: Value = serde_json::from_str(include_str!("tests/whole.json")).expect("JSON");
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
