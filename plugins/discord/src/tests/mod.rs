//! The plugin in a fake host, with a gateway and a REST interface that do what a test says. Time is paused.
mod accounts;
mod changes;
mod connection;
mod inbound;
mod late;
mod missed;
mod schema;
mod shards;

use super::PLUGIN;
use openclaw_plugin_api::{
    Inbound, WsClose, WsMessage,
    prelude::*,
    testing::{FakeAnswer, FakeRequest, FakeSocket, TestHost, TestPlugin},
};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
    time::Duration,
};

const TOKEN: &str = "abc.def.ghi";
const ME: &str = "99";

/// Answers of the REST interface by `METHOD path`; what is not there is 404.
#[derive(Clone)]
struct Web {
    answers: Arc<Mutex<BTreeMap<String, (u16, Value)>>>,
    /// Why there is no answer at all, now.
    away: Arc<Mutex<Option<ErrorKind>>>,
    asked: Arc<Mutex<Vec<String>>>,
}

/// A host, and the plugin with its default account started.
struct Lab {
    host: TestHost,
    plugin: TestPlugin,
    web: Web,
}

/// The gateway's side of one connection.
struct Gate {
    socket: FakeSocket,
    number: u64,
}

impl Web {
    fn new() -> Self {
        let web = Self {
            answers: Arc::default(),
            away: Arc::default(),
            asked: Arc::default(),
        };
        web.answer(
            "GET /applications/@me",
            200,
            json!({
                "id": "77", "name": "App", "flags": 1 << 19,
                "bot": { "id": ME, "username": "claw", "discriminator": "0", "bot": true }
            }),
        );
        web.answer(
            "GET /gateway/bot",
            200,
            json!({
                "url": "wss://gateway.discord.gg", "shards": 1,
                "session_start_limit": { "total": 1000, "remaining": 1000, "reset_after": 86_400_000, "max_concurrency": 1 }
            }),
        );
        web.answer("GET /users/@me/guilds", 200, json!([]));
        web
    }

    fn answer(&self, request: &str, status: u16, body: Value) {
        self.answers
            .lock()
            .expect("not poisoned")
            .insert(request.to_owned(), (status, body));
    }

    /// From now on nothing is answered, or it is again.
    fn away(&self, why: Option<ErrorKind>) {
        *self.away.lock().expect("not poisoned") = why;
    }

    /// Requests so far that begin like this.
    fn asked(&self, request: &str) -> usize {
        let asked = self.asked.lock().expect("not poisoned");
        asked.iter().filter(|one| one.starts_with(request)).count()
    }

    /// The last request so far that begins like this.
    fn last(&self, request: &str) -> String {
        let asked = self.asked.lock().expect("not poisoned");
        let mut asked = asked.iter().rev();
        asked
            .find(|one| one.starts_with(request))
            .cloned()
            .unwrap_or_default()
    }

    fn exchange(&self, request: &FakeRequest) -> Result<FakeAnswer> {
        let url = &request.head.url;
        let path = url.strip_prefix("https://discord.com/api/v10").unwrap_or(url);
        let name = format!("{} {path}", request.head.method);
        self.asked.lock().expect("not poisoned").push(name.clone());
        if let Some(kind) = *self.away.lock().expect("not poisoned") {
            return Err(Error::new(kind, "nobody answers"));
        }
        let name = name.split('?').next().unwrap_or_default().to_owned();
        Ok(match self.answers.lock().expect("not poisoned").get(&name) {
            Some((status, Value::String(bytes))) => FakeAnswer::new(*status, bytes.clone()),
            Some((status, body)) => FakeAnswer::json(*status, body),
            None => FakeAnswer::json(404, &json!({ "message": "404: Not Found", "code": 0 })),
        })
    }

    fn host(&self) -> TestHost {
        let web = self.clone();
        TestHost::new()
            .web(move |request| web.exchange(&request))
            .secret("DISCORD_BOT_TOKEN", TOKEN)
    }
}

impl Lab {
    async fn start(config: Value) -> Result<Self> {
        Self::with(Web::new(), config).await
    }

    async fn with(web: Web, config: Value) -> Result<Self> {
        let host = web.host();
        let plugin = host.load(&PLUGIN, json!({}))?;
        plugin.start_channel("discord", config).await?;
        Ok(Self { host, plugin, web })
    }

    /// A started account whose gateway has said hello and READY.
    async fn ready(config: Value) -> Result<(Self, Gate)> {
        let lab = Self::start(config).await?;
        let mut gate = lab.gate().await;
        gate.hello().await;
        gate.expect(2).await;
        gate.ready("s1").await;
        Ok((lab, gate))
    }

    /// The next connection.
    async fn gate(&self) -> Gate {
        Gate {
            socket: self.host.next_socket().await,
            number: 0,
        }
    }

    /// The next event of the host.
    async fn event(&self) -> Inbound {
        self.host.next_inbound().await.1
    }

    /// Is there no event for a while? Short enough that signs of life need no answer.
    async fn is_quiet(&self) -> bool {
        tokio::time::timeout(Duration::from_secs(30), self.event())
            .await
            .is_err()
    }

    async fn status(&self) -> Result<ChannelStatus> {
        self.plugin.call("channel/1/probe", "discord", &"default").await
    }

    /// Waits until the account is in a state.
    async fn state(&self, state: ChannelState) -> ChannelStatus {
        loop {
            if let Some((_, status)) = self.host.statuses().last()
                && status.state == state
            {
                return status.clone();
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

impl Gate {
    async fn send(&mut self, frame: Value) {
        let text = WsMessage::Text(frame.to_string());
        assert!(self.socket.send(&text).await, "the plugin has gone away");
    }

    async fn hello(&mut self) {
        self.send(json!({ "op": 10, "d": { "heartbeat_interval": 40_000 } }))
            .await;
    }

    async fn dispatch(&mut self, name: &str, data: Value) {
        self.number += 1;
        let number = self.number;
        self.numbered(number, name, data).await;
    }

    async fn numbered(&mut self, number: u64, name: &str, data: Value) {
        self.send(json!({ "op": 0, "s": number, "t": name, "d": data }))
            .await;
    }

    async fn ready(&mut self, session: &str) {
        let data = json!({
            "session_id": session, "resume_gateway_url": "wss://resume.discord.gg", "guilds": [{ "id": "1", "unavailable": true }],
            "user": { "id": ME, "username": "claw" }, "application": { "id": "77" }
        });
        self.dispatch("READY", data).await;
        self.dispatch("GUILD_CREATE", guild()).await;
    }

    async fn close(mut self, code: u16) {
        let close = WsMessage::Close(WsClose {
            code,
            reason: String::new(),
        });
        self.socket.send(&close).await;
    }

    /// The next message with this operation; heartbeats before it are answered.
    async fn expect(&mut self, op: u64) -> Value {
        loop {
            match self.socket.next().await {
                Some(WsMessage::Text(text)) => {
                    let frame: Value = serde_json::from_str(&text).expect("JSON");
                    if frame["op"] == op {
                        return frame["d"].clone();
                    }
                    assert_eq!(frame["op"], 1, "{frame}");
                    self.send(json!({ "op": 11 })).await;
                }
                other => panic!("a message with the operation {op}, not {other:?}"),
            }
        }
    }

    /// How the plugin ends the connection; heartbeats before that are not answered.
    async fn closed(&mut self) -> Option<u16> {
        while let Some(message) = self.socket.next().await {
            if let WsMessage::Close(close) = message {
                return Some(close.code);
            }
        }
        None
    }
}

fn guild() -> Value {
    json!({
        "id": "1", "name": "Home", "owner_id": "5", "member_count": 3,
        "channels": [
            { "id": "10", "type": 0, "name": "general" }, { "id": "11", "type": 15, "name": "questions" }
        ],
        "threads": [
            { "id": "20", "type": 11, "name": "side talk", "parent_id": "10", "owner_id": "7" },
            { "id": "21", "type": 11, "name": "a post", "parent_id": "11", "owner_id": "7" }
        ],
        "roles": [{ "id": "98", "name": "claw", "tags": { "bot_id": ME } }, { "id": "6", "name": "Staff" }]
    })
}

/// A message of Ada in `general`.
fn message(id: u64, content: &str) -> Value {
    json!({
        "id": id.to_string(), "channel_id": "10", "guild_id": "1", "type": 0, "content": content,
        "author": { "id": "7", "username": "ada", "global_name": "Ada" }, "member": { "roles": ["6"], "nick": null }
    })
}

/// A record with other fields put over it.
fn with(mut base: Value, over: Value) -> Value {
    if let (Some(base), Value::Object(over)) = (base.as_object_mut(), over) {
        base.extend(over);
    }
    base
}
