//! The fake host: services in memory, time from tokio.
use super::TestPlugin;
use crate::{
    AgentEvent, ChannelStatus, Environment, Error, ErrorKind, HttpHead, HttpRequest, Inbound,
    Manifest, MediaRef, Registrations, Result, Sink, Source, StaticPlugin, Usage,
    abi::{Call, Fault, HostServices, Level, LogRecord, host_object},
    host_ids as ids,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, VecDeque},
    fmt,
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{runtime::Handle, sync::Notify, task::JoinSet};

/// A fake host. Clone it to keep looking at what the plugin does.
#[derive(Clone)]
pub struct TestHost {
    shared: Arc<Shared>,
}

/// What a plugin asked of the fake web.
#[derive(Debug, Clone)]
pub struct FakeRequest {
    /// The head.
    pub head: HttpRequest,
    /// The whole body.
    pub body: Vec<u8>,
}

/// What the fake web answers.
#[derive(Debug, Clone)]
pub struct FakeAnswer {
    /// Status code.
    pub status: u16,
    /// Headers.
    pub headers: Vec<(String, String)>,
    /// The body, in the chunks in which it arrives.
    pub chunks: Vec<Vec<u8>>,
    /// The connection breaks after the last chunk.
    pub cut: bool,
}

/// One log event of the plugin.
#[derive(Debug, Clone, PartialEq)]
pub struct LogLine {
    /// Severity.
    pub level: Level,
    /// Fixed text.
    pub message: String,
    /// JSON object or empty.
    pub fields: String,
}

type Web = Box<dyn Fn(FakeRequest) -> Result<FakeAnswer> + Send + Sync>;

struct Shared {
    runtime: Handle,
    tasks: Mutex<JoinSet<()>>,
    state: Mutex<State>,
    arrived: Notify,
}

#[derive(Default)]
struct State {
    web: Option<Web>,
    inbound: VecDeque<(String, Inbound)>,
    statuses: Vec<(String, ChannelStatus)>,
    refuse_inbound: bool,
    store: BTreeMap<String, Vec<u8>>,
    media: BTreeMap<String, (MediaRef, Vec<u8>)>,
    secrets: BTreeMap<String, String>,
    events: Vec<(String, Value)>,
    agent_answer: Option<String>,
    logs: Vec<LogLine>,
}

type Served = Pin<Box<dyn Future<Output = Result<Vec<u8>, Fault>> + Send>>;

// === impl TestHost ===

impl TestHost {
    /// A host with an empty store, no web and no secrets. Needs a tokio runtime around it.
    #[allow(
        clippy::new_without_default,
        reason = "it needs a runtime around it, which Default would hide"
    )]
    pub fn new() -> Self {
        let shared = Shared {
            runtime: Handle::current(),
            tasks: Mutex::default(),
            state: Mutex::default(),
            arrived: Notify::new(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Answers the plugin's HTTP requests.
    pub fn web(
        self,
        answer: impl Fn(FakeRequest) -> Result<FakeAnswer> + Send + Sync + 'static,
    ) -> Self {
        self.state().web = Some(Box::new(answer));
        self
    }

    /// Sets a secret of the environment.
    pub fn secret(self, variable: &str, value: &str) -> Self {
        self.state().secrets.insert(variable.into(), value.into());
        self
    }

    /// What agents answer to [`crate::Host::agents`].
    pub fn agent_answer(self, text: &str) -> Self {
        self.state().agent_answer = Some(text.into());
        self
    }

    /// From now on (or no longer) the host can't take events, as when its disk is full.
    pub fn refuse_inbound(&self, refuse: bool) {
        self.state().refuse_inbound = refuse;
    }

    /// Creates an instance of the plugin with this configuration. Fails as the gateway would: on a wrong
    /// configuration, a panic, or a registration that differs from the manifest.
    pub fn load(&self, plugin: &StaticPlugin, config: Value) -> Result<TestPlugin> {
        let manifest: Manifest = serde_json::from_str(plugin.manifest())?;
        let environment = Environment {
            host_version: "0.0.0-test".into(),
            api_version: crate::API_VERSION.into(),
            methods: SERVED.iter().map(|id| (*id).to_owned()).collect(),
            isolated: false,
        };
        let environment = serde_json::to_string(&environment)?;
        let host = host_object(Arc::new(Services(self.shared.clone())));
        let (handle, registered) = plugin
            .root()
            .create(host, &manifest.id, &config.to_string(), &environment)
            .map_err(|fault| Error::from_fault(&fault))?;
        let registered: Registrations = serde_json::from_str(&registered)?;
        check_registrations(&manifest, &registered)?;
        Ok(TestPlugin::new(handle, registered))
    }

    /// Waits for the next event that a channel hands over: channel id and event.
    pub async fn next_inbound(&self) -> (String, Inbound) {
        loop {
            let arrived = self.shared.arrived.notified();
            if let Some(event) = self.state().inbound.pop_front() {
                return event;
            }
            arrived.await;
        }
    }

    /// What channels said of themselves so far.
    pub fn statuses(&self) -> Vec<(String, ChannelStatus)> {
        self.state().statuses.clone()
    }

    /// What the plugin told connected clients so far.
    pub fn events(&self) -> Vec<(String, Value)> {
        self.state().events.clone()
    }

    /// A value that the plugin stored.
    pub fn stored(&self, key: &str) -> Option<Vec<u8>> {
        self.state().store.get(key).cloned()
    }

    /// What the plugin logged so far. Only where no other `tracing` subscriber is set.
    pub fn logs(&self) -> Vec<LogLine> {
        self.state().logs.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state()
    }
}

impl fmt::Debug for TestHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TestHost")
    }
}

/// What is registered must be declared, and the other way round.
pub(crate) fn check_registrations(manifest: &Manifest, registered: &Registrations) -> Result<()> {
    match manifest.difference(registered) {
        None => Ok(()),
        Some(difference) => Err(Error::new(ErrorKind::Config, difference)),
    }
}

// === impl FakeAnswer ===

impl FakeAnswer {
    /// A whole answer in one chunk.
    pub fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            chunks: vec![body.into()],
            cut: false,
        }
    }

    /// JSON.
    pub fn json(status: u16, body: &Value) -> Self {
        Self::new(status, body.to_string()).header("content-type", "application/json")
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Server-sent events, one chunk each.
    pub fn events<S: AsRef<str>>(events: impl IntoIterator<Item = S>) -> Self {
        let chunks = events
            .into_iter()
            .map(|event| format!("data: {}\n\n", event.as_ref()).into_bytes())
            .collect();
        let headers = vec![("content-type".into(), "text/event-stream".into())];
        Self {
            status: 200,
            headers,
            chunks,
            cut: false,
        }
    }
}

// === the services ===

const SERVED: &[&str] = &[
    ids::HTTP,
    ids::INBOUND,
    ids::CHANNEL_STATUS,
    ids::AGENT_RUN,
    ids::STORE_GET,
    ids::STORE_PUT,
    ids::STORE_ADD,
    ids::STORE_DELETE,
    ids::STORE_LIST,
    ids::MEDIA_SAVE,
    ids::MEDIA_OPEN,
    ids::SECRET,
    ids::EMIT,
];

/// One instance's host. Its tasks end with it.
struct Services(Arc<Shared>);

impl Drop for Services {
    fn drop(&mut self) {
        self.0
            .tasks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .abort_all();
    }
}

impl HostServices for Services {
    fn call(&self, call: Call<'_>) -> Served {
        let shared = self.0.clone();
        let (method, target) = (call.method.to_owned(), call.target.to_owned());
        let (body, out, input) = (call.body, call.out, call.input);
        Box::pin(async move {
            shared
                .serve(&method, &target, body, out, input)
                .await
                .map_err(Error::into_fault)
        })
    }

    fn spawn(&self, task: Pin<Box<dyn Future<Output = ()> + Send>>) {
        let mut tasks = self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(task, &self.0.runtime);
    }

    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let _context = self.0.runtime.enter();
        Box::pin(tokio::time::sleep(time))
    }

    fn log_enabled(&self, _: Level, _: &str) -> bool {
        true
    }

    fn log(&self, record: &LogRecord<'_>) {
        let line = LogLine {
            level: record.level,
            message: record.message.to_owned(),
            fields: record.fields.to_owned(),
        };
        self.0.state().logs.push(line);
    }
}

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
    ) -> Result<Vec<u8>> {
        match method {
            ids::HTTP => self.fetch(&body, out, input).await,
            ids::INBOUND => self.take_inbound(target, &body),
            ids::AGENT_RUN => self.run_agent(out).await,
            ids::MEDIA_SAVE => self.save_media(&body, input).await,
            ids::MEDIA_OPEN => self.open_media(target, out).await,
            _ => self.serve_state(method, target, body),
        }
    }

    /// The methods that only look at or change what is in memory.
    fn serve_state(&self, method: &str, target: &str, body: Vec<u8>) -> Result<Vec<u8>> {
        let mut state = self.state();
        match method {
            ids::CHANNEL_STATUS => state
                .statuses
                .push((target.into(), serde_json::from_slice(&body)?)),
            ids::EMIT => state
                .events
                .push((target.into(), serde_json::from_slice(&body)?)),
            ids::STORE_GET => {
                return state
                    .store
                    .get(target)
                    .cloned()
                    .ok_or_else(|| missing(target));
            }
            ids::SECRET => {
                return state
                    .secrets
                    .get(target)
                    .cloned()
                    .map(String::into_bytes)
                    .ok_or_else(|| missing(target));
            }
            ids::STORE_PUT => drop(state.store.insert(target.into(), body)),
            ids::STORE_ADD => {
                let free = !state.store.contains_key(target);
                state.store.entry(target.into()).or_insert(body);
                return Ok(json!(free).to_string().into_bytes());
            }
            ids::STORE_DELETE => drop(state.store.remove(target)),
            ids::STORE_LIST => {
                let keys: Vec<_> = state
                    .store
                    .keys()
                    .filter(|key| key.starts_with(target))
                    .collect();
                return Ok(serde_json::to_vec(&keys)?);
            }
            _ => {
                let text = format!("the fake host doesn't serve {method}");
                return Err(Error::new(ErrorKind::UnknownMethod, text));
            }
        }
        Ok(Vec::new())
    }

    fn take_inbound(&self, channel: &str, body: &[u8]) -> Result<Vec<u8>> {
        let event = serde_json::from_slice(body)?;
        let mut state = self.state();
        if state.refuse_inbound {
            return Err(Error::new(
                ErrorKind::Overloaded,
                "the fake host takes no events now",
            ));
        }
        state.inbound.push_back((channel.into(), event));
        self.arrived.notify_waiters();
        Ok(Vec::new())
    }

    async fn fetch(
        &self,
        body: &[u8],
        out: Option<Sink>,
        input: Option<Source>,
    ) -> Result<Vec<u8>> {
        let head: HttpRequest = serde_json::from_slice(body)?;
        let request = FakeRequest {
            head,
            body: collect(input).await?,
        };
        let answer = match &self.state().web {
            Some(web) => web(request)?,
            None => {
                return Err(Error::new(
                    ErrorKind::Network,
                    "the fake host has no web; give it one with web()",
                ));
            }
        };
        let mut out = out.ok_or_else(|| Error::invalid("a request needs a stream to write to"))?;
        let head = HttpHead {
            status: answer.status,
            headers: answer.headers,
        };
        out.send(&serde_json::to_vec(&head)?).await;
        for chunk in answer.chunks {
            if !out.send(&chunk).await {
                return Ok(Vec::new());
            }
        }
        match answer.cut {
            true => Err(Error::new(ErrorKind::Network, "the connection broke")),
            false => Ok(Vec::new()),
        }
    }

    async fn run_agent(&self, out: Option<Sink>) -> Result<Vec<u8>> {
        let text = self
            .state()
            .agent_answer
            .clone()
            .unwrap_or_else(|| "an answer".into());
        let mut out = out.ok_or_else(|| Error::invalid("a turn needs a stream to write to"))?;
        let events = [
            AgentEvent::Started {
                run_id: "run-1".into(),
            },
            AgentEvent::Text { text: text.clone() },
            AgentEvent::Done {
                text,
                usage: Usage::default(),
                model: "fake/model".into(),
            },
        ];
        for event in &events {
            out.send(&serde_json::to_vec(event)?).await;
        }
        Ok(Vec::new())
    }

    async fn save_media(&self, body: &[u8], input: Option<Source>) -> Result<Vec<u8>> {
        let mut media: MediaRef = serde_json::from_slice(body)?;
        let bytes = collect(input).await?;
        let mut state = self.state();
        media.id = format!("media-{}", state.media.len() + 1);
        media.size = bytes.len() as u64;
        state.media.insert(media.id.clone(), (media.clone(), bytes));
        Ok(serde_json::to_vec(&media)?)
    }

    async fn open_media(&self, id: &str, out: Option<Sink>) -> Result<Vec<u8>> {
        let (media, bytes) = self
            .state()
            .media
            .get(id)
            .cloned()
            .ok_or_else(|| missing(id))?;
        let mut out = out.ok_or_else(|| Error::invalid("a file needs a stream to be read into"))?;
        out.send(&bytes).await;
        Ok(serde_json::to_vec(&media)?)
    }
}

async fn collect(input: Option<Source>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut input) = input {
        while let Some(chunk) = input.next().await {
            bytes.extend_from_slice(&chunk.map_err(|fault| Error::from_fault(&fault))?);
        }
    }
    Ok(bytes)
}

fn missing(what: &str) -> Error {
    Error::new(
        ErrorKind::NotFound,
        format_args!("the fake host has no {what}"),
    )
}
