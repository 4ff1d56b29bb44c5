//! The tools of agents: the host's own, and those of running plugins, joined.
//!
//! A tool of the host works with what plugins can't have: conversations, jobs, the configuration. It is a type with
//! [`HostTool`] and a line in [`own`]. No plugin can stand in the place of one: the host's name wins. Which tools an
//! agent may use is decided in `agent::policy`, not here.
mod agents_list;
mod bench;
mod cron;
mod folders;
mod front;
mod gateway;
pub mod goes_on;
mod message;
mod reach;
mod running;
mod session_status;
mod sessions_history;
mod sessions_list;
mod sessions_send;
mod sessions_spawn;

pub use bench::{Bench, Near};
pub use front::{ASKED, Front};
pub(in crate::agent) use reach::{SPAWNED_BY, agent_of};

use crate::{
    agent::policy::{Permits, Verdict, Why},
    config::ToolNames,
    plugins::{plugin::Plugin, registry::Registry},
};
use futures_util::future::BoxFuture;
use openclaw_plugin_api::{
    Error, ErrorKind, Result, ToolCall, ToolOrigin, ToolOutput, ToolSpec, surface::ids,
};
use schemars::JsonSchema;
use serde::{Deserialize as _, de::DeserializeOwned};
use std::{
    future::Future,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};
use tokio::sync::SetOnce;

/// A tool that the host brings itself.
pub trait HostTool: Send + Sync + 'static {
    /// Name that models use: lower case letters, digits and `_`.
    const NAME: &'static str;
    /// What it does and when to use it, for the model.
    const DESCRIPTION: &'static str;
    /// May it run again when nobody knows whether the first try took effect?
    const IDEMPOTENT: bool = false;
    /// Does it change anything outside the conversation?
    const SIDE_EFFECTS: bool = true;
    /// Is it only for turns that nobody but the operator has a say in?
    const OWNER_ONLY: bool = false;
    /// Its arguments. The doc comments of the fields are what the model reads.
    type Args: DeserializeOwned + JsonSchema + Send + 'static;

    /// Does it, on behalf of `origin`. Cancelled by drop.
    fn invoke(
        &self,
        args: Self::Args,
        origin: ToolOrigin,
        bench: Bench,
    ) -> impl Future<Output = Result<ToolOutput>> + Send;
}

/// On whose terms a tool is called.
#[derive(Debug, Clone, Copy)]
pub struct Rights<'a> {
    /// What may be used.
    pub permits: &'a Permits,
    /// The model that asks, `provider/model`; empty where none does.
    pub model: &'a str,
}

/// Every tool of the host.
fn own() -> Vec<Box<dyn Erased>> {
    vec![
        Box::new(agents_list::AgentsList),
        Box::new(cron::Cron),
        Box::new(gateway::Gateway),
        Box::new(message::MessageTool),
        Box::new(session_status::SessionStatus),
        Box::new(sessions_history::SessionsHistory),
        Box::new(sessions_list::SessionsList),
        Box::new(sessions_send::SessionsSend),
        Box::new(sessions_spawn::SessionsSpawn),
    ]
}

/// A tool that there is, whoever may use it.
#[derive(Debug, Clone, PartialEq)]
pub struct Offered {
    /// What models and policies know of it.
    pub spec: Arc<ToolSpec>,
    /// The plugin that brings it. None: the host does.
    pub plugin: Option<String>,
    /// Only for turns that nobody but the operator has a say in.
    pub owner_only: bool,
}

/// All tools.
pub struct Toolbox {
    registry: Arc<Registry>,
    own: Vec<(Arc<ToolSpec>, Box<dyn Erased>)>,
    /// All tools, and the registry's number when they were looked at.
    shelf: Mutex<Option<(u64, Shelf)>>,
    near: OnceLock<Near>,
    front: SetOnce<Arc<dyn Front>>,
    running: running::Running,
}

/// All tools that there are, until plugins change.
#[derive(Clone)]
struct Shelf {
    tools: Arc<Vec<Offered>>,
    names: Arc<ToolNames>,
}

/// A [`HostTool`] without its types.
trait Erased: Send + Sync {
    fn spec(&self) -> ToolSpec;
    fn owner_only(&self) -> bool;
    fn invoke(&self, call: ToolCall, bench: Bench) -> BoxFuture<'_, Result<ToolOutput>>;
}

// === impl Toolbox ===

impl Toolbox {
    /// The host's tools beside those of the plugins. The host's can be called once it is [`Toolbox::open`].
    pub fn new(registry: Arc<Registry>) -> Self {
        Self {
            registry,
            own: own()
                .into_iter()
                .map(|tool| (Arc::new(tool.spec()), tool))
                .collect(),
            shelf: Mutex::default(),
            near: OnceLock::new(),
            front: SetOnce::new(),
            running: running::Running::default(),
        }
    }

    /// What the host's tools work with is there.
    pub(in crate::agent) fn open(&self, near: Near) {
        let _ = self.near.set(near);
    }

    /// Who answers what the host's tools ask the gateway for.
    pub fn open_front(&self, front: Arc<dyn Front>) {
        // the first one stays
        let _ = self.front.set(front);
    }

    /// Every tool that there is now.
    pub fn all(&self) -> Arc<Vec<Offered>> {
        self.shelf().tools
    }

    /// What may be named in policies: tools that there are now, and plugins.
    pub fn names(&self) -> Arc<ToolNames> {
        self.shelf().names
    }

    /// Every turn asks several times, and what plugins offer seldom changes.
    fn shelf(&self) -> Shelf {
        let mut kept = self.shelf.lock().unwrap_or_else(PoisonError::into_inner);
        // read first: what changes while it is looked at counts the next time
        let number = self.registry.tools_revision();
        match &*kept {
            Some((then, shelf)) if *then == number => shelf.clone(),
            _ => {
                let shelf = Shelf {
                    tools: self.look().into(),
                    names: self.look_at_names().into(),
                };
                *kept = Some((number, shelf.clone()));
                shelf
            }
        }
    }

    fn look(&self) -> Vec<Offered> {
        let own = self.own.iter().map(|(spec, tool)| Offered {
            spec: spec.clone(),
            plugin: None,
            owner_only: tool.owner_only(),
        });
        let plugins = self.registry.offered("tool/1").into_iter();
        let theirs = plugins.filter_map(|(plugin, registration)| {
            let spec = ToolSpec::deserialize(&registration.spec).ok()?;
            let hidden = self.find(&spec.name).is_some();
            (!hidden).then(|| Offered {
                spec: spec.into(),
                plugin: Some(plugin.id().to_owned()),
                owner_only: false,
            })
        });
        own.chain(theirs).collect()
    }

    fn look_at_names(&self) -> ToolNames {
        let plugins = self.registry.all();
        let declared = plugins.iter().flat_map(|plugin| {
            let manifest = &plugin.spec().manifest;
            let tools = manifest
                .declared()
                .into_iter()
                .filter(|(kind, _)| *kind == "tool/1");
            let tools = tools.map(|(_, id)| id.to_owned());
            tools.chain([plugin.id().to_owned()]).collect::<Vec<_>>()
        });
        let own = self.own.iter().map(|(spec, _)| spec.name.clone());
        let offered = self.registry.offered("tool/1").into_iter();
        let theirs = offered.filter_map(|(_, tool)| Some(tool.spec.get("name")?.as_str()?.to_owned()));
        ToolNames::new(own.chain(theirs).chain(declared))
    }

    /// Runs a tool for a model, if it may: this is the one way to a tool, whoever asks.
    pub async fn invoke(&self, name: &str, mut call: ToolCall, rights: Rights<'_>) -> Result<ToolOutput> {
        if let Verdict::Off(why) = rights.permits.verdict(name, rights.model) {
            return Err(refusal(name, &why, rights));
        }
        let bench = self.near.get().and_then(|near| near.bench(rights));
        if let Some(bench) = bench.as_ref().filter(|_| call.origin.workspace_dir.is_empty()) {
            call.origin.workspace_dir = bench.workspace(&call.origin.agent_id);
        }
        if let Some(tool) = self.find(name) {
            let closed = || Error::new(ErrorKind::Closed, "the gateway is starting or ending; try again");
            return tool.invoke(call, bench.ok_or_else(closed)?).await;
        }
        self.registry.settling.settled().await;
        let plugin: Arc<Plugin> = self.registry.offering("tool/1", name).ok_or_else(|| {
            let text = format!("there is no tool named {name}");
            Error::new(ErrorKind::NotFound, text)
        })?;
        if let Some(bench) = &bench {
            call.origin = folders::with_folders(&bench.desk, call.origin);
        }
        let _under_way = self
            .running
            .begin(plugin.id(), &call.origin, rights.permits.policy());
        plugin.call(ids::tool::INVOKE, name, &call).await
    }

    fn find(&self, name: &str) -> Option<&dyn Erased> {
        let found = self.own.iter().find(|(spec, _)| spec.name == name);
        found.map(|(_, tool)| &**tool)
    }
}

/// What a model is told of a tool that it may not use.
fn refusal(name: &str, why: &Why, rights: Rights<'_>) -> Error {
    match why {
        Why::Absent => {
            let offered = rights.permits.offered(rights.model);
            let names: Vec<_> = offered.iter().map(|tool| tool.name.as_str()).collect();
            let text = format!("there is no tool named {name}; there are: {}", names.join(", "));
            Error::new(ErrorKind::NotFound, text)
        }
        why => {
            let text =
                format!("the tool {name} is off here: {why}. Don't try it again; say so if it is needed");
            Error::new(ErrorKind::Refused, text)
        }
    }
}

impl std::fmt::Debug for Toolbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let own: Vec<_> = self.own.iter().map(|(spec, _)| &spec.name).collect();
        f.debug_struct("Toolbox")
            .field("own", &own)
            .finish_non_exhaustive()
    }
}

// === impl Erased ===

impl<T: HostTool> Erased for T {
    fn spec(&self) -> ToolSpec {
        let mut parameters = schemars::schema_for!(T::Args).to_value();
        if let Some(schema) = parameters.as_object_mut() {
            // models have no use for them
            schema.remove("$schema");
            schema.remove("title");
        }
        ToolSpec {
            name: T::NAME.to_owned(),
            description: T::DESCRIPTION.to_owned(),
            parameters,
            idempotent: T::IDEMPOTENT,
            side_effects: T::SIDE_EFFECTS,
        }
    }

    fn owner_only(&self) -> bool {
        T::OWNER_ONLY
    }

    fn invoke(&self, call: ToolCall, bench: Bench) -> BoxFuture<'_, Result<ToolOutput>> {
        Box::pin(async move {
            let args = serde_json::from_value(call.arguments).map_err(|error| {
                Error::invalid(format_args!("the arguments of {} don't fit: {error}", T::NAME))
            })?;
            HostTool::invoke(self, args, call.origin, bench).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn tools_of_the_host_are_fit_for_models() {
        let mut names = BTreeSet::new();
        for tool in own() {
            let spec = tool.spec();
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
            assert!(
                spec.name.chars().all(plain) && spec.name.len() <= 64,
                "{}",
                spec.name
            );
            assert!(!spec.description.is_empty(), "{}", spec.name);
            assert_eq!(spec.parameters["type"], "object", "{}", spec.name);
            assert!(names.insert(spec.name.clone()), "{} is there twice", spec.name);
        }
    }
}
