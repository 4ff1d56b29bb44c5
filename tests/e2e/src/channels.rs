//! The real program as the conformance suite of channels wants it: any channel in it, and a model that repeats.
use crate::running::{Home, Running, soon};
use openclaw_fakes::openai::{OpenAi, Turn};
use openclaw_kit::conformance;
use serde_json::{Value, json};
use std::fs;

/// The program with one channel, in a home of its own.
#[derive(Debug)]
pub struct Program {
    channel: String,
    model: OpenAi,
    home: Home,
    running: Option<Running>,
}

impl Program {
    fn running(&self) -> &Running {
        self.running
            .as_ref()
            .expect("it runs but while it is started again")
    }

    /// All that the model was asked so far, request by request.
    fn requests(&self) -> Vec<String> {
        self.model
            .asked()
            .iter()
            .map(|asked| words(&asked.body))
            .collect()
    }
}

impl conformance::Gateway for Program {
    // the model that answers stands in the status
    const STATUS: &'static str = "one/m";

    async fn start(channel: &str, config: Value) -> Self {
        let model = OpenAi::start().await.expect("a port");
        let home = Home::new(&[channel, "openai"]);
        let provider = json!({
            "baseUrl": model.base_url(), "apiKey": "sk-of-a-test", "api": "openai-completions",
            "models": [{ "id": "m", "contextWindow": 100_000 }],
        });
        home.configure(&json!({
            "agents": { "defaults": { "model": { "primary": "one/m" } } },
            "models": { "providers": { "one": provider } },
            "session": { "dmScope": "per-channel-peer" },
            "messages": { "queue": { "mode": "followup", "debounceMs": 0, "cap": 1000 } },
            "channels": { channel: config },
        }));
        let running = Some(home.start().await);
        Self {
            channel: channel.to_owned(),
            model,
            home,
            running,
        }
    }

    fn answers(&self, text: &str) {
        self.model.script(Turn::text(text));
    }

    fn heard(&self) -> String {
        self.requests().join("\n")
    }

    async fn hears(&self, words: &str) {
        let mut count = 0;
        while !self.requests().iter().any(|request| request.contains(words)) {
            count = self.requests().len().max(count + 1);
            soon("the model's being asked", self.model.heard(count)).await;
        }
    }

    async fn configure(&self, config: Value) {
        let text = fs::read_to_string(self.home.config_file()).expect("read");
        let mut whole: Value = serde_json::from_str(&text).expect("it was written here");
        let old = std::mem::replace(&mut whole["channels"][&self.channel], config.clone());
        let changed = config.as_object().expect("a block").iter();
        let changed = changed
            .into_iter()
            .find(|(key, value)| old.get(key) != Some(value));
        let (key, _) = changed.expect("something changes");
        self.home.configure(&whole);
        self.running()
            .says(&format!("channels.{}.{key}", self.channel))
            .await;
    }

    async fn restart(&mut self) {
        let running = self.running.take().expect("it runs");
        let (code, log) = running.stop().await;
        assert_eq!(code, Some(0), "{log}");
        self.running = Some(self.home.start().await);
    }

    async fn stop(&mut self) -> String {
        let running = self.running.take().expect("it runs");
        let (code, log) = running.stop().await;
        assert_eq!(code, Some(0), "{log}");
        assert_eq!(self.model.complaints(), [""; 0]);
        log
    }

    fn log(&self) -> String {
        self.running().log()
    }
}

/// All texts in a value, without what JSON makes of them.
fn words(value: &Value) -> String {
    match value {
        Value::String(text) => format!("{text}\n"),
        Value::Array(list) => list.iter().map(words).collect(),
        Value::Object(object) => object.values().map(words).collect(),
        _ => String::new(),
    }
}
