//! What every fake is made of: a server on loopback that remembers what it was asked and fails when its script says so.
//!
//! It knows no vendor. Invariant: a request is remembered before it is answered, faults included.
use axum::{
    Router,
    body::{Body, Bytes},
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Uri},
    response::Response,
    serve::ListenerExt,
};
use futures_util::{StreamExt, stream};
use serde_json::Value;
use std::{
    collections::VecDeque,
    fmt, io,
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{net::TcpListener, task::JoinHandle};

/// Requests that are kept for a test to look at; older ones are forgotten.
const MAX_KEPT: usize = 1_000;

/// What a fake answers. It is asked in the order in which requests come.
pub trait Vendor: Send + Sync + 'static {
    /// The answer to one request.
    fn answer(&self, asked: &Asked) -> Reply;
}

/// A running fake. Dropping it closes its port.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// One request that came in.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Such as `POST`.
    pub method: Method,
    /// Path and query.
    pub path: String,
    /// As they came, with lower-case names.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

/// An answer, in the pieces in which it goes out.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    /// Status code.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub pieces: Vec<Bytes>,
}

/// What goes wrong with one request.
#[derive(Debug, Clone)]
pub enum Fault {
    /// The answer comes later.
    Delay(Duration),
    /// Another answer.
    Status {
        /// Status code.
        code: u16,
        /// Headers.
        headers: Vec<(String, String)>,
        /// The body.
        body: String,
    },
    /// The connection breaks after so many bytes of the body.
    CutAfter {
        /// Bytes.
        bytes: usize,
    },
    /// The service does what it is asked, and the connection breaks before a byte of its answer.
    Lost,
    /// The second event of the stream is not JSON.
    Malformed,
    /// The request is taken and never answered.
    HalfOpen,
}

struct Shared {
    vendor: Box<dyn Vendor>,
    memory: Mutex<Memory>,
}

#[derive(Default)]
struct Memory {
    script: VecDeque<Fault>,
    asked: VecDeque<Asked>,
}

// === impl Server ===

impl Server {
    /// Starts one on a free port.
    pub async fn start(vendor: impl Vendor) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let listener = listener.tap_io(|stream| {
            // Without it every short event waits for the acknowledgement of the one before.
            let _ = stream.set_nodelay(true);
        });
        let shared = Arc::new(Shared {
            vendor: Box::new(vendor),
            memory: Mutex::default(),
        });
        let router = Router::new().fallback(serve).with_state(shared.clone());
        let task = tokio::spawn(async move {
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            address,
            shared,
            task,
        })
    }

    /// `http://127.0.0.1:<port>`
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Faults for the next requests, one each; after them all is well again.
    pub fn script(&self, faults: impl IntoIterator<Item = Fault>) {
        self.shared.memory().script.extend(faults);
    }

    /// No fault is left: all is well again.
    pub fn forget(&self) {
        self.shared.memory().script.clear();
    }

    /// The requests so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.memory().asked.iter().cloned().collect()
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Server({})", self.address)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

// === impl Asked ===

impl Asked {
    /// The body as JSON; null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_default()
    }

    /// A header as text; empty if it is not there.
    pub fn header(&self, name: &str) -> &str {
        let value = self.headers.get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default()
    }
}

// === impl Reply ===

impl Reply {
    /// JSON at once.
    pub fn json(status: u16, body: &Value) -> Self {
        Self {
            status,
            headers: vec![("content-type".into(), "application/json".into())],
            pieces: vec![body.to_string().into()],
        }
    }

    /// A stream of events, each in a piece of its own.
    pub fn events(events: impl IntoIterator<Item = String>) -> Self {
        Self {
            status: 200,
            headers: vec![("content-type".into(), "text/event-stream".into())],
            pieces: events.into_iter().map(Bytes::from).collect(),
        }
    }

    fn into_response(self, broken: bool) -> Response {
        let end = broken.then(|| Err(io::Error::other("cut by the script")));
        let pieces = self.pieces.into_iter().map(Ok).chain(end);
        // Giving way before each piece sends what came before: events arrive one by one, and a cut cuts nothing more.
        let pieces = stream::iter(pieces).then(async |piece| {
            tokio::task::yield_now().await;
            piece
        });
        let mut response = Response::new(Body::from_stream(pieces));
        *response.status_mut() = StatusCode::from_u16(self.status).expect("a fake names statuses that exist");
        for (name, value) in self.headers {
            let name = HeaderName::try_from(name).expect("a fake names headers that exist");
            let value = HeaderValue::try_from(value).expect("a fake's headers are text");
            response.headers_mut().insert(name, value);
        }
        response
    }

    /// The first bytes only.
    fn cut(&mut self, mut bytes: usize) {
        self.pieces.retain_mut(|piece| {
            piece.truncate(bytes);
            bytes -= piece.len();
            !piece.is_empty()
        });
    }
}

impl Shared {
    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, asked: &Asked) -> Option<Fault> {
        let mut memory = self.memory();
        if memory.asked.len() >= MAX_KEPT {
            memory.asked.pop_front();
        }
        memory.asked.push_back(asked.clone());
        memory.script.pop_front()
    }
}

async fn serve(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let path = uri
        .path_and_query()
        .map_or_else(|| uri.path().to_owned(), ToString::to_string);
    let asked = Asked {
        method,
        path,
        headers,
        body,
    };
    match shared.note(&asked) {
        None => shared.vendor.answer(&asked).into_response(false),
        Some(Fault::Delay(time)) => {
            tokio::time::sleep(time).await;
            shared.vendor.answer(&asked).into_response(false)
        }
        Some(Fault::Status { code, headers, body }) => Reply {
            status: code,
            headers,
            pieces: vec![body.into()],
        }
        .into_response(false),
        Some(Fault::CutAfter { bytes }) => {
            let mut reply = shared.vendor.answer(&asked);
            reply.cut(bytes);
            reply.into_response(true)
        }
        Some(Fault::Lost) => {
            shared.vendor.answer(&asked);
            // a body that breaks at once takes the head with it
            Response::new(Body::from_stream(stream::iter([Err::<Bytes, _>(
                io::Error::other("lost by the script"),
            )])))
        }
        Some(Fault::Malformed) => {
            let mut reply = shared.vendor.answer(&asked);
            reply.pieces.truncate(1);
            reply.pieces.push(Bytes::from_static(b"data: {\"type\":\n\n"));
            reply.into_response(false)
        }
        Some(Fault::HalfOpen) => std::future::pending().await,
    }
}

#[cfg(test)]
mod tests;
