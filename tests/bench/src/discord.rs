//! `cargo xtask bench discord`: what the plugin of a chat platform costs, by the real program and a platform that checks.
//!
//! The platform and the model are in this process, on loopback. The platform is the fake of the tests: it looks at
//! every body before it answers, so what stands before its answer is a little more than a real network's.
use crate::measure::{Figure, memory, millis, on_two_threads};
use axum::{Router, extract::State, http::header, response::IntoResponse, routing::post, serve::ListenerExt};
use openclaw_fakes::discord::{Discord, Person};
use serde_json::json;
use std::{
    fs,
    io::{BufRead, BufReader},
    net::Ipv4Addr,
    path::Path,
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::net::TcpListener;

/// Starts of each kind.
const STARTS: usize = 9;
/// Messages before anything is measured.
const WARM_UP: usize = 50;
/// Messages of a block, and blocks.
const BLOCK: usize = 100;
const BLOCKS: usize = 7;
/// People who write, each in a private chat.
const PEOPLE: u64 = 50;
/// Longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// Rest before memory is looked at.
const REST: Duration = Duration::from_secs(2);
/// How the bot's messages are made.
const SEND: &str = "POST /channels/*/messages";

type Outcome<T> = Result<T, String>;

/// When the model was asked last, and when it had answered.
type Moments = Arc<Mutex<Option<(Instant, Instant)>>>;

struct Gateway {
    child: Child,
    ready: Duration,
}

/// Measures.
pub fn run(plugins: &Path, program: &Path) -> Outcome<Vec<Figure>> {
    on_two_threads(measure(plugins, program))
}

async fn measure(plugins: &Path, program: &Path) -> Outcome<Vec<Figure>> {
    let discord = Discord::start().await.map_err(|e| e.to_string())?;
    discord.unlimited();
    discord.allow_haste();
    let moments = Moments::default();
    let model = model(moments.clone()).await?;
    let with = home(plugins, &["openai", "discord"], &model, Some(&discord))?;
    let without = home(plugins, &["openai"], &model, None)?;
    let size = fs::metadata(library(plugins, "discord"))
        .map_err(|e| e.to_string())?
        .len();
    let mut figures = vec![Figure::new(
        "discord: library on disk",
        "KB",
        vec![size as f64 / 1024.0],
        None,
    )];
    let (mut longer, mut more) = (Vec::new(), Vec::new());
    for n in 0..=STARTS {
        let (bare, whole) = (start(&without, program).await?, start(&with, program).await?);
        soon("the bot to log in", discord.is_online(&discord.bot())).await?;
        tokio::time::sleep(REST).await;
        let resident =
            |gateway: &Gateway| memory(gateway.child.id()).map_or(f64::NAN, |(resident, _)| resident);
        // the first ones make the state
        if n > 0 {
            longer.push((whole.ready.as_secs_f64() - bare.ready.as_secs_f64()) * 1e3);
            more.push((resident(&whole) - resident(&bare)) / 1024.0);
        }
    }
    figures.push(Figure::new(
        "discord: start of the gateway, beyond one without it",
        "ms",
        longer,
        None,
    ));
    figures.push(Figure::new(
        "discord: resident memory, logged in, beyond one without it",
        "MiB",
        more,
        None,
    ));
    let _gateway = start(&with, program).await?;
    soon("the bot to log in", discord.is_online(&discord.bot())).await?;
    figures.extend(messages(&discord, &moments).await?);
    Ok(figures)
}

/// One message at a time: from its event to the model, and from the model's last byte to the REST request.
async fn messages(discord: &Discord, moments: &Moments) -> Outcome<Vec<Figure>> {
    let mut ways: [[Vec<Duration>; 2]; 3] = Default::default();
    let mut count = 0;
    for block in 0..=BLOCKS {
        let mut times: [Vec<Duration>; 3] = Default::default();
        for n in 0..if block == 0 { WARM_UP } else { BLOCK } {
            let person = Person {
                id: 70_000 + n as u64 % PEOPLE,
                name: "Ada",
            };
            let told = Instant::now();
            discord.dm(person, "Please look after the plants.");
            count += 1;
            soon(
                "an answer",
                discord.until(|discord| (discord.said() >= count).then_some(())),
            )
            .await?;
            let sent = discord.last_call(SEND).ok_or("it was not sent by a message")?;
            let (asked, answered) = moments
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take()
                .ok_or("the model was not asked")?;
            for (times, time) in times.iter_mut().zip([asked - told, sent - answered, sent - told]) {
                times.push(time);
            }
        }
        if block > 0 {
            for (way, times) in ways.iter_mut().zip(&mut times) {
                times.sort();
                way[0].push(times[BLOCK / 2]);
                way[1].push(times[BLOCK * 99 / 100]);
            }
        }
    }
    let names = [
        "event → channel.inbound → model's request",
        "model's last byte → REST request",
        "event → REST request",
    ];
    let rows = names.iter().zip(ways);
    Ok(rows
        .flat_map(|(name, [half, tail])| {
            [
                millis(&format!("discord: {name}, p50"), None, half),
                millis(&format!("discord: {name}, p99"), None, tail),
            ]
        })
        .collect())
}

/// A model that answers at once and knows when.
async fn model(moments: Moments) -> Outcome<String> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .await
        .map_err(|e| e.to_string())?;
    let root = format!("http://{}/v1", listener.local_addr().map_err(|e| e.to_string())?);
    let listener = listener.tap_io(|stream| {
        // without it a short answer may wait for an acknowledgement; if it can't be set, the figures will tell
        let _ = stream.set_nodelay(true);
    });
    let router = Router::new()
        .route("/v1/chat/completions", post(think))
        .with_state(moments);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(root)
}

async fn think(State(moments): State<Moments>) -> impl IntoResponse {
    let asked = Instant::now();
    let chunk = |delta: serde_json::Value, end: Option<&str>| {
        let choice = json!({ "index": 0, "delta": delta, "finish_reason": end });
        let chunk = json!({ "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": [choice] });
        format!("data: {chunk}\n\n")
    };
    let said = chunk(
        json!({ "role": "assistant", "content": "Understood, and done." }),
        None,
    );
    let events = said + &chunk(json!({}), Some("stop")) + "data: [DONE]\n\n";
    *moments.lock().unwrap_or_else(PoisonError::into_inner) = Some((asked, Instant::now()));
    ([(header::CONTENT_TYPE, "text/event-stream")], events)
}

fn library(plugins: &Path, id: &str) -> std::path::PathBuf {
    plugins.join(format!("libopenclaw_plugin_{id}.so"))
}

/// A folder with these plugins and a configuration in which everybody may write.
fn home(plugins: &Path, ids: &[&str], model: &str, discord: Option<&Discord>) -> Outcome<tempfile::TempDir> {
    let folder = tempfile::tempdir().map_err(|e| e.to_string())?;
    let bundled = folder.path().join("bundled");
    fs::create_dir(&bundled).map_err(|e| e.to_string())?;
    for id in ids {
        let from = library(plugins, id);
        fs::copy(&from, bundled.join(format!("{id}.so")))
            .map_err(|e| format!("{}: {e}; build it by `cargo xtask bench discord`", from.display()))?;
    }
    let models = json!([{ "id": "m", "contextWindow": 200_000 }]);
    let mut config = json!({
        "agents": { "defaults": { "model": { "primary": "one/m" } } },
        "models": { "providers": { "one": { "baseUrl": model, "apiKey": "bench", "api": "openai-completions", "models": models } } },
        "session": { "dmScope": "per-channel-peer" },
        "messages": { "queue": { "mode": "followup", "debounceMs": 0 } },
    });
    if let Some(discord) = discord {
        config["channels"]["discord"] = json!({
            "apiRoot": discord.base(), "token": discord.bot().token, "dmPolicy": "open", "allowFrom": ["*"],
        });
    }
    fs::write(folder.path().join("openclaw.json"), config.to_string()).map_err(|e| e.to_string())?;
    Ok(folder)
}

/// Starts a gateway on a thread of its own, and waits until it is ready.
async fn start(home: &tempfile::TempDir, program: &Path) -> Outcome<Gateway> {
    let (state, program) = (home.path().to_owned(), program.to_owned());
    let started = tokio::task::spawn_blocking(move || {
        let begin = Instant::now();
        let mut command = Command::new(&program);
        command
            .args(["gateway", "--port", "0"])
            .env_clear()
            .env("HOME", &state)
            .env("OPENCLAW_STATE_DIR", &state)
            .env("OPENCLAW_BUNDLED_PLUGINS_DIR", state.join("bundled"))
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        let mut child = command
            .spawn()
            .map_err(|e| format!("{}: {e}", program.display()))?;
        let mut lines = BufReader::new(child.stderr.take().ok_or("no standard error")?).lines();
        let is_ready = lines
            .by_ref()
            .map_while(Result::ok)
            .any(|line| line.contains("ready in"));
        let ready = begin.elapsed();
        // somebody has to read what it says, or it would wait for a reader one day
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        let gateway = Gateway { child, ready };
        if is_ready {
            Ok(gateway)
        } else {
            Err("the gateway does not get ready".to_owned())
        }
    });
    started.await.map_err(|e| e.to_string())?
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

async fn soon<T>(what: &str, work: impl Future<Output = T>) -> Outcome<T> {
    tokio::time::timeout(PATIENCE, work)
        .await
        .map_err(|_| format!("waited for {what} in vain"))
}
