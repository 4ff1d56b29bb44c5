//! What carriers tell, and what they are told to do next, in words of our own.
use super::{CallId, Direction, State, Ticket};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// What one webhook tells.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Incoming {
    /// The same for every telling of it.
    pub(crate) key: String,
    /// What happened, in order.
    pub(crate) events: Vec<Event>,
    /// The answer is a document that says how the call goes on.
    pub(crate) wants_document: bool,
}

/// One thing that happened in a call.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Event {
    /// The same for every telling of the same thing.
    pub(crate) id: String,
    /// The call, if it knows our id.
    pub(crate) call_id: Option<CallId>,
    /// The carrier's own id of the call.
    pub(crate) provider_call_id: String,
    pub(crate) direction: Option<Direction>,
    pub(crate) from: String,
    pub(crate) to: String,
    /// To which listening speech belongs, where the carrier gives that back.
    pub(crate) turn: Option<String>,
    /// The document whose link it came by, where the carrier gives that back.
    pub(crate) hop: Option<u32>,
    pub(crate) kind: Kind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Kind {
    Initiated,
    Ringing,
    Answered,
    Active,
    /// The carrier speaks what it was told.
    Speaking,
    /// It has spoken.
    Spoken,
    Speech {
        text: String,
        is_final: bool,
    },
    Digits(String),
    Ended(State),
    /// Nothing, but the carrier asks how the call goes on.
    Asks,
}

/// What a call should do now.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Step {
    /// Nothing: the carrier only told something, or knows what to do.
    Nothing,
    /// Not be taken.
    Reject,
    /// Be taken; for carriers that have to be told.
    Answer,
    /// Give its sound to a socket.
    Stream(Ticket),
    /// Press keys.
    Digits(String),
    /// Speak.
    Say { text: String, then: Then },
    /// Listen; what is heard brings the token.
    Listen { turn: String },
    /// Wait until somebody knows more.
    Wait,
    /// End.
    HangUp,
}

/// What follows when it has spoken.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) enum Then {
    /// Listen.
    Listen { turn: String },
    /// End, after a while.
    HangUp(Duration),
    /// Wait: there is more to come.
    Wait,
}

/// One end of a call, as a carrier has to know it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Leg {
    pub(crate) call_id: CallId,
    pub(crate) provider_call_id: String,
    /// Where the carrier calls us; `None`: it can't.
    pub(crate) webhook_url: Option<String>,
    /// Number of the document that is made now.
    pub(crate) hop: u32,
    /// Number by which the carrier knows what is said now; the same for every try.
    pub(crate) command: u32,
    /// It is listening now.
    pub(crate) listening: bool,
    /// Name of the voice, ours or the carrier's.
    pub(crate) voice: Option<String>,
}

// === impl Step ===

impl Step {
    /// Is it forgotten once it was told?
    pub(crate) fn says(&self) -> bool {
        matches!(self, Self::Say { .. } | Self::Digits(_))
    }
}

// === impl Leg ===

impl Leg {
    /// The webhook with these words in its query; empty where there is none.
    pub(crate) fn link(&self, query: &[(&str, &str)]) -> String {
        let Some(mut url) = self
            .webhook_url
            .as_deref()
            .and_then(|url| url::Url::parse(url).ok())
        else {
            return String::new();
        };
        url.query_pairs_mut()
            .append_pair("callId", self.call_id.as_str())
            .extend_pairs(query);
        url.into()
    }
}
