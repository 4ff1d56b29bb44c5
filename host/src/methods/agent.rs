//! `agent`: one turn, answered twice: when it is accepted, and when it is done. `agent.wait`: the end of one.
use super::{
    chat::{self, Attachment},
    failed_run, journal, params,
    runs::Runs,
    send,
};
use crate::{
    agent::{TurnOutcome, Wish, commands::thinking_from_word},
    app::Gateway,
    gateway::{Failure, Method, Responder, Scope},
    route::Delivery,
};
use openclaw_plugin_api::AgentRun;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;

/// How long a turn may take if the client doesn't say, seconds.
const DEFAULT_TIMEOUT: u64 = 600;
/// How long a turn may take at most, seconds.
const MAX_TIMEOUT: u64 = 3600;
/// How long `agent.wait` waits if the client doesn't say.
const DEFAULT_WAIT_MS: u64 = 30_000;
/// How long `agent.wait` waits at most.
const MAX_WAIT_MS: u64 = 3_600_000;

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
    thinking: Option<String>,
    #[serde(default)]
    extra_system_prompt: Option<String>,
    #[serde(default)]
    timeout: Option<u64>,
    #[serde(default)]
    deliver: bool,
    #[serde(default)]
    best_effort_deliver: bool,
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    reply_to: Option<String>,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    reply_channel: Option<String>,
    #[serde(default)]
    account_id: Option<String>,
    #[serde(default)]
    reply_account_id: Option<String>,
    #[serde(default)]
    thread_id: Option<String>,
    #[serde(default)]
    attachments: Vec<Attachment>,
    idempotency_key: String,
}

/// Parameters of `agent.wait`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Wait {
    run_id: String,
    #[serde(default)]
    timeout_ms: Option<u64>,
}

/// A turn that can be begun.
struct Prepared {
    run: AgentRun,
    wish: Wish,
    limit: Duration,
    /// An answer that can't be delivered is no failure.
    best_effort: bool,
}

pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::keyed("agent", Scope::Write),
        Method::new("agent.wait", Scope::Write),
    ]
}

pub(super) async fn run(gateway: &Gateway, given: Value, respond: &mut Responder) -> Result<Value, Failure> {
    let Prepared {
        run,
        wish,
        limit,
        best_effort,
    } = prepare(gateway, params("agent", given)?).await?;
    let (run_id, session) = (run.idempotency_key.clone(), run.session_key.clone());
    if gateway.desk().live.find(&run_id).is_some() {
        let text = format!("the run {run_id} is in flight already; wait for it with agent.wait");
        return Err(Failure::invalid(text));
    }
    let started = gateway.now_ms();
    respond.interim(&json!({
        "runId": run_id, "sessionKey": session, "agentId": run.agent_id, "status": "accepted", "acceptedAt": started,
    }));
    let begin = Instant::now();
    // Whoever asks for one answer does not listen to its parts.
    let (events, _) = mpsc::channel(1);
    let work = gateway.desk().run(gateway.lanes(), run, wish, events);
    let outcome = match tokio::time::timeout(limit, work).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(error)) => return Err(failed_run(&run_id, error.to_string())),
        Err(_) => {
            return Err(failed_run(
                &run_id,
                format!("the turn took longer than {limit:?}"),
            ));
        }
    };
    let delivery = match send::delivered(gateway, &outcome.posted).await {
        Err(failure) if best_effort => Some(json!({ "status": "failed", "error": failure.message })),
        delivery => delivery.map_err(|failure| failed_run(&run_id, failure.message))?,
    };
    Ok(answer(&run_id, &session, &outcome, begin.elapsed(), delivery))
}

/// Waits for the end of a run.
pub(super) async fn wait(runs: &Runs, given: Value) -> Result<Value, Failure> {
    let wait: Wait = params("agent.wait", given)?;
    let limit = Duration::from_millis(wait.timeout_ms.unwrap_or(DEFAULT_WAIT_MS).min(MAX_WAIT_MS));
    let ended = runs.wait(&wait.run_id, limit).await;
    Ok(ended.unwrap_or_else(|| json!({ "runId": wait.run_id, "status": "timeout" })))
}

async fn prepare(gateway: &Gateway, mut params: Params) -> Result<Prepared, Failure> {
    let desk = gateway.desk();
    let config = desk.config();
    let agents = config.agents();
    let agent = match &params.agent_id {
        Some(id) => agents.get(id).ok_or_else(|| {
            Failure::invalid(format!("unknown agent id \"{id}\"; see agents in openclaw.json"))
        })?,
        None => agents.default_agent(),
    };
    let session = match (&params.session_key, &params.session_id) {
        (Some(key), _) => key.to_lowercase(),
        (None, Some(id)) => format!("agent:{}:explicit:{}", agent.id, id.to_lowercase()),
        (None, None) => format!("agent:{}:main", agent.id),
    };
    if let Some(model) = &params.model {
        desk.asker
            .judge(agent, model)
            .map_err(|error| Failure::invalid(error.to_string()))?;
    }
    let thinking = match &params.thinking {
        Some(word) => Some(thinking_from_word(word).ok_or_else(|| {
            Failure::invalid(format!(
                "invalid thinking level \"{word}\"; write off, minimal, low, medium, high or xhigh"
            ))
        })?),
        None => None,
    };
    let deliver = match params.deliver {
        true => target(gateway, &params, &session).await,
        false => Ok(None),
    };
    let deliver = match deliver {
        Err(failure) if !params.best_effort_deliver => return Err(failure),
        found => found.ok().flatten(),
    };
    let limit = Duration::from_secs(params.timeout.unwrap_or(DEFAULT_TIMEOUT).clamp(1, MAX_TIMEOUT));
    let files = std::mem::take(&mut params.attachments);
    let attachments = chat::keep_files(gateway, "agent", files).await?;
    let run = AgentRun {
        attachments,
        agent_id: agent.id.clone(),
        session_key: session,
        text: params.message,
        system: params.extra_system_prompt.unwrap_or_default(),
        model: params.model.unwrap_or_default(),
        idempotency_key: params.idempotency_key,
        ..AgentRun::default()
    };
    let wish = Wish { thinking, deliver };
    Ok(Prepared {
        run,
        wish,
        limit,
        best_effort: params.best_effort_deliver,
    })
}

/// Where the answer goes: what the client names, else where the conversation's last message came from.
async fn target(gateway: &Gateway, params: &Params, session: &str) -> Result<Option<Delivery>, Failure> {
    let named = send::Target {
        channel: params.reply_channel.clone().or_else(|| params.channel.clone()),
        to: params.reply_to.clone().or_else(|| params.to.clone()),
        account_id: params
            .reply_account_id
            .clone()
            .or_else(|| params.account_id.clone()),
        thread_id: params.thread_id.clone(),
    };
    let key = session.to_owned();
    let known = journal(gateway.desk(), move |j| j.find_session(&key)).await?;
    let route = known.and_then(|session| serde_json::from_str::<Delivery>(&session.route).ok());
    send::resolve(gateway, named, route).map(Some)
}

fn answer(
    run_id: &str,
    session: &str,
    outcome: &TurnOutcome,
    took: Duration,
    delivery: Option<Value>,
) -> Value {
    let (provider, model) = outcome.model.split_once('/').unwrap_or(("", &outcome.model));
    let usage = outcome.usage;
    let mut answer = json!({
        "runId": run_id, "status": "ok", "summary": "completed",
        "result": {
            "payloads": [{ "text": outcome.text, "mediaUrl": null }],
            "meta": {
                "durationMs": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
                "agentMeta": {
                    "sessionId": session, "provider": provider, "model": model,
                    "usage": {
                        "input": usage.input, "output": usage.output, "cacheRead": usage.cache_read,
                        "cacheWrite": usage.cache_write, "total": usage.input + usage.output,
                        "cost": { "total": usage.cost },
                    },
                },
                "aborted": false,
            },
        },
    });
    if let Some(delivery) = delivery {
        answer["result"]["delivery"] = delivery;
    }
    answer
}
