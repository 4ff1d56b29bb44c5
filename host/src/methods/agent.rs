//! `agent`: one turn, answered twice: when it is accepted, and when it is done. `agent.wait`: the end of one.
//!
//! Invariant: when the first answer is sent, the message is on the disk. It is answered whatever happens to this process,
//! and the same key finds the same run, also in the next process.
mod ended;

use super::{
    chat::{self, Attachment},
    failed_run, journal, params,
    runs::Runs,
    send,
};
use crate::{
    agent::{
        Ask, CLIENTS,
        commands::{QueueMode, thinking_word, wished_thinking},
        live::{End, Live, Run, Source},
    },
    app::Gateway,
    gateway::{Caller, Failure, Method, Responder, Scope},
    journal::EventState,
    route::Delivery,
};
pub(super) use ended::Ended;
use ended::{Asked, Past};
use openclaw_plugin_api::MediaRef;
use serde::Deserialize;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

/// How long a turn may take if the client doesn't say, seconds.
const DEFAULT_TIMEOUT: u64 = 600;
/// How long a turn may take at most, seconds.
const MAX_TIMEOUT: u64 = 3600;
/// How long `agent.wait` waits if the client doesn't say.
const DEFAULT_WAIT_MS: u64 = 30_000;
/// How long `agent.wait` waits at most.
const MAX_WAIT_MS: u64 = 3_600_000;

/// Longest that a run is waited for with all that is before it.
const PATIENCE: Duration = Duration::from_secs(2 * MAX_TIMEOUT);
/// Longest id of a run, bytes.
const MAX_RUN: usize = 256;

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
    ask: Ask,
    text: String,
    files: Vec<MediaRef>,
    /// An answer that can't be delivered is no failure.
    best_effort: bool,
}

pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::keyed("agent", Scope::Write),
        Method::new("agent.wait", Scope::Write),
    ]
}

pub(super) async fn run(
    gateway: &Gateway,
    caller: &Caller,
    given: Value,
    respond: &mut Responder,
) -> Result<Value, Failure> {
    let prepared = prepare(gateway, caller, params("agent", given)?).await?;
    let ask = &prepared.ask;
    let asked = Asked {
        agent_id: ask.agent_id.clone(),
        session_key: ask.session_key.clone(),
        text: prepared.text.clone(),
        thinking: ask.thinking.map(thinking_word),
    };
    let run = match begin(gateway, caller, &prepared).await? {
        Begun::Runs(run) => run,
        Begun::Ended(Past::Answered(ended)) => {
            let delivery = delivered(gateway, &prepared).await?;
            return Ok(ended.answer(gateway, &asked, delivery));
        }
        Begun::Ended(Past::Failed { why, .. }) => return Err(failed_run(&ask.run_id, why)),
    };
    respond.interim(&json!({
        "runId": run.id, "sessionKey": run.session_key, "agentId": run.agent_id, "status": "accepted",
        "acceptedAt": run.opened_ms(),
    }));
    // the turn has a limit of its own; this one is for what waits behind others
    if tokio::time::timeout(PATIENCE, run.ended()).await.is_err() {
        let text = "it still waits for its turn; wait for its end with agent.wait";
        return Err(failed_run(&run.id, text.to_owned()));
    }
    let ended = match run.how() {
        Some(End::Answered { text, usage }) => Ended::of(&run, text, usage),
        Some(End::Told { text }) => Ended::of(&run, text, openclaw_plugin_api::Usage::default()),
        Some(End::Merged) => Ended::of(&run, String::new(), openclaw_plugin_api::Usage::default()),
        Some(End::Failed { error, .. }) => return Err(failed_run(&run.id, error.to_string())),
        Some(End::Aborted) | None => return Err(failed_run(&run.id, "the run was aborted".to_owned())),
    };
    let delivery = delivered(gateway, &prepared).await?;
    Ok(ended.answer(gateway, &asked, delivery))
}

/// A run that was asked for.
enum Begun {
    Runs(Arc<Run>),
    /// An earlier process has dealt with it.
    Ended(Past),
}

/// Takes the message, or finds the run that has it already.
async fn begin(gateway: &Gateway, caller: &Caller, prepared: &Prepared) -> Result<Begun, Failure> {
    let (ask, live) = (&prepared.ask, &gateway.desk().live);
    let (key, agent) = (&ask.session_key, &ask.agent_id);
    let id = ask.run_id.clone();
    let state = look(
        live,
        &ask.run_id,
        journal(gateway.desk(), move |j| j.event_state(CLIENTS, "", &id)),
    )
    .await?;
    if state == Some(EventState::Settled) {
        let (past, whose) = past(gateway, &ask.run_id).await?;
        is_of(&ask.run_id, whose.as_ref().unwrap_or(key), key)?;
        return Ok(Begun::Ended(past));
    }
    let (run, fresh) = live.open_for(&ask.run_id, key, agent, Source::Caller, &caller.connection);
    is_of(&run.id, &run.session_key, key)?;
    if fresh && state.is_none() {
        let event = ask.event(prepared.text.clone(), prepared.files.clone(), gateway.now_ms());
        gateway
            .inbox()
            .ask(event)
            .await
            .map_err(|error| super::failed(&error))?;
        live.changed(key, agent, "send");
    }
    Ok(Begun::Runs(run))
}

/// What became of a run's message; `written` reads what the journal has of it.
///
/// Looked for among the living first: a run is settled before it leaves them. The other way round, one that ends in between
/// would be opened once more, and nobody would end it.
async fn look(
    live: &Live,
    run_id: &str,
    written: impl Future<Output = Result<Option<EventState>, Failure>>,
) -> Result<Option<EventState>, Failure> {
    match live.find(run_id) {
        Some(_) => Ok(Some(EventState::Open)),
        None => written.await,
    }
}

/// A key names one run, and that belongs to one conversation.
fn is_of(run_id: &str, conversation: &str, asked: &str) -> Result<(), Failure> {
    match conversation == asked {
        true => Ok(()),
        false => Err(Failure::invalid(format!(
            "the idempotency key {run_id} is that of a run of another conversation"
        ))),
    }
}

/// How a run ended of which only its conversation knows, and which one that is. None: it began anew, or is gone.
async fn past(gateway: &Gateway, run_id: &str) -> Result<(Past, Option<String>), Failure> {
    let event = run_id.to_owned();
    let (end, id, entries, session) = journal(gateway.desk(), move |j| {
        let (id, entries) = j.written_by(&format!("run-{event}"))?.unwrap_or_default();
        let session = j.session_of(&id)?;
        Ok((j.event_end(CLIENTS, "", &event)?, id, entries, session))
    })
    .await?;
    let past = match entries.as_slice() {
        [] => Past::unwritten(run_id, end),
        entries => Past::read(id, entries),
    };
    Ok((past, session.map(|session| session.key)))
}

/// What became of the answer in the chat that it goes to.
async fn delivered(gateway: &Gateway, prepared: &Prepared) -> Result<Option<Value>, Failure> {
    if prepared.ask.deliver.is_none() {
        return Ok(None);
    }
    let turn = format!("run-{}", prepared.ask.run_id);
    let rows = journal(gateway.desk(), move |j| j.posted(&turn)).await?;
    match send::delivered(gateway, &rows).await {
        Err(failure) if prepared.best_effort => {
            Ok(Some(json!({ "status": "failed", "error": failure.message })))
        }
        delivery => delivery.map_err(|failure| failed_run(&prepared.ask.run_id, failure.message)),
    }
}

/// Waits for the end of a run, also of one that an earlier process began.
pub(super) async fn wait(gateway: &Gateway, runs: &Runs, given: Value) -> Result<Value, Failure> {
    let wait: Wait = params("agent.wait", given)?;
    let limit = Duration::from_millis(wait.timeout_ms.unwrap_or(DEFAULT_WAIT_MS).min(MAX_WAIT_MS));
    if !runs.knows(&wait.run_id) && gateway.desk().live.find(&wait.run_id).is_none() {
        let id = wait.run_id.clone();
        let state = journal(gateway.desk(), move |j| j.event_state(CLIENTS, "", &id)).await?;
        if state == Some(EventState::Settled) {
            return Ok(past(gateway, &wait.run_id).await?.0.record(&wait.run_id));
        }
    }
    let ended = runs.wait(&wait.run_id, limit).await;
    Ok(ended.unwrap_or_else(|| json!({ "runId": wait.run_id, "status": "timeout" })))
}

async fn prepare(gateway: &Gateway, caller: &Caller, mut params: Params) -> Result<Prepared, Failure> {
    let desk = gateway.desk();
    let config = desk.config();
    let agents = config.agents();
    if params.idempotency_key.is_empty() || params.idempotency_key.len() > MAX_RUN {
        let text = format!("at /idempotencyKey: must have 1 to {MAX_RUN} characters");
        return Err(Failure::params("agent", text));
    }
    // a conversation is its agent's, whoever is asked without a name otherwise
    let named = super::agents::named(gateway, params.agent_id.as_deref(), params.session_key.as_deref())?;
    let agent = agents.get(&named).unwrap_or_else(|| agents.default_agent());
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
    let thinking = params.thinking.as_deref().unwrap_or_default();
    let thinking = wished_thinking(thinking).map_err(Failure::invalid)?;
    let deliver = match params.deliver {
        true => target(gateway, &params, &session).await,
        false => Ok(None),
    };
    let deliver = match deliver {
        Err(failure) if !params.best_effort_deliver => return Err(failure),
        found => found.ok().flatten(),
    };
    let limit = params.timeout.unwrap_or(DEFAULT_TIMEOUT).clamp(1, MAX_TIMEOUT);
    let files = std::mem::take(&mut params.attachments);
    let files = chat::keep_files(gateway, "agent", files).await?;
    if params.message.trim().is_empty() && files.is_empty() {
        return Err(Failure::invalid("message or attachment required"));
    }
    let ask = Ask {
        run_id: params.idempotency_key,
        session_key: session,
        agent_id: agent.id.clone(),
        // each question has an answer of its own
        queue_mode: Some(QueueMode::Followup),
        thinking,
        timeout_ms: limit * 1_000,
        model: params.model.unwrap_or_default(),
        deliver,
        plain: true,
        owner: caller.principal.scopes().permit(Scope::Admin),
        sender_id: chat::OWNER.to_owned(),
        client: chat::client(caller),
        system: params.extra_system_prompt.unwrap_or_default(),
        ..Ask::default()
    };
    Ok(Prepared {
        ask,
        text: params.message,
        files,
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Clock;

    #[tokio::test]
    async fn a_run_that_ends_meanwhile_is_not_begun_again() {
        let live = Live::new(Clock::system());
        live.open("r", "k", "main", Source::Caller);
        // as the journal has it before the run ends, which it does while the journal is read
        let written = async {
            live.end("r", End::Aborted);
            Ok(Some(EventState::Open))
        };
        let state = look(&live, "r", written).await.expect("read");
        assert_eq!(state, Some(EventState::Open));
        assert!(
            live.find("r").is_some(),
            "whoever asked finds the run and waits for its end"
        );
    }
}
