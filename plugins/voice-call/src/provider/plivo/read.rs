//! What Plivo's webhooks tell.
use crate::{
    call::{CallId, Direction, Event, Incoming, Kind, State},
    webhook::Verified,
};

/// Where the words of a caller may stand.
const WORDS: [&str; 6] = [
    "Speech",
    "Transcription",
    "TranscriptionText",
    "SpeechResult",
    "RecognizedSpeech",
    "Text",
];

/// Reads one webhook.
pub(crate) fn read(webhook: &Verified) -> Incoming {
    let field = |name: &str| webhook.param(name).unwrap_or_default();
    // the answer to a new call names a request; from the first webhook on the call has an id of its own
    let uuid = field("CallUUID");
    if uuid.is_empty() {
        return Incoming::default();
    }
    let flow = webhook.query("flow").unwrap_or_default();
    let wants_document = flow != "hangup" && flow != "getinput" && field("Event") != "Hangup";
    let mut kinds = Vec::new();
    kinds.extend(status(field("Event"), field("CallStatus"), field("HangupCause")));
    let words = WORDS
        .iter()
        .map(|name| field(name).trim())
        .find(|words| !words.is_empty());
    if let Some(words) = words {
        kinds.push(Kind::Speech {
            text: words.to_owned(),
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
        provider_call_id: uuid.to_owned(),
        direction: match field("Direction") {
            "inbound" => Some(Direction::Inbound),
            "outbound" => Some(Direction::Outbound),
            _ => None,
        },
        from: number(field("From")),
        to: number(field("To")),
        turn: webhook.query("turnToken").map(|turn| turn.into_owned()),
        hop: None,
        kind,
    };
    Incoming {
        key: webhook.key().to_owned(),
        events: kinds.into_iter().enumerate().map(event).collect(),
        wants_document,
    }
}

fn status(event: &str, status: &str, cause: &str) -> Option<Kind> {
    match (event, status) {
        ("StartApp", _) | (_, "in-progress") => Some(Kind::Answered),
        ("Ring", _) | (_, "ringing") => Some(Kind::Ringing),
        (_, "completed") => Some(Kind::Ended(State::Completed)),
        (_, "busy") => Some(Kind::Ended(State::Busy)),
        (_, "no-answer" | "timeout") => Some(Kind::Ended(State::NoAnswer)),
        (_, "failed") => Some(Kind::Ended(State::Failed)),
        (_, "cancel" | "canceled") => Some(Kind::Ended(State::HangupBot)),
        ("Hangup", _) => Some(Kind::Ended(match cause {
            "USER_BUSY" => State::Busy,
            "NO_ANSWER" => State::NoAnswer,
            "ORIGINATOR_CANCEL" => State::HangupBot,
            _ => State::Completed,
        })),
        _ => None,
    }
}

/// Plivo leaves the `+` out.
fn number(text: &str) -> String {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    match digits {
        true => format!("+{text}"),
        false => text.to_owned(),
    }
}
