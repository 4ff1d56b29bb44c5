//! OpenAI on loopback: `/v1/responses`, `/v1/chat/completions` and `/v1/models`.
//!
//! Without a script it repeats what it hears, word by word, and asks for a tool when told to (`/tool <name> <json>`).
//! Invariant: what the vendor would refuse is refused here. Bodies are checked against the vendor's own description
//! where it is at hand, and calls without results always.
mod events;
mod spec;
mod turn;

use turn::Hold;
pub use turn::{Fault, Part, Turn, Valve};

use axum::{
    Json, Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    routing::{get, post},
    serve::ListenerExt,
};
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use std::{
    collections::VecDeque,
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{net::TcpListener, sync::Notify, task::JoinHandle};

/// Requests that are kept for a test to look at; older ones are forgotten.
const MAX_KEPT: usize = 1_000;

/// A running fake. Dropping it closes its port.
#[derive(Debug)]
pub struct OpenAi {
    address: SocketAddr,
    shared: Arc<Shared>,
    server: JoinHandle<()>,
}

/// One request that came in.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Such as `/v1/responses`.
    pub path: String,
    /// As it came, with lower-case names.
    pub headers: HeaderMap,
    /// The body; null if there was none.
    pub body: Value,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<Memory>,
    /// A request arrived.
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Memory {
    key: Option<String>,
    script: VecDeque<Turn>,
    asked: VecDeque<Asked>,
    complaints: Vec<String>,
    answers: u64,
}

/// The two APIs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Api {
    Responses,
    Completions,
}

// === impl OpenAi ===

impl OpenAi {
    /// Starts one on a free port.
    pub async fn start() -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let listener = listener.tap_io(|stream| {
            // Without it every short event waits for the acknowledgement of the one before.
            let _ = stream.set_nodelay(true);
        });
        let shared = Arc::new(Shared::default());
        let router = router(shared.clone());
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

    /// From now on only this key is taken. Without it any is, and none too.
    pub fn require_key(&self, key: &str) {
        self.shared.memory().key = Some(key.to_owned());
    }

    /// Answers the next request that no earlier turn is for.
    pub fn script(&self, turn: Turn) {
        self.shared.memory().script.push_back(turn);
    }

    /// The requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.memory().asked.iter().cloned().collect()
    }

    /// Waits until so many requests for answers came in; gives their bodies.
    pub async fn heard(&self, times: usize) -> Vec<Value> {
        loop {
            let arrived = self.shared.arrived.notified();
            let asked = self.asked().into_iter().map(|asked| asked.body);
            let bodies: Vec<_> = asked.filter(|body| !body.is_null()).collect();
            if bodies.len() >= times {
                return bodies;
            }
            arrived.await;
        }
    }

    /// What the vendor would not have taken, in words. A test ends with the wish that this is empty.
    pub fn complaints(&self) -> Vec<String> {
        self.shared.memory().complaints.clone()
    }
}

impl Drop for OpenAi {
    fn drop(&mut self) {
        self.server.abort();
    }
}

// === impl Shared ===

impl Shared {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a request; an answer if it is refused.
    fn note(&self, uri: &Uri, headers: HeaderMap, body: Value) -> Option<Response> {
        let mut memory = self.memory();
        let wrong_key = memory.key.as_ref().is_some_and(|key| {
            let sent = headers.get(header::AUTHORIZATION);
            sent.is_none_or(|sent| sent.as_bytes() != format!("Bearer {key}").as_bytes())
        });
        if memory.asked.len() >= MAX_KEPT {
            memory.asked.pop_front();
        }
        memory.asked.push_back(Asked {
            path: uri.path().to_owned(),
            headers,
            body,
        });
        drop(memory);
        self.arrived.notify_waiters();
        wrong_key.then(|| {
            refusal(
                401,
                "invalid_request_error",
                "invalid_api_key",
                "Incorrect API key provided.",
            )
        })
    }

    fn complain(&self, what: String) -> Response {
        let answer = refusal(400, "invalid_request_error", "invalid_value", &what);
        self.memory().complaints.push(what);
        answer
    }
}

fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/v1/models", get(models))
        .route(
            "/v1/responses",
            post(|shared, uri, headers, body| answer(Api::Responses, shared, uri, headers, body)),
        )
        .route(
            "/v1/chat/completions",
            post(|shared, uri, headers, body| answer(Api::Completions, shared, uri, headers, body)),
        )
        .route("/v1/embeddings", post(embeddings))
        .with_state(shared)
}

/// The vector of a text is its length and its place.
async fn embeddings(
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    if let Some(refused) = shared.note(&uri, headers, body.clone()) {
        return refused;
    }
    let Some(texts) = body["input"].as_array().filter(|texts| !texts.is_empty()) else {
        return shared.complain("input is a list of texts".to_owned());
    };
    let item = |(place, text): (usize, &Value)| {
        let length = text.as_str().map_or(0, str::len);
        json!({ "object": "embedding", "index": place, "embedding": [length, place] })
    };
    let data: Vec<_> = texts.iter().enumerate().map(item).collect();
    let usage = json!({ "prompt_tokens": texts.len(), "total_tokens": texts.len() });
    Json(json!({ "object": "list", "data": data, "model": body["model"], "usage": usage })).into_response()
}

async fn models(State(shared): State<Arc<Shared>>, uri: Uri, headers: HeaderMap) -> Response {
    if let Some(refused) = shared.note(&uri, headers, Value::Null) {
        return refused;
    }
    let model =
        |id: &str| json!({ "id": id, "object": "model", "created": 1_700_000_000, "owned_by": "fake" });
    Json(json!({ "object": "list", "data": [model("gpt-4o"), model("gpt-5"), model("text-embedding-3-small")] }))
        .into_response()
}

async fn answer(
    api: Api,
    State(shared): State<Arc<Shared>>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Ok(body) = serde_json::from_slice::<Value>(&body) else {
        return shared.complain("the body is not JSON".to_owned());
    };
    if let Some(refused) = shared.note(&uri, headers, body.clone()) {
        return refused;
    }
    if let Err(problem) = spec::check(api, &body).and_then(|()| spec::check_calls(api, &body)) {
        return shared.complain(problem);
    }
    let (turn, number) = {
        let mut memory = shared.memory();
        memory.answers += 1;
        let turn = memory.script.pop_front();
        (turn.unwrap_or_else(|| Turn::echo(api, &body)), memory.answers)
    };
    if !turn.delay.is_zero() {
        tokio::time::sleep(turn.delay).await;
    }
    match turn.fault {
        Some(Fault::Status {
            status,
            kind,
            code,
            message,
            retry_after,
        }) => {
            let mut answer = refusal(status, &kind, &code, &message);
            if let Some(seconds) = retry_after {
                answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
            }
            answer
        }
        _ => stream_turn(api, &turn, &body, number),
    }
}

/// What the vendor would send for a body, in the pieces in which it comes, or why it would refuse it: for tests that
/// have no wire. The path is as in [`Asked::path`].
pub fn exchange(path: &str, body: &Value, turn: &Turn) -> Result<Vec<Bytes>, String> {
    let api = match path {
        "/v1/responses" => Api::Responses,
        "/v1/chat/completions" => Api::Completions,
        _ => return Err(format!("there is nothing at {path}")),
    };
    spec::check(api, body)?;
    spec::check_calls(api, body)?;
    Ok(pieces(api, turn, body, 1))
}

fn pieces(api: Api, turn: &Turn, request: &Value, number: u64) -> Vec<Bytes> {
    let events = events::render(api, turn, request, number);
    let mut pieces: Vec<_> = events.iter().map(events::frame).collect();
    if api == Api::Completions {
        pieces.push(Bytes::from_static(b"data: [DONE]\n\n"));
    }
    pieces
}

/// The turn as server-sent events, with its fault at its place.
fn stream_turn(api: Api, turn: &Turn, request: &Value, number: u64) -> Response {
    let mut pieces: Vec<io::Result<Bytes>> = pieces(api, turn, request, number).into_iter().map(Ok).collect();
    match &turn.fault {
        Some(Fault::Cut { after }) => {
            pieces.truncate(*after);
            let cut = async {
                // what was said before goes out first
                tokio::task::yield_now().await;
                Err(io::Error::other("cut by the script"))
            };
            return event_stream(Body::from_stream(stream::iter(pieces).chain(stream::once(cut))));
        }
        Some(Fault::Close { after }) => pieces.truncate(*after),
        Some(Fault::Malformed { after }) => {
            pieces.truncate(*after);
            pieces.push(Ok(Bytes::from_static(b"data: {\"type\":\n\n")));
        }
        Some(Fault::Failed { after, code, message }) => {
            pieces.truncate(*after);
            pieces.push(Ok(events::frame(&events::failure(api, code, message, number))));
        }
        Some(Fault::Silent { after }) => {
            pieces.truncate(*after);
            return event_stream(Body::from_stream(stream::iter(pieces).chain(stream::pending())));
        }
        Some(Fault::Status { .. }) | None => {}
    }
    match &turn.hold {
        Some(hold) => event_stream(Body::from_stream(held(pieces, hold.clone()))),
        None => event_stream(Body::from_stream(stream::iter(pieces))),
    }
}

/// The pieces, with a wait among them. Ends with whoever reads, and the wait too.
fn held(mut pieces: Vec<io::Result<Bytes>>, hold: Hold) -> impl Stream<Item = io::Result<Bytes>> {
    let mut rest = pieces.split_off(hold.after.min(pieces.len()));
    let rest = stream::once(hold.wait()).flat_map(move |()| stream::iter(std::mem::take(&mut rest)));
    stream::iter(pieces).chain(rest)
}

fn event_stream(body: Body) -> Response {
    ([(header::CONTENT_TYPE, "text/event-stream; charset=utf-8")], body).into_response()
}

fn refusal(status: u16, kind: &str, code: &str, message: &str) -> Response {
    let status = StatusCode::from_u16(status).expect("a script names statuses that exist");
    let code = if code.is_empty() { Value::Null } else { code.into() };
    let error = json!({ "error": { "message": message, "type": kind, "param": null, "code": code } });
    (status, Json(error)).into_response()
}

#[cfg(test)]
mod tests;
