//! What a plugin can ask of its host, by method id. One place serves plugins in the process and in children alike.
//!
//! Everything here runs on the gateway's runtime; the plugin's thread only waits for it. A call that the plugin drops
//! is aborted. Nothing is served to an instance that has been retired.
mod context;
mod http;
mod media;
mod state;
#[cfg(test)]
mod tests;
mod websocket;

pub use context::{Context, ContextOptions};
pub(crate) use media::keep as keep_media;

use crate::{clock::Clock, http::Client, journal::Journal};
use futures_util::future::BoxFuture;
use openclaw_plugin_api::{
    AgentProfile, AgentProfileRequest, AgentRun, ApprovalDecision, ApprovalRequest, ChannelStatus,
    EmbedRequest, Embeddings, Error, ErrorKind, Inbound, Interim, ListenRequest, News, Node, NodeRequest,
    Result, Secret, Sink, Source, Submission, Submitted, SystemEvent, ToolCall, ToolOrigin, ToolOutput,
    Unfinished, host_ids as ids,
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::{Arc, OnceLock, Weak},
};

/// Finds a secret by the name of its variable.
pub type SecretSource = Box<dyn Fn(&str) -> Option<Secret> + Send + Sync>;

/// What the services are made of.
pub struct Services {
    /// Where they run.
    pub runtime: tokio::runtime::Handle,
    /// The one outbound client.
    pub http: Client,
    /// What is kept.
    pub journal: Journal,
    /// Folder of stored files.
    pub media: PathBuf,
    /// The time of day.
    pub clock: Clock,
    /// Secrets of the environment, by variable.
    pub secrets: SecretSource,
    /// The rest of the gateway, once it is there.
    pub core: OnceLock<Weak<dyn Core>>,
}

/// What the rest of the gateway does for plugins.
pub trait Core: Send + Sync + 'static {
    /// Takes an event of a channel. When it resolves well, the event is durable.
    fn inbound(&self, plugin: &str, channel: &str, event: Inbound) -> BoxFuture<'static, Result<()>>;
    /// Whether the sender of an event may write where it is.
    fn admits(&self, channel: &str, event: Inbound) -> BoxFuture<'static, Result<bool>>;
    /// Notes how an account is doing.
    fn channel_status(&self, plugin: &str, channel: &str, status: ChannelStatus);
    /// Runs a turn of an agent, writing [`openclaw_plugin_api::AgentEvent`]s.
    fn agent_run(&self, plugin: &str, run: AgentRun, out: Sink) -> BoxFuture<'static, Result<()>>;
    /// Who an agent is.
    fn agent_profile(&self, request: AgentProfileRequest) -> BoxFuture<'static, Result<AgentProfile>>;
    /// Takes a message for an agent. When it resolves well, the message is durable.
    fn agent_submit(&self, plugin: &str, message: Submission) -> BoxFuture<'static, Result<Submitted>>;
    /// Tells an agent of something. When it resolves well, that is durable.
    fn system_event(&self, event: SystemEvent) -> BoxFuture<'static, Result<()>>;
    /// Turns texts into vectors.
    fn embed(&self, request: EmbedRequest) -> BoxFuture<'static, Result<Embeddings>>;
    /// Runs a tool of any plugin.
    fn tool_invoke(&self, tool: &str, call: ToolCall) -> BoxFuture<'static, Result<ToolOutput>>;
    /// Notes work of a plugin's tool that goes on when its call has been answered. When it resolves well, that is durable.
    fn tool_goes_on(
        &self,
        plugin: &str,
        instance: u64,
        work: Unfinished,
    ) -> BoxFuture<'static, Result<String>>;
    /// Notes what is new of such work, and tells the agent. When it resolves well, that is durable.
    fn tool_interim(&self, plugin: &str, interim: Interim) -> BoxFuture<'static, Result<()>>;
    /// Instances of a plugin up to this number have ended, and with them the work of theirs that was not told of.
    fn instances_ended(&self, plugin: &str, last: u64) -> BoxFuture<'static, ()>;
    /// Tells an agent what became of such work. When it resolves well, that is durable.
    fn tool_news(&self, plugin: &str, news: News) -> BoxFuture<'static, Result<()>>;
    /// Variables that the operator set for what the agent of a call does.
    fn tool_environment(&self, plugin: &str, origin: ToolOrigin) -> BoxFuture<'static, Result<Variables>>;
    /// The devices that are here, and what each may be asked.
    fn nodes(&self, plugin: &str) -> BoxFuture<'static, Result<Vec<Node>>>;
    /// Asks one of them.
    fn node_invoke(&self, plugin: &str, request: NodeRequest) -> BoxFuture<'static, Result<Value>>;
    /// Finds out whether something may be done: by rule, or by asking a person.
    fn approve(&self, plugin: &str, request: ApprovalRequest)
    -> BoxFuture<'static, Result<ApprovalDecision>>;
    /// Tells connected clients.
    fn emit(&self, plugin: &str, event: &str, payload: Value) -> Result<()>;
    /// Serves the plugin's routes at an address of their own, until the gateway stops or nobody waits any more. Writes a
    /// [`openclaw_plugin_api::ListenHead`] once it listens.
    fn listen(&self, plugin: &str, request: ListenRequest, out: Sink) -> BoxFuture<'static, Result<()>>;
    /// Passes a call on to the plugin that has this speech engine (or the configured one).
    fn speech(
        &self,
        method: &'static str,
        engine: &str,
        request: Request,
    ) -> BoxFuture<'static, Result<Vec<u8>>>;
}

/// What a plugin reads as [`openclaw_plugin_api::Variables`]. It can be written, so it stays inside.
#[derive(Default, Serialize)]
pub struct Variables {
    /// All of them, by name.
    pub values: BTreeMap<String, String>,
    /// The names of those that are no secrets.
    pub plain: BTreeSet<String>,
}

/// One call of a plugin.
#[derive(Debug, Default)]
pub struct Request {
    /// Method id.
    pub method: String,
    /// What it is about.
    pub target: String,
    /// JSON or empty.
    pub meta: String,
    /// The payload.
    pub body: Vec<u8>,
    /// Where the answer is streamed.
    pub out: Option<Sink>,
    /// What the plugin streams.
    pub input: Option<Source>,
}

impl Request {
    fn record<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_slice(&self.body).map_err(|e| {
            Error::invalid(format_args!(
                "the body of {} is not as expected: {e}",
                self.method
            ))
        })
    }

    fn take_out(&mut self) -> Result<Sink> {
        self.out
            .take()
            .ok_or_else(|| Error::invalid(format_args!("{} needs a stream to write to", self.method)))
    }
}

/// Without the values.
impl std::fmt::Debug for Variables {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.values.keys()).finish()
    }
}

impl std::fmt::Debug for Services {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}

/// Serves one call.
async fn serve(context: Arc<Context>, mut request: Request) -> Result<Vec<u8>> {
    match request.method.as_str() {
        ids::HTTP => http::fetch(&context, request).await,
        ids::WEBSOCKET => websocket::connect(&context, request).await,
        ids::STORE_GET | ids::STORE_PUT | ids::STORE_ADD | ids::STORE_DELETE | ids::STORE_LIST => {
            state::store(&context, request).await
        }
        ids::SECRET => state::secret(&context, &request.target),
        ids::MEDIA_SAVE => media::save(&context, request).await,
        ids::MEDIA_OPEN => media::open(&context, request).await,
        ids::INBOUND => {
            let event = request.record()?;
            context
                .core()?
                .inbound(context.plugin(), &request.target, event)
                .await
                .map(|()| Vec::new())
        }
        ids::ADMITS => {
            let event = request.record()?;
            let admitted = context.core()?.admits(&request.target, event).await?;
            Ok(serde_json::to_vec(&admitted)?)
        }
        ids::CHANNEL_STATUS => {
            context
                .core()?
                .channel_status(context.plugin(), &request.target, request.record()?);
            Ok(Vec::new())
        }
        ids::AGENT_RUN => {
            let (run, out) = (request.record()?, request.take_out()?);
            context
                .core()?
                .agent_run(context.plugin(), run, out)
                .await
                .map(|()| Vec::new())
        }
        ids::AGENT_PROFILE => {
            let profile = context.core()?.agent_profile(request.record()?).await?;
            Ok(serde_json::to_vec(&profile)?)
        }
        ids::AGENT_SUBMIT => {
            let (core, message) = (context.core()?, request.record()?);
            let taken = core.agent_submit(context.plugin(), message).await?;
            Ok(serde_json::to_vec(&taken)?)
        }
        ids::SYSTEM_EVENT => {
            let event = request.record()?;
            context.core()?.system_event(event).await.map(|()| Vec::new())
        }
        ids::EMBED => {
            let made = context.core()?.embed(request.record()?).await?;
            Ok(serde_json::to_vec(&made)?)
        }
        ids::TOOL_INVOKE => {
            let call = request.record()?;
            let output = context.core()?.tool_invoke(&request.target, call).await?;
            Ok(serde_json::to_vec(&output)?)
        }
        ids::TOOL_GOES_ON => {
            let (core, work) = (context.core()?, request.record()?);
            let id = core
                .tool_goes_on(context.plugin(), context.instance(), work)
                .await?;
            Ok(serde_json::to_vec(&id)?)
        }
        ids::TOOL_INTERIM => {
            let interim = request.record()?;
            let noted = context.core()?.tool_interim(context.plugin(), interim);
            noted.await.map(|()| Vec::new())
        }
        ids::TOOL_NEWS => {
            let news = request.record()?;
            let told = context.core()?.tool_news(context.plugin(), news);
            told.await.map(|()| Vec::new())
        }
        ids::TOOL_ENVIRONMENT | ids::TOOL_VARIABLES => {
            let (core, origin) = (context.core()?, request.record()?);
            let found = core.tool_environment(context.plugin(), origin).await?;
            match request.method.as_str() {
                ids::TOOL_VARIABLES => Ok(serde_json::to_vec(&found)?),
                _ => Ok(serde_json::to_vec(&found.values)?),
            }
        }
        ids::NODE_LIST => {
            let nodes = context.core()?.nodes(context.plugin()).await?;
            Ok(serde_json::to_vec(&nodes)?)
        }
        ids::NODE_INVOKE => {
            let (core, asked) = (context.core()?, request.record()?);
            let answer = core.node_invoke(context.plugin(), asked).await?;
            Ok(serde_json::to_vec(&answer)?)
        }
        ids::APPROVAL_REQUEST => {
            let asked = request.record()?;
            let decision = context.core()?.approve(context.plugin(), asked).await?;
            Ok(serde_json::to_vec(&decision)?)
        }
        ids::TOOL_OFFER => context.tools().replace(request.record()?).map(|()| Vec::new()),
        ids::EMIT => {
            let event = context.own_event(&request.target)?;
            context
                .core()?
                .emit(context.plugin(), event, request.record()?)
                .map(|()| Vec::new())
        }
        ids::LISTEN => {
            let (listen, out) = (request.record()?, request.take_out()?);
            let listening = context.core()?.listen(context.plugin(), listen, out);
            listening.await.map(|()| Vec::new())
        }
        ids::SYNTHESIZE => {
            speech(
                &context,
                openclaw_plugin_api::surface::ids::speech::SYNTHESIZE,
                request,
            )
            .await
        }
        ids::TRANSCRIBE => {
            speech(
                &context,
                openclaw_plugin_api::surface::ids::speech::TRANSCRIBE,
                request,
            )
            .await
        }
        ids::CONVERSE => {
            speech(
                &context,
                openclaw_plugin_api::surface::ids::speech::CONVERSE,
                request,
            )
            .await
        }
        unknown => Err(Error::new(
            ErrorKind::UnknownMethod,
            format_args!("this host has no method {unknown}"),
        )),
    }
}

async fn speech(context: &Context, method: &'static str, request: Request) -> Result<Vec<u8>> {
    let engine = request.target.clone();
    context.core()?.speech(method, &engine, request).await
}

/// Runs blocking work of the disk away from the async threads.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|e| Err(e.into()))
}
