//! What is particular to Telnyx, Plivo and the carrier that does not exist.
use super::{ADA, Lab, OURS, between};
use crate::{
    call::{Direction, Order, State},
    config::TalkMode,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

pub(super) fn telnyx(event: &str, more: Value) -> Value {
    let mut payload = json!({
        "call_control_id": "v3:abc", "client_state": null, "direction": "incoming", "from": ADA, "to": OURS,
    });
    for (key, value) in more.as_object().into_iter().flatten() {
        payload[key] = value.clone();
    }
    json!({ "data": { "event_type": event, "payload": payload } })
}

/// A call that Telnyx has taken and greeted.
pub(super) async fn greeted() -> Lab {
    let lab = Lab::new("telnyx", json!({}));
    for kind in [
        "call.initiated",
        "call.answered",
        "call.speak.started",
        "call.speak.ended",
    ] {
        lab.told(&telnyx(kind, json!({}))).await;
    }
    lab
}

/// What the caller says to Telnyx.
pub(super) fn heard(words: &str) -> Value {
    let words = json!({"transcription_data": {"transcript": words, "is_final": true}});
    telnyx("call.transcription", words)
}

#[tokio::test(start_paused = true)]
async fn telnyx_is_told_each_step() {
    let lab = Lab::new("telnyx", json!({"inboundGreeting": "Hello."}));
    assert_eq!(lab.told(&telnyx("call.initiated", json!({}))).await, "OK");
    let answer = lab.asked.last();
    let id = lab.id();
    assert_eq!(answer.path, "/v2/calls/v3%3Aabc/actions/answer");
    assert_eq!(answer.json["command_id"], format!("openclaw-answer-{id}"));
    lab.told(&telnyx("call.answered", json!({}))).await;
    let speak = lab.asked.last();
    assert_eq!(speak.path, "/v2/calls/v3%3Aabc/actions/speak");
    assert_eq!(
        (&speak.json["payload"], &speak.json["voice"]),
        (&json!("Hello."), &json!("female"))
    );
    lab.told(&telnyx("call.speak.started", json!({}))).await;
    lab.told(&telnyx("call.speak.ended", json!({}))).await;
    assert_eq!(
        lab.asked.last().path,
        "/v2/calls/v3%3Aabc/actions/transcription_start"
    );
    let partial = json!({"transcription_data": {"transcript": "what", "is_final": false, "confidence": 0.5}});
    lab.told(&telnyx("call.transcription", partial)).await;
    assert_eq!(lab.asked.all().len(), 3);
    lab.told(&heard("what time is it")).await;
    let stop = lab.until_asked(4).await;
    assert_eq!(stop.path, "/v2/calls/v3%3Aabc/actions/transcription_stop");
    assert_eq!(lab.until_asked(5).await.json["payload"], "Nice to hear you.");
    lab.told(&telnyx("call.hangup", json!({"hangup_cause": "user_hangup"})))
        .await;
    let call = lab.call().await;
    assert_eq!(
        (call.direction, call.end_reason),
        (Direction::Inbound, Some(State::HangupUser))
    );
    assert_eq!(call.transcript.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn telnyx_speaks_where_nothing_listens_any_more() {
    for status in [422, 404] {
        let lab = greeted().await;
        assert_eq!(
            lab.asked.last().path,
            "/v2/calls/v3%3Aabc/actions/transcription_start"
        );
        let count = lab.asked.all().len();
        lab.faults.lock().expect("nobody panicked").push(status);
        lab.told(&heard("what time is it")).await;
        let stop = lab.until_asked(count + 1).await;
        assert_eq!(stop.path, "/v2/calls/v3%3Aabc/actions/transcription_stop");
        let speak = lab.until_asked(count + 2).await;
        assert_eq!(speak.json["payload"], "Nice to hear you.");
    }
}

#[tokio::test(start_paused = true)]
async fn telnyx_turns_strangers_away_once_and_ends_notices_after_their_delay() {
    let lab = Lab::new("telnyx", json!({"outbound": {"notifyHangupDelaySec": 2}}));
    for _ in 0..3 {
        lab.told(&telnyx("call.initiated", json!({"from": "+15550002222"})))
            .await;
    }
    assert_eq!(lab.asked.all().len(), 1);
    assert_eq!(lab.asked.last().path, "/v2/calls/v3%3Aabc/actions/hangup");
    let lab = Lab::new("telnyx", json!({"outbound": {"notifyHangupDelaySec": 2}}));
    let order = Order {
        to: Some(ADA.into()),
        message: Some("Dinner.".into()),
        ..Order::default()
    };
    let id = lab.phone.calls.initiate(order).await.expect("dialled");
    let dial = lab.asked.last();
    let state = STANDARD.encode(id.as_str());
    assert_eq!(dial.path, "/v2/calls");
    assert_eq!(dial.json["client_state"], state);
    assert_eq!(
        dial.json["webhook_url"],
        "https://voice.example.com/voice/webhook"
    );
    let ours = json!({"client_state": state, "direction": "outgoing"});
    lab.told(&telnyx("call.answered", ours.clone())).await;
    assert_eq!(lab.asked.last().json["payload"], "Dinner.");
    lab.told(&telnyx("call.speak.ended", ours)).await;
    lab.pass(1_999).await;
    assert_eq!(lab.asked.all().len(), 2);
    lab.pass(1).await;
    assert_eq!(lab.asked.last().path, "/v2/calls/v3%3Aabc/actions/hangup");
    let call = lab.call().await;
    assert_eq!(
        (call.direction, call.end_reason),
        (Direction::Outbound, Some(State::HangupBot))
    );
}

#[tokio::test(start_paused = true)]
async fn plivo_fetches_what_it_is_sent_to() {
    let lab = Lab::new("plivo", json!({"inboundGreeting": "Hello."}));
    // its numbers come without their plus
    let starts = [
        ("CallUUID", "u-1"),
        ("Direction", "inbound"),
        ("Event", "StartApp"),
        ("CallStatus", "in-progress"),
        ("From", &ADA[1..]),
        ("To", &OURS[1..]),
    ];
    let document = lab.form("", &starts).await;
    assert!(
        document.contains("<Speak language=\"en-US\">Hello.</Speak><GetInput inputType=\"speech\""),
        "{document}"
    );
    let query = between(
        &document,
        "action=\"https://voice.example.com/voice/webhook?",
        "\"",
    )
    .replace("&amp;", "&");
    assert!(query.contains("flow=getinput"), "{query}");
    lab.form(&query, &[("CallUUID", "u-1"), ("Speech", "what time is it")])
        .await;
    let sent = lab.until_asked(1).await;
    assert_eq!(
        (sent.method.as_str(), sent.path.as_str()),
        ("POST", "/v1/Account/MA1/Call/u-1/")
    );
    let link: url::Url = sent.json["aleg_url"]
        .as_str()
        .expect("a link")
        .parse()
        .expect("an address");
    assert_eq!(
        lab.call().await.transcript.len(),
        2,
        "it has not fetched the answer yet"
    );
    let document = lab
        .form(
            link.query().unwrap_or_default(),
            &[("CallUUID", "u-1"), ("CallStatus", "in-progress")],
        )
        .await;
    assert!(
        document.contains("Nice to hear you.</Speak><GetInput"),
        "{document}"
    );
    lab.form(
        "flow=hangup",
        &[
            ("CallUUID", "u-1"),
            ("Event", "Hangup"),
            ("CallStatus", "completed"),
        ],
    )
    .await;
    assert_eq!(lab.call().await.state, State::Completed);
}

#[tokio::test(start_paused = true)]
async fn plivo_names_a_request_first_and_the_call_later() {
    let lab = Lab::new("plivo", json!({}));
    let order = Order {
        to: Some(ADA.into()),
        message: Some("Dinner.".into()),
        ..Order::default()
    };
    let id = lab.phone.calls.initiate(order).await.expect("dialled");
    assert_eq!(lab.asked.last().json["hangup_on_ring"], 30);
    let query = format!("provider=plivo&callId={id}&flow=answer");
    let document = lab
        .form(
            &query,
            &[
                ("CallUUID", "u-7"),
                ("Event", "StartApp"),
                ("Direction", "outbound"),
            ],
        )
        .await;
    assert!(
        document.contains("Dinner.</Speak><Wait length=\"3\"/><Hangup/>"),
        "{document}"
    );
    assert_eq!(lab.call().await.provider_call_id.as_deref(), Some("u-7"));
    lab.faults.lock().expect("nobody panicked").extend([404, 404]);
    lab.phone
        .calls
        .hang_up(&id, State::HangupBot)
        .await
        .expect("it is gone");
    let paths: Vec<_> = lab
        .asked
        .all()
        .into_iter()
        .skip(1)
        .map(|asked| asked.path)
        .collect();
    assert_eq!(
        paths,
        ["/v1/Account/MA1/Call/u-7/", "/v1/Account/MA1/Request/u-7/"]
    );
}

#[tokio::test(start_paused = true)]
async fn the_mock_carrier_is_played_by_hand() {
    let lab = Lab::new("mock", json!({"publicUrl": "", "inboundPolicy": "open"}));
    let event = |kind: &str, more: Value| {
        let mut event =
            json!({"type": kind, "providerCallId": "m-1", "direction": "inbound", "from": ADA, "to": OURS});
        for (key, value) in more.as_object().into_iter().flatten() {
            event[key] = value.clone();
        }
        json!({ "event": event })
    };
    let greeted: Value =
        serde_json::from_str(&lab.told(&event("call.initiated", json!({}))).await).expect("JSON");
    assert_eq!(
        (&greeted["next"]["do"], &greeted["next"]["then"]),
        (&json!("say"), &json!("listen"))
    );
    let heard = event(
        "call.speech",
        json!({"transcript": "hi", "turnToken": greeted["next"]["turnToken"]}),
    );
    let waits: Value = serde_json::from_str(&lab.told(&heard).await).expect("JSON");
    assert_eq!(waits["next"]["do"], "wait");
    for _ in 0..10_000 {
        if lab.call().await.transcript.len() == 3 {
            break;
        }
        tokio::task::yield_now().await;
    }
    assert_eq!(lab.call().await.transcript[2].text, "Nice to hear you.");
    lab.told(&event("call.ended", json!({"reason": "hangup-user"})))
        .await;
    assert_eq!(lab.call().await.end_reason, Some(State::HangupUser));
    // outside of tests nobody dials: the id follows ours
    let order = Order {
        to: Some(ADA.into()),
        mode: Some(TalkMode::Notify),
        ..Order::default()
    };
    let id = lab.phone.calls.initiate(order).await.expect("made");
    assert_eq!(
        lab.phone.calls.find(&id).and_then(|call| call.provider_call_id),
        Some(format!("mock-{id}"))
    );
}
