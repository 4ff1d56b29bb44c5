//! The host that plugins get from the kit: everything in memory, counted and bounded, with faults on request.
//!
//! It has no network: requests are refused as by a closed port, unless a fault mode says otherwise. It judges nothing;
//! tests look at what it counted.
use crate::outcome::{Stop, Verdict};
use openclaw_plugin_api::{
    API_VERSION, AgentEvent, AgentProfile, AgentProfileRequest, ApprovalDecision, ApprovalRequest,
    Environment, HttpHead, HttpRequest, Inbound, Interim, MediaRef, News, NodeRequest, Sink, Source,
    StopReason, Submission, Submitted, SystemEvent, ToolOrigin, ToolSpec, Unfinished, Usage,
    abi::{Call, Fault, HostHandle, HostServices, Level, LogRecord, host_object},
    host_ids as ids,
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    collections::BTreeMap,
    future::{Future, pending},
    pin::Pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{runtime::Handle, task::JoinSet, time::timeout};

/// What the store holds. Bytes.
const MAX_STORE: usize = 16 << 20;
/// The longest body of a request that is read. Bytes.
const MAX_BODY: usize = 64 << 20;
/// Tasks that a plugin may have at once; more are dropped.
const MAX_TASKS: usize = 10_000;
/// Chunk of the web that never ends.
const ENDLESS_CHUNK: &[u8] = b"data: {\"kit\":\"an event that means nothing\"}\n\n";
/// How long tasks may take to be dropped.
const END_DEADLINE: Duration = Duration::from_secs(5);

/// How the host behaves.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Mode {
    /// It works; the network refuses connections.
    #[default]
    Normal,
    /// Every service refuses.
    Refuses,
    /// The store fails, as on a full disk.
    StoreFails,
    /// Events of channels are not taken.
    InboundFails,
    /// Every service answers bytes that mean nothing.
    Garbage,
    /// No service ever answers.
    Stalls,
    /// HTTP answers 200 and a body without end.
    EndlessWeb,
}

/// The host of one instance. Clone it to keep looking.
#[derive(Debug, Clone)]
pub(crate) struct FakeHost(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    runtime: Handle,
    tasks: Mutex<JoinSet<()>>,
    state: Mutex<State>,
    closed: AtomicBool,
    calls: AtomicU64,
    logs: AtomicU64,
}

#[derive(Debug, Default)]
struct State {
    mode: Mode,
    inbound: u64,
    store: BTreeMap<String, Vec<u8>>,
    media: u64,
}

type Boxed<T> = Pin<Box<dyn Future<Output = T> + Send>>;
type Served = Result<Vec<u8>, Fault>;

/// What a new instance is told of its surroundings.
pub(crate) fn environment() -> Environment {
    let served = ids::ALL.iter().filter(|id| !NOT_SERVED.contains(id));
    Environment {
        host_version: concat!(env!("CARGO_PKG_VERSION"), "-kit").into(),
        api_version: API_VERSION.into(),
        methods: served.map(|id| (*id).to_owned()).collect(),
        isolated: false,
    }
}

/// What the kit's host has no use for: there is no model, no other plugin, and no network.
const NOT_SERVED: [&str; 6] = [
    ids::EMBED,
    ids::TOOL_INVOKE,
    ids::SYNTHESIZE,
    ids::TRANSCRIBE,
    ids::CONVERSE,
    ids::LISTEN,
];

// === impl FakeHost ===

impl FakeHost {
    /// A host whose tasks and timers run on this pool.
    pub(crate) fn new(mode: Mode, pool: Handle) -> Self {
        Self(Arc::new(Shared {
            runtime: pool,
            tasks: Mutex::default(),
            state: Mutex::new(State {
                mode,
                ..State::default()
            }),
            closed: AtomicBool::new(false),
            calls: AtomicU64::new(0),
            logs: AtomicU64::new(0),
        }))
    }

    /// What a plugin is given.
    pub(crate) fn handle(&self) -> HostHandle {
        host_object(Arc::new(self.clone()))
    }

    /// From now on the host behaves like this.
    pub(crate) fn set_mode(&self, mode: Mode) {
        self.0.state().mode = mode;
    }

    /// How many services were asked for so far.
    pub(crate) fn calls(&self) -> u64 {
        self.0.calls.load(Ordering::Relaxed)
    }

    /// How many events of level info and above were logged so far.
    pub(crate) fn logs(&self) -> u64 {
        self.0.logs.load(Ordering::Relaxed)
    }

    /// How many events of channels came in so far. None is kept: what the kit keeps looks like a leak of the plugin.
    pub(crate) fn inbound(&self) -> u64 {
        self.0.state().inbound
    }

    /// The instance is gone: its tasks are dropped, and whatever still has a handle is told so.
    pub(crate) async fn end(&self) -> Verdict {
        self.0.closed.store(true, Ordering::Relaxed);
        let mut tasks = std::mem::take(&mut *self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner));
        timeout(END_DEADLINE, tasks.shutdown()).await.map_err(|_| {
            Stop::failed(
                "a background task blocks its thread; it could not be dropped after the instance was",
            )
        })
    }
}

impl HostServices for FakeHost {
    fn call(&self, call: Call<'_>) -> Boxed<Served> {
        self.0.calls.fetch_add(1, Ordering::Relaxed);
        let shared = self.0.clone();
        let (method, target) = (call.method.to_owned(), call.target.to_owned());
        let (body, out, input) = (call.body, call.out, call.input);
        Box::pin(async move { shared.serve(&method, &target, body, out, input).await })
    }

    fn spawn(&self, task: Boxed<()>) {
        let mut tasks = self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        if tasks.len() < MAX_TASKS && !self.0.closed.load(Ordering::Relaxed) {
            tasks.spawn_on(task, &self.0.runtime);
        }
    }

    fn sleep(&self, time: Duration) -> Boxed<()> {
        let _context = self.0.runtime.enter();
        Box::pin(tokio::time::sleep(time))
    }

    fn log_enabled(&self, level: Level, _: &str) -> bool {
        level <= Level::Info
    }

    fn log(&self, record: &LogRecord<'_>) {
        if record.level <= Level::Info {
            self.0.logs.fetch_add(1, Ordering::Relaxed);
        }
    }
}

// === impl Shared ===

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn serve(
        &self,
        method: &str,
        target: &str,
        body: Vec<u8>,
        out: Option<Sink>,
        input: Option<Source>,
    ) -> Served {
        if self.closed.load(Ordering::Relaxed) {
            return Err(Fault::new("closed", "the instance that asked is gone"));
        }
        let mode = self.state().mode;
        match (mode, method) {
            (Mode::Stalls, _) => pending().await,
            (Mode::Refuses, _) => Err(Fault::new(
                "refused",
                "the kit's host refuses everything in this test",
            )),
            (Mode::Garbage, _) => Ok(vec![0xff, 0x00, b'{', 0xfe]),
            (Mode::EndlessWeb, ids::HTTP) => endless(out).await,
            (_, ids::HTTP) => no_network(&body, input).await,
            (_, ids::WEBSOCKET) => Err(refused_connection()),
            (_, ids::AGENT_RUN) => run_agent(out).await,
            (_, ids::MEDIA_SAVE) => self.save_media(&body, input).await,
            (Mode::InboundFails, ids::INBOUND) => {
                Err(Fault::new("overloaded", "the kit's host takes no events"))
            }
            (Mode::StoreFails, _) if method.starts_with("host/1/store.") => Err(Fault::new(
                "internal",
                "the kit's store fails in this test: no space left",
            )),
            _ => self.serve_memory(method, target, body),
        }
    }

    fn serve_memory(&self, method: &str, target: &str, body: Vec<u8>) -> Served {
        let mut state = self.state();
        match method {
            ids::INBOUND => {
                record::<Inbound>(&body)?;
                state.inbound += 1;
            }
            ids::ADMITS => {
                record::<Inbound>(&body)?;
                return json(&true);
            }
            ids::AGENT_PROFILE => {
                return record::<AgentProfileRequest>(&body).and_then(|_| json(&AgentProfile::default()));
            }
            ids::AGENT_SUBMIT => {
                let submission: Submission = record(&body)?;
                return json(&Submitted {
                    run_id: format!("run-{}", submission.idempotency_key),
                    known: false,
                });
            }
            ids::TOOL_GOES_ON => {
                record::<Unfinished>(&body)?;
                return json(&"work");
            }
            ids::TOOL_NEWS => drop(record::<News>(&body)?),
            ids::TOOL_ENVIRONMENT | ids::TOOL_VARIABLES => {
                record::<ToolOrigin>(&body)?;
                return json(&serde_json::Map::new());
            }
            ids::NODE_LIST => return json(&[0; 0]),
            ids::NODE_INVOKE => {
                record::<NodeRequest>(&body)?;
                return Err(missing("node"));
            }
            ids::TOOL_INTERIM => drop(record::<Interim>(&body)?),
            ids::TOOL_OFFER => drop(record::<Vec<ToolSpec>>(&body)?),
            ids::SYSTEM_EVENT => drop(record::<SystemEvent>(&body)?),
            ids::CHANNEL_STATUS | ids::EMIT => drop(record::<serde_json::Value>(&body)?),
            ids::SECRET => return Ok(b"a-secret-of-the-kit".to_vec()),
            ids::STORE_GET => return state.store.get(target).cloned().ok_or_else(|| missing(target)),
            ids::STORE_PUT => state.put(target, body)?,
            ids::STORE_ADD => {
                let free = !state.store.contains_key(target);
                if free {
                    state.put(target, body)?;
                }
                return json(&free);
            }
            ids::STORE_DELETE => drop(state.store.remove(target)),
            ids::STORE_LIST => {
                let keys = state.store.keys().filter(|key| key.starts_with(target));
                return json(&keys.collect::<Vec<_>>());
            }
            ids::MEDIA_OPEN => return Err(missing(target)),
            ids::APPROVAL_REQUEST => {
                record::<ApprovalRequest>(&body)?;
                // nobody is there who could be asked
                return json(&ApprovalDecision::default());
            }
            _ => {
                let text = format_args!("the kit's host has no {method}");
                return Err(Fault::new("unknown_method", text));
            }
        }
        Ok(Vec::new())
    }

    async fn save_media(&self, body: &[u8], input: Option<Source>) -> Served {
        let mut media: MediaRef = record(body)?;
        media.size = swallow(input).await?;
        let mut state = self.state();
        state.media += 1;
        media.id = format!("media-{}", state.media);
        json(&media)
    }
}

impl State {
    fn put(&mut self, key: &str, value: Vec<u8>) -> Result<(), Fault> {
        let used: usize = self.store.values().map(Vec::len).sum();
        if used + value.len() > MAX_STORE {
            return Err(Fault::new("refused", "the kit's store is full"));
        }
        self.store.insert(key.to_owned(), value);
        Ok(())
    }
}

// === services without state ===

async fn no_network(body: &[u8], input: Option<Source>) -> Served {
    record::<HttpRequest>(body)?;
    swallow(input).await?;
    Err(refused_connection())
}

async fn endless(out: Option<Sink>) -> Served {
    let mut out = out.ok_or_else(no_stream)?;
    let head = HttpHead {
        status: 200,
        headers: vec![("content-type".into(), "text/event-stream".into())],
    };
    out.send(&json(&head)?).await;
    while out.send(ENDLESS_CHUNK).await {
        // A plugin that takes everything at once must not keep this thread for itself.
        tokio::task::yield_now().await;
    }
    Err(Fault::new("cancelled", "the reader went away"))
}

async fn run_agent(out: Option<Sink>) -> Served {
    let mut out = out.ok_or_else(no_stream)?;
    let text = "an answer".to_owned();
    let events = [
        AgentEvent::Started {
            run_id: "run-1".into(),
        },
        AgentEvent::Text { text: text.clone() },
        AgentEvent::Done {
            text,
            usage: Usage::default(),
            model: "kit/model".into(),
            stop: StopReason::Stop,
        },
    ];
    for event in &events {
        out.send(&json(event)?).await;
    }
    Ok(Vec::new())
}

/// Reads a stream to its end and says how long it was.
async fn swallow(input: Option<Source>) -> Result<u64, Fault> {
    let mut size = 0;
    if let Some(mut input) = input {
        while let Some(chunk) = input.next().await {
            size += chunk?.len();
            if size > MAX_BODY {
                return Err(Fault::new("refused", "the kit's host takes no body of that size"));
            }
        }
    }
    Ok(size as u64)
}

fn record<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    serde_json::from_slice(body).map_err(|e| Fault::new("invalid_input", e))
}

fn json(value: &impl Serialize) -> Served {
    serde_json::to_vec(value).map_err(|e| Fault::new("internal", e))
}

fn missing(what: &str) -> Fault {
    Fault::new("not_found", format_args!("the kit's host has no {what}"))
}

fn no_stream() -> Fault {
    Fault::new("invalid_input", "this service needs a stream to write to")
}

fn refused_connection() -> Fault {
    Fault::new("network", "the kit has no network: connection refused")
}

#[cfg(test)]
mod tests;
