//! Runs that programs ask for with `agent`: what was accepted has an end, whatever happens to the process.
use openclaw_e2e::{
    chat::{Chat, config},
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
        let model = OpenAi::start().await.expect("a port");
        let home = Home::new(&["openai"]);
        let mut config = config();
        config["agents"]["defaults"]["model"]["primary"] = json!("one/m");
        config["models"] = json!({ "providers": { "one": {
            "baseUrl": model.base_url(), "apiKey": "sk-x", "api": "openai-completions",
            "models": [{ "id": "m", "contextWindow": 100_000 }],
        } } });
        home.configure(&config);
        let gateway = home.start().await;
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
    assert_eq!(world.model.asked().len(), asked, "no model was asked again");
    let other = json!({ "sessionKey": "agent:main:other", "message": "x", "idempotencyKey": "build-3" });
    world.model.script(Turn::text("Another."));
    let id = chat.ask("agent", other).await;
    chat.answer(&id).await.expect("it is taken");
    assert_eq!(payload(&chat.answer(&id).await.expect("an answer")), "Another.");
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
