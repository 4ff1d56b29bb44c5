//! A job: what runs, when, and where its result goes; and how it did so far. Its records are those of the protocol.
use super::schedule::Schedule;
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

/// Pauses after one, two, three … errors in a row, milliseconds.
const BACKOFF_MS: [i64; 5] = [30_000, 60_000, 300_000, 900_000, 3_600_000];
/// How often a job that comes once is tried again after an error.
const RETRIES: u32 = 3;
/// Longest name, characters.
const MAX_NAME: usize = 200;
/// Longest text, bytes.
const MAX_TEXT: usize = 64 * 1024;
/// What stands before a conversation's key as a target.
const SESSION: &str = "session:";

/// A job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Job {
    /// Its id.
    pub id: String,
    /// Its agent.
    pub agent_id: String,
    /// The conversation that it belongs to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_key: Option<String>,
    /// Its name for people.
    pub name: String,
    /// What it is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// It runs when it is due.
    pub enabled: bool,
    /// It goes when it has run well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete_after_run: Option<bool>,
    /// When it was made, milliseconds since 1970.
    pub created_at_ms: i64,
    /// When it was changed last, or ran last.
    pub updated_at_ms: i64,
    /// When it runs.
    pub schedule: Schedule,
    /// `main`, `isolated`, or `session:<key>`.
    pub session_target: String,
    /// When the agent hears of an event.
    pub wake_mode: WakeMode,
    /// What happens.
    pub payload: Payload,
    /// Where the result goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delivery: Option<JobDelivery>,
    /// How it did so far.
    #[serde(default)]
    pub state: State,
}

/// When an agent hears of an event.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum WakeMode {
    /// At once.
    #[default]
    Now,
    /// At its next heartbeat.
    NextHeartbeat,
}

/// What happens when a job runs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Payload {
    /// The agent's main conversation hears of something.
    SystemEvent {
        /// What.
        text: String,
    },
    /// The agent is asked something.
    AgentTurn {
        /// What.
        message: String,
        /// The model. Default: the agent's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        model: Option<String>,
        /// How hard to think. Default: as the agent does.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        thinking: Option<String>,
        /// Longest turn, seconds. Default: the agent's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timeout_seconds: Option<f64>,
    },
}

/// Where a result goes.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct JobDelivery {
    /// How.
    pub mode: DeliveryMode,
    /// The channel. Default: `last`, where the agent was spoken to last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<String>,
    /// The chat, or the address of a webhook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// The thread.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        deserialize_with = "text_or_number"
    )]
    #[schemars(with = "Option<Value>")]
    pub thread_id: Option<String>,
    /// The account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account_id: Option<String>,
    /// A result that can't be delivered is no failure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub best_effort: Option<bool>,
}

/// How a result goes where it goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DeliveryMode {
    /// Nowhere.
    #[default]
    None,
    /// To a chat.
    Announce,
    /// By HTTP, to an address.
    Webhook,
}

/// How a run went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Well.
    Ok,
    /// It failed.
    Error,
    /// There was nothing to do.
    Skipped,
}

/// How a job did so far.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
#[expect(missing_docs, reason = "the protocol's own names")]
pub struct State {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_run_at_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub running_at_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run_at_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_run_status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_status: Option<Status>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_duration_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_delivered: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_delivery_status: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_delivery_error: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consecutive_errors: Option<u32>,
}

fn text_or_number<'de, D: Deserializer<'de>>(from: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(from)? {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

// === impl Job ===

impl Job {
    /// It can be carried out.
    pub fn check(&self, now_ms: i64) -> Result<(), String> {
        let name = self.name.trim();
        if name.is_empty() || name.chars().count() > MAX_NAME {
            return Err(format!(
                "name has no characters or more than {MAX_NAME}; give a short one"
            ));
        }
        let text = match &self.payload {
            Payload::SystemEvent { text } => text,
            Payload::AgentTurn { message, .. } => message,
        };
        if text.trim().is_empty() || text.len() > MAX_TEXT {
            return Err(format!(
                "the payload's text is empty or longer than {MAX_TEXT} bytes; change it"
            ));
        }
        let event = matches!(self.payload, Payload::SystemEvent { .. });
        match (self.session_target.as_str(), event) {
            ("main", true) => {}
            ("main", false) => {
                return Err("sessionTarget \"main\" takes payload.kind \"systemEvent\"; use \"isolated\" for an agentTurn".to_owned());
            }
            (_, true) => {
                return Err(
                    "payload.kind \"systemEvent\" goes with sessionTarget \"main\"; use it or an agentTurn"
                        .to_owned(),
                );
            }
            ("isolated", false) => {}
            (target, false) if target.strip_prefix(SESSION).is_some_and(|key| !key.is_empty()) => {}
            (target, false) => {
                return Err(format!(
                    "sessionTarget \"{target}\" is none; write main, isolated or session:<key>"
                ));
            }
        }
        self.check_delivery(event)?;
        // one that is over keeps its time
        if self.enabled || !self.schedule.is_once() {
            self.schedule.check(now_ms)?;
        }
        Ok(())
    }

    fn check_delivery(&self, event: bool) -> Result<(), String> {
        let Some(delivery) = &self.delivery else {
            return Ok(());
        };
        match delivery.mode {
            DeliveryMode::Announce if event => {
                Err("delivery.mode \"announce\" goes with an agentTurn; a systemEvent is answered where the agent is".to_owned())
            }
            DeliveryMode::Webhook => {
                let url = delivery.to.as_deref().and_then(|to| url::Url::parse(to).ok());
                match url.filter(|url| matches!(url.scheme(), "http" | "https")) {
                    Some(_) => Ok(()),
                    None => Err("delivery.to is no http or https address; a webhook needs one".to_owned()),
                }
            }
            _ => Ok(()),
        }
    }

    /// The conversation in which it runs.
    pub fn session(&self) -> String {
        match self.session_target.strip_prefix(SESSION) {
            Some(key) => key.to_lowercase(),
            None if self.session_target == "main" => self
                .session_key
                .clone()
                .unwrap_or_else(|| crate::route::main_key(&self.agent_id)),
            None => format!("agent:{}:cron:{}", self.agent_id, self.id),
        }
    }

    /// It begins with an empty conversation each time.
    pub fn is_isolated(&self) -> bool {
        self.session_target == "isolated"
    }

    /// How its result goes where it goes.
    pub fn delivery_mode(&self) -> DeliveryMode {
        self.delivery
            .as_ref()
            .map(|delivery| delivery.mode)
            .unwrap_or_default()
    }

    /// Says when it is due next, behind this time.
    pub fn plan(&mut self, after_ms: i64) {
        let next = self.schedule.next(&self.id, self.created_at_ms, after_ms);
        self.state.next_run_at_ms = next.filter(|_| self.enabled);
    }

    /// When it is due. None: it is off, over, or running.
    pub fn due(&self) -> Option<i64> {
        self.state
            .next_run_at_ms
            .filter(|_| self.enabled && self.state.running_at_ms.is_none())
    }

    /// A run begins.
    pub fn begin(&mut self, now_ms: i64) {
        self.state.running_at_ms = Some(now_ms);
        if !self.schedule.is_once() {
            self.plan(now_ms);
        }
    }

    /// A run has ended. True: the job is over and goes.
    pub fn end(&mut self, status: Status, error: Option<String>, began_ms: i64, now_ms: i64) -> bool {
        let state = &mut self.state;
        state.running_at_ms = None;
        state.last_run_at_ms = Some(began_ms);
        state.last_run_status = Some(status);
        state.last_status = Some(status);
        state.last_error = error;
        state.last_duration_ms = Some((now_ms - began_ms).max(0));
        let errors = match status {
            Status::Error => state.consecutive_errors.unwrap_or(0).saturating_add(1),
            Status::Ok | Status::Skipped => 0,
        };
        state.consecutive_errors = Some(errors);
        self.updated_at_ms = now_ms;
        let again = now_ms + BACKOFF_MS[(errors.saturating_sub(1) as usize).min(BACKOFF_MS.len() - 1)];
        if self.schedule.is_once() {
            if errors > 0 && errors <= RETRIES {
                self.state.next_run_at_ms = Some(again).filter(|_| self.enabled);
                return false;
            }
            self.enabled = false;
            self.state.next_run_at_ms = None;
            return errors == 0 && self.delete_after_run.unwrap_or(true);
        }
        self.plan(now_ms);
        if errors > 0 {
            self.state.next_run_at_ms = self.state.next_run_at_ms.map(|next| next.max(again));
        }
        errors == 0 && self.delete_after_run == Some(true)
    }

    /// The same for a run that was begun by this schedule: a single time that it was given meanwhile holds.
    pub fn end_of(
        &mut self,
        begun: &Schedule,
        status: Status,
        error: Option<String>,
        began_ms: i64,
        now_ms: i64,
    ) -> bool {
        let was_on = self.enabled;
        let over = self.end(status, error, began_ms, now_ms);
        if !self.schedule.is_once() || self.schedule == *begun {
            return over;
        }
        self.enabled = was_on;
        self.plan(began_ms);
        false
    }

    /// As clients see it.
    pub fn view(&self) -> Value {
        let mut view = json!(self);
        view["configRevision"] = json!(self.revision());
        let state = &self.state;
        let copies = [
            ("nextRunAtMs", json!(state.next_run_at_ms)),
            ("lastRunAtMs", json!(state.last_run_at_ms)),
            ("lastRunStatus", json!(state.last_run_status)),
            ("lastRunError", json!(state.last_error)),
            ("lastDelivered", json!(state.last_delivered)),
            ("lastDeliveryStatus", json!(state.last_delivery_status)),
        ];
        for (key, value) in copies.into_iter().filter(|(_, value)| !value.is_null()) {
            view[key] = value;
        }
        view
    }

    /// Another text for another job; how it did is no part of it.
    pub fn revision(&self) -> String {
        let mut bare = json!(self);
        for key in ["state", "updatedAtMs"] {
            bare.as_object_mut().map(|bare| bare.shift_remove(key));
        }
        let hash = Sha256::digest(bare.to_string());
        format!("sha256:{}", URL_SAFE_NO_PAD.encode(hash))
    }
}

#[cfg(test)]
pub(super) mod tests;
