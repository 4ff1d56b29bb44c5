//! What Telnyx' webhooks tell.
use crate::{
    call::{CallId, Direction, Event, Incoming, Kind, State},
    webhook::Verified,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

/// Reads one webhook.
pub(crate) fn read(webhook: &Verified) -> Incoming {
    let body: Value = serde_json::from_slice(webhook.body()).unwrap_or_default();
    let payload = &body["data"]["payload"];
    let text = |name: &str| payload[name].as_str().unwrap_or_default().to_owned();
    let id = text("call_control_id");
    let kind = kind(body["data"]["event_type"].as_str().unwrap_or_default(), payload);
    let (Some(kind), false) = (kind, id.is_empty()) else {
        return Incoming::default();
    };
    // null, absent or somebody else's: then the carrier's own id finds the call
    let state = payload["client_state"].as_str();
    let call_id = state
        .and_then(|state| STANDARD.decode(state).ok())
        .and_then(|id| String::from_utf8(id).ok())
        .filter(|id| !id.is_empty());
    let event = Event {
        id: webhook.key().to_owned(),
        call_id: call_id.map(|id| CallId::given(&id)),
        provider_call_id: id,
        direction: match text("direction").as_str() {
            "incoming" => Some(Direction::Inbound),
            "outgoing" => Some(Direction::Outbound),
            _ => None,
        },
        from: text("from"),
        to: text("to"),
        turn: None,
        hop: None,
        kind,
    };
    Incoming {
        key: webhook.key().to_owned(),
        events: vec![event],
        wants_document: false,
    }
}

fn kind(event: &str, payload: &Value) -> Option<Kind> {
    Some(match event {
        "call.initiated" => Kind::Initiated,
        "call.ringing" => Kind::Ringing,
        "call.answered" => Kind::Answered,
        "call.bridged" => Kind::Active,
        "call.speak.started" => Kind::Speaking,
        "call.speak.ended" => Kind::Spoken,
        "call.transcription" => {
            let nested = &payload["transcription_data"];
            let heard = if nested.is_object() { nested } else { payload };
            Kind::Speech {
                text: heard["transcript"].as_str().unwrap_or_default().to_owned(),
                is_final: heard["is_final"].as_bool().unwrap_or(true),
            }
        }
        "call.dtmf.received" => Kind::Digits(payload["digit"].as_str()?.to_owned()),
        "call.hangup" => Kind::Ended(ended(payload["hangup_cause"].as_str().unwrap_or_default())),
        _ => return None,
    })
}

/// The end that this cause means.
fn ended(cause: &str) -> State {
    match cause {
        "originator_cancel" => State::HangupBot,
        "call_rejected" | "user_busy" => State::Busy,
        "no_answer" | "no_user_response" => State::NoAnswer,
        "destination_out_of_order"
        | "network_out_of_order"
        | "service_unavailable"
        | "recovery_on_timer_expire" => State::Failed,
        "machine_detected" | "fax_detected" => State::Voicemail,
        "user_hangup" | "subscriber_absent" => State::HangupUser,
        _ => State::Completed,
    }
}
