//! The fake host: services in memory, time from tokio.
use super::services::{Services, Shared, State, served};
use super::{FakeSocket, FakeSpeech, TestPlugin};
use crate::{
    AgentEvent, AgentProfile, AgentRun, ApprovalDecision, ApprovalRequest, ChannelHost, ChannelStatus,
    Environment, Error, ErrorKind, Host, HttpRequest, Inbound, Interim, Manifest, News, Node, NodeRequest,
    Registrations, Result, StaticPlugin, StopReason, Submission, SystemEvent, ToolSpec, Unfinished, Usage,
    abi::{Level, host_object},
    runtime::Driver,
};
use serde_json::Value;
use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard},
};
use tokio::{runtime::Handle, sync::Notify};

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
            state: Mutex::default(),
            arrived: Notify::new(),
        };
        let host = Self {
            shared: Arc::new(shared),
        };
        host.agent_answer("an answer")
    }

    /// Answers the plugin's HTTP requests.
    pub fn web(self, answer: impl Fn(FakeRequest) -> Result<FakeAnswer> + Send + Sync + 'static) -> Self {
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
        let begun = AgentEvent::Started {
            run_id: "run-1".into(),
        };
        let done = AgentEvent::Done {
            text: text.into(),
            usage: Usage::default(),
            model: "fake/model".into(),
            stop: StopReason::Stop,
        };
        self.agent_turn(vec![begun, AgentEvent::Text { text: text.into() }, done])
    }

    /// What turns of agents tell, from the first event to the last.
    pub fn agent_turn(self, events: Vec<AgentEvent>) -> Self {
        self.state().turn = events;
        self
    }

    /// What [`crate::Agent::profile`] tells, whatever files it is asked for.
    pub fn agent_profile(self, profile: AgentProfile) -> Self {
        self.state().agent_profile = Some(profile);
        self
    }

    /// What agents were asked so far.
    pub fn runs(&self) -> Vec<AgentRun> {
        self.state().runs.clone()
    }

    /// Answers what the plugin asks the operator. Without it there is nobody to ask.
    pub fn operator(
        self,
        answer: impl Fn(&ApprovalRequest) -> ApprovalDecision + Send + Sync + 'static,
    ) -> Self {
        self.state().operator = Some(Box::new(answer));
        self
    }

    /// From now on (or no longer) the host can't take events or news and can't say who may write, as when its disk is full.
    pub fn refuse_inbound(&self, refuse: bool) {
        self.state().refuse_inbound = refuse;
    }

    /// From now on (or no longer) [`crate::ChannelHost::admits`] fails with this.
    pub fn fail_questions(&self, error: Option<Error>) {
        self.state().questions_fail = error;
    }

    /// From now on (or no longer) nobody may write, as [`crate::ChannelHost::admits`] tells it.
    pub fn refuse_senders(&self, refuse: bool) {
        self.state().refuse_senders = refuse;
    }

    /// Creates an instance of the plugin with this configuration. Fails as the gateway would: on a wrong
    /// configuration, a panic, or a registration that differs from the manifest.
    pub fn load(&self, plugin: &StaticPlugin, config: Value) -> Result<TestPlugin> {
        let manifest: Manifest = serde_json::from_str(plugin.manifest())?;
        let environment = serde_json::to_string(&environment())?;
        let host = host_object(Arc::new(Services::new(self.shared.clone())));
        let (handle, registered) = plugin
            .root()
            .create(host, &manifest.id, &config.to_string(), &environment)
            .map_err(|fault| Error::from_fault(&fault))?;
        let registered: Registrations = serde_json::from_str(&registered)?;
        check_registrations(&manifest, &registered)?;
        Ok(TestPlugin::new(handle, registered))
    }

    /// The host as a plugin has it, for tests of a part of a plugin. Its tasks end with its last clone.
    pub fn host(&self) -> Host {
        let handle = host_object(Arc::new(Services::new(self.shared.clone())));
        Host::new(handle, environment(), Driver::Host)
    }

    /// A channel's way into the host, for tests of a part of a plugin.
    pub fn channel(&self, id: &'static str) -> ChannelHost {
        self.host().channel(id)
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

    /// Waits for the next tools that the plugin offers; see [`crate::ToolSet`].
    pub async fn next_tools(&self) -> Vec<ToolSpec> {
        loop {
            let arrived = self.shared.arrived.notified();
            if let Some(tools) = self.state().tools.pop_front() {
                return tools;
            }
            arrived.await;
        }
    }

    /// Waits for the next WebSocket that the plugin opens.
    pub async fn next_socket(&self) -> FakeSocket {
        loop {
            let arrived = self.shared.arrived.notified();
            if let Some(socket) = self.state().sockets.pop_front() {
                return socket;
            }
            arrived.await;
        }
    }

    /// Waits for the next use of an engine that speaks or listens.
    pub async fn next_speech(&self) -> FakeSpeech {
        loop {
            let arrived = self.shared.arrived.notified();
            if let Some(speech) = self.state().speech.pop_front() {
                return speech;
            }
            arrived.await;
        }
    }

    /// From now on (or no longer) no WebSocket can be opened.
    pub fn refuse_sockets(&self, refuse: bool) {
        self.state().refuse_sockets = refuse;
    }

    /// What channels said of themselves so far.
    pub fn statuses(&self) -> Vec<(String, ChannelStatus)> {
        self.state().statuses.clone()
    }

    /// What the plugin asked the operator so far.
    pub fn asked(&self) -> Vec<ApprovalRequest> {
        self.state().asked.clone()
    }

    /// What the plugin told connected clients so far.
    pub fn events(&self) -> Vec<(String, Value)> {
        self.state().events.clone()
    }

    /// Messages that the plugin left for agents so far, each once.
    pub fn submissions(&self) -> Vec<Submission> {
        self.state().submissions.clone()
    }

    /// What the plugin told agents of so far.
    pub fn system_events(&self) -> Vec<SystemEvent> {
        self.state().system_events.clone()
    }

    /// What the plugin told of work that went on, so far; empty texts for what nobody need hear of.
    pub fn news(&self) -> Vec<News> {
        self.state().news.clone()
    }

    /// Work of tools that went on when their calls were answered, so far.
    pub fn unfinished(&self) -> Vec<Unfinished> {
        self.state().unfinished.clone()
    }

    /// A device is here, with what it will answer.
    pub fn node(&self, node: Node, answers: impl IntoIterator<Item = Value>) {
        let mut state = self.state();
        state.nodes.push(node);
        state.node_answers.extend(answers);
    }

    /// What the plugin asked of devices so far.
    pub fn node_requests(&self) -> Vec<NodeRequest> {
        self.state().node_requests.clone()
    }

    /// What the plugin said of work that still went on, so far.
    pub fn interim(&self) -> Vec<Interim> {
        self.state().interim.clone()
    }

    /// As [`Self::set_tool_variable`], of a variable that is no secret.
    pub fn set_plain_tool_variable(&self, name: &str, value: &str) {
        self.set_tool_variable(name, value);
        self.state().plain.insert(name.to_owned());
    }

    /// Sets a variable that the operator gives to what agents do.
    pub fn set_tool_variable(&self, name: &str, value: &str) {
        self.state().environment.insert(name.to_owned(), value.to_owned());
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

fn environment() -> Environment {
    Environment {
        host_version: "0.0.0-test".into(),
        api_version: crate::API_VERSION.into(),
        methods: served(),
        isolated: false,
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

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn tasks_of_one_instance_outlive_another_one() -> Result<()> {
        let fake = TestHost::new();
        let host = fake.host();
        let working = host.clone();
        host.spawn(async move {
            working.sleep(Duration::from_secs(1)).await;
            working.store().put("done", b"yes".to_vec()).await.ok();
        });
        drop(fake.host());
        host.sleep(Duration::from_secs(2)).await;
        assert_eq!(fake.stored("done").as_deref(), Some(b"yes".as_slice()));
        Ok(())
    }
}
