//! Who follows conversations: `sessions.subscribe` for all of them, `sessions.messages.subscribe` for one.
use crate::{
    app::Gateway,
    gateway::{Caller, Failure, Scope},
    methods::{feed::Subscribers, params},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Parameters of `sessions.messages.subscribe`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Messages {
    key: String,
    #[serde(default)]
    agent_id: Option<String>,
    #[serde(default)]
    include_approvals: Option<bool>,
}

/// Follows conversations, or follows them no more.
pub(in crate::methods) async fn subscribe(
    gateway: &Gateway,
    subscribers: &Subscribers,
    caller: &Caller,
    method: &str,
    given: Value,
) -> Result<Value, Failure> {
    let connection = &caller.connection;
    match method {
        "sessions.subscribe" => {
            subscribers.all(connection, true);
            // with parameters of a list, the list comes with it
            let asks = given
                .as_object()
                .is_some_and(|given: &Map<_, _>| !given.is_empty());
            let mut answer = json!({ "subscribed": true });
            if asks {
                let list = super::list(gateway, given).await?;
                if let (Some(answer), Value::Object(list)) = (answer.as_object_mut(), list) {
                    answer.extend(list);
                }
            }
            Ok(answer)
        }
        "sessions.unsubscribe" => {
            subscribers.all(connection, false);
            Ok(json!({ "subscribed": false }))
        }
        _ => one(gateway, subscribers, caller, method, given),
    }
}

fn one(
    gateway: &Gateway,
    subscribers: &Subscribers,
    caller: &Caller,
    method: &str,
    given: Value,
) -> Result<Value, Failure> {
    let asked: Messages = params(method, given)?;
    let (_, key) = crate::methods::chat::whose(gateway, &asked.key, asked.agent_id.as_deref())?;
    let on = method == "sessions.messages.subscribe";
    if !subscribers.one(&caller.connection, &key, on) {
        return Err(Failure::invalid(
            "too many sessions are followed; unsubscribe from some",
        ));
    }
    let mut answer = json!({ "subscribed": on, "key": key });
    if on && asked.include_approvals == Some(true) {
        let sees = caller.principal.scopes().permit(Scope::Approvals);
        answer["approvalReplay"] = json!({
            "sessionKey": key, "updatedAtMs": gateway.now_ms(), "truncated": false,
            "approvals": if sees { crate::methods::approvals::of_session(gateway, &key) } else { Vec::new() },
        });
    }
    Ok(answer)
}
