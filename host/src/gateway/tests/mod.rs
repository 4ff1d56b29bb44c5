//! The gateway over real loopback sockets. Support first; the tests by topic.
mod captures;
mod client;
mod fleet;
mod frames;
mod fronts;
mod handshake;
mod http;
mod noise;
mod requests;
mod routes;
mod sockets;
mod table;

use super::{
    Auth, Caller, Failure, Fleet, Handler, Method, Options, Readiness, Responder, Running, Scope, Server,
    device::tests::NOW,
};
use crate::{clock::Clock, journal::Journal};
use futures_util::{FutureExt, SinkExt, StreamExt, future::BoxFuture};
use openclaw_plugin_api::Secret;
use serde_json::{Map, Value, json};
use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};
use tokio::{net::TcpStream, sync::Notify};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

pub(super) const TOKEN: &str = "a-token-for-tests-only";

/// A handler with a row per scope, and one of each kind of behaviour.
#[derive(Default)]
pub(super) struct Fake {
    pub(super) runs: AtomicUsize,
    pub(super) go: Notify,
    pub(super) routes: Option<Arc<dyn super::Routes>>,
    /// Answers the methods of devices and nodes.
    pub(super) fleet: Option<Fleet>,
}

impl Handler for Fake {
    fn methods(&self) -> Vec<Method> {
        let mut methods = vec![
            Method::keyed("agent", Scope::Write),
            Method::new("slow", Scope::Read),
            Method::for_nodes("node.only"),
            Method::new("boom", Scope::Read),
            Method::new("config.set", Scope::Admin),
        ];
        methods.extend(Scope::ALL.map(|scope| Method::new(format!("needs.{scope}"), scope)));
        let own: Vec<String> = methods.iter().map(|method| method.name.to_string()).collect();
        let real = crate::methods::table().into_iter();
        methods.extend(real.filter(|method| !own.contains(&method.name.to_string())));
        methods
    }

    fn extra(&self, method: &str) -> Option<Method> {
        self.extras().into_iter().find(|row| row.name == method)
    }

    fn extras(&self) -> Vec<Method> {
        vec![
            Method::new("bird.sing", Scope::Approvals),
            Method::new("slow", Scope::Admin),
        ]
    }

    fn events(&self) -> Vec<std::borrow::Cow<'static, str>> {
        vec!["agent".into(), "chat".into()]
    }

    fn routes(&self) -> Option<Arc<dyn super::Routes>> {
        self.routes.clone()
    }

    fn readiness(&self) -> Readiness {
        Readiness {
            failing: vec!["channel pigeon/main".into()],
            ..Readiness::default()
        }
    }

    fn snapshot(&self, _caller: &Caller) -> Map<String, Value> {
        Map::from_iter([("sessionDefaults".to_owned(), json!({"mainKey": "main"}))])
    }

    fn health<'a>(&'a self, _params: &'a Value) -> BoxFuture<'a, Map<String, Value>> {
        async { Map::from_iter([("channels".to_owned(), json!({}))]) }.boxed()
    }

    fn status<'a>(&'a self, _params: &'a Value) -> BoxFuture<'a, Map<String, Value>> {
        async { Map::new() }.boxed()
    }

    fn call<'a>(
        &'a self,
        method: &'a str,
        params: Value,
        caller: &'a Caller,
        respond: &'a mut Responder,
    ) -> BoxFuture<'a, Result<Value, Failure>> {
        async move {
            self.runs.fetch_add(1, Ordering::SeqCst);
            match method {
                "agent" => {
                    let run = params["idempotencyKey"].clone();
                    respond.interim(&json!({"runId": run, "status": "accepted"}));
                    self.go.notified().await;
                    if params["message"] == "fail" {
                        let payload = json!({"runId": run, "status": "error"});
                        return Err(Failure::unavailable("no model answers").with_payload(payload));
                    }
                    Ok(json!({"runId": run, "status": "ok"}))
                }
                "slow" => {
                    self.go.notified().await;
                    Ok(json!("slept"))
                }
                "boom" => panic!("a handler's fault"),
                _ if self.fleet.is_some()
                    && (method.starts_with("device.")
                        || method.starts_with("node.") && method != "node.only") =>
                {
                    let fleet = self.fleet.as_ref().unwrap();
                    crate::methods::of_fleet(fleet, method, params, caller).await
                }
                _ => Ok(json!({"method": method, "params": params, "caller": caller.principal.subject()})),
            }
        }
        .boxed()
    }
}

/// A gateway on a free port.
pub(super) struct Gateway {
    pub(super) running: Running,
    pub(super) fake: Arc<Fake>,
    pub(super) fleet: Fleet,
    pub(super) address: SocketAddr,
    _folder: tempfile::TempDir,
}

/// A fleet with a journal of its own.
pub(super) fn fleet(options: &Options) -> (tempfile::TempDir, Fleet) {
    let folder = tempfile::tempdir().unwrap();
    let journal = Journal::open(&folder.path().join("state.db")).unwrap();
    let fleet = Fleet::new(&journal, &options.events, &options.clock);
    (folder, fleet)
}

pub(super) fn token_auth() -> Auth {
    Auth {
        token: Some(Secret::new(TOKEN)),
        ..Auth::default()
    }
}

pub(super) fn options() -> Options {
    Options {
        bind: vec!["127.0.0.1:0".parse().unwrap()],
        auth: token_auth(),
        version: "2026.9.6".into(),
        clock: Clock::from_fn(|| NOW),
        ..Options::default()
    }
}

impl Gateway {
    pub(super) async fn start() -> Self {
        Self::with(options()).await
    }

    pub(super) async fn with(options: Options) -> Self {
        let (folder, fleet) = fleet(&options);
        let fake = Arc::new(Fake {
            fleet: Some(fleet.clone()),
            ..Fake::default()
        });
        let running = Server::bind(options, fleet.clone(), fake.clone()).await.unwrap();
        let address = running.addresses()[0];
        Self {
            running,
            fake,
            fleet,
            address,
            _folder: folder,
        }
    }

    /// A socket that has said nothing yet; the challenge is read.
    pub(super) async fn raw(&self) -> (Raw, String) {
        self.raw_with(&[]).await.unwrap()
    }

    pub(super) async fn raw_with(&self, headers: &[(&'static str, &str)]) -> Result<(Raw, String), u16> {
        let mut raw = Raw::open(self.address, headers).await?;
        let challenge = raw.receive().await;
        assert_eq!(challenge["event"], "connect.challenge");
        Ok((raw, challenge["payload"]["nonce"].as_str().unwrap().to_owned()))
    }

    /// A client that is let in.
    pub(super) async fn client(&self, scopes: &[&str]) -> Raw {
        let (mut raw, _) = self.raw().await;
        let hello = raw.request("connect", params(scopes)).await;
        assert_eq!(hello["payload"]["type"], "hello-ok", "{hello}");
        raw
    }
}

/// Parameters of our command line.
pub(super) fn params(scopes: &[&str]) -> Value {
    json!({
        "minProtocol": 4, "maxProtocol": 4, "role": "operator", "scopes": scopes, "caps": [],
        "client": {"id": "cli", "version": "2026.9.6", "platform": "linux", "mode": "cli"},
        "auth": {"token": TOKEN},
    })
}

/// A client that does what the test says.
pub(super) struct Raw {
    pub(super) socket: WebSocketStream<TcpStream>,
    next: u32,
}

impl Raw {
    pub(super) async fn open(address: SocketAddr, headers: &[(&'static str, &str)]) -> Result<Self, u16> {
        let mut request = format!("ws://{address}/any/path?x")
            .into_client_request()
            .unwrap();
        for (name, value) in headers {
            request
                .headers_mut()
                .insert(*name, HeaderValue::from_str(value).unwrap());
        }
        let tcp = TcpStream::connect(address).await.unwrap();
        match tokio_tungstenite::client_async(request, tcp).await {
            Ok((socket, _)) => Ok(Self { socket, next: 0 }),
            Err(tokio_tungstenite::tungstenite::Error::Http(response)) => Err(response.status().as_u16()),
            Err(error) => panic!("{error}"),
        }
    }

    pub(super) async fn send(&mut self, frame: impl Into<Message>) {
        self.socket.send(frame.into()).await.unwrap();
    }

    pub(super) async fn start(&mut self, method: &str, params: Value) -> String {
        self.next += 1;
        let id = format!("r{}", self.next);
        let frame = json!({"type": "req", "id": id, "method": method, "params": params});
        self.send(frame.to_string()).await;
        id
    }

    /// The next response to a new request.
    pub(super) async fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.start(method, params).await;
        self.response(&id).await
    }

    pub(super) async fn response(&mut self, id: &str) -> Value {
        loop {
            let frame = self.receive().await;
            if frame["id"] == id {
                return frame;
            }
        }
    }

    pub(super) async fn event(&mut self, name: &str) -> Value {
        loop {
            let frame = self.receive().await;
            if frame["event"] == name {
                return frame;
            }
        }
    }

    pub(super) async fn receive(&mut self) -> Value {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Text(text))) => return serde_json::from_str(&text).unwrap(),
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                other => panic!("no frame: {other:?}"),
            }
        }
    }

    /// How the gateway closes, whatever it sends before.
    pub(super) async fn closed(&mut self) -> (u16, String) {
        loop {
            match self.socket.next().await {
                Some(Ok(Message::Close(Some(frame)))) => {
                    return (frame.code.into(), frame.reason.to_string());
                }
                Some(Ok(Message::Close(None))) => return (1005, String::new()),
                Some(Ok(_)) => {}
                None | Some(Err(_)) => return (1006, String::new()),
            }
        }
    }
}
