//! Jobs that ran at a time there, as jobs of ours. One that can't run here is named, and left out.
use super::{database::Database, message::millis, people::read, report::Report};
use crate::{
    config::agent_id,
    cron::Job,
    journal::{CronJob, Journal},
};
use serde_json::{Map, Value, json};
use std::path::Path;

/// Jobs that are looked at.
const MAX_JOBS: usize = 10_000;
/// The kind of payload that our heartbeat needs no job for.
const HEARTBEAT: &str = "heartbeat";

/// Jobs of a file.
pub(super) fn of_file(path: &Path, report: &mut Report) -> Vec<Value> {
    if !path.exists() {
        return Vec::new();
    }
    let read = read(path).map_err(|error| error.to_string());
    let file =
        read.and_then(|bytes| serde_json::from_slice::<Value>(&bytes).map_err(|error| error.to_string()));
    match file {
        Ok(mut file) => match file["jobs"].take() {
            Value::Array(jobs) => jobs,
            _ => Vec::new(),
        },
        Err(why) => {
            report.skipped(path.display().to_string(), &why);
            Vec::new()
        }
    }
}

/// Jobs of the shared database.
pub(super) fn of_database(database: &Database, report: &mut Report) -> Vec<Value> {
    let rows = database.rows("cron_jobs", "job_json, state_json, updated_at");
    let rows = rows.unwrap_or_else(|why| {
        report.skipped(database.path().display().to_string(), &why);
        Vec::new()
    });
    let jobs = rows.into_iter().filter_map(|row| {
        let [job, state, updated] = <[String; 3]>::try_from(row).ok()?;
        let mut job: Value = serde_json::from_str(&job).ok().filter(Value::is_object)?;
        job["state"] = serde_json::from_str(&state).unwrap_or_default();
        job["updatedAtMs"] = json!(updated.parse::<i64>().unwrap_or(0));
        Some(job)
    });
    jobs.collect()
}

/// Takes them over. `default_agent` has those that name none.
pub(super) fn take(
    jobs: Vec<Value>,
    default_agent: &str,
    journal: Option<&Journal>,
    now_ms: i64,
    report: &mut Report,
) -> Result<(), String> {
    for job in jobs.into_iter().take(MAX_JOBS) {
        if job["payload"]["kind"] == HEARTBEAT {
            continue;
        }
        let id = job["id"].as_str().unwrap_or_default().to_owned();
        let known = journal.map(|journal| journal.imported("job", &id)).transpose();
        if known.map_err(|error| error.to_string())?.flatten().is_some() {
            report.unchanged.jobs += 1;
            continue;
        }
        let name = job["name"].as_str().unwrap_or(&id).to_owned();
        let mut job = match job_of(job, default_agent, now_ms) {
            Ok(job) => job,
            Err(why) => {
                report.missing(format!("job \"{name}\": {why}"));
                continue;
            }
        };
        job.plan(now_ms);
        report.taken.jobs += 1;
        if let Some(journal) = journal.filter(|_| report.applied) {
            let row = CronJob {
                id: job.id.clone(),
                due_ms: job.due(),
                created_ms: job.created_at_ms,
                job: serde_json::to_string(&job).map_err(|error| error.to_string())?,
            };
            journal
                .import_job(&row, now_ms)
                .map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

/// A job as ours, or why it is none.
fn job_of(mut job: Value, default_agent: &str, now_ms: i64) -> Result<Job, String> {
    let fields = job.as_object_mut().ok_or("it is no job")?;
    let agent = fields
        .get("agentId")
        .and_then(Value::as_str)
        .unwrap_or(default_agent);
    fields.insert("agentId".into(), json!(agent_id(agent)));
    let created = fields.get("createdAtMs").and_then(millis).unwrap_or(now_ms);
    fields.insert("createdAtMs".into(), json!(created));
    let updated = fields.get("updatedAtMs").and_then(millis).filter(|ms| *ms > 0);
    fields.insert("updatedAtMs".into(), json!(updated.unwrap_or(created)));
    let name = fields
        .get("name")
        .and_then(Value::as_str)
        .filter(|name| !name.trim().is_empty());
    let name = name.unwrap_or("job").to_owned();
    fields.insert("name".into(), json!(name));
    fields.entry("enabled").or_insert(json!(true));
    fields.entry("wakeMode").or_insert(json!("now"));
    payload(fields);
    schedule(fields);
    // how it did before stays; what was running or due there is not running or due here
    if let Some(Value::Object(state)) = fields.get_mut("state") {
        state.retain(|name, _| name.starts_with("last") || name == "consecutiveErrors");
    }
    let state = fields.remove("state").unwrap_or_default();
    let mut job: Job = serde_json::from_value(job).map_err(|error| format!("it can't run here ({error})"))?;
    job.state = serde_json::from_value(state).unwrap_or_default();
    job.check(now_ms)?;
    Ok(job)
}

/// What happens; where its result goes stood in it once.
fn payload(fields: &mut Map<String, Value>) {
    let Some(Value::Object(payload)) = fields.get_mut("payload") else {
        return;
    };
    let old: Map<_, _> = ["deliver", "channel", "to", "bestEffortDeliver"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), payload.remove(name)?)))
        .collect();
    let kept = ["kind", "text", "message", "model", "thinking", "timeoutSeconds"];
    payload.retain(|name, value| kept.contains(&name.as_str()) && !value.is_null());
    let is_turn = payload.get("kind").is_some_and(|kind| kind == "agentTurn");
    let wanted = old.get("deliver").is_some_and(|deliver| deliver == true) || old.contains_key("to");
    if wanted && is_turn && !fields.contains_key("delivery") {
        let mut delivery = json!({ "mode": "announce" });
        for (from, to) in [
            ("channel", "channel"),
            ("to", "to"),
            ("bestEffortDeliver", "bestEffort"),
        ] {
            if let Some(value) = old.get(from) {
                delivery[to] = value.clone();
            }
        }
        fields.insert("delivery".into(), delivery);
    }
    if let Some(Value::Object(delivery)) = fields.get_mut("delivery") {
        let kept = ["mode", "channel", "to", "threadId", "accountId", "bestEffort"];
        delivery.retain(|name, value| kept.contains(&name.as_str()) && !value.is_null());
    }
}

/// A time was a number once.
fn schedule(fields: &mut Map<String, Value>) {
    let Some(Value::Object(schedule)) = fields.get_mut("schedule") else {
        return;
    };
    if let Some(ms) = schedule.remove("atMs").and_then(|ms| ms.as_i64())
        && let Ok(at) = jiff::Timestamp::from_millisecond(ms)
    {
        schedule.insert("at".into(), json!(at.to_string()));
    }
    let kept = ["kind", "at", "everyMs", "anchorMs", "expr", "tz", "staggerMs"];
    schedule.retain(|name, value| kept.contains(&name.as_str()) && !value.is_null());
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_770_000_000_000;

    #[test]
    fn jobs_of_all_ages_run_on_and_the_others_say_why_not() {
        let jobs = json!([
            { "id": "a", "name": "morning", "enabled": true, "createdAtMs": 5, "updatedAtMs": 6,
              "schedule": { "kind": "cron", "expr": "0 7 * * *", "tz": "UTC" }, "sessionTarget": "isolated",
              "payload": { "kind": "agentTurn", "message": "hi", "deliver": true, "channel": "chatter", "to": "42" },
              "state": { "runningAtMs": 3, "lastRunAtMs": 4, "nextRunAtMs": 9 } },
            { "id": "b", "name": "past", "schedule": { "kind": "at", "atMs": 5 }, "sessionTarget": "main",
              "payload": { "kind": "systemEvent", "text": "x" } },
            { "id": "c", "name": "script", "schedule": { "kind": "every", "everyMs": 60_000 },
              "sessionTarget": "isolated", "payload": { "kind": "script", "code": "x" } },
            { "id": "d", "payload": { "kind": "heartbeat" } },
        ]);
        let jobs = jobs.as_array().expect("jobs").clone();
        let job = job_of(jobs[0].clone(), "main", NOW).expect("a job");
        let delivery = job.delivery.as_ref().expect("a delivery");
        assert_eq!(
            (job.agent_id.as_str(), delivery.to.as_deref()),
            ("main", Some("42"))
        );
        assert_eq!(
            (job.state.running_at_ms, job.state.last_run_at_ms),
            (None, Some(4))
        );
        let mut report = Report::default();
        take(jobs, "main", None, NOW, &mut report).expect("taken");
        assert_eq!(report.taken.jobs, 1);
        let missing = report.no_equivalent.join("\n");
        assert!(
            missing.contains("\"past\"") && missing.contains("\"script\"") && !missing.contains("\"d\""),
            "{missing}"
        );
    }
}
