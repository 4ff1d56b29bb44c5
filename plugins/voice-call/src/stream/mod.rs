//! Twilio's media streams: the sound of calls over WebSockets.
//!
//! A socket is opened by a ticket (`gate`), says in its first message which call it is of (`socket`), and from then on one
//! task speaks (`speaker`, `player`) while another listens (`ear`) or a model does both ([`crate::realtime`]). What is said
//! is the business of whoever listens to [`MediaEvents`].
//!
//! Invariants: a carrier is sent here only while engines are there and a public address is known; nothing of a socket is
//! believed before its ticket and its first message fit; everything that waits is bounded.
mod ear;
mod engines;
mod frames;
mod gate;
mod mulaw;
mod narrow;
mod player;
mod socket;
mod speaker;
#[cfg(test)]
mod tests;

pub(crate) use engines::Engine;
pub(crate) use speaker::{Beat, Command};

use crate::{
    call::{CallId, Media, MediaEvent, MediaEvents, Ticket},
    clock::Clock,
    config::Config,
    settings::{REALTIME_PATH, STREAM_PATH},
};
use engines::Engines;
use futures_channel::{mpsc, oneshot};
use futures_util::future::BoxFuture;
use gate::{Caps, Gate, Refusal};
use openclaw_plugin_api::{
    Answer, Error, ErrorKind, Host, HttpCall, HttpRoutes, Result, Route, RouteAuth, WsReceiver, WsSender,
};
use std::{
    collections::HashMap,
    fmt,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, Weak,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};
use url::Url;

/// Longest message of a carrier, bytes.
const MAX_MESSAGE: u64 = 64 * 1024;
/// Time between two looks at whether the engines are there.
const PROBE_EVERY: Duration = Duration::from_secs(60);
/// The same while they are not.
const PROBE_AGAIN: Duration = Duration::from_secs(2);
/// Commands that wait for the one who speaks; then whoever asks has to.
const MAX_COMMANDS: usize = 64;
/// Events of one call that wait for whoever listens.
const MAX_EVENTS: usize = 64;
/// How long a call whose socket broke may take to come back.
const GRACE: Duration = Duration::from_secs(2);

/// The sound of calls. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Streams(Arc<Inner>);

struct Inner {
    host: Host,
    config: Config,
    engines: Engines,
    gate: Arc<Gate>,
    beat: Beat,
    /// The address by which carriers come, without a path.
    base: Mutex<Option<Url>>,
    ready: AtomicBool,
    live: Mutex<HashMap<CallId, Live>>,
    events: Mutex<Option<Weak<dyn MediaEvents>>>,
}

/// A call whose sound flows.
struct Live {
    commands: mpsc::Sender<Command>,
    /// Dropped, the socket is closed.
    _open: oneshot::Sender<()>,
    /// Which of the call's sockets.
    turn: u64,
}

// === impl Streams ===

impl Streams {
    /// Streams as the configuration wants them; none are served before [`Streams::start`].
    pub(crate) fn new(host: &Host, config: &Config, clock: Clock) -> Self {
        let begin = Instant::now();
        Self::with_beat(host, config, clock, Arc::new(move || begin.elapsed()))
    }

    fn with_beat(host: &Host, config: &Config, clock: Clock, beat: Beat) -> Self {
        let own = &config.streaming;
        let count = |set: Option<u32>, usual: usize| set.map_or(usual, |set| set.try_into().unwrap_or(usual));
        let caps = Caps {
            pending: count(own.max_pending_connections, 32),
            pending_per_ip: count(own.max_pending_connections_per_ip, 4),
            open: count(own.max_connections, 128),
        };
        Self(Arc::new(Inner {
            host: host.clone(),
            engines: Engines::of(config),
            config: config.clone(),
            gate: Gate::new(caps, clock),
            beat,
            base: Mutex::default(),
            ready: AtomicBool::new(false),
            live: Mutex::default(),
            events: Mutex::default(),
        }))
    }

    /// Does the configuration want streams?
    pub(crate) fn is_wanted(&self) -> bool {
        self.0.config.streaming.enabled || self.0.config.realtime.enabled
    }

    /// From now on `events` is told what happens, and the engines are looked after.
    pub(crate) fn start(&self, events: Weak<dyn MediaEvents>) {
        let first = lock(&self.0.events).replace(events).is_none();
        if self.is_wanted() && first {
            let streams = self.clone();
            self.0
                .host
                .spawn(async move { streams.look_after_engines().await });
        }
    }

    /// Carriers come by this address from now on; only its scheme, host and port count. `None`: they can't come.
    pub(crate) fn reached_by(&self, public: Option<&Url>) {
        *lock(&self.0.base) = public.cloned();
    }

    /// Are engines there, so that calls can be heard and answered?
    pub(crate) fn is_ready(&self) -> bool {
        self.0.ready.load(Ordering::Relaxed)
    }

    async fn look_after_engines(&self) {
        let realtime = self.0.config.realtime.enabled;
        let mut told = None;
        loop {
            let found = self.0.engines.probe(&self.0.host, realtime).await;
            let ready = found.is_ok();
            self.0.ready.store(ready, Ordering::Relaxed);
            if told.replace(ready) != Some(ready) {
                match found {
                    Ok(()) => tracing::info!("engines that listen and speak are there; calls are streamed"),
                    Err(error) => {
                        tracing::warn!(%error, "no engine listens and speaks; the carrier's own voice is used");
                    }
                }
            }
            let wait = if ready { PROBE_EVERY } else { PROBE_AGAIN };
            self.0.host.sleep(wait).await;
        }
    }

    fn address(&self, ticket: &str) -> Option<String> {
        let mut url = lock(&self.0.base).clone()?;
        let scheme = if url.scheme() == "http" { "ws" } else { "wss" };
        let config = &self.0.config;
        let path = config.stream_path();
        url.set_path(&format!("{}/{ticket}", path.trim_end_matches('/')));
        url.set_query(None);
        let rest = url.as_str().split_once("://")?.1;
        Some(format!("{scheme}://{rest}"))
    }
}

impl Media for Streams {
    fn ticket(&self, call: &CallId, provider_call_id: &str, number: &str) -> Option<Ticket> {
        if !self.is_ready() || lock(&self.0.base).is_none() {
            return None;
        }
        let (ticket, token) = self.0.gate.issue(call, provider_call_id, number);
        let url = self.address(&ticket)?;
        Some(Ticket { url, token })
    }

    fn is_open(&self, call: &CallId) -> bool {
        self.0.live().contains_key(call)
    }

    fn say(&self, call: &CallId, text: &str) -> BoxFuture<'static, Result<()>> {
        let commands = self.0.live().get(call).map(|live| live.commands.clone());
        let text = text.to_owned();
        Box::pin(async move {
            let silent = || Error::new(ErrorKind::Closed, "no sound of this call flows");
            let mut commands = commands.ok_or_else(silent)?;
            let (done, outcome) = oneshot::channel();
            let say = Command::Say { text, done };
            futures_util::SinkExt::send(&mut commands, say)
                .await
                .map_err(|_| silent())?;
            let ended = || {
                Error::new(
                    ErrorKind::Unknown,
                    "the sound of this call ended before the text did",
                )
            };
            outcome.await.unwrap_or_else(|_| Err(ended()))
        })
    }

    fn clear(&self, call: &CallId) {
        if let Some(live) = self.0.live().get(call) {
            // each clone of a sender has room for one
            let _ = live.commands.clone().try_send(Command::Clear(None));
        }
    }

    fn close(&self, call: &CallId) {
        self.0.gate.revoke(call);
        drop(self.0.live().remove(call));
    }
}

impl HttpRoutes for Streams {
    fn routes(&self) -> Vec<Route> {
        let route = |path: &str| Route {
            path: path.into(),
            prefix: true,
            methods: Vec::new(),
            auth: RouteAuth::Signature,
            check_head: true,
            max_body_bytes: MAX_MESSAGE,
            websocket: true,
            ..Route::default()
        };
        vec![route(STREAM_PATH), route(REALTIME_PATH)]
    }

    /// A ticket opens; whoever has none learns nothing.
    fn check(&self, head: &HttpCall) -> Result<()> {
        match self.0.gate.check(ticket_of(head), &head.peer) {
            Ok(()) => Ok(()),
            Err(Refusal::Stranger) => Err(Error::new(ErrorKind::Auth, "a stream without a ticket")),
            Err(Refusal::Full | Refusal::Crowded) => {
                Err(Error::new(ErrorKind::Overloaded, "too many streams at once"))
            }
        }
    }

    /// The ticket is what there is instead of a signature, and it is used up when the socket is served.
    fn verify(&self, call: &HttpCall) -> Result<()> {
        self.check(call)
    }

    async fn handle(&self, _: HttpCall, answer: Answer) -> Result<()> {
        answer.send(404, "text/plain", b"not found\n").await
    }

    async fn websocket(&self, call: HttpCall, messages: WsReceiver, out: WsSender) -> Result<()> {
        socket::serve(self, &call, messages, out).await
    }
}

fn ticket_of(head: &HttpCall) -> &str {
    head.path.rsplit('/').next().unwrap_or_default()
}

// === impl Inner ===

impl Inner {
    fn events(&self) -> Option<Weak<dyn MediaEvents>> {
        lock(&self.events).clone()
    }

    fn live(&self) -> MutexGuard<'_, HashMap<CallId, Live>> {
        lock(&self.live)
    }

    /// Whoever listens to a call, behind a queue: what it does with one event must not keep the sound.
    fn listener(self: &Arc<Self>, call: &CallId) -> mpsc::Sender<MediaEvent> {
        let (sender, mut queue) = mpsc::channel(MAX_EVENTS);
        let (events, call) = (self.events(), call.clone());
        self.host.spawn(async move {
            while let Some(event) = futures_util::StreamExt::next(&mut queue).await {
                let Some(events) = events.as_ref().and_then(Weak::upgrade) else {
                    return;
                };
                events.media(&call, event).await;
            }
        });
        sender
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl fmt::Debug for Streams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Streams")
    }
}
