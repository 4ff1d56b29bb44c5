//! `agent`: one turn, answered twice: when it is accepted, and when it is done.
use super::{failed_run, failure};
use crate::{
    app::Gateway,
    gateway::{Code, Failure, Method, Responder, Scope},
};
use openclaw_plugin_api::AgentRun;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How long a turn may take if the client doesn't say.
const DEFAULT_TIMEOUT: u64 = 600;
/// How long a turn may take at most, seconds.
const MAX_TIMEOUT: u64 = 3600;

/// Parameters of `agent`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Params {
    message: String,
    #[serde(default)]
    agent_id: Option<String>,
    #[serde(default)]
    session_key: Option<String>,
    #[serde(default)]
    session_id: Option<String>,
    #[serde(default)]
    model: Option<String>,
    #[serde(default)]
    timeout: Option<u64>,
    /// Where an answer would be delivered; this gateway answers the caller only.
    #[serde(default, rename = "deliver")]
    _deliver: bool,
    #[serde(default, rename = "thinking")]
    _thinking: Option<String>,
    idempotency_key: String,
}

pub(super) fn methods() -> Vec<Method> {
    vec![Method::keyed("agent", Scope::Write)]
}

pub(super) async fn run(gateway: &Gateway, params: Value, respond: &mut Responder) -> Result<Value, Failure> {
    let params: Params = serde_json::from_value(params)
        .map_err(|e| failure(Code::InvalidRequest, format!("invalid agent params: {e}")))?;
    let agent = params.agent_id.clone().unwrap_or_else(|| "main".into());
    let session = match (&params.session_key, &params.session_id) {
        (Some(key), _) => key.clone(),
        (None, Some(id)) => format!("agent:{agent}:explicit:{id}"),
        (None, None) => format!("agent:{agent}:main"),
    };
    let run_id = params.idempotency_key.clone();
    respond.interim(&json!({
        "runId": run_id, "sessionKey": session, "agentId": agent, "status": "accepted", "acceptedAt": gateway.now_ms(),
    }));
    let run = AgentRun {
        agent_id: agent,
        session_key: session.clone(),
        text: params.message,
        model: params.model.unwrap_or_default(),
        idempotency_key: run_id.clone(),
        ..AgentRun::default()
    };
    let limit = Duration::from_secs(params.timeout.unwrap_or(DEFAULT_TIMEOUT).clamp(1, MAX_TIMEOUT));
    let begin = Instant::now();
    // Whoever asks for one answer does not listen to its parts.
    let (events, _) = mpsc::channel(1);
    let outcome = tokio::time::timeout(limit, gateway.run_agent(run, events)).await;
    let outcome = outcome.map_err(|_| failed_run(&run_id, format!("the turn took longer than {limit:?}")))?;
    let outcome = outcome.map_err(|error| failed_run(&run_id, error.to_string()))?;
    let (provider, model) = outcome.model.split_once('/').unwrap_or(("", &outcome.model));
    let usage = outcome.usage;
    Ok(json!({
        "runId": run_id, "status": "ok", "summary": "completed",
        "result": {
            "payloads": [{ "text": outcome.text, "mediaUrl": null }],
            "meta": {
                "durationMs": u64::try_from(begin.elapsed().as_millis()).unwrap_or(u64::MAX),
                "agentMeta": {
                    "sessionId": session, "provider": provider, "model": model,
                    "usage": {
                        "input": usage.input, "output": usage.output, "cacheRead": usage.cache_read,
                        "cacheWrite": usage.cache_write, "total": usage.input + usage.output,
                    },
                },
                "aborted": false,
            },
        },
    }))
}
