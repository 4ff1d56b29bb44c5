//! `cron.list`: jobs by page, as clients look for them.
use super::{MAX_PAGE, PAGE, failed, preview};
use crate::{
    app::Gateway,
    cron::{Job, Schedule, Status},
    gateway::Failure,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Parameters of `cron.list`.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct List {
    include_disabled: bool,
    limit: Option<usize>,
    offset: usize,
    query: Option<String>,
    enabled: Option<String>,
    schedule_kind: Option<String>,
    last_run_status: Option<String>,
    trigger: Option<String>,
    sort_by: Option<String>,
    sort_dir: Option<String>,
    agent_id: Option<String>,
    compact: bool,
    include_delivery_previews: bool,
}

pub(super) async fn list(gateway: &Gateway, wanted: List) -> Result<Value, Failure> {
    let mut jobs = gateway.cron().list().await.map_err(failed)?.jobs;
    let all: Vec<String> = jobs.iter().map(Job::revision).collect();
    jobs.retain(|job| wanted.takes(job));
    sort(&mut jobs, &wanted);
    let (total, limit) = (jobs.len(), wanted.limit.unwrap_or(PAGE).clamp(1, MAX_PAGE));
    let page: Vec<_> = jobs.into_iter().skip(wanted.offset).take(limit).collect();
    let end = wanted.offset + page.len();
    let view = |job: &Job| {
        let mut view = job.view();
        view["effectiveAgentId"] = json!(job.agent_id);
        view
    };
    let mut answer = json!({
        "jobs": page.iter().map(view).collect::<Vec<_>>(), "snapshotRevision": revision(&all), "total": total,
        "offset": wanted.offset, "limit": limit, "hasMore": end < total,
        "nextOffset": Some(end).filter(|end| *end < total),
    });
    if wanted.include_delivery_previews {
        let previews = page.iter().map(|job| (job.id.clone(), preview(job)));
        answer["deliveryPreviews"] = Value::Object(previews.collect());
    }
    Ok(answer)
}

impl List {
    pub(super) fn takes(&self, job: &Job) -> bool {
        let enabled = match self.enabled.as_deref() {
            Some("all") => true,
            Some("disabled") => !job.enabled,
            Some(_) => job.enabled,
            None => job.enabled || self.include_disabled,
        };
        let is = |wanted: &Option<String>, found: &str| {
            wanted
                .as_deref()
                .is_none_or(|wanted| wanted == "all" || wanted == found)
        };
        let kind = match job.schedule {
            Schedule::At { .. } => "at",
            Schedule::Every { .. } => "every",
            Schedule::Cron { .. } => "cron",
        };
        let status = match job.state.last_status {
            Some(Status::Ok) => "ok",
            Some(Status::Error) => "error",
            Some(Status::Skipped) => "skipped",
            None => "unknown",
        };
        let text = format!(
            "{} {} {}",
            job.id,
            job.name,
            job.description.as_deref().unwrap_or_default()
        );
        let query = self.query.as_deref().unwrap_or_default().trim().to_lowercase();
        enabled
            && is(&self.schedule_kind, kind)
            && is(&self.last_run_status, status)
            && is(&self.trigger, "unconditional")
            && self.agent_id.as_deref().is_none_or(|id| id == job.agent_id)
            && text.to_lowercase().contains(&query)
    }
}

fn sort(jobs: &mut [Job], wanted: &List) {
    match wanted.sort_by.as_deref() {
        Some("name") => jobs.sort_by_key(|job| job.name.to_lowercase()),
        Some("updatedAtMs") => jobs.sort_by_key(|job| job.updated_at_ms),
        // what is not due comes last
        _ => jobs.sort_by_key(|job| (job.state.next_run_at_ms.unwrap_or(i64::MAX), job.created_at_ms)),
    }
    if wanted.sort_dir.as_deref() == Some("desc") {
        jobs.reverse();
    }
}

fn revision(of: &[String]) -> String {
    format!("sha256:{}", URL_SAFE_NO_PAD.encode(Sha256::digest(of.concat())))
}
