//! One call that is going on: what an event makes of it, and what it should do next. No I/O.
//!
//! What is on its way to the caller is in `saying`. Invariant: a call that is over does nothing any more.
use super::{
    Leg, Then,
    event::{Event, Kind, Step},
    record::{Direction, Record, Speaker, State, Unanswered},
};
use crate::clock::{Millis, token};
use futures_channel::oneshot;
use std::{sync::Arc, time::Duration};

/// Things that wait to be said; one more is refused.
pub(super) const MAX_TO_SAY: usize = 16;
/// Characters that are said at once.
pub(super) const MAX_SPEECH: usize = 3000;

/// One call that is going on.
#[derive(Debug)]
pub(super) struct Live {
    pub(super) record: Record,
    /// Somebody waits for what the person on the phone says next.
    pub(super) waiter: Option<(Millis, oneshot::Sender<String>)>,
    /// The carrier is being told something right now; whoever else asks has to wait.
    pub(super) is_busy: bool,
    /// When to end it, in good order.
    pub(super) hang_up_at: Option<Millis>,
    /// It is being ended, and why.
    pub(super) ending: Option<Ending>,
    /// When the carrier is to be asked how it is, where it can't tell us.
    pub(super) poll_at: Option<Millis>,
    /// When the carrier is to be told once more what it could not be told.
    pub(super) tell_at: Option<Millis>,
    /// Its sound is with the carrier and not with a socket.
    pub(super) is_off_stream: bool,
    /// Its sound was given to a socket.
    pub(super) is_on_stream: bool,
    /// Number of the document that did so; who asks by its link has come out of the stream.
    pub(super) stream_hop: u32,
    pub(super) voice: Option<String>,
    pub(super) notify_delay: Duration,
    /// One writer at a time, so that an older state never overwrites a newer one.
    pub(super) pen: Arc<futures_util::lock::Mutex<()>>,
}

/// A call that is being ended.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ending {
    pub(super) reason: State,
    pub(super) tries: u32,
    pub(super) again_at: Millis,
}

/// What an event asks for besides a change.
#[derive(Debug, PartialEq)]
pub(super) enum Effect {
    /// Nothing.
    None,
    /// The agent has to answer.
    Think,
    /// The call goes on, and the carrier has to be told how.
    Drive,
    /// Its stream broke off.
    Lost,
    /// It is over.
    Ended,
}

// === impl Live ===

impl Live {
    pub(super) fn new(record: Record, notify_delay: Duration) -> Self {
        Self {
            record,
            waiter: None,
            is_busy: false,
            hang_up_at: None,
            ending: None,
            poll_at: None,
            tell_at: None,
            is_off_stream: false,
            is_on_stream: false,
            stream_hop: 0,
            voice: None,
            notify_delay,
            pen: Arc::default(),
        }
    }

    /// Takes an event in.
    pub(super) fn apply(&mut self, event: &Event, now: Millis) -> Effect {
        if self.record.has_seen(&event.id) {
            return Effect::None;
        }
        if self.record.provider_call_id.is_none() && !event.provider_call_id.is_empty() {
            self.record.provider_call_id = Some(event.provider_call_id.clone());
        }
        self.learn(event, now);
        match &event.kind {
            Kind::Initiated | Kind::Asks => Effect::None,
            Kind::Ringing => self.moved(State::Ringing, now, Effect::None),
            Kind::Answered => self.moved(State::Answered, now, Effect::Drive),
            Kind::Active => self.moved(State::Active, now, Effect::None),
            Kind::Speaking => self.moved(State::Speaking, now, Effect::None),
            Kind::Spoken => self.spoken(now),
            Kind::Speech { text, is_final } => self.heard(text, *is_final, event.turn.as_deref(), now),
            Kind::Digits(digits) => self.heard(&pressed(digits), true, None, now),
            Kind::Ended(reason) => {
                // whoever ends a call says why; the carrier only knows that it ended
                let reason = self.ending.map_or(*reason, |ending| ending.reason);
                if self.is_unsure() {
                    self.doubted(now);
                }
                self.moved(reason, now, Effect::Ended)
            }
        }
    }

    fn moved(&mut self, state: State, now: Millis, effect: Effect) -> Effect {
        match self.record.advance(state, now) {
            true => effect,
            false => Effect::None,
        }
    }

    /// It has been said: what follows?
    pub(super) fn spoken(&mut self, now: Millis) -> Effect {
        self.record.metadata.spoken = true;
        if self.record.state.is_end() {
            return Effect::None;
        }
        if self.is_told() {
            let delay = u64::try_from(self.notify_delay.as_millis()).unwrap_or(u64::MAX);
            self.hang_up_at.get_or_insert(now.saturating_add(delay));
            return Effect::None;
        }
        Effect::Drive
    }

    /// A notice with nothing left to say.
    fn is_told(&self) -> bool {
        !self.record.converses() && self.waiter.is_none() && !self.has_words()
    }

    pub(super) fn has_words(&self) -> bool {
        self.next_words().is_some()
    }

    /// What is said next.
    pub(super) fn next_words(&self) -> Option<String> {
        let metadata = &self.record.metadata;
        metadata
            .initial_message
            .as_ref()
            .or(metadata.to_say.front())
            .cloned()
    }

    /// The person said something. Unless somebody waits for it, the agent has to answer.
    pub(super) fn heard(&mut self, text: &str, is_final: bool, turn: Option<&str>, now: Millis) -> Effect {
        match self.noted(text, is_final, turn, now) && self.record.converses() {
            true => self.left_to_agent(text.trim(), now),
            false => Effect::None,
        }
    }

    /// The person said something, and whoever waits for it gets it. Is it left for somebody else?
    pub(super) fn noted(&mut self, text: &str, is_final: bool, turn: Option<&str>, now: Millis) -> bool {
        let expected = self.record.metadata.turn_token.as_deref();
        let is_late = turn.is_some_and(|turn| Some(turn) != expected);
        let text = text.trim();
        if is_late || !is_final || text.is_empty() || self.record.state.is_end() {
            return false;
        }
        self.record.advance(State::Answered, now);
        self.record.note(Speaker::User, text, now);
        self.record.advance(State::Listening, now);
        self.record.metadata.turn_token = None;
        if let Some((since, waiter)) = self.waiter.take() {
            self.record.metadata.last_turn_listen_wait_ms = Some(now.saturating_sub(since));
            self.record.metadata.turn_count += 1;
            // nobody waits any more: then the agent answers, if it does at all
            return waiter.send(text.to_owned()).is_err();
        }
        true
    }

    /// The agent is asked about it at once, or next if it is just being asked about something else.
    fn left_to_agent(&mut self, text: &str, now: Millis) -> Effect {
        let metadata = &mut self.record.metadata;
        let thinks = metadata.unanswered.is_some() || metadata.meanwhile.is_some();
        let open = match thinks {
            true => &mut metadata.meanwhile,
            false => &mut metadata.unanswered,
        };
        if let Some(open) = open {
            open.add(text);
            return Effect::None;
        }
        metadata.turn_count += 1;
        *open = Some(Unanswered {
            text: text.to_owned(),
            at: now,
            turn: metadata.turn_count,
        });
        if thinks { Effect::None } else { Effect::Think }
    }

    /// The agent has answered: what was said meanwhile is what it is asked about now. False: there is nothing to ask.
    pub(super) fn turns_to_meanwhile(&mut self) -> bool {
        let metadata = &mut self.record.metadata;
        if metadata.unanswered.is_some() || self.record.state.is_end() {
            return false;
        }
        metadata.unanswered = metadata.meanwhile.take();
        metadata.unanswered.is_some()
    }

    /// What the call should do now. It may be asked again until [`Live::delivered`] says that it was told.
    pub(super) fn step(&mut self, ticket: impl FnOnce(&Leg) -> Option<super::Ticket>) -> Step {
        if self.record.state.is_end() || self.ending.is_some() {
            return Step::HangUp;
        }
        if self.is_busy {
            return Step::Wait;
        }
        if self.record.converses()
            && !self.is_off_stream
            && self.record.metadata.digits.is_none()
            && let Some(ticket) = self.leg().and_then(|leg| ticket(&leg))
        {
            return Step::Stream(ticket);
        }
        let metadata = &self.record.metadata;
        // words that are on their way come before keys that were added since
        let words_first = metadata.saying.as_ref().is_some_and(|saying| !saying.keys);
        if let Some(digits) = metadata.digits.as_ref().filter(|_| !words_first) {
            return Step::Digits(digits.clone());
        }
        if let Some(text) = self.next_words() {
            let metadata = &self.record.metadata;
            let left = metadata.to_say.len() + usize::from(metadata.initial_message.is_some());
            let then = match left {
                1 => self.then(),
                _ => Then::Wait,
            };
            return Step::Say { text, then };
        }
        if self.waits_for_agent() {
            return Step::Wait;
        }
        if self.record.converses() || self.waiter.is_some() {
            return Step::Listen { turn: self.turn() };
        }
        match self.record.metadata.spoken {
            true => Step::HangUp,
            false => Step::Wait,
        }
    }

    /// Is the agent asked something, or about to be?
    pub(super) fn waits_for_agent(&self) -> bool {
        let metadata = &self.record.metadata;
        metadata.unanswered.is_some() || metadata.meanwhile.is_some()
    }

    fn then(&mut self) -> Then {
        // its next answer would cut off whoever is listened to
        if self.record.metadata.meanwhile.is_some() && self.waiter.is_none() {
            return Then::Wait;
        }
        if self.record.converses() || self.waiter.is_some() {
            return Then::Listen { turn: self.turn() };
        }
        Then::HangUp(self.notify_delay)
    }

    pub(super) fn turn(&mut self) -> String {
        self.record.metadata.turn_token.get_or_insert_with(token).clone()
    }

    /// The agent has answered; or has not, and something has to be said in its place.
    pub(super) fn answered(&mut self, turn: u32, text: &str, now: Millis) -> bool {
        let metadata = &mut self.record.metadata;
        let Some(unanswered) = metadata.unanswered.take_if(|unanswered| unanswered.turn == turn) else {
            return false;
        };
        metadata.last_turn_latency_ms = Some(now.saturating_sub(unanswered.at));
        metadata.last_turn_completed_at = Some(now);
        self.queue(text)
    }

    /// Adds something to say.
    pub(super) fn queue(&mut self, text: &str) -> bool {
        let text: String = text.trim().chars().take(MAX_SPEECH).collect();
        let to_say = &mut self.record.metadata.to_say;
        let fits = !text.is_empty() && to_say.len() < MAX_TO_SAY;
        if fits {
            to_say.push_back(text);
        }
        fits
    }

    /// As [`Live::leg`], for a document that has not been made before: its links differ from those of all others.
    pub(super) fn next_leg(&mut self) -> Option<Leg> {
        self.record.metadata.hops += 1;
        self.leg()
    }

    /// The call's end, as the carrier has to know it; `None` before the carrier has named it.
    pub(super) fn leg(&self) -> Option<Leg> {
        Some(Leg {
            call_id: self.record.call_id.clone(),
            provider_call_id: self.record.provider_call_id.clone()?,
            webhook_url: self.record.metadata.webhook_url.clone(),
            hop: self.record.metadata.hops,
            command: self.record.metadata.hops,
            listening: self.record.state == State::Listening,
            voice: self.voice.clone(),
        })
    }

    /// Is it one that the agent makes and nobody has answered?
    pub(super) fn rings(&self) -> bool {
        !self.record.state.is_connected() && !self.record.state.is_end()
    }

    /// Is it one of ours?
    pub(super) fn is_outbound(&self) -> bool {
        self.record.direction == Direction::Outbound
    }
}

/// Keys that were pressed, as words; none if there are none.
pub(super) fn pressed(digits: &str) -> String {
    let is_key = |key: &char| key.is_ascii_digit() || "*#ABCDabcd".contains(*key);
    let keys: String = digits.chars().filter(is_key).take(64).collect();
    match keys.is_empty() {
        true => keys,
        false => format!("(keys pressed: {keys})"),
    }
}
