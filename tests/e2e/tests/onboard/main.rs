//! From nothing to a bot that answers: `openclaw onboard` in a home of its own, then the gateway, then a chat. And what
//! it must not do: write anything that does not work, or change what nobody asked it to.
use openclaw_e2e::world::{Home, Running, soon};
use openclaw_fakes::{openai::OpenAi, telegram::Telegram};
use serde_json::Value;
use std::{
    fs,
    path::PathBuf,
    process::{Command, Output},
};

mod flags;
mod person;

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
