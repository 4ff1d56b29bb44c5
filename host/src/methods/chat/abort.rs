//! `chat.abort`: what runs in a conversation ends; what was seen of its answer stays.
use crate::{app::Gateway, gateway::Failure, methods::params};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;

/// How long the end of a run is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

/// Parameters of `chat.abort`.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Params {
    session_key: String,
    #[serde(default)]
    agent_id: Option<String>,
    #[serde(default)]
    run_id: Option<String>,
    /// There are no side runs here.
    #[serde(default, rename = "preserveSideRuns")]
    _preserve_side_runs: Option<bool>,
}

/// Ends one run of a conversation, or all. Never an error when nothing runs.
pub(in crate::methods) async fn abort(gateway: &Gateway, given: Value) -> Result<Value, Failure> {
    let asked: Params = params("chat.abort", given)?;
    let (_, key) = super::history::whose(gateway, &asked.session_key, asked.agent_id.as_deref())?;
    let ended = stop(gateway, &key, asked.run_id.as_deref(), "rpc").await;
    Ok(json!({ "ok": true, "aborted": !ended.is_empty(), "runIds": ended }))
}

/// Ends runs; gives the ids of those that were there.
pub(in crate::methods) async fn stop(
    gateway: &Gateway,
    key: &str,
    run_id: Option<&str>,
    why: &'static str,
) -> Vec<String> {
    let key = key.to_lowercase();
    let live = &gateway.desk().live;
    let mut runs = live.active(Some(&key));
    runs.retain(|run| run_id.is_none_or(|id| run.id == id));
    runs.iter().for_each(|run| run.stopping(why));
    let mut ended = Vec::new();
    for run in &runs {
        if gateway.lanes().end_run(&key, &run.id).await {
            // a tool that does not let go is not waited for
            let _ = tokio::time::timeout(PATIENCE, run.ended()).await;
            ended.push(run.id.clone());
        }
    }
    ended
}
