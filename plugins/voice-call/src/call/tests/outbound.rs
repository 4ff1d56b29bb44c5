//! The agent calls somebody.
use super::{ADA, Lab, OURS, action, between};
use crate::{
    call::{Order, State},
    config::TalkMode,
};
use openclaw_plugin_api::ErrorKind;
use serde_json::json;

fn order(mode: TalkMode) -> Order {
    Order {
        to: Some(ADA.into()),
        message: Some("Dinner & dessert are ready.".into()),
        mode: Some(mode),
        ..Order::default()
    }
}

#[tokio::test(start_paused = true)]
async fn a_notice_is_spoken_and_the_call_ends() {
    let lab = Lab::new("twilio", json!({}));
    let id = lab
        .phone
        .calls
        .initiate(order(TalkMode::Notify))
        .await
        .expect("dialled");
    let dial = lab.asked.last();
    assert_eq!(
        (dial.method.as_str(), dial.path.as_str()),
        ("POST", "/2010-04-01/Accounts/AC1/Calls.json")
    );
    let url = format!("https://voice.example.com/voice/webhook?callId={id}");
    for (name, value) in [
        ("To", ADA),
        ("From", OURS),
        ("Url", &url),
        ("Timeout", "30"),
        ("Twiml", ""),
    ] {
        assert_eq!(dial.field(name), value, "{name}");
    }
    assert_eq!(dial.field("StatusCallback"), format!("{url}&type=status"));
    let events: Vec<_> = dial
        .form
        .iter()
        .filter(|(key, _)| key == "StatusCallbackEvent")
        .map(|(_, v)| v.as_str())
        .collect();
    assert_eq!(events, ["initiated", "ringing", "answered", "completed"]);
    let (asks, tells) = (format!("callId={id}"), format!("callId={id}&type=status"));
    let leg = |status| {
        [
            ("CallSid", "CA1"),
            ("Direction", "outbound-api"),
            ("CallStatus", status),
        ]
    };
    let empty = lab.form(&tells, &leg("ringing")).await;
    assert!(empty.ends_with("<Response></Response>"), "{empty}");
    // the status may overtake the question: nothing is said twice
    lab.form(&tells, &leg("in-progress")).await;
    let document = lab.form(&asks, &leg("in-progress")).await;
    assert!(
        document.contains("Dinner &amp; dessert are ready.</Say><Hangup/>"),
        "{document}"
    );
    lab.form(&tells, &leg("completed")).await;
    let call = lab.call().await;
    assert_eq!(
        (call.state, call.end_reason),
        (State::Completed, Some(State::Completed))
    );
    assert_eq!(call.transcript.len(), 1);
    assert_eq!(lab.asked.all().len(), 1, "nothing but the call was asked for");
}

#[tokio::test(start_paused = true)]
async fn a_conversation_goes_on_and_an_agent_can_ask_and_hear() {
    let lab = Lab::new("twilio", json!({}));
    let id = lab
        .phone
        .calls
        .initiate(order(TalkMode::Conversation))
        .await
        .expect("dialled");
    let early = lab.phone.calls.speak(&id, "hello").await.expect_err("it rings");
    assert_eq!(early.message(), "Call not connected");
    let answered = [
        ("CallSid", "CA1"),
        ("Direction", "outbound-api"),
        ("CallStatus", "in-progress"),
    ];
    let document = lab.form(&format!("callId={id}"), &answered).await;
    assert!(document.contains("ready.</Say><Gather"), "{document}");
    let calls = lab.phone.calls.clone();
    let (asker, asked) = (calls.clone(), id.clone());
    let waiting = tokio::spawn(async move { asker.converse(&asked, "Red or white?").await });
    let told = lab.until_asked(2).await;
    let second = calls.converse(&id, "Hello?").await.expect_err("somebody waits");
    assert_eq!(second.message(), "Already waiting for transcript");
    let query = action(told.field("Twiml"));
    let speech = [
        ("CallSid", "CA1"),
        ("CallStatus", "in-progress"),
        ("SpeechResult", "Red, please"),
    ];
    // words of another listening are not the answer
    lab.form(&format!("callId={id}&turnToken=stale"), &speech).await;
    assert!(!waiting.is_finished());
    lab.form(&query, &speech).await;
    assert_eq!(waiting.await.expect("it ran").expect("an answer"), "Red, please");
    assert_eq!(lab.asked.all().len(), 2, "who waits for the answer answers it");
    calls.hang_up(&id, State::HangupBot).await.expect("ended");
    assert_eq!(lab.asked.last().field("Status"), "completed");
    assert_eq!(lab.call().await.end_reason, Some(State::HangupBot));
    let late = calls.speak(&id, "hello").await.expect_err("it is over");
    assert_eq!(late.message(), "Call has ended");
}

#[tokio::test(start_paused = true)]
async fn keys_are_pressed_before_anything_is_said() {
    let lab = Lab::new("twilio", json!({}));
    let with_keys = |mode, digits: &str| Order {
        digits: Some(digits.into()),
        ..order(mode)
    };
    let wrong = lab
        .phone
        .calls
        .initiate(with_keys(TalkMode::Notify, "1"))
        .await
        .expect_err("no conversation");
    assert_eq!(wrong.message(), "dtmfSequence requires conversation mode");
    let wrong = lab
        .phone
        .calls
        .initiate(with_keys(TalkMode::Conversation, "1<x/>"))
        .await
        .expect_err("no keys");
    assert!(wrong.message().starts_with("keys are"), "{wrong}");
    let id = lab
        .phone
        .calls
        .initiate(with_keys(TalkMode::Conversation, "ww42#"))
        .await
        .expect("dialled");
    let leg = [("CallSid", "CA1"), ("CallStatus", "in-progress")];
    let first = lab.form(&format!("callId={id}"), &leg).await;
    assert!(first.contains("<Play digits=\"ww42#\"/><Redirect"), "{first}");
    let query = between(&first, "webhook?", "<").replace("&amp;", "&");
    let second = lab.form(&query, &leg).await;
    assert!(second.contains("<Say") && !second.contains("<Play"), "{second}");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_can_not_be_made_is_not_one() {
    let lab = Lab::new("twilio", json!({}));
    lab.faults.lock().expect("nobody panicked").push(401);
    let error = lab
        .phone
        .calls
        .initiate(order(TalkMode::Notify))
        .await
        .expect_err("refused");
    assert_eq!(error.message(), "twilio: making a call failed: status 401: no");
    assert_eq!(lab.call().await.state, State::Failed);
    lab.faults.lock().expect("nobody panicked").push(0);
    let error = lab
        .phone
        .calls
        .initiate(order(TalkMode::Notify))
        .await
        .expect_err("no answer");
    assert!(
        !error.message().contains("AC1") && !error.message().contains("hush"),
        "{error}"
    );
    // it may ring: nobody is called a second time, and if no webhook ever comes it is given up
    assert_eq!(error.kind(), ErrorKind::Unknown);
    assert!(error.message().contains("voicecall status"), "{error}");
    let second = lab.phone.calls.initiate(order(TalkMode::Notify)).await;
    assert!(second.expect_err("one at a time").message().contains("Maximum"));
    assert_eq!(lab.asked.all().len(), 2);
    lab.pass(45_000).await;
    assert!(lab.phone.calls.active().is_empty());
    // the ones that failed take no place
    lab.phone
        .calls
        .initiate(order(TalkMode::Notify))
        .await
        .expect("dialled");
    let error = lab
        .phone
        .calls
        .initiate(order(TalkMode::Notify))
        .await
        .expect_err("one at a time");
    assert_eq!(error.message(), "Maximum concurrent calls (1) reached");
    let nowhere = Order {
        to: Some("5550001111".into()),
        ..order(TalkMode::Notify)
    };
    let error = lab.phone.calls.initiate(nowhere).await.expect_err("no number");
    assert!(error.message().contains("+15550001234"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn without_a_webhook_only_notices_go_out_and_the_carrier_is_asked() {
    let lab = Lab::new("twilio", json!({"publicUrl": "", "inboundPolicy": "disabled"}));
    let error = lab
        .phone
        .calls
        .initiate(order(TalkMode::Conversation))
        .await
        .expect_err("nowhere to tell");
    for words in [
        "Webhook URL not configured",
        "tunnel.provider",
        "publicUrl",
        "calls out only",
    ] {
        assert!(error.message().contains(words), "{words}: {error}");
    }
    lab.phone
        .calls
        .initiate(order(TalkMode::Notify))
        .await
        .expect("dialled");
    let dial = lab.asked.last();
    assert!(dial.field("Twiml").contains("ready.</Say><Hangup/>"), "{dial:?}");
    assert!(dial.field("Url").is_empty() && dial.field("StatusCallback").is_empty());
    lab.pass(1000).await;
    let asked = lab.asked.last();
    assert_eq!(
        (asked.method.as_str(), asked.path.as_str()),
        ("GET", "/2010-04-01/Accounts/AC1/Calls/CA1.json")
    );
    assert_eq!(lab.call().await.state, State::Speaking);
    let telnyx = Lab::new("telnyx", json!({"publicUrl": ""}));
    telnyx
        .phone
        .calls
        .initiate(order(TalkMode::Notify))
        .await
        .expect_err("it needs callbacks");
    assert!(telnyx.asked.all().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_call_whose_making_was_never_answered_is_led_once_it_rings() {
    let lab = Lab::new("twilio", json!({}));
    lab.faults.lock().expect("nobody panicked").push(0);
    let made = lab.phone.calls.initiate(order(TalkMode::Notify)).await;
    assert_eq!(made.expect_err("no answer").kind(), ErrorKind::Unknown);
    let id = lab.id();
    let answered = [
        ("CallSid", "CA7"),
        ("Direction", "outbound-api"),
        ("CallStatus", "in-progress"),
    ];
    let document = lab.form(&format!("callId={id}"), &answered).await;
    assert!(document.contains("</Say><Hangup/>"), "{document}");
    let call = lab.call().await;
    assert_eq!(call.provider_call_id.as_deref(), Some("CA7"));
    assert_eq!(lab.asked.all().len(), 1, "it was made once");
}

#[tokio::test(start_paused = true)]
async fn a_call_is_led_to_the_new_address_and_nothing_is_said_again() {
    const NEW: &str = "https://two.example.com/voice/webhook";
    for carrier in ["twilio", "plivo"] {
        let lab = Lab::new(carrier, json!({"inboundGreeting": "Hello."}));
        let ringing = [
            ("CallSid", "CA1"),
            ("CallUUID", "CA1"),
            ("Event", "StartApp"),
            ("Direction", "inbound"),
            ("CallStatus", "in-progress"),
            ("From", ADA),
            ("To", super::OURS),
        ];
        let greeting = lab.form("", &ringing).await;
        assert!(greeting.contains("Hello."), "{greeting}");
        // the same address: the carrier is asked how the call is, and told nothing
        lab.phone
            .calls
            .reached_by("https://voice.example.com/voice/webhook");
        assert_eq!(lab.until_asked(1).await.method, "GET");
        tokio::time::sleep(std::time::Duration::from_secs(120)).await;
        assert_eq!(lab.asked.all().len(), 1, "{carrier}");
        lab.phone.calls.reached_by(NEW);
        tokio::time::sleep(std::time::Duration::from_secs(120)).await;
        let sent = lab.until_asked(3).await;
        let link = match carrier {
            "twilio" => sent.field("Url").to_owned(),
            _ => sent.json["aleg_url"].as_str().unwrap_or_default().to_owned(),
        };
        assert!(link.starts_with(NEW), "{carrier}: {sent:?}");
        let asks = [
            ("CallSid", "CA1"),
            ("CallUUID", "CA1"),
            ("CallStatus", "in-progress"),
        ];
        let document = lab.form(link.split_once('?').expect("a query").1, &asks).await;
        assert!(!document.contains("Hello."), "{carrier}: {document}");
        assert!(
            document.contains("<Gather") || document.contains("<GetInput"),
            "{document}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_ended_while_nobody_could_say_so_has_ended_when_somebody_can() {
    let lab = Lab::new("twilio", json!({}));
    let ringing = [
        ("CallSid", "CA1"),
        ("Direction", "inbound"),
        ("CallStatus", "in-progress"),
        ("From", ADA),
        ("To", super::OURS),
    ];
    lab.form("", &ringing).await;
    lab.faults.lock().expect("nobody panicked").push(404);
    lab.phone
        .calls
        .reached_by("https://two.example.com/voice/webhook");
    lab.until_asked(1).await;
    assert!(lab.phone.calls.active().is_empty());
    assert_eq!(lab.call().await.end_reason, Some(State::Completed));
}
