//! Twilio: the REST interface. How it tells what happens is in `read`, what it is answered in `twiml`.
mod read;
mod twiml;

pub(super) use read::read;
pub(super) use twiml::document;

use super::{
    Dial, Probe,
    rest::{Ask, Body, Rest, is_gone},
};
use crate::{
    call::{Leg, State, Step},
    config::Region,
};
use openclaw_plugin_api::{Error, ErrorKind, Host, Result, Secret};
use serde_json::Value;
use url::Url;

/// What Twilio tells of a call that the agent makes.
const EVENTS: [&str; 4] = ["initiated", "ringing", "answered", "completed"];

/// Twilio.
#[derive(Debug)]
pub(crate) struct Twilio {
    rest: Rest,
    account_sid: String,
}

// === impl Twilio ===

impl Twilio {
    pub(super) fn new(
        host: &Host,
        account_sid: &str,
        auth_token: &Secret,
        region: Region,
        root: Option<&str>,
    ) -> Self {
        let root = root.unwrap_or(match region {
            Region::Us1 => "https://api.twilio.com",
            Region::Ie1 => "https://api.dublin.ie1.twilio.com",
            Region::Au1 => "https://api.sydney.au1.twilio.com",
        });
        Self {
            rest: Rest::basic(host, "twilio", root, account_sid, auth_token),
            account_sid: account_sid.to_owned(),
        }
    }

    pub(super) async fn dial(&self, dial: &Dial<'_>) -> Result<String> {
        let timeout = dial.ring_timeout.as_secs().clamp(5, 600).to_string();
        let mut form = vec![
            ("To", dial.to.to_owned()),
            ("From", dial.from.to_owned()),
            ("Timeout", timeout),
        ];
        match (dial.webhook_url, dial.inline) {
            (Some(webhook), _) => {
                form.push(("Url", link(webhook, dial, &[])?));
                form.push(("Method", "POST".to_owned()));
                form.push(("StatusCallback", link(webhook, dial, &[("type", "status")])?));
                form.push(("StatusCallbackMethod", "POST".to_owned()));
                form.extend(EVENTS.map(|event| ("StatusCallbackEvent", event.to_owned())));
            }
            (None, Some(step)) => form.push(("Twiml", twiml::render(step, None, dial.voice.as_deref()))),
            (None, None) => {
                let text = "a call without a webhook has to have a message";
                return Err(Error::invalid(text));
            }
        }
        let answer = self.rest.ask(Ask {
            what: "making a call",
            method: "POST",
            path: self.path("/Calls.json"),
            body: Body::Form(&form),
        });
        let answer = answer.await?;
        let sid = answer["sid"].as_str().filter(|sid| !sid.is_empty());
        sid.map(str::to_owned).ok_or_else(|| {
            Error::new(
                ErrorKind::Server,
                "twilio: the answer to a new call names no call",
            )
        })
    }

    pub(super) async fn perform(&self, leg: &Leg, step: &Step) -> Result<()> {
        let form = [("Twiml", twiml::render(step, Some(leg), leg.voice.as_deref()))];
        self.update("telling a call how to go on", &leg.provider_call_id, &form)
            .await
            .map(drop)
    }

    pub(super) async fn send_on(&self, leg: &Leg) -> Result<()> {
        let link = leg.link(&[("hop", &leg.hop.to_string())]);
        let form = [("Url", link), ("Method", "POST".to_owned())];
        self.update("leading a call to another address", &leg.provider_call_id, &form)
            .await
            .map(drop)
    }

    pub(super) async fn hang_up(&self, sid: &str) -> Result<()> {
        let form = [("Status", "completed".to_owned())];
        match self.update("ending a call", sid, &form).await {
            Err(error) if !is_gone(&error) => Err(error),
            _ => Ok(()),
        }
    }

    pub(super) async fn probe(&self, sid: &str) -> Result<Probe> {
        let answer = self.rest.ask(Ask {
            what: "asking after a call",
            method: "GET",
            path: self.path(&format!("/Calls/{}.json", segment(sid))),
            body: Body::None,
        });
        match answer.await {
            Ok(answer) => Ok(probed(&answer)),
            Err(error) if is_gone(&error) => Ok(Probe::Ended(State::Completed)),
            Err(error) => Err(error),
        }
    }

    async fn update(&self, what: &'static str, sid: &str, form: &[(&str, String)]) -> Result<Value> {
        self.rest
            .ask(Ask {
                what,
                method: "POST",
                path: self.path(&format!("/Calls/{}.json", segment(sid))),
                body: Body::Form(form),
            })
            .await
    }

    fn path(&self, rest: &str) -> String {
        format!("/2010-04-01/Accounts/{}{rest}", segment(&self.account_sid))
    }
}

/// What came from outside is one step of a path, whatever is in it.
fn segment(text: &str) -> String {
    text.chars()
        .filter(|c| c.is_ascii_alphanumeric() || *c == '-')
        .collect()
}

fn link(webhook: &str, dial: &Dial<'_>, query: &[(&str, &str)]) -> Result<String> {
    let mut url = Url::parse(webhook)?;
    url.query_pairs_mut()
        .append_pair("callId", dial.call_id.as_str())
        .extend_pairs(query);
    Ok(url.into())
}

fn probed(answer: &Value) -> Probe {
    match answer["status"].as_str().unwrap_or_default() {
        "queued" | "initiated" | "ringing" => Probe::Ringing,
        "in-progress" => Probe::Answered,
        status => read::ended(status).map_or(Probe::Unknown, Probe::Ended),
    }
}
