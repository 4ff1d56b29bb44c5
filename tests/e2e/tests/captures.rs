//! Talks that OpenClaw had with its clients, had again with this gateway: the same fields, the same types, the same order
//! of events. What differs stands in `captures.known`, with its reason.
use futures_util::{StreamExt, stream};
use openclaw_e2e::{
    capture::{Capture, captures},
    chat::{Chat, scripted},
    reasons::Reasons,
    running::Running,
};
use openclaw_fakes::openai::Turn;
use serde_json::json;
use std::{collections::BTreeSet, path::Path};

/// Why this gateway differs.
const KNOWN: &str = include_str!("captures.known");
/// Talks that are had at once.
const AT_ONCE: usize = 3;
/// What a model's answer is in most talks.
const HELLO: &str = "Hello from the model.";
/// Talks in conversations that begin with them. In all others somebody has spoken before.
const STARTS_FRESH: [&str; 3] = ["chat-simple", "cli-agent-hi", "cli-agent-json"];
/// The talks.
const TALKS: [&str; 22] = [
    "chat-simple",
    "chat-tool",
    "chat-abort",
    "chat-error",
    "chat-inject",
    "chat-slash",
    "chat-agent-wait",
    "cli-agent-hi",
    "cli-agent-json",
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
];

/// What the model says in a talk.
fn script(name: &str) -> Vec<Turn> {
    match name {
        "chat-tool" => vec![
            Turn::text("Running it.").and_call("call-1", "exec", &json!({ "command": "echo hello" })),
            Turn::text("Tool finished."),
        ],
        "chat-simple" | "chat-agent-wait" | "cli-agent-hi" | "cli-agent-json" => vec![Turn::text(HELLO)],
        "chat-error" => vec![Turn::error(400, "bad_thing", "no such thing")],
        _ => Vec::new(),
    }
}

/// Has a talk with a gateway of its own; gives what differs.
async fn differences(folder: &Path, name: &str) -> Vec<String> {
    let (model, _home, gateway) = scripted(&["shell"], |config| {
        config["tools"] = json!({ "exec": { "security": "full", "ask": "off" } });
    })
    .await;
    let capture = Capture::read(folder, name);
    if !STARTS_FRESH.contains(&name) {
        speak(&gateway, capture.session_key().unwrap_or("agent:main:main")).await;
    }
    for turn in script(name) {
        model.script(turn);
    }
    let (stopped, _valve) = Turn::text("one two three four five six").held(4);
    if name == "chat-abort" {
        model.script(stopped);
    }
    let ours = capture.play(&gateway).await;
    ours.differences(&capture.talk())
}

/// The conversation of a talk is one that there is already.
async fn speak(gateway: &Running, key: &str) {
    let mut chat = Chat::connect(gateway).await;
    let said = json!({ "sessionKey": key, "message": "hello", "idempotencyKey": "before" });
    chat.call("chat.send", said).await.expect("it is taken");
    chat.ended("before").await;
}

#[tokio::test]
async fn talks_differ_only_where_a_reason_says_so() {
    let Some(folder) = captures() else {
        eprintln!("skipped: there are no recordings; set OPENCLAW_CAPTURES to their folder");
        return;
    };
    let talks = stream::iter(TALKS).map(|name| differences(&folder, name));
    let found: Vec<_> = talks.buffer_unordered(AT_ONCE).concat().await;
    let found: BTreeSet<_> = found.into_iter().collect();
    let found: Vec<_> = found.into_iter().collect();
    if std::env::var_os("OPENCLAW_TEST_SHOW").is_some() {
        println!("{}", found.join("\n"));
    }
    let faults = Reasons::parse(KNOWN).judge(&found);
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}
