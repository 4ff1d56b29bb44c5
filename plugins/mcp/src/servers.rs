//! All configured servers, and which of them a tool belongs to.
use crate::{config::Mcp, engine::Engine, server::Server, tools};
use futures_util::{StreamExt, stream};
use openclaw_plugin_api::{ToolSpec, host_ids, prelude::*};
use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};
use tokio::{
    sync::{Notify, Semaphore},
    time::sleep,
};

/// Servers that are started side by side to learn their tools.
const AT_ONCE: usize = 4;

/// All configured servers.
#[derive(Clone)]
pub struct Servers(Arc<Inner>);

struct Inner {
    host: Host,
    engine: Engine,
    all: BTreeMap<String, Arc<Server>>,
    renewed: Arc<Notify>,
    /// Offered name to the server and its own name of the tool.
    table: Mutex<BTreeMap<String, (Arc<Server>, String)>>,
}

/// Begins with the tools that are known, and ends the servers.
pub struct Watch(pub Servers);

// === impl Servers ===

impl Servers {
    /// As configured; nothing is started yet.
    pub fn new(host: Host, config: Mcp) -> Self {
        let renewed = Arc::<Notify>::default();
        let idle = Some(Duration::from_millis(config.session_idle_ttl_ms));
        let servers = config.servers.into_iter().filter(|(_, server)| server.enabled);
        let all = servers.map(|(name, server)| {
            let server = Server::new(name.clone(), server, host.clone(), idle, renewed.clone());
            (name, Arc::new(server))
        });
        Self(Arc::new(Inner {
            all: all.collect(),
            host,
            engine: Engine::default(),
            renewed,
            table: Mutex::default(),
        }))
    }

    /// Where work with servers is done.
    pub fn engine(&self) -> &Engine {
        &self.0.engine
    }

    /// All that are switched on.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Server>> {
        self.0.all.values()
    }

    /// One by its name.
    pub fn named(&self, name: &str) -> Result<Arc<Server>> {
        self.0.all.get(name).cloned().ok_or_else(|| {
            let known: Vec<_> = self.0.all.keys().map(String::as_str).collect();
            let text = format!(
                "there is no MCP server {name:?}; configured are: {}",
                known.join(", ")
            );
            Error::new(ErrorKind::NotFound, text)
        })
    }

    /// The server that has a tool, and the tool's name there.
    pub fn owner(&self, tool: &str) -> Option<(Arc<Server>, String)> {
        self.0
            .table
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .get(tool)
            .cloned()
    }

    /// Learns which tools there are and offers them, now and whenever they change.
    async fn begin(&self) -> Result<()> {
        if self.0.all.is_empty() {
            // an instance before this one may have offered some
            let _ = self.0.host.offer_tools(&[]).await;
            return Ok(());
        }
        if !self.0.host.serves(host_ids::TOOL_OFFER) {
            let text = "this gateway is too old for tools that come and go; the tools of MCP servers are not offered";
            return Err(Error::unsupported(text));
        }
        let inner = Arc::downgrade(&self.0);
        self.0.engine.spawn(follow(inner))
    }

    async fn end(&self) -> Result<()> {
        let servers: Vec<_> = self.0.all.values().cloned().collect();
        if servers.is_empty() {
            return Ok(());
        }
        let all = async move {
            stream::iter(servers)
                .for_each_concurrent(None, |server| async move { server.stop().await })
                .await;
            Ok(())
        };
        self.0.engine.run(all).await
    }
}

impl Inner {
    /// Tells the host which tools there are.
    async fn offer(&self) {
        let (mut specs, mut table) = (Vec::<ToolSpec>::new(), BTreeMap::new());
        let (mut resources, mut prompts) = (false, false);
        for server in self.all.values() {
            let Some(catalog) = server.catalog() else {
                continue;
            };
            resources |= catalog.resources;
            prompts |= catalog.prompts;
            for tool in &catalog.tools {
                let name = &tool.spec.name;
                if table.contains_key(name) {
                    tracing::warn!(
                        server = server.name,
                        tool = name,
                        "two servers have a tool of this name; the first counts"
                    );
                    continue;
                }
                table.insert(name.clone(), (server.clone(), tool.name.clone()));
                specs.push(tool.spec.clone());
            }
        }
        specs.extend(resources.then(tools::resources));
        specs.extend(prompts.then(tools::prompts));
        let count = specs.len();
        *self.table.lock().unwrap_or_else(PoisonError::into_inner) = table;
        match self.host.offer_tools(&specs).await {
            Ok(()) => tracing::info!(tools = count, "tools of MCP servers are offered"),
            Err(error) => tracing::error!(%error, "the tools of MCP servers can't be offered"),
        }
    }
}

/// What was remembered is offered at once; servers that nothing is known of are started to ask them, as often as it takes.
async fn follow(inner: Weak<Inner>) {
    let Some((servers, renewed)) = inner.upgrade().map(|inner| {
        let servers: Vec<_> = inner.all.values().cloned().collect();
        (servers, inner.renewed.clone())
    }) else {
        return;
    };
    let mut unknown = Vec::new();
    for server in servers {
        if !server.recall().await {
            unknown.push(server);
        }
    }
    let turns = Arc::new(Semaphore::new(AT_ONCE));
    let asking = stream::iter(unknown).for_each_concurrent(None, |server| learn(server, turns.clone()));
    let offering = async {
        loop {
            renewed.notified().await;
            match inner.upgrade() {
                Some(inner) => inner.offer().await,
                None => return,
            }
        }
    };
    tokio::join!(asking, offering);
}

/// Asks a server for its tools until it tells them: one that is down now may be up in a minute, and nobody would call a tool
/// that is not offered.
async fn learn(server: Arc<Server>, turns: Arc<Semaphore>) {
    while !ask(&server, &turns).await {
        sleep(server.rest().await).await;
    }
}

/// Asks a server for its tools. False: it may have an answer later.
async fn ask(server: &Arc<Server>, turns: &Semaphore) -> bool {
    let _turn = turns.acquire().await;
    let Err(error) = server.connection().await else {
        return true;
    };
    let is_final = error.kind() == ErrorKind::Config;
    match is_final || server.is_first_failure().await {
        true => tracing::warn!(server = server.name, %error, "a server can't be asked for its tools"),
        false => tracing::debug!(server = server.name, %error, "a server still can't be asked for its tools"),
    }
    is_final
}

impl Service for Watch {
    const ID: &'static str = "mcp";

    async fn start(&self) -> Result<()> {
        self.0.begin().await
    }

    async fn stop(&self) -> Result<()> {
        self.0.end().await
    }
}
