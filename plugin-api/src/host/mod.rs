//! The host as authors see it: everything that a plugin does outside itself goes through here.
mod agent;
mod approval;
mod channel;
mod fetch;
mod ids;
mod later;
mod listen;
mod media;
mod multipart;
mod nodes;
mod speech;
mod store;
mod streamed;
mod submit;
mod time;
mod websocket;

pub use agent::{
    Agent, AgentEvent, AgentFile, AgentProfile, AgentProfileRequest, AgentRun, AgentStream, Capabilities,
};
pub use approval::{
    ApprovalBasis, ApprovalDecision, ApprovalRequest, ApprovalVerdict, Approvals, CommandSegment, ExecAsk,
    ExecSecurity,
};
pub use channel::ChannelHost;
pub use fetch::{Fetch, FetchResponse, HttpRequest, RequestBuilder};
pub use ids::host as host_ids;
pub use later::{GoesOn, Interim, News, Unfinished, Variables};
pub use listen::{ListenHead, ListenRequest, Listener};
pub use media::{Media, MediaReader};
pub use multipart::Multipart;
pub use nodes::{Node, NodeRequest};
pub use speech::{Conversing, Listening, Speaking, SpeechEngines};
pub use store::Store;
pub use submit::{Announce, Submission, Submitted, SystemEvent};
pub use time::{Interval, TaskHandle, Watch};
pub use websocket::{WsClose, WsHead, WsMessage, WsReceiver, WsRequest, WsSender};

use crate::{
    Error, ErrorKind, Result, Secret,
    abi::{Call, HostHandle},
    runtime::Driver,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    fmt,
    sync::{Arc, Weak},
};

/// What an instance learns of its surroundings when it is made.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Environment {
    /// Version of the host (semver).
    pub host_version: String,
    /// Version of `openclaw-plugin-api` that the host was built with (semver).
    pub api_version: String,
    /// Method ids that the host serves.
    pub methods: Vec<String>,
    /// Runs in a process of its own.
    pub isolated: bool,
}

/// What an instance registered, as it tells the host.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Registrations {
    /// What it offers.
    pub registrations: Vec<Registration>,
    /// Method ids that it serves.
    pub methods: Vec<String>,
}

/// One thing that a plugin offers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Registration {
    /// Capability with its revision, `tool/1`.
    pub capability: String,
    /// Channel id, tool name, path, …
    pub id: String,
    /// What the capability says of it: [`crate::ToolSpec`], [`crate::ChannelInfo`], [`crate::Route`], …
    pub spec: Value,
}

/// What can be told of a call besides its body.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Meta {
    /// The caller gives up after this many milliseconds. None: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deadline_ms: Option<u64>,
    /// W3C trace parent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    /// The same for every try of the same work.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idempotency_key: Option<String>,
    /// For [`Store::put`]: forget the value after this many milliseconds. None: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ttl_ms: Option<u64>,
}

/// The host. Cheap to clone; usable from any thread.
#[derive(Clone)]
pub struct Host {
    inner: Arc<Inner>,
}

/// A host that its user doesn't keep.
pub(crate) type Home = Weak<Inner>;

pub(crate) struct Inner {
    handle: HostHandle,
    environment: Environment,
    driver: Driver,
    signals: time::Signals,
}

impl Host {
    pub(crate) fn new(handle: HostHandle, environment: Environment, driver: Driver) -> Self {
        Self {
            inner: Arc::new(Inner {
                handle,
                environment,
                driver,
                signals: time::Signals::default(),
            }),
        }
    }

    /// What the host is and offers.
    pub fn environment(&self) -> &Environment {
        &self.inner.environment
    }

    /// Does the host serve this method id? A plugin built with a later release than its host asks before it relies on
    /// something new.
    pub fn serves(&self, method: &str) -> bool {
        self.inner.environment.methods.iter().any(|id| id == method)
    }

    /// HTTP requests.
    pub fn http(&self) -> Fetch {
        Fetch::new(self.clone())
    }

    /// What this plugin keeps over restarts.
    pub fn store(&self) -> Store {
        Store::new(self.clone())
    }

    /// Files of messages.
    pub fn media(&self) -> Media {
        Media::new(self.clone())
    }

    /// Agents.
    pub fn agents(&self) -> Agent {
        Agent::new(self.clone())
    }

    /// What agents work with: embeddings, tools.
    pub fn capabilities(&self) -> Capabilities {
        Capabilities::new(self.clone())
    }

    /// Questions to the operator.
    pub fn approvals(&self) -> Approvals {
        Approvals::new(self.clone())
    }

    /// Engines that speak and listen.
    pub fn speech(&self) -> SpeechEngines {
        SpeechEngines::new(self.clone())
    }

    /// A secret from the host's environment. Only those that the manifest declares are given.
    pub async fn secret(&self, variable: &str) -> Result<Option<Secret>> {
        match self
            .call_raw(Call::new(ids::host::SECRET, variable, Vec::new()))
            .await
        {
            Ok(bytes) => Ok(Some(Secret::new(String::from_utf8(bytes)?))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The first of these secrets that is set to more than spaces; vendors' keys have several names.
    pub async fn first_secret(&self, variables: &[&str]) -> Result<Option<Secret>> {
        for variable in variables {
            let found = self.secret(variable).await?;
            let trimmed = found.as_ref().map_or("", |secret| secret.expose().trim());
            if !trimmed.is_empty() {
                return Ok(Some(Secret::new(trimmed)));
            }
        }
        Ok(None)
    }

    /// Offers these tools from now on, and no others besides those that the manifest names. The manifest declares
    /// [`crate::OFFERED_TOOLS`], and the plugin has registered a [`crate::ToolSet`]. At most 512 tools, and 2 MiB of them.
    pub async fn offer_tools(&self, tools: &[crate::ToolSpec]) -> Result<()> {
        self.call(ids::host::TOOL_OFFER, "", &tools).await
    }

    /// Tells connected clients of the gateway. The name carries the plugin's prefix, `voicecall.started`.
    pub async fn emit(&self, event: &str, payload: &impl Serialize) -> Result<()> {
        self.call(ids::host::EMIT, event, payload).await
    }

    pub(crate) fn channel(&self, id: &'static str) -> ChannelHost {
        ChannelHost::new(self.clone(), id)
    }

    pub(crate) fn handle(&self) -> &HostHandle {
        &self.inner.handle
    }

    /// The host, without keeping it.
    pub(crate) fn downgrade(&self) -> Home {
        Arc::downgrade(&self.inner)
    }

    /// A host that is still kept by somebody.
    pub(crate) fn upgrade(home: &Home) -> Option<Self> {
        home.upgrade().map(|inner| Self { inner })
    }

    pub(crate) fn is_at(&self, home: &Home) -> bool {
        std::ptr::eq(home.as_ptr(), Arc::as_ptr(&self.inner))
    }

    /// Calls a method whose body and reply are records.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: &str,
        target: &str,
        body: &impl Serialize,
    ) -> Result<T> {
        let reply = self
            .call_raw(Call::new(method, target, serde_json::to_vec(body)?))
            .await?;
        parse(&reply)
    }

    pub(crate) fn call_raw(
        &self,
        call: Call<'_>,
    ) -> impl Future<Output = Result<Vec<u8>>> + Send + 'static + use<> {
        let reply = self.inner.handle.call(call);
        async move { reply.await.map_err(|fault| Error::from_fault(&fault)) }
    }
}

/// A record of the host; an empty body is null.
pub(crate) fn parse<T: DeserializeOwned>(reply: &[u8]) -> Result<T> {
    let reply: &[u8] = if reply.is_empty() { b"null" } else { reply };
    serde_json::from_slice(reply).map_err(Error::from)
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("environment", &self.inner.environment)
            .finish_non_exhaustive()
    }
}
