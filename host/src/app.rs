//! The running gateway: journal, services, plugins and inbox, put together and taken apart in the right order.
use crate::{
    agent::{AllowFrom, Inbox, Sessions, Turn, TurnEvents, TurnOutcome, run},
    clock::Clock,
    http,
    journal::{Journal, JournalError},
    plugins::{
        generation::Workshop,
        plugin::Spec,
        pool::Pool,
        registry::{Registry, RequiredFailed},
        services::{Core, Request, SecretSource, Services},
        stage,
    },
};
use futures_util::future::BoxFuture;
use openclaw_plugin_api::{AgentRun, ChannelStatus, Error, ErrorKind, Inbound, Result, Sink, ToolOrigin};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, OnceLock, PoisonError, Weak},
};
use tokio::sync::{broadcast, mpsc};

/// Threads that poll plugins.
const POLL_THREADS: usize = 2;
/// Events of plugins that a slow listener may fall behind by.
const EVENTS: usize = 256;
/// Events of a turn that a slow reader may fall behind by.
const TURN_EVENTS: usize = 64;

/// What a gateway is made of.
pub struct Options {
    /// Plugins, on or off.
    pub specs: Vec<Spec>,
    /// State directory; it exists.
    pub state: PathBuf,
    /// This program, to be started for isolated plugins.
    pub program: PathBuf,
    /// `provider/model` of the agent.
    pub model: String,
    /// Who may write on a channel.
    pub allow_from: AllowFrom,
    /// Secrets of the environment.
    pub secrets: SecretSource,
    /// The time of day.
    pub clock: Clock,
}

/// Why the gateway does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The journal can't be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The outbound client can't be made.
    #[error("{0}")]
    Http(http::Error),
    /// Plugins that it may not start without.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"))]
    Required(Vec<RequiredFailed>),
}

/// A running gateway.
pub struct Gateway {
    /// Its plugins.
    pub registry: Arc<Registry>,
    hub: Arc<Hub>,
    pool: Pool,
    clock: Clock,
}

/// What plugins and clients meet in.
struct Hub {
    registry: OnceLock<Weak<Registry>>,
    inbox: OnceLock<Arc<Inbox>>,
    desk: Desk,
    statuses: Mutex<BTreeMap<(String, String), ChannelStatus>>,
    events: broadcast::Sender<(String, Value)>,
}

/// Where turns begin that no channel asked for.
#[derive(Clone)]
struct Desk {
    sessions: Arc<Sessions>,
    model: String,
}

// === impl Gateway ===

impl Gateway {
    /// Starts it. Returns when every plugin has started or failed.
    pub async fn start(options: Options) -> Result<Self, StartError> {
        let journal = Journal::open(&options.state.join("state.db"))?;
        journal.sweep(options.clock.now_ms())?;
        stage::sweep(&options.state);
        let http = http::Client::new(http::Options::default()).map_err(StartError::Http)?;
        let hub = Arc::new(Hub {
            registry: OnceLock::new(),
            inbox: OnceLock::new(),
            desk: Desk {
                sessions: Arc::default(),
                model: options.model,
            },
            statuses: Mutex::default(),
            events: broadcast::channel(EVENTS).0,
        });
        let services = Arc::new(Services {
            runtime: tokio::runtime::Handle::current(),
            http,
            journal: journal.clone(),
            media: options.state.join("media"),
            clock: options.clock.clone(),
            secrets: options.secrets,
            core: OnceLock::new(),
        });
        let core: Arc<dyn Core> = hub.clone();
        let _ = services.core.set(Arc::downgrade(&core));
        let pool = Pool::new(POLL_THREADS);
        let workshop = Workshop {
            pool: pool.clone(),
            services,
            state: options.state,
            program: options.program,
        };
        let (registry, failed) = Registry::start(workshop, options.specs).await;
        let registry = Arc::new(registry);
        if !failed.is_empty() {
            registry.stop().await;
            return Err(StartError::Required(failed));
        }
        let _ = hub.registry.set(Arc::downgrade(&registry));
        let model = hub.desk.model.clone();
        let inbox = Inbox::new(
            journal,
            registry.clone(),
            hub.desk.sessions.clone(),
            options.clock.clone(),
            Box::new(move || model.clone()),
            options.allow_from,
        );
        match inbox.resume() {
            Ok(0) => {}
            Ok(count) => {
                tracing::info!(target: "openclaw::inbox", count, "answering what was left at the last end")
            }
            Err(error) => tracing::error!(target: "openclaw::inbox", %error, "what was left can't be read"),
        }
        let _ = hub.inbox.set(inbox);
        Ok(Self {
            registry,
            hub,
            pool,
            clock: options.clock,
        })
    }

    /// Runs a turn for a client of the gateway.
    pub async fn run_agent(&self, run: AgentRun, events: TurnEvents) -> Result<TurnOutcome> {
        self.hub.desk.run(&self.registry, run, events).await
    }

    /// Events of plugins, for connected clients.
    pub fn events(&self) -> broadcast::Receiver<(String, Value)> {
        self.hub.events.subscribe()
    }

    /// How the accounts of channels are doing.
    pub fn channels(&self) -> Vec<Value> {
        let statuses = self.hub.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        statuses
            .iter()
            .map(|((channel, _), status)| json!({ "channel": channel, "status": status }))
            .collect()
    }

    /// The time of day, milliseconds since 1970.
    pub fn now_ms(&self) -> i64 {
        self.clock.now_ms()
    }

    /// Threads that plugins have blocked and that have not come back.
    pub fn lost_threads(&self) -> u64 {
        self.pool.lost()
    }

    /// Stops it: plugins drain and end; what is unfinished is in the journal.
    pub async fn stop(&self) {
        self.registry.stop().await;
    }
}

impl std::fmt::Debug for Gateway {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gateway")
            .field("registry", &self.registry)
            .finish_non_exhaustive()
    }
}

// === impl Hub ===

impl Hub {
    fn registry(&self) -> Result<Arc<Registry>> {
        let registry = self.registry.get().and_then(Weak::upgrade);
        registry.ok_or_else(|| Error::new(ErrorKind::Closed, "the gateway is still starting; try again"))
    }
}

// === impl Desk ===

impl Desk {
    async fn run(&self, registry: &Registry, asked: AgentRun, events: TurnEvents) -> Result<TurnOutcome> {
        let agent_id = if asked.agent_id.is_empty() {
            "main".to_owned()
        } else {
            asked.agent_id
        };
        let session_key = match asked.session_key.as_str() {
            "" => format!("agent:{agent_id}:main"),
            key => key.to_lowercase(),
        };
        let transcript = self.sessions.get(&session_key);
        let mut transcript = transcript.lock().await;
        let turn = Turn {
            run_id: asked.idempotency_key,
            model: if asked.model.is_empty() {
                self.model.clone()
            } else {
                asked.model
            },
            system: if asked.system.is_empty() {
                Vec::new()
            } else {
                vec![asked.system]
            },
            text: asked.text,
            origin: ToolOrigin {
                agent_id,
                session_key,
                sender_is_owner: asked.sender_id.is_empty(),
                sender_id: asked.sender_id,
                ..ToolOrigin::default()
            },
        };
        run(registry, &mut transcript, &turn, &events).await
    }
}

impl Core for Hub {
    fn inbound(&self, _plugin: &str, channel: &str, event: Inbound) -> BoxFuture<'static, Result<()>> {
        let Some(inbox) = self.inbox.get().cloned() else {
            let error = Error::new(ErrorKind::Closed, "the gateway is still starting; try again");
            return Box::pin(std::future::ready(Err(error)));
        };
        let channel = channel.to_owned();
        Box::pin(async move { inbox.accept(&channel, event).await })
    }

    fn channel_status(&self, plugin: &str, channel: &str, status: ChannelStatus) {
        let (account, state) = (&status.account_id, status.state);
        tracing::info!(target: "openclaw::channels", plugin, channel, account, ?state, "{}", status.problem);
        let mut statuses = self.statuses.lock().unwrap_or_else(PoisonError::into_inner);
        statuses.insert((channel.to_owned(), status.account_id.clone()), status);
    }

    fn agent_run(&self, _plugin: &str, run: AgentRun, mut out: Sink) -> BoxFuture<'static, Result<()>> {
        let (tx, mut events) = mpsc::channel(TURN_EVENTS);
        let (registry, desk) = (self.registry(), self.desk.clone());
        Box::pin(async move {
            let registry = registry?;
            let forward = async move {
                while let Some(event) = events.recv().await {
                    if !out.send(&serde_json::to_vec(&event)?).await {
                        break;
                    }
                }
                Ok::<(), Error>(())
            };
            let (turn, forwarded) = tokio::join!(desk.run(&registry, run, tx), forward);
            turn.and(forwarded)
        })
    }

    fn emit(&self, _plugin: &str, event: &str, payload: Value) -> Result<()> {
        // Nobody listening is fine.
        let _ = self.events.send((event.to_owned(), payload));
        Ok(())
    }

    fn speech(
        &self,
        method: &'static str,
        engine: &str,
        request: Request,
    ) -> BoxFuture<'static, Result<Vec<u8>>> {
        let found = self.registry().and_then(|registry| {
            let all = registry.offered("speech/1");
            let mut engines = all
                .into_iter()
                .filter(|(_, r)| engine.is_empty() || r.id == engine);
            engines.next().ok_or_else(|| match engine {
                "" => Error::new(
                    ErrorKind::NotFound,
                    "no running plugin speaks or listens; enable one",
                ),
                _ => Error::new(
                    ErrorKind::NotFound,
                    format_args!("no running plugin offers the engine {engine}"),
                ),
            })
        });
        Box::pin(async move {
            let (plugin, registration) = found?;
            let request = Request {
                method: method.to_owned(),
                target: registration.id,
                ..request
            };
            plugin.call_raw(request, None).await
        })
    }
}
