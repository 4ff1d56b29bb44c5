//! The real program among services on loopback: a messenger, models, and a home of its own for each test.
//!
//! Nothing here waits for time to pass: it waits for what a fake was asked or the program has said, and ends a test
//! that waits too long with the program's log.
pub use crate::running::{Home, PATIENCE, Running, soon};
use openclaw_fakes::{
    openai::OpenAi,
    telegram::{Person, Telegram},
};
use serde_json::{Value, json};
use std::fs;

/// Somebody who writes to the bot.
pub const ADA: Person = Person { id: 7, name: "Ada" };
/// Somebody else.
pub const BOB: Person = Person { id: 8, name: "Bob" };
/// A group of theirs.
pub const GROUP: i64 = -100_777;

/// A gateway with a messenger and a model.
#[derive(Debug)]
pub struct World {
    /// The messenger.
    pub telegram: Telegram,
    /// The model.
    pub model: OpenAi,
    /// Its files.
    pub home: Home,
    /// The program.
    pub gateway: Running,
}

/// The key that [`config`] gives to models; it must not be printed.
pub const KEY: &str = "sk-a-key-that-is-not-printed";

/// A configuration in which everybody may write, for these models by provider; the first is the primary.
pub fn config(telegram: &Telegram, models: &[(&str, &OpenAi)]) -> Value {
    let providers: serde_json::Map<_, _> = models
        .iter()
        .map(|(id, model)| {
            let provider = json!({
                "baseUrl": model.base_url(), "apiKey": KEY, "api": "openai-completions",
                "models": [{ "id": "m", "contextWindow": 100_000 }],
            });
            ((*id).to_owned(), provider)
        })
        .collect();
    let references: Vec<_> = models.iter().map(|(id, _)| format!("{id}/m")).collect();
    json!({
        "agents": { "defaults": { "model": { "primary": references[0], "fallbacks": references[1..] } } },
        "models": { "providers": providers },
        "channels": { "telegram": {
            "apiRoot": telegram.root(), "botToken": Telegram::TOKEN, "dmPolicy": "open", "allowFrom": ["*"],
            "groupPolicy": "open", "groups": { "*": { "requireMention": true } },
        } },
    })
}

// === impl World ===

impl World {
    /// A world in which everybody may write.
    pub async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// The same with another configuration.
    pub async fn with(change: impl FnOnce(&mut Value)) -> Self {
        Self::with_plugins(&[], change).await
    }

    /// The same with more plugins.
    pub async fn with_plugins(more: &[&str], change: impl FnOnce(&mut Value)) -> Self {
        let telegram = Telegram::start().await.expect("a port");
        let model = OpenAi::start().await.expect("a port");
        model.require_key(KEY);
        let home = Home::new(&[&["telegram", "openai"], more].concat());
        let mut config = config(&telegram, &[("one", &model)]);
        change(&mut config);
        home.configure(&config);
        let gateway = home.start().await;
        Self {
            telegram,
            model,
            home,
            gateway,
        }
    }

    /// Changes the configuration, while the gateway runs or not.
    pub fn reconfigure(&self, change: impl FnOnce(&mut Value)) {
        let text = fs::read_to_string(self.home.config_file()).expect("read");
        let mut config = serde_json::from_str(&text).expect("it was written here");
        change(&mut config);
        self.home.configure(&config);
    }

    /// Waits until a message with these words is sent; gives the request.
    pub async fn sent(&self, words: &str) -> Value {
        let found = self.telegram.until(|telegram| {
            let sent = telegram.bodies("sendMessage").into_iter();
            sent.into_iter()
                .find(|body| body["text"].as_str().is_some_and(|text| text.contains(words)))
        });
        match tokio::time::timeout(PATIENCE, found).await {
            Ok(found) => found,
            Err(_) => panic!(
                "nothing with {words:?} was sent; it sent {:#?}",
                self.telegram.bodies("sendMessage")
            ),
        }
    }

    /// Waits until the bot has sent so many messages; gives their texts.
    pub async fn texts(&self, count: usize) -> Vec<String> {
        let sent = soon("answers", self.telegram.called("sendMessage", count)).await;
        sent.iter().map(text_of).collect()
    }

    /// What a model was told last by a person, in the `n`th request, counted from 1.
    pub async fn heard(&self, n: usize) -> String {
        let bodies = soon("the model's being asked", self.model.heard(n)).await;
        last_words(&bodies[n - 1])
    }

    /// Ends the gateway in good order and starts it again.
    pub async fn restarted(self) -> Self {
        let Self {
            telegram,
            model,
            home,
            gateway,
        } = self;
        let (code, log) = gateway.stop().await;
        assert_eq!(code, Some(0), "{log}");
        Self {
            gateway: home.start().await,
            telegram,
            model,
            home,
        }
    }

    /// Ends the gateway in good order. Nobody had to complain, and nothing secret was said.
    pub async fn end(self) -> String {
        let (code, log) = self.gateway.stop().await;
        assert_eq!(code, Some(0), "{log}");
        assert_eq!(self.telegram.complaints(), [""; 0]);
        assert_eq!(self.model.complaints(), [""; 0]);
        let secret = Telegram::TOKEN.split(':').nth(1).expect("an id and a secret");
        assert!(
            !log.contains(secret) && !log.contains(KEY),
            "a secret is logged:\n{log}"
        );
        log
    }
}

/// The text of a message.
pub fn text_of(body: &Value) -> String {
    body["text"].as_str().unwrap_or_default().to_owned()
}

/// What a request for an answer ends with.
pub fn last_words(body: &Value) -> String {
    let last = body["messages"].as_array().and_then(|messages| messages.last());
    match &last.expect("a message")["content"] {
        Value::String(text) => text.clone(),
        content => content.to_string(),
    }
}
