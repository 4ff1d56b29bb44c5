//! `cargo xtask bench gateway`: many clients, silent ones, one that does not read, and the price of the way through us.
//!
//! The counts are what the issue asks for, or as many as the machine's limit of open files permits; the names of the
//! figures say how many there were.
mod home;
mod through;

use crate::measure::{Figure, memory};
use futures_util::{SinkExt, StreamExt};
use home::{Gateway, TOKEN};
use rustix::process::{Resource, getrlimit, setrlimit};
use serde_json::{Value, json};
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::{Duration, Instant},
};
use tokio::{
    net::{TcpSocket, TcpStream},
    task::JoinSet,
};
use tokio_tungstenite::{WebSocketStream, client_async, tungstenite::Message};

/// Idle clients.
const IDLE: u64 = 10_000;
/// Sockets that say nothing.
const SILENT: u64 = 1_000;
/// Of those, how many come from one address: more are refused.
const PER_ADDRESS: u64 = 30;
/// Files that are open for other things.
const SPARE: u64 = 200;
/// Clients that connect at once.
const AT_ONCE: usize = 16;
/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(30);

type Socket = WebSocketStream<TcpStream>;
type Outcome<T> = Result<T, String>;

/// What can be measured by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum Part {
    /// Clients that only listen
    Idle,
    /// Sockets that never say who they are
    Silent,
    /// A client that does not read
    Deaf,
    /// Completions through us
    Through,
}

/// Measures one part, or everything.
pub fn run(plugins: &Path, program: &Path, only: Option<Part>) -> Outcome<Vec<Figure>> {
    let wanted = |part| only.is_none_or(|only| only == part);
    let files = raise();
    let runtime = tokio::runtime::Runtime::new().map_err(text)?;
    runtime.block_on(async {
        let mut figures = Vec::new();
        let files = files.saturating_sub(SPARE);
        if wanted(Part::Idle) {
            figures.extend(idle(plugins, program, IDLE.min(files)).await?);
        }
        if wanted(Part::Silent) {
            figures.extend(silent(plugins, program, SILENT.min(files)).await?);
        }
        if wanted(Part::Deaf) {
            figures.push(deaf(plugins, program).await?);
        }
        if wanted(Part::Through) {
            figures.extend(through::measure(plugins, program).await?);
        }
        Ok(figures)
    })
}

/// As many open files as the system permits; the gateway inherits it.
fn raise() -> u64 {
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // what can't be raised stays as it is
    let _ = setrlimit(Resource::Nofile, limit);
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

fn one(name: String, unit: &'static str, value: f64, target: Option<f64>) -> Figure {
    Figure::new(name, unit, vec![value], target)
}

/// A connection from this address.
async fn dial(from: Ipv4Addr, port: u16) -> Outcome<Socket> {
    let socket = TcpSocket::new_v4().map_err(text)?;
    socket.bind((from, 0).into()).map_err(text)?;
    let to = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let stream = socket.connect(to).await.map_err(text)?;
    let opened = client_async(format!("ws://127.0.0.1:{port}/"), stream).await;
    opened.map(|(socket, _)| socket).map_err(text)
}

/// An authenticated client.
async fn client(port: u16) -> Outcome<Socket> {
    let mut socket = dial(Ipv4Addr::LOCALHOST, port).await?;
    let connect = json!({ "type": "req", "id": "c", "method": "connect", "params": {
        "minProtocol": 4, "maxProtocol": 4, "role": "operator", "scopes": ["operator.admin"],
        "client": { "id": "cli", "version": "1", "platform": "linux", "mode": "cli" }, "auth": { "token": TOKEN },
    }});
    socket
        .send(Message::text(connect.to_string()))
        .await
        .map_err(text)?;
    until(&mut socket, |frame| frame["id"] == "c").await?;
    Ok(socket)
}

async fn until(socket: &mut Socket, wanted: impl Fn(&Value) -> bool) -> Outcome<Value> {
    let search = async {
        while let Some(message) = socket.next().await {
            let Message::Text(frame) = message.map_err(text)? else {
                continue;
            };
            let frame: Value = serde_json::from_str(&frame).map_err(text)?;
            if wanted(&frame) {
                return Ok(frame);
            }
        }
        Err("the gateway closed the connection".to_owned())
    };
    tokio::time::timeout(PATIENCE, search).await.map_err(text)?
}

async fn idle(plugins: &Path, program: &Path, count: u64) -> Outcome<Vec<Figure>> {
    let gateway = Gateway::start(plugins, program, "http://127.0.0.1:9", &["demo"])?;
    let first = client(gateway.port).await?;
    let (before, _) = memory(gateway.pid()).ok_or("no memory of the gateway")?;
    let (mut clients, mut opening, begin) = (vec![first], JoinSet::new(), Instant::now());
    for _ in 1..count {
        while opening.len() >= AT_ONCE {
            clients.extend(opening.join_next().await.transpose().map_err(text)?.transpose()?);
        }
        opening.spawn(client(gateway.port));
    }
    while let Some(opened) = opening.join_next().await {
        clients.push(opened.map_err(text)??);
    }
    let took = begin.elapsed();
    let (after, _) = memory(gateway.pid()).ok_or("no memory of the gateway")?;
    let asked = Instant::now();
    let last = clients.last_mut().ok_or("no client")?;
    ask(last, "h", "health", json!({})).await?;
    Ok(vec![
        one(
            format!("{count} idle clients: memory"),
            "MB",
            (after - before) / 1024.0,
            Some(100.0),
        ),
        one(
            format!("{count} idle clients: to connect"),
            "s",
            took.as_secs_f64(),
            None,
        ),
        one(
            format!("{count} idle clients: health"),
            "ms",
            asked.elapsed().as_secs_f64() * 1e3,
            None,
        ),
    ])
}

async fn ask(socket: &mut Socket, id: &str, method: &str, params: Value) -> Outcome<Value> {
    let request = json!({ "type": "req", "id": id, "method": method, "params": params });
    socket
        .send(Message::text(request.to_string()))
        .await
        .map_err(text)?;
    until(socket, |frame| frame["id"] == id).await
}

async fn silent(plugins: &Path, program: &Path, count: u64) -> Outcome<Vec<Figure>> {
    let gateway = Gateway::start(plugins, program, "http://127.0.0.1:9", &["demo"])?;
    let (before, _) = memory(gateway.pid()).ok_or("no memory of the gateway")?;
    let (mut sockets, begin) = (Vec::new(), Instant::now());
    for number in 0..count {
        let place = u8::try_from(number / PER_ADDRESS).map_err(text)?;
        sockets.push(dial(Ipv4Addr::new(127, 0, 1, place + 1), gateway.port).await?);
    }
    let opened = begin.elapsed();
    let (after, _) = memory(gateway.pid()).ok_or("no memory of the gateway")?;
    let mut ends = JoinSet::new();
    for mut socket in sockets {
        ends.spawn(async move { while let Some(Ok(_)) = socket.next().await {} });
    }
    tokio::time::timeout(PATIENCE, ends.join_all())
        .await
        .map_err(text)?;
    let gone = begin.elapsed().saturating_sub(opened);
    Ok(vec![
        one(
            format!("{count} silent sockets: memory"),
            "MB",
            (after - before) / 1024.0,
            Some(20.0),
        ),
        one(
            format!("{count} silent sockets: gone after"),
            "s",
            gone.as_secs_f64(),
            Some(15.5),
        ),
    ])
}

/// How long a message takes while another client does not read what it is told.
async fn deaf(plugins: &Path, program: &Path) -> Outcome<Figure> {
    let gateway = Gateway::start(plugins, program, "http://127.0.0.1:9", &["demo"])?;
    let mut reader = client(gateway.port).await?;
    let alone = talk(&mut reader, "alone").await?;
    let deaf = client(gateway.port).await?;
    let beside = talk(&mut reader, "beside").await?;
    drop(deaf);
    let ratio = beside.as_secs_f64() / alone.as_secs_f64();
    Ok(one(
        "a client beside one that does not read, to alone".to_owned(),
        "x",
        ratio,
        Some(1.3),
    ))
}

/// Says long things and hears them again.
async fn talk(socket: &mut Socket, name: &str) -> Outcome<Duration> {
    let begin = Instant::now();
    for number in 0..20 {
        let run = format!("{name}-{number}");
        let params = json!({ "sessionKey": run, "message": "x".repeat(200_000), "idempotencyKey": run });
        ask(socket, &run, "chat.send", params).await?;
        until(socket, |frame| {
            frame["event"] == "chat"
                && frame["payload"]["runId"] == *run
                && frame["payload"]["state"] == "final"
        })
        .await?;
    }
    Ok(begin.elapsed())
}
