//! One account of the plugin before a fake Discord, without a gateway connection.
use crate::{
    account::{Connection, Me},
    config::Config,
};
use openclaw_fakes::discord::{Discord, Person};
use openclaw_plugin_api::{
    Error, ErrorKind, MediaRef, Outbound, Result, Secret,
    testing::{FakeAnswer, FakeRequest, TestHost},
};
use serde_json::{Value, json};
use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
    sync::Arc,
};

pub(crate) const ADA: Person = Person {
    id: 70_001,
    name: "Ada",
};

pub(crate) struct Lab {
    pub(crate) fake: Discord,
    pub(crate) host: TestHost,
    pub(crate) connection: Arc<Connection>,
    pub(crate) guild: u64,
    pub(crate) channel: u64,
}

impl Lab {
    /// A bot in a server with one channel.
    pub(crate) async fn new(config: Value) -> Self {
        let fake = Discord::start().await.expect("a free port");
        fake.unlimited();
        let guild = fake.guild("Home");
        let channel = fake.channel(guild, "general");
        let address = fake.root().replace("http://", "");
        let host = TestHost::new().web(move |request| exchange(&address, &request));
        let connection = Self::connect(&fake, &host, config);
        Self {
            fake,
            host,
            connection,
            guild,
            channel,
        }
    }

    /// Another process with the same host.
    pub(crate) fn connect(fake: &Discord, host: &TestHost, mut config: Value) -> Arc<Connection> {
        config["apiRoot"] = fake.base().into();
        let config: Config = serde_json::from_value(config).expect("a configuration");
        let bot = fake.bot();
        let connection = Connection::new(
            "default".into(),
            config,
            Secret::new(&bot.token),
            host.channel("discord"),
        );
        let me = Me {
            application_id: bot.id.to_string(),
            user_id: bot.id.to_string(),
            name: bot.name,
        };
        let _ = connection.me.set(me);
        Arc::new(connection)
    }

    /// A message to the channel.
    pub(crate) fn message(&self, text: &str) -> Outbound {
        Outbound {
            idempotency_key: "key".into(),
            chat_id: self.channel.to_string(),
            text: text.into(),
            ..Outbound::default()
        }
    }

    pub(crate) async fn file(&self, kind: &str, name: &str, bytes: &[u8]) -> MediaRef {
        self.host
            .host()
            .media()
            .save(kind, name, bytes.to_vec())
            .await
            .expect("room")
    }

    /// What the bot has written into the channel, oldest first. Nothing may have been wrong with any request.
    pub(crate) fn said(&self) -> Vec<Value> {
        assert_eq!(self.fake.complaints(), Vec::<String>::new());
        self.fake.messages(self.channel)
    }

    pub(crate) fn texts(&self) -> Vec<String> {
        self.said()
            .iter()
            .map(|message| message["content"].as_str().unwrap_or_default().to_owned())
            .collect()
    }

    /// Bodies of all calls of a key.
    pub(crate) fn bodies(&self, key: &str) -> Vec<Value> {
        assert_eq!(self.fake.complaints(), Vec::<String>::new());
        self.fake.bodies(key)
    }
}

/// One request over a socket of its own.
fn exchange(address: &str, request: &FakeRequest) -> Result<FakeAnswer> {
    let lost = |error: std::io::Error| Error::new(ErrorKind::Network, error);
    let path = request.head.url.split_once(address).map_or("/", |(_, path)| path);
    let mut head = format!(
        "{} {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n",
        request.head.method
    );
    for (name, value) in &request.head.headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += &format!("content-length: {}\r\n\r\n", request.body.len());
    let mut socket = TcpStream::connect(address).map_err(lost)?;
    socket.write_all(head.as_bytes()).map_err(lost)?;
    socket.write_all(&request.body).map_err(lost)?;
    let mut reader = BufReader::new(socket);
    let mut line = String::new();
    reader.read_line(&mut line).map_err(lost)?;
    let status = line.split(' ').nth(1).and_then(|status| status.parse().ok());
    let mut answer = FakeAnswer::new(status.ok_or_else(|| Error::new(ErrorKind::Network, "cut"))?, "");
    loop {
        line.clear();
        reader.read_line(&mut line).map_err(lost)?;
        let Some((name, value)) = line.trim().split_once(": ") else {
            break;
        };
        answer = answer.header(name, value);
    }
    let mut body = Vec::new();
    reader.read_to_end(&mut body).map_err(lost)?;
    // Whole answers have a length; only those that the fake breaks off come in pieces.
    answer.cut = answer.headers.iter().any(|(name, _)| name == "transfer-encoding");
    answer.chunks = vec![body];
    Ok(answer)
}

/// A record as JSON, to compare.
pub(crate) fn json_of(messages: &[Value], key: &str) -> Value {
    json!(
        messages
            .iter()
            .map(|message| message[key].clone())
            .collect::<Vec<_>>()
    )
}
