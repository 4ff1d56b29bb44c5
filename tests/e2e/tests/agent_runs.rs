//! Runs that programs ask for with `agent`: what was accepted has an end, whatever happens to the process.
use openclaw_e2e::{
    chat::{Chat, scripted},
    running::{Home, Running, soon},
};
use openclaw_fakes::openai::{OpenAi, Turn};
use serde_json::{Value, json};

struct World {
    model: OpenAi,
    home: Home,
    gateway: Running,
}

impl World {
    async fn new() -> Self {
        let (model, home, gateway) = scripted(&[], |_| {}).await;
        Self { model, home, gateway }
    }

    async fn killed_and_started(&mut self) {
        self.gateway.kill();
        self.gateway = self.home.start().await;
    }

    /// Asks an agent; gives back when the gateway says that it has taken the question.
    async fn accepted(&self, chat: &mut Chat, key: &str) {
        let id = chat.ask("agent", question(key)).await;
        let first = chat.answer(&id).await.expect("it is taken");
        assert_eq!(
            (&first["status"], &first["runId"]),
            (&json!("accepted"), &json!(key))
        );
    }

    async fn end_of(&self, chat: &mut Chat, key: &str) -> Value {
        let wait = json!({ "runId": key, "timeoutMs": 60_000 });
        chat.call("agent.wait", wait).await.expect("an answer")
    }
}

fn question(key: &str) -> Value {
    json!({ "sessionKey": "agent:main:work", "message": "Is the build green?", "idempotencyKey": key })
}

fn payload(answer: &Value) -> &Value {
    &answer["result"]["payloads"][0]["text"]
}

#[tokio::test]
async fn a_run_that_was_accepted_is_answered_though_the_process_is_killed() {
    let mut world = World::new().await;
    let (held, valve) = Turn::text("never said").held(0);
    world.model.script(held);
    let mut chat = Chat::connect(&world.gateway).await;
    world.accepted(&mut chat, "build-1").await;
    // else the answer that is held would be the next process's
    soon("a question to the model", world.model.heard(1)).await;
    world.model.script(Turn::text("It is red."));
    world.killed_and_started().await;
    drop(valve);
    let mut chat = Chat::connect(&world.gateway).await;
    let end = world.end_of(&mut chat, "build-1").await;
    assert_eq!(
        (&end["status"], &end["terminalReply"]["text"]),
        (&json!("ok"), &json!("It is red.")),
        "{end}"
    );
    let asked = world.model.asked().len();
    let again = chat
        .call("agent", question("build-1"))
        .await
        .expect("the same run");
    assert_eq!(
        (&again["status"], payload(&again)),
        (&json!("ok"), &json!("It is red.")),
        "{again}"
    );
    assert_eq!(world.model.asked().len(), asked, "the repeat asked no model");
    let history = json!({ "sessionKey": "agent:main:work" });
    let history = chat.call("chat.history", history).await.expect("a history");
    let questions = history["messages"].as_array().expect("messages").iter();
    assert_eq!(
        questions.filter(|row| row["role"] == "user").count(),
        1,
        "{history}"
    );
}

#[tokio::test]
async fn a_run_that_always_ends_the_process_is_told_of_as_failed() {
    let mut world = World::new().await;
    let mut valves = Vec::new();
    for time in 1..=3 {
        let (held, valve) = Turn::text("never said").held(0);
        world.model.script(held);
        valves.push(valve);
        if time == 1 {
            let mut chat = Chat::connect(&world.gateway).await;
            world.accepted(&mut chat, "build-6").await;
        }
        soon("a question to the model", world.model.heard(time)).await;
        world.killed_and_started().await;
    }
    let mut chat = Chat::connect(&world.gateway).await;
    let end = world.end_of(&mut chat, "build-6").await;
    assert_eq!(end["status"], "error", "{end}");
    assert!(end["error"].as_str().is_some_and(|why| !why.is_empty()), "{end}");
    let again = chat.call("agent", question("build-6")).await;
    again.expect_err("it failed, and is not tried again");
    assert_eq!(
        world.model.asked().len(),
        3,
        "the model was asked once by each process"
    );
}

#[tokio::test]
async fn what_ended_before_the_process_did_is_told_with_the_same_words() {
    let mut world = World::new().await;
    world.model.script(Turn::text("It is green."));
    let mut chat = Chat::connect(&world.gateway).await;
    let id = chat.ask("agent", question("build-2")).await;
    chat.answer(&id).await.expect("it is taken");
    let first = chat.answer(&id).await.expect("an answer");
    assert_eq!(payload(&first), "It is green.");
    assert_eq!(first["result"]["meta"]["agentMeta"]["model"], "m");
    world.killed_and_started().await;
    let mut chat = Chat::connect(&world.gateway).await;
    let asked = world.model.asked().len();
    let again = chat
        .call("agent", question("build-2"))
        .await
        .expect("the same run");
    assert_eq!(payload(&again), payload(&first));
    let end = world.end_of(&mut chat, "build-2").await;
    assert_eq!(end["terminalReply"]["text"], "It is green.");
    assert!(end["startedAt"].is_i64() && end["endedAt"].is_i64(), "{end}");
    // the key is that of this conversation; a process of its own, because the last one repeats what it has answered
    world.killed_and_started().await;
    let mut chat = Chat::connect(&world.gateway).await;
    let elsewhere = json!({ "sessionKey": "agent:main:other", "message": "x", "idempotencyKey": "build-2" });
    let refused = chat
        .call("agent", elsewhere)
        .await
        .expect_err("another conversation");
    assert!(
        refused["message"].to_string().contains("another conversation"),
        "{refused}"
    );
    assert_eq!(world.model.asked().len(), asked, "no model was asked again");
    let other = json!({ "sessionKey": "agent:main:other", "message": "x", "idempotencyKey": "build-3" });
    world.model.script(Turn::text("Another."));
    let id = chat.ask("agent", other).await;
    chat.answer(&id).await.expect("it is taken");
    assert_eq!(payload(&chat.answer(&id).await.expect("an answer")), "Another.");
}

#[tokio::test]
async fn how_hard_it_thought_is_told_though_nobody_wished_it() {
    let world = World::new().await;
    world.model.script(Turn::text("It is green."));
    let mut chat = Chat::connect(&world.gateway).await;
    let wish = json!({ "key": "agent:main:work", "thinkingLevel": "high" });
    chat.call("sessions.patch", wish).await.expect("changed");
    let id = chat.ask("agent", question("build-5")).await;
    chat.answer(&id).await.expect("it is taken");
    let answer = chat.answer(&id).await.expect("an answer");
    let shaping = &answer["result"]["meta"]["requestShaping"];
    assert_eq!(shaping["thinking"], "high", "{answer}");
}

#[tokio::test]
async fn whoever_asks_again_while_it_runs_waits_for_the_same_answer() {
    let world = World::new().await;
    let (held, valve) = Turn::text("one two three").held(1);
    world.model.script(held);
    let mut first = Chat::connect(&world.gateway).await;
    world.accepted(&mut first, "build-4").await;
    soon("a question to the model", world.model.heard(1)).await;
    let mut second = Chat::connect(&world.gateway).await;
    let id = second.ask("agent", question("build-4")).await;
    let accepted = second.answer(&id).await.expect("it is known");
    assert_eq!(accepted["status"], "accepted");
    valve.open();
    assert_eq!(
        payload(&second.answer(&id).await.expect("an answer")),
        "one two three"
    );
    assert_eq!(world.model.asked().len(), 1);
}
