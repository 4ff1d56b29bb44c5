//! Gateways that are killed in the middle of a call.
use crate::world::{World, action, leg};
use openclaw_e2e::running::soon;
use openclaw_fakes::{openai::Turn, server::Fault, voice::Request};
use serde_json::json;
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

#[tokio::test]
async fn an_answer_whose_fate_is_unknown_is_repeated_and_the_agent_is_not_asked_again() {
    let world = World::new(|_| {}).await;
    let greeted = world.signed("", &leg("ringing", &[])).await;
    world.model.script(Turn::text("Here I am."));
    // the carrier has it, and does not say so before the gateway is gone
    world.carrier.script([Fault::Delay(Duration::from_secs(3600))]);
    let fields = leg("in-progress", &[("SpeechResult", "Who is there?")]);
    world.signed(&action(&greeted.body), &fields).await;
    let first = soon("the carrier to be told", telling(&world)).await;
    let world = world.killed().await;
    let asked = soon("the carrier to be asked after the call", world.carrier.until(1)).await;
    assert_eq!(asked.method, "GET");
    let again = soon("the carrier to be told again", world.carrier.until(2)).await;
    assert!(again.field("Twiml").contains("Here I am."), "{again:?}");
    // what the caller says to either of them counts: the link is told by the listening and not by the try
    let turn = |request: &Request| {
        let query = action(request.field("Twiml"));
        query
            .split('&')
            .find(|pair| pair.starts_with("turnToken="))
            .map(str::to_owned)
    };
    assert!(
        turn(&first).is_some() && turn(&first) == turn(&again),
        "{first:?} {again:?}"
    );
    let noted = async {
        loop {
            let call = world.call().await;
            if call["transcript"]
                .as_array()
                .is_some_and(|lines| lines.len() == 3)
            {
                return call;
            }
        }
    };
    let call = soon("the answer to be noted", noted).await;
    assert_eq!(call["transcript"][2]["repeated"], true, "{call:#}");
    assert!(call["metadata"].get("saying").is_none(), "{call:#}");
    world.model.script(Turn::text("Good."));
    let fields = leg("in-progress", &[("SpeechResult", "I see.")]);
    world.signed(&action(first.field("Twiml")), &fields).await;
    let told = soon("the next answer", world.carrier.until(3)).await;
    assert!(told.field("Twiml").contains("Good."), "{told:?}");
    assert_eq!(
        world.model.asked().len(),
        2,
        "once for each thing that the caller said"
    );
    assert_eq!(world.command(&["tail"]).await.as_array().map(Vec::len), Some(1));
    assert_eq!(world.call().await["provider"], json!("twilio"));
    world.end().await;
}
