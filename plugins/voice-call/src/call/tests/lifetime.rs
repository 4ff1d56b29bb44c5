//! Time, ends and restarts.
use super::{ADA, Lab, OURS, action};
use crate::{
    call::{Order, State},
    config::TalkMode,
};
use serde_json::json;

const RINGING: [(&str, &str); 5] = [
    ("CallSid", "CA1"),
    ("Direction", "inbound"),
    ("CallStatus", "ringing"),
    ("From", ADA),
    ("To", OURS),
];

fn order() -> Order {
    Order {
        to: Some(ADA.into()),
        message: Some("Hello.".into()),
        mode: Some(TalkMode::Conversation),
        ..Order::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_ends_when_it_has_lasted_too_long_and_says_so() {
    let lab = Lab::new("twilio", json!({"maxDurationSeconds": 60}));
    lab.form("", &RINGING).await;
    lab.pass(59_000).await;
    assert!(lab.asked.all().is_empty());
    lab.pass(1_000).await;
    assert_eq!(lab.asked.last().field("Status"), "completed");
    // the carrier's own word for it does not overwrite ours
    lab.form("type=status", &[("CallSid", "CA1"), ("CallStatus", "completed")])
        .await;
    assert_eq!(lab.call().await.end_reason, Some(State::Timeout));
}

#[tokio::test(start_paused = true)]
async fn a_phone_that_nobody_answers_stops_ringing() {
    for (config, after, reason) in [
        (json!({"ringTimeoutMs": 20_000}), 35_000, State::NoAnswer),
        (
            json!({"ringTimeoutMs": 600_000, "staleCallReaperSeconds": 100}),
            100_000,
            State::Timeout,
        ),
    ] {
        let lab = Lab::new("twilio", config);
        lab.phone.calls.initiate(order()).await.expect("dialled");
        lab.pass(after - 1).await;
        assert_eq!(lab.call().await.end_reason, None);
        lab.pass(1).await;
        assert_eq!(lab.call().await.end_reason, Some(reason));
    }
    let never = json!({"ringTimeoutMs": 600_000, "staleCallReaperSeconds": 0, "maxDurationSeconds": 80_000});
    let lab = Lab::new("twilio", never);
    lab.phone.calls.initiate(order()).await.expect("dialled");
    lab.pass(600_000).await;
    assert_eq!(lab.call().await.end_reason, None);
}

#[tokio::test(start_paused = true)]
async fn ending_is_tried_again_and_a_call_that_is_gone_has_ended() {
    let lab = Lab::new("twilio", json!({}));
    lab.form("", &RINGING).await;
    let id = lab.id();
    lab.faults
        .lock()
        .expect("nobody panicked")
        .extend([503, 503, 404]);
    let error = lab
        .phone
        .calls
        .hang_up(&id, State::HangupBot)
        .await
        .expect_err("not now");
    assert!(error.message().contains("could not be ended"), "{error}");
    lab.pass(1).await;
    assert_eq!(lab.asked.all().len(), 1, "not at once");
    lab.pass(5_000).await;
    assert_eq!(lab.call().await.end_reason, None);
    lab.pass(5_000).await;
    assert_eq!(lab.call().await.end_reason, Some(State::HangupBot));
}

#[tokio::test(start_paused = true)]
async fn a_killed_gateway_goes_on_where_the_call_was() {
    let lab = Lab::new("twilio", json!({}));
    let document = lab.form("", &RINGING).await;
    let id = lab.id();
    let lab = lab.killed().await;
    lab.restored().await;
    assert_eq!(lab.asked.last().method, "GET");
    assert_eq!(lab.id(), id);
    let speech = [
        ("CallSid", "CA1"),
        ("CallStatus", "in-progress"),
        ("SpeechResult", "still there?"),
    ];
    let waits = lab.form(&action(&document), &speech).await;
    assert!(waits.contains("<Pause"), "{waits}");
    let told = lab.until_asked(2).await;
    assert!(told.field("Twiml").contains("Nice to hear you."), "{told:?}");
    assert_eq!(lab.phone.calls.history(10).await.expect("a store").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_the_carrier_says_what_became_of_calls() {
    let lab = Lab::new("twilio", json!({}));
    lab.form("", &RINGING).await;
    let lab = lab.killed().await;
    lab.faults.lock().expect("nobody panicked").push(404);
    lab.restored().await;
    assert_eq!(lab.call().await.end_reason, Some(State::Completed));
    assert!(lab.phone.calls.active().is_empty());
    // who can't be asked is not given up, and one that is too old is
    let lab = Lab::new("twilio", json!({}));
    lab.form("", &RINGING).await;
    let lab = lab.killed().await;
    lab.faults.lock().expect("nobody panicked").push(0);
    lab.restored().await;
    assert_eq!(lab.phone.calls.active().len(), 1);
    let lab = lab.killed().await;
    lab.now.fetch_add(600_000, std::sync::atomic::Ordering::Relaxed);
    lab.restored().await;
    assert_eq!(lab.call().await.end_reason, Some(State::Timeout));
    assert!(lab.asked.all().is_empty());
}
