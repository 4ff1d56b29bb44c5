//! What Twilio's webhooks tell.
use crate::{
    call::{CallId, Direction, Event, Incoming, Kind, State},
    webhook::Verified,
};

/// Reads one webhook.
pub(crate) fn read(webhook: &Verified) -> Incoming {
    let field = |name: &str| webhook.param(name).unwrap_or_default();
    let sid = field("CallSid");
    if sid.is_empty() {
        return Incoming::default();
    }
    let wants_document = webhook.query("type").is_none_or(|kind| kind != "status");
    let direction = match field("Direction") {
        "inbound" => Some(Direction::Inbound),
        "outbound-api" | "outbound-dial" => Some(Direction::Outbound),
        _ => None,
    };
    let mut kinds = Vec::new();
    kinds.extend(status(field("CallStatus")));
    let speech = field("SpeechResult");
    if !speech.is_empty() {
        kinds.push(Kind::Speech {
            text: speech.to_owned(),
            is_final: true,
        });
    }
    if !field("Digits").is_empty() {
        kinds.push(Kind::Digits(field("Digits").to_owned()));
    }
    if wants_document {
        kinds.push(Kind::Asks);
    }
    let event = |(at, kind)| Event {
        id: format!("{}-{at}", webhook.key()),
        call_id: webhook.query("callId").map(|id| CallId::given(&id)),
        provider_call_id: sid.to_owned(),
        direction,
        from: field("From").to_owned(),
        to: field("To").to_owned(),
        turn: webhook.query("turnToken").map(|turn| turn.into_owned()),
        hop: webhook.query("hop").and_then(|hop| hop.parse().ok()),
        kind,
    };
    Incoming {
        key: webhook.key().to_owned(),
        events: kinds.into_iter().enumerate().map(event).collect(),
        wants_document,
    }
}

fn status(status: &str) -> Option<Kind> {
    match status {
        "queued" | "initiated" => Some(Kind::Initiated),
        "ringing" => Some(Kind::Ringing),
        "in-progress" => Some(Kind::Answered),
        status => ended(status).map(Kind::Ended),
    }
}

/// The end that this status means.
pub(super) fn ended(status: &str) -> Option<State> {
    match status {
        "completed" => Some(State::Completed),
        "busy" => Some(State::Busy),
        "no-answer" => Some(State::NoAnswer),
        "failed" => Some(State::Failed),
        "canceled" => Some(State::HangupBot),
        _ => None,
    }
}
