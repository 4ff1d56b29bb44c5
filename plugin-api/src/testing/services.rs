//! What the fake host serves: from memory, from a script, or not at all.
use super::{FakeAnswer, FakeRequest, FakeSocket, FakeSpeech, LogLine, speech};
use crate::{
    AgentEvent, AgentProfile, AgentRun, ApprovalDecision, ApprovalRequest, ChannelStatus, Error, ErrorKind,
    HttpHead, HttpRequest, Inbound, Interim, MediaRef, News, Node, NodeRequest, Result, Sink, Source,
    Submission, Submitted, SystemEvent, ToolSpec, Unfinished,
    abi::{Call, Fault, HostServices, Level, LogRecord},
    host_ids as ids,
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{runtime::Handle, sync::Notify, task::JoinSet};

type Operator = Box<dyn Fn(&ApprovalRequest) -> ApprovalDecision + Send + Sync>;
type Web = Box<dyn Fn(FakeRequest) -> Result<FakeAnswer> + Send + Sync>;

/// What a fake host and its instances share.
pub(super) struct Shared {
    pub(super) runtime: Handle,
    pub(super) state: Mutex<State>,
    pub(super) arrived: Notify,
}

#[derive(Default)]
/// What is in the fake host's memory.
pub(super) struct State {
    pub(super) web: Option<Web>,
    pub(super) inbound: VecDeque<(String, Inbound)>,
    pub(super) statuses: Vec<(String, ChannelStatus)>,
    pub(super) refuse_inbound: bool,
    pub(super) refuse_senders: bool,
    pub(super) sockets: VecDeque<FakeSocket>,
    pub(super) refuse_sockets: bool,
    pub(super) speech: VecDeque<FakeSpeech>,
    pub(super) store: BTreeMap<String, Vec<u8>>,
    pub(super) media: BTreeMap<String, (MediaRef, Vec<u8>)>,
    pub(super) secrets: BTreeMap<String, String>,
    pub(super) events: Vec<(String, Value)>,
    pub(super) tools: VecDeque<Vec<ToolSpec>>,
    pub(super) turn: Vec<AgentEvent>,
    pub(super) agent_profile: Option<AgentProfile>,
    pub(super) runs: Vec<AgentRun>,
    pub(super) questions_fail: Option<Error>,
    pub(super) operator: Option<Operator>,
    pub(super) asked: Vec<ApprovalRequest>,
    pub(super) submissions: Vec<Submission>,
    pub(super) system_events: Vec<SystemEvent>,
    pub(super) unfinished: Vec<Unfinished>,
    pub(super) news: Vec<News>,
    pub(super) environment: BTreeMap<String, String>,
    pub(super) plain: BTreeSet<String>,
    pub(super) interim: Vec<Interim>,
    pub(super) nodes: Vec<Node>,
    pub(super) node_answers: VecDeque<Value>,
    pub(super) node_requests: Vec<NodeRequest>,
    pub(super) logs: Vec<LogLine>,
}

type Served = Pin<Box<dyn Future<Output = Result<Vec<u8>, Fault>> + Send>>;

/// Every method id that is served.
pub(super) fn served() -> Vec<String> {
    ids::ALL.iter().map(|id| (*id).to_owned()).collect()
}

impl State {
    /// Takes a message for an agent: was it there before, and its run's id.
    fn submit(&mut self, submission: Submission) -> Result<(bool, String)> {
        if self.refuse_inbound {
            return Err(overloaded("messages"));
        }
        let key = &submission.idempotency_key;
        let mut before = self.submissions.iter();
        let known = before.position(|taken| !key.is_empty() && taken.idempotency_key == *key);
        let number = known.unwrap_or(self.submissions.len()) + 1;
        if known.is_none() {
            self.submissions.push(submission);
        }
        Ok((known.is_some(), format!("run-{number}")))
    }
}

/// One instance's host. Its tasks end with it, and those of no other.
pub(super) struct Services {
    shared: Arc<Shared>,
    tasks: Mutex<JoinSet<()>>,
}

impl Services {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        let tasks = Mutex::default();
        Self { shared, tasks }
    }
}

impl HostServices for Services {
    fn call(&self, call: Call<'_>) -> Served {
        let shared = self.shared.clone();
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
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn_on(task, &self.shared.runtime);
    }

    fn sleep(&self, time: Duration) -> Pin<Box<dyn Future<Output = ()> + Send>> {
        let _context = self.shared.runtime.enter();
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
        self.shared.state().logs.push(line);
    }
}

impl Shared {
    pub(super) fn state(&self) -> MutexGuard<'_, State> {
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
            ids::WEBSOCKET => self.open_socket(&body, out, input).await,
            ids::INBOUND => self.take_inbound(target, &body),
            ids::TOOL_OFFER => self.take_tools(&body),
            ids::ADMITS => self.judge_sender(),
            ids::AGENT_RUN => self.run_agent(&body, out).await,
            ids::MEDIA_SAVE => self.save_media(&body, input).await,
            ids::MEDIA_OPEN => self.open_media(target, out).await,
            ids::LISTEN => speech::listen(&body, out).await,
            ids::SYNTHESIZE | ids::TRANSCRIBE | ids::CONVERSE => {
                self.use_engine(method, target, &body, out, input).await
            }
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
            ids::AGENT_PROFILE => {
                let profile = state.agent_profile.as_ref();
                return Ok(serde_json::to_vec(&profile.ok_or_else(|| missing("agent"))?)?);
            }
            ids::APPROVAL_REQUEST => {
                let request = serde_json::from_slice(&body)?;
                let answer = state.operator.as_ref().map(|operator| operator(&request));
                state.asked.push(request);
                return Ok(serde_json::to_vec(&answer.unwrap_or_default())?);
            }
            ids::AGENT_SUBMIT => {
                let submission: Submission = serde_json::from_slice(&body)?;
                let (known, run_id) = state.submit(submission)?;
                return Ok(serde_json::to_vec(&Submitted { run_id, known })?);
            }
            ids::TOOL_GOES_ON => {
                state.unfinished.push(serde_json::from_slice(&body)?);
                return Ok(serde_json::to_vec(&format!("work-{}", state.unfinished.len()))?);
            }
            ids::TOOL_NEWS if state.refuse_inbound => return Err(overloaded("news")),
            ids::TOOL_NEWS => state.news.push(serde_json::from_slice(&body)?),
            ids::NODE_LIST => return Ok(serde_json::to_vec(&state.nodes)?),
            ids::NODE_INVOKE => {
                let request: NodeRequest = serde_json::from_slice(&body)?;
                let answer = state.node_answers.pop_front();
                state.node_requests.push(request);
                let answer = answer.ok_or_else(|| missing("the answer of a node"))?;
                return Ok(serde_json::to_vec(&answer)?);
            }
            ids::TOOL_INTERIM => {
                let interim: Interim = serde_json::from_slice(&body)?;
                let number = interim
                    .id
                    .strip_prefix("work-")
                    .and_then(|n| n.parse::<usize>().ok());
                let work = number.and_then(|n| state.unfinished.get_mut(n.checked_sub(1)?));
                let work = work.ok_or_else(|| missing(&interim.id))?;
                if !interim.lost.is_empty() {
                    work.lost.clone_from(&interim.lost);
                }
                state.interim.push(interim);
            }
            ids::TOOL_VARIABLES => {
                let found = json!({ "values": state.environment, "plain": state.plain });
                return Ok(serde_json::to_vec(&found)?);
            }
            ids::TOOL_ENVIRONMENT => return Ok(serde_json::to_vec(&state.environment)?),
            ids::SYSTEM_EVENT => state.system_events.push(serde_json::from_slice(&body)?),
            ids::EMIT => state.events.push((target.into(), serde_json::from_slice(&body)?)),
            ids::STORE_GET => {
                return state.store.get(target).cloned().ok_or_else(|| missing(target));
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
                let keys: Vec<_> = state.store.keys().filter(|key| key.starts_with(target)).collect();
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
            return Err(overloaded("events"));
        }
        state.inbound.push_back((channel.into(), event));
        self.arrived.notify_waiters();
        Ok(Vec::new())
    }

    fn judge_sender(&self) -> Result<Vec<u8>> {
        let state = self.state();
        if let Some(error) = &state.questions_fail {
            return Err(error.clone());
        }
        match state.refuse_inbound {
            true => Err(overloaded("questions")),
            false => Ok(serde_json::to_vec(&!state.refuse_senders)?),
        }
    }

    fn take_tools(&self, body: &[u8]) -> Result<Vec<u8>> {
        self.state().tools.push_back(serde_json::from_slice(body)?);
        self.arrived.notify_waiters();
        Ok(Vec::new())
    }

    async fn fetch(&self, body: &[u8], out: Option<Sink>, input: Option<Source>) -> Result<Vec<u8>> {
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

    /// Runs until the test drops its side.
    async fn open_socket(&self, body: &[u8], out: Option<Sink>, input: Option<Source>) -> Result<Vec<u8>> {
        if self.state().refuse_sockets {
            return Err(Error::new(
                ErrorKind::Network,
                "the fake host opens no sockets now",
            ));
        }
        let (socket, closed) = FakeSocket::open(body, out, input).await?;
        self.state().sockets.push_back(socket);
        self.arrived.notify_waiters();
        // Nothing is ever sent: the other end is dropped.
        let _ = closed.await;
        Ok(Vec::new())
    }

    /// Runs until the test drops its side, or says how it fails.
    async fn use_engine(
        &self,
        method: &str,
        engine: &str,
        body: &[u8],
        out: Option<Sink>,
        input: Option<Source>,
    ) -> Result<Vec<u8>> {
        let (speech, ended) = FakeSpeech::begin(method, engine, body, out, input)?;
        self.state().speech.push_back(speech);
        self.arrived.notify_waiters();
        match ended.await {
            Ok(error) => Err(error),
            Err(_) => Ok(Vec::new()),
        }
    }

    async fn run_agent(&self, body: &[u8], out: Option<Sink>) -> Result<Vec<u8>> {
        let run = serde_json::from_slice(body)?;
        let turn = {
            let mut state = self.state();
            state.runs.push(run);
            state.turn.clone()
        };
        let mut out = out.ok_or_else(|| Error::invalid("a turn needs a stream to write to"))?;
        for event in &turn {
            out.send(&serde_json::to_vec(event)?).await;
        }
        Ok(Vec::new())
    }
}

/// All bytes of a stream.
pub(super) async fn collect(input: Option<Source>) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut input) = input {
        while let Some(chunk) = input.next().await {
            bytes.extend_from_slice(&chunk.map_err(|fault| Error::from_fault(&fault))?);
        }
    }
    Ok(bytes)
}

fn overloaded(what: &str) -> Error {
    let text = format_args!("the fake host takes no {what} now");
    Error::new(ErrorKind::Overloaded, text)
}

pub(super) fn missing(what: &str) -> Error {
    Error::new(ErrorKind::NotFound, format_args!("the fake host has no {what}"))
}
