//! A chat completion through us, beside one through a proxy that only copies bytes to the same model.
//!
//! The way through us is a whole turn of an agent: rules, journal, transcript. Where the model answers at once the rate at
//! many requests is the processors' alone; a model that thinks shows what a client sees of it.
use super::{
    Outcome, PATIENCE,
    home::{Gateway, TOKEN},
    one, text,
};
use crate::{main_job::World, measure::Figure};
use serde_json::json;
use std::{
    net::{Ipv4Addr, SocketAddr},
    path::Path,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinSet,
};

/// Requests of each way.
const REQUESTS: usize = 400;
/// Requests of one block; the two ways take turns.
const BLOCK: usize = 50;
/// Requests at once, where throughput is measured.
const CONCURRENT: usize = 32;
/// How long a model thinks that does not answer at once.
const THINKING: Duration = Duration::from_millis(200);
/// The least part of the bare proxy's rate that ours should be.
const LEAST_RATE: f64 = 0.7;

/// Measures both ways.
pub(super) async fn measure(plugins: &Path, program: &Path) -> Outcome<Vec<Figure>> {
    let world = World::start().await.map_err(text)?;
    let model: SocketAddr = world.root.trim_start_matches("http://").parse().map_err(text)?;
    let gateway = Gateway::start(plugins, program, &world.root, &["openai", "openai-http"])?;
    let ours = SocketAddr::from((Ipv4Addr::LOCALHOST, gateway.port));
    let bare = proxy(model).await?;
    for _ in 0..BLOCK {
        complete(ours).await?;
    }
    let (theirs, added) = one_by_one(bare, ours).await?;
    let quick = rates(bare, ours).await?;
    world.think_for(THINKING);
    let thinking = rates(bare, ours).await?;
    let ms = THINKING.as_millis();
    let at_once = format!("chat completions, {CONCURRENT} at once");
    Ok(vec![
        one("chat completion: bare proxy, p50".to_owned(), "ms", theirs, None),
        one(
            "chat completion: what we add, p50".to_owned(),
            "ms",
            added,
            Some(1.0),
        ),
        one(format!("{at_once}: bare proxy"), "/s", quick.0, None),
        one(
            format!("{at_once}: bare proxy to us"),
            "x",
            quick.0 / quick.1,
            Some(1.0 / LEAST_RATE),
        ),
        one(
            format!("{at_once}, a model of {ms} ms: bare proxy to us"),
            "x",
            thinking.0 / thinking.1,
            Some(1.0 / LEAST_RATE),
        ),
    ])
}

/// What the bare way takes, and what ours takes beyond it: the medians, milliseconds.
async fn one_by_one(bare: SocketAddr, ours: SocketAddr) -> Outcome<(f64, f64)> {
    let mut times = [Vec::new(), Vec::new()];
    for _ in 0..REQUESTS / BLOCK {
        for (to, times) in [bare, ours].into_iter().zip(&mut times) {
            for _ in 0..BLOCK {
                let begin = Instant::now();
                complete(to).await?;
                times.push(begin.elapsed().as_secs_f64() * 1e3);
            }
        }
    }
    let [bare, ours] = times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[times.len() / 2]
    });
    Ok((bare, ours - bare))
}

/// Completions in a second, many at once: the bare way's and ours.
async fn rates(bare: SocketAddr, ours: SocketAddr) -> Outcome<(f64, f64)> {
    Ok((rate(bare).await?, rate(ours).await?))
}

async fn rate(to: SocketAddr) -> Outcome<f64> {
    let (mut running, begin) = (JoinSet::new(), Instant::now());
    for _ in 0..REQUESTS {
        while running.len() >= CONCURRENT {
            running.join_next().await.transpose().map_err(text)?.transpose()?;
        }
        running.spawn(complete(to));
    }
    while let Some(done) = running.join_next().await {
        done.map_err(text)??;
    }
    Ok(REQUESTS as f64 / begin.elapsed().as_secs_f64())
}

/// Copies bytes there and back, and does nothing else.
async fn proxy(to: SocketAddr) -> Outcome<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.map_err(text)?;
    let here = listener.local_addr().map_err(text)?;
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut far = TcpStream::connect(to).await?;
                near.set_nodelay(true)?;
                far.set_nodelay(true)?;
                copy_bidirectional(&mut near, &mut far).await
            });
        }
    });
    Ok(here)
}

/// One completion, over a connection of its own.
async fn complete(to: SocketAddr) -> Outcome<()> {
    let body =
        json!({ "model": "openclaw", "stream": true, "messages": [{ "role": "user", "content": "hello" }] });
    let body = body.to_string();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nhost: {to}\r\nconnection: close\r\nauthorization: Bearer {TOKEN}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut stream = TcpStream::connect(to).await.map_err(text)?;
    stream.set_nodelay(true).map_err(text)?;
    stream.write_all(request.as_bytes()).await.map_err(text)?;
    let mut answer = Vec::new();
    let read = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
    read.map_err(text)?.map_err(text)?;
    let answer = String::from_utf8_lossy(&answer);
    match answer.starts_with("HTTP/1.1 200 ") && answer.contains("[DONE]") {
        true => Ok(()),
        false => Err(format!(
            "no completion: {}",
            answer.chars().take(400).collect::<String>()
        )),
    }
}
