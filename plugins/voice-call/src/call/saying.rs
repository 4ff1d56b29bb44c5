//! What is on its way to the caller, until it is known that it has arrived.
//!
//! Invariants: nothing is said twice. What is to be said is forgotten only once the carrier has it; while nobody knows
//! whether it has, it is told again only under an id by which the carrier ignores a second telling, or when the carrier
//! itself shows that it has not got it. What an agent has answered is kept before the carrier is told, so that a process
//! that ends in between is followed by one that knows of it and asks nobody.
use super::{
    Leg,
    event::{Event, Kind, Step},
    live::Live,
    record::{Saying, Speaker, State, Told},
};
use crate::clock::Millis;

/// After this long a carrier that asks by an older link does not have what it was told since: whatever it was doing with
/// our request is done. Milliseconds.
const SETTLED_MS: u64 = 5_000;
/// How long a carrier that knows commands by their ids is told one again, milliseconds; Telnyx ignores a second one for
/// 60 s.
const KNOWN_MS: u64 = 45_000;

// === impl Live ===

impl Live {
    /// Does nobody know whether the carrier has what it was told to say? Whoever is telling it will know.
    pub(super) fn is_unsure(&self) -> bool {
        self.record.metadata.saying.is_some() && !self.is_busy
    }

    /// Would a second telling of it have no effect?
    pub(super) fn is_known_by_id(&self, now: Millis) -> bool {
        let saying = self.record.metadata.saying.as_ref();
        saying.is_some_and(|saying| now.saturating_sub(saying.at) < KNOWN_MS)
    }

    /// What an event shows of what the carrier was told: that it has it, or that it has not.
    pub(super) fn learn(&mut self, event: &Event, now: Millis) {
        let busy = self.is_busy;
        let turn = self.record.metadata.turn_token.as_ref();
        let Some(saying) = &mut self.record.metadata.saying else {
            return;
        };
        let listens = event.hop.is_none() && event.turn.is_some() && event.turn.as_ref() == turn;
        let older = |hop| hop < saying.number || saying.stale == Some(hop);
        let follows = event.hop.is_some_and(|hop| !older(hop));
        let speaks = matches!(event.kind, Kind::Speaking) && !saying.keys;
        if listens || follows || speaks {
            // who is just telling it learns it from the carrier's answer; if there is none, from this
            (saying.shown, saying.older) = (true, false);
            if !busy {
                self.confirm(now);
            }
            return;
        }
        // it asks by a link that is older than what it was told: that never reached it
        let asks = event.hop.is_some() || matches!(event.kind, Kind::Asks);
        saying.older |= asks;
        let settled = now.saturating_sub(saying.at) >= SETTLED_MS;
        if asks && settled && !busy {
            self.refused();
        }
    }

    /// A document with this number answers what the carrier asked. If it asked by an older link, so it does by this one.
    pub(super) fn led_on(&mut self, hop: u32) {
        let saying = self.record.metadata.saying.as_mut();
        if let Some(saying) = saying.filter(|saying| saying.older) {
            saying.stale = Some(hop);
        }
    }

    /// The carrier did not say whether it took it. It may have shown that it did.
    pub(super) fn unanswered_by_carrier(&mut self, now: Millis) -> bool {
        let saying = self.record.metadata.saying.as_ref();
        let shown = saying.is_some_and(|saying| saying.shown);
        if shown {
            self.confirm(now);
        } else if self.record.state.is_end() {
            self.doubted(now);
        }
        shown
    }

    /// What was on its way has arrived.
    fn confirm(&mut self, now: Millis) {
        let saying = self.record.metadata.saying.as_ref();
        let keys = saying.is_some_and(|saying| saying.keys);
        match self.next_words().filter(|_| !keys) {
            Some(text) => self.said(&text, now),
            None => self.record.metadata.digits = None,
        }
        self.record.metadata.saying = None;
    }

    /// Nobody will ever know whether what was on its way has arrived: it counts as said, with a mark.
    pub(super) fn doubted(&mut self, now: Millis) {
        let Some(saying) = self.record.metadata.saying.clone() else {
            return;
        };
        self.confirm(now);
        if !saying.keys {
            // whoever was listened to before has to be listened to anew
            self.record.advance(State::Speaking, now);
        }
        let line = self.record.transcript.last_mut();
        if let Some(line) = line.filter(|_| !saying.keys) {
            line.unsure = true;
        }
    }

    /// The next step is on its way to the carrier from now on, or to the call's own stream (`aloud`). One that a failed try
    /// left keeps its number.
    pub(super) fn sets_out(&mut self, step: &Step, hop: u32, aloud: bool, now: Millis) -> u32 {
        if !step.says() {
            return hop;
        }
        let keys = matches!(step, Step::Digits(_));
        let saying = self.record.metadata.saying.get_or_insert(Saying {
            number: hop,
            keys,
            aloud,
            at: now,
            ..Saying::default()
        });
        saying.number
    }

    /// It has certainly not arrived: the next try is a first one.
    pub(super) fn refused(&mut self) {
        self.record.metadata.saying = None;
    }

    /// A document says it: whoever asks for the same document again gets the same.
    pub(super) fn documented(&mut self, webhook: &str, step: &Step, now: Millis) {
        if step.says() {
            self.record.metadata.told = Some(Told {
                webhook: webhook.to_owned(),
                hop: self.record.metadata.hops,
                step: step.clone(),
            });
        }
        self.delivered(step, now);
    }

    /// What a document told that answered the same webhook, before its answer was on its way.
    pub(super) fn retold(&self, webhook: &str) -> Option<(Step, Option<Leg>)> {
        let told = self.record.metadata.told.as_ref()?;
        let leg = self.leg().map(|leg| Leg { hop: told.hop, ..leg });
        (told.webhook == webhook).then(|| (told.step.clone(), leg))
    }

    /// The carrier has been told to do it.
    pub(super) fn delivered(&mut self, step: &Step, now: Millis) {
        match step {
            Step::Digits(_) => {
                self.record.metadata.digits = None;
                self.record.metadata.saying = None;
            }
            Step::Say { text, .. } => {
                self.said(text, now);
                self.record.advance(State::Speaking, now);
            }
            Step::Listen { .. } => {
                self.record.advance(State::Listening, now);
            }
            Step::Stream(_) => self.is_on_stream = true,
            Step::Nothing | Step::Reject | Step::Answer | Step::Wait | Step::HangUp => {}
        }
    }

    /// These words are out.
    pub(super) fn said(&mut self, text: &str, now: Millis) {
        let metadata = &mut self.record.metadata;
        if metadata.initial_message.as_deref() == Some(text) {
            metadata.initial_message = None;
        } else if metadata.to_say.front().is_some_and(|front| front == text) {
            metadata.to_say.pop_front();
        }
        metadata.spoken = true;
        metadata.saying = None;
        self.record.note(Speaker::Bot, text, now);
    }
}
