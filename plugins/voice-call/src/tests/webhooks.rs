//! Signed webhooks through the whole plugin: from the head of a request to what the carrier is told.
use crate::PLUGIN;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use openclaw_plugin_api::{
    HttpCall,
    testing::{FakeAnswer, TestHost, TestPlugin},
};
use ring::hmac;
use serde_json::{Value, json};
use std::sync::{Arc, Mutex};

const PUBLIC: &str = "https://voice.example.com/voice/webhook";
const TOKEN: &str = "a-token-of-tests";

/// What the carrier was told, as forms.
type Told = Arc<Mutex<Vec<String>>>;

async fn started(host: &TestHost) -> TestPlugin {
    let config = json!({
        "provider": "twilio", "publicUrl": PUBLIC, "fromNumber": "+15550009999", "inboundPolicy": "allowlist",
        "allowFrom": ["+15550001111"], "twilio": {"accountSid": "AC1", "authToken": TOKEN},
    });
    let plugin = host.load(&PLUGIN, config).expect("it loads");
    plugin
        .call::<()>("service/1/start", "voicecall", &json!(null))
        .await
        .expect("it starts");
    plugin
}

fn host(told: &Told) -> TestHost {
    let told = told.clone();
    TestHost::new().agent_answer("It is noon.").web(move |request| {
        let body = String::from_utf8_lossy(&request.body).into_owned();
        told.lock().expect("nobody panicked").push(body);
        Ok(FakeAnswer::json(
            200,
            &json!({"sid": "CA1", "status": "in-progress"}),
        ))
    })
}

/// A webhook with a signature made with this token.
fn signed(token: &str, query: &str, fields: &[(&str, &str)]) -> HttpCall {
    let mark = if query.is_empty() { "" } else { "?" };
    let mut text = format!("{PUBLIC}{mark}{query}");
    let mut sorted = fields.to_vec();
    sorted.sort_unstable();
    text.extend(sorted.iter().flat_map(|(key, value)| [*key, *value]));
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, token.as_bytes());
    let signature = STANDARD.encode(hmac::sign(&key, text.as_bytes()));
    let mut form = url::form_urlencoded::Serializer::new(String::new());
    HttpCall {
        method: "POST".into(),
        path: "/voice/webhook".into(),
        query: query.into(),
        headers: vec![
            ("host".into(), "voice.example.com".into()),
            ("x-twilio-signature".into(), signature),
        ],
        peer: "127.0.0.1".into(),
        body: form.extend_pairs(fields).finish().into_bytes(),
        ..HttpCall::default()
    }
}

async fn post(plugin: &TestPlugin, call: &HttpCall) -> String {
    let (head, body) = plugin.http("/voice/webhook", call).await.expect("an answer");
    assert_eq!(head.status, 200);
    String::from_utf8(body).expect("text")
}

async fn calls(plugin: &TestPlugin) -> Vec<Value> {
    let tail = plugin.method("voicecall.tail", json!({})).await.expect("a list");
    tail["calls"].as_array().cloned().unwrap_or_default()
}

fn leg<'a>(status: &'a str, more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut fields = vec![
        ("CallSid", "CA1"),
        ("Direction", "inbound"),
        ("CallStatus", status),
        ("From", "+15550001111"),
        ("To", "+15550009999"),
    ];
    fields.extend(more);
    fields
}

#[tokio::test]
async fn what_is_not_signed_never_reaches_the_call_model() {
    let told = Told::default();
    let plugin = started(&host(&told)).await;
    let genuine = signed(TOKEN, "", &leg("ringing", &[]));
    let forged = signed("another-token", "", &leg("ringing", &[]));
    let mut unsigned = genuine.clone();
    unsigned.headers.pop();
    let mut changed = genuine.clone();
    changed.body.extend_from_slice(b"&From=%2B15550001112");
    let mut elsewhere = genuine.clone();
    elsewhere.path = "/voice/webhook/other".into();
    for (name, call) in [
        ("forged", forged),
        ("unsigned", unsigned),
        ("changed", changed),
        ("elsewhere", elsewhere),
    ] {
        assert!(plugin.http("/voice/webhook", &call).await.is_err(), "{name}");
    }
    assert!(calls(&plugin).await.is_empty());
    let mut slashed = genuine;
    slashed.path = "/voice/webhook/".into();
    assert!(post(&plugin, &slashed).await.contains("<Gather"));
    assert_eq!(calls(&plugin).await.len(), 1);
}

#[tokio::test]
async fn a_repeat_gets_the_first_answer_and_has_no_effect_before_and_after_a_restart() {
    let told = Told::default();
    let host = host(&told);
    let plugin = started(&host).await;
    let ringing = signed(TOKEN, "", &leg("ringing", &[]));
    let greeted = post(&plugin, &ringing).await;
    assert!(greeted.contains("<Say"), "{greeted}");
    assert_eq!(post(&plugin, &ringing).await, greeted);
    // the order of fields and the case of nothing changes what was signed; padding neither
    let mut padded = ringing.clone();
    let signature = &mut padded.headers.last_mut().expect("a header").1;
    *signature = signature.trim_end_matches('=').to_owned();
    assert_eq!(post(&plugin, &padded).await, greeted);
    let query = greeted.split_once("action=\"").expect("an action").1;
    let query = query.split_once('?').expect("a query").1;
    let query = query.split('"').next().expect("a query").replace("&amp;", "&");
    let speech = signed(
        TOKEN,
        &query,
        &leg("in-progress", &[("SpeechResult", "What time is it?")]),
    );
    // at the same time, as a carrier that is in doubt sends it
    let (first, second) = tokio::join!(post(&plugin, &speech), post(&plugin, &speech));
    assert_eq!(first, second);
    for _ in 0..10_000 {
        if !told.lock().expect("nobody panicked").is_empty() {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(calls(&plugin).await.len(), 1);
    drop(plugin);
    let plugin = started(&host).await;
    assert_eq!(post(&plugin, &ringing).await, greeted);
    assert_eq!(post(&plugin, &speech).await, first);
    let calls = calls(&plugin).await;
    assert_eq!(calls.len(), 1, "{calls:#?}");
    let lines = calls[0]["transcript"].as_array().expect("lines");
    let heard = lines.iter().filter(|line| line["speaker"] == "user");
    assert_eq!(heard.count(), 1, "{lines:#?}");
    let told = told.lock().expect("nobody panicked");
    let answers = told.iter().filter(|body| body.contains("noon"));
    assert_eq!(answers.count(), 1, "{told:#?}");
    assert!(told.iter().all(|body| !body.contains(TOKEN)));
}
