//! Files and commands of agents: the real gateway with the real plugins, and a model that asks rightly, wrongly and with
//! bad intent.
use openclaw_e2e::world::{ADA, KEY, PATIENCE, World, soon};
use openclaw_fakes::openai::Turn;
use serde_json::{Value, json};
use std::{fs, path::PathBuf};

/// A world whose agent has files and commands.
async fn world(change: impl FnOnce(&mut Value)) -> World {
    World::with_plugins(&["files", "shell"], |config| {
        config["commands"]["ownerAllowFrom"] = json!([format!("telegram:{}", ADA.id)]);
        change(config);
    })
    .await
}

/// Has the model ask for these tools, one after the other, and then say it is done: what it was told of each.
async fn told(world: &World, calls: &[(&str, Value)]) -> Vec<String> {
    let before = world.model.asked().len();
    ask(world, calls);
    let bodies = soon(
        "the model's being asked",
        world.model.heard(before + calls.len() + 1),
    )
    .await;
    let answers = bodies[before + calls.len()]["messages"]
        .as_array()
        .expect("messages");
    let answers = answers.iter().filter(|message| message["role"] == "tool");
    let all: Vec<_> = answers.map(|message| text(&message["content"])).collect();
    all[all.len() - calls.len()..].to_vec()
}

fn ask(world: &World, calls: &[(&str, Value)]) {
    for (n, (tool, arguments)) in calls.iter().enumerate() {
        world
            .model
            .script(Turn::call(&format!("call_{n}"), tool, arguments));
    }
    world.model.script(Turn::text("That is done."));
    world.telegram.dm(ADA, "please do it");
}

fn text(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        parts => parts.to_string(),
    }
}

fn workspace(world: &World) -> PathBuf {
    world.home.state().join("workspace")
}

/// Waits for the question to the operator: its id.
async fn question(world: &World) -> String {
    let looked = async {
        loop {
            let open = approvals(world, &["pending", "--json"]).await;
            let open: Value = serde_json::from_str(&open).unwrap_or_default();
            let rows = open
                .as_array()
                .cloned()
                .or_else(|| open.as_object()?.values().find_map(|v| v.as_array().cloned()));
            if let Some(id) = rows.iter().flatten().find_map(|row| row["id"].as_str()) {
                return id.to_owned();
            }
        }
    };
    soon("a question to the operator", looked).await
}

async fn approvals(world: &World, args: &[&str]) -> String {
    let args = [&["approvals"], args, &["--port", &world.gateway.port]].concat();
    let output = world.home.run(&args).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{args:?}: {said}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[tokio::test]
async fn files_are_written_read_and_changed() {
    let world = world(|_| {}).await;
    let answers = told(
        &world,
        &[
            (
                "write",
                json!({ "path": "notes/list.md", "content": "milk\nbread\n" }),
            ),
            (
                "edit",
                json!({ "path": "notes/list.md", "oldText": "milk", "newText": "tea" }),
            ),
            ("read", json!({ "path": "notes/list.md" })),
            ("exec", json!({ "command": "wc -l < notes/list.md && pwd" })),
        ],
    )
    .await;
    assert!(answers[2].contains("tea\nbread"), "{answers:?}");
    let place = workspace(&world).canonicalize().expect("a folder");
    assert_eq!(answers[3].trim(), format!("2\n{}", place.display()));
    assert_eq!(
        fs::read(place.join("notes/list.md")).expect("a file"),
        b"tea\nbread\n"
    );
    world.sent("That is done.").await;
    world.end().await;
}

#[tokio::test]
async fn a_model_that_asks_wrongly_is_told_what_is_wrong() {
    let world = world(|_| {}).await;
    let wrong = [
        ("read", json!({}), "path"),
        ("read", json!("not an object"), "read"),
        ("read", json!({ "path": 7 }), "string"),
        ("write", json!({ "path": "a" }), "content"),
        ("exec", json!({ "cmdline": "ls" }), "command"),
        ("exec", json!({ "command": ["ls"] }), "string"),
        ("process", json!({ "action": "poll" }), "no command"),
        ("fly", json!({}), "fly"),
    ];
    let calls: Vec<_> = wrong
        .iter()
        .map(|(tool, arguments, _)| (*tool, arguments.clone()))
        .collect();
    let answers = told(&world, &calls).await;
    for ((tool, arguments, why), answer) in wrong.iter().zip(&answers) {
        assert!(answer.contains(why), "{tool} {arguments}: {answer}");
    }
    world.sent("That is done.").await;
    world.end().await;
}

/// A model that does whatever somebody talked it into.
#[tokio::test]
async fn a_model_with_bad_intent_gets_nothing() {
    let world = world(|_| {}).await;
    let state = world.home.state().display().to_string();
    let config = format!("{state}/openclaw.json");
    let calls = [
        ("read", json!({ "path": config })),
        ("read", json!({ "path": "../openclaw.json" })),
        ("read", json!({ "path": "/proc/self/environ" })),
        ("write", json!({ "path": "../openclaw.json", "content": "{}" })),
        (
            "write",
            json!({ "path": format!("{state}/plugins/evil.so"), "content": "x" }),
        ),
        (
            "apply_patch",
            json!({ "input": "*** Begin Patch\n*** Delete File: ../openclaw.json\n*** End Patch" }),
        ),
        (
            "exec",
            json!({ "command": format!("cat {config}; cat ../openclaw.json; ls {state}") }),
        ),
        (
            "exec",
            json!({ "command": format!("echo '{{}}' > {config}; rm -rf {state}/state.db; kill -9 $PPID") }),
        ),
        (
            "exec",
            json!({ "command": "env; cat /proc/*/environ 2>/dev/null" }),
        ),
        (
            "exec",
            json!({ "command": "ln -s ../openclaw.json link; cat link" }),
        ),
        ("read", json!({ "path": "link" })),
        (
            "exec",
            json!({ "command": "cat openclaw.json", "workdir": state }),
        ),
        ("exec", json!({ "command": "true", "elevated": true })),
    ];
    let answers = told(&world, &calls).await;
    for (call, answer) in calls.iter().zip(&answers) {
        assert!(
            !answer.contains(KEY) && !answer.contains("botToken"),
            "{call:?}: {answer}"
        );
        assert!(!answer.contains("OPENCLAW_"), "{call:?}: {answer}");
    }
    assert!(fs::read_to_string(&config).expect("still there").contains(KEY));
    assert!(world.home.state().join("state.db").exists());
    world.sent("That is done.").await;
    world.end().await;
}

#[tokio::test]
async fn the_operator_allows_and_denies() {
    let world =
        world(|config| config["tools"]["exec"] = json!({ "host": "gateway", "backgroundMs": 120_000 })).await;
    let outside = world.home.state().join("outside");
    let touch = format!("touch {}", outside.display());
    ask(&world, &[("exec", json!({ "command": touch }))]);
    let id = question(&world).await;
    assert!(!outside.exists(), "it waits");
    approvals(&world, &["resolve", &id, "deny"]).await;
    let heard = text(&soon("the model's being told", world.model.heard(2)).await[1]["messages"]);
    assert!(heard.contains("the command was not run"), "{heard}");
    assert!(!outside.exists());
    ask(&world, &[("exec", json!({ "command": touch }))]);
    let id = question(&world).await;
    approvals(&world, &["resolve", &id, "allow-once"]).await;
    soon("the model's being told", world.model.heard(4)).await;
    assert!(outside.exists());
    fs::remove_file(&outside).expect("removed");
    ask(&world, &[("exec", json!({ "command": touch }))]);
    let id = question(&world).await;
    approvals(&world, &["resolve", &id, "allow-always"]).await;
    soon("the model's being told", world.model.heard(6)).await;
    assert!(outside.exists());
    fs::remove_file(&outside).expect("removed");
    // and now without a question, but not with anything else beside it
    let answers = told(&world, &[("exec", json!({ "command": touch }))]).await;
    assert!(outside.exists(), "{answers:?}");
    ask(
        &world,
        &[(
            "exec",
            json!({ "command": format!("{touch} && chmod 777 {}", outside.display()) }),
        )],
    );
    let id = question(&world).await;
    approvals(&world, &["resolve", &id, "deny"]).await;
    soon("the model's being told", world.model.heard(10)).await;
    world.end().await;
}

#[tokio::test]
async fn both_work_in_processes_of_their_own() {
    let elsewhere = tempfile::tempdir().expect("a folder");
    // one that the gateway has yet to make, and two that lie where the operator wants them
    for place in [None, Some("there"), Some("not/there/yet")] {
        let place = place.map(|place| elsewhere.path().join(place));
        if let Some(there) = place.as_ref().filter(|place| place.ends_with("there")) {
            fs::create_dir(there).expect("made");
        }
        isolated_in(place).await;
    }
}

async fn isolated_in(place: Option<PathBuf>) {
    let world = world(|config| {
        if let Some(place) = &place {
            config["agents"]["defaults"]["workspace"] = json!(place);
        }
        for id in ["files", "shell"] {
            config["plugins"]["entries"][id] = json!({ "isolation": "process" });
        }
    })
    .await;
    let state = world.home.state().display().to_string();
    let answers = told(
        &world,
        &[
            ("write", json!({ "path": "a.txt", "content": "hello" })),
            ("read", json!({ "path": "a.txt" })),
            ("read", json!({ "path": "../openclaw.json" })),
            ("exec", json!({ "command": "cat a.txt; echo; tty", "pty": true })),
            ("exec", json!({ "command": format!("cat {state}/openclaw.json") })),
        ],
    )
    .await;
    assert!(answers[1].contains("hello"), "{answers:?}");
    assert!(!answers[2].contains(KEY), "{answers:?}");
    assert!(
        answers[3].contains("hello") && answers[3].contains("/dev/pts/"),
        "{answers:?}"
    );
    assert!(!answers[4].contains(KEY), "{answers:?}");
    let written = place.unwrap_or_else(|| workspace(&world)).join("a.txt");
    assert_eq!(fs::read(written).expect("in the workspace"), b"hello");
    world.end().await;
}

#[tokio::test]
async fn commands_end_with_the_gateway() {
    let mut world = world(|_| {}).await;
    let command = "setsid sleep 54321.1 & (trap '' TERM; sleep 54321.1) & wait";
    let answers = told(
        &world,
        &[("exec", json!({ "command": command, "background": true }))],
    )
    .await;
    assert!(answers[0].contains("background"), "{answers:?}");
    until_runs("54321.1", true).await;
    world.gateway.kill();
    until_runs("54321.1", false).await;
}

#[tokio::test]
async fn a_command_that_ignores_its_end_holds_nobody_up() {
    let world = world(|_| {}).await;
    let command = "trap '' TERM INT HUP; setsid sleep 54321.2 & sleep 54321.2; sleep 54321.2";
    ask(
        &world,
        &[("exec", json!({ "command": command, "yieldMs": 120_000 }))],
    );
    until_runs("54321.2", true).await;
    world.telegram.dm(ADA, "/stop");
    until_runs("54321.2", false).await;
    world.telegram.dm(ADA, "and now?");
    world.sent("That is done.").await;
    world.end().await;
}

async fn until_runs(words: &str, there: bool) {
    let look = async {
        while runs(words) != there {
            tokio::task::yield_now().await;
        }
    };
    let looked = tokio::time::timeout(PATIENCE, look).await;
    assert!(looked.is_ok(), "{words} runs: {}", !there);
}

fn runs(words: &str) -> bool {
    let entries = fs::read_dir("/proc").expect("a proc").flatten();
    entries.into_iter().any(|entry| {
        let line = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let state = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        String::from_utf8_lossy(&line).contains(words) && !state.contains(") Z ")
    })
}
