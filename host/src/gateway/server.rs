//! Starting and stopping the gateway's listener, and what all its connections share.
use serde_json::{Value, json};
use std::{
    net::SocketAddr,
    sync::{Arc, PoisonError, RwLock},
};
use tokio::{
    sync::{Semaphore, watch},
    task::JoinHandle,
    time::{self, Instant},
};

use super::{
    auth::{Auth, Method, ProxyAuth, Verifier},
    devices::Devices,
    front::Front,
    http::{self, Unauthenticated},
    hub::Events,
    idempotency::Cache,
    limiter::{Attempts, Limiter},
    limits,
    methods::{Handler, Table},
    nodes::Nodes,
    random,
    routes::{PagePlace, Routing},
    rules::{Current, Doorkeeper, Rules},
    session,
};
use crate::{
    clock::Clock,
    http::server::{self as listener, Listener, Sockets},
    journal::Journal,
};

/// How to listen.
#[derive(Debug, Clone)]
pub struct Options {
    /// Addresses. Port 0 is any free one.
    pub bind: Vec<SocketAddr>,
    /// Secrets.
    pub auth: Auth,
    /// Who may come in, as far as that can change.
    pub rules: Rules,
    /// Below which path a page for browsers is.
    pub page: PagePlace,
    /// Version that clients are told.
    pub version: String,
    /// Where events come from. Keep a clone to send them before and while the server runs.
    pub events: Events,
    /// The time of day.
    pub clock: Clock,
}

/// What the gateway's owner allows beyond the usual, or doesn't.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Devices on this machine that bring the secret are let in without a question.
    pub auto_approve_local: bool,
    /// Pages that bring the secret need no device.
    pub pages_without_device: bool,
    /// There are pages for browsers.
    pub pages: bool,
    /// How many wrong secrets there may be.
    pub attempts: Attempts,
}

/// The clients that are more than a connection.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// Devices that are let in.
    pub devices: Devices,
    /// Devices that do what they are asked.
    pub nodes: Nodes,
}

/// Binds the gateway's listener.
#[derive(Debug)]
pub struct Server;

/// A gateway that listens. Dropped without [`Running::stop`], it goes on.
pub struct Running {
    shared: Arc<Shared>,
    listener: Listener,
    ticker: JoinHandle<()>,
    addresses: Vec<SocketAddr>,
}

/// Why a gateway stops, which clients are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// For good.
    Shutdown,
    /// It comes back at once.
    Restart,
}

/// Why a gateway can't listen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The sockets can't be bound.
    #[error(transparent)]
    Listen(#[from] listener::Error),
    /// Others could reach it and no secret is set.
    #[error(
        "refuse to listen on {address} without a secret: set gateway.auth.token (or gateway.auth.password), or bind \
         to loopback with --bind loopback"
    )]
    Unprotected {
        /// The address.
        address: SocketAddr,
    },
    /// Two rows have one name.
    #[error(
        "gateway method \"{name}\" is declared twice: rename or disable one of the two plugins that declare it"
    )]
    DuplicateMethod {
        /// The name.
        name: String,
    },
}

/// What all connections of a gateway share.
pub(crate) struct Shared {
    pub(crate) handler: Arc<dyn Handler>,
    pub(crate) table: Table,
    pub(crate) devices: Devices,
    pub(crate) nodes: Nodes,
    pub(crate) rules: Current,
    pub(crate) events: Events,
    pub(crate) event_names: Vec<String>,
    pub(crate) limiter: Limiter,
    pub(crate) answers: Arc<Cache>,
    pub(crate) calls: Arc<Semaphore>,
    pub(crate) unauthenticated: Arc<Unauthenticated>,
    pub(crate) routing: Routing,
    pub(crate) version: String,
    pub(crate) boot_id: String,
    pub(crate) clock: Clock,
    pub(crate) stop: watch::Sender<bool>,
    verifier: RwLock<Arc<Verifier>>,
    started: Instant,
}

/// Events that the gateway sends by itself.
const BUILTIN_EVENTS: [&str; 13] = [
    "connect.challenge",
    "device.pair.changed",
    "device.pair.requested",
    "device.pair.resolved",
    "health",
    "node.invoke.cancel",
    "node.invoke.request",
    "node.pair.requested",
    "node.pair.resolved",
    "node.presence",
    "presence",
    "shutdown",
    "tick",
];

/// What a client may expect a restart to take.
const RESTART_MS: u64 = 1500;

impl Default for Options {
    fn default() -> Self {
        Self {
            bind: Vec::new(),
            auth: Auth::default(),
            rules: Rules::default(),
            page: PagePlace::default(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            events: Events::default(),
            clock: Clock::system(),
        }
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            auto_approve_local: true,
            pages_without_device: false,
            pages: true,
            attempts: Attempts::default(),
        }
    }
}

// === impl Fleet ===

impl Fleet {
    /// The fleet that a journal knows; `events` are those of the gateway that it connects to.
    pub fn new(journal: &Journal, events: &Events, clock: &Clock) -> Self {
        let (journal, events, clock) = (|| journal.clone(), || events.clone(), || clock.clone());
        Self {
            devices: Devices::new(journal(), events(), clock()),
            nodes: Nodes::new(journal(), events(), clock()),
        }
    }
}

// === impl Server ===

impl Server {
    /// Binds all addresses and serves them.
    pub async fn bind(options: Options, fleet: Fleet, handler: Arc<dyn Handler>) -> Result<Running, Error> {
        let verifier = Verifier::new(&options.auth);
        let open = options
            .bind
            .iter()
            .find(|address| !address.ip().to_canonical().is_loopback());
        if let (true, Some(&address)) = (verifier.is_open(), open) {
            return Err(Error::Unprotected { address });
        }
        let table = Table::new(handler.methods()).map_err(|name| Error::DuplicateMethod { name })?;
        let sockets = Sockets::bind(&options.bind).await?;
        let addresses = sockets.addresses();
        let shared = Arc::new(Shared::new(
            options,
            fleet,
            (verifier, table),
            handler,
            &addresses,
        ));
        shared.events.open();
        let listener = sockets.serve(http::router(shared.clone()));
        let ticker = tokio::spawn(tick(shared.clone()));
        Ok(Running {
            shared,
            listener,
            ticker,
            addresses,
        })
    }
}

async fn tick(shared: Arc<Shared>) {
    let mut stop = shared.stop.subscribe();
    let mut ticks = 0_u64;
    while time::timeout(limits::TICK, stop.wait_for(|stop| *stop))
        .await
        .is_err()
    {
        shared
            .events
            .broadcast("tick", &json!({"ts": shared.clock.now_ms()}));
        ticks += 1;
        if ticks.is_multiple_of(limits::HEALTH_TICKS) && shared.events.clients() > 0 {
            let params = json!({});
            let health = time::timeout(limits::HEALTH_DEADLINE, session::health(&shared, &params)).await;
            // what is slow today must not keep clients from hearing the next tick
            if let Ok(health) = health {
                shared.events.broadcast("health", &health);
            }
        }
    }
}

// === impl Running ===

impl Running {
    /// Where it listens.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// Changes who may come in.
    pub fn doorkeeper(&self) -> Doorkeeper {
        Doorkeeper::new(&self.shared)
    }

    /// Opens listeners for plugins.
    pub fn front(&self) -> Front {
        Front::new(&self.shared)
    }

    /// Its events.
    pub fn events(&self) -> &Events {
        &self.shared.events
    }

    /// Sends an event to everybody who may see it.
    pub fn broadcast(&self, name: &str, payload: &Value) {
        self.shared.events.broadcast(name, payload);
    }

    /// Replaces the secrets. Everybody who was let in by the old ones is sent away.
    pub fn replace_auth(&self, auth: &Auth) -> Result<(), Error> {
        let verifier = Verifier::new(auth);
        let open = self
            .addresses
            .iter()
            .find(|address| !address.ip().to_canonical().is_loopback());
        if let (true, Some(&address)) = (verifier.is_open(), open) {
            return Err(Error::Unprotected { address });
        }
        *self
            .shared
            .verifier
            .write()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(verifier);
        self.shared.events.close_all();
        Ok(())
    }

    /// Tells the clients, sends them away and stops listening, within a few seconds.
    pub async fn stop(self, why: Stop) {
        let payload = match why {
            Stop::Shutdown => json!({"reason": "gateway stopping"}),
            Stop::Restart => json!({"reason": "gateway restarting", "restartExpectedMs": RESTART_MS}),
        };
        self.shared.events.seal("shutdown", &payload);
        self.shared.stop.send_replace(true);
        self.listener.stop().await;
        // it ends by the same signal; a panic in it is in the log already
        let _ = self.ticker.await;
    }
}

// === impl Shared ===

impl Shared {
    fn new(
        options: Options,
        fleet: Fleet,
        (verifier, table): (Verifier, Table),
        handler: Arc<dyn Handler>,
        addresses: &[SocketAddr],
    ) -> Self {
        let ports = addresses.iter().map(SocketAddr::port).collect();
        let own = BUILTIN_EVENTS.into_iter().map(str::to_owned);
        let mut event_names: Vec<String> = own
            .chain(handler.events().into_iter().map(|name| name.into_owned()))
            .collect();
        event_names.sort();
        event_names.dedup();
        fleet.nodes.permit(options.rules.commands.clone());
        let routing = Routing::new(handler.routes(), options.page);
        routing.show_pages(options.rules.policy.pages);
        Self {
            routing,
            handler,
            table,
            events: options.events,
            event_names,
            limiter: Limiter::new(options.rules.policy.attempts),
            devices: fleet.devices,
            nodes: fleet.nodes,
            rules: Current::new(options.rules, ports),
            answers: Arc::default(),
            calls: Arc::new(Semaphore::new(limits::MAX_CALLS)),
            unauthenticated: Arc::default(),
            version: options.version,
            boot_id: random::uuid(),
            clock: options.clock,
            stop: watch::Sender::new(false),
            verifier: RwLock::new(Arc::new(verifier)),
            started: Instant::now(),
        }
    }

    pub(crate) fn verifier(&self) -> Arc<Verifier> {
        self.verifier
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// For whom proxies may vouch from now on.
    pub(crate) fn vouch(&self, proxy: &ProxyAuth) {
        if let Some(verifier) = self.verifier().with_proxy(proxy) {
            *self.verifier.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(verifier);
            self.events.dismiss("the rules of the proxy changed", |caller| {
                caller.principal.method() == Method::TrustedProxy
            });
        }
    }

    pub(crate) fn uptime_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
