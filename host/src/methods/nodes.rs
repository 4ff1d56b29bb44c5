//! `node.*`: which nodes there are, what they may be asked, asking them, and what they say themselves.
//! The rules are in `gateway::nodes`.
use super::params;
use crate::gateway::{Caller, Failure, Invocation, Method, Nodes, Published, Scope};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// No parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Parameters of methods about one request.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Request {
    #[schemars(length(min = 1))]
    request_id: String,
}

/// Parameters of methods about one node.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct One {
    #[schemars(length(min = 1))]
    node_id: String,
}

/// Parameters of `node.rename`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rename {
    #[schemars(length(min = 1))]
    node_id: String,
    #[schemars(length(min = 1, max = 64))]
    display_name: String,
}

/// Parameters of `node.invoke`. Where the turn came from is taken and has no effect.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Invoke {
    #[schemars(length(min = 1))]
    node_id: String,
    #[schemars(length(min = 1))]
    command: String,
    params: Option<Value>,
    timeout_ms: Option<u64>,
    #[schemars(length(min = 1))]
    idempotency_key: String,
    #[serde(rename = "sessionKey")]
    _session_key: Option<String>,
    #[serde(rename = "turnSourceChannel")]
    _turn_source_channel: Option<String>,
    #[serde(rename = "turnSourceTo")]
    _turn_source_to: Option<String>,
    #[serde(rename = "turnSourceAccountId")]
    _turn_source_account_id: Option<String>,
    #[serde(rename = "turnSourceThreadId")]
    _turn_source_thread_id: Option<Value>,
}

/// Parameters of `node.invoke.result`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Answer {
    #[schemars(length(min = 1))]
    id: String,
    #[schemars(length(min = 1))]
    node_id: String,
    ok: bool,
    payload: Option<Value>,
    #[serde(rename = "payloadJSON")]
    payload_json: Option<String>,
    error: Option<Refusal>,
}

/// Why a node did not do it.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Refusal {
    code: Option<String>,
    message: Option<String>,
}

/// Parameters of `node.event`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Event {
    #[schemars(length(min = 1))]
    event: String,
    #[serde(rename = "payload")]
    _payload: Option<Value>,
    #[serde(rename = "payloadJSON")]
    _payload_json: Option<String>,
}

/// Parameters of `node.pluginTools.update`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Tools {
    tools: Vec<Value>,
}

/// Parameters of `node.skills.update`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Skills {
    skills: Vec<Skill>,
}

/// A skill of a node.
#[derive(Debug, Deserialize, serde::Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Skill {
    #[schemars(length(min = 1, max = 64))]
    name: String,
    #[schemars(length(max = 1024))]
    description: String,
    #[schemars(length(max = 65536))]
    content: String,
}

pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("node.list", Scope::Read).with::<Nothing>(),
        Method::new("node.describe", Scope::Read).with::<One>(),
        Method::new("node.pair.list", Scope::Pairing).with::<Nothing>(),
        Method::new("node.pair.approve", Scope::Pairing).with::<Request>(),
        Method::new("node.pair.reject", Scope::Pairing).with::<Request>(),
        Method::new("node.pair.remove", Scope::Pairing).with::<One>(),
        Method::new("node.rename", Scope::Pairing).with::<Rename>(),
        Method::keyed("node.invoke", Scope::Write).with::<Invoke>(),
        Method::for_nodes("node.invoke.result").with::<Answer>(),
        Method::for_nodes("node.event").with::<Event>(),
        Method::for_nodes("node.pluginTools.update").with::<Tools>(),
        Method::for_nodes("node.skills.update").with::<Skills>(),
    ]
}

pub(super) async fn call(
    nodes: &Nodes,
    method: &str,
    given: Value,
    caller: &Caller,
) -> Result<Value, Failure> {
    match method {
        "node.list" => nodes.list().await,
        "node.describe" => nodes.describe(&params::<One>(method, given)?.node_id).await,
        "node.pair.list" => nodes.pairings().await,
        "node.pair.approve" => {
            let asked: Request = params(method, given)?;
            nodes.approve(&asked.request_id, caller).await
        }
        "node.pair.reject" => nodes.reject(&params::<Request>(method, given)?.request_id).await,
        "node.pair.remove" => nodes.remove(&params::<One>(method, given)?.node_id).await,
        "node.rename" => {
            let asked: Rename = params(method, given)?;
            nodes.rename(&asked.node_id, &asked.display_name).await
        }
        "node.invoke" => {
            nodes
                .invoke(params::<Invoke>(method, given)?.into(), caller)
                .await
        }
        _ => said(nodes, method, given, caller).await,
    }
}

/// What nodes say.
async fn said(nodes: &Nodes, method: &str, given: Value, caller: &Caller) -> Result<Value, Failure> {
    match method {
        "node.invoke.result" => {
            let answer: Answer = params(method, given)?;
            if caller.principal.device() != Some(&answer.node_id) {
                return Err(Failure::invalid("nodeId mismatch"));
            }
            let id = answer.id.clone();
            Ok(nodes.answered(&id, answer.into(), caller))
        }
        "node.event" => {
            let event: Event = params(method, given)?;
            event_of(nodes, &event.event, caller).await
        }
        "node.pluginTools.update" => {
            let tools: Tools = params(method, given)?;
            nodes.publish(Published::Tools, json!(tools.tools), caller)
        }
        "node.skills.update" => {
            let skills: Skills = params(method, given)?;
            nodes.publish(Published::Skills, json!(skills.skills), caller)
        }
        _ => Err(Failure::unknown_method(method)),
    }
}

/// An event of a node. Of those that this gateway doesn't know it says so.
async fn event_of(nodes: &Nodes, event: &str, caller: &Caller) -> Result<Value, Failure> {
    if event != "node.presence.alive" {
        let reason = "this gateway does nothing with this event";
        return Ok(json!({"ok": true, "event": event, "handled": false, "reason": reason}));
    }
    nodes.alive(caller, "alive").await?;
    Ok(json!({"ok": true, "event": event, "handled": true}))
}

impl From<Invoke> for Invocation {
    fn from(asked: Invoke) -> Self {
        Self {
            node: asked.node_id,
            command: asked.command,
            params: asked.params,
            timeout_ms: asked.timeout_ms,
            key: asked.idempotency_key,
        }
    }
}

impl From<Answer> for Result<Value, Value> {
    fn from(answer: Answer) -> Self {
        if !answer.ok {
            let error = answer.error.unwrap_or_default();
            return Err(json!({"code": error.code, "message": error.message}));
        }
        let written = answer
            .payload_json
            .map(|text| serde_json::from_str(&text).unwrap_or(Value::String(text)));
        Ok(written.or(answer.payload).unwrap_or(Value::Null))
    }
}
