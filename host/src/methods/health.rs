//! `health` and `status`: whether messages flow, and what became of those that didn't. Also the answer of `/readyz`.
use super::{channels, plugins, system};
use crate::{
    agent::DEFAULT_MODEL, app::Gateway, config::ReloadMode, gateway::Readiness, journal::JournalError,
};
use serde_json::{Map, Value, json};
use std::time::Duration;

/// Failures that are shown, each of events and of replies.
const SHOWN_FAILURES: u32 = 5;
/// Conversations that are shown.
const SHOWN_SESSIONS: u32 = 5;
/// How long a platform may take to answer a probe.
const PROBE: Duration = Duration::from_secs(10);

/// What can be read of the journal.
#[derive(Debug, Default)]
struct Traffic {
    waiting: u64,
    failed: u64,
    outbox: crate::journal::Counts,
    sessions: u64,
    recent: Vec<Value>,
    failures: Vec<Value>,
}

/// Ready: the journal writes, every plugin that is on serves, every channel that is required is connected.
pub(super) fn readiness(gateway: &Gateway) -> Readiness {
    let mut problems = gateway.registry.problems();
    if let Some(trouble) = gateway.journal().trouble() {
        problems.push(("journal".to_owned(), trouble.why));
    }
    problems.extend(channels::missing(gateway));
    let details = problems
        .iter()
        .map(|(name, why)| (name.clone(), Value::from(why.clone())));
    Readiness {
        pending: None,
        details: details.collect(),
        failing: problems.into_iter().map(|(name, _)| name).collect(),
    }
}

/// Answer to `health`. With `probe`, platforms are asked.
pub(super) async fn health(gateway: &Gateway, params: &Value) -> Map<String, Value> {
    let probe = params["probe"].as_bool().unwrap_or(false).then_some(PROBE);
    let mut answer = common(gateway, probe).await;
    let config = gateway.desk().config();
    let agents = config.agents();
    let rows = agents
        .agents
        .iter()
        .map(|agent| json!({ "agentId": agent.id, "isDefault": agent.is_default, "name": agent.name }));
    answer.insert("agents".into(), rows.collect());
    answer.insert("defaultAgentId".into(), json!(agents.default_agent().id));
    let reload = match config.gateway.reload.mode {
        Some(ReloadMode::Off) => "disabled",
        _ => "active",
    };
    answer.insert("configReload".into(), json!({ "hotReloadStatus": reload }));
    // no agent wakes by itself here
    answer.insert("heartbeatSeconds".into(), json!(0));
    answer
}

/// Answer to `status`.
pub(super) async fn status(gateway: &Gateway) -> Map<String, Value> {
    let mut answer = common(gateway, None).await;
    let degraded = gateway.registry.problems().into_iter();
    let degraded = degraded.map(|(id, why)| json!({ "id": id, "error": why }));
    answer.insert("degradedPlugins".into(), degraded.collect());
    let config = gateway.desk().config();
    let id = config.agents().default_agent().id.clone();
    answer.insert("heartbeat".into(), json!({ "defaultAgentId": id, "agents": [] }));
    answer.insert("queuedSystemEvents".into(), json!([]));
    answer.insert("processMemory".into(), system::process_memory());
    answer
}

async fn common(gateway: &Gateway, probe: Option<Duration>) -> Map<String, Value> {
    let desk = gateway.desk();
    let config = desk.config();
    let agents = config.agents();
    let agent = agents.default_agent();
    let model = agent.model.primary.as_deref().unwrap_or(DEFAULT_MODEL);
    let read = desk.journal.run(|j| {
        let (waiting, failed) = j.inbox_counts()?;
        let recent = j.sessions(SHOWN_SESSIONS)?.into_iter();
        Ok(Traffic {
            waiting,
            failed,
            outbox: j.outbox_counts()?,
            sessions: j.session_count()?,
            recent: recent
                .map(|session| json!({ "key": session.key, "updatedAt": session.updated_ms }))
                .collect(),
            failures: failures(j)?,
        })
    });
    let read = read.await;
    let unreadable = read.as_ref().err().map(ToString::to_string);
    let traffic = read.unwrap_or_default();
    let ready = readiness(gateway);
    let trouble = gateway.journal().trouble();
    let journal = json!({
        "ok": trouble.is_none() && unreadable.is_none(),
        "trouble": trouble.as_ref().map(|trouble| trouble.why.clone()).or(unreadable),
        "lasting": trouble.is_some_and(|trouble| trouble.lasting),
        "setAside": gateway.journal().set_aside().map(|path| path.display().to_string()),
    });
    let mut answer = Map::new();
    if let Value::Object(channels) = channels::overview(gateway, None, probe).await {
        answer.extend(channels);
    }
    let ok = ready.failing.is_empty() && journal["ok"] == true;
    answer.insert("ok".into(), json!(ok));
    answer.insert("failing".into(), json!(ready.details));
    answer.insert("journal".into(), journal);
    answer.insert(
        "inbox".into(),
        json!({ "waiting": traffic.waiting, "failed": traffic.failed }),
    );
    answer.insert("outbox".into(), json!(traffic.outbox));
    answer.insert("failures".into(), json!(traffic.failures));
    let sessions = json!({
        "count": traffic.sessions, "recent": traffic.recent, "defaults": {
            "model": agent.reference(model), "contextTokens": desk.asker.window(agent, ""),
        },
    });
    answer.insert("sessions".into(), sessions);
    answer.insert("plugins".into(), plugins::health(gateway));
    answer
}

/// What could not be answered or sent, newest first.
fn failures(journal: &crate::journal::Journal) -> Result<Vec<Value>, JournalError> {
    let row = |kind: &'static str| move |(channel, why, at): (String, String, i64)| json!({ "kind": kind, "channel": channel, "error": why, "ts": at });
    let inbox = journal.failures(SHOWN_FAILURES)?.into_iter().map(row("inbox"));
    let outbox = journal
        .outbox_failures(SHOWN_FAILURES)?
        .into_iter()
        .map(row("outbox"));
    let mut all: Vec<_> = inbox.chain(outbox).collect();
    all.sort_by_key(|row| std::cmp::Reverse(row["ts"].as_i64()));
    Ok(all)
}
