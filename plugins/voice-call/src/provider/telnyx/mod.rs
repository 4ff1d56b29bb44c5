//! Telnyx Call Control: each step of a call is a command, and each thing that happens an event.
mod read;

pub(super) use read::read;

use super::{
    Dial, Probe,
    rest::{Ask, Body, Rest, is_gone},
};
use crate::{
    call::{Leg, State, Step},
    clock::uuid,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use openclaw_plugin_api::{Error, ErrorKind, Host, Result, Secret};
use serde_json::{Value, json};

/// Where the interface is.
const ROOT: &str = "https://api.telnyx.com";

/// Telnyx.
#[derive(Debug)]
pub(crate) struct Telnyx {
    rest: Rest,
    connection_id: String,
}

// === impl Telnyx ===

impl Telnyx {
    pub(super) fn new(host: &Host, api_key: &Secret, connection_id: &str, root: Option<&str>) -> Self {
        Self {
            rest: Rest::bearer(host, "telnyx", root.unwrap_or(ROOT), api_key),
            connection_id: connection_id.to_owned(),
        }
    }

    pub(super) async fn dial(&self, dial: &Dial<'_>) -> Result<String> {
        let body = json!({
            "connection_id": self.connection_id,
            "to": dial.to,
            "from": dial.from,
            "webhook_url": dial.webhook_url,
            "webhook_url_method": "POST",
            "client_state": STANDARD.encode(dial.call_id.as_str()),
            "timeout_secs": dial.ring_timeout.as_secs().clamp(5, 600),
        });
        let answer = self.rest.ask(Ask {
            what: "making a call",
            method: "POST",
            path: "/v2/calls".to_owned(),
            body: Body::Json(body),
        });
        let answer = answer.await?;
        let id = answer["data"]["call_control_id"]
            .as_str()
            .filter(|id| !id.is_empty());
        id.map(str::to_owned).ok_or_else(|| {
            Error::new(
                ErrorKind::Server,
                "telnyx: the answer to a new call names no call",
            )
        })
    }

    pub(super) async fn perform(&self, leg: &Leg, step: &Step) -> Result<()> {
        // Telnyx does a command once, however often it is told: what is said has the same id in every try
        let command_id = match step.says() {
            true => format!("openclaw-say-{}-{}", leg.call_id, leg.command),
            false => format!("openclaw-{}", uuid()),
        };
        let (action, body) = match step {
            Step::Answer => {
                let body = json!({ "command_id": format!("openclaw-answer-{}", leg.call_id) });
                return self
                    .command("taking a call", &leg.provider_call_id, "answer", body)
                    .await;
            }
            Step::Say { text, .. } => {
                if leg.listening {
                    self.stop_listening(leg).await?;
                }
                let voice = leg
                    .voice
                    .as_deref()
                    .filter(|voice| voice.contains('.'))
                    .unwrap_or("female");
                (
                    "speak",
                    json!({ "payload": text, "voice": voice, "language": "en-US" }),
                )
            }
            Step::Listen { .. } => (
                "transcription_start",
                json!({
                    "transcription_engine": "Google",
                    "transcription_engine_config": { "transcription_engine": "Google", "language": "en" },
                }),
            ),
            Step::Digits(digits) => {
                // Telnyx has no comma
                (
                    "send_dtmf",
                    json!({ "digits": digits.replace([',', 'p', 'P'], "w") }),
                )
            }
            Step::HangUp | Step::Reject => return self.hang_up(&leg.provider_call_id).await,
            Step::Nothing | Step::Wait | Step::Stream(_) => return Ok(()),
        };
        let mut body = body;
        body["command_id"] = Value::String(command_id);
        self.command("telling a call how to go on", &leg.provider_call_id, action, body)
            .await
    }

    /// What is heard while the agent speaks is the agent. Where nothing listens, which an earlier try may have seen to, that
    /// is no reason to be silent.
    async fn stop_listening(&self, leg: &Leg) -> Result<()> {
        let body = json!({ "command_id": format!("openclaw-{}", uuid()) });
        let stopped = self.command(
            "telling a call how to go on",
            &leg.provider_call_id,
            "transcription_stop",
            body,
        );
        as_good_as_done(stopped.await)
    }

    pub(super) async fn hang_up(&self, id: &str) -> Result<()> {
        let body = json!({ "command_id": format!("openclaw-{}", uuid()) });
        as_good_as_done(self.command("ending a call", id, "hangup", body).await)
    }

    pub(super) async fn probe(&self, id: &str) -> Result<Probe> {
        let answer = self.rest.ask(Ask {
            what: "asking after a call",
            method: "GET",
            path: format!("/v2/calls/{}", segment(id)),
            body: Body::None,
        });
        match answer.await {
            Ok(answer) => Ok(match answer["data"]["is_alive"].as_bool() {
                Some(false) => Probe::Ended(State::Completed),
                Some(true) | None => Probe::Unknown,
            }),
            Err(error) if is_gone(&error) => Ok(Probe::Ended(State::Completed)),
            Err(error) => Err(error),
        }
    }

    async fn command(&self, what: &'static str, id: &str, action: &str, body: Value) -> Result<()> {
        let ask = Ask {
            what,
            method: "POST",
            path: format!("/v2/calls/{}/actions/{action}", segment(id)),
            body: Body::Json(body),
        };
        self.rest.ask(ask).await.map(drop)
    }
}

/// Telnyx says 422 where there is nothing to end any more.
fn as_good_as_done(outcome: Result<()>) -> Result<()> {
    match outcome {
        Err(error) if !is_gone(&error) && error.kind() != ErrorKind::InvalidInput => Err(error),
        _ => Ok(()),
    }
}

/// What came from outside is one step of a path, whatever is in it. Telnyx' ids have `:` in them.
fn segment(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
