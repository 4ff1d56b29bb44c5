//! The commands that speak to a running gateway: what they print, where it comes from, and how they end.
use openclaw_e2e::{fixture, plugin, program, spec, start};
use openclaw_host::{
    clock::Clock,
    config::{Env, Reader},
    gateway::{Events, Fleet, Handler, Scope, client},
    methods::{Backstage, Methods},
};
use openclaw_plugin_api::{ChannelStatus, Secret};
use serde_json::{Value, json};
use std::{
    fs,
    io::{BufRead, BufReader, Write},
    process::{Child, Command, Output, Stdio},
    sync::Arc,
    time::Duration,
};

/// How long the gateway may take to answer.
const LIMIT: Duration = Duration::from_secs(30);

/// What is sent on the channel comes back as a message of somebody who may not write.
const CONFIG: &str = "{
  // the operator's words
  channels: { loopback: { dmPolicy: 'disabled' } },
  agents: { defaults: { models: { 'demo/echo': { alias: 'parrot' } } } },
}
";

/// A home with a channel and a model, and a gateway that runs in it. Dropping it ends the gateway.
struct Home {
    state: tempfile::TempDir,
    plugins: tempfile::TempDir,
    gateway: Option<Child>,
    port: String,
}

impl Home {
    fn new() -> Self {
        let home = Self {
            state: tempfile::tempdir().expect("a folder"),
            plugins: tempfile::tempdir().expect("a folder"),
            gateway: None,
            port: "1".into(),
        };
        fs::copy(plugin("demo"), home.plugins.path().join("demo.so")).expect("copied");
        fs::copy(fixture("loopback"), home.plugins.path().join("loopback.so")).expect("copied");
        fs::write(home.config(), CONFIG).expect("written");
        home
    }

    fn running() -> Self {
        let mut home = Self::new();
        let mut child = home
            .command(&["gateway", "--port", "0"])
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program runs");
        let mut lines = BufReader::new(child.stderr.take().expect("piped")).lines();
        let address = |line: String| {
            let rest = line.split("ws://127.0.0.1:").nth(1)?.to_owned();
            rest.split(' ').next().map(str::to_owned)
        };
        let port = lines.by_ref().map_while(Result::ok).find_map(address);
        home.gateway = Some(child);
        home.port = port.expect("it says where it listens");
        // somebody has to read what it says, or it would wait for a reader one day
        std::thread::spawn(move || lines.for_each(drop));
        home
    }

    fn config(&self) -> std::path::PathBuf {
        self.state.path().join("openclaw.json")
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(args)
            .env("OPENCLAW_STATE_DIR", self.state.path())
            .env("OPENCLAW_BUNDLED_PLUGINS_DIR", self.plugins.path())
            .env("OPENCLAW_GATEWAY_PORT", &self.port)
            .env_remove("OPENCLAW_GATEWAY_TOKEN")
            .stdin(Stdio::null());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().expect("the program runs")
    }

    /// What a command that works prints.
    fn text(&self, args: &[&str]) -> String {
        let output = self.run(args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {errors}");
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn json(&self, args: &[&str]) -> Value {
        serde_json::from_str(&self.text(args)).expect("JSON on standard output and nothing else")
    }

    /// How a command fails: its exit code and its words.
    fn failure(&self, args: &[&str]) -> (i32, String) {
        let output = self.run(args);
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        (output.status.code().expect("it ended by itself"), words)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(gateway) = &mut self.gateway {
            let _ = gateway.kill();
            let _ = gateway.wait();
        }
    }
}

#[test]
fn a_message_is_sent_and_status_tells_of_it() {
    let home = Home::running();
    let sent = home.json(&[
        "message",
        "send",
        "--channel",
        "loopback",
        "--target",
        "room-1",
        "--message",
        "hello",
        "--json",
    ]);
    assert_eq!(
        (&sent["status"], &sent["messageId"], &sent["to"]),
        (&json!("sent"), &json!("0"), &json!("room-1")),
        "{sent:#}"
    );
    let text = home.text(&["message", "send", "--to", "loopback:room-2", "-m", "again"]);
    assert_eq!(text.trim(), "Sent to room-2 on loopback as message 1.");
    let status = home.json(&["status", "--json"]);
    assert_eq!(
        status["outbox"],
        json!({ "pending": 0, "failed": 0, "unknown": 0 })
    );
    let account = &status["channelAccounts"]["loopback"][0];
    assert_eq!(
        (&account["connected"], &account["identity"]),
        (&json!(true), &json!("loopback"))
    );
    assert!(
        account["lastInboundAt"].as_i64() > Some(0),
        "what was sent came back: {account:#}"
    );
    assert_eq!(
        (&status["ok"], &status["journal"]["ok"]),
        (&json!(true), &json!(true))
    );
    for args in [
        &["status"][..],
        &["health"],
        &["health", "--probe"],
        &["channels", "status"],
    ] {
        let text = home.text(args);
        assert!(
            text.contains("loopback") && text.contains("connected"),
            "{args:?}: {text}"
        );
    }
    let (code, words) = home.failure(&["message", "send", "--channel", "pigeon", "--to", "x", "-m", "x"]);
    assert!(
        code == 1 && words.contains("unknown channel \"pigeon\""),
        "{words}"
    );
}

#[test]
fn an_answer_is_delivered_where_it_is_wished() {
    let home = Home::running();
    let ask = [
        "agent",
        "--json",
        "-m",
        "hi",
        "--deliver",
        "--to",
        "room-3",
        "--thinking",
        "high",
    ];
    let answer = home.json(&ask);
    assert_eq!(answer["result"]["payloads"][0]["text"], "You said: hi");
    assert_eq!(answer["result"]["delivery"]["status"], "sent", "{answer:#}");
    let (code, words) = home.failure(&["agent", "-m", "hi", "--deliver"]);
    assert!(code == 1 && words.contains("name the chat"), "{words}");
    let (code, words) = home.failure(&["agent", "-m", "hi", "--thinking", "hardly"]);
    assert!(code == 1 && words.contains("thinking level"), "{words}");
    let (code, words) = home.failure(&["agent", "-m", "hi", "--agent", "nobody"]);
    assert!(code == 1 && words.contains("unknown agent id"), "{words}");
    assert_eq!(
        home.text(&["agent", "-m", "hi", "--to", "room-3"]).trim(),
        "You said: hi"
    );
    let (code, _) = home.failure(&["agent", "-m", "hi", "--reply-to", "room-3"]);
    assert_eq!(code, 2, "--reply-to without --deliver has no meaning");
    home.text(&["agent", "-m", "hi", "--verbose", "on"]);
    let sessions = home.json(&["sessions", "--json"]);
    assert!(
        sessions.to_string().contains("\"verboseLevel\":\"on\""),
        "{sessions:#}"
    );
}

#[test]
fn conversations_are_shown_begun_anew_and_forgotten() {
    let home = Home::running();
    home.text(&["agent", "-m", "one"]);
    home.text(&["agent", "-m", "two", "--session-id", "Side"]);
    let listed = home.json(&["sessions", "--json", "--active", "5"]);
    let keys: Vec<_> = listed["sessions"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|row| &row["key"])
        .collect();
    assert_eq!(
        keys,
        ["agent:main:explicit:side", "agent:main:main"],
        "the last used first"
    );
    assert!(
        listed["sessions"][1]["totalTokens"].as_u64() > Some(0),
        "{listed:#}"
    );
    assert!(home.text(&["sessions"]).contains("agent:main:main"));
    let archive = |more: &[&str]| {
        let words = [
            "sessions",
            "archive",
            "explicit:side",
            "--agent",
            "main",
            "--json",
        ];
        let told = home.json(&[&words[..], more].concat());
        told["results"][0]["status"].as_str().map(str::to_owned)
    };
    for (more, status) in [
        (&["--dry-run"][..], "would_archive"),
        (&[], "archived"),
        (&[], "already_archived"),
    ] {
        assert_eq!(archive(more).as_deref(), Some(status));
    }
    let compacted = home.json(&["sessions", "compact", "agent:main:main", "--json"]);
    assert_eq!(
        (&compacted["ok"], &compacted["key"]),
        (&json!(true), &json!("agent:main:main"))
    );
    home.text(&["sessions", "delete", "agent:main:explicit:side"]);
    let (code, words) = home.failure(&["sessions", "delete", "agent:main:explicit:side"]);
    assert!(code == 1 && words.contains("No session found"), "{words}");
    let (code, words) = home.failure(&["sessions", "delete", "agent:main:main"]);
    assert!(code == 1 && words.contains("reset it"), "{words}");
    home.text(&["sessions", "reset", "agent:main:main"]);
    let after = home.json(&["sessions", "list", "--json"]);
    assert_eq!(
        (&after["count"], &after["sessions"][0]["totalTokens"]),
        (&json!(1), &json!(0))
    );
    assert_ne!(
        after["sessions"][0]["sessionId"],
        listed["sessions"][1]["sessionId"]
    );
}

#[test]
fn models_are_listed_judged_and_chosen() {
    let home = Home::running();
    let listed = home.json(&["models", "list", "--json"]);
    let echo = &listed["models"][0];
    assert_eq!(
        (&echo["provider"], &echo["id"], &echo["alias"], &echo["available"]),
        (&json!("demo"), &json!("echo"), &json!("parrot"), &json!(true)),
        "{listed:#}"
    );
    assert!(home.text(&["models", "list", "--all"]).contains("demo/echo"));
    assert_eq!(
        home.json(&["models", "list", "--provider", "nobody", "--json"])["count"],
        0
    );
    assert_eq!(
        home.text(&["models", "status", "--plain", "--check"]).trim(),
        "demo/echo"
    );
    assert!(home.text(&["models", "status"]).contains("parrot"));
    let offline = Home::new();
    let (code, words) = offline.failure(&["models", "set", "nonsense"]);
    assert!(code == 2 && words.contains("provider/model"), "{words}");
    offline.text(&["models", "set", "vendor/best"]);
    let text = fs::read_to_string(offline.config()).expect("read");
    assert!(
        text.contains("// the operator's words") && text.contains("vendor/best"),
        "{text}"
    );
    let again = offline.json(&["models", "set", "vendor/best", "--json"]);
    assert_eq!(again["changed"], false, "{again:#}");
    let set = offline.json(&["config", "get", "agents.defaults.model", "--json"]);
    assert_eq!(set["primary"], "vendor/best");
}

#[test]
fn channels_are_added_and_removed_in_the_file() {
    let home = Home::new();
    let listed = home.json(&["channels", "list", "--json"]);
    assert_eq!(
        (
            &listed["channels"][0]["channel"],
            &listed["channels"][0]["accounts"]
        ),
        (&json!("loopback"), &json!(["default"])),
        "{listed:#}"
    );
    let mut adding = home
        .command(&["channels", "add", "loopback", "--account", "work", "--token", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .expect("the program runs");
    let mut stdin = adding.stdin.take().expect("piped");
    stdin.write_all(b"s3cret\n").expect("it reads");
    drop(stdin);
    assert!(adding.wait().expect("it ends").success());
    let text = fs::read_to_string(home.config()).expect("read");
    assert!(
        text.contains("\"s3cret\"") && text.contains("// the operator's words"),
        "{text}"
    );
    let off = home.json(&[
        "channels",
        "remove",
        "--channel",
        "loopback",
        "--account",
        "work",
        "--json",
    ]);
    assert_eq!(off["changed"], true, "{off:#}");
    let enabled = "channels.loopback.accounts.work.enabled";
    assert_eq!(home.json(&["config", "get", enabled, "--json"]), false);
    let text = fs::read_to_string(home.config()).expect("read");
    assert!(text.contains("s3cret"), "{text}");
    let delete = [
        "channels",
        "remove",
        "loopback",
        "--account",
        "work",
        "--delete",
        "--json",
    ];
    let removed = home.json(&delete);
    assert_eq!(
        (&removed["path"], &removed["changed"], &removed["needsRestart"]),
        (
            &json!("channels.loopback.accounts.work"),
            &json!(true),
            &json!(false)
        ),
        "{removed:#}"
    );
    let text = fs::read_to_string(home.config()).expect("read");
    assert!(!text.contains("s3cret") && text.contains("dmPolicy"), "{text}");
    let (code, words) = home.failure(&["channels", "add", "pigeon"]);
    assert!(code == 2 && words.contains("no plugin offers"), "{words}");
    let (code, _) = home.failure(&["channels", "remove", "pigeon"]);
    assert_eq!(code, 1);
    assert!(home.json(&["channels", "remove", "loopback", "--delete", "--json"])["changed"] == true);
    assert_eq!(home.json(&["channels", "list", "--json"])["channels"], json!([]));
    let all = home.json(&["channels", "list", "--all", "--json"]);
    assert_eq!(all["channels"][0]["channel"], "loopback", "{all:#}");
}

#[test]
fn what_was_spent_and_worked_on_is_told() {
    let home = Home::running();
    home.text(&["agent", "-m", "hi"]);
    let spent = home.json(&["gateway", "usage-cost", "--days", "2", "--json"]);
    assert_eq!(spent["days"], 2, "{spent:#}");
    assert!(home.text(&["gateway", "usage-cost"]).contains("COST"));
    let known = home.json(&["gateway", "stability", "--limit", "1", "--json"]);
    assert!(known["events"].is_array(), "{known:#}");
    let tasks = home.json(&["tasks", "list", "--status", "running", "--json"]);
    assert!(tasks["tasks"].is_array(), "{tasks:#}");
    let status = home.json(&["status", "--usage", "--json"]);
    assert_eq!(status["usage"]["cost"]["days"], 30, "{status:#}");
    let text = home.text(&["channels", "logs"]);
    assert!(!text.contains("[gateway]"), "{text}");
    let (code, words) = home.failure(&["gateway", "auth-token", "--show"]);
    assert!(code == 2 && words.contains("terminal"), "{words}");
}

#[test]
fn the_last_log_lines_are_shown() {
    let home = Home::running();
    let text = home.text(&["logs"]);
    assert!(text.contains("[gateway] ready in"), "{text}");
    let lines = home.text(&["logs", "--json", "--limit", "3"]);
    let parsed: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert!(
        parsed.len() == 3 && parsed.iter().all(|line| line["level"] == "info"),
        "{lines}"
    );
}

#[test]
fn without_a_gateway_every_command_says_what_to_do() {
    let home = Home::new();
    for args in [
        &["status"][..],
        &["health"],
        &["logs"],
        &["sessions", "--url", "ws://127.0.0.1:1"],
        &["models", "list", "--url", "ws://127.0.0.1:1"],
        &["models", "status", "--url", "ws://127.0.0.1:1"],
        &["channels", "status"],
        &["message", "send", "--to", "x", "-m", "x"],
        &["agent", "-m", "x"],
    ] {
        let (code, words) = home.failure(args);
        assert!(
            code == 1 && words.contains("openclaw gateway"),
            "{args:?}: {code} {words}"
        );
        let names: Vec<_> = args
            .iter()
            .copied()
            .take_while(|word| !word.starts_with('-'))
            .collect();
        let help = home.text(&[&names[..], &["--help"]].concat());
        assert!(help.contains("Usage:"), "{args:?}: {help}");
    }
    fs::write(home.config(), "{ gateway: ").expect("written");
    assert_eq!(home.failure(&["status"]).0, 78);
}

/// What scripts read of a conversation, and of a list of them.
const OF_ROW: &[&str] = &[
    "key",
    "sessionId",
    "agentId",
    "kind",
    "model",
    "modelProvider",
    "updatedAt",
    "inputTokens",
    "outputTokens",
    "totalTokens",
];
const OF_LIST: &[&str] = &[
    "path",
    "count",
    "totalCount",
    "limitApplied",
    "hasMore",
    "activeMinutes",
];

#[test]
fn what_files_say_is_shown_without_a_gateway() {
    let mut home = Home::running();
    home.text(&["agent", "-m", "one"]);
    let compared = |home: &Home| {
        let sessions = home.json(&["sessions", "--json"]);
        let mut facts = Vec::new();
        for key in OF_ROW {
            facts.push(sessions["sessions"][0][*key].clone());
        }
        for key in OF_LIST {
            facts.push(sessions[*key].clone());
        }
        let mut status = home.json(&["models", "status", "--json"]);
        status["ts"] = Value::Null;
        facts.push(status);
        // what a plugin tells of its models is not in files
        let models = home.json(&["models", "list", "--json"]);
        for key in ["key", "alias", "tags", "auth", "available", "local"] {
            facts.push(models["models"][0][key].clone());
        }
        facts
    };
    let live = compared(&home);
    assert!(live[0] == "agent:main:main", "{live:#?}");
    assert!(
        live.iter().take(OF_ROW.len()).all(|fact| !fact.is_null()),
        "{live:#?}"
    );
    let mut gateway = home.gateway.take().expect("it runs");
    gateway.kill().expect("killed");
    gateway.wait().expect("ended");
    let before = fs::read(home.state.path().join("state.db")).expect("read");
    for (live, offline) in live.iter().zip(compared(&home)) {
        assert_eq!(*live, offline, "the same as the gateway says");
    }
    assert!(home.text(&["sessions", "--verbose"]).contains("state.db"));
    let after = fs::read(home.state.path().join("state.db")).expect("read");
    assert!(before == after, "nothing is written");
    let all = home.json(&["sessions", "--all-agents", "--limit", "all", "--json"]);
    assert_eq!(
        (
            &all["allAgents"],
            &all["limitApplied"],
            &all["stores"][0]["agentId"]
        ),
        (&json!(true), &Value::Null, &json!("main"))
    );
    let store = home.state.path().to_str().expect("a name").to_owned();
    let elsewhere = Home::new();
    assert_eq!(elsewhere.json(&["sessions", "--json"])["count"], 0);
    assert_eq!(
        elsewhere.json(&["sessions", "--store", &store, "--json"])["count"],
        1
    );
    let (code, _) = elsewhere.failure(&["sessions", "--store", "/nowhere"]);
    assert_eq!(code, 1);
    for args in [
        &["models", "--status-plain"][..],
        &["models", "status", "--plain", "--check"],
    ] {
        assert_eq!(home.text(args).trim(), "demo/echo", "{args:?}");
    }
    assert_eq!(home.json(&["models", "--json"])["defaultModel"], "demo/echo");
    let probed = home.json(&["models", "status", "--probe", "--check", "--json"]);
    let result = &probed["auth"]["probes"]["results"][0];
    assert_eq!(
        (&result["model"], &result["status"]),
        (&json!("demo/echo"), &json!("ok")),
        "{probed:#}"
    );
    assert_eq!(home.text(&["models", "list", "--plain"]).trim(), "demo/echo");
    assert_eq!(home.text(&["models", "list", "--plain", "--local"]).trim(), "");
    let pairing = home.json(&["pairing", "list", "loopback", "--json"]);
    assert_eq!(pairing, json!({ "channel": "loopback", "requests": [] }));
}

#[test]
fn fallbacks_and_aliases_are_changed_in_the_file() {
    let home = Home::new();
    home.text(&["models", "set", "vendor/best"]);
    let (code, _) = home.failure(&["models", "status", "--check"]);
    assert_eq!(code, 1, "nobody serves it");
    home.text(&["models", "fallbacks", "add", "parrot"]);
    home.text(&["models", "fallbacks", "add", "vendor/small"]);
    let again = home.json(&["models", "fallbacks", "add", "demo/echo", "--json"]);
    assert_eq!(again["changed"], false, "{again:#}");
    let list = |home: &Home| home.json(&["models", "fallbacks", "list", "--json"])["fallbacks"].clone();
    assert_eq!(list(&home), json!(["demo/echo", "vendor/small"]));
    home.text(&["models", "fallbacks", "remove", "parrot"]);
    assert_eq!(
        home.text(&["models", "fallbacks", "list", "--plain"]),
        "vendor/small\n"
    );
    let (code, words) = home.failure(&["models", "fallbacks", "remove", "parrot"]);
    assert!(code == 1 && words.contains("fallbacks list"), "{words}");
    home.text(&["models", "fallbacks", "clear"]);
    assert_eq!(list(&home), json!([]));
    home.text(&["models", "aliases", "add", "fast", "vendor/small"]);
    let (code, words) = home.failure(&["models", "aliases", "add", "Parrot", "vendor/small"]);
    assert!(code == 1 && words.contains("demo/echo"), "{words}");
    let aliases = home.json(&["models", "aliases", "list", "--json"]);
    let expected = json!({ "aliases": { "parrot": "demo/echo", "fast": "vendor/small" } });
    assert_eq!(aliases, expected);
    home.text(&["models", "aliases", "remove", "parrot"]);
    assert_eq!(
        home.text(&["models", "aliases", "list", "--plain"]),
        "fast vendor/small\n"
    );
    let text = fs::read_to_string(home.config()).expect("read");
    assert!(text.contains("// the operator's words"), "{text}");
}

#[tokio::test]
async fn what_a_client_sets_in_a_conversation_counts() {
    let home = Home::running();
    home.text(&["agent", "-m", "one"]);
    let client = connect(&home).await;
    let call = async |method: &str, params: Value| client.call(method, params, LIMIT).await;
    let set =
        json!({ "key": "agent:main:main", "model": "parrot", "thinkingLevel": "high", "verboseLevel": "on" });
    let patched = call("sessions.patch", set).await.expect("changed");
    let resolved = &patched["resolved"];
    assert_eq!(
        (
            &resolved["modelProvider"],
            &resolved["model"],
            &resolved["thinkingLevel"]
        ),
        (&json!("demo"), &json!("echo"), &json!("high")),
        "{resolved:#}"
    );
    for wrong in [
        json!({ "model": "nobody/x" }),
        json!({ "thinkingLevel": "hardly" }),
        json!({ "colour": "red" }),
    ] {
        let mut params = wrong.clone();
        params["key"] = json!("agent:main:main");
        assert!(call("sessions.patch", params).await.is_err(), "{wrong}");
    }
    let row = call("sessions.describe", json!({ "key": "agent:main:main" }))
        .await
        .expect("found");
    assert_eq!(
        (&row["session"]["thinkingLevel"], &row["session"]["modelOverride"]),
        (&json!("high"), &json!("demo/echo"))
    );
    let keys = json!({ "keys": ["agent:main:main", "nothing"], "maxChars": 20 });
    let previews = call("sessions.preview", keys).await.expect("read");
    assert_eq!(
        previews["previews"],
        json!([
            { "key": "agent:main:main", "status": "ok", "items": [
                { "role": "user", "text": "one" }, { "role": "assistant", "text": "You said: one" } ] },
            { "key": "nothing", "status": "missing", "items": [] },
        ])
    );
    let history = call("sessions.get", json!({ "key": "agent:main:main" }))
        .await
        .expect("read");
    assert_eq!(history["messages"][1]["__openclaw"]["seq"], 2, "{history:#}");
    let waited = call("agent.wait", json!({ "runId": "nobody's", "timeoutMs": 1 }))
        .await
        .expect("answered");
    assert_eq!(waited["status"], "timeout");
    let attached = json!({ "message": "x", "attachments": [{}], "idempotencyKey": "k" });
    let refused = call("agent", attached).await.expect_err("it can't take them");
    assert!(refused.to_string().contains("attachments"), "{refused}");
}

#[tokio::test]
async fn an_account_is_stopped_and_started() {
    let home = Home::running();
    let client = connect(&home).await;
    let call = async |method: &str, params: Value| client.call(method, params, LIMIT).await;
    let state = async || {
        let status = call("channels.status", json!({})).await.expect("answered");
        status["channelAccounts"]["loopback"][0]["state"].clone()
    };
    assert_eq!(state().await, "connected");
    call("channels.stop", json!({ "channel": "loopback" }))
        .await
        .expect("stopped");
    assert_eq!(state().await, "stopped");
    call("channels.start", json!({ "channel": "loopback" }))
        .await
        .expect("started");
    assert_eq!(state().await, "connected");
    assert!(
        call("channels.stop", json!({ "channel": "pigeon" }))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_required_channel_that_is_not_connected_is_not_ready() {
    let mut required = spec(&fixture("loopback"));
    required.settings.required = true;
    let test = start(vec![required]).await;
    let gateway = Arc::new(test.gateway);
    let fleet = Fleet::new(gateway.journal(), &Events::default(), &Clock::system());
    let backstage = Backstage {
        reread: Arc::new(|_| Err("not here".into())),
        env: Env::default(),
        reader: Reader::new().0,
    };
    let methods = Methods::new(gateway.clone(), fleet, backstage);
    assert!(methods.readiness().failing.is_empty());
    let broken = ChannelStatus {
        account_id: "default".into(),
        problem: "the token was refused".into(),
        ..ChannelStatus::default()
    };
    gateway.accounts().told("loopback", broken, 1);
    let readiness = methods.readiness();
    assert_eq!(readiness.failing, ["loopback/default"]);
    assert_eq!(readiness.details["loopback/default"], "the token was refused");
    let health = methods.health(&Value::Null).await;
    assert_eq!(health["ok"], false);
    gateway.stop().await;
}

async fn connect(home: &Home) -> client::Client {
    let token = fs::read_to_string(home.state.path().join("gateway.token")).expect("the gateway made one");
    let info = client::ClientInfo::cli([Scope::Admin]);
    let url = format!("ws://127.0.0.1:{}", home.port);
    let connected = client::Client::connect(&url, Some(&Secret::new(token.trim())), &info, LIMIT).await;
    connected.expect("the gateway lets its own user in")
}
