//! What is wrong, what is missing, and what older names still mean.
use super::*;
use openclaw_plugin_api::testing::TestHost;
use serde_json::{Value, json};

fn config(value: Value) -> Config {
    serde_json::from_value(value).expect("it fits")
}

async fn missing(host: TestHost, value: Value) -> Vec<String> {
    match settle(&host.host(), config(value)).await.expect("settled") {
        Setup::Incomplete(missing) => missing,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn all_that_is_missing_is_told_at_once() {
    let missing_of = |value| missing(TestHost::new(), value);
    assert_eq!(
        missing_of(json!({"provider": "twilio", "tunnel": {"provider": "ngrok"}})).await,
        [
            "plugins.entries.voice-call.config.twilio.accountSid is required (or set TWILIO_ACCOUNT_SID env)",
            "plugins.entries.voice-call.config.twilio.authToken is required (or set TWILIO_AUTH_TOKEN env)",
            "plugins.entries.voice-call.config.fromNumber is required (or set TWILIO_FROM_NUMBER env)",
            "plugins.entries.voice-call.config.tunnel.ngrokAuthToken is required (or set NGROK_AUTHTOKEN env)",
        ]
    );
    assert_eq!(missing_of(json!({"provider": "telnyx"})).await.len(), 4);
    assert_eq!(missing_of(json!({"provider": "plivo"})).await.len(), 3);
    assert_eq!(
        missing_of(json!({})).await,
        ["plugins.entries.voice-call.config.provider is required"]
    );
    let reference = json!({"source": "env", "id": "NOWHERE"});
    let told = missing_of(json!({"provider": "plivo", "plivo": {"authToken": reference}})).await;
    assert!(
        told.iter().any(|line| line.contains("could not be resolved")),
        "{told:?}"
    );
}

#[tokio::test]
async fn the_environment_fills_in_for_the_selected_carrier() {
    let host = TestHost::new()
        .secret("TWILIO_ACCOUNT_SID", "AC1")
        .secret("TWILIO_AUTH_TOKEN", " hush \n")
        .secret("TWILIO_FROM_NUMBER", "+15550001111");
    let settled = settle(&host.host(), config(json!({"provider": "twilio"}))).await;
    let Ok(Setup::Ready(settings)) = settled else {
        panic!("{settled:?}");
    };
    assert_eq!(settings.from.to_string(), "+15550001111");
    let Credentials::Twilio { auth_token, .. } = &settings.credentials else {
        panic!("{:?}", settings.credentials);
    };
    assert_eq!(auth_token.expose(), "hush");
    assert!(!format!("{settings:?}").contains("hush"));
    // what the configuration says wins
    let own = json!({"provider": "twilio", "fromNumber": "+15550002222"});
    let Ok(Setup::Ready(settings)) = settle(&host.host(), config(own)).await else {
        panic!("it is complete");
    };
    assert_eq!(settings.from.to_string(), "+15550002222");
    assert_eq!(missing(host, json!({"provider": "plivo"})).await.len(), 3);
}

#[tokio::test]
async fn a_mock_needs_nothing_and_off_is_off() {
    let host = TestHost::new();
    let settled = settle(&host.host(), config(json!({"provider": "log"}))).await;
    assert!(matches!(settled, Ok(Setup::Ready(_))), "{settled:?}");
    let settled = settle(
        &host.host(),
        config(json!({"enabled": false, "provider": "twilio"})),
    )
    .await;
    assert!(matches!(settled, Ok(Setup::Disabled)), "{settled:?}");
}

#[test]
fn what_excludes_each_other_is_an_error_that_says_so() {
    for (value, words) in [
        (
            json!({"provider": "twilio", "skipSignatureVerification": true}),
            "anybody could forge",
        ),
        (json!({"skipSignatureVerification": true}), "anybody could forge"),
        (
            json!({"provider": "plivo", "streaming": {"enabled": true}}),
            "for provider \"twilio\" only",
        ),
        (
            json!({"provider": "twilio", "streaming": {"enabled": true}, "realtime": {"enabled": true}}),
            "exclude each other",
        ),
        (
            json!({"provider": "twilio", "realtime": {"enabled": true}}),
            "inboundPolicy",
        ),
        (json!({"publicUrl": "voice.example.com"}), "publicUrl"),
        (
            json!({"publicUrl": "https://me@voice.example.com/"}),
            "without a user",
        ),
        (json!({"publicUrl": "ftp://voice.example.com/"}), "http or https"),
    ] {
        let error = judge(&config(value.clone())).expect_err("wrong");
        assert!(error.message().contains(words), "{value}: {error}");
    }
    judge(&config(
        json!({"provider": "mock", "skipSignatureVerification": true}),
    ))
    .expect("for development");
}

#[test]
fn a_level_of_thinking_that_agents_lack_is_the_nearest_or_the_agents_own() {
    for (level, expected) in [("low", Some("low")), ("max", Some("xhigh")), ("adaptive", None)] {
        let config = config(json!({"provider": "mock", "realtime": {"consultThinkingLevel": level}}));
        assert!(judge(&config).is_ok(), "{level}");
        assert_eq!(config.consult_thinking(), expected, "{level}");
    }
}

#[test]
fn older_names_are_taken_and_told() {
    let told = judge(&config(json!({
        "provider": "log", "twilio": {"from": "+15550001111"}, "store": "~/calls",
        "streaming": {"sttProvider": "openai-realtime", "openaiApiKey": "k", "sttModel": "m",
                      "silenceDurationMs": 500, "vadThreshold": 0.4},
    })))
    .expect("it is only old");
    assert_eq!(told.len(), 8, "{told:?}");
    assert!(
        judge(&config(json!({"provider": "mock"})))
            .expect("fine")
            .is_empty()
    );
}

#[test]
fn numbers_are_found_by_their_digits_and_paths_have_one_form() {
    let config = config(json!({
        "numbers": {"+15550001111": {"agentId": "sales"}}, "serve": {"path": "/calls/"},
    }));
    assert_eq!(
        config.number("15550001111").and_then(|n| n.agent_id.as_deref()),
        Some("sales")
    );
    assert!(config.number("+5550001111").is_none() && config.number("").is_none());
    assert_eq!(config.webhook_path(), "/calls");
    let url = public_url("https://voice.example.com:8443", "/calls").expect("an address");
    assert_eq!(url.as_str(), "https://voice.example.com:8443/calls");
    let url = public_url(" http://voice.example.com/other/?a=b#c ", "/calls").expect("an address");
    assert_eq!(url.as_str(), "http://voice.example.com/other/");
}
