//! Plivo: the REST interface. How it tells what happens is in `read`, what it is answered in `document`.
//!
//! A call is told to go on by being sent to another address, from which Plivo then fetches a document.
mod document;
mod read;

pub(super) use document::document;
pub(super) use read::read;

use super::{
    Dial, Probe,
    rest::{Ask, Body, Rest, is_gone},
};
use crate::call::{Leg, State, Step};
use openclaw_plugin_api::{Error, ErrorKind, Host, Result, Secret};
use serde_json::{Value, json};
use url::Url;

/// Where the interface is.
const ROOT: &str = "https://api.plivo.com";

/// Plivo.
#[derive(Debug)]
pub(crate) struct Plivo {
    rest: Rest,
    auth_id: String,
}

// === impl Plivo ===

impl Plivo {
    pub(super) fn new(host: &Host, auth_id: &str, auth_token: &Secret, root: Option<&str>) -> Self {
        Self {
            rest: Rest::basic(host, "plivo", root.unwrap_or(ROOT), auth_id, auth_token),
            auth_id: auth_id.to_owned(),
        }
    }

    pub(super) async fn dial(&self, dial: &Dial<'_>) -> Result<String> {
        let webhook = dial.webhook_url.unwrap_or_default();
        let link = |flow: &str| -> Result<String> {
            let mut url = Url::parse(webhook)?;
            url.query_pairs_mut()
                .append_pair("provider", "plivo")
                .append_pair("callId", dial.call_id.as_str())
                .append_pair("flow", flow);
            Ok(url.into())
        };
        let body = json!({
            "from": dial.from,
            "to": dial.to,
            "answer_url": link("answer")?,
            "answer_method": "POST",
            "hangup_url": link("hangup")?,
            "hangup_method": "POST",
            "hangup_on_ring": dial.ring_timeout.as_secs().clamp(5, 600),
        });
        let answer = self
            .ask("making a call", "POST", "/Call/", Body::Json(body))
            .await?;
        let id = answer["request_uuid"].as_str().filter(|id| !id.is_empty());
        id.map(str::to_owned)
            .ok_or_else(|| Error::new(ErrorKind::Server, "plivo: the answer to a new call names no call"))
    }

    pub(super) async fn perform(&self, leg: &Leg, step: &Step) -> Result<()> {
        let flow = match step {
            Step::Listen { .. } => "xml-listen",
            Step::Say { .. } | Step::Digits(_) => "xml-speak",
            Step::HangUp | Step::Reject => return self.hang_up(&leg.provider_call_id).await,
            Step::Nothing | Step::Answer | Step::Wait | Step::Stream(_) => return Ok(()),
        };
        self.send(leg, flow).await
    }

    pub(super) async fn send_on(&self, leg: &Leg) -> Result<()> {
        self.send(leg, "xml-listen").await
    }

    /// Sends a call to another of our addresses.
    async fn send(&self, leg: &Leg, flow: &str) -> Result<()> {
        let hop = leg.hop.to_string();
        let link = leg.link(&[("provider", "plivo"), ("flow", flow), ("hop", &hop)]);
        let body = json!({ "legs": "aleg", "aleg_url": link, "aleg_method": "POST" });
        let path = format!("/Call/{}/", segment(&leg.provider_call_id));
        self.ask("telling a call how to go on", "POST", &path, Body::Json(body))
            .await
            .map(drop)
    }

    /// A call that has not been answered is still a request.
    pub(super) async fn hang_up(&self, id: &str) -> Result<()> {
        for place in ["Call", "Request"] {
            let ended = self.rest.ask_leniently(Ask {
                what: "ending a call",
                method: "DELETE",
                path: self.path(&format!("/{place}/{}/", segment(id))),
                body: Body::None,
            });
            if ended.await? {
                return Ok(());
            }
        }
        Ok(())
    }

    pub(super) async fn probe(&self, id: &str) -> Result<Probe> {
        let path = format!("/Call/{}/", segment(id));
        match self.ask("asking after a call", "GET", &path, Body::None).await {
            Ok(answer) if !answer["end_time"].is_null() => Ok(Probe::Ended(State::Completed)),
            Ok(_) => Ok(Probe::Unknown),
            Err(error) if is_gone(&error) => Ok(Probe::Ended(State::Completed)),
            Err(error) => Err(error),
        }
    }

    async fn ask(
        &self,
        what: &'static str,
        method: &'static str,
        path: &str,
        body: Body<'_>,
    ) -> Result<Value> {
        let path = self.path(path);
        self.rest
            .ask(Ask {
                what,
                method,
                path,
                body,
            })
            .await
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/Account/{}{rest}", segment(&self.auth_id))
    }
}

/// What came from outside is one step of a path, whatever is in it.
fn segment(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect()
}
