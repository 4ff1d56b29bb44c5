//! The plugin in a fake host, against the fake Bot API. Time is paused, so waits cost nothing.
mod accounts;
mod inbound;
mod outbound;
mod reliability;
mod schema;
mod webhook;

use super::PLUGIN;
use openclaw_fakes::telegram::{Fault, Person, Telegram};
use openclaw_plugin_api::{
    Inbound,
    prelude::*,
    testing::{FakeAnswer, FakeRequest, TestHost, TestPlugin},
};
use std::time::Duration;

const ADA: Person = Person { id: 7, name: "Ada" };

/// A fake Telegram, a host that reaches it, and the plugin with its default account started.
struct Lab {
    fake: Telegram,
    host: TestHost,
    plugin: TestPlugin,
}

/// A host whose only web is the fake.
fn host(fake: &Telegram) -> TestHost {
    let fake = fake.clone();
    TestHost::new().web(move |request| Ok(exchange(&fake, &request)))
}

fn exchange(fake: &Telegram, request: &FakeRequest) -> FakeAnswer {
    let path = request
        .head
        .url
        .strip_prefix("https://api.telegram.org")
        .expect("the Bot API and nothing else");
    let kind = request
        .head
        .headers
        .iter()
        .find(|(name, _)| name == "content-type");
    let reply = fake.exchange(path, kind.map_or("", |(_, kind)| kind), &request.body);
    FakeAnswer {
        cut: reply.cut,
        ..FakeAnswer::new(reply.status, reply.body)
    }
}

impl Lab {
    async fn start(config: Value) -> Result<Self> {
        Self::with(Telegram::offline(), config).await
    }

    async fn with(fake: Telegram, config: Value) -> Result<Self> {
        let host = host(&fake).secret("TELEGRAM_BOT_TOKEN", Telegram::TOKEN);
        let plugin = host.load(&PLUGIN, json!({}))?;
        plugin.start_channel("telegram", config).await?;
        // From here on it is known who the bot is.
        fake.called("getUpdates", 1).await;
        Ok(Self { fake, host, plugin })
    }

    /// The next event.
    async fn event(&self) -> Inbound {
        self.host.next_inbound().await.1
    }

    async fn send(&self, text: &str) -> Result<Receipt> {
        self.plugin.send("telegram", &to_ada(text)).await
    }

    /// Sends a message of which Telegram takes the first part alone.
    async fn send_in_part(&self, message: &Outbound) -> Error {
        self.fake.fail("sendMessage", Fault::Delay(Duration::ZERO));
        let limit = Fault::Refuse {
            code: 429,
            description: "Too Many Requests".into(),
            retry_after: Some(3),
        };
        self.fake.fail("sendMessage", limit);
        let sent = self.plugin.send("telegram", message).await;
        sent.expect_err("the second part is refused")
    }

    /// Bodies of all calls of a method; nothing may have been wrong with any call.
    fn bodies(&self, method: &str) -> Vec<Value> {
        assert_eq!(self.fake.complaints(), Vec::<String>::new());
        self.fake.bodies(method)
    }
}

fn to_ada(text: &str) -> Outbound {
    Outbound {
        account_id: "default".into(),
        chat_id: "7".into(),
        text: text.into(),
        ..Outbound::default()
    }
}

/// A message of two parts.
fn two_parts(key: &str) -> Outbound {
    Outbound {
        idempotency_key: key.into(),
        ..to_ada(&"a & b\n".repeat(660))
    }
}

/// These are the calls of two tries of such a message, of which the first sent its first part.
fn assert_went_on(sent: &[Value]) {
    let texts: Vec<_> = sent.iter().map(|body| &body["text"]).collect();
    assert_eq!(texts.len(), 3);
    assert!(
        texts[1] == texts[2] && texts[0] != texts[1],
        "the first part is not sent again"
    );
}
