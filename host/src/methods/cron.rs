//! `cron.*`: jobs that run at a time. The jobs themselves are in `cron`.
mod list;
mod runs;

use super::params;
use crate::{
    agent::commands::thinking_from_word,
    app::Gateway,
    cron::{CronError, DeliveryMode, Job, JobDelivery, Listing, Payload, Schedule, State, WakeMode},
    gateway::{Failure, Method, Scope},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// Jobs or runs of one page, if the client doesn't say.
const PAGE: usize = 50;
/// Jobs or runs of one page at most.
const MAX_PAGE: usize = 200;
/// Keys of a job that can be changed.
const CHANGEABLE: [&str; 11] = [
    "name",
    "agentId",
    "sessionKey",
    "description",
    "enabled",
    "deleteAfterRun",
    "schedule",
    "sessionTarget",
    "wakeMode",
    "payload",
    "delivery",
];

/// Parameters of `cron.add`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Add {
    name: String,
    #[serde(default)]
    agent_id: Option<String>,
    #[serde(default)]
    session_key: Option<String>,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    enabled: Option<bool>,
    #[serde(default)]
    delete_after_run: Option<bool>,
    schedule: Schedule,
    session_target: String,
    #[serde(default)]
    wake_mode: WakeMode,
    payload: Payload,
    #[serde(default)]
    delivery: Option<JobDelivery>,
}

/// Parameters of methods about one job.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct One {
    #[serde(alias = "jobId")]
    id: String,
}

/// Parameters of `cron.update`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Update {
    #[serde(alias = "jobId")]
    id: String,
    patch: Map<String, Value>,
    #[serde(default)]
    expected_config_revision: Option<String>,
}

/// Parameters of `cron.run`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Run {
    #[serde(alias = "jobId")]
    id: String,
    #[serde(default)]
    mode: Option<String>,
}

pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("cron.status", Scope::Read),
        Method::new("cron.list", Scope::Read).with::<list::List>(),
        Method::new("cron.get", Scope::Read),
        Method::new("cron.runs", Scope::Read),
        Method::new("cron.add", Scope::Admin),
        Method::new("cron.update", Scope::Admin),
        Method::new("cron.remove", Scope::Admin),
        Method::new("cron.run", Scope::Admin),
    ]
}

pub(super) async fn call(gateway: &Gateway, method: &str, given: Value) -> Result<Value, Failure> {
    match method {
        "cron.status" => status(gateway).await,
        "cron.list" => list::list(gateway, params(method, given)?).await,
        "cron.get" => {
            let one: One = params(method, given)?;
            Ok(gateway.cron().get(&one.id).await.map_err(failed)?.view())
        }
        "cron.runs" => runs::runs(gateway, params(method, given)?).await,
        "cron.add" => add(gateway, params(method, given)?).await,
        "cron.update" => update(gateway, params(method, given)?).await,
        "cron.remove" => {
            let one: One = params(method, given)?;
            gateway.cron().remove(&one.id).await.map_err(failed)?;
            Ok(json!({ "ok": true, "removed": true }))
        }
        "cron.run" => run(gateway, params(method, given)?).await,
        _ => Err(Failure::unknown_method(method)),
    }
}

async fn status(gateway: &Gateway) -> Result<Value, Failure> {
    let Listing {
        enabled,
        jobs,
        next_ms,
    } = gateway.cron().list().await.map_err(failed)?;
    let path = gateway.paths().state_dir.join("state.db");
    Ok(json!({
        "enabled": enabled, "triggersEnabled": false, "storePath": path, "storage": "sqlite", "sqlitePath": path,
        "jobs": jobs.len(), "nextWakeAtMs": next_ms,
    }))
}

/// Where the result of a job goes, for people.
fn preview(job: &Job) -> Value {
    let nowhere = json!({ "label": "not requested", "detail": "not requested" });
    let Some(delivery) = &job.delivery else {
        return nowhere;
    };
    let to = delivery.to.as_deref().unwrap_or_default();
    let channel = delivery.channel.as_deref().unwrap_or("last");
    match delivery.mode {
        DeliveryMode::None => nowhere,
        DeliveryMode::Webhook => json!({ "label": "webhook", "detail": to }),
        DeliveryMode::Announce if to.is_empty() => {
            json!({ "label": format!("announce → {channel}"), "detail": "where the agent was spoken to last" })
        }
        DeliveryMode::Announce => json!({ "label": format!("announce → {channel}:{to}"), "detail": to }),
    }
}

async fn add(gateway: &Gateway, given: Add) -> Result<Value, Failure> {
    let session = given.session_key.filter(|key| !key.is_empty());
    let asks = matches!(given.payload, Payload::AgentTurn { .. });
    let announce = || JobDelivery {
        mode: DeliveryMode::Announce,
        channel: Some("last".to_owned()),
        ..JobDelivery::default()
    };
    let mut job = Job {
        id: String::new(),
        agent_id: given.agent_id.unwrap_or_default(),
        session_key: session,
        name: given.name.trim().to_owned(),
        description: given.description.filter(|text| !text.trim().is_empty()),
        enabled: given.enabled.unwrap_or(true),
        delete_after_run: given.delete_after_run,
        created_at_ms: 0,
        updated_at_ms: 0,
        schedule: given.schedule,
        session_target: given.session_target,
        wake_mode: given.wake_mode,
        payload: given.payload,
        delivery: given.delivery.or_else(|| asks.then(announce)),
        state: State::default(),
    };
    settle(gateway, &mut job).map_err(Failure::invalid)?;
    let job = gateway.cron().add(job).await.map_err(failed)?;
    let mut answer = job.view();
    answer["deliveryPreview"] = preview(&job);
    Ok(answer)
}

/// What depends on the configuration: the agent, its model, the conversation.
fn settle(gateway: &Gateway, job: &mut Job) -> Result<(), String> {
    let config = gateway.desk().config();
    let agents = config.agents();
    let agent = match job.agent_id.as_str() {
        "" => agents.default_agent(),
        id => agents
            .get(id)
            .ok_or_else(|| format!("unknown agent id \"{id}\"; see agents in openclaw.json"))?,
    };
    job.agent_id.clone_from(&agent.id);
    if job.session_target == "current" {
        let key = job.session_key.as_deref();
        let key = key.ok_or("sessionTarget \"current\" needs sessionKey; name the conversation")?;
        job.session_target = format!("session:{key}");
    }
    if let Payload::AgentTurn { model, thinking, .. } = &job.payload {
        if let Some(model) = model {
            let judged = gateway.desk().asker.judge(agent, model);
            judged.map_err(|error| error.to_string())?;
        }
        if let Some(word) = thinking
            && thinking_from_word(word).is_none()
        {
            return Err(format!(
                "invalid thinking level \"{word}\"; write off, minimal, low, medium, high or xhigh"
            ));
        }
    }
    Ok(())
}

async fn update(gateway: &Gateway, given: Update) -> Result<Value, Failure> {
    if let Some(key) = given.patch.keys().find(|key| !CHANGEABLE.contains(&key.as_str())) {
        return Err(Failure::params(
            "cron.update",
            format_args!("patch.{key} can't be changed"),
        ));
    }
    let change = |job: &mut Job| {
        let changed = patched(job, given.patch)?;
        *job = changed;
        settle(gateway, job)
    };
    let updated = gateway
        .cron()
        .update(&given.id, given.expected_config_revision.as_deref(), change);
    Ok(updated.await.map_err(failed)?.view())
}

/// A job with some keys changed. What a payload or a delivery doesn't say stays, unless it becomes another kind.
fn patched(job: &Job, patch: Map<String, Value>) -> Result<Job, String> {
    let mut record = json!(job);
    for (key, value) in patch {
        let kind = if key == "payload" { "kind" } else { "mode" };
        let before = &record[&key];
        let same = before.is_object() && (value[kind].is_null() || value[kind] == before[kind]);
        match value {
            Value::Object(value) if matches!(key.as_str(), "payload" | "delivery") && same => {
                if let Some(before) = record[&key].as_object_mut() {
                    before.extend(value);
                    before.retain(|_, value| !value.is_null());
                }
            }
            Value::Null => drop(record.as_object_mut().map(|record| record.shift_remove(&key))),
            value => record[&key] = value,
        }
    }
    serde_json::from_value(record).map_err(|error| format!("invalid cron.update params: {error}"))
}

async fn run(gateway: &Gateway, given: Run) -> Result<Value, Failure> {
    let cron = gateway.cron();
    match given.mode.as_deref() {
        None | Some("force") => {}
        Some("due") => {
            let job = cron.get(&given.id).await.map_err(failed)?;
            if job.due().is_none_or(|due| due > gateway.now_ms()) {
                return Ok(json!({ "ok": true, "ran": false, "reason": "not-due" }));
            }
        }
        Some(other) => {
            let text = format_args!("mode \"{other}\" is none; write force or due");
            return Err(Failure::params("cron.run", text));
        }
    }
    Ok(match cron.ask(&given.id).await.map_err(failed)? {
        Some(run_id) => json!({ "ok": true, "enqueued": true, "runId": run_id }),
        None => json!({ "ok": true, "ran": false, "reason": "already-running" }),
    })
}

fn failed(error: CronError) -> Failure {
    match &error {
        CronError::NotFound(id) => {
            let details = json!({ "code": "CRON_JOB_NOT_FOUND", "jobId": id });
            Failure::invalid(error.to_string()).with_details(details)
        }
        CronError::Invalid(_) | CronError::Full | CronError::Stale(_) => Failure::invalid(error.to_string()),
        CronError::Journal(_) | CronError::Refused(_) => Failure::unavailable(error.to_string()),
    }
}

#[cfg(test)]
mod tests;
