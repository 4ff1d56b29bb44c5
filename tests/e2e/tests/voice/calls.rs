//! Calls from their beginning to their end.
use crate::world::{ADA, FIRST, PUBLIC, TOKEN, World, action, leg};
use openclaw_e2e::running::soon;
use openclaw_fakes::{openai::Turn, server::Fault, voice::twilio_form};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_caller_is_greeted_and_heard_over_three_turns_and_strangers_are_not() {
    let world = World::new(|_| {}).await;
    // who does not sign, or signs wrongly, reaches nothing
    let ringing = leg("ringing", &[]);
    assert_eq!(world.post("", &ringing, &[]).await.status, 401);
    let forged = twilio_form("another-secret", PUBLIC, &ringing);
    assert_eq!(
        world
            .post("", &ringing, &[("x-twilio-signature", &forged)])
            .await
            .status,
        401
    );
    let elsewhere = twilio_form(TOKEN, "https://evil.example/voice/webhook", &ringing);
    let headers = [
        ("x-twilio-signature", elsewhere.as_str()),
        ("x-forwarded-host", "evil.example"),
    ];
    assert_eq!(world.post("", &ringing, &headers).await.status, 401);
    assert_eq!(world.command(&["tail"]).await, json!([]));
    let mut document = world.signed("", &ringing).await;
    assert!(document.body.contains("Good day.</Say><Gather"), "{document:?}");
    // told again, it has the same answer and no effect
    assert_eq!(world.signed("", &ringing).await, document);
    for (turn, words) in ["What is up?", "And then?", "Thanks."].into_iter().enumerate() {
        world.model.script(Turn::text(&format!("Answer {turn}.")));
        let fields = leg("in-progress", &[("SpeechResult", words), ("Confidence", "0.9")]);
        let query = action(&document.body);
        let waits = world.signed(&query, &fields).await;
        assert!(waits.body.contains("<Redirect"), "{waits:?}");
        assert_eq!(world.signed(&query, &fields).await, waits, "a repeat");
        let told = soon("the carrier to be told", world.carrier.until(turn + 1)).await;
        assert!(
            told.field("Twiml")
                .contains(&format!("Answer {turn}.</Say><Gather")),
            "{told:?}"
        );
        document.body = told.field("Twiml").to_owned();
    }
    world
        .signed("type=status", &leg("completed", &[("Timestamp", "now")]))
        .await;
    let call = world.call().await;
    assert_eq!(
        (&call["state"], &call["direction"]),
        (&json!("completed"), &json!("inbound"))
    );
    assert_eq!(call["transcript"].as_array().map(Vec::len), Some(7), "{call:#}");
    assert_eq!(world.model.asked().len(), 3);
    world.end().await;
}

#[tokio::test]
async fn a_notice_is_given_even_if_its_webhook_overtakes_the_answer_of_the_carrier() {
    let world = World::new(|_| {}).await;
    world.carrier.script([Fault::Delay(Duration::from_secs(2))]);
    let calling = ["call", "-m", "Dinner & dessert.", "-t", ADA, "--mode", "notify"];
    let webhook = async {
        let dial = loop {
            match world.carrier.arrived().pop() {
                Some(dial) => break dial,
                None => tokio::time::sleep(Duration::from_millis(20)).await,
            }
        };
        let query = dial.field("Url").split_once('?').expect("a query").1.to_owned();
        assert!(
            world.carrier.taken().is_empty(),
            "the carrier has not answered yet"
        );
        let answered = [
            ("CallSid", FIRST),
            ("Direction", "outbound-api"),
            ("CallStatus", "in-progress"),
        ];
        let document = world.signed(&query, &answered).await;
        assert!(
            document.body.contains("Dinner &amp; dessert.</Say><Hangup/>"),
            "{document:?}"
        );
        query
    };
    let (made, query) = tokio::join!(world.command(&calling), webhook);
    assert_eq!(made["initiated"], true, "{made}");
    assert_eq!(
        format!("callId={}", made["callId"].as_str().expect("an id")),
        query
    );
    let ended = [("CallSid", FIRST), ("CallStatus", "completed")];
    world.signed(&format!("{query}&type=status"), &ended).await;
    let call = world.call().await;
    assert_eq!(
        (&call["state"], &call["direction"]),
        (&json!("completed"), &json!("outbound")),
        "{call:#}"
    );
    world.end().await;
}

#[tokio::test]
async fn a_conversation_is_led_from_the_command_line() {
    let world = World::new(|_| {}).await;
    let made = world.command(&["call", "-m", "Hello.", "-t", ADA]).await;
    let id = made["callId"].as_str().expect("an id").to_owned();
    let sid = ("CallSid", FIRST);
    let answered = [sid, ("Direction", "outbound-api"), ("CallStatus", "in-progress")];
    let document = world.signed(&format!("callId={id}"), &answered).await;
    assert!(document.body.contains("Hello.</Say><Gather"), "{document:?}");
    let asking = ["continue", "--call-id", &id, "--message", "Red or white?"];
    let answering = async {
        let told = soon("the question", world.carrier.until(2)).await;
        let fields = [sid, ("CallStatus", "in-progress"), ("SpeechResult", "Red.")];
        world.signed(&action(told.field("Twiml")), &fields).await;
    };
    let (heard, ()) = tokio::join!(world.command(&asking), answering);
    assert_eq!(heard, json!({"success": true, "transcript": "Red."}));
    // one that nobody answers, and keys
    let speaking = ["speak", "--call-id", &id, "--message", "One moment."];
    assert_eq!(world.command(&speaking).await["success"], true);
    let told = soon("the carrier to be told", world.carrier.until(3)).await;
    assert!(told.field("Twiml").contains("One moment."), "{told:?}");
    let pressing = ["dtmf", "--call-id", &id, "--digits", "1w2#"];
    assert_eq!(world.command(&pressing).await["success"], true);
    let told = soon("the keys", world.carrier.until(4)).await;
    assert!(
        told.field("Twiml").contains("<Play digits=\"1w2#\"/>"),
        "{told:?}"
    );
    let setup = world.command(&["setup"]).await;
    assert_eq!(
        setup["console"]["voiceWebhook"],
        format!("POST {PUBLIC}"),
        "{setup:#}"
    );
    let smoke = world.command(&["smoke"]).await;
    assert_eq!(
        (&smoke["ok"], &smoke["dryRun"]),
        (&json!(true), &json!(true)),
        "{smoke:#}"
    );
    assert_eq!(world.command(&["end", "--call-id", &id]).await["success"], true);
    let status = world.command(&["status", "--call-id", &id]).await;
    assert_eq!(status["call"]["endReason"], "hangup-bot", "{status:#}");
    let latency = world.command(&["latency"]).await;
    assert_eq!(
        (&latency["recordsScanned"], &latency["listenWait"]["count"]),
        (&json!(1), &json!(1)),
        "{latency:#}"
    );
    assert!(world.model.asked().is_empty());
    world.end().await;
}
