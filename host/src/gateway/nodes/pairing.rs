//! What those who look after nodes can do: see what is asked for, allow it, refuse it, name nodes and forget them.
use serde_json::{Value, json};

use super::{Nodes, failed, policy::scopes_to_approve, unknown_node, view};
use crate::gateway::{failure::Failure, methods::Caller};
use crate::journal::NodeRequest;

impl Nodes {
    /// Nodes that ask and nodes that are let in.
    pub async fn pairings(&self) -> Result<Value, Failure> {
        let now_ms = self.now_ms();
        let read = self
            .0
            .journal
            .run(move |j| Ok((j.node_requests(now_ms)?, j.nodes()?)))
            .await;
        let (requests, nodes) = read.map_err(|error| failed(&error))?;
        Ok(json!({
            "pending": requests.iter().map(view::request).collect::<Vec<_>>(),
            "paired": nodes.iter().map(view::paired).collect::<Vec<_>>(),
        }))
    }

    /// Allows a node what it asks for.
    pub async fn approve(&self, request: &str, caller: &Caller) -> Result<Value, Failure> {
        let request = self.waiting(request).await?;
        let mut needed = scopes_to_approve(&request.surface.commands).into_iter();
        if let Some(scope) = needed.find(|scope| !caller.principal.scopes().permit(*scope)) {
            return Err(Failure::missing_scope(scope));
        }
        let (id, node, now_ms) = (request.id.clone(), request.node.clone(), self.now_ms());
        let admitted = self
            .0
            .journal
            .run(move |j| {
                j.node_admit(&request, now_ms)?;
                j.node(&request.node)
            })
            .await;
        let admitted = admitted
            .map_err(|error| failed(&error))?
            .ok_or_else(unknown_node)?;
        tracing::info!(target: "openclaw::nodes", node, "a node is allowed what it offers");
        self.resolved(&id, &node, "approved");
        Ok(json!({"requestId": id, "node": view::paired(&admitted)}))
    }

    /// Refuses a node what it asks for.
    pub async fn reject(&self, request: &str) -> Result<Value, Failure> {
        let (id, now_ms) = (request.to_owned(), self.now_ms());
        let ended = self.0.journal.run(move |j| j.node_request_end(&id, now_ms)).await;
        let ended = ended.map_err(|error| failed(&error))?;
        let ended = ended.ok_or_else(|| Failure::invalid("unknown requestId"))?;
        self.resolved(&ended.id, &ended.node, "rejected");
        Ok(json!({"requestId": ended.id, "nodeId": ended.node}))
    }

    /// Takes back what a node was allowed, and sends it away; its device stays let in.
    pub async fn remove(&self, node: &str) -> Result<Value, Failure> {
        let id = node.to_owned();
        let forgotten = self.0.journal.run(move |j| j.node_forget(&id)).await;
        let here = self.live().get(node).map(|live| live.connection.clone());
        if !forgotten.map_err(|error| failed(&error))? && here.is_none() {
            return Err(unknown_node());
        }
        let gone = |other: &Caller| here.as_ref() == Some(&other.connection);
        self.0.events.dismiss("node pairing removed", gone);
        Ok(json!({"nodeId": node}))
    }

    /// Names a node.
    pub async fn rename(&self, node: &str, name: &str) -> Result<Value, Failure> {
        let (id, given) = (node.to_owned(), name.trim().to_owned());
        let named = self.0.journal.run(move |j| j.node_name(&id, &given)).await;
        if !named.map_err(|error| failed(&error))? {
            return Err(unknown_node());
        }
        Ok(json!({"nodeId": node, "displayName": name.trim()}))
    }

    async fn waiting(&self, id: &str) -> Result<NodeRequest, Failure> {
        let now_ms = self.now_ms();
        let requests = self.0.journal.run(move |j| j.node_requests(now_ms)).await;
        let mut requests = requests.map_err(|error| failed(&error))?.into_iter();
        let found = requests.find(|request| request.id == id);
        found.ok_or_else(|| Failure::invalid("unknown requestId"))
    }

    /// Tells those who look after nodes, and the node itself.
    fn resolved(&self, request: &str, node: &str, decision: &str) {
        let payload =
            json!({"requestId": request, "nodeId": node, "decision": decision, "ts": self.now_ms()});
        self.0.events.broadcast("node.pair.resolved", &payload);
        let here = self.live().get(node).map(|live| live.connection.clone());
        if let Some(connection) = here {
            self.0.events.notify(&connection, "node.pair.resolved", &payload);
        }
    }
}
