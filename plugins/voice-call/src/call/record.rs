//! What is known of one call, in the form in which it is kept and shown.
//!
//! Invariant: a state only goes forward, but for speaking and listening, which take turns; what has ended stays ended.
use super::{CallId, Step};
use crate::{
    clock::Millis,
    config::{Carrier, TalkMode},
};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;

/// Lines of a transcript that are kept; the oldest go first.
const MAX_LINES: usize = 400;
/// Characters of one line that are kept.
const MAX_LINE: usize = 4000;
/// Characters that wait for an agent at once.
const MAX_WAITING: usize = 4 * MAX_LINE;
/// Ids of events that are remembered for each call.
const MAX_EVENTS: usize = 200;

/// One call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Record {
    pub(crate) call_id: CallId,
    #[serde(default)]
    pub(crate) provider_call_id: Option<String>,
    pub(crate) provider: Carrier,
    pub(crate) direction: Direction,
    pub(crate) state: State,
    pub(crate) from: String,
    pub(crate) to: String,
    #[serde(default)]
    pub(crate) session_key: Option<String>,
    #[serde(default)]
    pub(crate) agent_id: Option<String>,
    pub(crate) started_at: Millis,
    #[serde(default)]
    pub(crate) answered_at: Option<Millis>,
    #[serde(default)]
    pub(crate) ended_at: Option<Millis>,
    #[serde(default)]
    pub(crate) end_reason: Option<State>,
    #[serde(default)]
    pub(crate) transcript: Vec<Line>,
    #[serde(default)]
    pub(crate) processed_event_ids: VecDeque<String>,
    #[serde(default)]
    pub(crate) metadata: Metadata,
}

/// What else is kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Metadata {
    /// What is to be said first. Gone once it was said, so that it is said once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) initial_message: Option<String>,
    pub(crate) mode: TalkMode,
    /// Keys to press before anything is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) digits: Option<String>,
    /// What is to be said after that.
    #[serde(skip_serializing_if = "VecDeque::is_empty")]
    pub(crate) to_say: VecDeque<String>,
    /// What is on its way to the caller: noted before the carrier is told, gone once it is known that it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) saying: Option<Saying>,
    /// The last document that said something: whoever asks for it again gets the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) told: Option<Told>,
    /// What the agent is asked about and has not answered yet. It does not change: whoever is asked again is asked the same.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) unanswered: Option<Unanswered>,
    /// What the caller has said since; the agent is asked about it next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) meanwhile: Option<Unanswered>,
    /// What speech has to bring to count: it belongs to this listening and not to an earlier one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) turn_token: Option<String>,
    /// Documents that the carrier was given; each has its number in its links, so that no two requests are alike.
    pub(crate) hops: u32,
    /// Address of the webhook, as this call's carrier knows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) webhook_url: Option<String>,
    /// Something was said, to the end as far as the carrier tells.
    pub(crate) spoken: bool,
    pub(crate) turn_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_turn_latency_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_turn_listen_wait_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) last_turn_completed_at: Option<Millis>,
}

/// Words or keys, the next that wait, while nobody knows whether the carrier has them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Saying {
    /// Number of the document that has them; every later try is known to the carrier by it.
    pub(crate) number: u32,
    /// It is keys and no words.
    pub(crate) keys: bool,
    /// It went to the call's own stream, and not to the carrier.
    pub(crate) aloud: bool,
    /// When it set out.
    pub(crate) at: Millis,
    /// The newest document that the carrier got by a link from before it set out: that it asks by this one shows nothing.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) stale: Option<u32>,
    /// Something that the carrier told shows that it has it.
    #[serde(skip)]
    pub(crate) shown: bool,
    /// The carrier asks just now by such a link.
    #[serde(skip)]
    pub(crate) older: bool,
}

/// A document that said something.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Told {
    /// The webhook that it answered.
    pub(crate) webhook: String,
    /// Its number.
    pub(crate) hop: u32,
    /// What it said. Never a stream: a ticket is of one process.
    pub(crate) step: Step,
}

/// Words that wait for an answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Unanswered {
    pub(crate) text: String,
    pub(crate) at: Millis,
    /// Number of the turn; the same for every try of it.
    pub(crate) turn: u32,
}

/// Who called whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Direction {
    Inbound,
    Outbound,
}

/// How far a call is. The last nine end it, and are the reason as well.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum State {
    Initiated,
    Ringing,
    Answered,
    Active,
    Speaking,
    Listening,
    Completed,
    HangupUser,
    HangupBot,
    Timeout,
    Error,
    Failed,
    NoAnswer,
    Busy,
    Voicemail,
}

/// One thing that was said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Line {
    pub(crate) timestamp: Millis,
    pub(crate) speaker: Speaker,
    pub(crate) text: String,
    pub(crate) is_final: bool,
    /// Nobody knows whether it was heard: the carrier never said whether it took it, and it was not said again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) unsure: bool,
}

/// Who said it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Speaker {
    Bot,
    User,
}

// === impl State ===

impl State {
    /// Is the call over?
    pub(crate) fn is_end(self) -> bool {
        self.rank() == u8::MAX
    }

    /// Has somebody answered, and not hung up?
    pub(crate) fn is_connected(self) -> bool {
        (2..u8::MAX).contains(&self.rank())
    }

    /// May this state follow?
    fn leads_to(self, next: Self) -> bool {
        let turns = |state| matches!(state, Self::Speaking | Self::Listening);
        !self.is_end() && (next.rank() > self.rank() || turns(self) && turns(next) && self != next)
    }

    fn rank(self) -> u8 {
        match self {
            Self::Initiated => 0,
            Self::Ringing => 1,
            Self::Answered => 2,
            Self::Active => 3,
            Self::Speaking => 4,
            Self::Listening => 5,
            _ => u8::MAX,
        }
    }
}

// === impl Unanswered ===

impl Unanswered {
    /// Adds what was said after it, as far as there is room; the transcript has all of it.
    pub(crate) fn add(&mut self, text: &str) {
        let room = MAX_WAITING.saturating_sub(self.text.chars().count());
        self.text.extend("\n".chars().chain(text.chars()).take(room));
    }
}

// === impl Record ===

impl Record {
    /// Moves on, if that is forward.
    pub(crate) fn advance(&mut self, next: State, now: Millis) -> bool {
        if !self.state.leads_to(next) {
            return false;
        }
        self.state = next;
        if next.is_connected() && self.answered_at.is_none() {
            self.answered_at = Some(now);
        }
        if next.is_end() {
            self.ended_at = Some(now);
            self.end_reason = Some(next);
        }
        true
    }

    /// Was this event taken before? It is remembered.
    pub(crate) fn has_seen(&mut self, event: &str) -> bool {
        if self.processed_event_ids.iter().any(|seen| seen == event) {
            return true;
        }
        if self.processed_event_ids.len() >= MAX_EVENTS {
            self.processed_event_ids.pop_front();
        }
        self.processed_event_ids.push_back(event.to_owned());
        false
    }

    /// Adds a line.
    pub(crate) fn note(&mut self, speaker: Speaker, text: &str, now: Millis) {
        if self.transcript.len() >= MAX_LINES {
            self.transcript.remove(0);
        }
        self.transcript.push(Line {
            timestamp: now,
            speaker,
            text: text.chars().take(MAX_LINE).collect(),
            is_final: true,
            unsure: false,
        });
    }

    /// Does the agent answer by itself what the person says?
    pub(crate) fn converses(&self) -> bool {
        self.direction == Direction::Inbound || self.metadata.mode == TalkMode::Conversation
    }

    /// The number at the other end.
    pub(crate) fn peer(&self) -> &str {
        match self.direction {
            Direction::Inbound => &self.from,
            Direction::Outbound => &self.to,
        }
    }

    /// The number of ours.
    pub(crate) fn own_number(&self) -> &str {
        match self.direction {
            Direction::Inbound => &self.to,
            Direction::Outbound => &self.from,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use State as S;

    #[test]
    fn what_waits_for_an_agent_is_bounded() {
        let mut waiting = Unanswered::default();
        waiting.add("first");
        assert_eq!(waiting.text, "\nfirst");
        for _ in 0..2 * MAX_WAITING / 100 {
            waiting.add(&"ä".repeat(99));
        }
        assert_eq!(waiting.text.chars().count(), MAX_WAITING);
    }

    #[test]
    fn states_go_forward_and_speaking_and_listening_take_turns() {
        let all = [
            S::Initiated,
            S::Ringing,
            S::Answered,
            S::Active,
            S::Speaking,
            S::Listening,
            S::Completed,
            S::HangupUser,
            S::HangupBot,
            S::Timeout,
            S::Error,
            S::Failed,
            S::NoAnswer,
            S::Busy,
            S::Voicemail,
        ];
        for (at, &from) in all.iter().enumerate() {
            for (to_at, &to) in all.iter().enumerate() {
                let turns = (from, to) == (S::Listening, S::Speaking);
                let allowed = at < 6 && (to_at > at || turns);
                assert_eq!(from.leads_to(to), allowed, "{from:?} to {to:?}");
            }
        }
        assert_eq!(
            serde_json::to_value(S::HangupUser).expect("a word"),
            "hangup-user"
        );
    }
}
