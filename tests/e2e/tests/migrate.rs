//! Coming from OpenClaw: its state, in the forms of February and of September 2026, and this program pointed at it.
use openclaw_e2e::{
    chat::{Chat, TOKEN},
    world::{ADA, Home, Running, config, soon},
};
use openclaw_fakes::{openai::OpenAi, telegram::Telegram};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

/// What is in a folder, by path.
type Tree = BTreeMap<PathBuf, Vec<u8>>;

fn tree(folder: &Path) -> Tree {
    let mut tree = Tree::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let bytes = fs::read(&path).expect("read");
                tree.insert(path, bytes);
            }
        }
    }
    tree
}

fn write(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("made");
    fs::write(path, text).expect("written");
}

/// One row of a transcript.
fn row(id: &str, parent: Option<&str>, message: &Value) -> String {
    json!({
        "type": "message", "id": id, "parentId": parent, "timestamp": "2026-02-01T10:00:00.000Z", "message": message,
    })
    .to_string()
}

fn user(text: &str) -> Value {
    json!({ "role": "user", "content": [{ "type": "text", "text": text }], "timestamp": 1_769_940_000_000_i64 })
}

fn answer(text: &str) -> Value {
    json!({
        "role": "assistant", "api": "openai-completions", "provider": "one", "model": "m", "stopReason": "stop",
        "content": [
            { "type": "thinking", "thinking": "hm", "thinkingSignature": "a-proof" }, { "type": "text", "text": text },
        ],
        "usage": { "input": 9, "output": 3, "totalTokens": 12, "cost": { "total": 0.25 } },
    })
}

fn talk() -> Vec<String> {
    vec![
        json!({ "type": "session", "version": 3, "id": "s-main", "timestamp": "2026-02-01T10:00:00.000Z" })
            .to_string(),
        row("a1", None, &user("my cat is called Miezi")),
        row("a2", Some("a1"), &answer("What a name!")),
        row("a3", Some("a1"), &answer("Noted: Miezi.")),
    ]
}

/// Files, as of February 2026.
fn files(state: &Path) {
    let sessions = state.join("agents/main/sessions");
    let index = json!({ "agent:main:main": {
        "sessionId": "s-main", "updatedAt": 1_769_940_000_000_i64, "chatType": "direct", "label": "Cats",
        "deliveryContext": { "channel": "telegram", "to": format!("telegram:{}", ADA.id), "accountId": "default" },
    } });
    write(&sessions.join("sessions.json"), &index.to_string());
    let mut lines = talk();
    lines.insert(2, "{\"type\":\"message\",\"id\":\"br".to_owned());
    write(&sessions.join("s-main.jsonl"), &lines.join("\n"));
    write(
        &state.join("credentials/telegram-allowFrom.json"),
        &json!({ "version": 1, "allowFrom": [ADA.id.to_string()] }).to_string(),
    );
    let job = json!({
        "id": "0f0f0f0f-0000-4000-8000-000000000001", "agentId": "main", "name": "morning", "enabled": true,
        "createdAtMs": 1, "updatedAtMs": 1, "schedule": { "kind": "cron", "expr": "0 7 * * *", "tz": "UTC" },
        "sessionTarget": "isolated", "wakeMode": "now", "payload": { "kind": "agentTurn", "message": "good morning" },
        "state": {},
    });
    write(
        &state.join("cron/jobs.json"),
        &json!({ "version": 1, "jobs": [job] }).to_string(),
    );
    write(&state.join("extensions/mine/index.js"), "export default {}");
    write(&state.join("workspace/SOUL.md"), "Be kind.");
}

/// Databases, as of September 2026, with a log as a killed process leaves it.
fn databases(state: &Path) {
    let agent = state.join("agents/main/agent");
    fs::create_dir_all(&agent).expect("made");
    let database = Connection::open(agent.join("openclaw-agent.sqlite")).expect("opened");
    database.pragma_update(None, "journal_mode", "WAL").expect("set");
    database
        .execute_batch(
            "CREATE TABLE session_nodes (session_key TEXT NOT NULL PRIMARY KEY, current_session_id TEXT NOT NULL,
                entry_json TEXT NOT NULL, updated_at INTEGER NOT NULL) STRICT;
             CREATE TABLE transcript_events (session_id TEXT NOT NULL, seq INTEGER NOT NULL, event_json TEXT,
                created_at INTEGER NOT NULL, event_zstd BLOB, PRIMARY KEY (session_id, seq)) STRICT;",
        )
        .expect("made");
    let entry = json!({ "sessionId": "s-main", "updatedAt": 1_769_940_000_000_i64 });
    database
        .execute(
            "INSERT INTO session_nodes VALUES ('agent:main:main', 's-main', ?1, 1)",
            [entry.to_string()],
        )
        .expect("written");
    for (seq, row) in talk().into_iter().enumerate() {
        database
            .execute(
                "INSERT INTO transcript_events VALUES ('s-main', ?1, ?2, 1, NULL)",
                (seq, row),
            )
            .expect("written");
    }
    // never closed, so its log stays
    std::mem::forget(database);
}

struct Scene {
    telegram: Telegram,
    model: OpenAi,
    home: Home,
}

/// A home that is configured and has never run.
async fn scene() -> Scene {
    let telegram = Telegram::start().await.expect("a port");
    let model = OpenAi::start().await.expect("a port");
    let home = Home::new(&["telegram", "openai"]);
    let mut config = config(&telegram, &[("one", &model)]);
    config["gateway"] = json!({ "auth": { "token": TOKEN } });
    home.configure(&config);
    Scene {
        telegram,
        model,
        home,
    }
}

/// A chat goes on where it was, as everybody sees it.
async fn goes_on(scene: &Scene, gateway: &Running) {
    scene.telegram.dm(ADA, "what is she called?");
    let asked = soon("the model's being asked", scene.model.heard(1)).await;
    let messages = asked[0]["messages"].as_array().expect("messages");
    let said: Vec<_> = messages.iter().map(|message| message.to_string()).collect();
    assert!(
        said.iter().any(|text| text.contains("my cat is called Miezi")),
        "{said:#?}"
    );
    assert!(
        said.iter().any(|text| text.contains("Noted: Miezi.")),
        "{said:#?}"
    );
    assert!(
        !said.concat().contains("What a name!"),
        "a branch that was left is no part of it: {said:#?}"
    );
    soon("an answer", scene.telegram.called("sendMessage", 1)).await;
    let mut chat = Chat::connect(gateway).await;
    let history = chat
        .call("chat.history", json!({ "sessionKey": "main" }))
        .await
        .expect("an answer");
    let shown = history["messages"].to_string();
    assert!(
        shown.contains("Miezi") && shown.contains("what is she called?"),
        "{history}"
    );
    let listed = scene
        .home
        .command(&["sessions", "--json"])
        .env("OPENCLAW_GATEWAY_TOKEN", TOKEN)
        .env("OPENCLAW_GATEWAY_PORT", &gateway.port)
        .output()
        .expect("it runs");
    let listed: Value = serde_json::from_slice(&listed.stdout).expect("JSON");
    let main = listed["sessions"]
        .as_array()
        .expect("sessions")
        .iter()
        .find(|row| row["key"] == "agent:main:main");
    assert_eq!(main.expect("it is listed")["sessionId"], "s-main", "{listed}");
}

#[tokio::test]
async fn files_in_place_are_taken_over_and_not_changed() {
    let scene = scene().await;
    let state = scene.home.state().to_owned();
    files(&state);
    let before = tree(&state);
    let dry = scene.home.json(&["migrate", "--json"]).await;
    assert_eq!(tree(&state), before, "a look changes nothing");
    assert_eq!(
        (
            &dry["applied"],
            &dry["taken"]["conversations"],
            &dry["taken"]["jobs"]
        ),
        (&json!(false), &json!(1), &json!(1))
    );
    let place = dry["skipped"][0]["place"].as_str().expect("a place");
    assert!(place.ends_with("s-main.jsonl:3"), "{dry}");
    assert!(dry["noEquivalent"].to_string().contains("extensions"), "{dry}");
    assert!(dry["inPlace"].to_string().contains("openclaw.json"), "{dry}");
    // a start says what to do
    let gateway = scene.home.start().await;
    assert!(gateway.log().contains("`openclaw migrate`"), "{}", gateway.log());
    let refused = scene.home.run(&["migrate", "--apply"]).await;
    assert!(!refused.status.success(), "not while a gateway runs");
    gateway.stop().await;
    let done = scene.home.json(&["migrate", "--apply", "--json"]).await;
    assert_eq!(done["taken"], dry["taken"], "{done}");
    let after = tree(&state);
    for (path, bytes) in &before {
        assert_eq!(after.get(path), Some(bytes), "{} is theirs", path.display());
    }
    let again = scene.home.json(&["migrate", "--apply", "--json"]).await;
    let nothing = again["taken"]
        .as_object()
        .expect("counts")
        .values()
        .all(|count| count == 0);
    assert!(nothing && again["unchanged"]["conversations"] == 1, "{again}");
    let gateway = scene.home.start().await;
    assert!(
        !gateway.log().contains("openclaw migrate"),
        "it is done: {}",
        gateway.log()
    );
    goes_on(&scene, &gateway).await;
    gateway.stop().await;
    let last = scene.home.json(&["migrate", "--apply", "--json"]).await;
    assert_eq!(
        last["unchanged"]["transcripts"], 1,
        "what went on here stays: {last}"
    );
}

#[tokio::test]
async fn a_database_of_elsewhere_is_taken_over_and_not_changed() {
    let scene = scene().await;
    let theirs = tempfile::tempdir().expect("a folder");
    databases(theirs.path());
    let before = tree(theirs.path());
    assert!(
        before
            .keys()
            .any(|path| path.ends_with("openclaw-agent.sqlite-wal"))
    );
    let from = theirs.path().to_str().expect("text");
    let ours = tree(scene.home.state());
    let dry = scene
        .home
        .json(&["migrate", "--from", from, "--dry-run", "--json"])
        .await;
    assert_eq!(
        (tree(theirs.path()), tree(scene.home.state())),
        (before.clone(), ours)
    );
    assert_eq!(
        (&dry["taken"]["conversations"], &dry["taken"]["messages"]),
        (&json!(1), &json!(2)),
        "{dry}"
    );
    let shown = scene.home.run(&["migrate", "--from", from, "--apply"]).await;
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.contains("1 conversation\n") && shown.contains("sqlite"),
        "{shown}"
    );
    assert_eq!(tree(theirs.path()), before);
    let gateway = scene.home.start().await;
    goes_on(&scene, &gateway).await;
    gateway.stop().await;
}

#[tokio::test]
async fn where_nothing_is_it_says_so() {
    let scene = scene().await;
    let empty = tempfile::tempdir().expect("a folder");
    let output = scene
        .home
        .run(&["migrate", "--from", empty.path().to_str().expect("text")])
        .await;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(!output.status.success() && said.contains("--from"), "{said}");
}
