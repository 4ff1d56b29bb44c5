//! What plugins and clients meet in: requests of plugins go from here to where they are served.
mod profile;

use super::{Accounts, Gateway, Office, devices, speech};
use crate::{
    agent::{CLIENTS, tools::goes_on},
    clock::Clock,
    gateway::{Front, Nodes},
    heartbeat::Heart,
    plugins::{
        registry::Registry,
        services::{Core, Request, Variables},
    },
};
use futures_util::future::BoxFuture;
use openclaw_plugin_api::{
    AgentProfile, AgentProfileRequest, AgentRun, ApprovalDecision, ApprovalRequest, ChannelStatus,
    EmbedRequest, Embeddings, Error, ErrorKind, Inbound, Interim, ListenHead, ListenRequest, News, Node,
    NodeRequest, Result, Sink, Submission, Submitted, SystemEvent, ToolCall, ToolOrigin, ToolOutput,
    Unfinished,
};
use serde_json::Value;
use std::{
    sync::{Arc, OnceLock, Weak},
    time::Duration,
};
use tokio::{
    sync::{broadcast, mpsc, watch},
    time,
};

/// Events of plugins that a slow listener may fall behind by.
const EVENTS: usize = 256;
/// Time that a gateway which starts has until it serves; then a plugin's wish for a listener fails.
const STARTING: Duration = Duration::from_secs(60);
/// Events of a turn that a slow reader may fall behind by.
const TURN_EVENTS: usize = 64;

/// Knows the registry and the office as soon as there are any.
pub(super) struct Hub {
    pub(super) registry: OnceLock<Weak<Registry>>,
    pub(super) office: OnceLock<Office>,
    pub(super) heart: OnceLock<Arc<Heart>>,
    pub(super) accounts: Accounts,
    pub(super) clock: Clock,
    pub(super) events: broadcast::Sender<(String, Value)>,
    /// Devices that do what they are asked, once there is a gateway that they can come to.
    pub(super) nodes: OnceLock<Nodes>,
    /// Opens listeners, once there is a gateway to serve.
    pub(super) front: watch::Sender<Option<Front>>,
    /// What a plugin hears that asks for what is not there, or not yet.
    absent: &'static str,
}

// === impl Hub ===

impl Hub {
    /// A hub that nobody is at yet; `absent` is what plugins hear as long as that is so.
    pub(super) fn new(clock: Clock, absent: &'static str) -> Self {
        Self {
            registry: OnceLock::new(),
            office: OnceLock::new(),
            heart: OnceLock::new(),
            accounts: Accounts::default(),
            clock,
            events: broadcast::channel(EVENTS).0,
            nodes: OnceLock::new(),
            front: watch::Sender::new(None),
            absent,
        }
    }

    fn registry(&self) -> Result<Arc<Registry>> {
        let registry = self.registry.get().and_then(Weak::upgrade);
        registry.ok_or_else(|| self.missing())
    }

    /// The devices, for a plugin that may start processes here as well.
    fn nodes_for(&self, plugin: &str) -> Result<Nodes> {
        let spec = self.registry()?.get(plugin).map(|plugin| plugin.spec());
        if spec.is_none_or(|spec| spec.settings.permissions.processes.is_empty()) {
            let text = "only plugins that start processes may ask devices (manifest, processes)";
            return Err(Error::new(ErrorKind::Refused, text));
        }
        self.nodes.get().cloned().ok_or_else(|| self.missing())
    }

    fn office(&self) -> Result<Office> {
        self.office.get().cloned().ok_or_else(|| self.missing())
    }

    fn missing(&self) -> Error {
        Error::new(ErrorKind::Closed, self.absent)
    }
}

/// What comes when the gateway listens.
impl Gateway {
    /// From now on plugins can have listeners of their own.
    pub fn serve_plugins(&self, front: Front) {
        self.hub.front.send_replace(Some(front));
    }

    /// From now on plugins can ask these devices.
    pub fn serve_nodes(&self, nodes: Nodes) {
        // a gateway has the same ones as long as it runs
        let _ = self.hub.nodes.set(nodes);
    }
}

impl Core for Hub {
    fn inbound(&self, _plugin: &str, channel: &str, event: Inbound) -> BoxFuture<'static, Result<()>> {
        if channel == CLIENTS {
            let text = format!("{CLIENTS} is what clients of the gateway write; no plugin has this channel");
            return Box::pin(async { Err(Error::invalid(text)) });
        }
        self.accounts
            .heard(channel, &event.account_id, self.clock.now_ms());
        let (office, channel) = (self.office(), channel.to_owned());
        Box::pin(async move { office?.inbox.accept(&channel, event).await })
    }

    fn admits(&self, channel: &str, event: Inbound) -> BoxFuture<'static, Result<bool>> {
        let (office, channel) = (self.office(), channel.to_owned());
        Box::pin(async move { office?.inbox.admits(&channel, event).await })
    }

    fn channel_status(&self, plugin: &str, channel: &str, status: ChannelStatus) {
        let (account, state, problem) = (status.account_id.clone(), status.state, status.problem.clone());
        if !self.accounts.told(channel, status, self.clock.now_ms()) {
            return;
        }
        if problem.is_empty() {
            tracing::info!(target: "openclaw::channels", plugin, "{channel}/{account} is {state:?}");
        } else {
            tracing::warn!(target: "openclaw::channels", plugin, "{channel}/{account} is {state:?}: {problem}");
        }
    }

    fn agent_run(&self, _plugin: &str, run: AgentRun, mut out: Sink) -> BoxFuture<'static, Result<()>> {
        let (tx, mut events) = mpsc::channel(TURN_EVENTS);
        let office = self.office();
        Box::pin(async move {
            let office = office?;
            let forward = async move {
                while let Some(event) = events.recv().await {
                    if !out.send(&serde_json::to_vec(&event)?).await {
                        break;
                    }
                }
                Ok::<(), Error>(())
            };
            let (turn, forwarded) = tokio::join!(office.run(run, tx), forward);
            turn.and(forwarded)
        })
    }

    fn agent_profile(&self, request: AgentProfileRequest) -> BoxFuture<'static, Result<AgentProfile>> {
        let office = self.office();
        Box::pin(async move { profile::of(&office?.desk, request).await })
    }

    fn agent_submit(&self, plugin: &str, message: Submission) -> BoxFuture<'static, Result<Submitted>> {
        let (office, plugin) = (self.office(), plugin.to_owned());
        Box::pin(async move { office?.submit(&plugin, message).await })
    }

    fn system_event(&self, event: SystemEvent) -> BoxFuture<'static, Result<()>> {
        let heart = self.heart.get().cloned().ok_or_else(|| self.missing());
        let office = self.office();
        Box::pin(async move { office?.tell(&*heart?, event).await })
    }

    fn embed(&self, request: EmbedRequest) -> BoxFuture<'static, Result<Embeddings>> {
        let office = self.office();
        Box::pin(async move { office?.desk.asker.embed(request).await })
    }

    fn tool_invoke(&self, tool: &str, call: ToolCall) -> BoxFuture<'static, Result<ToolOutput>> {
        let (office, tool) = (self.office(), tool.to_owned());
        Box::pin(async move { office?.use_tool(&tool, call).await })
    }

    fn tool_goes_on(
        &self,
        plugin: &str,
        instance: u64,
        work: Unfinished,
    ) -> BoxFuture<'static, Result<String>> {
        let (office, plugin) = (self.office(), plugin.to_owned());
        Box::pin(async move { goes_on::goes_on(&office?.desk, &plugin, instance, work).await })
    }

    fn tool_interim(&self, plugin: &str, interim: Interim) -> BoxFuture<'static, Result<()>> {
        let (office, plugin) = (self.office(), plugin.to_owned());
        Box::pin(async move {
            let office = office?;
            goes_on::interim(&office.desk, &office.inbox, &plugin, interim).await
        })
    }

    fn instances_ended(&self, plugin: &str, last: u64) -> BoxFuture<'static, ()> {
        let (office, plugin) = (self.office.get().cloned(), plugin.to_owned());
        Box::pin(async move {
            // before there is an office nobody works
            if let Some(office) = office {
                goes_on::instances_ended(&office.desk, &office.inbox, &plugin, last).await;
            }
        })
    }

    fn tool_news(&self, plugin: &str, news: News) -> BoxFuture<'static, Result<()>> {
        let (office, plugin) = (self.office(), plugin.to_owned());
        Box::pin(async move {
            let office = office?;
            goes_on::ended(&office.desk, &office.inbox, &plugin, news).await
        })
    }

    fn tool_environment(&self, plugin: &str, origin: ToolOrigin) -> BoxFuture<'static, Result<Variables>> {
        let (office, plugin) = (self.office(), plugin.to_owned());
        Box::pin(async move {
            let desk = office?.desk;
            desk.tools.environment(&desk, &plugin, &origin).await
        })
    }

    fn nodes(&self, plugin: &str) -> BoxFuture<'static, Result<Vec<Node>>> {
        let nodes = self.nodes_for(plugin);
        Box::pin(async move { devices::list(&nodes?).await })
    }

    fn node_invoke(&self, plugin: &str, request: NodeRequest) -> BoxFuture<'static, Result<Value>> {
        let nodes = self.nodes_for(plugin);
        Box::pin(async move { devices::invoke(&nodes?, request).await })
    }

    fn approve(
        &self,
        _plugin: &str,
        request: ApprovalRequest,
    ) -> BoxFuture<'static, Result<ApprovalDecision>> {
        let office = self.office();
        Box::pin(async move {
            let desk = office?.desk;
            desk.approvals.request(&desk, request).await
        })
    }

    fn emit(&self, plugin: &str, event: &str, payload: Value) -> Result<()> {
        let prefix = event.split('.').next().unwrap_or_default();
        if prefix.len() == event.len() || prefix != plugin && prefix != plugin.replace('-', "") {
            return Err(Error::invalid(format_args!(
                "event {event} is not {plugin}'s: its name has to begin with \"{plugin}.\""
            )));
        }
        // Nobody listening is fine.
        let _ = self.events.send((event.to_owned(), payload));
        Ok(())
    }

    fn listen(&self, plugin: &str, request: ListenRequest, mut out: Sink) -> BoxFuture<'static, Result<()>> {
        let (plugin, mut front) = (plugin.to_owned(), self.front.subscribe());
        let missing = self.missing();
        Box::pin(async move {
            let there = time::timeout(STARTING, front.wait_for(Option::is_some)).await;
            let front = there.ok().and_then(|front| front.ok()?.clone()).ok_or(missing)?;
            let open = front
                .open(&plugin, &request.bind)
                .await
                .map_err(|error| Error::new(ErrorKind::Config, error))?;
            let address = open.address().to_string();
            if out.send(&serde_json::to_vec(&ListenHead { address })?).await {
                open.until_stop().await;
            }
            Ok(())
        })
    }

    fn speech(
        &self,
        method: &'static str,
        engine: &str,
        request: Request,
    ) -> BoxFuture<'static, Result<Vec<u8>>> {
        let found = self
            .registry()
            .and_then(|registry| speech::engine(&registry, method, engine));
        let office = self.office();
        Box::pin(async move {
            let found = found?;
            let access = office?.desk.asker.speech_access(&found.1.id);
            speech::pass_on(found, method, request, access).await
        })
    }
}
