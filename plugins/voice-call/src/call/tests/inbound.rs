//! Somebody calls.
use super::{ADA, Lab, OURS, action};
use crate::call::{Direction, State};
use serde_json::{Value, json};

fn ringing(from: &'static str) -> [(&'static str, &'static str); 5] {
    [
        ("CallSid", "CA1"),
        ("Direction", "inbound"),
        ("CallStatus", "ringing"),
        ("From", from),
        ("To", OURS),
    ]
}

fn says(words: &str) -> [(&str, &str); 5] {
    [
        ("CallSid", "CA1"),
        ("Direction", "inbound"),
        ("CallStatus", "in-progress"),
        ("SpeechResult", words),
        ("Confidence", "0.9"),
    ]
}

#[tokio::test(start_paused = true)]
async fn without_streams_a_caller_is_greeted_heard_and_answered_over_three_turns() {
    let lab = Lab::new("twilio", json!({"inboundGreeting": "Hi <you> & all"}));
    let mut document = lab.form("", &ringing(ADA)).await;
    assert!(
        document.contains("Hi &lt;you&gt; &amp; all</Say><Gather input=\"speech\""),
        "{document}"
    );
    for (turn, words) in ["one", "two", "three"].into_iter().enumerate() {
        let waits = lab.form(&action(&document), &says(words)).await;
        assert!(waits.contains("<Pause") && waits.contains("<Redirect"), "{waits}");
        let told = lab.until_asked(turn + 1).await;
        assert_eq!(told.path, "/2010-04-01/Accounts/AC1/Calls/CA1.json");
        document = told.field("Twiml").to_owned();
        assert!(document.contains("Nice to hear you.</Say><Gather"), "{document}");
    }
    let ended = lab
        .form("type=status", &[("CallSid", "CA1"), ("CallStatus", "completed")])
        .await;
    assert!(ended.ends_with("<Response></Response>"), "{ended}");
    let call = lab.call().await;
    assert_eq!(
        (call.direction, call.state),
        (Direction::Inbound, State::Completed)
    );
    let said: Vec<_> = call.transcript.iter().map(|line| line.text.as_str()).collect();
    let answer = "Nice to hear you.";
    assert_eq!(
        said,
        ["Hi <you> & all", "one", answer, "two", answer, "three", answer]
    );
    assert_eq!(call.session_key.as_deref(), Some("agent:main:voice:15550001111"));
    assert_eq!(call.metadata.turn_count, 3);
}

#[tokio::test(start_paused = true)]
async fn the_greeting_is_spoken_once() {
    let lab = Lab::new("twilio", json!({}));
    let first = lab.form("", &ringing(ADA)).await;
    assert!(first.contains("<Say"), "{first}");
    for _ in 0..3 {
        let again = lab.form("", &ringing(ADA)).await;
        assert!(!again.contains("<Say") && again.contains("<Gather"), "{again}");
    }
    assert_eq!(lab.call().await.transcript.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn who_is_not_on_the_list_is_turned_away_and_not_remembered() {
    let lab = Lab::new("twilio", json!({}));
    for from in ["+15550002222", "", "anonymous", "0001111"] {
        let document = lab.form("", &ringing(from)).await;
        assert!(
            document.contains("<Reject reason=\"rejected\"/>"),
            "{from}: {document}"
        );
    }
    assert!(lab.phone.calls.active().is_empty() && lab.asked.all().is_empty());
    assert!(lab.phone.calls.history(10).await.expect("a store").is_empty());
    // what comes later for the same leg finds nothing
    let status = lab
        .form("type=status", &[("CallSid", "CA1"), ("CallStatus", "completed")])
        .await;
    assert!(status.ends_with("<Response></Response>"), "{status}");
}

#[tokio::test(start_paused = true)]
async fn speech_of_an_earlier_listening_does_not_count() {
    let lab = Lab::new("twilio", json!({}));
    let document = lab.form("", &ringing(ADA)).await;
    let query = action(&document);
    lab.form(&query, &says("hello")).await;
    lab.until_asked(1).await;
    // the same listening, told once more under another signature
    lab.form(&query, &says("hello again")).await;
    let heard = lab
        .call()
        .await
        .transcript
        .into_iter()
        .filter(|line| line.text.starts_with("hello"));
    assert_eq!(heard.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_could_not_be_told_is_told_when_the_carrier_asks() {
    let lab = Lab::new("twilio", json!({}));
    let document = lab.form("", &ringing(ADA)).await;
    lab.faults.lock().expect("nobody panicked").push(503);
    let waits = lab.form(&action(&document), &says("hello")).await;
    lab.until_asked(1).await;
    let redirect = super::between(&waits, "webhook?", "<").replace("&amp;", "&");
    lab.now.fetch_add(5_000, std::sync::atomic::Ordering::Relaxed);
    let again = lab
        .form(&redirect, &[("CallSid", "CA1"), ("CallStatus", "in-progress")])
        .await;
    assert!(again.contains("Nice to hear you.</Say><Gather"), "{again}");
    let twice = lab
        .form(&redirect, &[("CallSid", "CA1"), ("CallStatus", "in-progress")])
        .await;
    assert!(!twice.contains("<Say"), "{twice}");
}

#[tokio::test(start_paused = true)]
async fn what_differs_by_number_is_chosen_by_the_number_that_was_dialled() {
    let numbers: Value = json!({OURS: {"inboundGreeting": "Sales!", "agentId": "sales",
        "tts": {"provider": "openai", "providers": {"openai": {"voice": "onyx"}}}}});
    let lab = Lab::new("twilio", json!({"numbers": numbers, "sessionScope": "per-call"}));
    let document = lab.form("", &ringing(ADA)).await;
    assert!(
        document.contains("<Say voice=\"Polly.Brian\">Sales!</Say>"),
        "{document}"
    );
    let call = lab.call().await;
    assert_eq!(
        call.session_key,
        Some(format!("agent:sales:voice:call:{}", call.call_id))
    );
}

#[tokio::test(start_paused = true)]
async fn a_second_caller_is_greeted_while_the_first_one_talks() {
    let lab = Lab::new("twilio", json!({"inboundPolicy": "open"}));
    lab.form("", &ringing(ADA)).await;
    let mut second = ringing("+15550002222");
    second[0].1 = "CA2";
    let document = lab.form("", &second).await;
    assert!(
        document.contains("<Say") && !document.contains("Enqueue"),
        "{document}"
    );
    assert_eq!(lab.phone.calls.active().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn nothing_comes_of_webhooks_that_name_no_call_or_somebody_elses() {
    let lab = Lab::new("twilio", json!({}));
    lab.form("", &ringing(ADA)).await;
    let id = lab.id();
    for (query, params) in [
        (
            "",
            vec![("CallStatus", "ringing"), ("Direction", "inbound"), ("From", ADA)],
        ),
        (
            "callId=nobody",
            vec![
                ("CallSid", "CA9"),
                ("CallStatus", "in-progress"),
                ("Direction", "outbound-api"),
            ],
        ),
        (
            "",
            vec![
                ("CallSid", "CA9"),
                ("CallStatus", "completed"),
                ("Direction", "inbound"),
                ("From", ADA),
            ],
        ),
    ] {
        let document = lab.form(query, &params).await;
        assert!(document.ends_with("<Response></Response>"), "{document}");
    }
    // our id with another leg's
    let stolen = format!("callId={id}");
    lab.form(
        &stolen,
        &[
            ("CallSid", "CA9"),
            ("CallStatus", "completed"),
            ("Direction", "inbound"),
        ],
    )
    .await;
    assert_eq!(lab.call().await.state, State::Speaking);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_a_voice_asks_uses_what_the_policy_of_tools_permits() {
    let reading = [
        "read",
        "web_search",
        "web_fetch",
        "x_search",
        "memory_search",
        "memory_get",
    ];
    for (policy, permitted) in [
        (json!({}), Some(reading.to_vec())),
        (json!({"toolPolicy": "safe-read-only"}), Some(reading.to_vec())),
        (
            json!({"toolPolicy": "owner", "consultThinkingLevel": "low"}),
            None,
        ),
    ] {
        let lab = Lab::new("twilio", json!({"realtime": policy}));
        lab.form("", &ringing(ADA)).await;
        let answer = lab.phone.calls.consulted(&lab.id(), "What time is it?").await;
        assert_eq!(answer.expect("an answer"), "Nice to hear you.");
        let runs = lab.host.runs();
        let run = runs.last().expect("the agent was asked");
        let permitted =
            permitted.map(|names| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>());
        assert_eq!(run.permitted_tools, permitted, "{policy}");
        assert_eq!(run.sender_id, ADA, "never the owner");
    }
}
