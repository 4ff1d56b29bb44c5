//! `message.action`: what the operator's clients have a channel do, sending included.
use super::{failed, params};
use crate::{
    agent::deed::{self, Deed},
    app::Gateway,
    gateway::{Caller, Failure, Method, Scope},
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// Parameters of `message.action`. Who asks for it is known from the connection; what else a client says of that has no
/// effect.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Params {
    channel: String,
    action: String,
    #[serde(default)]
    params: Map<String, Value>,
    #[serde(default)]
    account_id: Option<String>,
    #[serde(default)]
    agent_id: Option<String>,
    #[serde(default)]
    reply: Option<Reply>,
    idempotency_key: String,
}

/// The message that it answers.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reply {
    reply_to_id: String,
}

/// What a command line adds to the parameters, and no channel understands.
const NOISE: [&str; 5] = ["action", "json", "dryRun", "verbose", "gifPlayback"];

pub(super) fn methods() -> Vec<Method> {
    vec![Method::keyed("message.action", Scope::Write)]
}

pub(super) async fn act(gateway: &Gateway, caller: &Caller, given: Value) -> Result<Value, Failure> {
    let asked: Params = params("message.action", given)?;
    let (desk, mut params) = (gateway.desk(), asked.params);
    let known = deed::channels(desk);
    let channel = asked.channel.trim().to_lowercase();
    if !channel.is_empty() && !known.contains(&channel) {
        return Err(Failure::invalid(format!(
            "unsupported channel: {}",
            asked.channel
        )));
    }
    params.retain(|name, _| !name.starts_with("__") && !NOISE.contains(&name.as_str()));
    if !channel.is_empty() {
        params.insert("channel".into(), channel.into());
    }
    if let Some(account) = asked.account_id {
        params.insert("accountId".into(), account.into());
    }
    if let Some(reply) = asked.reply {
        params
            .entry("replyTo")
            .or_insert_with(|| reply.reply_to_id.into());
    }
    let to = Deed::place(desk, &mut params, None).map_err(|error| failed(&error))?;
    let deed = Deed {
        action: asked.action.trim().to_owned(),
        to,
        params,
        agent_id: asked.agent_id.unwrap_or_default(),
        sender_id: String::new(),
        from_owner: caller.principal.scopes().permit(Scope::Admin),
        key: super::send::outbox_key(caller, &asked.idempotency_key),
    };
    deed::perform(desk, deed).await.map_err(|error| failed(&error))
}
