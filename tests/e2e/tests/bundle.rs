//! A bundle as somebody has it who has just unpacked it: `cargo xtask bundle --check` says where it is. The program finds its
//! plugins by itself, and each of them does its work.
use openclaw_e2e::world::{ADA, Running, soon, text_of};
use openclaw_fakes::{
    anthropic::Anthropic,
    discord::{self, Discord},
    gemini::Gemini,
    openai::OpenAi,
    telegram::Telegram,
};
use serde_json::{Value, json};
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

const TOKEN: &str = "0123456789abcdef0123456789abcdef";

/// The bundle's folder.
fn bundle() -> PathBuf {
    let folder =
        env::var_os("OPENCLAW_TEST_BUNDLE").expect("`cargo xtask bundle --check` says where the bundle is");
    fs::canonicalize(folder).expect("it is there")
}

/// The ids of the plugins in it.
fn plugins(bundle: &Path) -> Vec<String> {
    let files = fs::read_dir(bundle.join("lib/openclaw/plugins")).expect("a folder");
    let ids = files.filter_map(|file| Some(file.ok()?.path().file_stem()?.to_str()?.to_owned()));
    let mut ids: Vec<_> = ids.collect();
    ids.sort();
    ids
}

struct Services {
    telegram: Telegram,
    discord: Discord,
    guild: u64,
    room: u64,
    openai: OpenAi,
    anthropic: Anthropic,
    gemini: Gemini,
}

impl Services {
    async fn start() -> Self {
        let discord = Discord::start().await.expect("a port");
        discord.unlimited();
        let guild = discord.guild("Home");
        Self {
            telegram: Telegram::start().await.expect("a port"),
            guild,
            room: discord.channel(guild, "general"),
            discord,
            openai: OpenAi::start().await.expect("a port"),
            anthropic: Anthropic::start().await.expect("a port"),
            gemini: Gemini::start().await.expect("a port"),
        }
    }

    fn config(&self, plugins: &[String]) -> Value {
        let has = |id: &str| plugins.iter().any(|known| known == id);
        let mut config = json!({
            "gateway": { "mode": "local", "http": { "endpoints": { "chatCompletions": { "enabled": true } } } },
            "agents": { "defaults": { "model": { "primary": "demo/echo" } } },
            "models": { "providers": {} },
            "channels": {},
            "plugins": { "entries": plugins.iter().map(|id| (id.clone(), json!({"enabled": true}))).collect::<serde_json::Map<_, _>>() },
        });
        let providers = &mut config["models"]["providers"];
        if has("openai") {
            providers["one"] = json!({ "baseUrl": self.openai.base_url(), "apiKey": "sk-a", "api": "openai-completions",
                "models": [{ "id": "m", "contextWindow": 100_000 }] });
        }
        if has("anthropic") {
            providers["anthropic"] = json!({ "baseUrl": self.anthropic.server.url(), "apiKey": "sk-b" });
        }
        if has("google") {
            providers["google"] = json!({ "baseUrl": self.gemini.base_url(), "apiKey": "sk-c" });
        }
        if has("telegram") {
            config["channels"]["telegram"] = json!({ "apiRoot": self.telegram.root(), "botToken": Telegram::TOKEN,
                "dmPolicy": "open", "allowFrom": ["*"] });
        }
        if has("discord") {
            config["channels"]["discord"] = json!({ "apiRoot": self.discord.base(), "token": self.discord.bot().token,
                "groupPolicy": "open", "guilds": { self.guild.to_string(): { "requireMention": false } } });
        }
        config
    }
}

/// The program of the bundle with a state of its own.
struct Desk {
    program: PathBuf,
    state: tempfile::TempDir,
}

impl Desk {
    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(args)
            .env_clear()
            .env("HOME", self.state.path())
            .env("OPENCLAW_STATE_DIR", self.state.path())
            .env("OPENCLAW_GATEWAY_TOKEN", TOKEN)
            .stdin(Stdio::null());
        command
    }

    async fn says(&self, args: &[&str]) -> String {
        let mut command = self.command(args);
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        let output = output.expect("no panic").expect("the program runs");
        assert!(
            output.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("text")
    }
}

#[tokio::test]
#[ignore = "takes a bundle: `cargo xtask bundle --check`"]
async fn every_bundled_plugin_does_its_work() {
    let bundle = bundle();
    let plugins = plugins(&bundle);
    let has = |id: &str| plugins.iter().any(|known| known == id);
    let services = Services::start().await;
    let desk = Desk {
        program: bundle.join("bin/openclaw"),
        state: tempfile::tempdir().expect("a folder"),
    };
    fs::write(
        desk.state.path().join("openclaw.json"),
        services.config(&plugins).to_string(),
    )
    .expect("written");
    let gateway = Running::ready(&mut desk.command(&["gateway", "--port", "0"])).await;
    let port = gateway.port.clone();

    let list: Value = serde_json::from_str(&desk.says(&["plugins", "list", "--json"]).await).expect("JSON");
    let mut list_live = desk.command(&["plugins", "list", "--json"]);
    let live = list_live
        .env("OPENCLAW_GATEWAY_PORT", &port)
        .output()
        .expect("it runs");
    let live: Value = serde_json::from_slice(&live.stdout).expect("JSON");
    assert_eq!(list["problems"], json!([]));
    for id in &plugins {
        let rows = live["plugins"].as_array().expect("rows");
        let row = rows
            .iter()
            .find(|row| row["id"] == id.as_str())
            .unwrap_or_else(|| panic!("{id} is not found"));
        assert_eq!(row["live"]["status"], "loaded", "{id}: {row}");
    }

    let models = [
        ("demo", "demo/echo"),
        ("openai", "one/m"),
        ("anthropic", "anthropic/claude-opus-4-6"),
        ("google", "google/gemini-2.5-flash"),
    ];
    for (id, model) in models.into_iter().filter(|(id, _)| has(id)) {
        let words = format!("hello {id}");
        let said = desk
            .says(&[
                "agent",
                "--port",
                &port,
                "--model",
                model,
                "--session-id",
                id,
                "--message",
                &words,
            ])
            .await;
        assert!(said.contains(&words), "{model} says {said:?}");
    }
    if has("telegram") {
        services.telegram.dm(ADA, "by the bundle");
        let sent = services.telegram.until(|telegram| {
            let sent = telegram.bodies("sendMessage");
            sent.iter()
                .any(|body| text_of(body).contains("by the bundle"))
                .then_some(())
        });
        soon("an answer in the chat", sent).await;
    }
    if has("discord") {
        let ada = discord::Person {
            id: 70_001,
            name: "Ada",
        };
        services.discord.join(services.guild, ada, &[]);
        soon(
            "the bot's being online",
            services.discord.is_online(&services.discord.bot()),
        )
        .await;
        services.discord.say(services.room, ada, "in the guild");
        let said = services.discord.until(|discord| {
            let said = discord.said_by_bots();
            said.iter()
                .any(|message| {
                    message["content"]
                        .as_str()
                        .is_some_and(|text| text.contains("in the guild"))
                })
                .then_some(())
        });
        soon("an answer in the guild", said).await;
    }
    if has("control-ui") {
        let page = gateway.get("/").await;
        assert!(
            page.starts_with("HTTP/1.1 200") && page.to_lowercase().contains("<!doctype html"),
            "{page}"
        );
    }
    if has("openai-http") {
        let body = json!({"model": "openclaw", "messages": [{"role": "user", "content": "over http"}]});
        let answer = post(&port, "/v1/chat/completions", &body).await;
        assert!(
            answer.starts_with("HTTP/1.1 200") && answer.contains("over http"),
            "{answer}"
        );
    }
    let (code, log) = gateway.stop().await;
    assert_eq!(code, Some(0), "{log}");
}

#[test]
#[ignore = "takes a bundle: `cargo xtask bundle --check`"]
fn what_a_release_has_to_carry_is_there() {
    let bundle = bundle();
    for (file, words) in [
        ("share/man/man1/openclaw.1", "openclaw"),
        ("share/man/man1/openclaw-gateway.1", "allow\\-unconfigured"),
        ("share/bash-completion/completions/openclaw", "allow-unconfigured"),
        ("share/zsh/site-functions/_openclaw", "#compdef openclaw"),
        ("share/fish/vendor_completions.d/openclaw.fish", "openclaw"),
        ("share/doc/openclaw/THIRD-PARTY", "Apache License"),
        ("share/doc/openclaw/sbom.cdx.json", "\"bomFormat\": \"CycloneDX\""),
        ("LICENSE-MIT", "MIT"),
        ("LICENSE-APACHE", "Apache"),
    ] {
        let text = fs::read_to_string(bundle.join(file)).unwrap_or_else(|error| panic!("{file}: {error}"));
        assert!(text.contains(words), "{file} does not say {words}");
    }
    let sums = Command::new("sha256sum")
        .args(["--check", "--quiet", "SHA256SUMS"])
        .current_dir(&bundle)
        .status();
    assert!(sums.expect("sha256sum runs").success());
}

async fn post(port: &str, path: &str, body: &Value) -> String {
    let body = body.to_string();
    let mut stream = TcpStream::connect(format!("127.0.0.1:{port}"))
        .await
        .expect("it listens");
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {TOKEN}\r\ncontent-type: application/json\r\n\
         content-length: {}\r\nconnection: close\r\n\r\n",
        body.len()
    );
    stream
        .write_all((head + &body).as_bytes())
        .await
        .expect("it reads");
    let mut answer = String::new();
    soon("its answer", stream.read_to_string(&mut answer))
        .await
        .expect("text");
    answer
}
