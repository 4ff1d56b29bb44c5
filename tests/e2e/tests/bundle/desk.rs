//! The bundle's program with a state of its own, among fakes of all that its plugins speak with.
use openclaw_e2e::world::{Running, soon};
use openclaw_fakes::{
    anthropic::Anthropic,
    discord::Discord,
    gemini::Gemini,
    openai::OpenAi,
    search::Search,
    telegram::Telegram,
    voice::{Carrier, Rest},
};
use serde_json::{Map, Value, json};
use std::{
    env, fs,
    path::PathBuf,
    process::{Command, Stdio},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// What opens the gateway.
pub const TOKEN: &str = "0123456789abcdef0123456789abcdef";
/// What opens its webhooks.
pub const HOOKS: &str = "fedcba9876543210fedcba9876543210";
/// A carrier's account and its secret.
pub const ACCOUNT: (&str, &str) = ("AC00000000000000000000000000000001", "the-secret-of-a-carrier");
/// The webhook of calls, as the carrier calls it.
pub const PUBLIC: &str = "https://voice.example.com/voice/webhook";

/// What the plugins speak with.
pub struct Services {
    pub telegram: Telegram,
    pub discord: Discord,
    pub guild: u64,
    pub room: u64,
    pub carrier: Rest,
    openai: OpenAi,
    anthropic: Anthropic,
    gemini: Gemini,
    search: Search,
}

/// The program that runs, and its state.
pub struct Desk {
    program: PathBuf,
    state: tempfile::TempDir,
    pub services: Services,
    pub gateway: Running,
}

// === impl Services ===

impl Services {
    async fn start() -> Self {
        let discord = Discord::start().await.expect("a port");
        discord.unlimited();
        let guild = discord.guild("Home");
        let carrier = Rest::start(Carrier::Twilio, ACCOUNT.0, ACCOUNT.1);
        Self {
            telegram: Telegram::start().await.expect("a port"),
            guild,
            room: discord.channel(guild, "general"),
            discord,
            carrier: carrier.await.expect("a port"),
            openai: OpenAi::start().await.expect("a port"),
            anthropic: Anthropic::start().await.expect("a port"),
            gemini: Gemini::start().await.expect("a port"),
            search: Search::start().await.expect("a port"),
        }
    }

    /// Every plugin that is there is on, and speaks with its fake.
    fn config(&self, plugins: &[String]) -> Value {
        let on = plugins.iter().map(|id| (id.clone(), json!({ "enabled": true })));
        let mut config = json!({
            "gateway": { "mode": "local" },
            "agents": { "defaults": { "model": { "primary": "demo/echo" } } },
            "plugins": { "entries": on.collect::<Map<_, _>>() },
        });
        for id in plugins {
            self.configure(id, &mut config);
        }
        config
    }

    fn configure(&self, id: &str, config: &mut Value) {
        let model = |url: String, key: &str| json!({ "baseUrl": url, "apiKey": key });
        match id {
            "openai" => {
                config["models"]["providers"]["one"] = json!({ "baseUrl": self.openai.base_url(), "apiKey": "sk-a",
                    "api": "openai-completions", "models": [{ "id": "m", "contextWindow": 100_000 }] });
            }
            "anthropic" => {
                config["models"]["providers"]["anthropic"] = model(self.anthropic.server.url(), "sk-b");
            }
            "google" => config["models"]["providers"]["google"] = model(self.gemini.base_url(), "sk-c"),
            "telegram" => {
                config["channels"]["telegram"] = json!({ "apiRoot": self.telegram.root(), "botToken": Telegram::TOKEN,
                    "dmPolicy": "open", "allowFrom": ["*"] });
            }
            "discord" => {
                config["channels"]["discord"] = json!({ "apiRoot": self.discord.base(), "token": self.discord.bot().token,
                    "groupPolicy": "open", "guilds": { self.guild.to_string(): { "requireMention": false } } });
            }
            "openai-http" => {
                config["gateway"]["http"] =
                    json!({ "endpoints": { "chatCompletions": { "enabled": true } } });
            }
            "hooks" => config["hooks"] = json!({ "enabled": true, "token": HOOKS }),
            "shell" => config["tools"]["exec"] = json!({ "security": "full", "ask": "off" }),
            "web" => {
                config["tools"]["web"]["search"] = json!({ "provider": "searxng",
                    "searxng": { "baseUrl": self.search.base_url("searxng") } });
            }
            "mcp" => {
                let program = env::current_exe().expect("a program");
                config["mcp"]["servers"]["own"] = json!({ "command": program, "args": crate::SERVER.args,
                    "env": { crate::SERVER.role: "good" } });
            }
            "voice-call" => {
                config["plugins"]["entries"][id]["config"] = json!({ "provider": "twilio", "fromNumber": "+15550009999",
                    "publicUrl": PUBLIC, "inboundPolicy": "allowlist", "allowFrom": [crate::CALLER],
                    "inboundGreeting": "Good day.", "twilio": { "accountSid": ACCOUNT.0, "authToken": ACCOUNT.1,
                    "apiRoot": self.carrier.root() } });
            }
            // these need nothing
            _ => {}
        }
    }
}

// === impl Desk ===

impl Desk {
    /// Starts the program with these plugins.
    pub async fn with(program: PathBuf, plugins: &[String]) -> Self {
        let (services, state) = (Services::start().await, tempfile::tempdir().expect("a folder"));
        let config = services.config(plugins).to_string();
        fs::write(state.path().join("openclaw.json"), config).expect("written");
        let mut command = command(&program, &state, &["gateway", "--port", "0"]);
        let gateway = Running::ready(&mut command).await;
        Self {
            program,
            state,
            services,
            gateway,
        }
    }

    /// What a command says that asks the gateway.
    pub async fn says(&self, args: &[&str]) -> String {
        let mut command = command(&self.program, &self.state, args);
        command.env("OPENCLAW_GATEWAY_PORT", &self.gateway.port);
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        let output = output.expect("no panic").expect("the program runs");
        assert!(
            output.status.success(),
            "{args:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        String::from_utf8(output.stdout).expect("text")
    }

    /// What an agent answers in a conversation of its own.
    pub async fn answer(&self, conversation: &str, model: &str, words: &str) -> String {
        self.says(&[
            "agent",
            "--model",
            model,
            "--session-id",
            conversation,
            "--message",
            words,
        ])
        .await
    }

    /// What the demonstration model says of a tool that it was told to use.
    pub async fn tool(&self, name: &str, arguments: &Value) -> String {
        self.answer(name, "demo/echo", &format!("/tool {name} {arguments}"))
            .await
    }

    /// What is answered to a body.
    pub async fn post(&self, path: &str, headers: &[(&str, String)], body: &str) -> String {
        let mut stream = TcpStream::connect(format!("127.0.0.1:{}", self.gateway.port))
            .await
            .expect("it listens");
        let headers: String = headers
            .iter()
            .map(|(name, value)| format!("{name}: {value}\r\n"))
            .collect();
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: localhost\r\n{headers}content-length: {}\r\nconnection: close\r\n\r\n",
            body.len()
        );
        stream
            .write_all((head + body).as_bytes())
            .await
            .expect("it reads");
        let mut answer = String::new();
        soon("its answer", stream.read_to_string(&mut answer))
            .await
            .expect("text");
        answer
    }
}

/// The program with this state and nothing of the environment but where commands are.
fn command(program: &PathBuf, state: &tempfile::TempDir, args: &[&str]) -> Command {
    let mut command = Command::new(program);
    command
        .args(args)
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("HOME", state.path())
        .env("OPENCLAW_STATE_DIR", state.path())
        .env("OPENCLAW_GATEWAY_TOKEN", TOKEN)
        .stdin(Stdio::null());
    command
}
