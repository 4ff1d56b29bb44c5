//! What is known of a run: as it goes, and as clients see it when it is over.
use super::job::{Job, Status};
use crate::{
    agent::{
        about::About,
        live::{End, Run},
    },
    journal::{Entry, EntryKind},
};
use openclaw_plugin_api::{Message, Role, Usage};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// Most of an answer that a run's record has, characters.
const SUMMARY: usize = 2_000;

/// The record of a run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(missing_docs, reason = "the protocol's own names")]
pub struct Record {
    /// When it ended, milliseconds since 1970.
    pub ts: i64,
    pub job_id: String,
    pub job_name: String,
    /// `finished` when it is over.
    pub action: String,
    pub run_id: String,
    pub status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completion_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    pub run_at_ms: i64,
    pub duration_ms: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_run_at_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub provider: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage: Option<Value>,
    pub delivered: bool,
    pub delivery_status: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivery_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
}

/// How a run went.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Outcome {
    pub(super) error: Option<String>,
    pub(super) skipped: bool,
    /// Another run has answered it; what that said is not known here.
    pub(super) elsewhere: bool,
    pub(super) text: String,
    pub(super) model: Option<(String, String)>,
    pub(super) usage: Option<Usage>,
    pub(super) session_id: String,
}

/// What became of a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Delivered {
    /// Nobody wants it.
    NotRequested,
    /// It is where it should be, or there was nothing to say.
    Yes,
    /// Nobody knows yet.
    Unknown,
    /// It is not, and why.
    No(String),
}

impl Record {
    /// Of a run that begins.
    pub(super) fn of(job: &Job, run_id: &str, now_ms: i64) -> Self {
        Self {
            job_id: job.id.clone(),
            job_name: job.name.clone(),
            action: "started".to_owned(),
            run_id: run_id.to_owned(),
            run_at_ms: now_ms,
            ..Self::default()
        }
    }

    /// It is over. Gives how it went in the end: what had to be delivered and was not has failed.
    pub(super) fn finish(
        &mut self,
        outcome: &Outcome,
        delivered: &Delivered,
        best_effort: bool,
        now_ms: i64,
    ) -> Status {
        let undelivered = match delivered {
            Delivered::No(why) if !best_effort => Some(why.clone()),
            _ => None,
        };
        self.error = outcome.error.clone().or(undelivered);
        let status = match (&self.error, outcome.skipped) {
            (Some(_), _) => Status::Error,
            (None, true) => Status::Skipped,
            (None, false) => Status::Ok,
        };
        let word = match status {
            Status::Ok => "succeeded",
            Status::Error => "failed",
            Status::Skipped => "skipped",
        };
        self.ts = now_ms;
        self.action = "finished".to_owned();
        self.status = Some(status);
        self.completion_status = Some(word.to_owned());
        let said: String = outcome.text.trim().chars().take(SUMMARY).collect();
        self.summary = Some(said).filter(|said| !said.is_empty());
        self.duration_ms = (now_ms - self.run_at_ms).max(0);
        if let Some((provider, model)) = &outcome.model {
            self.provider = Some(provider.clone());
            self.model = Some(model.clone());
        }
        self.usage = outcome.usage.map(|usage| {
            let input = usage.input + usage.cache_read + usage.cache_write;
            json!({ "input_tokens": input, "output_tokens": usage.output, "total_tokens": input + usage.output })
        });
        self.session_id = Some(outcome.session_id.clone()).filter(|id| !id.is_empty());
        self.delivered = *delivered == Delivered::Yes;
        self.delivery_status = delivered.word().to_owned();
        self.delivery_error = match delivered {
            Delivered::No(why) => Some(why.clone()),
            _ => None,
        };
        status
    }
}

impl Outcome {
    /// As whoever watched the run saw it.
    pub(super) fn of(run: &Run) -> Self {
        let mut outcome = Self {
            session_id: run.session_id(),
            model: Some(run.model()).filter(|(_, model)| !model.is_empty()),
            ..Self::default()
        };
        match run.how() {
            Some(End::Answered { text, usage }) => {
                outcome.text = text;
                outcome.usage = Some(usage);
            }
            Some(End::Told { text }) => outcome.text = text,
            Some(End::Merged) => outcome.elsewhere = true,
            Some(End::Failed { message, .. }) => outcome.error = Some(message),
            Some(End::Aborted) | None => outcome.error = Some("the run was stopped".to_owned()),
        }
        outcome
    }

    /// As the transcript has it, of a run that ended while nobody watched.
    pub(super) fn read(entries: &[Entry], session_id: &str) -> Self {
        let mut outcome = Self {
            session_id: session_id.to_owned(),
            error: Some("the run was not answered".to_owned()),
            ..Self::default()
        };
        for entry in entries {
            let about = About::of(entry);
            let Ok(message) = serde_json::from_str::<Message>(&entry.body) else {
                continue;
            };
            if message.role != Role::Assistant {
                continue;
            }
            match entry.kind {
                EntryKind::Note if !about.error.is_empty() => outcome.error = Some(about.error),
                EntryKind::Message => {
                    outcome.text = message.plain_text();
                    outcome.error = None;
                    outcome.model =
                        Some((about.provider, about.model)).filter(|(_, model)| !model.is_empty());
                    outcome.usage = about.usage;
                }
                _ => {}
            }
        }
        outcome
    }
}

impl Delivered {
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::NotRequested => "not-requested",
            Self::Yes => "delivered",
            Self::Unknown => "unknown",
            Self::No(_) => "not-delivered",
        }
    }
}
