//! `cron.runs`: how jobs went, by page, as clients look for them.
use super::{MAX_PAGE, PAGE, failed};
use crate::{
    app::Gateway,
    cron::{Record, Status},
    gateway::Failure,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// Runs that are looked through for those that somebody wants.
const LOOKED_AT: u32 = 10_000;

/// Parameters of `cron.runs`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Runs {
    #[serde(alias = "jobId")]
    id: Option<String>,
    scope: Option<String>,
    limit: Option<usize>,
    offset: usize,
    sort_dir: Option<String>,
    agent_id: Option<String>,
    run_id: Option<String>,
    status: Option<String>,
    statuses: Option<Vec<String>>,
    delivery_status: Option<String>,
    delivery_statuses: Option<Vec<String>>,
    query: Option<String>,
}

pub(super) async fn runs(gateway: &Gateway, wanted: Runs) -> Result<Value, Failure> {
    let of = wanted
        .id
        .as_deref()
        .filter(|_| wanted.scope.as_deref() != Some("all"));
    let limit = wanted.limit.unwrap_or(PAGE).clamp(1, MAX_PAGE);
    let (entries, total) = if wanted.looks() {
        let (mut all, _) = gateway.cron().runs(of, LOOKED_AT, 0).await.map_err(failed)?;
        all.retain(|record| wanted.takes(record));
        let total = all.len() as u64;
        (all.into_iter().skip(wanted.offset).take(limit).collect(), total)
    } else {
        let (limit, offset) = (limit as u32, u32::try_from(wanted.offset).unwrap_or(u32::MAX));
        gateway.cron().runs(of, limit, offset).await.map_err(failed)?
    };
    let end = wanted.offset + entries.len();
    let more = (end as u64) < total;
    let mut entries: Vec<Record> = entries;
    if wanted.sort_dir.as_deref() == Some("asc") {
        entries.reverse();
    }
    Ok(json!({
        "entries": entries, "total": total, "offset": wanted.offset, "limit": limit, "hasMore": more,
        "nextOffset": Some(end).filter(|_| more),
    }))
}

impl Runs {
    /// Does it ask for some runs only?
    fn looks(&self) -> bool {
        let words = [
            &self.agent_id,
            &self.run_id,
            &self.status,
            &self.delivery_status,
            &self.query,
        ];
        words.iter().any(|word| word.is_some()) || self.statuses.is_some() || self.delivery_statuses.is_some()
    }

    fn takes(&self, record: &Record) -> bool {
        let status = match record.status {
            Some(Status::Ok) => "ok",
            Some(Status::Error) => "error",
            Some(Status::Skipped) => "skipped",
            None => "unknown",
        };
        let is = |wanted: &Option<String>, found: &str| {
            wanted
                .as_deref()
                .is_none_or(|wanted| wanted == "all" || wanted == found)
        };
        let one_of = |wanted: &Option<Vec<String>>, found: &str| {
            wanted
                .as_ref()
                .is_none_or(|wanted| wanted.is_empty() || wanted.iter().any(|wanted| wanted == found))
        };
        let key = record.session_key.as_deref().unwrap_or_default();
        let agent = key.strip_prefix("agent:").and_then(|rest| rest.split(':').next());
        let texts = [&record.summary, &record.error].map(|text| text.as_deref().unwrap_or_default());
        let text = format!("{} {} {}", record.job_name, texts[0], texts[1]).to_lowercase();
        let query = self.query.as_deref().unwrap_or_default().trim().to_lowercase();
        is(&self.agent_id, agent.unwrap_or_default())
            && is(&self.run_id, &record.run_id)
            && is(&self.status, status)
            && one_of(&self.statuses, status)
            && is(&self.delivery_status, &record.delivery_status)
            && one_of(&self.delivery_statuses, &record.delivery_status)
            && text.contains(&query)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_looked_for_by_what_they_were() {
        let record = Record {
            run_id: "r1".into(),
            job_name: "Morning News".into(),
            status: Some(Status::Ok),
            session_key: Some("agent:work:cron:j".into()),
            delivery_status: "delivered".into(),
            ..Record::default()
        };
        let asked = |asked: Value| Runs::deserialize(asked).expect("valid");
        for (wanted, takes) in [
            (json!({"agentId": "work"}), true),
            (json!({"agentId": "main"}), false),
            (json!({"status": "all", "query": "news "}), true),
            (json!({"statuses": ["error", "skipped"]}), false),
            (json!({"deliveryStatuses": ["delivered"], "runId": "r1"}), true),
            (json!({"deliveryStatus": "unknown"}), false),
        ] {
            assert!(asked(wanted.clone()).looks());
            assert_eq!(asked(wanted.clone()).takes(&record), takes, "{wanted}");
        }
        assert!(!asked(json!({"jobId": "j", "limit": 5})).looks());
    }
}
