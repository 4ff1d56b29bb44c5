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
    auth::{Auth, Verifier},
    http::{self, Unauthenticated},
    hub::Events,
    idempotency::Cache,
    limiter::Limiter,
    limits,
    methods::{Caller, Handler, Table},
    random,
    routes::Routing,
};
use crate::{
    clock::Clock,
    http::server::{self as listener, Listener, Network, Sites, Sockets},
};

/// How to listen.
#[derive(Debug, Clone)]
pub struct Options {
    /// Addresses. Port 0 is any free one.
    pub bind: Vec<SocketAddr>,
    /// Secrets.
    pub auth: Auth,
    /// Web pages and host names that may reach the gateway. Pages that it serves itself are added.
    pub sites: Sites,
    /// Proxies whose forwarding headers count.
    pub trusted_proxies: Vec<Network>,
    /// Version that clients are told.
    pub version: String,
    /// Where events come from. Keep a clone to send them before and while the server runs.
    pub events: Events,
    /// The time of day.
    pub clock: Clock,
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
    pub(crate) events: Events,
    pub(crate) event_names: Vec<String>,
    pub(crate) limiter: Limiter,
    pub(crate) answers: Arc<Cache>,
    pub(crate) calls: Arc<Semaphore>,
    pub(crate) unauthenticated: Arc<Unauthenticated>,
    pub(crate) routing: Routing,
    pub(crate) sites: Sites,
    pub(crate) trusted_proxies: Vec<Network>,
    pub(crate) version: String,
    pub(crate) boot_id: String,
    pub(crate) clock: Clock,
    pub(crate) stop: watch::Sender<bool>,
    verifier: RwLock<Arc<Verifier>>,
    started: Instant,
}

/// Events that the gateway sends by itself.
const BUILTIN_EVENTS: [&str; 5] = ["connect.challenge", "health", "presence", "shutdown", "tick"];

/// What a client may expect a restart to take.
const RESTART_MS: u64 = 1500;

impl Default for Options {
    fn default() -> Self {
        Self {
            bind: Vec::new(),
            auth: Auth::default(),
            sites: Sites::default(),
            trusted_proxies: Vec::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            events: Events::default(),
            clock: Clock::system(),
        }
    }
}

// === impl Server ===

impl Server {
    /// Binds all addresses and serves them.
    pub async fn bind(options: Options, handler: Arc<dyn Handler>) -> Result<Running, Error> {
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
        let shared = Arc::new(Shared::new(options, verifier, table, handler, &addresses));
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
    while time::timeout(limits::TICK, stop.wait_for(|stop| *stop))
        .await
        .is_err()
    {
        shared
            .events
            .broadcast("tick", &json!({"ts": shared.clock.now_ms()}));
    }
}

// === impl Running ===

impl Running {
    /// Where it listens.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
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
        verifier: Verifier,
        table: Table,
        handler: Arc<dyn Handler>,
        addresses: &[SocketAddr],
    ) -> Self {
        let mut sites = options.sites;
        addresses.iter().for_each(|address| sites.add_own(address.port()));
        let own = BUILTIN_EVENTS.into_iter().map(str::to_owned);
        let mut event_names: Vec<String> = own
            .chain(handler.events().into_iter().map(|name| name.into_owned()))
            .collect();
        event_names.sort();
        event_names.dedup();
        Self {
            routing: Routing::new(handler.routes()),
            handler,
            table,
            events: options.events,
            event_names,
            limiter: Limiter::default(),
            answers: Arc::default(),
            calls: Arc::new(Semaphore::new(limits::MAX_CALLS)),
            unauthenticated: Arc::default(),
            sites,
            trusted_proxies: options.trusted_proxies,
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

    pub(crate) fn uptime_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Who is here: the gateway, and the people's pages and terminals.
    pub(crate) fn presence(&self) -> Value {
        let (version, platform) = (&self.version, std::env::consts::OS);
        let mut entries = vec![json!({
            "version": version,
            "platform": platform,
            "mode": "gateway",
            "reason": "self",
            "instanceId": self.boot_id,
            "text": format!("Gateway: version {version} on {platform}"),
            "ts": self.clock.now_ms(),
        })];
        let callers = self.events.callers();
        let people = callers.iter().filter(|caller| caller.client.is_operator_ui());
        entries.extend(people.map(|caller| presence_of(caller, self.clock.now_ms())));
        Value::Array(entries)
    }

    /// Tells everybody that a client came or went, if it is somebody's page or terminal.
    pub(crate) fn announce(&self, caller: &Caller) {
        if caller.client.is_operator_ui() {
            self.events
                .broadcast("presence", &json!({"presence": self.presence()}));
        }
    }
}

fn presence_of(caller: &Caller, now_ms: i64) -> Value {
    let Caller {
        principal, client, ..
    } = caller;
    let mut entry = json!({
        "clientId": client.id,
        "mode": client.mode,
        "version": client.version,
        "platform": client.platform,
        "reason": "connect",
        "roles": [principal.role().name()],
        "scopes": principal.scopes(),
        "text": format!("{} ({})", client.display_name.as_deref().unwrap_or(&client.id), client.mode),
        "ts": now_ms,
    });
    let optional = [
        ("deviceId", principal.device()),
        ("deviceFamily", client.device_family.as_deref()),
        ("modelIdentifier", client.model_identifier.as_deref()),
        ("timeZone", client.time_zone.as_deref()),
        ("instanceId", client.instance_id.as_deref()),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            entry[key] = json!(value);
        }
    }
    entry
}
