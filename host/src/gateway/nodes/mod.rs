//! Nodes: devices that do what the gateway asks them. Which are here, what they offer, what of it they are allowed.
//!
//! A node comes in two steps: its device is let in, then what it offers. Until the second one nothing is asked of it.
//!
//! Invariants: a command is sent only if the node offers it now, the owner has allowed it, and no rule denies it; a node
//! has one connection; what waits for nodes is bounded and ends when they go.
mod call;
mod pairing;
mod policy;
mod view;

pub use call::Invocation;
pub use policy::NodePolicy;

use serde_json::{Value, json};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock},
};

use super::{auth::Role, devices::failed, failure::Failure, hub::Events, methods::Caller, random};
use crate::{
    clock::Clock,
    journal::{DeviceFacts, Journal, JournalError, Node, NodeRequest, Surface},
};
use call::Calls;

/// Tools of plugins that one node may publish.
const MAX_TOOLS: usize = 256;
/// Bytes of everything that one node may publish.
const MAX_PUBLISHED: usize = 1024 * 1024;
/// Kinds and commands that one node may offer.
const MAX_OFFERED: usize = 256;

/// The nodes. Clones are the same.
#[derive(Clone)]
pub struct Nodes(Arc<Inner>);

struct Inner {
    journal: Journal,
    events: Events,
    clock: Clock,
    policy: RwLock<NodePolicy>,
    live: Mutex<HashMap<String, Live>>,
    calls: Mutex<Calls>,
}

/// A node that is here.
#[derive(Debug, Clone)]
struct Live {
    connection: String,
    facts: DeviceFacts,
    offered: Surface,
    since_ms: i64,
    tools: Value,
    skills: Value,
}

/// What a node publishes beside its commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// Tools of its plugins.
    Tools,
    /// Its skills.
    Skills,
}

// === impl Nodes ===

impl Nodes {
    /// The nodes of this journal. Nothing delicate may be asked of them until the gateway has its rules.
    pub fn new(journal: Journal, events: Events, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            journal,
            events,
            clock,
            policy: RwLock::default(),
            live: Mutex::default(),
            calls: Mutex::default(),
        }))
    }

    /// From now on these commands may be sent.
    pub(crate) fn permit(&self, policy: NodePolicy) {
        *self.0.policy.write().unwrap_or_else(PoisonError::into_inner) = policy;
    }

    /// All nodes: those that are let in, those that ask, those that are here.
    pub async fn list(&self) -> Result<Value, Failure> {
        let rows = self.rows(None).await?;
        Ok(json!({"ts": self.now_ms(), "nodes": rows}))
    }

    /// One node.
    pub async fn describe(&self, node: &str) -> Result<Value, Failure> {
        let row = self.rows(Some(node)).await?.into_iter().next();
        let mut row = row.ok_or_else(unknown_node)?;
        row["ts"] = json!(self.now_ms());
        Ok(row)
    }

    /// Replaces what a node publishes.
    pub fn publish(&self, what: Published, list: Value, caller: &Caller) -> Result<Value, Failure> {
        let items = list.as_array().map_or(0, Vec::len);
        if items > MAX_TOOLS || list.to_string().len() > MAX_PUBLISHED {
            return Err(Failure::invalid(format!(
                "a node publishes at most {MAX_TOOLS} entries and {MAX_PUBLISHED} bytes: publish fewer"
            )));
        }
        let mut live = self.live();
        let node = live
            .values_mut()
            .find(|node| node.connection == caller.connection)
            .ok_or_else(|| Failure::unavailable("this node was replaced by a newer connection"))?;
        match what {
            Published::Tools => node.tools = list,
            Published::Skills => node.skills = list,
        }
        Ok(json!({"ok": true, "count": items}))
    }

    /// Notes a sign of life.
    pub async fn alive(&self, caller: &Caller, reason: &str) -> Result<(), Failure> {
        let id = caller.principal.device().unwrap_or_default().to_owned();
        let (reason, now_ms) = (reason.to_owned(), self.now_ms());
        let seen = self
            .0
            .journal
            .run(move |j| j.node_seen(&id, &reason, now_ms))
            .await;
        seen.map_err(|error| failed(&error))
    }

    /// A node came. What it offers beyond what it is allowed, it asks for.
    pub(crate) async fn came(&self, caller: &Caller, offered: Surface) {
        let Some(id) = node_of(caller) else { return };
        let facts = facts(caller);
        let live = Live {
            connection: caller.connection.clone(),
            facts: facts.clone(),
            offered: bounded(offered),
            since_ms: self.now_ms(),
            tools: json!([]),
            skills: json!([]),
        };
        let request = NodeRequest {
            id: random::uuid(),
            node: id.to_owned(),
            facts,
            surface: live.offered.clone(),
            created_ms: live.since_ms,
        };
        let before = self.live().insert(id.to_owned(), live);
        if let Some(before) = before {
            self.forsake(&before.connection);
            let replaced = |other: &Caller| other.connection == before.connection;
            self.0.events.dismiss("replaced by a newer connection", replaced);
        }
        if let Err(error) = self.ask(request).await {
            tracing::error!(target: "openclaw::nodes", %error, "what a node offers can't be noted");
        }
        self.announce(id, true);
    }

    /// A node went, and what was asked of it ends.
    pub(crate) async fn went(&self, caller: &Caller) {
        let Some(id) = node_of(caller) else { return };
        self.forsake(&caller.connection);
        if !self.leave(id, &caller.connection) {
            return;
        }
        if let Err(failure) = self.alive(caller, "disconnect").await {
            tracing::warn!(target: "openclaw::nodes", %failure, "not noted that a node went");
        }
        self.announce(id, false);
    }

    /// Forgets that a node is here, unless it is by another connection now.
    fn leave(&self, id: &str, connection: &str) -> bool {
        let mut live = self.live();
        let current = live.get(id).is_some_and(|node| node.connection == connection);
        if current {
            live.remove(id);
        }
        current
    }

    async fn ask(&self, request: NodeRequest) -> Result<(), JournalError> {
        let asked = self
            .0
            .journal
            .run(move |j| {
                j.node_seen(&request.node, "connect", request.created_ms)?;
                let known = j.node(&request.node)?;
                let allowed = known.is_some_and(|node| covers(&node.surface, &request.surface));
                if allowed {
                    Ok(None)
                } else {
                    j.node_request(&request).map(Some)
                }
            })
            .await?;
        if let Some(request) = asked {
            tracing::info!(target: "openclaw::nodes", node = request.node, "a node asks to be allowed what it offers: openclaw nodes approve {}", request.id);
            self.0
                .events
                .broadcast("node.pair.requested", &view::request(&request));
        }
        Ok(())
    }

    async fn rows(&self, only: Option<&str>) -> Result<Vec<Value>, Failure> {
        let now_ms = self.now_ms();
        let read = self
            .0
            .journal
            .run(move |j| Ok((j.nodes()?, j.node_requests(now_ms)?)))
            .await;
        let (nodes, requests) = read.map_err(|error| failed(&error))?;
        let live = self.live().clone();
        let mut ids: Vec<&str> = nodes.iter().map(|node| node.id.as_str()).collect();
        let others = requests.iter().map(|request| request.node.as_str());
        for id in others.chain(live.keys().map(String::as_str)) {
            if !ids.contains(&id) {
                ids.push(id);
            }
        }
        let rows = ids.into_iter().filter(|id| only.is_none_or(|only| only == *id));
        let row = |id| {
            let known = nodes.iter().find(|node| node.id == id);
            let request = requests.iter().find(|request| request.node == id);
            let commands = self.commands(known, live.get(id));
            view::node(id, known, request, live.get(id), &commands)
        };
        Ok(rows.map(row).collect())
    }

    /// What may be asked of a node now.
    fn commands(&self, known: Option<&Node>, live: Option<&Live>) -> Vec<String> {
        let Some(known) = known else { return Vec::new() };
        let offered = live.map_or(&known.surface.commands, |live| &live.offered.commands);
        let policy = self.0.policy.read().unwrap_or_else(PoisonError::into_inner);
        let allowed = |command: &&String| known.surface.commands.contains(command) && policy.permits(command);
        offered.iter().filter(allowed).cloned().collect()
    }

    fn announce(&self, node: &str, connected: bool) {
        let payload = json!({"nodeId": node, "connected": connected, "ts": self.now_ms()});
        self.0.events.broadcast("node.presence", &payload);
    }

    fn now_ms(&self) -> i64 {
        self.0.clock.now_ms()
    }

    fn live(&self) -> MutexGuard<'_, HashMap<String, Live>> {
        self.0.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Nodes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nodes({} here)", self.live().len())
    }
}

fn node_of(caller: &Caller) -> Option<&str> {
    let node = caller.principal.role() == Role::Node;
    caller.principal.device().filter(|_| node)
}

fn facts(caller: &Caller) -> DeviceFacts {
    let client = &caller.client;
    DeviceFacts {
        display_name: client.display_name.clone(),
        platform: client.platform.clone(),
        device_family: client.device_family.clone(),
        client_id: client.id.clone(),
        client_mode: client.mode.clone(),
        version: Some(client.version.clone()),
    }
}

fn bounded(mut surface: Surface) -> Surface {
    for list in [&mut surface.caps, &mut surface.commands] {
        list.sort();
        list.dedup();
        list.truncate(MAX_OFFERED);
    }
    surface
}

fn covers(allowed: &Surface, offered: &Surface) -> bool {
    let all = |allowed: &[String], offered: &[String]| offered.iter().all(|it| allowed.contains(it));
    all(&allowed.caps, &offered.caps) && all(&allowed.commands, &offered.commands)
}

fn unknown_node() -> Failure {
    Failure::invalid("unknown nodeId")
}
