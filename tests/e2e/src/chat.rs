//! A chat client as others write them: every frame that comes is kept, in its order.
use crate::running::{Home, Running, soon};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::{SinkExt, StreamExt};
use openclaw_fakes::openai::OpenAi;
use ring::signature::{Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::net::TcpStream;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async, tungstenite::Message};

/// The token that [`config`] gives to the gateway.
pub const TOKEN: &str = "a-token-for-chat-clients";

/// One connection.
#[derive(Debug)]
pub struct Chat {
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
    /// All frames that came, the handshake aside.
    pub frames: Vec<Value>,
    /// What the gateway said at the door.
    pub hello: Value,
    sent: u64,
}

/// A gateway that knows the token, and a model that needs no account.
pub fn config() -> Value {
    json!({ "gateway": { "auth": { "token": TOKEN } }, "agents": { "defaults": { "model": { "primary": "demo/echo" } } } })
}

/// A gateway that [`Chat`] can connect to, whose model does what the test says, with these plugins and another
/// configuration.
pub async fn scripted(more: &[&str], change: impl FnOnce(&mut Value)) -> (OpenAi, Home, Running) {
    let model = OpenAi::start().await.expect("a port");
    let home = Home::new(&[&["openai"], more].concat());
    let mut config = config();
    config["agents"]["defaults"]["model"]["primary"] = json!("one/m");
    config["models"] = json!({ "providers": { "one": {
        "baseUrl": model.base_url(), "apiKey": "sk-x", "api": "openai-completions",
        "models": [{ "id": "m", "contextWindow": 100_000 }],
    } } });
    change(&mut config);
    home.configure(&config);
    let gateway = home.start().await;
    (model, home, gateway)
}

/// Parameters of `connect` with the proof of a device, whose key is made of this number.
pub fn signed(mut params: Value, device: u8, nonce: &str) -> Value {
    let pair = Ed25519KeyPair::from_seed_unchecked(&[device; 32]).expect("a key");
    let public = pair.public_key().as_ref();
    let id: String = Sha256::digest(public)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a time")
        .as_millis();
    let scopes = params["scopes"].as_array().expect("a list").iter();
    let scopes: Vec<_> = scopes.filter_map(Value::as_str).collect();
    let (role, client) = (words_of(&params["role"]), &params["client"]);
    let proof = format!(
        "v3|{id}|{}|{}|{role}|{}|{now}|{TOKEN}|{nonce}|{}|{}",
        words_of(&client["id"]),
        words_of(&client["mode"]),
        scopes.join(","),
        words_of(&client["platform"]),
        words_of(&client["deviceFamily"]).to_lowercase(),
    );
    params["device"] = json!({
        "id": id, "publicKey": URL_SAFE_NO_PAD.encode(public), "signedAt": now, "nonce": nonce,
        "signature": URL_SAFE_NO_PAD.encode(pair.sign(proof.as_bytes())),
    });
    params
}

fn words_of(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

// === impl Chat ===

impl Chat {
    /// Connects with all rights, and sees tools.
    pub async fn connect(gateway: &Running) -> Self {
        Self::with(gateway, &["operator.admin"], &["tool-events"]).await
    }

    /// Connects with these rights and these abilities.
    pub async fn with(gateway: &Running, scopes: &[&str], caps: &[&str]) -> Self {
        let params = json!({
            "minProtocol": 4, "maxProtocol": 4, "role": "operator", "scopes": scopes, "caps": caps,
            "client": { "id": "cli", "version": "1", "platform": "linux", "mode": "cli" },
            "auth": { "token": TOKEN },
        });
        let mut chat = Self::open(gateway, params).await;
        chat.frames.clear();
        chat
    }

    /// Connects with these parameters. The answer is kept as a frame, with the id that recorded talks are given.
    pub async fn open(gateway: &Running, params: Value) -> Self {
        Self::challenged(gateway, |_| params).await
    }

    /// The same with what a device makes of the gateway's challenge.
    pub async fn challenged(gateway: &Running, params: impl FnOnce(&str) -> Value) -> Self {
        let url = format!("ws://127.0.0.1:{}/", gateway.port);
        let (socket, _) = soon("a connection", connect_async(url))
            .await
            .expect("it listens");
        let mut chat = Self {
            socket,
            frames: Vec::new(),
            hello: Value::Null,
            sent: 0,
        };
        let challenge = chat.next().await;
        let nonce = challenge["payload"]["nonce"].as_str().unwrap_or_default();
        let params = params(nonce);
        chat.frames.clear();
        chat.hello = chat.call("connect", params).await.expect("it is let in");
        chat
    }

    /// Waits until the gateway closes the connection; gives the code and the reason.
    pub async fn closed(&mut self) -> (u16, String) {
        loop {
            match soon("the end of the connection", self.socket.next()).await {
                Some(Ok(Message::Close(Some(frame)))) => {
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(_)) => {}
                other => panic!("it ends without a word: {other:?}"),
            }
        }
    }

    /// Closes the connection and waits until the gateway has let it go.
    pub async fn leave(mut self) {
        soon("the connection to be closed", self.socket.close(None))
            .await
            .expect("it is connected");
        while let Some(Ok(_)) = soon("the end of the connection", self.socket.next()).await {}
    }

    /// Sends a frame as it is.
    pub async fn send(&mut self, frame: &Value) {
        let sent = self.socket.send(Message::text(frame.to_string()));
        soon("a request to be sent", sent).await.expect("it is connected");
    }

    /// Sends a request without waiting for its answer; gives its id.
    pub async fn ask(&mut self, method: &str, params: Value) -> String {
        self.sent += 1;
        let id = format!("r{}", self.sent);
        let frame = json!({ "type": "req", "id": id, "method": method, "params": params });
        self.send(&frame).await;
        id
    }

    /// The first answer to a request, keeping what comes before it. A method with two answers (`agent`) has its next one by
    /// [`Chat::answer`].
    pub async fn call(&mut self, method: &str, params: Value) -> Result<Value, Value> {
        let id = self.ask(method, params).await;
        self.answer(&id).await
    }

    /// The next answer to a request.
    pub async fn answer(&mut self, id: &str) -> Result<Value, Value> {
        loop {
            let frame = self.next().await;
            if frame["type"] == "res" && frame["id"] == id {
                return if frame["ok"] == true {
                    Ok(frame["payload"].clone())
                } else {
                    Err(frame["error"].clone())
                };
            }
        }
    }

    /// The first event for which this holds, among those that came and those to come.
    pub async fn until(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        if let Some(found) = self.frames.iter().find(|frame| wanted(frame)) {
            return found.clone();
        }
        loop {
            let frame = tokio::time::timeout(crate::running::PATIENCE, self.next()).await;
            let Ok(frame) = frame else {
                panic!("waited for {what} in vain; this came: {:#?}", self.frames)
            };
            if wanted(&frame) {
                return frame;
            }
        }
    }

    /// The end of a run, as chats see it.
    pub async fn ended(&mut self, run: &str) -> Value {
        let run = run.to_owned();
        let end = self.until("the end of a run", move |frame| {
            let state = frame["payload"]["state"].as_str().unwrap_or_default();
            frame["event"] == "chat"
                && frame["payload"]["runId"] == *run
                && ["final", "error", "aborted"].contains(&state)
        });
        end.await["payload"].clone()
    }

    /// Events with this name that came so far.
    pub fn events(&self, name: &str) -> Vec<Value> {
        let events = self.frames.iter().filter(|frame| frame["event"] == name);
        events.map(|frame| frame["payload"].clone()).collect()
    }

    async fn next(&mut self) -> Value {
        loop {
            let message = soon("a frame", self.socket.next()).await;
            let Message::Text(text) = message.expect("it stays open").expect("it stays open") else {
                continue;
            };
            let frame: Value = serde_json::from_str(&text).expect("JSON");
            self.frames.push(frame.clone());
            return frame;
        }
    }
}

/// The words of a message.
pub fn words(message: &Value) -> String {
    match &message["content"] {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().filter_map(|part| part["text"].as_str()).collect(),
        _ => String::new(),
    }
}
