//! What an operator does when something is wrong, or before it is: doctor, security audit, backup and back, status.
use openclaw_e2e::world::{ADA, Home, KEY, Running, World, soon};
use openclaw_fakes::telegram::Telegram;
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Output,
};

/// Not a word that stands in any text of ours.
const TOKEN: &str = "9f8e7d6c5b4a39281706f5e4d3c2b1a0";

fn code(output: &Output) -> i32 {
    output.status.code().expect("it ended by itself")
}

fn out(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn parsed(output: &Output) -> Value {
    let said = String::from_utf8_lossy(&output.stderr);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}{said}", out(output)))
}

/// The ids of what was found, as `severity id`.
fn ids(report: &Value) -> Vec<String> {
    let found = report["findings"].as_array().expect("findings");
    let row = |f: &Value| {
        format!(
            "{} {}",
            f["severity"].as_str().expect("a word"),
            f["checkId"].as_str().expect("a word")
        )
    };
    found.iter().map(row).collect()
}

fn has(report: &Value, wanted: &str) -> bool {
    ids(report).iter().any(|id| id == wanted)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").permissions().mode() & 0o777
}

fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("a mode");
}

#[tokio::test]
async fn doctor_mends_a_file_of_february_and_the_gateway_starts_with_it() {
    let home = Home::new(&["demo", "loopback"]);
    let old = r#"{
  // written in February, by hand
  gateway: { mode: "local", reload: { mode: "hot" } },
  agents: { list: [{ id: "main", default: true, name: "Ann" }, { id: "work" }] },
  session: { idleMinutes: 45 },
  channels: { loopback: { dm: { policy: "allowlist", allowFrom: ["7"] }, streamMode: "off", groupPolicy: "allowlist" } },
}"#;
    home.write_config(old);
    chmod(&home.config_file(), 0o644);
    chmod(home.state(), 0o755);
    let found = home.run(&["doctor", "--json"]).await;
    let before = parsed(&found);
    let old_forms = ids(&before)
        .iter()
        .filter(|id| *id == "warn config.old_form")
        .count();
    assert!(old_forms >= 5, "{before:#}");
    assert!(
        has(&before, "critical fs.config.perms_world_readable"),
        "{before:#}"
    );
    assert_eq!((code(&found), &before["ok"]), (1, &json!(false)));

    let mended = home.run(&["doctor", "--fix", "--json"]).await;
    let after = parsed(&mended);
    assert_eq!(code(&mended), 0, "{after:#}");
    assert_eq!(after["fix"]["ok"], json!(true), "{after:#}");
    assert!(!has(&after, "warn config.old_form"), "{after:#}");
    assert_eq!((mode(&home.config_file()), mode(home.state())), (0o600, 0o700));
    let text = fs::read_to_string(home.config_file()).expect("read");
    assert!(
        text.contains("// written in February, by hand")
            && text.contains("entries")
            && !text.contains("list:"),
        "{text}"
    );
    let kept = fs::read_to_string(home.state().join("openclaw.json.bak")).expect("kept");
    assert_eq!(kept, old);

    // nothing is left to do, and the gateway takes it
    let again = parsed(&home.run(&["doctor", "--fix", "--json"]).await);
    assert_eq!(again["fix"]["actions"], json!([]), "{again:#}");
    let running = home.start().await;
    let status = home.json(&["status", "--json", "--port", &running.port]).await;
    assert_eq!(status["gateway"]["reachable"], json!(true));
    let agents: Vec<_> = status["agents"]["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .map(|row| row["id"].clone())
        .collect();
    assert_eq!(agents, ["main", "work"]);
    let (code, log) = running.stop().await;
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test]
async fn doctor_names_the_nearest_key_and_changes_nothing_that_needs_a_person() {
    let home = Home::new(&["demo"]);
    home.write_config("{ gateway: { prot: 5, mode: 'local' } }");
    let output = home.run(&["doctor", "--fix", "--yes", "--json"]).await;
    let report = parsed(&output);
    assert_eq!(code(&output), 1);
    let finding = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .find(|f| f["checkId"] == "config.unknown_key");
    let finding = finding.expect("it is found");
    assert!(
        finding["detail"]
            .as_str()
            .expect("text")
            .contains("did you mean `port`"),
        "{finding:#}"
    );
    assert!(
        fs::read_to_string(home.config_file())
            .expect("read")
            .contains("prot: 5")
    );
    // one that can't be read at all
    home.write_config("{ gateway: ");
    let report = parsed(&home.run(&["doctor", "--json"]).await);
    assert!(has(&report, "critical config.unreadable"), "{report:#}");
    let text = out(&home.run(&["doctor"]).await);
    assert!(text.contains("config.unreadable") && text.contains("→"), "{text}");
}

#[tokio::test]
async fn doctor_tells_a_lock_that_was_left_from_a_gateway_that_runs() {
    let home = Home::new(&["demo"]);
    home.configure(&json!({"gateway": {"mode": "local"}}));
    chmod(&home.config_file(), 0o600);
    let report = parsed(&home.run(&["doctor", "--json"]).await);
    assert!(has(&report, "info lock.free"), "{report:#}");

    let mut running = home.start().await;
    let report = parsed(
        &home
            .run(&["doctor", "--json", "--deep", "--port", &running.port])
            .await,
    );
    let held = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .find(|f| f["checkId"] == "lock.held");
    let held = held.expect("it is held")["detail"]
        .as_str()
        .expect("text")
        .to_owned();
    assert!(held.contains(&format!("PID {}", running.pid())), "{held}");
    assert!(
        !ids(&report)
            .iter()
            .any(|id| id.contains(" gateway.") && id.starts_with("critical")),
        "{report:#}"
    );
    assert_eq!(report["ok"], json!(true), "{report:#}");
    running.kill();
    let report = parsed(&home.run(&["doctor", "--json"]).await);
    assert!(
        has(&report, "info lock.stale") && report["ok"] == json!(true),
        "{report:#}"
    );
}

#[tokio::test]
async fn doctor_says_who_has_taken_the_port_and_what_a_platform_refuses() {
    let home = Home::new(&["demo"]);
    home.configure(&json!({"gateway": {"mode": "local"}}));
    let other = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = other.local_addr().expect("bound").port().to_string();
    // it says something, as no gateway does
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = other.accept() {
            let _ = std::io::Write::write_all(&mut stream, b"220 mail.example ESMTP\r\n");
        }
    });
    let report = parsed(&home.run(&["doctor", "--json", "--port", &port]).await);
    let taken = report["findings"]
        .as_array()
        .expect("findings")
        .iter()
        .find(|f| f["checkId"] == "gateway.port_taken");
    let detail = taken.expect("it is taken")["detail"]
        .as_str()
        .expect("text")
        .to_owned();
    assert!(
        detail.contains(&format!("PID {}", std::process::id())),
        "{detail}"
    );

    let world = World::with(|config| config["channels"]["telegram"]["botToken"] = json!("1:wrong")).await;
    world.gateway.says("telegram").await;
    let args = ["doctor", "--json", "--deep", "--port", &world.gateway.port];
    let report = parsed(&world.home.run(&args).await);
    let refused =
        |id: &String| id == "critical channels.probe_failed" || id == "critical channels.account_failed";
    assert!(ids(&report).iter().any(refused), "{report:#}");
    assert!(!report.to_string().contains("1:wrong"));
}

#[tokio::test]
async fn the_audit_finds_each_thing_that_is_bad_and_closes_what_is_safe() {
    let home = Home::new(&["demo", "loopback"]);
    let loose = tempfile::tempdir().expect("a folder");
    fs::rename(home.plugins().join("demo.so"), loose.path().join("demo.so")).expect("moved");
    home.configure(&json!({
        "gateway": {
            "mode": "local", "bind": "lan", "auth": {"token": "0123456789abcdef"}, "trustedProxies": ["0.0.0.0/0"],
            "controlUi": {"allowedOrigins": ["*"], "dangerouslyDisableDeviceAuth": true,
                "dangerouslyAllowHostHeaderOriginFallback": true},
        },
        "channels": {"loopback": {"dmPolicy": "open", "allowFrom": ["*"], "groupPolicy": "open"}},
        "tools": {"exec": {"host": "gateway", "security": "full", "ask": "off"}, "elevated": {"allowFrom": {"loopback": ["1"]}}},
        "hooks": {"enabled": true, "token": "0123456789abcdef", "path": "/", "allowRequestSessionKey": true},
        "logging": {"redactSensitive": "off"},
        "plugins": {"load": {"paths": [loose.path()]}, "entries": {"demo": {"enabled": true, "isolation": "none"}}},
    }));
    chmod(&home.config_file(), 0o666);
    chmod(home.state(), 0o777);
    let output = home.run(&["security", "audit", "--deep", "--json"]).await;
    let report = parsed(&output);
    assert_eq!(code(&output), 1);
    for wanted in [
        "critical fs.config.perms_writable",
        "critical fs.state_dir.perms_world_writable",
        "critical config.secrets.plain_text",
        "warn gateway.token_too_short",
        "critical gateway.trusted_proxies_wide",
        "critical gateway.control_ui.allowed_origins_wildcard",
        "critical gateway.control_ui.device_auth_disabled",
        "critical gateway.control_ui.host_header_origin_fallback",
        "critical channels.loopback.dm.open",
        "critical channels.loopback.groups.open",
        "warn channels.dm.scope_main_multiuser",
        "critical tools.exec.security_full_configured",
        "critical security.exposure.open_channels_with_exec",
        "critical security.exposure.open_channels_with_tools",
        "critical security.exposure.open_groups_with_elevated",
        "critical hooks.token_reuse_gateway_token",
        "warn hooks.token_too_short",
        "critical hooks.path_root",
        "critical hooks.request_session_key_enabled",
        "warn logging.redact_off",
        "warn config.insecure_or_dangerous_flags",
        "warn plugins.loose_path",
        "warn plugins.not_isolated",
        "warn plugins.installs_missing_integrity",
        "warn plugins.extensions_no_allowlist",
        "warn gateway.probe_failed",
        "info summary.attack_surface",
    ] {
        assert!(has(&report, wanted), "{wanted} is missing in {:#?}", ids(&report));
    }
    let counted = |word: &str| ids(&report).iter().filter(|id| id.starts_with(word)).count();
    assert_eq!(
        report["summary"],
        json!({"critical": counted("critical"), "warn": counted("warn"), "info": counted("info")})
    );
    assert!(
        !report.to_string().contains("0123456789abcdef"),
        "a secret is shown"
    );
    let text = out(&home.run(&["security", "audit"]).await);
    assert!(
        text.contains("critical · ") && text.contains("[channels.loopback.dm.open]"),
        "{text}"
    );

    let fixed = parsed(&home.run(&["security", "audit", "--fix", "--json"]).await);
    assert_eq!(fixed["fix"]["ok"], json!(true), "{fixed:#}");
    let left = &fixed["report"];
    for closed in [
        "fs.config",
        "fs.state_dir.perms",
        "groups.open",
        "logging.redact_off",
    ] {
        assert!(
            !ids(left).iter().any(|id| id.contains(closed)),
            "{closed} is left in {:#?}",
            ids(left)
        );
    }
    // what is the operator's decision stays
    assert!(
        has(left, "critical channels.loopback.dm.open")
            && has(left, "critical tools.exec.security_full_configured")
    );
    assert_eq!((mode(&home.config_file()), mode(home.state())), (0o600, 0o700));
}

/// What was said in a database, in its order.
fn history(database: &Path) -> Vec<(String, i64, String)> {
    let connection = rusqlite::Connection::open(database).expect("opened");
    let mut rows = connection
        .prepare("SELECT session_id, seq, body FROM transcript ORDER BY session_id, seq")
        .expect("a statement");
    let rows = rows.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
    rows.expect("rows").map(|row| row.expect("a row")).collect()
}

fn archive_in(folder: &Path) -> PathBuf {
    let entries = fs::read_dir(folder).expect("a folder").flatten();
    let mut names = entries.map(|entry| entry.path());
    names
        .find(|path| path.to_string_lossy().ends_with(".tar.gz"))
        .expect("an archive")
}

#[tokio::test]
async fn a_backup_of_a_gateway_at_work_comes_back_with_its_history() {
    let world = World::new().await;
    fs::create_dir_all(world.home.state().join("workspace")).expect("made");
    fs::write(world.home.state().join("workspace/MEMORY.md"), "she likes tea").expect("written");
    for n in 0..5 {
        world.telegram.dm(ADA, &format!("before {n}"));
        world.sent(&format!("before {n}")).await;
    }
    let known = history(&world.home.state().join("state.db"));
    assert!(known.len() >= 10, "{known:?}");

    // it goes on while the copy is made
    for n in 0..20 {
        world.telegram.dm(ADA, &format!("meanwhile {n}"));
    }
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().to_str().expect("text").to_owned();
    let args = ["backup", "create", "--output", &output, "--verify", "--json"];
    let created = world.home.json(&args).await;
    assert_eq!(
        (&created["verified"], &created["dryRun"]),
        (&json!(true), &json!(false))
    );
    world.sent("meanwhile 19").await;
    let archive = archive_in(folder.path());
    assert_eq!(mode(&archive), 0o600);
    let file = archive.to_str().expect("text").to_owned();

    // while it runs there is no way back
    let refused = world.home.run(&["backup", "restore", &file, "--yes"]).await;
    let why = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        code(&refused) == 1 && why.contains("PID") && why.contains("nothing was changed"),
        "{why}"
    );

    let World {
        telegram,
        model,
        home,
        gateway,
    } = world;
    let (ended, log) = gateway.stop().await;
    assert_eq!(ended, Some(0), "{log}");
    let all = history(&home.state().join("state.db"));
    let verified = home.json(&["backup", "verify", &file, "--json"]).await;
    assert_eq!(verified["ok"], json!(true));
    // without --yes nobody is asked on a pipe, and nothing happens
    assert_eq!(code(&home.run(&["backup", "restore", &file]).await), 2);
    fs::remove_file(home.state().join("workspace/MEMORY.md")).expect("removed");
    let restored = home.json(&["backup", "restore", &file, "--yes", "--json"]).await;
    let before = PathBuf::from(restored["before"].as_str().expect("a folder"));
    assert!(before.join("state.db").is_file());

    let back = history(&home.state().join("state.db"));
    assert!(
        back.len() >= known.len() && back.len() <= all.len(),
        "{} {} {}",
        known.len(),
        back.len(),
        all.len()
    );
    assert_eq!(back[..known.len()], known[..]);
    assert_eq!(back[..], all[..back.len()], "a copy of one moment");
    let memory = home.state().join("workspace/MEMORY.md");
    assert_eq!(fs::read_to_string(memory).expect("it is back"), "she likes tea");

    // and the conversation goes on from there
    let asked = model.heard(1).await.len();
    let world = World {
        gateway: home.start().await,
        telegram,
        model,
        home,
    };
    world.telegram.dm(ADA, "after all of it");
    let heard = soon("the question", async {
        let mut n = asked;
        loop {
            n += 1;
            let bodies = world.model.heard(n).await;
            let found = bodies
                .into_iter()
                .find(|body| body.to_string().contains("after all of it"));
            if let Some(body) = found {
                return body.to_string();
            }
        }
    });
    let heard = heard.await;
    assert!(
        heard.contains("before 0") && heard.contains("before 4"),
        "{heard}"
    );
    world.end().await;
}

#[tokio::test]
async fn a_restore_that_a_crash_broke_off_is_finished_by_the_next_start() {
    let home = Home::new(&["demo"]);
    home.configure(&json!({"gateway": {"mode": "local"}, "meta": {"lastTouchedVersion": "1"}}));
    let running = home.start().await;
    running.stop().await;
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().to_str().expect("text").to_owned();
    home.json(&["backup", "create", "--output", &output, "--json"])
        .await;
    // decided, and broken off before anything was moved
    let work = home.state().join(".restore");
    fs::create_dir_all(work.join("state")).expect("made");
    fs::copy(home.config_file(), work.join("state/openclaw.json")).expect("copied");
    home.write_config("{ this is not a configuration");
    let plan = json!({"kind": "full", "before": "before-restore-x", "stay": [".restore", "gateway.lock", "logs"],
        "workspaces": [], "configFolder": null, "configName": null});
    fs::write(work.join("plan.json"), plan.to_string()).expect("written");
    let report = parsed(&home.run(&["doctor", "--json"]).await);
    assert!(has(&report, "critical database.restore_broken_off"), "{report:#}");
    let running = home.start().await;
    assert!(!work.exists());
    let old = fs::read_to_string(home.state().join("before-restore-x/openclaw.json")).expect("kept");
    assert!(old.contains("not a configuration"));
    let (code, log) = running.stop().await;
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test]
async fn archives_of_strangers_change_nothing() {
    let home = Home::new(&["demo"]);
    home.configure(&json!({"gateway": {"mode": "local"}}));
    let before = fs::read(home.config_file()).expect("read");
    let file = home.plugins().join("bad.tar.gz");
    for bytes in [&b""[..], b"not an archive", &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0]] {
        fs::write(&file, bytes).expect("written");
        let shown = file.to_str().expect("text");
        for args in [
            &["backup", "verify", shown][..],
            &["backup", "restore", shown, "--yes"],
        ] {
            let output = home.run(args).await;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(
                code(&output) == 1 && said.contains("nothing was changed"),
                "{args:?}: {said}"
            );
        }
    }
    assert_eq!(fs::read(home.config_file()).expect("read"), before);
    assert!(!home.state().join(".restore").exists());
}

#[tokio::test]
async fn the_report_for_others_has_everything_but_secrets() {
    let world = World::with(|config| {
        config["gateway"] = json!({"mode": "local", "auth": {"token": TOKEN}});
        config["hooks"] = json!({"token": "another-secret-value-of-hooks"});
    })
    .await;
    world.telegram.dm(ADA, "hello there");
    world.texts(1).await;
    let port = world.gateway.port.clone();
    let output = world
        .home
        .run(&["status", "--all", "--deep", "--port", &port])
        .await;
    let text = out(&output);
    assert_eq!(code(&output), 0, "{text}");
    for part in [
        "Gateway",
        "Service",
        "Agents",
        "Security:",
        "PLUGIN",
        "Configuration",
        "Log",
        "telegram",
        "SESSION",
    ] {
        assert!(text.contains(part), "{part} is missing in {text}");
    }
    let bot = Telegram::TOKEN.split(':').nth(1).expect("an id and a secret");
    for secret in [TOKEN, KEY, bot, "another-secret-value-of-hooks"] {
        assert!(!text.contains(secret), "a secret is shown:\n{text}");
    }
    assert!(
        !text.contains(&*world.home.state().to_string_lossy()),
        "the home is shown:\n{text}"
    );
    let deep = world
        .home
        .json(&["status", "--deep", "--json", "--port", &port])
        .await;
    assert_eq!(
        deep["health"]["channelAccounts"]["telegram"][0]["probe"]["ok"],
        json!(true),
        "{deep:#}"
    );
    assert!(deep["securityAudit"]["summary"]["critical"].as_u64() > Some(0));
    world.end().await;
}

#[tokio::test]
async fn without_a_gateway_there_is_a_status_too() {
    let home = Home::new(&["demo"]);
    home.configure(&json!({"gateway": {"mode": "local", "port": 1}}));
    let output = home.run(&["status", "--json"]).await;
    let status = parsed(&output);
    assert_eq!(
        (code(&output), &status["gateway"]["reachable"]),
        (1, &json!(false))
    );
    assert_eq!(status["agents"]["rows"][0]["id"], json!("main"));
    let text = out(&home.run(&["status"]).await);
    assert!(
        text.contains("not reachable") && text.contains("Next: openclaw doctor"),
        "{text}"
    );
}

#[tokio::test]
async fn of_a_restore_that_is_killed_anywhere_one_state_is_left() {
    let home = Home::new(&["demo"]);
    home.configure(&json!({"gateway": {"mode": "local"}, "meta": {"lastTouchedVersion": "new"}}));
    for n in 0..300 {
        let folder = home.state().join(format!("media/{n}"));
        fs::create_dir_all(&folder).expect("made");
        fs::write(folder.join("file"), "new").expect("written");
    }
    let folder = tempfile::tempdir().expect("a folder");
    let output = folder.path().to_str().expect("text").to_owned();
    home.json(&["backup", "create", "--output", &output, "--json"])
        .await;
    let file = archive_in(folder.path()).to_str().expect("text").to_owned();
    home.configure(&json!({"gateway": {"mode": "local"}, "meta": {"lastTouchedVersion": "old"}}));
    for n in 0..300 {
        fs::write(home.state().join(format!("media/{n}/file")), "old").expect("written");
    }
    // killed when its folder is there: somewhere between the first file and the last
    let mut child = home
        .command(&["backup", "restore", &file, "--yes"])
        .spawn()
        .expect("the program runs");
    while !home.state().join(".restore").exists() && child.try_wait().expect("a child").is_none() {
        std::thread::yield_now();
    }
    let _ = child.kill();
    let _ = child.wait();
    let running = Running::ready(&mut home.command(&["gateway", "--port", "0"])).await;
    let config = fs::read_to_string(home.config_file()).expect("read");
    let word = if config.contains("\"new\"") { "new" } else { "old" };
    for n in 0..300 {
        let content = fs::read_to_string(home.state().join(format!("media/{n}/file"))).expect("it is there");
        assert_eq!(content, word, "{n} is of the other state");
    }
    let (code, log) = running.stop().await;
    assert_eq!(code, Some(0), "{log}");
}
