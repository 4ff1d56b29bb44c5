//! `exec.approval.*`: questions whether a command may run, and answers to them. `exec.approvals.*`: the file of rules.
//! What decides is in `approvals`; `approval.*` is in `ledger`.
mod ledger;

use super::params;
use crate::{
    app::Gateway,
    approvals::{self, AskError, Decision, FileError, Question, Record, ResolveError, Rules, Terms},
    gateway::{Caller, Code, Events, Failure, Method, Responder, Scope},
    route::Delivery,
};
use openclaw_plugin_api::{CommandSegment, ExecAsk, ExecSecurity};
use schemars::JsonSchema;
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};
use tokio::sync::broadcast::error::RecvError;

/// What a client says that can show questions.
const CAPS: [&str; 2] = ["approvals", "exec-approvals"];
/// Longest id that somebody may give a question.
const MAX_ID: usize = 128;
/// Longest command, bytes.
const MAX_COMMAND: usize = 64 << 10;

/// No parameters.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Parameters of methods about one question.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct One {
    #[schemars(length(min = 1))]
    id: String,
}

/// Parameters of `exec.approval.waitDecision`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Wait {
    id: String,
}

/// Parameters of `exec.approval.resolve`. Who answers is known from the connection.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
struct Resolve {
    #[schemars(length(min = 1))]
    id: String,
    #[schemars(length(min = 1))]
    decision: String,
}

/// Parameters of `exec.approval.request`. What has no effect here is taken all the same.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Request {
    id: Option<String>,
    command: Option<String>,
    command_argv: Option<Vec<String>>,
    cwd: Option<String>,
    node_id: Option<String>,
    host: Option<String>,
    security: Option<String>,
    ask: Option<String>,
    warning_text: Option<String>,
    unavailable_decisions: Vec<String>,
    agent_id: Option<String>,
    resolved_path: Option<String>,
    session_key: Option<String>,
    run_id: Option<String>,
    tool_call_id: Option<String>,
    turn_source_channel: Option<String>,
    turn_source_to: Option<String>,
    turn_source_account_id: Option<String>,
    turn_source_thread_id: Option<Value>,
    timeout_ms: Option<u64>,
    two_phase: bool,
}

/// Parameters of `exec.approvals.set`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Set {
    file: Value,
    #[serde(default)]
    base_hash: Option<String>,
}

pub(super) fn methods() -> Vec<Method> {
    let own = vec![
        Method::new("exec.approval.request", Scope::Approvals),
        Method::new("exec.approval.get", Scope::Approvals).with::<One>(),
        Method::new("exec.approval.list", Scope::Approvals).with::<Nothing>(),
        Method::new("exec.approval.waitDecision", Scope::Approvals),
        Method::new("exec.approval.resolve", Scope::Approvals).with::<Resolve>(),
        Method::new("exec.approvals.get", Scope::Admin).with::<Nothing>(),
        Method::new("openclaw.approval.list", Scope::Approvals).with::<Nothing>(),
        Method::new("plugin.approval.list", Scope::Approvals).with::<Nothing>(),
        Method::new("exec.approvals.set", Scope::Admin),
    ];
    [own, ledger::methods()].concat()
}

pub(super) async fn call(
    gateway: &Arc<Gateway>,
    method: &str,
    given: Value,
    caller: &Caller,
    respond: &mut Responder,
) -> Result<Value, Failure> {
    let desk = gateway.desk();
    match method {
        "exec.approval.request" => request(gateway, params(method, given)?, caller, respond).await,
        "exec.approval.list" => Ok(desk.approvals.pending().iter().map(Record::view).collect()),
        // whatever is asked here is asked for a tool, and stands in the list above
        "openclaw.approval.list" | "plugin.approval.list" => {
            let Nothing {} = params(method, given)?;
            Ok(json!([]))
        }
        "exec.approval.get" => {
            let One { id } = params(method, given)?;
            let record = desk
                .approvals
                .find(&id)
                .ok_or_else(|| gone(ResolveError::Unknown(id)))?;
            Ok(whole(&record))
        }
        "exec.approval.waitDecision" => {
            let Wait { id } = params(method, given)?;
            if id.trim().is_empty() {
                return Err(Failure::invalid("id is required"));
            }
            let ticket = desk.approvals.follow(id.trim());
            let mut ticket = ticket.ok_or_else(|| gone(ResolveError::Unknown(id)))?;
            let outcome = ticket.outcome().await;
            ticket.record.outcome = Some(outcome);
            Ok(ticket.record.answer_view())
        }
        "exec.approval.resolve" => {
            let Resolve { id, decision } = params(method, given)?;
            let decision = word(&decision).ok_or_else(|| {
                Failure::invalid(format!(
                    "\"{decision}\" is no decision; use allow-once, allow-always or deny"
                ))
            })?;
            let done = desk
                .approvals
                .resolve(desk, &id, decision, &caller.client.id)
                .await;
            done.map_err(gone)?;
            Ok(json!({ "ok": true }))
        }
        "exec.approvals.get" => file(gateway).await,
        "exec.approvals.set" => set(gateway, params(method, given)?).await,
        _ => ledger::call(gateway, method, given, caller).await,
    }
}

/// Tells clients what is asked and answered, and lets it be known which of them can show it.
pub(super) fn tell(gateway: &Arc<Gateway>, events: &Events) {
    let approvals = &gateway.desk().approvals;
    let seen = events.clone();
    approvals.shown_by(move |asker| {
        let shows = |caller: &Caller| {
            caller.connection != asker
                && caller.principal.scopes().permit(Scope::Approvals)
                && caller.caps.iter().any(|cap| CAPS.contains(&cap.as_str()))
        };
        seen.callers().iter().any(|caller| shows(caller))
    });
    let (mut news, events) = (approvals.watch(), events.clone());
    tokio::spawn(async move {
        loop {
            match news.recv().await {
                Ok((name, payload)) => events.broadcast(name, &payload),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    });
}

/// What is open in one conversation.
pub(super) fn of_session(gateway: &Gateway, key: &str) -> Vec<Value> {
    let open = gateway.desk().approvals.pending().into_iter();
    let here = open.filter(|record| record.question.session_key == key);
    here.map(|record| record.view()).collect()
}

async fn request(
    gateway: &Arc<Gateway>,
    asked: Request,
    caller: &Caller,
    respond: &mut Responder,
) -> Result<Value, Failure> {
    let (two_phase, terms) = (asked.two_phase, terms(&asked, caller)?);
    let question = question(gateway, asked)?;
    let desk = gateway.desk();
    let mut ticket = desk
        .approvals
        .ask(desk, question, terms)
        .await
        .map_err(|error| match error {
            AskError::Taken(_) => Failure::invalid(error.to_string()),
            AskError::Full => Failure::unavailable(error.to_string()),
        })?;
    if two_phase && ticket.ended().is_none() {
        let record = &ticket.record;
        respond.interim(&json!({
            "status": "accepted", "id": record.id, "createdAtMs": record.created_ms,
            "expiresAtMs": record.expires_ms,
        }));
    }
    let outcome = ticket.outcome().await;
    ticket.record.outcome = Some(outcome);
    Ok(ticket.record.answer_view())
}

fn terms(asked: &Request, caller: &Caller) -> Result<Terms, Failure> {
    let id = asked
        .id
        .as_ref()
        .map(|id| id.trim().to_owned())
        .filter(|id| !id.is_empty());
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':');
    if id
        .as_ref()
        .is_some_and(|id| id.len() > MAX_ID || !id.chars().all(plain))
    {
        return Err(Failure::invalid(format!(
            "an id has at most {MAX_ID} letters, digits and -_.:"
        )));
    }
    Ok(Terms {
        id,
        patience: asked.timeout_ms.map(Duration::from_millis),
        asker: caller.connection.clone(),
    })
}

fn question(gateway: &Gateway, asked: Request) -> Result<Question, Failure> {
    let argv = asked.command_argv.unwrap_or_default();
    let command = asked
        .command
        .filter(|command| !command.trim().is_empty())
        .or_else(|| (!argv.is_empty()).then(|| argv.join(" ")))
        .ok_or_else(|| Failure::invalid("command is required"))?;
    if command.len() > MAX_COMMAND {
        return Err(Failure::invalid(format!(
            "a command has at most {MAX_COMMAND} bytes"
        )));
    }
    let thread = match asked.turn_source_thread_id {
        Some(Value::String(thread)) => thread,
        Some(Value::Number(thread)) => thread.to_string(),
        _ => String::new(),
    };
    let turn = asked.turn_source_channel.zip(asked.turn_source_to);
    let host = asked.host.unwrap_or_default();
    let here = host.is_empty() || host == "gateway";
    let path = asked.resolved_path.filter(|path| here && !path.is_empty());
    let agents = gateway.desk().config().agents();
    let ask = wire::<ExecAsk>(asked.ask);
    Ok(Question {
        command,
        // only what runs here gets rules here
        segments: path
            .map(|resolved_path| CommandSegment {
                argv: argv.into_iter().take(1).collect(),
                resolved_path,
                safe: false,
            })
            .into_iter()
            .collect(),
        cwd: asked.cwd.unwrap_or_default(),
        host,
        node_id: asked.node_id,
        security: wire::<ExecSecurity>(asked.security),
        ask,
        warning: asked.warning_text.unwrap_or_default(),
        agent_id: asked.agent_id.unwrap_or_else(|| agents.default_id.clone()),
        session_key: asked.session_key.unwrap_or_default(),
        run_id: asked.run_id.unwrap_or_default(),
        call_id: asked.tool_call_id.unwrap_or_default(),
        turn: turn.map(|(channel, chat_id)| Delivery {
            channel,
            account_id: asked.turn_source_account_id.unwrap_or_else(|| "default".into()),
            chat_id,
            thread_id: thread,
        }),
        sender_id: String::new(),
        may_always: ask != Some(ExecAsk::Always)
            && !asked
                .unavailable_decisions
                .iter()
                .any(|word| word == "allow-always"),
    })
}

/// The file, and what holds where it says nothing.
async fn file(gateway: &Gateway) -> Result<Value, Failure> {
    let store = gateway.desk().approvals.store().clone();
    let snapshot = aside(move || store.read()).await?;
    Ok(shown(gateway, &snapshot))
}

async fn set(gateway: &Gateway, asked: Set) -> Result<Value, Failure> {
    let rules: Rules = serde_json::from_value(asked.file)
        .map_err(|error| Failure::params("exec.approvals.set", format_args!("file: {error}")))?;
    let store = gateway.desk().approvals.store().clone();
    let snapshot = aside(move || store.replace(rules, asked.base_hash.as_deref())).await?;
    tracing::info!(target: "openclaw::approvals", "the rules for commands were replaced");
    Ok(shown(gateway, &snapshot))
}

fn shown(gateway: &Gateway, snapshot: &approvals::Snapshot) -> Value {
    let config = gateway.desk().config();
    let agents = config.agents();
    let (security, ask) = approvals::configured(&config, &agents.default_id);
    let settings = &snapshot.rules.defaults;
    let strictest = settings.security.map_or(security, |own| own.min(security));
    json!({
        "path": gateway.desk().approvals.store().path(), "exists": snapshot.exists, "hash": snapshot.hash,
        "file": snapshot.rules.view(),
        "resolvedDefaults": {
            "security": strictest, "ask": settings.ask.map_or(ask, |own| own.min(ask)),
            "askFallback": settings.ask_fallback.unwrap_or(ExecSecurity::Deny),
            "autoAllowSkills": settings.auto_allow_skills.unwrap_or(false),
        },
    })
}

/// A question with its end.
fn whole(record: &Record) -> Value {
    let mut view = record.view();
    view["status"] = json!(if record.outcome.is_some() {
        "resolved"
    } else {
        "pending"
    });
    if let Some(outcome) = &record.outcome {
        view["decision"] = json!(outcome.decision());
        view["resolvedBy"] = json!(Some(&outcome.by).filter(|by| !by.is_empty()));
        view["resolvedAtMs"] = json!(outcome.at_ms);
        view["outcome"] = json!(outcome.sentence());
    }
    view
}

fn word(word: &str) -> Option<Decision> {
    wire(Some(word.to_owned()))
}

fn wire<T: DeserializeOwned>(word: Option<String>) -> Option<T> {
    T::deserialize(Value::String(word?)).ok()
}

fn gone(error: ResolveError) -> Failure {
    let message = error.to_string();
    match error {
        ResolveError::Unknown(_) => {
            Failure::invalid(message).with_details(json!({ "reason": Code::ApprovalNotFound.name() }))
        }
        // clients take it off their list by this reason
        ResolveError::Decided(record) => Failure::invalid(message).with_details(json!({
            "reason": Code::ApprovalNotFound.name(), "id": record.id,
            "decision": record.outcome.as_ref().and_then(approvals::Outcome::decision),
            "resolvedBy": record.outcome.as_ref().map(|outcome| &outcome.by),
        })),
        ResolveError::NotOffered { .. } => Failure::invalid(message),
        ResolveError::File(_) => Failure::unavailable(message),
    }
}

async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, FileError> + Send + 'static,
) -> Result<T, Failure> {
    let done = tokio::task::spawn_blocking(work).await;
    let done = done.map_err(|error| Failure::unavailable(error.to_string()))?;
    done.map_err(|error| match error {
        FileError::Stale | FileError::Full(_) => Failure::invalid(error.to_string()),
        _ => Failure::unavailable(error.to_string()),
    })
}
