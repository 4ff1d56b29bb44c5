//! The routes that plugins offer on the gateway's port.
//!
//! The way of a request, which no plugin can change: client → route (`table`) → method, coding and length → a place
//! (`places`) → the gateway's credentials or the plugin's check of the head → body, under its limit and in its time → the
//! plugin, which verifies what is signed → its answer (`answer`).
//!
//! Invariants: nothing of a body is read before everything that the head can decide is decided; a route gives no scope,
//! whoever asks; a path without a route is not found; what is held is bounded in [`limits`].
mod answer;
mod head;
mod limits;
mod page;
mod path;
mod places;
mod refusal;
mod socket;
mod table;

use axum::{
    body::{Body, HttpBody},
    extract::Request,
    http::{HeaderValue, Method, StatusCode, header, request::Parts},
    response::Response,
};
use futures_util::{StreamExt, future::BoxFuture};
use openclaw_plugin_api::{HttpCall, Result, Route, RouteAuth, Sink, Source, abi::sink_pair};
use std::{
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time,
};

use super::{
    identify::{Caller, identify},
    scope::Scope,
    server::Shared,
};
use crate::http::server::Peer;
use answer::Exchange;
use places::Places;
use table::Table;

pub use page::PagePlace;
pub(crate) use socket::open as open_socket;
pub use table::Offer;

/// Whoever has routes.
pub trait Routes: Send + Sync + 'static {
    /// Another number whenever what is offered may have changed.
    fn revision(&self) -> u64;

    /// What is offered now.
    fn offers(&self) -> Vec<Offer>;

    /// May the request with this head send its body?
    fn check(&self, offer: &Offer, head: HttpCall, deadline: Duration) -> BoxFuture<'static, Result<()>>;

    /// Answers a request: an [`openclaw_plugin_api::HttpHead`], then the body. Dropping the future cancels it.
    fn handle(&self, offer: &Offer, call: HttpCall, out: Sink) -> BoxFuture<'static, Result<()>>;

    /// Serves a WebSocket: tagged messages both ways. Dropping the future cancels it.
    fn websocket(
        &self,
        offer: &Offer,
        call: HttpCall,
        input: Source,
        out: Sink,
    ) -> BoxFuture<'static, Result<()>>;
}

/// Finds the route of each request.
pub(crate) struct Routing {
    routes: Option<Arc<dyn Routes>>,
    page: PagePlace,
    shows_pages: AtomicBool,
    table: RwLock<(Option<u64>, Arc<Table>)>,
    places: Arc<Places>,
    sockets: Arc<Places>,
    bodies: Arc<Semaphore>,
}

/// A response instead of an answer.
type Refused = Box<Response>;

// === impl Routing ===

impl Routing {
    pub(crate) fn new(routes: Option<Arc<dyn Routes>>, page: PagePlace) -> Self {
        Self {
            routes,
            page,
            shows_pages: AtomicBool::new(true),
            table: RwLock::default(),
            places: Arc::new(Places::new(places::REQUESTS)),
            sockets: Arc::new(Places::new(places::SOCKETS)),
            bodies: Arc::new(Semaphore::new(limits::MAX_BODIES_KIB)),
        }
    }

    /// From now on there are pages, or none.
    pub(crate) fn show_pages(&self, on: bool) {
        self.shows_pages.store(on, Ordering::Relaxed);
    }

    /// Does whoever calls this path prove itself in each request? Then it does not matter by which name it came here: a
    /// page that rebinds its own can't sign.
    pub(crate) fn is_signed(&self, raw_path: &str) -> bool {
        let found = path::canonical(raw_path).and_then(|path| self.find(&path));
        found.is_some_and(|(_, offer)| {
            let route = offer.route.as_ref();
            route.is_some_and(|route| route.auth == RouteAuth::Signature)
        })
    }

    /// Is this path a plugin's own, and served without the gateway's credentials?
    pub(crate) fn is_apart(&self, plugin: &str, raw_path: &str) -> bool {
        let found = path::canonical(raw_path).and_then(|path| self.find(&path));
        found.is_some_and(|(_, offer)| {
            let route = offer.route.as_ref();
            offer.plugin == plugin && route.is_some_and(|route| route.auth != RouteAuth::Gateway)
        })
    }

    /// May a WebSocket be opened at this path that is not the gateway's own?
    pub(crate) fn has_socket(&self, raw_path: &str) -> bool {
        let found = path::canonical(raw_path).and_then(|path| self.find(&path));
        found.is_some_and(|(_, offer)| offer.route.as_ref().is_some_and(socket::permitted))
    }

    fn find(&self, path: &str) -> Option<(&Arc<dyn Routes>, Arc<Offer>)> {
        let routes = self.routes.as_ref()?;
        let offer = self.table(routes).find(path)?.clone();
        let shown = self.shows_pages() || !page::is_page(&offer.path);
        (shown && self.page.permits(&offer.path, path)).then_some((routes, offer))
    }

    /// Where the page is, for whoever asks for its folder without the slash.
    fn folder(&self, path: &str) -> Option<String> {
        self.page.folder(path).filter(|_| self.shows_pages())
    }

    fn shows_pages(&self) -> bool {
        self.shows_pages.load(Ordering::Relaxed)
    }

    fn table(&self, routes: &Arc<dyn Routes>) -> Arc<Table> {
        // asked before the offers: what changes in between is seen next time
        let revision = Some(routes.revision());
        let known = self.table.read().unwrap_or_else(PoisonError::into_inner).clone();
        if known.0 == revision {
            return known.1;
        }
        let table = Arc::new(Table::new(routes.offers(), &known.1));
        *self.table.write().unwrap_or_else(PoisonError::into_inner) = (revision, table.clone());
        table
    }

    /// Room for a body of this many bytes.
    fn room(&self, bytes: u64) -> Result<OwnedSemaphorePermit, Refused> {
        let kib = u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX);
        let room = self.bodies.clone().try_acquire_many_owned(kib);
        room.map_err(|_| refusal::later("too many requests at once: retry later").into())
    }
}

/// Answers a request for anything that is not the gateway's own.
pub(crate) async fn serve(shared: &Shared, peer: Peer, request: Request) -> Response {
    answer(shared, peer, request)
        .await
        .unwrap_or_else(|refused| *refused)
}

async fn answer(shared: &Shared, peer: Peer, request: Request) -> Result<Response, Refused> {
    let (parts, body) = request.into_parts();
    let Some(path) = path::canonical(parts.uri.path()) else {
        return Err(refusal::unread(StatusCode::BAD_REQUEST, "this path is ambiguous").into());
    };
    let routing = &shared.routing;
    let Some((routes, offer)) = routing.find(&path) else {
        if let Some(folder) = routing.folder(&path) {
            return Err(refusal::elsewhere(&folder).into());
        }
        return Err(nothing(&parts.method).into());
    };
    let Some(route) = &offer.route else {
        return Err(refusal::later("the plugin of this path does not run: retry later").into());
    };
    let limit = admissible(route, &parts, &body)?;
    let place = routing.places.enter(&offer.path, peer.network());
    let place = place.ok_or_else(|| refusal::later("too many requests at once: retry later"))?;
    let owner = route.auth == RouteAuth::Gateway && known(shared, &peer, &parts).await?;
    let mut call = head::call(&parts, path, route, &peer, &shared.rules.get().trusted_proxies);
    call.caller_is_owner = owner;
    if route.check_head {
        let checked = routes.check(&offer, call.clone(), limits::CHECK).await;
        checked.map_err(|error| refusal::hang_up(refusal::of(&error)))?;
    }
    let mut room = routing.room(body.size_hint().exact().unwrap_or(limit))?;
    call.body = read(body, limit, Duration::from_millis(route.body_timeout_ms)).await?;
    // a body whose length was not told may be much shorter than it might have been
    let unused = room.num_permits().saturating_sub(call.body.len().div_ceil(1024));
    drop(room.split(unused));
    let (out, chunks) = sink_pair(limits::MAX_PIECES);
    let exchange = Exchange::new(routes.handle(&offer, call, out), chunks);
    let patience = Duration::from_millis(route.answer_timeout_ms);
    Ok(exchange.answer(patience, (place, room)).await)
}

fn nothing(method: &Method) -> Response {
    match *method {
        Method::OPTIONS => refusal::unread(StatusCode::METHOD_NOT_ALLOWED, "method not allowed"),
        _ => refusal::unread(StatusCode::NOT_FOUND, "not found"),
    }
}

/// What the head alone decides; gives the longest body.
fn admissible(route: &Route, parts: &Parts, body: &Body) -> Result<u64, Refused> {
    if !route.methods.iter().any(|method| method == parts.method.as_str()) {
        let mut response = refusal::unread(StatusCode::METHOD_NOT_ALLOWED, "method not allowed");
        if let Ok(methods) = HeaderValue::try_from(route.methods.join(", ")) {
            response.headers_mut().insert(header::ALLOW, methods);
        }
        return Err(response.into());
    }
    let coding = parts.headers.get(header::CONTENT_ENCODING);
    if coding.is_some_and(|coding| coding != "identity") {
        let text = "send the body without a content coding";
        return Err(refusal::unread(StatusCode::UNSUPPORTED_MEDIA_TYPE, text).into());
    }
    let limit = route.max_body_bytes.min(limits::MAX_BODY);
    if body.size_hint().lower() > limit {
        return Err(too_large().into());
    }
    Ok(limit)
}

/// Is it somebody whom the gateway knows, and no foreign page that a browser lends its own? Says whether it is the owner.
async fn known(shared: &Shared, peer: &Peer, parts: &Parts) -> Result<bool, Refused> {
    let text = |name| {
        parts
            .headers
            .get(name)
            .map(|value: &HeaderValue| value.to_str().unwrap_or("null"))
    };
    let host = text(header::HOST).unwrap_or_default();
    if text(header::ORIGIN).is_some_and(|origin| !shared.rules.get().sites.origin_allowed(origin, host)) {
        return Err(refusal::unread(StatusCode::FORBIDDEN, "this page may not call the gateway").into());
    }
    // what a plugin serves sets agents to work
    let caller = identify(shared, peer, &parts.headers, Scope::Write).await;
    match caller.map_err(refusal::hang_up)? {
        Caller::Known { owner } => Ok(owner),
        Caller::Anonymous => {
            let mut response = refusal::unread(StatusCode::UNAUTHORIZED, "unauthorized");
            let scheme = HeaderValue::from_static("Bearer");
            response.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
            Err(response.into())
        }
    }
}

async fn read(body: Body, limit: u64, time: Duration) -> Result<Vec<u8>, Refused> {
    let reading = async {
        let mut bytes = Vec::new();
        let mut pieces = body.into_data_stream();
        while let Some(piece) = pieces.next().await {
            let piece = piece.map_err(|_| refusal::unread(StatusCode::BAD_REQUEST, "the body broke off"))?;
            if (bytes.len() + piece.len()) as u64 > limit {
                return Err(too_large().into());
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes)
    };
    time::timeout(time.min(limits::MAX_BODY_TIME), reading)
        .await
        .unwrap_or_else(|_| {
            Err(refusal::unread(StatusCode::REQUEST_TIMEOUT, "the body took too long").into())
        })
}

fn too_large() -> Response {
    refusal::unread(StatusCode::PAYLOAD_TOO_LARGE, "the body is too large")
}

impl std::fmt::Debug for Routing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Routing").finish_non_exhaustive()
    }
}
