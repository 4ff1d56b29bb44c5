//! One configured server: connected when it is needed, connected anew when it died, left alone for a while when it can't
//! be, and stopped when nobody wants it.
//!
//! Invariant: whatever the server does, a caller has an answer within the deadlines of the configuration.
mod state;

use crate::{
    catalog::{self, Catalog},
    config,
    connection::{Connection, brief},
};
use openclaw_plugin_api::prelude::*;
use rmcp::{
    RoleClient,
    model::{ClientRequest, PingRequest},
    service::{Peer, ServiceError},
};
use state::State;
use std::{
    sync::{Arc, Mutex as Lock, PoisonError, Weak},
    time::Duration,
};
use tokio::{
    sync::{Mutex, Notify, Semaphore, SemaphorePermit},
    time::{Instant, sleep, timeout},
};

/// Calls of one server at once, unless the configuration says more or less.
const USUAL_CALLS: usize = 4;
/// The same where the server says that it takes many.
const MANY_CALLS: usize = 16;
/// A pause that a caller waits for; with a longer one it is told when to come again.
const SHORT_PAUSE: Duration = Duration::from_secs(2);
/// How long a server that did not answer has to show that it lives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(5);
/// How often a connection is looked after.
const LOOK: Duration = Duration::from_secs(5);
/// Lists that change are read anew at most so often.
const CALM: Duration = Duration::from_secs(1);

/// One configured server.
pub struct Server {
    /// Its name.
    pub name: String,
    /// What the operator set.
    pub config: config::Server,
    host: Host,
    idle: Option<Duration>,
    state: Mutex<State>,
    catalog: Lock<Option<Arc<Catalog>>>,
    /// The server says that its tools changed.
    changed: Arc<Notify>,
    /// We know of other tools than before.
    renewed: Arc<Notify>,
    calls: Semaphore,
}

// === impl Server ===

impl Server {
    /// One that is not connected yet.
    pub fn new(
        name: String,
        config: config::Server,
        host: Host,
        idle: Option<Duration>,
        renewed: Arc<Notify>,
    ) -> Self {
        let calls = match config.supports_parallel_tool_calls {
            Some(true) => MANY_CALLS,
            Some(false) => 1,
            None => USUAL_CALLS,
        };
        Self {
            name,
            config,
            host,
            idle: idle.filter(|idle| !idle.is_zero()),
            state: Mutex::new(State::new()),
            catalog: Lock::default(),
            changed: Arc::default(),
            renewed,
            calls: Semaphore::new(calls),
        }
    }

    /// What it is known to offer.
    pub fn catalog(&self) -> Option<Arc<Catalog>> {
        self.catalog
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Is it connected now? One that is being connected is not yet.
    pub fn is_connected(&self) -> bool {
        let state = self.state.try_lock();
        let connection = state.as_ref().ok().and_then(|state| state.connection.as_ref());
        connection.is_some_and(|connection| !connection.has_ended())
    }

    /// Remembers what it offered when it was last connected, if it is still the same server.
    pub async fn recall(&self) -> bool {
        let stored = self.host.store().get_json::<Catalog>(&self.key()).await;
        let known = stored
            .ok()
            .flatten()
            .filter(|known| known.fingerprint == self.fingerprint());
        match known {
            Some(known) => {
                self.learn(known);
                true
            }
            None => false,
        }
    }

    /// Asks it something, within the deadline of the configuration.
    pub async fn ask<T, F>(self: &Arc<Self>, question: impl FnOnce(Peer<RoleClient>) -> F) -> Result<T>
    where
        F: Future<Output = Result<T, ServiceError>>,
    {
        let limit = Duration::from_millis(self.config.request_timeout_ms);
        let _place = self.place(limit).await?;
        let connection = self.connection().await?;
        let outcome = timeout(limit, question(connection.peer().clone())).await;
        self.state.lock().await.used = Instant::now();
        match outcome {
            Ok(outcome) => outcome.map_err(|error| self.explain(&error)),
            Err(_) => {
                self.look_after(connection);
                let text = format!("the MCP server {} did not answer within {limit:?}", self.name);
                Err(Error::new(ErrorKind::Timeout, text))
            }
        }
    }

    /// The connection that there is, or a new one.
    pub async fn connection(self: &Arc<Self>) -> Result<Arc<Connection>> {
        let mut state = self.state.lock().await;
        state.used = Instant::now();
        if let Some(connection) = &state.connection {
            if !connection.has_ended() {
                return Ok(connection.clone());
            }
            state.bury(&self.name);
        }
        self.pause(&state).await?;
        let limit = Duration::from_millis(self.config.connection_timeout_ms);
        let connected = timeout(limit, self.connect()).await.unwrap_or_else(|_| {
            let text = format!("the MCP server {} did not say hello within {limit:?}", self.name);
            Err(Error::new(ErrorKind::Timeout, text))
        });
        match connected {
            Ok(connection) => {
                state.not_before = None;
                state.connection = Some(connection.clone());
                tokio::spawn(watch(Arc::downgrade(self), Arc::downgrade(&connection)));
                Ok(connection)
            }
            Err(error) => {
                state.failed();
                Err(error)
            }
        }
    }

    /// How long it is left alone after it failed.
    pub async fn rest(&self) -> Duration {
        self.state.lock().await.rest()
    }

    /// Did it fail once only?
    pub async fn is_first_failure(&self) -> bool {
        self.state.lock().await.failures() == 1
    }

    /// Ends its connection in good order.
    pub async fn stop(&self) {
        let connection = self.state.lock().await.connection.take();
        if let Some(connection) = connection {
            connection.close().await;
        }
    }

    async fn connect(&self) -> Result<Arc<Connection>> {
        let changed = self.changed.clone();
        let connection = Connection::open(&self.name, &self.config, &self.host, changed).await?;
        self.read(&connection).await?;
        Ok(Arc::new(connection))
    }

    /// Reads what it offers, and remembers it.
    async fn read(&self, connection: &Connection) -> Result<()> {
        let can = connection.capabilities();
        let told = match can.tools {
            Some(_) => connection.tools().await.map_err(|error| self.explain(&error))?,
            None => Vec::new(),
        };
        let catalog = Catalog {
            fingerprint: self.fingerprint(),
            tools: Catalog::tools_of(&self.name, &self.config.tool_filter, told),
            resources: can.resources.is_some(),
            prompts: can.prompts.is_some(),
        };
        if self.learn(catalog.clone()) {
            let kept = self.host.store().put_json(&self.key(), &catalog).await;
            if let Err(error) = kept {
                tracing::debug!(server = self.name, %error, "the tools of a server are not remembered");
            }
        }
        Ok(())
    }

    /// Is it something new?
    fn learn(&self, catalog: Catalog) -> bool {
        let mut known = self.catalog.lock().unwrap_or_else(PoisonError::into_inner);
        let new = known.as_deref() != Some(&catalog);
        if new {
            *known = Some(Arc::new(catalog));
            self.renewed.notify_one();
        }
        new
    }

    async fn place(&self, limit: Duration) -> Result<SemaphorePermit<'_>> {
        let busy = || {
            let text = format!("the MCP server {} is busy with other calls", self.name);
            Error::new(ErrorKind::Overloaded, text)
        };
        let place = timeout(limit, self.calls.acquire()).await.map_err(|_| busy())?;
        place.map_err(|_| busy())
    }

    async fn pause(&self, state: &State) -> Result<()> {
        match state.rest() {
            pause if pause > SHORT_PAUSE => {
                let seconds = pause.as_secs() + 1;
                let text = format!(
                    "the MCP server {} fails; it is tried again in {seconds} s",
                    self.name
                );
                Err(Error::new(ErrorKind::Overloaded, text).with_retry_after(pause))
            }
            pause => {
                sleep(pause).await;
                Ok(())
            }
        }
    }

    /// A server that let a call wait is asked for a sign of life, and ended if it gives none.
    fn look_after(&self, connection: Arc<Connection>) {
        let name = self.name.clone();
        tokio::spawn(async move {
            let ping = ClientRequest::PingRequest(PingRequest::default());
            let answered = timeout(SIGN_OF_LIFE, connection.peer().send_request(ping)).await;
            if !matches!(answered, Ok(Ok(_) | Err(ServiceError::McpError(_)))) {
                tracing::warn!(server = name, "a server gives no sign of life; it is ended");
                connection.kill();
            }
        });
    }

    fn explain(&self, error: &ServiceError) -> Error {
        let name = &self.name;
        match error {
            ServiceError::McpError(told) => {
                let text = format!("the MCP server {name} refuses: {}", brief(&told.message));
                Error::new(ErrorKind::InvalidInput, text)
            }
            ServiceError::TransportClosed | ServiceError::TransportSend(_) => {
                let text = format!(
                    "the MCP server {name} ended while it was asked; what it was asked for may or may not have been done"
                );
                Error::new(ErrorKind::Unknown, text)
            }
            other => Error::new(
                ErrorKind::Server,
                format_args!("the MCP server {name}: {}", brief(other)),
            ),
        }
    }

    fn key(&self) -> String {
        format!("catalog/{:016x}", catalog::hash(&self.name))
    }

    /// What decides which tools there are; no secret is part of it.
    fn fingerprint(&self) -> u64 {
        let config = &self.config;
        let env: Vec<_> = config.env.keys().collect();
        let filter = &config.tool_filter;
        let server = (&config.command, &config.args, &config.cwd, &config.url, env);
        catalog::hash(&(
            env!("CARGO_PKG_VERSION"),
            server,
            &filter.include,
            &filter.exclude,
        ))
    }
}

/// Follows one connection: reads its list when it changes, and stops it when nobody has used it for long.
async fn watch(server: Weak<Server>, connection: Weak<Connection>) {
    loop {
        let Some((changed, idle)) = server
            .upgrade()
            .map(|server| (server.changed.clone(), server.idle))
        else {
            return;
        };
        tokio::select! {
            () = changed.notified() => {}
            () = sleep(LOOK) => {
                if !still_used(&server, &connection, idle).await {
                    return;
                }
                continue;
            }
        }
        sleep(CALM).await;
        let (Some(server), Some(connection)) = (server.upgrade(), connection.upgrade()) else {
            return;
        };
        let limit = Duration::from_millis(server.config.request_timeout_ms);
        match timeout(limit, server.read(&connection)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(server = server.name, %error, "the tools of a server can't be read anew")
            }
            Err(_) => tracing::warn!(server = server.name, "a server does not tell its tools anew"),
        }
    }
}

async fn still_used(server: &Weak<Server>, connection: &Weak<Connection>, idle: Option<Duration>) -> bool {
    let (Some(server), Some(connection)) = (server.upgrade(), connection.upgrade()) else {
        return false;
    };
    let mut state = server.state.lock().await;
    let own = state
        .connection
        .as_ref()
        .is_some_and(|current| Arc::ptr_eq(current, &connection));
    let rests = idle.is_some_and(|idle| state.used.elapsed() >= idle) && server.calls_under_way() == 0;
    if own && rests {
        state.connection = None;
        drop(state);
        tracing::debug!(server = server.name, "a server is stopped until it is needed");
        connection.close().await;
        return false;
    }
    if own && connection.has_ended() {
        state.bury(&server.name);
        return false;
    }
    own
}

impl Server {
    fn calls_under_way(&self) -> usize {
        let all = match self.config.supports_parallel_tool_calls {
            Some(true) => MANY_CALLS,
            Some(false) => 1,
            None => USUAL_CALLS,
        };
        all - self.calls.available_permits()
    }
}
