//! Talks that OpenClaw had with its clients, had again with this gateway: the same fields, the same types, the same order
//! of events. What differs today stands in `captures.known`, a line for each difference; a line may go, none may come.
use openclaw_e2e::{
    capture::{Capture, captures},
    chat::config,
    running::{Home, Running},
};
use openclaw_fakes::openai::{OpenAi, Turn};
use serde_json::json;

/// The differences of today, sorted. Fields of what this gateway does not have, and some that it should have.
const KNOWN: &str = include_str!("captures.known");

async fn scripted() -> (OpenAi, Home, Running) {
    let model = OpenAi::start().await.expect("a port");
    let home = Home::new(&["openai", "demo"]);
    let mut config = config();
    config["agents"]["defaults"]["model"]["primary"] = json!("one/m");
    config["models"] = json!({ "providers": { "one": {
        "baseUrl": model.base_url(), "apiKey": "sk-x", "api": "openai-completions",
        "models": [{ "id": "m", "contextWindow": 100_000 }],
    } } });
    home.configure(&config);
    let gateway = home.start().await;
    (model, home, gateway)
}

/// Plays a talk against a gateway whose model has these turns; gives the differences that are not known.
async fn news(name: &str, turns: Vec<Turn>) -> Vec<String> {
    let Some(folder) = captures() else {
        eprintln!("skipped: there are no recordings; set OPENCLAW_CAPTURES to their folder");
        return Vec::new();
    };
    let (model, _home, gateway) = scripted().await;
    for turn in turns {
        model.script(turn);
    }
    let capture = Capture::read(&folder, name);
    let ours = capture.play(&gateway).await;
    let differences = ours.differences(&capture.talk()).into_iter();
    let new = differences.filter(|line| !KNOWN.lines().any(|known| known == line));
    new.collect()
}

async fn same(name: &str, turns: Vec<Turn>) {
    let new = news(name, turns).await;
    assert!(new.is_empty(), "{name}:\n{}", new.join("\n"));
}

#[tokio::test]
async fn a_message_and_its_history() {
    same("chat-simple", vec![Turn::text("Hello from the model.")]).await;
}

#[tokio::test]
async fn a_tool_at_work() {
    let arguments = json!({ "text": "a b c" });
    let turns = vec![
        Turn::text("Let me count.").and_call("call-1", "count_words", &arguments),
        Turn::text("Counted."),
    ];
    same("chat-tool", turns).await;
}

#[tokio::test]
async fn a_stopped_answer() {
    let (turn, _valve) = Turn::text("one two three four five six").held(4);
    same("chat-abort", vec![turn]).await;
}

#[tokio::test]
async fn a_model_that_fails() {
    same("chat-error", vec![Turn::error(400, "bad_thing", "no such thing")]).await;
}

#[tokio::test]
async fn a_note_put_in_by_hand() {
    same("chat-inject", Vec::new()).await;
}

#[tokio::test]
async fn commands_in_a_chat() {
    same("chat-slash", Vec::new()).await;
}

#[tokio::test]
async fn an_agent_that_is_waited_for() {
    same("chat-agent-wait", vec![Turn::text("Hello from the model.")]).await;
}

#[tokio::test]
async fn the_command_line_asks_an_agent() {
    for name in ["cli-agent-hi", "cli-agent-json"] {
        same(name, vec![Turn::text("Hello from the model.")]).await;
    }
}

#[tokio::test]
async fn the_command_line_looks_at_the_gateway() {
    let mut new = Vec::new();
    for name in [
        "cli-health",
        "cli-status",
        "cli-status-json",
        "cli-channels-status",
        "cli-models-list",
        "cli-nodes-list",
        "cli-devices-list",
        "cli-logs",
        "cli-system-presence",
        "cli-gateway-call-health",
        "cli-gateway-call-status",
        "cli-call-unknown",
        "cli-call-send",
    ] {
        new.extend(news(name, Vec::new()).await);
    }
    assert!(new.is_empty(), "{}", new.join("\n"));
}
