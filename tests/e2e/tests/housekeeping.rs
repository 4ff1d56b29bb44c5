//! Secrets out of the open, back to the beginning, and how to get a newer one: `openclaw secrets`, `reset` and `update`.
use openclaw_e2e::world::{Home, soon};
use serde_json::{Value, json};
use std::{
    fs,
    io::Write,
    os::unix::fs::PermissionsExt,
    process::{Output, Stdio},
};

const TOKEN: &str = "0123456789abcdef-that-is-not-printed";

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}", text(&output.stdout), text(&output.stderr))
}

async fn runs(home: &Home, args: &[&str]) -> String {
    let output = home.run(args).await;
    assert!(output.status.success(), "{args:?}: {}", said(&output));
    said(&output)
}

async fn refused(home: &Home, args: &[&str]) -> String {
    let output = home.run(args).await;
    assert!(!output.status.success(), "{args:?}: {}", said(&output));
    said(&output)
}

fn codes(audit: &Value) -> Vec<&str> {
    let findings = audit["findings"].as_array().expect("a list");
    findings
        .iter()
        .filter_map(|finding| finding["code"].as_str())
        .collect()
}

#[tokio::test]
async fn secrets_are_found_moved_and_fetched_anew() {
    let home = Home::new(&["demo"]);
    let text = format!(
        "{{\n  // kept\n  gateway: {{ auth: {{ token: '{TOKEN}' }} }},\n  env: {{ vars: {{ A_TOKEN: 't' }} }},\n}}\n"
    );
    home.write_config(&text);
    fs::set_permissions(home.config_file(), fs::Permissions::from_mode(0o644)).expect("a mode");
    let audit = home.json(&["secrets", "audit", "--json"]).await;
    assert_eq!(codes(&audit), ["PLAINTEXT", "PLAINTEXT", "READABLE"], "{audit}");
    assert!(!audit.to_string().contains(TOKEN));
    let output = home.run(&["secrets", "audit", "--check"]).await;
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));

    assert!(
        refused(&home, &["secrets", "configure", "--path", "gateway.port"])
            .await
            .contains("secrets audit")
    );
    assert!(refused(&home, &["secrets", "configure"]).await.contains("--all"));
    let moved = home
        .json(&["secrets", "configure", "--all", "--json", "--remove-copies"])
        .await;
    assert_eq!(
        moved["moved"],
        json!(["gateway.auth.token"]),
        "what stands in env can't be a reference: {moved}"
    );
    let after = fs::read_to_string(home.config_file()).expect("read");
    assert!(after.contains("// kept") && !after.contains(TOKEN), "{after}");
    let mut files = fs::read_dir(home.state())
        .expect("a folder")
        .flatten()
        .map(|entry| entry.path());
    assert!(
        !files.any(|path| path.to_string_lossy().contains(".bak")),
        "the copies are gone"
    );
    let audit = home.json(&["secrets", "audit", "--json"]).await;
    assert_eq!(codes(&audit), ["PLAINTEXT"], "{audit}");
    assert_eq!(audit["findings"][0]["path"], "env.vars.A_TOKEN");

    // the gateway takes what is in the file, and what comes into it
    let gateway = home.start().await;
    runs(&home, &["health", "--port", &gateway.port]).await;
    let mut set = home.command(&["secrets", "set", "models.providers.mine.apiKey", "--json"]);
    let mut child = set
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("it runs");
    child
        .stdin
        .take()
        .expect("piped")
        .write_all(b"sk-of-mine\n")
        .expect("taken");
    let output = soon(
        "its end",
        tokio::task::spawn_blocking(move || child.wait_with_output()),
    )
    .await;
    let output = output.expect("no panic").expect("it ends");
    assert!(
        output.status.success() && !said(&output).contains("sk-of-mine"),
        "{}",
        said(&output)
    );
    let reloaded = home
        .json(&["secrets", "reload", "--json", "--port", &gateway.port])
        .await;
    assert_eq!(reloaded["ok"], true, "{reloaded}");
    gateway.stop().await;

    // a reference that leads nowhere is told as such
    let set = home
        .json(&[
            "secrets",
            "set",
            "gateway.auth.password",
            "--env",
            "NOBODY_SET_THIS",
            "--json",
        ])
        .await;
    assert_eq!(set["isSetHere"], false);
    let output = home.run(&["secrets", "audit", "--check", "--json"]).await;
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    let audit: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert!(codes(&audit).contains(&"UNRESOLVED"), "{audit}");
    assert!(
        refused(&home, &["secrets", "reload"]).await.contains("error"),
        "no gateway runs"
    );
}

#[tokio::test]
async fn a_reset_tells_what_goes_and_waits_for_the_gateway_to_be_gone() {
    let home = Home::new(&["demo"]);
    let outside = tempfile::tempdir().expect("a folder");
    let workspace = outside.path().join("work");
    home.configure(&json!({
        "gateway": { "mode": "local" },
        "agents": { "defaults": { "workspace": workspace, "model": "demo/echo" } },
    }));
    let gateway = home.start().await;
    let answer = runs(
        &home,
        &["agent", "--port", &gateway.port, "--message", "remember me"],
    )
    .await;
    assert!(answer.contains("remember me"));
    let error = refused(&home, &["reset", "--scope", "full", "--yes"]).await;
    assert!(
        error.contains("nothing was removed") && error.contains("PID"),
        "{error}"
    );
    let told = home
        .json(&["reset", "--scope", "full", "--dry-run", "--json"])
        .await;
    assert_eq!(
        told["removed"], false,
        "who only looks needs no gateway to be gone"
    );
    gateway.stop().await;
    fs::create_dir_all(&workspace).expect("made");
    fs::write(workspace.join("notes.md"), "").expect("written");
    fs::write(outside.path().join("precious"), "").expect("written");

    assert!(refused(&home, &["reset"]).await.contains("--scope"));
    assert!(
        refused(&home, &["reset", "--scope", "config"])
            .await
            .contains("--yes")
    );
    let told = home
        .json(&["reset", "--scope", "config+creds+sessions", "--dry-run", "--json"])
        .await;
    assert_eq!(told["removed"], false);
    let list = told["remove"].to_string();
    for name in ["openclaw.json", "state.db", "gateway.token"] {
        assert!(list.contains(name), "{list}");
        assert!(home.state().join(name).exists(), "{name}: it only tells");
    }
    let config = home
        .json(&["reset", "--scope", "config", "--yes", "--json"])
        .await;
    assert_eq!(config["removed"], true);
    assert!(!home.config_file().exists() && home.state().join("state.db").exists());

    // without a configuration no workspace is known, so none goes
    let all = home
        .json(&["reset", "--scope", "full", "--dry-run", "--json"])
        .await;
    assert!(!all["remove"].to_string().contains("work"), "{all}");
    home.configure(&json!({ "agents": { "defaults": { "workspace": workspace } } }));
    let output = home
        .command(&["reset", "--scope", "full", "--yes"])
        .env("HOME", outside.path())
        .output();
    let output = output.expect("it runs");
    assert!(output.status.success(), "{}", said(&output));
    assert!(
        said(&output).contains(&workspace.display().to_string()),
        "{}",
        said(&output)
    );
    assert!(!workspace.exists() && outside.path().join("precious").exists());
    assert!(!home.state().exists() || fs::read_dir(home.state()).expect("a folder").count() == 0);
}

#[tokio::test]
async fn an_update_is_told_and_not_made() {
    let home = Home::new(&[]);
    let told = home.json(&["update", "--json"]).await;
    assert_eq!(
        (&told["ok"], &told["asksInternet"]),
        (&json!(true), &json!(false)),
        "{told}"
    );
    let kind = told["installation"]["kind"].as_str().expect("a word");
    assert!(["checkout", "container"].contains(&kind), "{told}");
    assert!(told["steps"].as_array().is_some_and(|steps| !steps.is_empty()));
    assert_eq!(
        fs::read_dir(home.state()).expect("a folder").count(),
        0,
        "it leaves nothing behind"
    );
}
