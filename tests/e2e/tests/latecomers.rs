//! Clients that come while an answer is being written, or that come back after others were.
use openclaw_e2e::{
    chat::{Chat, TOKEN, words},
    world::{ADA, World, soon},
};
use openclaw_fakes::openai::Turn;
use serde_json::{Value, json};

/// What the model says before it waits, in pieces.
const PIECES: usize = 3;

async fn world() -> World {
    World::with(|config| {
        config["gateway"] = json!({ "auth": { "token": TOKEN } });
        config["session"] = json!({ "dmScope": "main" });
    })
    .await
}

/// Ada writes while nobody watches, and is answered.
async fn answered(world: &World, question: &str, answer: &str) {
    world.model.script(Turn::text(answer));
    world.telegram.dm(ADA, question);
    world.sent(answer).await;
}

/// A client that follows the conversation.
async fn follower(world: &World) -> Chat {
    let mut chat = Chat::connect(&world.gateway).await;
    let key = json!({ "key": "agent:main:main" });
    chat.call("sessions.messages.subscribe", key)
        .await
        .expect("subscribed");
    chat
}

fn is_end(frame: &Value) -> bool {
    frame["event"] == "chat" && frame["payload"]["state"] == "final"
}

/// What was written in the conversation, as far as the client was told.
async fn told(chat: &mut Chat, last: &str) -> Vec<String> {
    let is_last = |frame: &Value| {
        frame["event"] == "session.message" && words(&frame["payload"]["message"]).contains(last)
    };
    chat.until(last, is_last).await;
    let rows = chat.events("session.message");
    rows.iter().map(|row| words(&row["message"])).collect()
}

#[tokio::test]
async fn who_comes_in_the_middle_of_an_answer_hears_all_of_it() {
    let world = world().await;
    let (turn, valve) = Turn::text("one two three four").held(PIECES);
    world.model.script(turn);
    world.telegram.dm(ADA, "count");
    soon("a question to the model", world.model.heard(1)).await;
    let mut chat = Chat::connect(&world.gateway).await;
    valve.open();
    let end = chat.until("the end of the answer", is_end).await;
    assert_eq!(words(&end["payload"]["message"]), "one two three four");
    let deltas = chat.events("chat").into_iter();
    let heard: String = deltas
        .filter_map(|event| event["deltaText"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(heard, "one two three four");
}

#[tokio::test]
async fn who_comes_back_is_told_what_is_written_from_then_on() {
    let world = world().await;
    let mut chat = follower(&world).await;
    answered(&world, "question one", "answer one").await;
    assert!(told(&mut chat, "answer one").await[0].contains("question one"));
    chat.leave().await;
    answered(&world, "question two", "answer two").await;
    let mut chat = follower(&world).await;
    answered(&world, "question three", "answer three").await;
    let told = told(&mut chat, "answer three").await;
    assert!(
        told[0].contains("question three"),
        "the history has the others: {told:?}"
    );
}
