//! A vendor of speech on loopback: texts spoken, and sockets that listen, in a language of tones (`tones`).
//!
//! It speaks as fast as it is read, in pieces, and hears who speaks by how loud it is, as the real one does. Invariant:
//! without the key nothing is spoken or heard.
mod realtime;
pub mod tones;

pub use tones::Tones;

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::{State, WebSocketUpgrade},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::ListenerExt,
};
use futures_util::stream;
use serde_json::{Value, json};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};
use tokio::{net::TcpListener, task::JoinHandle};

/// Samples in a second of what it speaks.
const RATE: u32 = 24_000;
/// How long a text is, for each of its letters.
const LETTER_MS: u32 = 40;
/// One piece.
const PIECE_MS: u32 = 100;
/// Requests that are kept.
const MAX_KEPT: usize = 1000;

/// A running fake. Dropping it closes its port.
#[derive(Debug)]
pub struct Speech {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    key: String,
    tones: Tones,
    notes: Mutex<Notes>,
}

#[derive(Debug, Default)]
struct Notes {
    spoken: Vec<String>,
    sessions: Vec<Value>,
    complaints: Vec<String>,
    /// When each utterance of a caller was understood, and when the first piece of each answer was asked for.
    heard_at: Vec<Instant>,
    asked_at: Vec<Instant>,
    delay: Duration,
}

// === impl Speech ===

impl Speech {
    /// Starts one on a free port, for this key.
    pub async fn start(key: &str) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let listener = listener.tap_io(|stream| {
            let _ = stream.set_nodelay(true);
        });
        let shared = Arc::new(Shared {
            key: key.to_owned(),
            tones: Tones::default(),
            notes: Mutex::default(),
        });
        let router = Router::new()
            .route("/v1/audio/speech", post(speak))
            .route("/v1/realtime", get(realtime))
            .with_state(shared.clone());
        let server = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            address,
            shared,
            server,
        })
    }

    /// What `baseUrl` has to say.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address)
    }

    /// The language that it speaks and hears.
    pub fn tones(&self) -> Tones {
        self.shared.tones.clone()
    }

    /// The texts that it was asked to speak.
    pub fn spoken(&self) -> Vec<String> {
        self.shared.notes(|notes| notes.spoken.clone())
    }

    /// The sessions that it was asked for.
    pub fn sessions(&self) -> Vec<Value> {
        self.shared.notes(|notes| notes.sessions.clone())
    }

    /// Each thing that the vendor would not have taken.
    pub fn complaints(&self) -> Vec<String> {
        self.shared.notes(|notes| notes.complaints.clone())
    }

    /// It takes so long before it speaks, from now on.
    pub fn delay(&self, delay: Duration) {
        self.shared.notes(|notes| notes.delay = delay);
    }

    /// When each utterance was understood, and when each answer was asked for.
    pub fn times(&self) -> (Vec<Instant>, Vec<Instant>) {
        self.shared
            .notes(|notes| (notes.heard_at.clone(), notes.asked_at.clone()))
    }
}

impl Drop for Speech {
    fn drop(&mut self) {
        self.server.abort();
    }
}

// === impl Shared ===

impl Shared {
    fn notes<T>(&self, work: impl FnOnce(&mut Notes) -> T) -> T {
        work(&mut self.notes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn complain(&self, what: impl Into<String>) {
        self.notes(|notes| notes.complaints.push(what.into()));
    }

    fn admits(&self, headers: &HeaderMap) -> bool {
        let expected = format!("Bearer {}", self.key);
        headers
            .get("authorization")
            .is_some_and(|key| key.as_bytes() == expected.as_bytes())
    }
}

fn refused(status: StatusCode, code: &str) -> Response {
    let error = json!({"error": {"message": code, "type": "invalid_request_error", "code": code}});
    (status, Json(error)).into_response()
}

async fn speak(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    if !shared.admits(&headers) {
        return refused(StatusCode::UNAUTHORIZED, "invalid_api_key");
    }
    let asked: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = asked["input"].as_str().unwrap_or_default().to_owned();
    for (field, fine) in [
        ("input", !text.is_empty() && text.chars().count() <= 4096),
        ("model", asked["model"].is_string()),
        ("voice", asked["voice"].is_string()),
        ("response_format", asked["response_format"] == "pcm"),
    ] {
        if !fine {
            shared.complain(format!("speech: {field} in {asked}"));
            return refused(StatusCode::BAD_REQUEST, field);
        }
    }
    let delay = shared.notes(|notes| {
        if notes.spoken.len() < MAX_KEPT {
            notes.spoken.push(text.clone());
            notes.asked_at.push(Instant::now());
        }
        notes.delay
    });
    tokio::time::sleep(delay).await;
    let pieces = pcm(&shared.tones, &text)
        .chunks((RATE * PIECE_MS / 1000 * 2) as usize)
        .map(Bytes::copy_from_slice)
        .collect::<Vec<_>>();
    let pieces = stream::unfold(pieces.into_iter(), |mut pieces| async move {
        // giving way sends what came before
        tokio::task::yield_now().await;
        pieces.next().map(|piece| (Ok::<_, io::Error>(piece), pieces))
    });
    Response::new(Body::from_stream(pieces))
}

/// How long a text is.
pub fn length_ms(text: &str) -> u32 {
    LETTER_MS * u32::try_from(text.len()).unwrap_or(u32::MAX / LETTER_MS)
}

fn pcm(tones: &Tones, text: &str) -> Vec<u8> {
    let samples = tones::tone(tones.pitch(text), RATE, length_ms(text));
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

async fn realtime(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Response {
    if !shared.admits(&headers) {
        return refused(StatusCode::UNAUTHORIZED, "invalid_api_key");
    }
    let query = uri.query().unwrap_or_default().to_owned();
    if query != "intent=transcription" && !query.starts_with("model=") {
        shared.complain(format!("realtime: query {query}"));
        return refused(StatusCode::BAD_REQUEST, "query");
    }
    upgrade.on_upgrade(move |socket| realtime::serve(shared, socket))
}
