//! `health` and `status`: whether messages flow, and what became of those that didn't. Also the answer of `/readyz`.
use super::{channels, plugins, services, system};
use crate::{
    agent::DEFAULT_MODEL,
    app::Gateway,
    config::{Agent, ReloadMode},
    gateway::Readiness,
    journal::{JournalError, Session},
    route::main_key,
};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, path::PathBuf, time::Duration};

/// Failures that are shown, each of events and of replies.
const SHOWN_FAILURES: u32 = 5;
/// Conversations that are shown.
const SHOWN_SESSIONS: u32 = 5;
/// Conversations among which those of each agent are looked for.
const LOOKED_AT: u32 = 100;
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
    let mut of_agents = sessions_of_agents(gateway).await;
    let rows = agents.agents.iter().map(|agent| {
        json!({
            "agentId": agent.id, "isDefault": agent.is_default, "name": agent.name, "heartbeat": heartbeat(agent),
            "sessions": of_agents.remove(&agent.id),
        })
    });
    answer.insert("agents".into(), rows.collect());
    answer.insert("defaultAgentId".into(), json!(agents.default_agent().id));
    let reload = match config.gateway.reload.mode {
        Some(ReloadMode::Off) => "disabled",
        _ => "active",
    };
    answer.insert("configReload".into(), json!({ "hotReloadStatus": reload }));
    let heart = agents.default_agent().heartbeat.as_ref();
    let beat = heart.and_then(|heart| heart.interval());
    answer.insert(
        "heartbeatSeconds".into(),
        json!(beat.map_or(0, |every| every.as_secs())),
    );
    answer
}

/// Answer to `status`.
pub(super) async fn status(gateway: &Gateway, params: &Value) -> Map<String, Value> {
    let mut answer = common(gateway, None).await;
    let config = gateway.desk().config();
    let agents = config.agents();
    let default = &agents.default_agent().id;
    let of_agents = sessions_of_agents(gateway).await.into_iter();
    let rows = of_agents.map(|(id, mut row)| {
        row["agentId"] = json!(id);
        row
    });
    answer["sessions"]["byAgent"] = rows.collect();
    answer["sessions"]["paths"] = json!([store(gateway)]);
    let hearts = agents.agents.iter().map(|agent| {
        let mut row = heartbeat(agent);
        row["agentId"] = json!(agent.id);
        row
    });
    let hearts = json!({ "defaultAgentId": default, "agents": hearts.collect::<Vec<_>>() });
    answer.insert("heartbeat".into(), hearts);
    if params["includeCliProjection"] == true {
        let rows = agents
            .agents
            .iter()
            .map(|agent| json!({ "id": agent.id, "name": agent.name }));
        let projection = json!({
            "agents": {
                "defaultId": default, "ownership": super::agents::ownership(&agents), "selectionRequired": false,
                "rows": rows.collect::<Vec<_>>(),
            },
            "updateChannel": null, "memoryPlugin": { "enabled": false, "slot": null },
        });
        answer.insert("cliProjection".into(), projection);
    }
    answer.insert("processMemory".into(), system::process_memory());
    let summary = match params["includeChannelSummary"].as_bool() {
        Some(false) => Vec::new(),
        _ => channels::summary(&answer),
    };
    answer.insert("channelSummary".into(), json!(summary));
    let main = main_key(default);
    let waiting = gateway
        .desk()
        .journal
        .run(move |j| j.waiting_system_events(&main));
    // a journal that can't be read has said so above
    let waiting = waiting.await.unwrap_or_default();
    answer.insert("queuedSystemEvents".into(), json!(waiting));
    answer.insert("tasks".into(), super::work::summary(gateway).await);
    answer
}

/// Where conversations are kept.
fn store(gateway: &Gateway) -> PathBuf {
    gateway.paths().state_dir.join("state.db")
}

fn recent(session: &Session, now_ms: i64) -> Value {
    let age = (now_ms - session.updated_ms).max(0);
    json!({ "key": session.key, "updatedAt": session.updated_ms, "age": age })
}

/// How often an agent looks by itself whether anything needs attention.
fn heartbeat(agent: &Agent) -> Value {
    let heart = agent.heartbeat.as_ref();
    let beat = heart.and_then(|heart| Some((heart, heart.interval()?)));
    let Some((heart, every)) = beat else {
        return json!({ "enabled": false, "every": "disabled", "everyMs": null });
    };
    let words = heart
        .every
        .clone()
        .unwrap_or_else(|| format!("{}m", every.as_secs() / 60));
    json!({
        "enabled": true, "every": words, "everyMs": every.as_millis(), "prompt": heart.prompt,
        "target": heart.target.as_deref().unwrap_or("last"), "ackMaxChars": heart.ack_max_chars(),
    })
}

/// For each configured agent: how many conversations it has, and the last ones.
async fn sessions_of_agents(gateway: &Gateway) -> BTreeMap<String, Value> {
    let desk = gateway.desk();
    let read = desk
        .journal
        .run(|j| Ok((j.sessions_of_agents()?, j.sessions(LOOKED_AT)?)));
    // a journal that can't be read is told by the common part
    let (counts, sessions) = read.await.unwrap_or_default();
    let now = gateway.now_ms();
    let config = desk.config();
    let agents = config.agents();
    let rows = agents.agents.iter().map(|agent| {
        let own = sessions.iter().filter(|session| session.agent == agent.id);
        let shown: Vec<_> = own
            .take(SHOWN_SESSIONS as usize)
            .map(|session| recent(session, now))
            .collect();
        let count = counts.get(&agent.id).unwrap_or(&0);
        let row = json!({ "path": store(gateway), "count": count, "recent": shown });
        (agent.id.clone(), row)
    });
    rows.collect()
}

async fn common(gateway: &Gateway, probe: Option<Duration>) -> Map<String, Value> {
    let desk = gateway.desk();
    let config = desk.config();
    let agents = config.agents();
    let agent = agents.default_agent();
    let model = agent.model.primary.as_deref().unwrap_or(DEFAULT_MODEL);
    let now = gateway.now_ms();
    let read = desk.journal.run(move |j| {
        let (waiting, failed) = j.inbox_counts()?;
        let shown = j.sessions(SHOWN_SESSIONS)?;
        Ok(Traffic {
            waiting,
            failed,
            outbox: j.outbox_counts()?,
            sessions: j.session_count()?,
            recent: shown.iter().map(|session| recent(session, now)).collect(),
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
        "path": store(gateway), "count": traffic.sessions, "recent": traffic.recent, "defaults": {
            "model": agent.reference(model), "contextTokens": desk.asker.window(agent, ""),
        },
    });
    answer.insert("sessions".into(), sessions);
    answer.insert("plugins".into(), plugins::health(gateway));
    answer.insert("degradedPlugins".into(), services::degraded(gateway).await);
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
