//! Carriers: what each is asked, how each tells what happens, and in which words.
//!
//! They decide nothing of a call. Invariants: a text becomes part of a document only escaped; no error of a carrier
//! carries a credential.
mod mock;
mod plivo;
mod rest;
mod telnyx;
mod twilio;
mod xml;

use crate::{
    call::{CallId, Incoming, Leg, State, Step},
    config,
    settings::{Credentials, Settings},
    webhook::Verified,
};
use openclaw_plugin_api::{Host, Result};
use std::time::Duration;

/// Who carries the calls.
#[derive(Debug)]
pub(crate) enum Carrier {
    Twilio(twilio::Twilio),
    Telnyx(telnyx::Telnyx),
    Plivo(plivo::Plivo),
    Mock,
}

/// A call to be made.
#[derive(Debug)]
pub(crate) struct Dial<'d> {
    pub(crate) call_id: &'d CallId,
    pub(crate) from: &'d str,
    pub(crate) to: &'d str,
    /// Where the carrier tells what happens; `None`: nowhere.
    pub(crate) webhook_url: Option<&'d str>,
    /// What the call is to do, where the carrier can't ask.
    pub(crate) inline: Option<&'d Step>,
    pub(crate) voice: Option<String>,
    pub(crate) ring_timeout: Duration,
}

/// What a carrier says of a call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Probe {
    Ringing,
    Answered,
    Ended(State),
    /// It goes on, and no more is known.
    Unknown,
}

/// What a webhook is answered.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Reply {
    pub(crate) content_type: String,
    pub(crate) body: String,
}

// === impl Reply ===

impl Reply {
    pub(crate) fn new(content_type: &str, body: impl Into<String>) -> Self {
        Self {
            content_type: content_type.to_owned(),
            body: body.into(),
        }
    }
}

// === impl Carrier ===

impl Carrier {
    pub(crate) fn new(host: &Host, settings: &Settings) -> Self {
        let config = &settings.config;
        match &settings.credentials {
            Credentials::Twilio {
                account_sid,
                auth_token,
                region,
            } => Self::Twilio(twilio::Twilio::new(
                host,
                account_sid,
                auth_token,
                *region,
                config.twilio.api_root.as_deref(),
            )),
            Credentials::Telnyx {
                api_key,
                connection_id,
                ..
            } => Self::Telnyx(telnyx::Telnyx::new(
                host,
                api_key,
                connection_id,
                config.telnyx.api_root.as_deref(),
            )),
            Credentials::Plivo { auth_id, auth_token } => Self::Plivo(plivo::Plivo::new(
                host,
                auth_id,
                auth_token,
                config.plivo.api_root.as_deref(),
            )),
            Credentials::Mock => Self::Mock,
        }
    }

    pub(crate) fn kind(&self) -> config::Carrier {
        match self {
            Self::Twilio(_) => config::Carrier::Twilio,
            Self::Telnyx(_) => config::Carrier::Telnyx,
            Self::Plivo(_) => config::Carrier::Plivo,
            Self::Mock => config::Carrier::Mock,
        }
    }

    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Twilio(_) => "twilio",
            Self::Telnyx(_) => "telnyx",
            Self::Plivo(_) => "plivo",
            Self::Mock => "mock",
        }
    }

    /// Does it ask how a call goes on? Otherwise it has to be told each step.
    pub(crate) fn speaks_documents(&self) -> bool {
        !matches!(self, Self::Telnyx(_))
    }

    /// Does it fetch a document even where it was told to go on?
    pub(crate) fn fetches_documents(&self) -> bool {
        matches!(self, Self::Plivo(_))
    }

    /// Can it make a call whose course nobody follows?
    pub(crate) fn works_alone(&self) -> bool {
        matches!(self, Self::Twilio(_) | Self::Mock)
    }

    /// What a webhook tells.
    pub(crate) fn read(&self, webhook: &Verified) -> Incoming {
        match self {
            Self::Twilio(_) => twilio::read(webhook),
            Self::Telnyx(_) => telnyx::read(webhook),
            Self::Plivo(_) => plivo::read(webhook),
            Self::Mock => mock::read(webhook),
        }
    }

    /// What a webhook is answered.
    pub(crate) fn answer(&self, step: &Step, leg: Option<&Leg>) -> Reply {
        match self {
            Self::Twilio(_) => twilio::document(step, leg),
            Self::Telnyx(_) => Reply::new("text/plain", "OK"),
            Self::Plivo(_) => plivo::document(step, leg),
            Self::Mock => mock::document(step),
        }
    }

    /// Makes a call; gives the carrier's id of it.
    pub(crate) async fn dial(&self, dial: &Dial<'_>) -> Result<String> {
        match self {
            Self::Twilio(twilio) => twilio.dial(dial).await,
            Self::Telnyx(telnyx) => telnyx.dial(dial).await,
            Self::Plivo(plivo) => plivo.dial(dial).await,
            Self::Mock => Ok(format!("mock-{}", dial.call_id)),
        }
    }

    /// Has a call go on.
    pub(crate) async fn perform(&self, leg: &Leg, step: &Step) -> Result<()> {
        match self {
            Self::Twilio(twilio) => twilio.perform(leg, step).await,
            Self::Telnyx(telnyx) => telnyx.perform(leg, step).await,
            Self::Plivo(plivo) => plivo.perform(leg, step).await,
            Self::Mock => Ok(()),
        }
    }

    /// Has a call ask how it goes on at the address of its leg; what it was told elsewhere is forgotten.
    pub(crate) async fn send_on(&self, leg: &Leg) -> Result<()> {
        match self {
            Self::Twilio(twilio) => twilio.send_on(leg).await,
            Self::Plivo(plivo) => plivo.send_on(leg).await,
            // the address of its webhooks is not a call's
            Self::Telnyx(_) | Self::Mock => Ok(()),
        }
    }

    /// Ends a call. One that has ended already has been ended.
    pub(crate) async fn hang_up(&self, leg: &Leg) -> Result<()> {
        match self {
            Self::Twilio(twilio) => twilio.hang_up(&leg.provider_call_id).await,
            Self::Telnyx(telnyx) => telnyx.hang_up(&leg.provider_call_id).await,
            Self::Plivo(plivo) => plivo.hang_up(&leg.provider_call_id).await,
            Self::Mock => Ok(()),
        }
    }

    /// Doesn't take a call.
    pub(crate) async fn turn_away(&self, provider_call_id: &str) -> Result<()> {
        match self {
            Self::Telnyx(telnyx) => telnyx.hang_up(provider_call_id).await,
            // their documents say it
            Self::Twilio(_) | Self::Plivo(_) | Self::Mock => Ok(()),
        }
    }

    /// Asks how a call is.
    pub(crate) async fn probe(&self, provider_call_id: &str) -> Result<Probe> {
        match self {
            Self::Twilio(twilio) => twilio.probe(provider_call_id).await,
            Self::Telnyx(telnyx) => telnyx.probe(provider_call_id).await,
            Self::Plivo(plivo) => plivo.probe(provider_call_id).await,
            Self::Mock => Ok(Probe::Unknown),
        }
    }
}
