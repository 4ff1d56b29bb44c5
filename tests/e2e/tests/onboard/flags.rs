//! Without a person: everything is said by flags and by the environment.
use super::{Desk, KEY, chat, object, said};
use openclaw_e2e::world::{ADA, Home, PATIENCE, Running, soon, text_of};
use openclaw_fakes::telegram::Telegram;
use serde_json::json;
use std::{fs, os::unix::fs::PermissionsExt};

#[tokio::test]
async fn from_nothing_to_a_chat_without_a_question() {
    let desk = Desk::new().await;
    let service = desk.service();
    let mut command = desk.onboard(&[]);
    command.args(&service).args(["--custom-api-key", KEY]);
    let output = Desk::output(command).await;
    assert!(output.status.success(), "{}", said(&output));
    let report = object(&output);
    assert_eq!(
        (&report["ok"], &report["model"], &report["modelChecked"]),
        (&json!(true), &json!("custom/m-1"), &json!(true)),
        "{report}"
    );
    assert_eq!(desk.model.heard(1).await.len(), 1, "one real call");
    // secrets are where only their owner can read them, and nowhere else
    let text = fs::read_to_string(desk.config_file()).expect("written");
    assert!(!text.contains(KEY) && !said(&output).contains(KEY), "{text}");
    let secrets = fs::read_to_string(desk.state().join("secrets.json")).expect("written");
    assert!(secrets.contains(KEY));
    for file in ["openclaw.json", "secrets.json"] {
        let mode = fs::metadata(desk.state().join(file))
            .expect("there")
            .permissions()
            .mode();
        assert_eq!(mode & 0o777, 0o600, "{file}");
    }
    let token = desk.config()["gateway"]["auth"]["token"].clone();
    assert_eq!(token["source"], "file", "a token was made: {text}");
    let left = fs::read_dir(desk.home.state()).expect("a folder").count();
    assert_eq!(left, 1, "nothing is left of the trial");

    desk.runs(&["config", "validate", "--secrets"]).await;
    let gateway = desk.start().await;
    let answer = chat(&desk, &gateway, "good morning").await;
    assert!(answer.contains("good morning"), "{answer}");
    let (code, log) = gateway.stop().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains(KEY), "{log}");
    assert_eq!(desk.model.complaints(), [""; 0]);

    // once more: there is nothing to ask and nothing to change
    let before = fs::read(desk.config_file()).expect("read");
    let again = Desk::output(desk.onboard(&[])).await;
    assert_eq!(object(&again)["changed"], false, "{}", said(&again));
    assert_eq!(fs::read(desk.config_file()).expect("read"), before);
}

#[tokio::test]
async fn a_key_that_does_not_work_is_told_and_nothing_is_written() {
    let desk = Desk::new().await;
    let wrong = "sk-a-wrong-key-that-is-not-printed";
    let service = desk.service();
    let mut command = desk.onboard(&["--custom-api-key", wrong]);
    command.args(&service);
    let output = Desk::output(command).await;
    let report = object(&output);
    assert_eq!(
        (output.status.code(), &report["ok"]),
        (Some(1), &json!(false)),
        "{report}"
    );
    let error = report["error"].as_str().expect("a text");
    assert!(
        error.contains("Nothing was written") && error.contains("custom/m-1"),
        "{error}"
    );
    assert!(!said(&output).contains(wrong), "{}", said(&output));
    assert!(!desk.state().exists(), "not even the folder");
    assert_eq!(fs::read_dir(desk.home.state()).expect("a folder").count(), 0);

    // nor what can't be asked at all
    for (args, words) in [
        (vec!["--auth-choice", "strange-api-key"], "custom-api-key, skip"),
        (vec!["--strange-api-key", "x"], "STRANGE_API_KEY"),
        (vec!["--auth-choice", "openai-api-key"], "OPENAI_API_KEY"),
        (
            vec!["--auth-choice", "skip", "--channel", "telegram"],
            "TELEGRAM_BOT_TOKEN",
        ),
        (vec!["--auth-choice", "skip", "--channel", "pigeon"], "telegram"),
        (
            vec!["--auth-choice", "skip", "--plugin", "saw"],
            "openclaw plugins list",
        ),
        (
            vec![
                "--auth-choice",
                "skip",
                "--gateway-bind",
                "lan",
                "--gateway-token",
                "short",
            ],
            "openssl rand",
        ),
        (
            vec!["--auth-choice", "skip", "--gateway-auth", "password"],
            "OPENCLAW_GATEWAY_PASSWORD",
        ),
        (vec!["--mode", "remote"], "--remote-url"),
        (vec![], "--auth-choice"),
    ] {
        let output = Desk::output(desk.onboard(&args)).await;
        let report = object(&output);
        assert!(!output.status.success(), "{args:?}");
        assert!(
            report["error"].as_str().is_some_and(|text| text.contains(words)),
            "{args:?}: {report}"
        );
        assert!(!desk.state().exists(), "{args:?}");
    }
    let output = Desk::output(desk.command(&["onboard", "--non-interactive"])).await;
    assert_eq!(output.status.code(), Some(2), "{}", said(&output));
    assert!(said(&output).contains("--accept-risk"));
}

#[tokio::test]
async fn an_existing_configuration_is_kept_and_the_bot_answers_in_its_messenger() {
    let desk = Desk::new().await;
    fs::create_dir_all(desk.state()).expect("made");
    let before = format!(
        "// mine\n{{\n  models: {{ providers: {{ openai: {{ baseUrl: \"{}\" }} }} }}, // the vendor\n  channels: {{ telegram: {{ enabled: false, apiRoot: '{}', \
         dmPolicy: 'open', allowFrom: ['*'] }} }},\n  session: {{ scope: 'per-sender' }},\n}}\n",
        desk.model.base_url(),
        desk.telegram.root()
    );
    fs::write(desk.config_file(), &before).expect("written");
    fs::set_permissions(desk.config_file(), fs::Permissions::from_mode(0o600)).expect("a mode");
    desk.telegram.dm(ADA, "before it was set up");

    // a token that the platform refuses: all or nothing
    let mut refused = desk.onboard(&["--openai-api-key", KEY, "--model", "openai/m-1"]);
    refused.args(["--telegram-bot-token", "1:wrong"]);
    let output = Desk::output(refused).await;
    assert!(!output.status.success(), "{}", said(&output));
    assert!(
        object(&output)["error"]
            .as_str()
            .is_some_and(|text| text.starts_with("telegram does not work"))
    );
    assert_eq!(fs::read_to_string(desk.config_file()).expect("read"), before);
    assert!(!desk.state().join("secrets.json").exists());

    let mut command = desk.onboard(&[
        "--openai-api-key",
        KEY,
        "--model",
        "openai/m-1",
        "--channel",
        "telegram",
    ]);
    command.env("TELEGRAM_BOT_TOKEN", Telegram::TOKEN);
    let output = Desk::output(command).await;
    assert!(output.status.success(), "{}", said(&output));
    let report = object(&output);
    assert_eq!(report["channels"][0]["checked"], true, "{report}");
    assert_eq!(
        report["environment"],
        json!(["TELEGRAM_BOT_TOKEN"]),
        "it stays where it is"
    );
    assert_eq!(
        desk.telegram.unconfirmed().len(),
        1,
        "nobody was told that somebody has it"
    );
    assert!(
        desk.telegram.bodies("sendMessage").is_empty(),
        "nothing was answered"
    );
    let text = fs::read_to_string(desk.config_file()).expect("read");
    for kept in [
        "// mine\n",
        "// the vendor\n",
        "session: { scope: 'per-sender' }",
        "allowFrom: ['*']",
    ] {
        assert!(text.contains(kept), "{kept} is gone:\n{text}");
    }
    let config = desk.config();
    assert_eq!(config["channels"]["telegram"]["enabled"], true);
    assert!(config["channels"]["telegram"]["botToken"].is_null());

    let mut start = desk.command(&["gateway", "--port", "0"]);
    let gateway = Running::ready(start.env("TELEGRAM_BOT_TOKEN", Telegram::TOKEN)).await;
    desk.telegram.dm(ADA, "are you there?");
    let found = desk.telegram.until(|telegram| {
        let sent = telegram.bodies("sendMessage");
        sent.iter()
            .map(text_of)
            .find(|text| text.contains("are you there?"))
    });
    tokio::time::timeout(PATIENCE, found)
        .await
        .expect("the bot answers");
    let (code, log) = gateway.stop().await;
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test]
async fn secrets_go_where_somebody_wants_them() {
    let desk = Desk::new().await;
    let service = desk.service();
    let mut by_reference = desk.onboard(&["--secret-input-mode", "ref"]);
    by_reference
        .args(&service)
        .env("CUSTOM_API_KEY", KEY)
        .env("OPENCLAW_GATEWAY_TOKEN", "0123456789abcdef0123456789abcdef");
    let output = Desk::output(by_reference).await;
    assert!(output.status.success(), "{}", said(&output));
    let key = &desk.config()["models"]["providers"]["custom"]["apiKey"];
    assert_eq!(
        key,
        &json!({"source": "env", "provider": "default", "id": "CUSTOM_API_KEY"})
    );
    assert!(!desk.state().join("secrets.json").exists());

    // `configure` takes the same answers for one section, and changes nothing else
    let before = desk.config();
    let configure = |args: &[&str]| {
        let mut command = desk.command(&["configure", "--non-interactive", "--json", "--section"]);
        command
            .args(args)
            .env("CUSTOM_API_KEY", KEY)
            .env("OPENCLAW_GATEWAY_TOKEN", "0123456789abcdef0123456789abcdef");
        command
    };
    let output = Desk::output(configure(&[
        "gateway",
        "--gateway-port",
        "28789",
        "--gateway-bind",
        "auto",
    ]))
    .await;
    assert!(output.status.success(), "{}", said(&output));
    let mut expected = before.clone();
    expected["gateway"]["port"] = json!(28_789);
    expected["gateway"]["bind"] = json!("auto");
    assert_eq!(desk.config(), expected);
    let mut plain = configure(&["model", "--secret-input-mode", "plaintext"]);
    plain.args(&service);
    let output = Desk::output(plain).await;
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(desk.config()["models"]["providers"]["custom"]["apiKey"], KEY);
    let output = Desk::output(desk.command(&["configure", "--non-interactive"])).await;
    assert!(said(&output).contains("--section"), "{}", said(&output));
}

#[tokio::test]
async fn a_gateway_that_runs_takes_up_what_is_set_up() {
    let desk = Desk::new().await;
    let mut start = desk.command(&["gateway", "--port", "0", "--allow-unconfigured"]);
    let gateway = Running::ready(&mut start).await;
    let before = chat(&desk, &gateway, "who is there?").await;
    assert!(
        before.contains("You said"),
        "the model that needs no account: {before}"
    );
    let mut command = desk.onboard(&["--custom-api-key", KEY]);
    command
        .args(desk.service())
        .env("OPENCLAW_GATEWAY_PORT", &gateway.port);
    let output = Desk::output(command).await;
    assert!(output.status.success(), "{}", said(&output));
    let report = object(&output);
    assert_eq!(report["gateway"]["running"], true, "{report}");
    assert!(
        desk.config()["gateway"]["auth"].is_null(),
        "it has a token of its own already"
    );
    // the gateway takes the file up when it is quiet, and the plugin is replaced after that
    soon("the new model", async {
        loop {
            let args = ["agent", "--port", &gateway.port, "--message", "and now?"];
            let output = Desk::output(desk.command(&args)).await;
            let heard = desk.model.heard(1).await.len();
            if output.status.success() && heard > 1 {
                break;
            }
        }
    })
    .await;
    let (code, log) = gateway.stop().await;
    assert_eq!(code, Some(0), "{log}");
}

#[tokio::test]
async fn a_service_gets_its_secrets_stored_and_is_started() {
    let desk = Desk::new().await;
    let tools = tempfile::tempdir().expect("a folder");
    let systemctl = tools.path().join("systemctl");
    fs::write(
        &systemctl,
        "#!/bin/sh\necho \"$@\" >> \"$(dirname \"$0\")/orders\"\n",
    )
    .expect("written");
    fs::set_permissions(&systemctl, fs::Permissions::from_mode(0o755)).expect("a mode");
    let path = std::env::join_paths([tools.path(), "/usr/bin".as_ref(), "/bin".as_ref()]).expect("paths");
    let mut command = desk.onboard(&["--install-daemon"]);
    command
        .args(desk.service())
        .env("CUSTOM_API_KEY", KEY)
        .env("PATH", path);
    let output = Desk::output(command).await;
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(object(&output)["installDaemon"], true, "{}", said(&output));
    let orders = fs::read_to_string(tools.path().join("orders")).expect("it was told something");
    assert!(
        orders.contains("enable") && orders.contains("openclaw-gateway.service"),
        "{orders}"
    );
    let secrets = fs::read_to_string(desk.state().join("secrets.json")).expect("written");
    assert!(
        secrets.contains(KEY),
        "a service has not the environment of this command"
    );
    let unit = desk
        .home
        .state()
        .join(".config/systemd/user/openclaw-gateway.service");
    assert!(!fs::read_to_string(unit).expect("written").contains(KEY));

    // without a manager everything is written all the same, and it is said what is missing
    let mut command = desk.onboard(&["--install-daemon"]);
    command.env("PATH", "/nowhere");
    let output = Desk::output(command).await;
    let report = object(&output);
    assert_eq!(
        (output.status.code(), &report["ok"], &report["installDaemon"]),
        (Some(1), &json!(false), &json!(false))
    );
    assert!(
        report["problem"]
            .as_str()
            .is_some_and(|text| text.contains("systemctl")),
        "{report}"
    );
}

#[tokio::test]
async fn a_machine_may_only_speak_to_a_gateway_elsewhere() {
    let desk = Desk::new().await;
    let elsewhere = Home::new(&["demo"]);
    elsewhere.configure(&json!({ "gateway": { "auth": { "token": "0123456789abcdef0123456789abcdef" } } }));
    let gateway = elsewhere.start().await;
    let url = format!("ws://127.0.0.1:{}", gateway.port);
    let args = [
        "--mode",
        "remote",
        "--remote-url",
        &url,
        "--remote-token",
        "0123456789abcdef0123456789abcdef",
    ];
    let output = Desk::output(desk.onboard(&args)).await;
    assert!(output.status.success(), "{}", said(&output));
    assert_eq!(object(&output)["mode"], "remote");
    let answer = desk.runs(&["agent", "--message", "over there"]).await;
    assert!(answer.contains("over there"), "{answer}");
    let refused = Desk::output(desk.command(&["gateway"])).await;
    assert_eq!(refused.status.code(), Some(78), "{}", said(&refused));
    gateway.stop().await;
}
