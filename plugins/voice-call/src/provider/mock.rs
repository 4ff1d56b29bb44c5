//! A carrier that does not exist, for development: it is told what happens by hand, as JSON, and says what a call would
//! do.
use super::Reply;
use crate::{
    call::{CallId, Direction, Event, Incoming, Kind, State, Step, Then},
    webhook::Verified,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// Events of one request.
const MAX_EVENTS: usize = 32;

/// One event, as it is told by hand.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Told {
    id: Option<String>,
    #[serde(rename = "type")]
    kind: String,
    call_id: Option<String>,
    provider_call_id: Option<String>,
    direction: Option<Direction>,
    from: String,
    to: String,
    turn_token: Option<String>,
    transcript: String,
    is_final: Option<bool>,
    digits: String,
    reason: Option<State>,
}

/// Reads one webhook: `{"event": {…}}` or `{"events": [{…}]}`.
pub(super) fn read(webhook: &Verified) -> Incoming {
    let body: Value = serde_json::from_slice(webhook.body()).unwrap_or_default();
    let one = body.get("event").cloned().into_iter();
    let many = body["events"].as_array().cloned().unwrap_or_default();
    let told = one.chain(many).take(MAX_EVENTS).enumerate();
    let events = told.filter_map(|(at, told)| {
        let told: Told = serde_json::from_value(told).ok()?;
        let call_id = told.call_id.as_deref().map(CallId::given);
        let provider = told.provider_call_id.clone();
        let provider = provider.or_else(|| call_id.as_ref().map(|id| format!("mock-{id}")));
        Some(Event {
            id: told
                .id
                .clone()
                .unwrap_or_else(|| format!("{}-{at}", webhook.key())),
            call_id,
            provider_call_id: provider?,
            direction: told.direction,
            from: told.from.clone(),
            to: told.to.clone(),
            turn: told.turn_token.clone(),
            hop: None,
            kind: kind(told)?,
        })
    });
    Incoming {
        key: webhook.key().to_owned(),
        events: events.collect(),
        wants_document: true,
    }
}

fn kind(told: Told) -> Option<Kind> {
    Some(match told.kind.as_str() {
        "call.initiated" => Kind::Initiated,
        "call.ringing" => Kind::Ringing,
        "call.answered" => Kind::Answered,
        "call.active" => Kind::Active,
        "call.speaking" => Kind::Speaking,
        "call.spoken" => Kind::Spoken,
        "call.silence" | "call.asks" => Kind::Asks,
        "call.speech" => Kind::Speech {
            text: told.transcript,
            is_final: told.is_final.unwrap_or(true),
        },
        "call.dtmf" => Kind::Digits(told.digits),
        "call.ended" => Kind::Ended(
            told.reason
                .filter(|reason| reason.is_end())
                .unwrap_or(State::Completed),
        ),
        "call.error" => Kind::Ended(State::Error),
        _ => return None,
    })
}

/// What a call would do.
pub(super) fn document(step: &Step) -> Reply {
    let next = match step {
        Step::Nothing => json!({ "do": "nothing" }),
        Step::Reject => json!({ "do": "reject" }),
        Step::Answer => json!({ "do": "answer" }),
        Step::Stream(ticket) => json!({ "do": "stream", "url": ticket.url }),
        Step::Digits(digits) => json!({ "do": "press", "digits": digits }),
        Step::Say { text, then } => match then {
            Then::Listen { turn } => {
                json!({ "do": "say", "text": text, "then": "listen", "turnToken": turn })
            }
            Then::HangUp(_) => json!({ "do": "say", "text": text, "then": "hangUp" }),
            Then::Wait => json!({ "do": "say", "text": text, "then": "wait" }),
        },
        Step::Listen { turn } => json!({ "do": "listen", "turnToken": turn }),
        Step::Wait => json!({ "do": "wait" }),
        Step::HangUp => json!({ "do": "hangUp" }),
    };
    Reply::new("application/json", json!({ "next": next }).to_string())
}
