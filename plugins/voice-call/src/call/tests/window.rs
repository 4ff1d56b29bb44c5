//! A process that ends between an agent's answer and the note that the caller has heard it: at each step of the way.
use super::{
    ADA, Lab, OURS, action,
    carriers::{greeted, heard, telnyx},
};
use crate::call::drive::Point;
use serde_json::json;
use std::sync::atomic::Ordering;

pub(super) const RINGING: [(&str, &str); 5] = [
    ("CallSid", "CA1"),
    ("Direction", "inbound"),
    ("CallStatus", "ringing"),
    ("From", ADA),
    ("To", OURS),
];
/// What the agent says before the process ends, and what it would say if it were asked again.
pub(super) const FIRST: &str = "Nice to hear you.";
const AGAIN: &str = "Who are you?";

pub(super) fn speech(words: &str) -> [(&str, &str); 3] {
    [
        ("CallSid", "CA1"),
        ("CallStatus", "in-progress"),
        ("SpeechResult", words),
    ]
}

impl Lab {
    /// Whatever the process has under way stops here.
    pub(super) fn ends_at(&self, point: Point) {
        self.phone.calls.ends_at(Some(point));
    }

    /// Everything that can go on goes on, until nothing moves.
    pub(super) async fn settle(&self) {
        for _ in 0..500 {
            tokio::task::yield_now().await;
        }
    }

    /// The process ends, another one takes up what it left, and an agent that is asked again says something else.
    async fn restarted(self) -> Self {
        let lab = self.killed().await;
        let _ = lab.host.clone().agent_answer(AGAIN);
        lab.restored().await;
        lab.settle().await;
        lab
    }

    /// What the carrier was told to say, oldest first.
    pub(super) fn said(&self) -> Vec<String> {
        let asked = self.asked.all().into_iter();
        let said = asked.filter(|asked| asked.method == "POST").map(|asked| {
            let words = asked.json["payload"].as_str().unwrap_or_default();
            format!("{}{words}", asked.field("Twiml"))
        });
        said.filter(|said| said.contains(FIRST) || said.contains(AGAIN))
            .collect()
    }
}

/// A caller was greeted and has said something, and the process is where the test wants it. Gives what the carrier was
/// answered.
async fn answering(point: Option<Point>) -> (Lab, String) {
    let lab = Lab::new("twilio", json!({}));
    let greeting = lab.form("", &RINGING).await;
    if let Some(point) = point {
        lab.ends_at(point);
    }
    let waits = lab.form(&action(&greeting), &speech("hello")).await;
    lab.settle().await;
    (lab, waits)
}

/// The carrier asks again, by the link of this document.
pub(super) async fn asks_again(lab: &Lab, document: &str) -> String {
    let leg = [("CallSid", "CA1"), ("CallStatus", "in-progress")];
    lab.form(&redirect(document), &leg).await
}

fn redirect(document: &str) -> String {
    let link = super::between(document, "<Redirect method=\"POST\">", "<");
    let query = link.split_once('?').expect("a query").1;
    query.replace("&amp;", "&")
}

fn later(lab: &Lab, ms: u64) {
    lab.now.fetch_add(ms, Ordering::Relaxed);
}

#[tokio::test(start_paused = true)]
async fn before_anything_was_kept_the_agent_is_asked_for_the_same_turn_once_more() {
    // the gateway knows the turn by its id and gives the answer that it has; this one's memory is shorter
    let (lab, _) = answering(Some(Point::Thought)).await;
    assert!(lab.said().is_empty());
    let lab = lab.restarted().await;
    assert_eq!(lab.said().len(), 1);
    assert!(lab.said()[0].contains(AGAIN), "{:?}", lab.said());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_kept_is_said_when_the_carrier_shows_that_it_has_not_got_it() {
    let (lab, waits) = answering(Some(Point::Noted)).await;
    assert!(lab.said().is_empty(), "the carrier knows nothing yet");
    let lab = lab.restarted().await;
    assert!(lab.said().is_empty(), "nobody knows whether it has it");
    // so soon it may still be on its way
    let waits = asks_again(&lab, &waits).await;
    assert!(!waits.contains("<Say") && waits.contains("<Pause"), "{waits}");
    // its new link shows no more than its old one
    later(&lab, 5_000);
    let document = asks_again(&lab, &waits).await;
    assert!(
        document.contains(FIRST) && !document.contains(AGAIN),
        "{document}"
    );
    let call = lab.call().await;
    assert_eq!(call.transcript.len(), 3, "{call:#?}");
    assert!(!call.transcript[2].unsure);
    assert_eq!((call.metadata.saying, call.metadata.unanswered), (None, None));
    assert!(lab.said().is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_answer_whose_fate_nobody_knows_is_not_repeated_and_the_call_ends_with_a_mark() {
    let (lab, _) = answering(Some(Point::Told)).await;
    assert_eq!(lab.said().len(), 1);
    let lab = lab.restarted().await;
    lab.pass(60_000).await;
    lab.settle().await;
    assert!(lab.said().is_empty(), "{:?}", lab.said());
    lab.form("type=status", &[("CallSid", "CA1"), ("CallStatus", "completed")])
        .await;
    let call = lab.call().await;
    let said: Vec<_> = call.transcript.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(said[1..], ["hello", FIRST]);
    assert!(call.transcript[2].unsure);
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_was_noted_as_said_is_not_repeated() {
    let (lab, _) = answering(None).await;
    assert_eq!(lab.said().len(), 1);
    let lab = lab.restarted().await;
    assert!(lab.said().is_empty(), "{:?}", lab.said());
    let call = lab.call().await;
    assert!(call.transcript.len() == 3 && !call.transcript[2].unsure);
}

#[tokio::test(start_paused = true)]
async fn a_carrier_that_shows_that_it_has_the_answer_is_not_told_again() {
    // by what the caller says to it, and by the link behind it
    for (query, words) in [
        (None, speech("and then?").to_vec()),
        (
            Some("hop"),
            vec![("CallSid", "CA1"), ("CallStatus", "in-progress")],
        ),
    ] {
        let (lab, _) = answering(Some(Point::Told)).await;
        let document = lab.said().remove(0);
        let query = match query {
            None => action(&document),
            Some(_) => redirect(&document),
        };
        let lab = lab.killed().await;
        let _ = lab.host.clone().agent_answer(AGAIN);
        lab.phone.calls.restore().await.expect("a store");
        // the carrier is faster than our question after the call
        let answer = lab.form(&query, &words).await;
        assert!(!answer.contains(FIRST), "{answer}");
        lab.phone.calls.verify().await;
        lab.settle().await;
        let again = lab.said();
        assert!(again.iter().all(|said| !said.contains(FIRST)), "{again:?}");
        let call = lab.call().await;
        let heard = call.transcript.iter().filter(|line| line.text == FIRST);
        let heard: Vec<_> = heard.collect();
        assert!(heard.len() == 1 && !heard[0].unsure, "{heard:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn telnyx_is_told_again_under_the_same_id_and_so_says_it_once() {
    let id = |lab: &Lab| {
        let all = lab.asked.all();
        let speak = all.into_iter().rfind(|asked| asked.json["payload"] == FIRST);
        speak.expect("it was told").json["command_id"].clone()
    };
    let lab = greeted().await;
    lab.ends_at(Point::Told);
    lab.told(&heard("hello")).await;
    lab.settle().await;
    let first = id(&lab);
    assert!(
        first.as_str().is_some_and(|id| id.starts_with("openclaw-say-")),
        "{first}"
    );
    let lab = lab.restarted().await;
    assert_eq!(id(&lab), first);
    // where Telnyx tells that it speaks before it is asked, it is not told again
    let lab = greeted().await;
    lab.ends_at(Point::Told);
    lab.told(&heard("hello")).await;
    lab.settle().await;
    let lab = lab.killed().await;
    lab.phone.calls.restore().await.expect("a store");
    lab.told(&telnyx("call.speak.started", json!({}))).await;
    lab.phone.calls.verify().await;
    lab.settle().await;
    assert!(lab.said().is_empty(), "{:?}", lab.said());
    assert_eq!(lab.call().await.transcript.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn telnyx_that_would_not_ignore_a_second_telling_is_not_told_again() {
    let lab = greeted().await;
    lab.ends_at(Point::Told);
    lab.told(&heard("hello")).await;
    lab.settle().await;
    let lab = lab.killed().await;
    later(&lab, 45_000);
    lab.restored().await;
    lab.settle().await;
    assert!(lab.said().is_empty(), "{:?}", lab.said());
    let call = lab.call().await;
    assert!(call.transcript[2].unsure, "{call:#?}");
    // it goes on: somebody listens
    let listens = lab.asked.last();
    assert!(
        listens.path.ends_with("/actions/transcription_start"),
        "{listens:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_carrier_refuses_is_said_at_once_and_what_it_may_have_taken_when_it_shows_that_it_has_not() {
    for (fault, at_once) in [(400, true), (429, true), (0, false), (503, false)] {
        let lab = Lab::new("twilio", json!({}));
        let greeting = lab.form("", &RINGING).await;
        lab.faults.lock().expect("nobody panicked").push(fault);
        let waits = lab.form(&action(&greeting), &speech("hello")).await;
        lab.settle().await;
        let mut document = asks_again(&lab, &waits).await;
        assert_eq!(document.contains(FIRST), at_once, "{fault}: {document}");
        if !at_once {
            later(&lab, 5_000);
            document = asks_again(&lab, &waits).await;
        }
        assert!(document.contains(FIRST), "{fault}: {document}");
        let again = asks_again(&lab, &document).await;
        assert!(!again.contains(FIRST), "{fault}: {again}");
        assert!(!lab.call().await.transcript[2].unsure, "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_could_not_be_told_is_told_again_only_if_it_certainly_was_not_told() {
    // (what the carrier does, how often it is told, what is asked after a while)
    for (fault, told, asked) in [(429, 2, "POST"), (503, 1, "GET"), (0, 1, "GET"), (400, 1, "POST")] {
        let lab = Lab::new("twilio", json!({}));
        let greeting = lab.form("", &RINGING).await;
        lab.faults.lock().expect("nobody panicked").push(fault);
        lab.form(&action(&greeting), &speech("hello")).await;
        lab.settle().await;
        assert_eq!(lab.said().len(), 1, "{fault}");
        lab.pass(4_999).await;
        lab.settle().await;
        assert_eq!(lab.asked.all().len(), 1, "{fault}");
        lab.pass(1).await;
        lab.settle().await;
        assert_eq!(lab.said().len(), told, "{fault}: {:?}", lab.said());
        assert_eq!(lab.asked.last().method, asked, "{fault}");
        // and no more
        lab.pass(20_000).await;
        lab.settle().await;
        assert_eq!(lab.said().len(), told, "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_over_is_not_waited_for_when_its_carrier_did_not_answer() {
    let lab = Lab::new("twilio", json!({}));
    let greeting = lab.form("", &RINGING).await;
    // neither an answer to what it is told, nor is the call there when it is asked after
    lab.faults.lock().expect("nobody panicked").extend([0, 404]);
    lab.form(&action(&greeting), &speech("hello")).await;
    lab.settle().await;
    lab.pass(5_000).await;
    lab.settle().await;
    let call = lab.call().await;
    assert!(call.state.is_end() && call.transcript[2].unsure, "{call:#?}");
}

#[tokio::test(start_paused = true)]
async fn a_webhook_that_overtakes_the_lost_answer_of_the_carrier_is_an_answer() {
    let (lab, _) = answering(Some(Point::Told)).await;
    let document = lab.said().remove(0);
    // the carrier's answer to our request is still out, and the caller speaks already
    let waits = lab.form(&action(&document), &speech("and then?")).await;
    assert!(waits.contains("<Pause"), "{waits}");
    let id = lab.id();
    let learnt = lab.phone.calls.with(&id, |live| {
        live.is_busy = false;
        live.unanswered_by_carrier(0)
    });
    assert_eq!(learnt, Some(true));
    let record = lab.phone.calls.find(&id).expect("it goes on");
    let said: Vec<_> = record.transcript.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(said[1..], ["hello", "and then?", FIRST]);
    assert!(record.metadata.saying.is_none() && record.metadata.to_say.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_webhook_whose_answer_was_lost_with_the_process_gets_the_same_again() {
    let lab = Lab::new("twilio", json!({"inboundGreeting": "Good day."}));
    let greeting = lab.form("", &RINGING).await;
    assert!(greeting.contains("Good day."), "{greeting}");
    let lab = lab.killed().await;
    lab.restored().await;
    // the memory of webhooks had not got it yet
    lab.as_before();
    assert_eq!(lab.form("", &RINGING).await, greeting);
    assert_eq!(lab.call().await.transcript.len(), 1, "and it is noted once");
    let other = lab.form("", &RINGING).await;
    assert!(
        !other.contains("Good day.") && other.contains("<Gather"),
        "{other}"
    );
}

#[tokio::test(start_paused = true)]
async fn keys_and_words_are_never_taken_for_each_other() {
    let lab = greeted().await;
    let (calls, id) = (lab.phone.calls.clone(), lab.id());
    // it stops listening first
    lab.faults.lock().expect("nobody panicked").extend([200, 0]);
    calls.speak(&id, FIRST).await.expect_err("nobody knows");
    let words = lab.asked.last();
    assert_eq!(words.json["payload"], FIRST, "{words:?}");
    // keys wait until it is known that the words are out: telling them again under their id is no second telling
    calls.press(&id, "1").await.expect("pressed");
    let again = lab.asked.last();
    assert_eq!(
        (&again.json["payload"], &again.json["command_id"]),
        (&json!(FIRST), &words.json["command_id"])
    );
    lab.told(&telnyx("call.speak.ended", json!({}))).await;
    let keys = lab.asked.last();
    assert_eq!(keys.json["digits"], "1", "{keys:?}");
    assert_ne!(words.json["command_id"], keys.json["command_id"]);
    let call = lab.call().await;
    let heard = call.transcript.iter().filter(|line| line.text == FIRST);
    assert_eq!(heard.count(), 1);
}

#[tokio::test(start_paused = true)]
async fn plivo_may_fetch_what_it_is_told_before_it_says_that_it_will() {
    let lab = Lab::new("plivo", json!({}));
    let start = [
        ("CallUUID", "u-1"),
        ("Direction", "inbound"),
        ("Event", "StartApp"),
        ("From", &ADA[1..]),
        ("To", &OURS[1..]),
    ];
    let greeting = lab.form("", &start).await;
    // its answer to our request never comes
    lab.ends_at(Point::Told);
    lab.form(&action(&greeting), &[("CallUUID", "u-1"), ("Speech", "hello")])
        .await;
    lab.settle().await;
    let link = lab.asked.last().json["aleg_url"]
        .as_str()
        .expect("a link")
        .to_owned();
    let query = link.split_once('?').expect("a query").1;
    let fetching = [("CallUUID", "u-1"), ("CallStatus", "in-progress")];
    let document = lab.form(query, &fetching).await;
    assert!(document.contains(FIRST), "{document}");
    assert_eq!(lab.call().await.transcript.len(), 3);
}
