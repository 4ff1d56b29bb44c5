//! Asking a node to do something, and its answer.
//!
//! Invariant: an answer counts only from the connection that was asked; every question ends by its answer, its deadline
//! or the node's end.
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{sync::oneshot, time};

use super::{Nodes, failed, node_of, policy::scope_to_send};
use crate::gateway::{failure::Failure, methods::Caller, random};

/// Questions that wait for all nodes; one more is refused as retryable.
const MAX_CALLS: usize = 256;
/// How long a node may take if the caller doesn't say.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long it may take at most.
const MAX_TIMEOUT: Duration = Duration::from_secs(600);

/// What a node is asked.
#[derive(Debug, Clone)]
pub struct Invocation {
    /// Which node.
    pub node: String,
    /// What to do.
    pub command: String,
    /// With what.
    pub params: Option<Value>,
    /// How long it may take, milliseconds.
    pub timeout_ms: Option<u64>,
    /// The caller's own name of this question.
    pub key: String,
}

/// The questions that wait.
pub(super) type Calls = HashMap<String, Waiting>;

/// One of them.
#[derive(Debug)]
pub(super) struct Waiting {
    connection: String,
    answer: oneshot::Sender<Answer>,
}

/// What came of it.
#[derive(Debug)]
struct Answer(Result<Value, Value>);

impl Nodes {
    /// Asks a node and waits for its answer.
    pub async fn invoke(&self, asked: Invocation, caller: &Caller) -> Result<Value, Failure> {
        let needed = scope_to_send(&asked.command);
        if !caller.principal.scopes().permit(needed) {
            return Err(Failure::missing_scope(needed));
        }
        self.send(asked).await
    }

    /// The same on the gateway's own behalf.
    pub(crate) async fn send(&self, asked: Invocation) -> Result<Value, Failure> {
        let connection = self.reachable(&asked).await?;
        let timeout = asked.timeout_ms.map_or(DEFAULT_TIMEOUT, Duration::from_millis);
        let timeout = if timeout.is_zero() {
            MAX_TIMEOUT
        } else {
            timeout.min(MAX_TIMEOUT)
        };
        let id = random::uuid();
        let mut request = json!({
            "id": id,
            "nodeId": asked.node,
            "command": asked.command,
            "timeoutMs": u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX),
            "idempotencyKey": asked.key,
        });
        if let Some(params) = &asked.params {
            request["paramsJSON"] = json!(params.to_string());
        }
        let answer = self.expect(&id, &connection)?;
        if !self.0.events.notify(&connection, "node.invoke.request", &request) {
            self.calls().remove(&id);
            return Err(not_connected());
        }
        match time::timeout(timeout, answer).await {
            Ok(Ok(Answer(Ok(payload)))) => Ok(told(&asked, payload)),
            Ok(Ok(Answer(Err(error)))) => Err(refused(&error)),
            Ok(Err(_)) => Err(not_connected()),
            Err(_) => {
                self.calls().remove(&id);
                let cancel = json!({"invokeId": id, "nodeId": asked.node});
                self.0.events.notify(&connection, "node.invoke.cancel", &cancel);
                let details = json!({"code": "TIMEOUT", "nodeId": asked.node, "command": asked.command});
                Err(Failure::unavailable("node invoke timed out").with_details(details))
            }
        }
    }

    /// Takes a node's answer. One that nobody waits for any more changes nothing.
    pub fn answered(&self, id: &str, result: Result<Value, Value>, caller: &Caller) -> Value {
        let mut calls = self.calls();
        let asked = calls
            .get(id)
            .is_some_and(|call| call.connection == caller.connection);
        let call = if asked { calls.remove(id) } else { None };
        // whoever asked may have gone in this moment
        match call.map(|call| call.answer.send(Answer(result))) {
            Some(Ok(())) => json!({"ok": true}),
            _ => json!({"ok": true, "ignored": true}),
        }
    }

    /// Ends what was asked of this connection.
    pub(super) fn forsake(&self, connection: &str) {
        self.calls().retain(|_, call| call.connection != connection);
    }

    /// The connection of a node that may be asked this.
    async fn reachable(&self, asked: &Invocation) -> Result<String, Failure> {
        let id = asked.node.clone();
        let known = self.0.journal.run(move |j| j.node(&id)).await;
        let known = known.map_err(|error| failed(&error))?;
        let live = self.live().get(&asked.node).cloned();
        let Some(live) = live else {
            return Err(not_connected());
        };
        if self
            .commands(known.as_ref(), Some(&live))
            .contains(&asked.command)
        {
            return Ok(live.connection);
        }
        let reason = match &known {
            None => "pending approval",
            Some(_) if !live.offered.commands.contains(&asked.command) => "command not declared by node",
            Some(node) if !node.surface.commands.contains(&asked.command) => "pending approval",
            Some(_) => "command not allowlisted",
        };
        let command = &asked.command;
        let message = format!("node command not allowed: \"{command}\" ({reason})");
        Err(Failure::invalid(message).with_details(json!({"reason": reason, "command": command})))
    }

    fn expect(&self, id: &str, connection: &str) -> Result<oneshot::Receiver<Answer>, Failure> {
        let mut calls = self.calls();
        // those whose caller has gone wait for nothing
        calls.retain(|_, call| !call.answer.is_closed());
        if calls.len() >= MAX_CALLS {
            return Err(
                Failure::unavailable("too many nodes are being asked: retry in a moment")
                    .retry_after(Duration::from_millis(500)),
            );
        }
        let (answer, waiting) = oneshot::channel();
        let connection = connection.to_owned();
        calls.insert(id.to_owned(), Waiting { connection, answer });
        Ok(waiting)
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        self.0.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Is this caller a node that is here?
    pub fn is_here(&self, caller: &Caller) -> bool {
        let live = self.live();
        let node = node_of(caller).and_then(|id| live.get(id));
        node.is_some_and(|node| node.connection == caller.connection)
    }
}

fn told(asked: &Invocation, payload: Value) -> Value {
    json!({
        "ok": true,
        "nodeId": asked.node,
        "command": asked.command,
        "payloadJSON": payload.to_string(),
        "payload": payload,
    })
}

fn refused(error: &Value) -> Failure {
    let text = |key: &str, or: &str| error[key].as_str().unwrap_or(or).to_owned();
    let (code, message) = (
        text("code", "UNAVAILABLE"),
        text("message", "the node gave no reason"),
    );
    let details = json!({"nodeError": {"code": code, "message": message}});
    Failure::unavailable(format!("{code}: {message}")).with_details(details)
}

fn not_connected() -> Failure {
    Failure::unavailable("node not connected").with_details(json!({"code": "NOT_CONNECTED"}))
}
