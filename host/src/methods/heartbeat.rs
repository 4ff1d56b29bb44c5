//! `wake`, `system-event`, `last-heartbeat`, `set-heartbeats`: agents that look by themselves, and what they are to hear.
use super::params;
use crate::{
    app::Gateway,
    gateway::{Failure, Method, Scope},
    heartbeat::Cause,
    route::main_key,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// Longest text of an event, bytes.
const MAX_TEXT: usize = 16 * 1024;

/// Parameters of `wake`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wake {
    mode: String,
    text: String,
    #[serde(default)]
    session_key: Option<String>,
    #[serde(default)]
    agent_id: Option<String>,
}

/// Parameters of `system-event`. Programs send more than what counts here.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Event {
    text: String,
    #[serde(default)]
    session_key: Option<String>,
}

/// Parameters of `set-heartbeats`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Switch {
    enabled: bool,
}

pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("wake", Scope::Write),
        Method::new("system-event", Scope::Admin),
        Method::new("last-heartbeat", Scope::Read),
        Method::new("set-heartbeats", Scope::Admin),
    ]
}

pub(super) async fn call(gateway: &Gateway, method: &str, given: Value) -> Result<Value, Failure> {
    let heart = gateway.heart();
    match method {
        "wake" => wake(gateway, params(method, given)?).await,
        "system-event" => {
            let event: Event = params(method, given)?;
            let agent = gateway.desk().config().agents().default_agent().id.clone();
            tell(gateway, method, &agent, event.session_key, &event.text).await?;
            Ok(json!({ "ok": true }))
        }
        "last-heartbeat" => Ok(json!(heart.last())),
        "set-heartbeats" => {
            let switch: Switch = params(method, given)?;
            heart.switch(switch.enabled);
            Ok(json!({ "ok": true, "enabled": switch.enabled }))
        }
        _ => Err(Failure::unknown_method(method)),
    }
}

async fn wake(gateway: &Gateway, wake: Wake) -> Result<Value, Failure> {
    let config = gateway.desk().config();
    let agents = config.agents();
    let of_key = wake.session_key.as_deref().and_then(|key| key.split(':').nth(1));
    let agent = match wake.agent_id.as_deref().or(of_key) {
        None => agents.default_agent(),
        Some(id) => agents.get(id).ok_or_else(|| {
            Failure::invalid(format!("unknown agent id \"{id}\"; see agents in openclaw.json"))
        })?,
    };
    let now = match wake.mode.as_str() {
        "now" => true,
        "next-heartbeat" => false,
        other => {
            let text = format_args!("mode \"{other}\" is none; write now or next-heartbeat");
            return Err(Failure::params("wake", text));
        }
    };
    tell(gateway, "wake", &agent.id, wake.session_key, &wake.text).await?;
    if now {
        gateway.heart().wake(&agent.id, Cause::Event);
    }
    Ok(json!({ "ok": true }))
}

async fn tell(
    gateway: &Gateway,
    method: &str,
    agent: &str,
    session: Option<String>,
    text: &str,
) -> Result<(), Failure> {
    let text = text.trim();
    if text.is_empty() || text.len() > MAX_TEXT {
        let why = format_args!("text is empty or longer than {MAX_TEXT} bytes");
        return Err(Failure::params(method, why));
    }
    let key = session.map_or_else(|| main_key(agent), |key| key.to_lowercase());
    let told = gateway.heart().tell(&key, text).await;
    told.map_err(|error| Failure::unavailable(error.to_string()))
}
