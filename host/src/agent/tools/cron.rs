//! `cron`: jobs that run at a time, for the owner. What a job is, `crate::cron` knows.
use super::{Bench, HostTool};
use openclaw_plugin_api::{Error, Result, ToolOrigin, ToolOutput};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};

pub(super) struct Cron;

/// What to do.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum Action {
    /// How the jobs are, all in all.
    Status,
    /// The jobs.
    List,
    /// A new job.
    Add,
    /// Changes a job.
    Update,
    /// Removes a job.
    Remove,
    /// Runs a job now.
    Run,
    /// How runs went.
    Runs,
    /// Tells the agent something at its next heartbeat, or now.
    Wake,
}

/// Arguments.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Args {
    /// What to do.
    action: Action,
    /// For add: {name, schedule, payload, sessionTarget?, delivery?, enabled?, deleteAfterRun?}. schedule is
    /// {kind:"at", at:"2026-01-31T09:00:00+01:00"}, {kind:"every", everyMs} or {kind:"cron", expr, tz?}. payload is
    /// {kind:"agentTurn", message} (an answer, sent to the chat) or {kind:"systemEvent", text} (a reminder to yourself).
    #[serde(default)]
    job: Option<Map<String, Value>>,
    /// For update, remove, run, runs: the job's id.
    #[serde(default, alias = "id")]
    job_id: Option<String>,
    /// For update: the keys to change.
    #[serde(default)]
    patch: Option<Map<String, Value>>,
    /// For wake: what to tell.
    #[serde(default)]
    text: Option<String>,
    /// For wake: now or next-heartbeat (default). For run: force (default) or due.
    #[serde(default)]
    mode: Option<String>,
    /// For list: also jobs that are off.
    #[serde(default)]
    include_disabled: Option<bool>,
}

impl HostTool for Cron {
    const NAME: &'static str = "cron";
    const DESCRIPTION: &'static str = "Jobs that run at a time: reminders, repeated tasks. action: status, list, add, update, remove, run, runs, wake. \
         Times of kind at are ISO 8601 with a zone; look at session_status for the time now.";
    const OWNER_ONLY: bool = true;
    type Args = Args;

    async fn invoke(&self, args: Args, origin: ToolOrigin, bench: Bench) -> Result<ToolOutput> {
        let (method, params) = request(args, &origin)?;
        Ok(ToolOutput::json(bench.ask(method, params).await?))
    }
}

fn request(args: Args, origin: &ToolOrigin) -> Result<(&'static str, Value)> {
    let id = || {
        let id = args.job_id.clone().filter(|id| !id.trim().is_empty());
        id.ok_or_else(|| Error::invalid("jobId is missing; list shows the ids"))
    };
    let asked = match args.action {
        Action::Status => ("cron.status", json!({})),
        Action::List => (
            "cron.list",
            json!({ "includeDisabled": args.include_disabled.unwrap_or(false) }),
        ),
        Action::Add => {
            let job = args
                .job
                .ok_or_else(|| Error::invalid("job is missing: what is to be done, and when"))?;
            ("cron.add", completed(job, origin)?)
        }
        Action::Update => {
            let patch = args.patch.clone().or_else(|| args.job.clone());
            let patch = patch.ok_or_else(|| Error::invalid("patch is missing: the keys to change"))?;
            ("cron.update", json!({ "id": id()?, "patch": patch }))
        }
        Action::Remove => ("cron.remove", json!({ "id": id()? })),
        Action::Run => (
            "cron.run",
            json!({ "id": id()?, "mode": args.mode.as_deref().unwrap_or("force") }),
        ),
        Action::Runs => match &args.job_id {
            Some(id) => ("cron.runs", json!({ "id": id })),
            None => ("cron.runs", json!({ "scope": "all" })),
        },
        Action::Wake => {
            let text = args
                .text
                .clone()
                .ok_or_else(|| Error::invalid("text is missing: what to tell"))?;
            let mode = args.mode.as_deref().unwrap_or("next-heartbeat");
            (
                "wake",
                json!({ "text": text, "mode": mode, "agentId": origin.agent_id }),
            )
        }
    };
    Ok(asked)
}

/// A job with what a model may leave out: it is this agent's, and what it is decides where it runs.
fn completed(mut job: Map<String, Value>, origin: &ToolOrigin) -> Result<Value> {
    let kind = job
        .get("payload")
        .and_then(|payload| payload["kind"].as_str())
        .map(str::to_owned);
    let target = match kind.as_deref() {
        Some("systemEvent") => "main",
        Some("agentTurn") => "isolated",
        _ => {
            return Err(Error::invalid(
                "job.payload.kind is agentTurn (with message) or systemEvent (with text)",
            ));
        }
    };
    job.entry("sessionTarget").or_insert(json!(target));
    job.entry("agentId").or_insert(json!(origin.agent_id));
    let chat = target == "isolated" && !origin.channel.is_empty() && origin.channel != crate::agent::CLIENTS;
    if chat && !job.contains_key("delivery") {
        // where it was asked for, not wherever the agent is spoken to last
        let to = json!({ "mode": "announce", "channel": origin.channel, "to": origin.chat_id });
        job.insert("delivery".into(), to);
    }
    Ok(Value::Object(job))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(args: Value, channel: &str) -> std::result::Result<(String, Value), String> {
        let origin = ToolOrigin {
            agent_id: "main".into(),
            channel: channel.into(),
            chat_id: "7".into(),
            ..ToolOrigin::default()
        };
        let args: Args = serde_json::from_value(args).map_err(|error| error.to_string())?;
        let asked = request(args, &origin).map_err(|error| error.message().to_owned())?;
        Ok((asked.0.to_owned(), asked.1))
    }

    #[test]
    fn actions_become_requests() {
        let job = json!({ "name": "tea", "schedule": { "kind": "every", "everyMs": 60_000 }, "payload": { "kind": "agentTurn", "message": "m" } });
        let (method, params) = asked(json!({ "action": "add", "job": job }), "chat").expect("asked");
        assert_eq!(method, "cron.add");
        assert_eq!(params["sessionTarget"], "isolated");
        assert_eq!(params["agentId"], "main");
        assert_eq!(
            params["delivery"],
            json!({ "mode": "announce", "channel": "chat", "to": "7" })
        );
        let (_, params) = asked(
            json!({ "action": "add", "job": { "payload": { "kind": "systemEvent" } } }),
            "chat",
        )
        .expect("asked");
        assert_eq!(
            (params["sessionTarget"].as_str(), params.get("delivery")),
            (Some("main"), None)
        );
        assert_eq!(
            asked(json!({ "action": "remove", "id": "j" }), "")
                .expect("asked")
                .1,
            json!({ "id": "j" })
        );
        assert_eq!(
            asked(json!({ "action": "wake", "text": "t" }), "")
                .expect("asked")
                .0,
            "wake"
        );
    }

    #[test]
    fn what_is_missing_is_named() {
        for (args, missing) in [
            (json!({ "action": "add" }), "job is missing"),
            (json!({ "action": "add", "job": {} }), "job.payload.kind"),
            (json!({ "action": "update", "jobId": "j" }), "patch is missing"),
            (json!({ "action": "remove" }), "jobId is missing"),
            (json!({ "action": "run", "jobId": " " }), "jobId is missing"),
            (json!({ "action": "wake" }), "text is missing"),
            (json!({ "action": "explode" }), "unknown variant"),
            (json!({}), "missing field `action`"),
        ] {
            let told = asked(args.clone(), "").expect_err("refused");
            assert!(told.contains(missing), "{args}: {told}");
        }
    }
}
