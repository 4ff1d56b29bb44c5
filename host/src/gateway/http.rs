//! HTTP on the gateway's port: the upgrade to a WebSocket on any path that no plugin has its own on, the health probes, and
//! for everything else the plugins' routes.
//!
//! Invariants: a request for a host that isn't ours gets no further, unless it is for a route whose requests are signed;
//! no route takes the place of the gateway's own paths; sockets without authentication are bounded, in sum
//! and per client; a probe tells details only to programs on this machine and to
//! callers that bring a secret.
use axum::{
    Extension, Json, Router,
    body::Body,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::get,
};
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Arc, Mutex, PoisonError},
};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;

use super::{
    auth::ProxyClaim,
    figures,
    handshake::{self, Admitted, Entrance},
    hub,
    identify::{Caller, identify, is_local},
    limits,
    outbox::{Close, Outbox},
    random, routes,
    scope::Scope,
    server::Shared,
    session,
    wire::{End, Wire},
};
use crate::http::server::{Peer, Place, peer_of};

/// Names a response, for reports of faults.
const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Sockets that have not authenticated yet, per client.
#[derive(Debug, Default)]
pub(crate) struct Unauthenticated(Mutex<HashMap<IpAddr, usize>>);

/// One of them. Dropped when it has authenticated or is gone.
struct Waiting {
    all: Arc<Unauthenticated>,
    network: IpAddr,
}

/// Paths that say how the gateway is.
const PROBES: [&str; 5] = ["/healthz", "/health", "/readyz", "/ready", "/startupz"];

/// The gateway's paths.
pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new()
        .route("/healthz", get(alive))
        .route("/health", get(alive))
        .route("/readyz", get(ready))
        .route("/ready", get(ready))
        .route("/startupz", get(started))
        .route("/metrics", get(figures::figures))
        .route("/api/diagnostics/prometheus", get(figures::figures))
        .fallback(elsewhere)
        .layer(middleware::from_fn_with_state(shared.clone(), gate))
        .with_state(shared)
}

/// What every request passes: the host's rule, and the branch to a WebSocket.
async fn gate(State(shared): State<Arc<Shared>>, mut request: Request, next: Next) -> Response {
    let Some(peer) = peer_of(&request, &shared.rules.get().trusted_proxies) else {
        return text(
            StatusCode::INTERNAL_SERVER_ERROR,
            "the listener does not know its peer",
        );
    };
    let host = header_text(request.headers(), &header::HOST)
        .unwrap_or_default()
        .to_owned();
    let upgrade = header_text(request.headers(), &header::UPGRADE);
    let upgrade = upgrade.is_some_and(|protocol| protocol.eq_ignore_ascii_case("websocket"));
    let path = request.uri().path();
    let of_a_route = upgrade && shared.routing.has_socket(path);
    let signed = (!upgrade || of_a_route) && shared.routing.is_signed(path);
    // signed: its sender proves itself. Probes: what watches a machine has its own name for it, and to who brings no
    // secret they say one word.
    let open = signed || (!upgrade && PROBES.contains(&path));
    if !open && !shared.rules.get().sites.host_allowed(&host) {
        return text(
            StatusCode::FORBIDDEN,
            "host not allowed: use an IP address, or add https://<host> to gateway.controlUi.allowedOrigins",
        );
    }
    if of_a_route {
        return routes::open_socket(&shared, peer, request).await;
    }
    if upgrade {
        return switch(shared, request, peer, host);
    }
    request.extensions_mut().insert(peer);
    let mut response = next.run(request).await;
    let id = HeaderValue::try_from(random::uuid()).expect("digits and dashes are a header's value");
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// May this one see details? Whoever brings a secret, and programs on this machine: a page can't read the answer.
async fn sees(shared: &Shared, peer: &Peer, headers: &HeaderMap) -> Result<bool, Response> {
    let caller = identify(shared, peer, headers, Scope::Read).await?;
    Ok(is_local(peer, headers) || matches!(caller, Caller::Known { .. }))
}

async fn elsewhere(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    request: Request,
) -> Response {
    routes::serve(&shared, peer, request).await
}

async fn alive() -> Response {
    Json(json!({"ok": true, "status": "live"})).into_response()
}

async fn ready(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    let sees = match sees(&shared, &peer, &headers).await {
        Ok(sees) => sees,
        Err(refused) => return refused,
    };
    let readiness = shared.handler.readiness();
    let failing: Vec<String> = readiness.pending.into_iter().chain(readiness.failing).collect();
    let status = status_if(failing.is_empty());
    let mut body = json!({"ready": failing.is_empty()});
    if sees {
        body["failing"] = json!(failing);
        body["uptimeMs"] = json!(shared.uptime_ms());
        merge(&mut body, readiness.details);
    }
    (status, Json(body)).into_response()
}

async fn started(
    State(shared): State<Arc<Shared>>,
    Extension(peer): Extension<Peer>,
    headers: HeaderMap,
) -> Response {
    let sees = match sees(&shared, &peer, &headers).await {
        Ok(sees) => sees,
        Err(refused) => return refused,
    };
    let pending = shared.handler.readiness().pending;
    let status = if pending.is_none() { "started" } else { "starting" };
    let mut body = json!({"ok": pending.is_none(), "status": status});
    if sees {
        body["version"] = json!(shared.version);
        body["uptimeMs"] = json!(shared.uptime_ms());
        if let Some(pending) = &pending {
            body["pendingReason"] = json!(pending);
        }
    }
    (status_if(pending.is_none()), Json(body)).into_response()
}

/// What the answer to a request for a WebSocket proves, if it is one.
pub(super) fn accept_key(request: &Request) -> Result<String, Box<Response>> {
    let headers = request.headers();
    if request.method() != Method::GET {
        let text = text(StatusCode::METHOD_NOT_ALLOWED, "a WebSocket is opened with GET");
        return Err(text.into());
    }
    let version = header::SEC_WEBSOCKET_VERSION;
    if header_text(headers, &version) != Some("13") {
        let text = "WebSocket version 13 is spoken\n";
        return Err((StatusCode::UPGRADE_REQUIRED, [(version, "13")], text)
            .into_response()
            .into());
    }
    let key = headers.get(header::SEC_WEBSOCKET_KEY);
    let key = key.map(|key| derive_accept_key(key.as_bytes()));
    key.ok_or_else(|| {
        let text = text(StatusCode::BAD_REQUEST, "the header sec-websocket-key is missing");
        text.into()
    })
}

/// The answer that turns the connection into a WebSocket.
pub(super) fn switching(key: &str) -> Response {
    let headers = [
        (header::CONNECTION, "Upgrade"),
        (header::UPGRADE, "websocket"),
        (header::SEC_WEBSOCKET_ACCEPT, key),
    ];
    (StatusCode::SWITCHING_PROTOCOLS, headers, Body::empty()).into_response()
}

/// Turns the connection into a WebSocket of the gateway's own.
fn switch(shared: Arc<Shared>, mut request: Request, peer: Peer, host: String) -> Response {
    let key = match accept_key(&request) {
        Ok(key) => key,
        Err(refused) => return *refused,
    };
    let headers = request.headers();
    let Some(waiting) = shared.unauthenticated.enter(&peer) else {
        return text(
            StatusCode::SERVICE_UNAVAILABLE,
            "too many unauthenticated connections: retry later",
        );
    };
    // an origin that is no text equals none of ours
    let origin = headers
        .get(header::ORIGIN)
        .map(|origin| origin.to_str().unwrap_or("null").to_owned());
    let epoch = shared.events.epoch();
    let proxy = ProxyClaim::read(shared.verifier().proxy(), &peer, headers);
    let entrance = Entrance {
        peer,
        origin,
        host,
        proxy,
        epoch,
    };
    let place = request.extensions_mut().remove::<Place>();
    let upgrade = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let Ok(upgraded) = upgrade.await else { return };
        let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else {
            return;
        };
        let wire = Wire::new(parts.io.into_inner(), &parts.read_buf);
        // HTTP's buffer would last as long as the socket
        drop(parts.read_buf);
        let Some((shared, admitted, wire, outbox)) = greet(shared, entrance, wire, waiting).await else {
            return;
        };
        // a task of its own: an idle client should not go on paying for its handshake
        tokio::spawn(serve(shared, admitted, wire, outbox, place));
    });
    switching(&key)
}

/// A client that is let in, and what it is served with.
type Greeted = (Arc<Shared>, Box<Admitted>, Box<Wire>, Arc<Outbox>);

/// A socket from its first byte until its client is let in, or to its end.
async fn greet(shared: Arc<Shared>, entrance: Entrance, mut wire: Wire, waiting: Waiting) -> Option<Greeted> {
    let outbox = Arc::new(Outbox::default());
    let mut stop = shared.stop.subscribe();
    let admitted = tokio::select! {
        admitted = handshake::shake(&shared, &entrance, &mut wire, &outbox) => admitted,
        _ = stop.wait_for(|stop| *stop) => {
            let (code, reason) = hub::RESTART;
            Err(End::Ours(Close { code, reason: reason.to_owned() }))
        }
    };
    drop(waiting);
    match admitted {
        Ok(admitted) => Some((shared, Box::new(admitted), Box::new(wire), outbox)),
        Err(end) => {
            close(wire, end).await;
            None
        }
    }
}

/// A socket from then on, to its last byte.
async fn serve(
    shared: Arc<Shared>,
    admitted: Box<Admitted>,
    mut wire: Box<Wire>,
    outbox: Arc<Outbox>,
    place: Option<Place>,
) {
    let end = session::serve(shared, admitted, &mut wire, outbox).await;
    Box::pin(close(*wire, end)).await;
    drop(place);
}

async fn close(wire: Wire, end: End) {
    if let End::Ours(close) = end {
        wire.close(close).await;
    }
}

fn status_if(well: bool) -> StatusCode {
    if well {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    }
}

fn merge(body: &mut Value, more: serde_json::Map<String, Value>) {
    if let Value::Object(body) = body {
        body.extend(more);
    }
}

pub(super) fn header_text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn text(status: StatusCode, text: &'static str) -> Response {
    (status, format!("{text}\n")).into_response()
}

// === impl Unauthenticated ===

impl Unauthenticated {
    fn enter(self: &Arc<Self>, peer: &Peer) -> Option<Waiting> {
        let network = peer.network();
        let mut clients = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let total: usize = clients.values().sum();
        let own = clients.get(&network).copied().unwrap_or_default();
        if total >= limits::MAX_UNAUTHENTICATED || own >= limits::MAX_UNAUTHENTICATED_PER_CLIENT {
            return None;
        }
        clients.insert(network, own + 1);
        Some(Waiting {
            all: self.clone(),
            network,
        })
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut clients = self.all.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = clients.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                clients.remove(&self.network);
            }
        }
    }
}
