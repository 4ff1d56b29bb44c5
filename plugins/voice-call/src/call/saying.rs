//! What is on its way to the caller, until it is known that it has arrived.
//!
//! Invariants: what is to be said is forgotten only once the carrier has it; so a failed try is tried again, and a greeting
//! is spoken exactly once. What an agent has answered is kept before the carrier is told, so that a process that ends in
//! between is followed by one that repeats it and asks nobody.
use super::{
    Leg,
    event::{Event, Kind, Step},
    live::Live,
    record::{Saying, Speaker, State, Told},
};
use crate::clock::Millis;

// === impl Live ===

impl Live {
    /// Does it show that the carrier has what a process that ended was telling it?
    pub(super) fn is_witness(&self, event: &Event) -> bool {
        let Some(saying) = &self.record.metadata.saying else {
            return false;
        };
        let listens = event.turn.is_some() && event.turn == self.record.metadata.turn_token;
        let follows = event.hop.is_some_and(|hop| hop >= saying.number);
        let speaks = matches!(event.kind, Kind::Speaking) && !saying.keys;
        // who is just telling it learns it from the carrier's answer
        !self.is_busy && (listens || follows || speaks)
    }

    /// What was on its way has arrived.
    pub(super) fn confirm(&mut self, now: Millis) {
        let keys = self
            .record
            .metadata
            .saying
            .as_ref()
            .is_some_and(|saying| saying.keys);
        match self.next_words().filter(|_| !keys) {
            Some(text) => self.said(&text, now),
            None => self.record.metadata.digits = None,
        }
        self.record.metadata.saying = None;
    }

    /// The next step is on its way to the carrier from now on. One that a failed try left keeps its number.
    pub(super) fn sets_out(&mut self, step: &Step, hop: u32) -> u32 {
        if !step.says() {
            return hop;
        }
        let metadata = &mut self.record.metadata;
        let keys = matches!(step, Step::Digits(_));
        match &mut metadata.saying {
            Some(saying) if saying.keys == keys => saying.repeated = true,
            other => {
                *other = Some(Saying {
                    number: hop,
                    keys,
                    repeated: false,
                });
            }
        }
        metadata.saying.as_ref().map_or(hop, |saying| saying.number)
    }

    /// The carrier has refused it, so it has not set out: the next try is a first one.
    pub(super) fn refused(&mut self) {
        self.record.metadata.saying = None;
    }

    /// A document says it: whoever asks for the same document again gets the same.
    pub(super) fn documented(&mut self, webhook: &str, step: &Step, now: Millis) {
        if step.says() {
            if let Some(saying) = &mut self.record.metadata.saying {
                saying.repeated = true;
            }
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
        let repeated = metadata.saying.take().is_some_and(|saying| saying.repeated);
        self.record.note(Speaker::Bot, text, now);
        if let Some(line) = self.record.transcript.last_mut() {
            line.repeated = repeated;
        }
    }
}
