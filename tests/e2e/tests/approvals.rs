//! Whether a command may run: asked in a chat, over the protocol and on the command line, with the real program. The tool
//! that asks runs nothing.
use openclaw_e2e::{
    chat::{Chat, TOKEN},
    world::{ADA, BOB, World, soon},
};
use openclaw_fakes::openai::{OpenAi, Turn};
use serde_json::{Value, json};
use std::{fs, os::unix::fs::PermissionsExt};

/// What a chat is asked.
const ASKS: &str = "May this command run?";

/// A world whose agent has the tool that asks, and whose owner is Ada.
async fn world(change: impl FnOnce(&mut Value)) -> World {
    World::with_plugins(&["loopback"], |config| {
        config["channels"]["loopback"] = json!({ "dmPolicy": "disabled" });
        config["commands"] = json!({ "ownerAllowFrom": [format!("telegram:{}", ADA.id)] });
        config["gateway"] = json!({ "auth": { "token": TOKEN } });
        // whoever asks, known or not: here it is about the answer
        config["tools"] = json!({ "toolsBySender": { "*": { "allow": ["ask_approval"] } } });
        change(config);
    })
    .await
}

/// The model asks whether it may remove something, and then says so.
fn script(model: &OpenAi, timeout_ms: u64) {
    let arguments = json!({ "command": "rm -r build", "path": "/usr/bin/rm", "timeout_ms": timeout_ms });
    model.script(Turn::call("call-1", "ask_approval", &arguments));
    model.script(Turn::text("that was it"));
}

/// What the model was told that the operator decided, in its `n`th request.
async fn told(world: &World, n: usize) -> String {
    let bodies = soon("the model's being told", world.model.heard(n)).await;
    let messages = bodies[n - 1]["messages"].as_array().cloned().unwrap_or_default();
    let result = messages.iter().rev().find(|message| message["role"] == "tool");
    result.expect("the result of the tool")["content"].to_string()
}

/// What a button of a question carries.
fn button(asked: &Value, label: &str) -> String {
    let rows = asked["reply_markup"]["inline_keyboard"].as_array().cloned();
    let mut buttons = rows
        .unwrap_or_default()
        .into_iter()
        .filter_map(|row| row.as_array().cloned())
        .flatten();
    let found = buttons.find(|button| button["text"] == label);
    let found = found.unwrap_or_else(|| panic!("no button {label}: {asked:#}"));
    found["callback_data"].as_str().expect("a text").to_owned()
}

/// Waits until the question shows how it ended; gives the change.
async fn amended(world: &World, words: &str) -> Value {
    let found = world.telegram.until(|telegram| {
        let mut changes = telegram.bodies("editMessageText").into_iter();
        changes.find(|body| body["text"].as_str().is_some_and(|text| text.contains(words)))
    });
    soon("the question to change", found).await
}

#[tokio::test]
async fn allowed_once_by_a_button_of_the_owner() {
    let world = world(|_| {}).await;
    script(&world.model, 0);
    world.telegram.dm(ADA, "clean up");
    let asked = world.sent(ASKS).await;
    assert_eq!(asked["chat_id"], ADA.id);
    world.telegram.press(ADA, 1, &button(&asked, "Allow once"));
    let said = told(&world, 2).await;
    assert!(said.contains("allow-once") && said.contains("person"), "{said}");
    let change = amended(&world, "allowed once by telegram:7").await;
    assert!(
        change["reply_markup"]["inline_keyboard"]
            .as_array()
            .is_none_or(Vec::is_empty),
        "{change}"
    );
    world.sent("that was it").await;
    assert!(
        !world.home.state().join("exec-approvals.json").exists(),
        "once is no rule"
    );
    world.end().await;
}

#[tokio::test]
async fn allowed_for_ever_it_is_asked_no_more() {
    let world = world(|_| {}).await;
    script(&world.model, 0);
    world.telegram.dm(ADA, "clean up");
    let asked = world.sent(ASKS).await;
    world.telegram.press(ADA, 1, &button(&asked, "Always allow"));
    world.sent("that was it").await;
    let file = world.home.state().join("exec-approvals.json");
    let rules: Value = serde_json::from_slice(&fs::read(&file).expect("written")).expect("JSON");
    assert_eq!(rules["version"], 1);
    assert_eq!(rules["agents"]["main"]["allowlist"][0]["pattern"], "/usr/bin/rm");
    assert_eq!(
        fs::metadata(&file).expect("there").permissions().mode() & 0o777,
        0o600
    );
    script(&world.model, 0);
    world.telegram.dm(ADA, "once more");
    let said = told(&world, 4).await;
    assert!(said.contains("allow-once") && said.contains("rule"), "{said}");
    let asked = world.telegram.bodies("sendMessage");
    let count = asked
        .iter()
        .filter(|body| body["text"].to_string().contains(ASKS))
        .count();
    assert_eq!(count, 1);
    let listed = world
        .home
        .json(&["approvals", "allowlist", "list", "--json"])
        .await;
    assert_eq!(listed["main"][0]["lastUsedCommand"], "rm -r build", "{listed}");
    world.end().await;
}

#[tokio::test]
async fn denied_in_words_and_decided_but_once() {
    let world = world(|_| {}).await;
    script(&world.model, 0);
    world.telegram.dm(ADA, "clean up");
    let asked = world.sent(ASKS).await;
    let allow = button(&asked, "Allow once");
    let id = allow.split(' ').nth(1).expect("an id").to_owned();
    world.telegram.dm(ADA, &format!("/approve {} deny", &id[..8]));
    let said = told(&world, 2).await;
    assert!(
        said.contains("deny") && said.contains("denied by telegram:7"),
        "{said}"
    );
    amended(&world, "denied by telegram:7").await;
    world.telegram.press(ADA, 1, &allow);
    let refused = world.sent("was decided already").await;
    assert!(
        refused["text"].to_string().contains("denied by telegram:7"),
        "{refused}"
    );
    world.end().await;
}

#[tokio::test]
async fn nobody_answering_is_a_no() {
    let world = world(|_| {}).await;
    script(&world.model, 300);
    world.telegram.dm(ADA, "clean up");
    let said = told(&world, 2).await;
    assert!(said.contains("timed-out"), "{said}");
    amended(&world, "nobody answered in time").await;
    world.end().await;
}

#[tokio::test]
async fn nobody_to_ask_is_a_no_at_once() {
    let world = world(|config| config["commands"] = json!({})).await;
    script(&world.model, 0);
    world.telegram.dm(ADA, "clean up");
    let said = told(&world, 2).await;
    assert!(
        said.contains("unavailable") && said.contains("nobody could be asked"),
        "{said}"
    );
    world.end().await;
}

#[tokio::test]
async fn somebody_who_may_not_is_refused_and_noted() {
    let world = world(|config| {
        config["approvals"] = json!({ "exec": { "enabled": true } });
        config["session"] = json!({ "dmScope": "per-peer" });
    })
    .await;
    script(&world.model, 0);
    world.telegram.dm(BOB, "clean up");
    let asked = world.sent(ASKS).await;
    let allow = button(&asked, "Allow once");
    world.telegram.press(BOB, 1, &allow);
    world.sent("You may not answer approvals here").await;
    world.gateway.says("somebody answered who may not").await;
    world.telegram.press(ADA, 1, &allow);
    let said = told(&world, 2).await;
    assert!(
        said.contains("allow-once") && said.contains("telegram:7"),
        "{said}"
    );
    world.end().await;
}

#[tokio::test]
async fn what_was_open_when_the_gateway_was_killed_is_denied() {
    let mut world = world(|_| {}).await;
    script(&world.model, 0);
    world.telegram.dm(ADA, "clean up");
    let asked = world.sent(ASKS).await;
    world.gateway.kill();
    world.gateway = world.home.start().await;
    amended(&world, "the gateway was restarted").await;
    world.telegram.press(ADA, 1, &button(&asked, "Allow once"));
    world.sent("was decided already").await;
    let said = told(&world, 2).await;
    assert!(said.contains("restarted"), "{said}");
    world.end().await;
}

#[tokio::test]
async fn clients_with_the_scope_are_asked_and_answer() {
    let world = world(|config| config["commands"] = json!({})).await;
    let mut operator = Chat::with(
        &world.gateway,
        &["operator.read", "operator.approvals"],
        &["approvals"],
    )
    .await;
    let mut reader = Chat::with(&world.gateway, &["operator.read"], &["approvals"]).await;
    script(&world.model, 0);
    world.telegram.dm(ADA, "clean up");
    let named = |name: &'static str| move |frame: &Value| frame["event"] == name;
    let asked = operator
        .until("a question", named("exec.approval.requested"))
        .await["payload"]
        .clone();
    let id = asked["id"].as_str().expect("an id").to_owned();
    assert_eq!(
        asked["request"]["allowedDecisions"],
        json!(["allow-once", "allow-always", "deny"])
    );
    assert_eq!(asked["request"]["resolvedPath"], "/usr/bin/rm");
    assert_eq!(
        asked["expiresAtMs"]
            .as_i64()
            .zip(asked["createdAtMs"].as_i64())
            .map(|(e, c)| e - c),
        Some(120_000)
    );
    let answer = json!({ "id": id, "decision": "allow-once" });
    let refused = reader
        .call("exec.approval.resolve", answer.clone())
        .await
        .expect_err("no scope");
    assert_eq!(refused["code"], "FORBIDDEN", "{refused}");
    let open = operator
        .call("exec.approval.list", json!({}))
        .await
        .expect("listed");
    assert_eq!(open[0]["id"], id.as_str());
    let seen = world
        .home
        .json(&[
            "approvals",
            "pending",
            "--json",
            "--port",
            &world.gateway.port,
            "--token",
            TOKEN,
        ])
        .await;
    assert_eq!(seen[0]["request"]["command"], "rm -r build");
    let wrong = json!({ "id": id, "decision": "allow-for-an-hour" });
    operator
        .call("exec.approval.resolve", wrong)
        .await
        .expect_err("no decision");
    let done = operator.call("exec.approval.resolve", answer.clone()).await;
    assert_eq!(done, Ok(json!({ "ok": true })));
    let ended = operator.until("its end", named("exec.approval.resolved")).await["payload"].clone();
    assert_eq!(
        (&ended["id"], &ended["decision"]),
        (&json!(id), &json!("allow-once"))
    );
    let again = operator
        .call("exec.approval.resolve", answer)
        .await
        .expect_err("decided");
    assert_eq!(again["details"]["reason"], "APPROVAL_NOT_FOUND");
    assert!(
        again["message"].to_string().contains("allowed once by cli"),
        "{again}"
    );
    assert_eq!(
        operator.call("exec.approval.list", json!({})).await,
        Ok(json!([]))
    );
    let late = json!({ "id": id, "kind": "exec", "decision": "deny" });
    let late = operator
        .call("approval.resolve", late)
        .await
        .expect("told how it ended");
    assert_eq!(
        (&late["applied"], &late["approval"]["status"]),
        (&json!(false), &json!("allowed"))
    );
    assert!(told(&world, 2).await.contains("allow-once"));
    assert_eq!(reader.events("exec.approval.requested"), Vec::<Value>::new());
    let refused = reader.call("approval.history", json!({})).await;
    assert_eq!(refused.expect_err("no scope")["code"], "FORBIDDEN");
    world.end().await;
}

#[tokio::test]
async fn what_was_decided_is_known_after_a_restart() {
    let mut world = world(|_| {}).await;
    script(&world.model, 0);
    world.telegram.dm(ADA, "clean up");
    let asked = world.sent(ASKS).await;
    world.telegram.press(ADA, 1, &button(&asked, "Deny"));
    amended(&world, "denied by telegram:7").await;
    world.gateway.kill();
    world.gateway = world.home.start().await;
    let mut operator = Chat::connect(&world.gateway).await;
    let history = operator
        .call("approval.history", json!({ "limit": 10 }))
        .await
        .expect("a history");
    let ended = &history["items"][0];
    assert_eq!(
        (&ended["status"], &ended["decision"], &ended["reason"]),
        (&json!("denied"), &json!("deny"), &json!("user")),
        "{history}"
    );
    assert_eq!(
        (&ended["resolver"], &ended["presentation"]["commandText"]),
        (
            &json!({ "kind": "channel", "id": "telegram:7" }),
            &json!("rm -r build")
        )
    );
    let found = operator
        .call("approval.get", json!({ "id": ended["id"] }))
        .await
        .expect("found");
    assert_eq!(&found["approval"], ended);
    world.end().await;
}

#[tokio::test]
async fn the_command_line_answers_and_keeps_the_rules() {
    let world = world(|_| {}).await;
    let port = world.gateway.port.clone();
    let gateway = ["--port", &port, "--token", TOKEN];
    script(&world.model, 0);
    world.telegram.dm(ADA, "clean up");
    let asked = world.sent(ASKS).await;
    let id = button(&asked, "Deny")
        .split(' ')
        .nth(1)
        .expect("an id")
        .to_owned();
    let out = world
        .home
        .run(&[&["approvals", "resolve", &id[..8], "deny"][..], &gateway].concat())
        .await;
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    assert!(told(&world, 2).await.contains("deny"));
    let out = world
        .home
        .run(&["approvals", "allowlist", "add", "/opt/tools/*", "--agent", "main"])
        .await;
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    let rules = world
        .home
        .json(&[&["approvals", "get", "--gateway", "--json"][..], &gateway].concat())
        .await;
    assert_eq!(
        rules["file"]["agents"]["main"]["allowlist"][0]["pattern"],
        "/opt/tools/*"
    );
    assert_eq!(rules["resolvedDefaults"]["security"], "allowlist");
    for wrong in [
        &["add", "rm"][..],
        &["add", "/x", "--agent", "nobody"],
        &["remove", "/x"],
    ] {
        let out = world
            .home
            .run(&[&["approvals", "allowlist"][..], wrong].concat())
            .await;
        assert!(!out.status.success(), "{wrong:?}");
    }
    let mut chat = Chat::connect(&world.gateway).await;
    let file = json!({ "version": 1, "defaults": { "security": "deny" } });
    let stale = json!({ "file": file, "baseHash": "an older one" });
    chat.call("exec.approvals.set", stale)
        .await
        .expect_err("somebody changed it");
    let fresh = json!({ "file": file, "baseHash": rules["hash"] });
    let set = chat.call("exec.approvals.set", fresh).await.expect("set");
    assert_eq!(set["resolvedDefaults"]["security"], "deny");
    script(&world.model, 0);
    world.telegram.dm(ADA, "once more");
    assert!(told(&world, 4).await.contains("switched off"));
    world.end().await;
}
