//! From nothing to a bot that answers: `openclaw onboard` in a home of its own, then the gateway, then a chat. And what
//! it must not do: write anything that does not work, or change what nobody asked it to.
use openclaw_e2e::world::{ADA, Home, PATIENCE, Running, soon, text_of};
use openclaw_fakes::{openai::OpenAi, telegram::Telegram};
use serde_json::{Value, json};
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    process::{Command, Output, Stdio},
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const KEY: &str = "sk-a-key-that-is-not-printed";

/// A home in which there is nothing yet, and what is reachable from it.
struct Desk {
    home: Home,
    model: OpenAi,
    telegram: Telegram,
}

impl Desk {
    async fn new() -> Self {
        let model = OpenAi::start().await.expect("a port");
        model.require_key(KEY);
        Self {
            home: Home::new(&["demo", "openai", "telegram"]),
            model,
            telegram: Telegram::start().await.expect("a port"),
        }
    }

    fn state(&self) -> PathBuf {
        self.home.state().join("fresh")
    }

    fn config_file(&self) -> PathBuf {
        self.state().join("openclaw.json")
    }

    fn config(&self) -> Value {
        let text = fs::read_to_string(self.config_file()).expect("it is there");
        let document = openclaw_host::config::Document::parse(self.config_file(), text.into_bytes());
        document.expect("JSON5").value().clone()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.home.command(args);
        command.env("OPENCLAW_STATE_DIR", self.state());
        command
    }

    async fn output(mut command: Command) -> Output {
        let output = tokio::task::spawn_blocking(move || command.output());
        soon("its end", output)
            .await
            .expect("no panic")
            .expect("the program runs")
    }

    /// `onboard` without a person, with further arguments.
    fn onboard(&self, args: &[&str]) -> Command {
        let mut command = self.command(&["onboard", "--non-interactive", "--accept-risk", "--json"]);
        command.args(args);
        command
    }

    /// The arguments for a service of one's own, which is the fake.
    fn service(&self) -> Vec<String> {
        let words = [
            "--auth-choice",
            "custom-api-key",
            "--custom-compatibility",
            "openai",
            "--custom-model-id",
            "m-1",
            "--custom-base-url",
        ];
        let mut words: Vec<_> = words.map(str::to_owned).to_vec();
        words.push(self.model.base_url());
        words
    }

    async fn runs(&self, args: &[&str]) -> String {
        let output = Self::output(self.command(args)).await;
        assert!(output.status.success(), "{args:?}: {}", said(&output));
        String::from_utf8(output.stdout).expect("text")
    }

    async fn start(&self) -> Running {
        Running::ready(&mut self.command(&["gateway", "--port", "0"])).await
    }
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    format!("{}\n{}", text(&output.stdout), text(&output.stderr))
}

fn object(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("one object: {}", said(output)))
}

/// Asks the gateway something by a command, at the port that it chose itself.
async fn chat(desk: &Desk, gateway: &Running, words: &str) -> String {
    desk.runs(&["agent", "--port", &gateway.port, "--message", words])
        .await
}

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

/// A person at a terminal, which `script` (of util-linux) makes; without it there is nothing to see here.
struct Terminal {
    child: tokio::process::Child,
    seen: String,
}

impl Terminal {
    fn open(desk: &Desk, args: &str) -> Option<Self> {
        let has_script = Command::new("script").arg("--version").output();
        if !has_script.is_ok_and(|output| output.status.success()) {
            eprintln!("left out: there is no `script`");
            return None;
        }
        let line = format!(
            "stty rows 40 cols 160; {} {args}; echo ended with $?",
            openclaw_e2e::program().display()
        );
        let child = tokio::process::Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .env_clear()
            .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
            .env("TERM", "xterm-256color")
            .env("HOME", desk.home.state())
            .env("OPENCLAW_STATE_DIR", desk.state())
            .env("OPENCLAW_BUNDLED_PLUGINS_DIR", desk.home.plugins())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("script runs");
        Some(Self {
            child,
            seen: String::new(),
        })
    }

    /// Waits for these words; what came before them is forgotten.
    async fn until(&mut self, words: &str) {
        let screen = self.child.stdout.as_mut().expect("piped");
        let seen = &mut self.seen;
        let read = async {
            loop {
                if let Some(at) = seen.find(words) {
                    seen.drain(..at + words.len());
                    return;
                }
                let mut piece = [0; 4096];
                let count = screen.read(&mut piece).await.expect("read");
                assert!(count > 0, "it ended without {words:?}: {seen}");
                seen.push_str(&String::from_utf8_lossy(&piece[..count]));
            }
        };
        soon(words, read).await;
    }

    async fn types(&mut self, keys: &str) {
        let stdin = self.child.stdin.as_mut().expect("piped");
        stdin.write_all(keys.as_bytes()).await.expect("typed");
    }

    /// Answers a question when it is there.
    async fn answers(&mut self, question: &str, keys: &str) {
        self.until(question).await;
        self.types(keys).await;
    }
}

#[tokio::test]
async fn a_person_is_asked_and_gets_a_bot() {
    let desk = Desk::new().await;
    let Some(mut terminal) = Terminal::open(&desk, "onboard --no-install-daemon") else {
        return;
    };
    terminal.answers("Go on?", "y\r").await;
    terminal.answers("What do you want to decide?", "\r").await;
    terminal
        .answers("Who shall answer?", "a service of your own\r")
        .await;
    terminal
        .answers("Its address", &format!("{}\r", desk.model.base_url()))
        .await;
    terminal.answers("What does it speak?", "\r").await;
    // the first key is a wrong one, which is told at once
    terminal.answers("Its key", "sk-wrong\r").await;
    terminal.answers("What shall it be called?", "mine\r").await;
    terminal.answers("The model's id there", "m-1\r").await;
    terminal.until("does not answer").await;
    terminal.answers("What now?", "\r").await;
    terminal
        .answers("Its address", &format!("{}\r", desk.model.base_url()))
        .await;
    terminal.answers("What does it speak?", "\r").await;
    terminal.answers("Its key", &format!("{KEY}\r")).await;
    terminal.answers("What shall it be called?", "mine\r").await;
    terminal.answers("The model's id there", "m-1\r").await;
    terminal.until("mine/m-1 answers.").await;
    terminal.answers("In which messengers", "\r").await;
    assert!(
        !desk.state().exists(),
        "nothing is written before everything is known"
    );
    terminal.until("This changes in").await;
    terminal.until("a secret, which is not shown").await;
    terminal.answers("Write it?", "\r").await;
    terminal.until("What comes next:").await;
    terminal.until("ended with 0").await;
    assert!(!terminal.seen.contains(KEY));

    let gateway = desk.start().await;
    let answer = chat(&desk, &gateway, "hello from the terminal").await;
    assert!(answer.contains("hello from the terminal"), "{answer}");
    gateway.stop().await;

    // and what is configured is not asked again
    let mut terminal =
        Terminal::open(&desk, "onboard --no-install-daemon --skip-channels").expect("it was there");
    terminal.until("mine/m-1 answers already.").await;
    terminal.until("says all of it already").await;
    terminal.until("ended with 0").await;
}

#[tokio::test]
async fn whoever_stops_leaves_everything_as_it_was() {
    let desk = Desk::new().await;
    fs::create_dir_all(desk.state()).expect("made");
    let before = "// mine\n{ gateway: { port: 1234 } }\n";
    fs::write(desk.config_file(), before).expect("written");
    let Some(mut terminal) = Terminal::open(&desk, "onboard --no-install-daemon") else {
        return;
    };
    terminal.answers("Who shall answer?", "demo\r").await;
    terminal.answers("Which model?", "\r").await;
    terminal.until("demo/echo answers.").await;
    terminal.until("In which messengers").await;
    terminal.types("\u{3}").await;
    terminal.until("nothing was changed").await;
    terminal.until("ended with 1").await;
    assert_eq!(fs::read_to_string(desk.config_file()).expect("read"), before);
    let files: Vec<_> = fs::read_dir(desk.state()).expect("a folder").collect();
    assert_eq!(files.len(), 1, "{files:?}");
}
