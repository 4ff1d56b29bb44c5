//! `cargo xtask bench voice`: what calls and their sound cost, by the real program with fifty calls at once.
//!
//! Method. Callers, carrier, model and the vendor of speech are in this process, on loopback, and take part in the load;
//! the CPU is that of the gateway alone.
//! - *Webhook → TwiML*: signed webhooks of new calls, one after the other, each over a connection of its own, from
//!   connecting to the last byte of the document. It ends behind two durable writes: the call, and the answer to a repeat.
//! - *Streams*: fifty callers are greeted for ten seconds, and send silence of their own meanwhile. CPU is read over six
//!   of these seconds. The n-th frame of a greeting is due 20 ms after the one before; the first three go ahead. How much
//!   later than that it came is its lateness, over all frames of all callers.
//! - *End of speech → first frame*: one caller speaks twenty times while the others listen, from the last frame of its
//!   speech to the first of the answer. What the vendors take is taken off: the silence that ends an utterance is theirs,
//!   as is what model and voice take, which here is next to nothing.
use crate::measure::{Figure, millis, on_two_threads};
use openclaw_fakes::{
    openai::{OpenAi, Turn},
    speech::Speech,
    voice::{Carrier, Rest, encoded, twilio_form},
    voice_stream::Caller,
};
use serde_json::json;
use std::{
    fs,
    io::{BufRead, BufReader},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// Lines of the gateway that wait to be looked at.
const LINES: usize = 64;
/// Calls at once.
const CALLS: usize = 50;
/// Webhooks that are measured, and before them some that are not.
const WEBHOOKS: usize = 300;
const WARM: usize = 20;
/// Turns that are measured.
const TURNS: usize = 20;
/// Longest that anything may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// Silence that ends an utterance.
const SILENCE: Duration = Duration::from_millis(300);
/// A frame, and how many of them go ahead.
const FRAME: Duration = Duration::from_millis(20);
const LEAD: u32 = 3;
/// Ticks in a second of /proc.
const TICKS: f64 = 100.0;
const SID: &str = "AC00000000000000000000000000000001";
const TOKEN: &str = "the-secret-of-a-twilio-account-in-benchmarks";
const PUBLIC: &str = "https://voice.example.com";

type Outcome<T> = Result<T, String>;

struct Gateway {
    child: Child,
    port: u16,
}

/// Measures.
pub fn run(plugins: &Path, program: &Path) -> Outcome<Vec<Figure>> {
    on_two_threads(measure(plugins, program))
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

async fn measure(plugins: &Path, program: &Path) -> Outcome<Vec<Figure>> {
    let carrier = Rest::start(Carrier::Twilio, SID, TOKEN).await.map_err(told)?;
    let (model, speech) = (
        OpenAi::start().await.map_err(told)?,
        Speech::start("bench").await.map_err(told)?,
    );
    // ten seconds of sound
    let greeting = "x".repeat(250);
    let home = home(plugins, (&carrier, &model, &speech), &greeting)?;
    let gateway = start(&home, program).await?;
    let mut figures = webhooks(&gateway).await?;
    let calling = (0..CALLS).map(|n| call(&gateway, &speech, n));
    let callers = futures_util::future::join_all(calling).await.into_iter();
    let callers = callers.collect::<Outcome<Vec<Caller>>>()?;
    for caller in &callers {
        soon("a greeting", caller.sounds()).await?;
    }
    let (before, begin) = (cpu(gateway.child.id())?, Instant::now());
    tokio::time::sleep(Duration::from_secs(6)).await;
    let used = (cpu(gateway.child.id())? - before) / begin.elapsed().as_secs_f64();
    figures.push(Figure::new(
        format!("voice: CPU of one core for each of {CALLS} streams"),
        "%",
        vec![used * 100.0 / CALLS as f64],
        None,
    ));
    for caller in &callers {
        soon("the whole greeting", caller.heard(1)).await?;
    }
    let mut late: Vec<Duration> = callers
        .iter()
        .flat_map(|caller| lateness(&caller.arrivals()))
        .collect();
    late.sort();
    figures.push(part("voice: lateness of a frame, p50", None, &late, 50));
    figures.push(part("voice: lateness of a frame, p99", Some(40.0), &late, 99));
    figures.extend(turns(&callers[0], &model).await?);
    Ok(figures)
}

/// One caller talks while the others listen.
async fn turns(caller: &Caller, model: &OpenAi) -> Outcome<Vec<Figure>> {
    for turn in 0..TURNS {
        model.script(Turn::text("Yes."));
        caller.say("Hello?").await;
        soon("an answer", caller.heard(turn + 2)).await?;
    }
    let delays = caller.delays().into_iter();
    // the first silent frame, from which it is counted, brings 20 ms of the silence with it
    let vendors = SILENCE - FRAME;
    let mut own: Vec<Duration> = delays.map(|delay| delay.saturating_sub(vendors)).collect();
    own.sort();
    let name = "voice: end of speech → first frame, less vendors'";
    Ok(vec![
        part(&format!("{name}, p50"), None, &own, 50),
        part(&format!("{name}, p95"), Some(60.0), &own, 95),
    ])
}

/// New calls, one after the other; each is over before the next.
async fn webhooks(gateway: &Gateway) -> Outcome<Vec<Figure>> {
    let mut times = Vec::new();
    for n in 0..WARM + WEBHOOKS {
        let (sid, from) = (format!("CB{n}"), format!("+1555100{n:04}"));
        let begin = Instant::now();
        let document = webhook(gateway, "", &ringing(&sid, &from)).await?;
        let took = begin.elapsed();
        if !document.contains("<Stream") {
            return Err(format!("a call was not streamed: {document}"));
        }
        if n >= WARM {
            times.push(took);
        }
        let over = [("CallSid", sid.as_str()), ("CallStatus", "completed")];
        webhook(gateway, "?type=status", &over).await?;
    }
    times.sort();
    Ok(vec![
        part("voice: webhook → TwiML, p50", None, &times, 50),
        part("voice: webhook → TwiML, p99", None, &times, 99),
    ])
}

/// A part of times in order, by the nearest rank.
fn part(name: &str, target: Option<f64>, sorted: &[Duration], percent: usize) -> Figure {
    let rank = (sorted.len() * percent).div_ceil(100).max(1) - 1;
    millis(name, target, sorted.get(rank).copied())
}

/// How much later than its time each frame came. The first ones go ahead.
fn lateness(arrivals: &[Instant]) -> Vec<Duration> {
    let Some(first) = arrivals.first() else {
        return Vec::new();
    };
    let due = |n: usize| *first + FRAME * u32::try_from(n).unwrap_or(u32::MAX).saturating_sub(LEAD);
    let each = arrivals.iter().enumerate();
    each.map(|(n, at)| at.saturating_duration_since(due(n))).collect()
}

fn ringing<'a>(sid: &'a str, from: &'a str) -> [(&'a str, &'a str); 5] {
    [
        ("CallSid", sid),
        ("Direction", "inbound"),
        ("CallStatus", "ringing"),
        ("From", from),
        ("To", "+15550009999"),
    ]
}

/// Posts a webhook as the carrier signs it; gives the answer with its head.
async fn webhook(gateway: &Gateway, query: &str, fields: &[(&str, &str)]) -> Outcome<String> {
    let body = encoded(fields);
    let signature = twilio_form(TOKEN, &format!("{PUBLIC}/voice/webhook{query}"), fields);
    let request = format!(
        "POST /voice/webhook{query} HTTP/1.1\r\nhost: voice.example.com\r\nconnection: close\r\ncontent-type: \
         application/x-www-form-urlencoded\r\nx-twilio-signature: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    let asking = async {
        let mut tcp = TcpStream::connect(format!("127.0.0.1:{}", gateway.port)).await?;
        tcp.set_nodelay(true)?;
        tcp.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        tcp.read_to_string(&mut answer).await.map(|_| answer)
    };
    soon("a document", asking).await?.map_err(told)
}

async fn call(gateway: &Gateway, speech: &Speech, n: usize) -> Outcome<Caller> {
    let (sid, from) = (format!("CA{n}"), format!("+1555000{n:04}"));
    let address = format!("127.0.0.1:{}", gateway.port);
    let document = webhook(gateway, "", &ringing(&sid, &from)).await?;
    let part = |before: &str| {
        let rest = document.split_once(before).map(|(_, rest)| rest);
        let value = rest.and_then(|rest| rest.split('"').next());
        value
            .map(str::to_owned)
            .ok_or_else(|| format!("no {before} in {document}"))
    };
    let (url, token) = (part("url=\"")?, part("name=\"token\" value=\"")?);
    let path = url.strip_prefix("wss://voice.example.com").unwrap_or_default();
    let local = format!("ws://{address}{path}");
    let caller = Caller::connect(&address, &local, &sid, json!({ "token": token }), speech.tones());
    soon("a stream", caller).await?.map_err(told)
}

/// Seconds of CPU that a process has used.
fn cpu(pid: u32) -> Outcome<f64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).map_err(told)?;
    let fields: Vec<&str> = text
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |at: usize| {
        fields
            .get(at)
            .and_then(|field| field.parse::<f64>().ok())
            .unwrap_or_default()
    };
    Ok((ticks(11) + ticks(12)) / TICKS)
}

fn home(
    plugins: &Path,
    (carrier, model, speech): (&Rest, &OpenAi, &Speech),
    greeting: &str,
) -> Outcome<tempfile::TempDir> {
    let folder = tempfile::tempdir().map_err(told)?;
    let bundled = folder.path().join("bundled");
    fs::create_dir(&bundled).map_err(told)?;
    for id in ["openai", "voice-call"] {
        let from = plugins.join(format!("libopenclaw_plugin_{}.so", id.replace('-', "_")));
        fs::copy(&from, bundled.join(format!("{id}.so")))
            .map_err(|e| format!("{}: {e}; build it by `cargo xtask bench voice`", from.display()))?;
    }
    let engine = json!({ "openai": { "apiKey": "bench", "baseUrl": speech.base_url() } });
    let config = json!({
        "agents": { "defaults": { "model": { "primary": "one/m" } } },
        "models": { "providers": {
            "one": { "baseUrl": model.base_url(), "apiKey": "bench", "api": "openai-completions",
                     "models": [{ "id": "m", "contextWindow": 200_000 }] },
            "openai": { "baseUrl": speech.base_url(), "apiKey": "bench", "models": [] },
        } },
        "plugins": { "entries": { "voice-call": { "enabled": true, "config": {
            "provider": "twilio", "fromNumber": "+15550009999", "publicUrl": format!("{PUBLIC}/voice/webhook"),
            "twilio": { "accountSid": SID, "authToken": TOKEN, "apiRoot": carrier.root() },
            "inboundPolicy": "open", "inboundGreeting": greeting, "silenceTimeoutMs": SILENCE.as_millis(),
            // all of them come from one address, at once
            "streaming": { "enabled": true, "provider": "openai", "providers": engine,
                           "maxPendingConnections": CALLS, "maxPendingConnectionsPerIp": CALLS },
            "tts": { "provider": "openai", "providers": engine },
        } } } },
    });
    fs::write(folder.path().join("openclaw.json"), config.to_string()).map_err(told)?;
    Ok(folder)
}

/// Starts a gateway, and waits until calls are streamed.
async fn start(home: &tempfile::TempDir, program: &Path) -> Outcome<Gateway> {
    let mut command = Command::new(program);
    let state = home.path();
    command
        .args(["gateway", "--port", "0"])
        .env_clear()
        .env("HOME", state)
        .env("OPENCLAW_STATE_DIR", state)
        .env("OPENCLAW_BUNDLED_PLUGINS_DIR", state.join("bundled"))
        .stdin(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .map_err(|e| format!("{}: {e}", program.display()))?;
    let lines = BufReader::new(child.stderr.take().ok_or("no standard error")?).lines();
    let (sender, said) = mpsc::sync_channel(LINES);
    // somebody has to read what it says, or it would wait for a reader one day
    std::thread::spawn(move || {
        for line in lines.map_while(Result::ok) {
            let port = line
                .split("ws://127.0.0.1:")
                .nth(1)
                .and_then(|rest| rest.split(' ').next());
            let port = port.and_then(|port| port.parse::<u16>().ok());
            if port.is_some() || line.contains("calls are streamed") {
                let _ = sender.send(port);
            }
        }
    });
    let mut gateway = Gateway { child, port: 0 };
    tokio::task::spawn_blocking(move || {
        let mut streamed = false;
        while gateway.port == 0 || !streamed {
            match said.recv_timeout(PATIENCE) {
                Ok(Some(port)) => gateway.port = port,
                Ok(None) => streamed = true,
                Err(_) => return Err("the gateway does not stream calls".to_owned()),
            }
        }
        Ok(gateway)
    })
    .await
    .map_err(told)?
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
