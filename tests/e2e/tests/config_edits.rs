//! `openclaw config` at the real program, without a gateway: what scripts write, rehearse, and are refused.
use openclaw_e2e::running::Home;
use serde_json::{Value, json};
use std::{fs, io::Write, process::Stdio};

/// A file as a person writes it.
const WRITTEN: &str = "{
  // the operator's words
  gateway: { port: 19001, bind: 'loopback' },
  agents: { defaults: { models: { 'demo/echo': { alias: 'parrot' } } } },
}
";

fn home() -> Home {
    let home = Home::new(&["demo"]);
    home.write_config(WRITTEN);
    home
}

fn text(home: &Home) -> String {
    fs::read_to_string(home.config_file()).expect("it is there")
}

/// Exit code, and what is said on standard output.
async fn ends(home: &Home, args: &[&str]) -> (Option<i32>, String) {
    let output = home.run(args).await;
    (
        output.status.code(),
        String::from_utf8(output.stdout).expect("UTF-8"),
    )
}

async fn get(home: &Home, path: &str) -> Value {
    home.json(&["config", "get", path, "--json"]).await
}

#[tokio::test]
async fn a_rehearsal_tells_machines_and_leaves_the_file() {
    let home = home();
    let set = ["config", "set", "gateway.port", "1234", "--dry-run", "--json"];
    let told = home.json(&set).await;
    assert_eq!(
        (
            &told["ok"],
            &told["dryRun"],
            &told["operations"],
            &told["changed"]
        ),
        (&json!(true), &json!(true), &json!(1), &json!(true)),
        "{told:#}"
    );
    assert_eq!(told["needsRestart"], true, "{told:#}");
    let wrong = ["config", "set", "gateway.port", "\"x\"", "--dry-run", "--json"];
    let (code, said) = ends(&home, &wrong).await;
    let said: Value = serde_json::from_str(&said).expect("JSON and nothing else");
    assert_eq!(
        (code, &said["ok"], &said["errors"][0]["kind"]),
        (Some(78), &json!(false), &json!("schema")),
        "{said:#}"
    );
    let unset = ["config", "unset", "gateway.bind", "--dry-run", "--json"];
    assert_eq!(home.json(&unset).await["ok"], true);
    assert_eq!(text(&home), WRITTEN);
    let (code, _) = ends(&home, &["config", "unset", "gateway.nothing", "--dry-run"]).await;
    assert_eq!(code, Some(1));
}

#[tokio::test]
async fn a_batch_is_one_step_and_an_expectation_holds() {
    let home = home();
    let batch = home.state().join("batch.json");
    let entries = json!([
        { "path": "gateway.port", "value": 19002 },
        { "path": "gateway.auth.token", "ref": { "source": "env", "provider": "default", "id": "TOKEN" } },
    ]);
    fs::write(&batch, entries.to_string()).expect("written");
    let file = batch.to_str().expect("a name");
    assert_eq!(
        ends(&home, &["config", "set", "--batch-file", file]).await.0,
        Some(0)
    );
    assert_eq!(get(&home, "gateway[port]").await, 19002);
    assert_eq!(get(&home, "gateway['bind']").await, "loopback");
    let now = text(&home);
    assert!(
        now.contains("// the operator's words") && now.contains("\"TOKEN\""),
        "{now}"
    );
    for (args, code) in [
        (&["gateway.port", "1", "--expect-current-json", "2"][..], 1),
        (&["gateway.port", "1", "--expect-current-absent"], 1),
        (&["gateway.port", "19003", "--expect-current-json", "19002"], 0),
        (&["agents.defaults.models", "{}", "--strict-json"], 2),
        (
            &[
                "agents.defaults.models",
                "{ 'demo/other': {} }",
                "--json",
                "--merge",
            ],
            0,
        ),
        (&["gateway.bind", "{", "--strict-json"], 2),
    ] {
        let args: Vec<_> = ["config", "set"].iter().chain(args).copied().collect();
        assert_eq!(ends(&home, &args).await.0, Some(code), "{args:?}");
    }
    assert_eq!(get(&home, "gateway.port").await, 19003);
    let models = get(&home, "agents.defaults.models").await;
    assert_eq!(
        models,
        json!({ "demo/echo": { "alias": "parrot" }, "demo/other": {} })
    );
}

#[tokio::test]
async fn a_patch_comes_from_standard_input() {
    let home = home();
    let mut patching = home
        .command(&["config", "patch", "--stdin", "--json"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program runs");
    let mut stdin = patching.stdin.take().expect("piped");
    stdin
        .write_all(b"{ gateway: { bind: null, port: 19004 } }")
        .expect("it reads");
    drop(stdin);
    let output = tokio::task::spawn_blocking(move || patching.wait_with_output());
    let output = output.await.expect("it does not panic").expect("it ends");
    assert!(output.status.success());
    let told: Value = serde_json::from_slice(&output.stdout).expect("JSON and nothing else");
    assert_eq!(told["changed"], true, "{told:#}");
    assert_eq!(get(&home, "gateway").await, json!({ "port": 19004 }));
    assert!(text(&home).contains("// the operator's words"));
}

#[tokio::test]
async fn without_a_subcommand_and_a_terminal_there_is_help() {
    let output = home().run(&["config"]).await;
    let said = String::from_utf8(output.stderr).expect("UTF-8");
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("validate") && said.contains("patch"), "{said}");
}

#[tokio::test]
async fn keys_that_plugins_read_are_not_told_to_be_without_effect() {
    let home = Home::new(&["shell", "openai-http"]);
    home.configure(&json!({
        "gateway": { "mode": "local", "tools": { "allow": ["exec"] },
            "http": { "endpoints": { "chatCompletions": { "enabled": true } } } },
        "tools": { "exec": { "ask": "always" }, "elevated": { "enabled": true }, "fs": { "workspaceOnly": true } },
        "agents": { "defaults": { "elevatedDefault": "ask", "sandbox": { "mode": "off" } },
            "list": [{ "id": "main", "tools": { "exec": { "ask": "off" } }, "sandbox": { "mode": "off" } }] },
    }));
    let told = home.json(&["config", "validate", "--json"]).await;
    let of = |row: &Value| row["path"].as_str().unwrap_or_default().to_owned();
    let paths = |rows: &Value| rows.as_array().expect("rows").iter().map(of).collect::<Vec<_>>();
    // the one that nobody reads, and that the file can be read by others
    assert_eq!(paths(&told["warnings"]), ["tools.fs", "<root>"], "{told}");
    let gateway = home.start().await;
    let log = gateway.log();
    assert!(
        log.contains("tools.fs: is a key of OpenClaw") && !log.contains("tools.exec: is a key"),
        "{log}"
    );
    let (code, log) = gateway.stop().await;
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test]
async fn keys_of_a_plugins_section_that_it_does_not_read_switch_nothing_on() {
    let home = Home::new(&["demo", "hooks"]);
    // OpenClaw's own hooks, as its wizard writes them: they are no webhooks
    let mut config = json!({ "gateway": { "mode": "local" }, "hooks": { "internal": { "enabled": true } } });
    home.configure(&config);
    let gateway = home.start().await;
    let log = gateway.log();
    assert!(!log.contains("hooks 0"), "the plugin is loaded:\n{log}");
    gateway.stop().await;

    config["hooks"]["enabled"] = json!(true);
    config["hooks"]["token"] = json!("a-long-token-of-this-test");
    home.configure(&config);
    let gateway = home.start().await;
    assert!(gateway.log().contains("hooks 0"), "{}", gateway.log());
    gateway.stop().await;
}
