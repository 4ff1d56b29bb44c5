//! Gateways that are killed in the middle of a call.
use crate::world::{ADA, FIRST, World, action, leg, redirect};
use openclaw_e2e::running::soon;
use openclaw_fakes::{openai::Turn, server::Fault, voice::Request};
use std::time::Duration;

#[tokio::test]
async fn a_gateway_that_is_killed_in_a_call_goes_on_with_it() {
    let world = World::new(|_| {}).await;
    let ringing = leg("ringing", &[]);
    let greeted = world.signed("", &ringing).await;
    let fields = leg("in-progress", &[("SpeechResult", "Hold on.")]);
    world.model.script(Turn::text("I wait."));
    let waits = world.signed(&action(&greeted.body), &fields).await;
    let told = soon("the carrier to be told", world.carrier.until(1)).await;
    // killed before that, nobody could know whether the caller has heard it
    let noted = async { while !world.command(&["tail"]).await.to_string().contains("I wait.") {} };
    soon("the answer to be noted", noted).await;
    let world = world.killed().await;
    // the memory of webhooks outlives the process: no second greeting, no second turn
    assert_eq!(world.signed("", &ringing).await, greeted);
    assert_eq!(world.signed(&action(&greeted.body), &fields).await, waits);
    world.model.script(Turn::text("Here I am."));
    world
        .signed(
            &action(told.field("Twiml")),
            &leg("in-progress", &[("SpeechResult", "Still there?")]),
        )
        .await;
    // the carrier was asked after the call, then told the answer
    let asked = soon("the carrier to be asked", world.carrier.until(2)).await;
    assert_eq!(asked.method, "GET");
    let told = soon("the carrier to be told", world.carrier.until(3)).await;
    assert!(told.field("Twiml").contains("Here I am."), "{told:?}");
    assert_eq!(world.model.asked().len(), 2);
    let calls = world.command(&["tail"]).await;
    assert_eq!(calls.as_array().map(Vec::len), Some(1), "{calls:#}");
    world.end().await;
}

/// Waits until a request has come that tells a call how to go on, answered or not.
async fn telling(world: &World) -> Request {
    loop {
        let arrived = world.carrier.arrived();
        let told = arrived
            .into_iter()
            .find(|request| !request.field("Twiml").is_empty());
        match told {
            Some(told) => return told,
            None => tokio::time::sleep(Duration::from_millis(20)).await,
        }
    }
}

/// How often the carrier was told to say this, taken or not.
fn told(world: &World, words: &str) -> usize {
    let arrived = world.carrier.arrived();
    let telling = arrived
        .iter()
        .filter(|request| request.field("Twiml").contains(words));
    telling.count()
}

#[tokio::test]
async fn an_answer_whose_fate_is_unknown_is_said_once_and_the_agent_is_not_asked_again() {
    let world = World::new(|_| {}).await;
    let greeted = world.signed("", &leg("ringing", &[])).await;
    world.model.script(Turn::text("Here I am."));
    // it arrives, and what becomes of it nobody says before the gateway is gone
    world.carrier.script([Fault::Delay(Duration::from_secs(3600))]);
    let fields = leg("in-progress", &[("SpeechResult", "Who is there?")]);
    let waits = world.signed(&action(&greeted.body), &fields).await;
    soon("the carrier to be told", telling(&world)).await;
    let world = world.killed().await;
    let asked = soon("the carrier to be asked after the call", world.carrier.until(1)).await;
    assert_eq!(asked.method, "GET");
    // the carrier goes by the links that it had before: it never got it, so now it does
    let asking = async {
        let mut document = waits.body;
        while !document.contains("Here I am.") {
            tokio::time::sleep(Duration::from_millis(200)).await;
            document = world
                .signed(&redirect(&document), &leg("in-progress", &[]))
                .await
                .body;
        }
        document
    };
    let document = soon("the answer", asking).await;
    assert!(document.contains("Here I am.</Say><Gather"), "{document}");
    world.model.script(Turn::text("Good."));
    let fields = leg("in-progress", &[("SpeechResult", "I see.")]);
    world.signed(&action(&document), &fields).await;
    let next = soon("the next answer", world.carrier.until(2)).await;
    assert!(next.field("Twiml").contains("Good."), "{next:?}");
    assert_eq!(
        told(&world, "Here I am."),
        1,
        "the one before the end of the process"
    );
    assert_eq!(
        world.model.asked().len(),
        2,
        "once for each thing that the caller said"
    );
    let call = world.with_lines(5).await;
    assert!(
        call["transcript"][2].get("unsure").is_none() && call["metadata"].get("saying").is_none(),
        "{call:#}"
    );
    world.end().await;
}

#[tokio::test]
async fn what_the_carrier_did_without_saying_so_is_not_done_twice() {
    let world = World::new(|_| {}).await;
    let greeted = world.signed("", &leg("ringing", &[])).await;
    world.model.script(Turn::text("Here I am."));
    world.carrier.script([Fault::Lost]);
    let fields = leg("in-progress", &[("SpeechResult", "Who is there?")]);
    world.signed(&action(&greeted.body), &fields).await;
    let first = soon("the carrier to be told", world.carrier.until(1)).await;
    // it is asked how the call is, and told nothing again
    let asked = soon("the carrier to be asked after the call", world.carrier.until(2)).await;
    assert_eq!(asked.method, "GET");
    // the caller has heard it, and says something to it
    world.model.script(Turn::text("Good."));
    let fields = leg("in-progress", &[("SpeechResult", "I see.")]);
    let waits = world.signed(&action(first.field("Twiml")), &fields).await;
    assert!(!waits.body.contains("<Say"), "{waits:?}");
    let next = soon("the next answer", world.carrier.until(3)).await;
    assert!(next.field("Twiml").contains("Good."), "{next:?}");
    assert_eq!(told(&world, "Here I am."), 1);
    let call = world.with_lines(5).await;
    let lines = call["transcript"].as_array().expect("lines");
    let said: Vec<_> = lines.iter().filter_map(|line| line["text"].as_str()).collect();
    assert_eq!(
        said,
        ["Good day.", "Who is there?", "Here I am.", "I see.", "Good."]
    );
    assert!(lines.iter().all(|line| line.get("unsure").is_none()), "{call:#}");
    world.end().await;
}

#[tokio::test]
async fn a_call_that_the_carrier_made_without_saying_so_is_made_once_and_led() {
    let world = World::new(|_| {}).await;
    world.carrier.script([Fault::Lost]);
    let calling = ["call", "-m", "Dinner.", "-t", ADA, "--mode", "notify"];
    let refused = world.command(&calling).await;
    assert!(
        refused["error"].to_string().contains("voicecall status"),
        "{refused:#}"
    );
    let dial = soon("the call", world.carrier.until(1)).await;
    // whoever tries again does not call the person a second time
    let again = world.command(&calling).await;
    assert!(
        again["error"].to_string().contains("Maximum concurrent calls"),
        "{again:#}"
    );
    let query = dial.field("Url").split_once('?').expect("a query").1.to_owned();
    let answered = [
        ("CallSid", FIRST),
        ("Direction", "outbound-api"),
        ("CallStatus", "in-progress"),
    ];
    let document = world.signed(&query, &answered).await;
    assert!(document.body.contains("Dinner.</Say><Hangup/>"), "{document:?}");
    let status = [("CallSid", FIRST), ("CallStatus", "completed")];
    world.signed(&format!("{query}&type=status"), &status).await;
    assert_eq!(world.call().await["state"], "completed");
    assert_eq!(world.carrier.arrived().len(), 1);
    world.end().await;
}
