//! What a call asks for: something to be heard, or something to be done.
use crate::{config::WakeMode, content, session::Rules};
use openclaw_plugin_api::{Announce, HttpCall, Submission, SystemEvent};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Headers that name a call, so that its repeats are known: the field's own, and those of well-known senders.
const KEYS: [&str; 5] = [
    "idempotency-key",
    "x-openclaw-idempotency-key",
    "webhook-id",
    "svix-id",
    "x-github-delivery",
];
/// Longest turn, seconds.
const MAX_SECONDS: u64 = 3600;

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Order {
    /// An agent hears of something.
    Wake(SystemEvent),
    /// An agent is asked something.
    Ask(Box<Submission>),
}

/// `POST /hooks/wake`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wake {
    text: String,
    #[serde(default)]
    mode: WakeMode,
    #[serde(default)]
    agent_id: Option<String>,
}

/// `POST /hooks/agent`
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ask {
    message: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    agent_id: Option<String>,
    #[serde(default)]
    session_key: Option<String>,
    #[serde(default)]
    deliver: Option<bool>,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    thinking: Option<String>,
    #[serde(default)]
    timeout_seconds: Option<u64>,
}

/// The name of a call, the same for its repeats; empty if it has none.
pub(crate) fn key(call: &HttpCall, body: &Value) -> String {
    let header = KEYS.iter().find_map(|name| call.header(name));
    let named = header.or_else(|| body["idempotencyKey"].as_str());
    let Some(named) = named.map(str::trim).filter(|named| !named.is_empty()) else {
        return String::new();
    };
    let digest = Sha256::digest(format!("{}\0{named}", call.path).as_bytes());
    digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

/// What makes a call's own things its own: its name, or else its number.
pub(crate) fn id<'a>(key: &'a str, call: &'a HttpCall) -> &'a str {
    if key.is_empty() { &call.request_id } else { key }
}

/// The order in a call to `/hooks/wake`.
pub(crate) fn wake(rules: &Rules, call: &HttpCall, body: Value) -> Result<Order, String> {
    let wake: Wake = read(body)?;
    let text = wake.text.trim();
    if text.is_empty() {
        return Err("text required".to_owned());
    }
    Ok(Order::Wake(SystemEvent {
        agent_id: rules.agent(wake.agent_id.as_deref())?,
        session_key: String::new(),
        text: content::outside("wake", &call.request_id, text),
        wake: wake.mode == WakeMode::Now,
    }))
}

/// The order in a call to `/hooks/agent`.
pub(crate) fn ask(rules: &Rules, call: &HttpCall, key: &str, body: Value) -> Result<Order, String> {
    let ask: Ask = read(body)?;
    let message = ask.message.trim();
    if message.is_empty() {
        return Err("message required".to_owned());
    }
    let name = ask.name.as_deref().unwrap_or("Hook");
    let announce = Announce {
        channel: ask.channel.unwrap_or_default(),
        to: ask.to.unwrap_or_default(),
        ..Announce::default()
    };
    Ok(Order::Ask(Box::new(Submission {
        agent_id: rules.agent(ask.agent_id.as_deref())?,
        session_key: rules.of_request(ask.session_key.as_deref(), id(key, call))?,
        text: content::outside(name, &call.request_id, message),
        model: ask.model.unwrap_or_default(),
        thinking: ask.thinking.unwrap_or_default(),
        timeout_ms: millis(ask.timeout_seconds),
        announce: (ask.deliver != Some(false)).then_some(announce),
        idempotency_key: key.to_owned(),
        sender_id: format!("hook:{}", content::label(name)),
        ..Submission::default()
    })))
}

/// A limit of a turn.
pub(crate) fn millis(seconds: Option<u64>) -> u64 {
    seconds.unwrap_or(0).min(MAX_SECONDS) * 1000
}

fn read<T: serde::de::DeserializeOwned>(body: Value) -> Result<T, String> {
    serde_json::from_value(body).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn call(path: &str, headers: &[(&str, &str)]) -> HttpCall {
        let headers = headers.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned()));
        HttpCall {
            path: path.into(),
            headers: headers.collect(),
            ..HttpCall::default()
        }
    }

    #[test]
    fn repeats_of_a_call_have_its_name() {
        let a = key(&call("/hooks/agent", &[("idempotency-key", "k1")]), &json!({}));
        assert_eq!(a.len(), 32);
        assert_eq!(
            a,
            key(&call("/hooks/agent", &[]), &json!({"idempotencyKey": "k1"}))
        );
        assert_eq!(
            a,
            key(&call("/hooks/agent", &[("webhook-id", " k1 ")]), &json!({}))
        );
        assert_ne!(
            a,
            key(&call("/hooks/other", &[("idempotency-key", "k1")]), &json!({}))
        );
        assert_eq!(
            key(&call("/hooks/agent", &[]), &json!({"idempotencyKey": ""})),
            ""
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let rules = Rules::default();
        let call = call("/hooks/agent", &[]);
        for (body, word) in [
            (json!({}), "message"),
            (json!({"message": " "}), "message"),
            (json!({"message": 1}), "string"),
            (
                json!({"message": "m", "sessionKey": "x"}),
                "allowRequestSessionKey",
            ),
        ] {
            let error = ask(&rules, &call, "", body).expect_err(word);
            assert!(error.contains(word), "{error}");
        }
        let error = wake(&rules, &call, json!({"text": "t", "mode": "later"})).expect_err("mode");
        assert!(error.contains("next-heartbeat"), "{error}");
    }
}
