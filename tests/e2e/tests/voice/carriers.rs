//! Telnyx and Plivo: signed as they sign, asked as their own descriptions say.
use crate::world::{ADA, OURS, PUBLIC, TOKEN, World};
use openclaw_e2e::running::soon;
use openclaw_fakes::{
    openai::Turn,
    voice::{Carrier, Ed25519, plivo_v3},
};
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// What Telnyx tells of a call that comes in.
async fn telnyx(world: &World, event: &str, more: Value) -> u16 {
    let mut payload = json!({
        "call_control_id": "v3:abc", "client_state": null, "direction": "incoming", "from": ADA, "to": OURS,
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        payload[key] = value.clone();
    }
    let body = json!({ "data": { "event_type": event, "payload": payload } }).to_string();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("after 1970")
        .as_secs();
    let signature = Ed25519::known().sign(now, body.as_bytes());
    let time = now.to_string();
    let headers = [
        ("telnyx-signature-ed25519", signature.as_str()),
        ("telnyx-timestamp", &time),
    ];
    world.send("", ("application/json", &body), &headers).await.status
}

#[tokio::test]
async fn telnyx_is_answered_heard_and_told() {
    let world = World::over(Carrier::Telnyx, |_| {}, |_| {}).await;
    // who signs with nothing reaches nothing
    let unsigned = [("telnyx-signature-ed25519", "AAAA"), ("telnyx-timestamp", "1")];
    let forged = world.send("", ("application/json", "{}"), &unsigned).await;
    assert_eq!(forged.status, 401);
    assert_eq!(telnyx(&world, "call.initiated", json!({})).await, 200);
    let answered = soon("the call to be taken", world.carrier.until(1)).await;
    assert!(answered.path.ends_with("/actions/answer"), "{answered:?}");
    telnyx(&world, "call.answered", json!({})).await;
    let greeted = soon("the greeting", world.carrier.until(2)).await;
    assert_eq!(greeted.json["payload"], "Good day.", "{greeted:?}");
    telnyx(&world, "call.speak.started", json!({})).await;
    telnyx(&world, "call.speak.ended", json!({})).await;
    let listens = soon("it to listen", world.carrier.until(3)).await;
    assert!(
        listens.path.ends_with("/actions/transcription_start"),
        "{listens:?}"
    );
    world.model.script(Turn::text("It is noon."));
    let words = json!({"transcription_data": {"transcript": "What time is it?", "is_final": true}});
    telnyx(&world, "call.transcription", words).await;
    let told = soon("the answer", world.carrier.until(5)).await;
    assert_eq!(told.json["payload"], "It is noon.", "{told:?}");
    let id = told.json["command_id"].as_str().unwrap_or_default();
    assert!(id.starts_with("openclaw-say-"), "{told:?}");
    telnyx(&world, "call.hangup", json!({"hangup_cause": "user_hangup"})).await;
    let call = world.call().await;
    assert_eq!(
        (&call["endReason"], &call["direction"]),
        (&json!("hangup-user"), &json!("inbound")),
        "{call:#}"
    );
    world.end().await;
}

/// What Plivo tells of a call that comes in; gives the document.
async fn plivo(world: &World, query: &str, fields: &[(&str, &str)]) -> String {
    // what is signed has the query's keys in order
    let mut pairs: Vec<&str> = query.split('&').filter(|pair| !pair.is_empty()).collect();
    pairs.sort_unstable();
    let sorted = pairs.join("&");
    let url = match sorted.is_empty() {
        true => PUBLIC.to_owned(),
        false => format!("{PUBLIC}?{sorted}"),
    };
    let signature = plivo_v3(TOKEN, &url, fields, "nonce");
    let headers = [
        ("x-plivo-signature-v3", signature.as_str()),
        ("x-plivo-signature-v3-nonce", "nonce"),
    ];
    let answer = world.post(query, fields, &headers).await;
    assert_eq!(answer.status, 200, "{query} {fields:?}");
    answer.body
}

/// The query of the first link to the webhook behind these words.
fn link(document: &str, before: &str) -> String {
    let rest = document
        .split_once(before)
        .unwrap_or_else(|| panic!("{before} in {document}"))
        .1;
    let rest = rest.split_once("/voice/webhook?").expect("a link").1;
    rest.split('"').next().expect("an end").replace("&amp;", "&")
}

#[tokio::test]
async fn plivo_is_answered_heard_and_fetches_what_it_is_told() {
    let world = World::over(Carrier::Plivo, |_| {}, |_| {}).await;
    let start = [
        ("CallUUID", "u-1"),
        ("Direction", "inbound"),
        ("Event", "StartApp"),
        ("CallStatus", "in-progress"),
        ("From", &ADA[1..]),
        ("To", &OURS[1..]),
    ];
    assert_eq!(world.post("", &start, &[]).await.status, 401);
    let greeted = plivo(&world, "", &start).await;
    assert!(greeted.contains("Good day.</Speak><GetInput"), "{greeted}");
    world.model.script(Turn::text("It is noon."));
    let said = [("CallUUID", "u-1"), ("Speech", "What time is it?")];
    plivo(&world, &link(&greeted, "action=\""), &said).await;
    let sent = soon("the call to be sent on", world.carrier.until(1)).await;
    let told = sent.json["aleg_url"].as_str().expect("a link");
    let fetching = [("CallUUID", "u-1"), ("CallStatus", "in-progress")];
    let answer = plivo(&world, told.split_once('?').expect("a query").1, &fetching).await;
    assert!(answer.contains("It is noon.</Speak><GetInput"), "{answer}");
    let ended = [
        ("CallUUID", "u-1"),
        ("Event", "Hangup"),
        ("CallStatus", "completed"),
    ];
    plivo(&world, "flow=hangup", &ended).await;
    let call = world.call().await;
    assert_eq!(call["state"], "completed", "{call:#}");
    assert_eq!(call["transcript"].as_array().map(Vec::len), Some(3), "{call:#}");
    world.end().await;
}
