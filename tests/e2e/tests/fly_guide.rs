//! The guide for Fly.io, walked: every command of ours on its page is run in its order, on the machine that the page and
//! `fly.toml` describe, behind a stand-in for Fly's proxy.
use openclaw_e2e::world::{ADA, Home, Running, soon, text_of};
use openclaw_fakes::{anthropic::Anthropic, telegram::Telegram};
use openclaw_host::gateway::{
    Scope,
    client::{Client, ClientInfo, Identity, Login},
};
use openclaw_plugin_api::Secret;
use serde_json::json;
use std::{fs, path::Path, process::Command, sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";
const KEY: &str = "sk-ant-a-key-that-is-not-printed";
/// The name in the guide and in `fly.toml`.
const APP: &str = "my-openclaw";
/// A visitor, and the app's own address: what Fly's proxy says of a request.
const FORWARDED: &str = "203.0.113.7, 66.241.124.1";
const OWN_ADDRESS: &str = "66.241.124.1";
/// What one does on one's own machine with Fly's program.
const FLYCTL: [&str; 17] = [
    "apps create",
    "apps destroy",
    "volumes create",
    "volumes list",
    "volumes snapshots list",
    "volumes fork",
    "volumes extend",
    "secrets set",
    "deploy",
    "status",
    "logs",
    "ssh console",
    "machine exec",
    "ips list",
    "ips release",
    "proxy",
    "scale memory",
];

fn root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The lines of the guide's blocks for shells.
fn lines() -> Vec<String> {
    let text = fs::read_to_string(root().join("docs/deploy/fly.md")).expect("the guide is there");
    let blocks = text.split("```sh\n").skip(1);
    let blocks = blocks.filter_map(|rest| rest.split("```").next());
    blocks.flat_map(str::lines).map(str::to_owned).collect()
}

/// The command of ours in a line: what stands at its beginning, or what the console is told.
fn ours(line: &str) -> Option<&str> {
    let told = line
        .strip_prefix("fly ssh console -C \"")
        .and_then(|rest| rest.strip_suffix('"'));
    told.or(Some(line))
        .filter(|command| command.starts_with("openclaw "))
}

/// A line of `fly.toml`, such as `[processes]`'s.
fn machine_command() -> Vec<String> {
    let text = fs::read_to_string(root().join("fly.toml")).expect("it is there");
    let line = text
        .lines()
        .find_map(|line| line.trim().strip_prefix("app = \"openclaw "));
    let line = line.expect("a command that is ours").trim_end_matches('"');
    line.split(' ').map(str::to_owned).collect()
}

/// The machine: its volume, its environment, and what is reachable from it.
struct Machine {
    home: Home,
    telegram: Telegram,
    model: Anthropic,
    running: Option<Running>,
    port: String,
}

impl Machine {
    async fn new() -> Self {
        let mut machine = Self {
            home: Home::new(&["telegram", "anthropic", "control-ui", "demo"]),
            telegram: Telegram::start().await.expect("a port"),
            model: Anthropic::start().await.expect("a port"),
            running: None,
            port: "0".to_owned(),
        };
        machine.start().await;
        machine
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = self.home.command(args);
        command
            .env("OPENCLAW_GATEWAY_PORT", &self.port)
            .env("OPENCLAW_GATEWAY_TOKEN", TOKEN)
            .env("ANTHROPIC_API_KEY", KEY)
            .env("TELEGRAM_BOT_TOKEN", Telegram::TOKEN);
        command
    }

    /// Starts as `fly.toml` says, but for the port, which may be another's here.
    async fn start(&mut self) {
        let words = machine_command();
        let words: Vec<_> = words
            .iter()
            .map(|word| if word == "3000" { self.port.as_str() } else { word })
            .collect();
        let mut running = Running::spawn(&mut self.command(&words));
        let line = running.says("listening on ws://0.0.0.0:").await;
        let port = line
            .split("0.0.0.0:")
            .nth(1)
            .and_then(|rest| rest.split(' ').next());
        self.port = port.expect("a port").to_owned();
        running.port.clone_from(&self.port);
        running.says("ready in").await;
        self.running = Some(running);
    }

    /// Runs a line, which has to succeed; gives what it prints.
    async fn runs(&self, line: &str) -> String {
        let words: Vec<_> = line.split_whitespace().skip(1).collect();
        let mut command = self.command(&words);
        let output = tokio::task::spawn_blocking(move || command.output());
        let output = soon(line, output)
            .await
            .expect("no panic")
            .expect("the program runs");
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let (out, err) = (said(&output.stdout), said(&output.stderr));
        assert!(output.status.success(), "`{line}`:\n{out}\n{err}\n{}", self.log());
        out
    }

    fn log(&self) -> String {
        self.running.as_ref().map(Running::log).unwrap_or_default()
    }

    /// What the guide's reader has in the internet and we have here.
    async fn know_the_fakes(&self) {
        let telegram = json!({"enabled": false, "apiRoot": self.telegram.root()});
        let model = json!({"baseUrl": self.model.server.url(), "apiKey": "${ANTHROPIC_API_KEY}"});
        for (key, value) in [
            ("channels.telegram", telegram),
            ("models.providers.anthropic", model),
        ] {
            let args = ["config", "set", key, &value.to_string()];
            let output = self.command(&args).output().expect("the program runs");
            assert!(
                output.status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
    }

    async fn said(&self, words: &str) -> String {
        let found = self.telegram.until(|telegram| {
            let sent = telegram
                .bodies("sendMessage")
                .iter()
                .map(text_of)
                .collect::<Vec<_>>();
            sent.into_iter().find(|text| text.contains(words))
        });
        match tokio::time::timeout(Duration::from_secs(30), found).await {
            Ok(text) => text,
            Err(_) => panic!("nothing with {words:?} was sent:\n{}", self.log()),
        }
    }
}

/// Fly's proxy: under the app's name, with a visitor's address and the app's own.
struct Edge(std::net::SocketAddr);

impl Edge {
    async fn before(port: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("bound");
        let port = port.to_owned();
        tokio::spawn(async move {
            while let Ok((visitor, _)) = listener.accept().await {
                tokio::spawn(pass(visitor, port.clone()));
            }
        });
        Self(address)
    }

    async fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.0).await.expect("it listens");
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("it reads");
        let mut answer = Vec::new();
        soon("an answer", stream.read_to_end(&mut answer))
            .await
            .expect("it answers");
        String::from_utf8_lossy(&answer).into_owned()
    }

    /// Waits until the gateway has taken up that it is called by the app's name, and gives its page.
    async fn is_let_in(&self) {
        let asked = async { while !self.get("/").await.starts_with("HTTP/1.1 200") {} };
        soon("the page under the app's name", asked).await;
    }

    /// A device of somebody's who is not on the machine.
    async fn connect(&self, device: &Path, token: &str) -> Result<Client, String> {
        let login = Login {
            token: Some(Secret::new(token)),
            password: None,
            device: Some(Arc::new(Identity::load(device).expect("a key"))),
        };
        let info = ClientInfo::cli([Scope::Read]);
        let url = format!("ws://{}", self.0);
        let client = Client::log_in(&url, &login, &info, Duration::from_secs(10)).await;
        client.map_err(|error| error.to_string())
    }
}

/// One connection: the head of its first request is told whose it is and where it goes, the rest passes.
async fn pass(mut visitor: TcpStream, port: String) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(visitor.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let mut lines: Vec<_> = head
        .lines()
        .filter(|line| !line.is_empty() && !line.to_lowercase().starts_with("host:"))
        .map(str::to_owned)
        .collect();
    lines.push(format!("Host: {APP}.fly.dev"));
    lines.push(format!("X-Forwarded-For: {FORWARDED}"));
    lines.push("X-Forwarded-Proto: https".to_owned());
    let mut machine = TcpStream::connect(format!("127.0.0.1:{port}")).await.ok()?;
    let head = lines.join("\r\n") + "\r\n\r\n";
    machine.write_all(head.as_bytes()).await.ok()?;
    copy_bidirectional(&mut visitor, &mut machine).await.ok()?;
    Some(())
}

#[tokio::test]
async fn the_guide_leads_from_an_empty_volume_to_a_bot_that_answers() {
    let mut machine = Machine::new().await;
    let config = fs::read_to_string(machine.home.config_file()).expect("it was made");
    assert!(config.contains("\"mode\": \"local\""), "{config}");
    let edge = Edge::before(&machine.port).await;
    let probe = edge.get("/startupz").await;
    assert!(
        probe.starts_with("HTTP/1.1 200") && probe.contains(r#"{"ok":true,"status":"started"}"#),
        "{probe}"
    );
    assert!(
        edge.get("/").await.starts_with("HTTP/1.1 403"),
        "nobody has told it its name"
    );
    machine.know_the_fakes().await;

    let browser = machine.home.state().join("browser.key");
    let mut ran = 0;
    for line in lines() {
        let Some(command) = ours(&line) else { continue };
        let mut command = command.replace("<address>", OWN_ADDRESS);
        if command.contains("<code>") {
            machine.telegram.dm(ADA, "let me in");
            machine.said("openclaw pairing approve").await;
            let listed = machine.runs("openclaw pairing list --json").await;
            let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
            command = command.replace("<code>", listed["requests"][0]["code"].as_str().expect("a code"));
        }
        if command.contains("devices list") {
            let error = edge
                .connect(&browser, TOKEN)
                .await
                .expect_err("a device that is new");
            assert!(error.contains("openclaw devices approve"), "{error}");
        }
        assert!(
            !command.contains('<'),
            "the guide has a gap that nobody fills: {command}"
        );
        machine.runs(&command).await;
        ran += 1;
        if command.contains("allowedOrigins[0]") {
            edge.is_let_in().await;
        }
        if command.contains("pairing approve") {
            machine.telegram.dm(ADA, "are you there?");
            machine.said("are you there?").await;
        }
        if command.contains("devices approve") {
            edge.connect(&browser, TOKEN).await.expect("it was let in");
        }
    }
    assert!(ran > 25, "the guide has {ran} commands of ours");
    let key = machine.model.server.asked().pop().expect("it was asked");
    assert_eq!(key.header("x-api-key"), KEY);
    let (code, log) = machine.running.take().expect("it runs").stop().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(
        !log.contains("after the next start"),
        "a change waits for a restart:\n{log}"
    );
    assert!(
        !log.contains(TOKEN) && !log.contains(KEY),
        "a secret is logged:\n{log}"
    );
}

#[test]
fn what_is_not_ours_on_the_page_is_flys() {
    for line in lines() {
        let known = FLYCTL.iter().any(|verb| line.contains(&format!("fly {verb}")));
        let other = ["curl ", "git pull"].iter().any(|start| line.starts_with(start));
        assert!(known || other || ours(&line).is_some(), "{line}");
    }
}

#[tokio::test]
async fn without_a_token_nobody_is_let_in_from_outside() {
    let machine = Home::new(&["demo"]);
    for token in [None, Some(""), Some("changeme"), Some("short")] {
        let mut command = machine.command(&[]);
        command
            .args(machine_command())
            .env_remove("OPENCLAW_GATEWAY_TOKEN");
        if let Some(token) = token {
            command.env("OPENCLAW_GATEWAY_TOKEN", token);
        }
        let output = command.output().expect("the program runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(78), "{token:?}: {said}");
        assert!(
            said.contains("openssl rand") || said.contains("OPENCLAW_GATEWAY_TOKEN"),
            "{said}"
        );
    }
}

#[tokio::test]
async fn a_wrong_token_opens_nothing_and_is_counted() {
    let machine = Machine::new().await;
    let origin = format!("https://{APP}.fly.dev");
    machine
        .runs(&format!(
            "openclaw config set gateway.controlUi.allowedOrigins[0] {origin}"
        ))
        .await;
    let edge = Edge::before(&machine.port).await;
    edge.is_let_in().await;
    let output = machine
        .command(&["status"])
        .env("OPENCLAW_GATEWAY_TOKEN", "another-token-of-some-length")
        .output();
    let output = output.expect("the program runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !output.status.success() && said.contains("unauthorized"),
        "{said}"
    );
    let device = machine.home.state().join("guest.key");
    let mut said = String::new();
    for _ in 0..12 {
        said = edge
            .connect(&device, "a-guess-of-some-length")
            .await
            .expect_err("a wrong token");
    }
    assert!(said.contains("too many"), "{said}");
    machine.runs("openclaw status").await;
}

/// What was taken is answered once, whatever happened in between: a kill, and a lock that is left.
#[tokio::test]
async fn after_a_kill_the_machine_goes_on_where_it_was() {
    let mut machine = Machine::new().await;
    machine.know_the_fakes().await;
    for line in [
        "openclaw models set anthropic/claude-opus-4-6",
        "openclaw channels add telegram",
    ] {
        machine.runs(line).await;
    }
    machine.telegram.dm(ADA, "let me in");
    machine.said("openclaw pairing approve").await;
    let listed = machine.runs("openclaw pairing list --json").await;
    let listed: serde_json::Value = serde_json::from_str(&listed).expect("JSON");
    let code = listed["requests"][0]["code"].as_str().expect("a code");
    machine
        .runs(&format!("openclaw pairing approve telegram {code}"))
        .await;
    for round in 0..3 {
        let words = format!("question {round}");
        machine.telegram.dm(ADA, &words);
        let taken = machine
            .telegram
            .until(|telegram| telegram.unconfirmed().is_empty().then_some(()));
        soon("the message's being taken", taken).await;
        let mut running = machine.running.take().expect("it runs");
        running.kill();
        assert!(machine.home.state().join("gateway.lock").is_file());
        machine.start().await;
        machine.said(&words).await;
    }
    let texts: Vec<_> = machine
        .telegram
        .bodies("sendMessage")
        .iter()
        .map(text_of)
        .collect();
    for round in 0..3 {
        let words = format!("question {round}");
        let times = texts.iter().filter(|text| text.contains(&words)).count();
        // the one reply that was on its way when the process was killed may be repeated
        assert!(
            (1..=2).contains(&times),
            "{words} was answered {times} times: {texts:#?}"
        );
    }
}
