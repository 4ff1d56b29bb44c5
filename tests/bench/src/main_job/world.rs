//! The services around the gateway, as fast as they can be: a messenger and a model on loopback, with TCP_NODELAY.
//!
//! They check nothing; the fakes of the tests do that. What they keep is bounded by what has not been confirmed.
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{Uri, header},
    response::{IntoResponse, Response},
    serve::ListenerExt,
};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    io,
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use tokio::{
    net::TcpListener,
    sync::{Notify, mpsc},
};

/// The token of the bot.
pub const TOKEN: &str = "424242:bench-token_of_the-bot-000000000000";
/// What the model answers: too short for a preview.
const ANSWER: [&str; 3] = ["Understood", ", and", " done."];

/// Messages of the bot's that nobody has looked at yet.
const MAX_SENT: usize = 1000;

/// A message of the bot's.
#[derive(Debug)]
pub struct Sent {
    /// Into which chat.
    pub chat: i64,
    /// When its request was read.
    pub at: Instant,
}

/// The messenger and the model.
pub struct World {
    shared: Arc<Shared>,
    sent: mpsc::Receiver<Sent>,
    /// Where both listen.
    pub root: String,
}

struct Shared {
    state: Mutex<Waiting>,
    arrived: Notify,
    sent: mpsc::Sender<Sent>,
}

#[derive(Default)]
struct Waiting {
    updates: VecDeque<(i64, Value)>,
    next: i64,
    thinking: Duration,
}

// === impl World ===

impl World {
    /// Starts both on a free port.
    pub async fn start() -> io::Result<Self> {
        let (tx, sent) = mpsc::channel(MAX_SENT);
        let state = Waiting {
            next: 1,
            ..Waiting::default()
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            arrived: Notify::new(),
            sent: tx,
        });
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let root = format!("http://{}", listener.local_addr()?);
        let listener = listener.tap_io(|stream| {
            // without it a short answer may wait for an acknowledgement; if it can't be set, the figures will tell
            let _ = stream.set_nodelay(true);
        });
        let router = Router::new().fallback(answer).with_state(shared.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { shared, sent, root })
    }

    /// How long the model thinks from now on.
    pub fn think_for(&self, time: Duration) {
        self.shared.waiting().thinking = time;
    }

    /// Somebody writes in a private chat of his own.
    pub fn say(&self, chat: i64, text: &str) {
        let mut waiting = self.shared.waiting();
        let id = waiting.next;
        waiting.next += 1;
        let person = json!({ "id": chat, "is_bot": false, "first_name": "Ada" });
        let place = json!({ "id": chat, "type": "private", "first_name": "Ada" });
        let date = 1_760_000_000;
        let message = json!({ "message_id": id, "from": person, "chat": place, "date": date, "text": text });
        let update = json!({ "update_id": id, "message": message });
        waiting.updates.push_back((id, update));
        drop(waiting);
        self.shared.arrived.notify_waiters();
    }

    /// The next message of the bot's.
    pub async fn sent(&mut self) -> Option<Sent> {
        self.sent.recv().await
    }
}

// === impl Shared ===

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets what is below the offset, and waits for more.
    async fn updates(&self, body: &Value) -> Value {
        let offset = body["offset"].as_i64().unwrap_or_default();
        let hold = Duration::from_secs(body["timeout"].as_u64().unwrap_or_default());
        let deadline = tokio::time::Instant::now() + hold;
        loop {
            let mut arrived = std::pin::pin!(self.arrived.notified());
            arrived.as_mut().enable();
            let found: Vec<_> = {
                let mut waiting = self.waiting();
                while waiting.updates.front().is_some_and(|(id, _)| *id < offset) {
                    waiting.updates.pop_front();
                }
                let updates = waiting.updates.iter().take(100);
                updates.map(|(_, update)| update.clone()).collect()
            };
            if !found.is_empty() || tokio::time::timeout_at(deadline, arrived).await.is_err() {
                return found.into();
            }
        }
    }
}

async fn answer(State(shared): State<Arc<Shared>>, uri: Uri, body: Bytes) -> Response {
    let at = Instant::now();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (_, method) = uri.path().rsplit_once('/').unwrap_or_default();
    let result = match method {
        "completions" => return think(&shared).await,
        "models" => return json_of(&json!({ "object": "list", "data": [] })),
        "getMe" => {
            json!({ "id": 424_242, "is_bot": true, "first_name": "Bench", "username": "bench_bot", "can_join_groups": true })
        }
        "getUpdates" => shared.updates(&body).await,
        "sendMessage" => {
            let chat = body["chat_id"]
                .as_i64()
                .or_else(|| body["chat_id"].as_str()?.parse().ok());
            let chat = chat.unwrap_or_default();
            // whoever measures may have ended
            let _ = shared.sent.send(Sent { chat, at }).await;
            json!({ "message_id": 1, "date": 1_760_000_000, "chat": { "id": chat, "type": "private" } })
        }
        _ => true.into(),
    };
    json_of(&json!({ "ok": true, "result": result }))
}

async fn think(shared: &Shared) -> Response {
    let thinking = shared.waiting().thinking;
    if !thinking.is_zero() {
        tokio::time::sleep(thinking).await;
    }
    let mut events = String::new();
    let mut push = |choices: Value, usage: Value| {
        let chunk = json!({
            "id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m", "choices": choices, "usage": usage
        });
        events += &format!("data: {chunk}\n\n");
    };
    for word in ANSWER {
        let delta = json!({ "role": "assistant", "content": word });
        push(
            json!([{ "index": 0, "delta": delta, "finish_reason": null }]),
            Value::Null,
        );
    }
    push(
        json!([{ "index": 0, "delta": {}, "finish_reason": "stop" }]),
        Value::Null,
    );
    let usage = json!({ "prompt_tokens": 100, "completion_tokens": 4, "total_tokens": 104 });
    push(json!([]), usage);
    events += "data: [DONE]\n\n";
    ([(header::CONTENT_TYPE, "text/event-stream")], events).into_response()
}

fn json_of(value: &Value) -> Response {
    (
        [(header::CONTENT_TYPE, "application/json")],
        Body::from(value.to_string()),
    )
        .into_response()
}
