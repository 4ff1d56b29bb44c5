//! What a caller says while the agent thinks, and where nobody is to think about it.
use super::{
    Lab, action,
    carriers::{greeted, heard, telnyx},
    window::{FIRST, RINGING, asks_again, speech},
};
use crate::call::{CallId, Media, MediaEvent, MediaEvents, Step, Ticket, drive::Point};
use futures_util::future::BoxFuture;
use openclaw_plugin_api::Result;
use serde_json::json;
use std::{
    sync::{Arc, Mutex},
    time::Duration,
};
use tokio::time::advance;

/// How long the agent's answer is being spoken.
const SPOKEN: Duration = Duration::from_millis(75 * FIRST.len() as u64);

impl Lab {
    /// What agents were asked, oldest first, each with the id of its turn.
    fn questions(&self) -> Vec<(String, String)> {
        let runs = self.host.runs().into_iter();
        runs.map(|run| (run.text, run.idempotency_key)).collect()
    }
}

/// What agents were asked, without the ids.
fn texts(questions: &[(String, String)]) -> Vec<&str> {
    questions.iter().map(|(text, _)| text.as_str()).collect()
}

/// Sound that flows, and what was said by it.
#[derive(Default)]
struct Sound(Mutex<Vec<String>>);

impl Media for Sound {
    fn ticket(&self, _: &CallId, _: &str, _: &str) -> Option<Ticket> {
        None
    }

    fn is_open(&self, _: &CallId) -> bool {
        true
    }

    fn say(&self, _: &CallId, text: &str) -> BoxFuture<'static, Result<()>> {
        self.0.lock().expect("nobody panicked").push(text.to_owned());
        Box::pin(async { Ok(()) })
    }

    fn clear(&self, _: &CallId) {}

    fn close(&self, _: &CallId) {}
}

#[tokio::test(start_paused = true)]
async fn what_is_said_while_the_agent_thinks_is_what_it_is_asked_about_next() {
    let lab = greeted().await;
    lab.ends_at(Point::Asked);
    for words in ["one", "two", "three"] {
        lab.told(&heard(words)).await;
        lab.settle().await;
        assert_eq!(texts(&lab.questions()), ["one"]);
    }
    lab.phone.calls.ends_at(None);
    lab.settle().await;
    let questions = lab.questions();
    assert_eq!(texts(&questions), ["one", "two\nthree"]);
    assert_ne!(questions[0].1, questions[1].1, "each turn has its own id");
    // its second answer waits until the first has been heard, and whoever speaks meanwhile is heard as well
    assert_eq!(lab.said().len(), 1);
    lab.told(&telnyx("call.speak.ended", json!({}))).await;
    let listens = lab.asked.last();
    assert!(
        listens.path.ends_with("/actions/transcription_start"),
        "{listens:?}"
    );
    advance(SPOKEN).await;
    lab.settle().await;
    assert_eq!(lab.said().len(), 2);
    let call = lab.call().await;
    let said: Vec<_> = call.transcript.iter().map(|line| line.text.as_str()).collect();
    assert_eq!(said[1..], ["one", "two", "three", FIRST, FIRST]);
    let metadata = call.metadata;
    assert_eq!((metadata.unanswered, metadata.meanwhile), (None, None));
    assert_eq!(metadata.turn_count, 2);
    // and then it is over
    advance(10 * SPOKEN).await;
    lab.settle().await;
    assert_eq!(lab.questions().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn nobody_is_asked_about_what_was_said_in_a_call_that_is_over() {
    let lab = greeted().await;
    lab.ends_at(Point::Asked);
    for words in ["one", "two"] {
        lab.told(&heard(words)).await;
        lab.settle().await;
    }
    lab.told(&telnyx("call.hangup", json!({"hangup_cause": "user_hangup"})))
        .await;
    lab.phone.calls.ends_at(None);
    lab.settle().await;
    assert_eq!((texts(&lab.questions()), lab.said().len()), (vec!["one"], 0));
}

#[tokio::test(start_paused = true)]
async fn what_was_said_while_the_agent_thought_outlives_the_process() {
    // the process ends while the agent thinks, and when its answer is on its way
    for (point, asked) in [
        (Point::Asked, vec!["one", "one", "two"]),
        (Point::Told, vec!["one", "two"]),
    ] {
        let lab = greeted().await;
        lab.ends_at(Point::Asked);
        for words in ["one", "two"] {
            lab.told(&heard(words)).await;
            lab.settle().await;
        }
        lab.ends_at(point);
        lab.settle().await;
        let lab = lab.killed().await;
        lab.restored().await;
        lab.settle().await;
        let questions = lab.questions();
        assert_eq!(texts(&questions), asked, "{point:?}");
        // a turn that is tried again is the same turn
        let first: Vec<_> = questions.iter().filter(|(text, _)| text == "one").collect();
        assert!(first.iter().all(|same| *same == first[0]), "{questions:?}");
        assert_ne!(first[0].1, questions[questions.len() - 1].1);
        advance(SPOKEN).await;
        lab.settle().await;
        assert_eq!(lab.said().len(), 2, "{point:?}: {:?}", lab.said());
        let metadata = lab.call().await.metadata;
        assert_eq!((metadata.unanswered, metadata.meanwhile), (None, None));
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_cuts_off_neither_the_words_before_it_nor_who_is_listened_to() {
    let lab = Lab::new("twilio", json!({}));
    let greeting = lab.form("", &RINGING).await;
    lab.ends_at(Point::Asked);
    lab.form(&action(&greeting), &speech("one")).await;
    lab.settle().await;
    let (calls, id) = (lab.phone.calls.clone(), lab.id());
    calls.speak(&id, "One moment.").await.expect("told");
    // its next words wait for these
    lab.phone.calls.ends_at(None);
    lab.settle().await;
    assert_eq!(lab.said().len(), 0);
    lab.ends_at(Point::Asked);
    let moment = lab.asked.last().field("Twiml").to_owned();
    assert!(moment.contains("One moment.</Say><Gather"), "{moment}");
    lab.form(&action(&moment), &speech("two")).await;
    advance(SPOKEN).await;
    lab.settle().await;
    // nobody listens where the next answer would break in
    let first = lab.said().remove(0);
    assert!(first.contains("</Say><Redirect"), "{first}");
    let waits = asks_again(&lab, &first).await;
    assert!(waits.contains("<Pause"), "{waits}");
    lab.phone.calls.ends_at(None);
    lab.settle().await;
    assert_eq!((lab.said().len(), lab.questions().len()), (1, 2));
    advance(SPOKEN).await;
    lab.settle().await;
    let second = lab.said().remove(1);
    assert!(second.contains("</Say><Gather"), "{second}");
}

#[tokio::test(start_paused = true)]
async fn in_a_stream_no_answer_waits_for_the_words_before_it() {
    let lab = Lab::new("twilio", json!({}));
    let sound = Arc::new(Sound::default());
    lab.phone.calls.hear(sound.clone());
    lab.form("", &RINGING).await;
    lab.ends_at(Point::Asked);
    let (calls, id) = (lab.phone.calls.clone(), lab.id());
    let words = MediaEvent::Heard {
        text: "one".into(),
        is_final: true,
    };
    MediaEvents::media(&calls, &id, words).await;
    lab.settle().await;
    calls.speak(&id, "One moment.").await.expect("told");
    lab.phone.calls.ends_at(None);
    lab.settle().await;
    // it has an order by itself
    let said = sound.0.lock().expect("nobody panicked").clone();
    assert_eq!(said, ["One moment.", FIRST]);
}

#[tokio::test(start_paused = true)]
async fn who_is_answered_next_is_not_listened_to_first() {
    let lab = greeted().await;
    lab.ends_at(Point::Asked);
    for words in ["one", "two"] {
        lab.told(&heard(words)).await;
        lab.settle().await;
    }
    // the first is answered, and nobody has been asked about the second
    let step = lab.phone.calls.with(&lab.id(), |live| {
        live.record.metadata.unanswered = None;
        live.step(|_| None)
    });
    assert_eq!(step, Some(Step::Wait));
}

#[tokio::test(start_paused = true)]
async fn beside_a_model_that_speaks_no_agent_answers_what_is_said_or_pressed() {
    let words = MediaEvent::Heard {
        text: "Who is there?".into(),
        is_final: true,
    };
    // of what can't be a key nothing is noted
    let keys = MediaEvent::Digits("5?".into());
    for (event, line) in [(words, "Who is there?"), (keys, "(keys pressed: 5)")] {
        for (speaks_by_itself, asked) in [(true, 0), (false, 1)] {
            let lab = Lab::new("twilio", json!({"realtime": {"enabled": speaks_by_itself}}));
            lab.form("", &RINGING).await;
            let (calls, id) = (lab.phone.calls.clone(), lab.id());
            MediaEvents::media(&calls, &id, event.clone()).await;
            lab.settle().await;
            assert_eq!(lab.questions().len(), asked, "{event:?}");
            let call = lab.call().await;
            assert_eq!(call.transcript[1].text, line);
            assert_eq!((call.metadata.unanswered, call.metadata.meanwhile), (None, None));
            // an agent that the voice asks knows of it
            calls.consulted(&id, "Who is it?").await.expect("an answer");
            let told = lab.host.runs().pop().expect("it was asked").system;
            assert!(told.contains(line), "{told}");
        }
    }
}
