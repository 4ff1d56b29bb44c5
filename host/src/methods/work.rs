//! `diagnostics.lanes` and `tasks.list`: what is being worked on, what waits, and what jobs have ended.
use super::params;
use crate::{
    agent::live::{Run, Source},
    app::Gateway,
    cron::{Record, Status},
    gateway::{Failure, Method, Scope},
};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};

/// Tasks of one page if the client doesn't say.
const PAGE: usize = 100;
/// Tasks of one page at most.
const MAX_PAGE: usize = 500;

/// Parameters of `tasks.list`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
struct Tasks {
    status: Option<OneOrMore>,
    agent_id: Option<String>,
    session_key: Option<String>,
    limit: Option<usize>,
    /// Where the last page ended.
    cursor: Option<String>,
    /// What comes first.
    sort_by: Option<SortBy>,
}

/// The time by which tasks are put into an order, the latest first.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
enum SortBy {
    UpdatedAt,
    EndedAt,
}

/// A word or some.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(untagged)]
enum OneOrMore {
    One(String),
    More(Vec<String>),
}

pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("diagnostics.lanes", Scope::Read),
        Method::new("tasks.list", Scope::Read).with::<Tasks>(),
    ]
}

/// Answers one of them.
pub(super) async fn call(gateway: &Gateway, method: &str, params: Value) -> Result<Value, Failure> {
    match method {
        "diagnostics.lanes" => Ok(lanes(gateway)),
        _ => tasks(gateway, params).await,
    }
}

/// Turns by where they wait: all conversations share one number of places.
fn lanes(gateway: &Gateway) -> Value {
    let runs = gateway.desk().live.active(None);
    let active = runs.iter().filter(|run| run.began_ms().is_some()).count();
    let most = gateway.desk().config().agents().max_concurrent;
    json!({
        "ts": gateway.now_ms(),
        "lanes": [{
            "lane": "main", "queuedCount": runs.len() - active, "activeCount": active, "maxConcurrent": most,
            "draining": false, "generation": 1, "blockedBy": null,
        }],
        "dynamic": null,
    })
}

/// What goes on, the newest first, and behind it how jobs ended.
async fn tasks(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: Tasks = params("tasks.list", given)?;
    let limit = asked.limit.unwrap_or(PAGE).clamp(1, MAX_PAGE);
    let start: usize = match &asked.cursor {
        None => 0,
        Some(cursor) => cursor
            .parse()
            .map_err(|_| Failure::params("tasks.list", "at /cursor: this gateway gave out no such cursor"))?,
    };
    let mut tasks = all(gateway).await?;
    tasks.retain(|task| asked.takes(task));
    if let Some(by) = asked.sort_by {
        let name = match by {
            SortBy::UpdatedAt => "updatedAt",
            SortBy::EndedAt => "endedAt",
        };
        // what has not ended comes first
        tasks.sort_by_key(|task| std::cmp::Reverse(task[name].as_i64().unwrap_or(i64::MAX)));
    }
    let end = start.saturating_add(limit);
    let next = (end < tasks.len()).then(|| end.to_string());
    let page: Vec<_> = tasks.into_iter().skip(start).take(limit).collect();
    let mut answer = json!({ "tasks": page });
    if let Some(next) = next {
        answer["nextCursor"] = json!(next);
    }
    Ok(answer)
}

/// What goes on, the newest first, and behind it the last ends of jobs.
async fn all(gateway: &Gateway) -> Result<Vec<Value>, Failure> {
    let live = gateway.desk().live.active(None);
    let mut tasks: Vec<_> = live.iter().rev().map(|run| of_run(run)).collect();
    let (records, _) = gateway
        .cron()
        .runs(None, u32::try_from(MAX_PAGE).unwrap_or(u32::MAX), 0)
        .await
        .map_err(|error| Failure::unavailable(error.to_string()))?;
    tasks.extend(records.iter().map(of_record));
    Ok(tasks)
}

/// How many of the tasks are in which state, and where they run.
pub(super) async fn summary(gateway: &Gateway) -> Value {
    // a journal that can't be read is told elsewhere
    counted(&all(gateway).await.unwrap_or_default())
}

fn counted(tasks: &[Value]) -> Value {
    let having = |name: &str, word: &str| tasks.iter().filter(|task| task[name] == word).count();
    let of = |word: &str| having("status", word);
    let is_subagent = |task: &&Value| {
        task["sessionKey"]
            .as_str()
            .is_some_and(|key| key.contains(":subagent:"))
    };
    let subagents = tasks.iter().filter(is_subagent).count();
    let (queued, running, failed) = (of("queued"), of("running"), of("failed"));
    json!({
        "total": tasks.len(), "active": queued + running, "terminal": tasks.len() - queued - running,
        "failures": failed,
        "byStatus": {
            "queued": queued, "running": running, "succeeded": of("completed"), "failed": failed, "timed_out": 0,
            "cancelled": 0, "lost": 0,
        },
        // what no agent and no job asked for, a person or a program did
        "byRuntime": {
            "subagent": subagents, "acp": 0, "cli": having("runtime", "agent").saturating_sub(subagents),
            "cron": having("runtime", "cron"),
        },
    })
}

impl Tasks {
    fn takes(&self, task: &Value) -> bool {
        let is =
            |wanted: &Option<String>, key: &str| wanted.as_ref().is_none_or(|wanted| task[key] == **wanted);
        let status = match &self.status {
            None => true,
            Some(OneOrMore::One(word)) => task["status"] == **word,
            Some(OneOrMore::More(words)) => words.iter().any(|word| task["status"] == **word),
        };
        status && is(&self.agent_id, "agentId") && is(&self.session_key, "sessionKey")
    }
}

fn of_run(run: &Run) -> Value {
    let began = run.began_ms();
    let tools = run.tools();
    let mut task = json!({
        "id": run.id, "taskId": run.id, "runId": run.id, "sourceId": run.id, "kind": "turn", "runtime": "agent",
        "status": if began.is_some() { "running" } else { "queued" },
        "title": title(run.source),
        "agentId": run.agent_id, "sessionKey": run.session_key, "createdAt": run.opened_ms(),
        "updatedAt": began.unwrap_or(run.opened_ms()), "toolUseCount": tools.len(),
    });
    if let Some(began) = began {
        task["startedAt"] = json!(began);
    }
    if let Some(tool) = tools.last() {
        task["lastToolName"] = json!(tool);
    }
    task
}

fn title(source: Source) -> &'static str {
    match source {
        Source::Client => "a message of a client",
        Source::Channel => "a message of a channel",
        Source::Caller => "a question of a program",
    }
}

fn of_record(record: &Record) -> Value {
    let key = record.session_key.as_deref().unwrap_or_default();
    let agent = key.strip_prefix("agent:").and_then(|rest| rest.split(':').next());
    let mut task = json!({
        "id": record.run_id, "taskId": record.run_id, "runId": record.run_id, "sourceId": record.job_id,
        "kind": "cron", "runtime": "cron", "title": record.job_name, "agentId": agent, "sessionKey": key,
        "status": if record.status == Some(Status::Error) { "failed" } else { "completed" },
        "createdAt": record.run_at_ms, "startedAt": record.run_at_ms, "updatedAt": record.ts,
        "endedAt": record.run_at_ms + record.duration_ms,
        "deliveryStatus": match record.delivery_status.as_str() {
            "delivered" => "delivered",
            "not-requested" => "not_applicable",
            "not-delivered" => "failed",
            _ => "pending",
        },
    });
    for (name, text) in [("terminalSummary", &record.summary), ("error", &record.error)] {
        if let Some(text) = text {
            task[name] = json!(text);
        }
    }
    task
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_looked_for_by_what_they_are() {
        let record = Record {
            run_id: "r1".into(),
            status: Some(Status::Error),
            session_key: Some("agent:work:cron:j".into()),
            delivery_status: "not-requested".into(),
            error: Some("no key".into()),
            ..Record::default()
        };
        let task = of_record(&record);
        assert_eq!(
            (&task["agentId"], &task["error"]),
            (&json!("work"), &json!("no key"))
        );
        let takes = |asked: Value| Tasks::deserialize(asked).expect("valid").takes(&task);
        assert!(takes(json!({})) && takes(json!({"status": "failed"})) && takes(json!({"agentId": "work"})));
        assert!(takes(json!({"status": ["queued", "failed"]})));
        assert!(!takes(json!({"status": ["queued"]})) && !takes(json!({"agentId": "main"})));
        assert!(!takes(json!({"sessionKey": "agent:work:main"})));
        let counts = counted(&[task, json!({ "status": "running", "runtime": "agent" })]);
        assert_eq!(
            (
                &counts["active"],
                &counts["failures"],
                &counts["byRuntime"]["cron"]
            ),
            (&json!(1), &json!(1), &json!(1))
        );
    }
}
