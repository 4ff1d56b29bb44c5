//! What carriers tell goes in here, and how the call goes on comes out.
use super::{
    CallId, Calls, Direction, Event, Incoming, Kind, MAX_CALLS, Record, State, Step,
    live::{Effect, Live},
    policy,
    record::Metadata,
};
use crate::{
    clock::Millis,
    config::{SessionScope, TalkMode},
};
use openclaw_plugin_api::Result;
use std::collections::VecDeque;

/// What is said first when the operator has no other words.
const GREETING: &str = "Hello! How can I help you today?";

/// What a webhook came to.
#[derive(Debug)]
pub(crate) struct Taken {
    /// How the call goes on; for the carrier's document.
    pub(crate) step: Step,
    /// The call's end at the carrier, if there is a call.
    pub(crate) leg: Option<super::Leg>,
    /// To be done once the carrier has its answer.
    pub(crate) after: Vec<After>,
}

/// What is left to do once the carrier has its answer.
#[derive(Debug, PartialEq)]
pub(crate) enum After {
    /// The agent answers.
    Think(CallId),
    /// The carrier is told how the call goes on.
    Drive(CallId),
    /// A caller is turned away, by the carrier's id.
    TurnAway(String),
    /// The sound is closed.
    Close(CallId),
}

// === impl Calls ===

impl Calls {
    /// Takes in what a carrier told, keeps it, and says how the call goes on. `webhook` is the address that it called.
    pub(crate) async fn take(&self, incoming: &Incoming, webhook: &str) -> Result<Taken> {
        let mut taken = Taken {
            step: Step::Nothing,
            leg: None,
            after: Vec::new(),
        };
        let mut touched: Vec<CallId> = Vec::new();
        for event in &incoming.events {
            match self.take_one(event, webhook, &mut taken.after) {
                Some(id) if !touched.contains(&id) => touched.push(id),
                Some(_) => {}
                None if incoming.wants_document && self.is_turned_away(event) => taken.step = Step::Reject,
                None => {}
            }
        }
        if incoming.wants_document
            && let Some(id) = touched.last()
        {
            let hop = incoming.events.last().and_then(|event| event.hop);
            (taken.step, taken.leg) = self.document(id, &incoming.key, hop);
        }
        for id in &touched {
            self.save(id).await?;
        }
        if !touched.is_empty() {
            self.tick_while_needed();
        }
        Ok(taken)
    }

    /// Does what was left to do.
    pub(crate) async fn follow_up(&self, after: Vec<After>) {
        for after in after {
            match after {
                After::Think(id) => self.think(&id),
                After::Drive(id) => self.drive(&id).await,
                After::TurnAway(provider_call_id) => {
                    if let Err(error) = self.0.carrier.turn_away(&provider_call_id).await {
                        tracing::warn!(%error, "voice-call: a caller could not be turned away");
                    }
                }
                After::Close(id) => self.media().close(&id),
            }
        }
    }

    fn take_one(&self, event: &Event, webhook: &str, after: &mut Vec<After>) -> Option<CallId> {
        let now = self.0.clock.now();
        let mut book = self.book();
        let Some(id) = book.resolve(event) else {
            drop(book);
            return self.register(event, webhook, now, after);
        };
        let live = book.calls.get_mut(&id)?;
        // a tunnel that was lost may be back under another name
        if !webhook.is_empty() {
            live.record.metadata.webhook_url = Some(webhook.to_owned());
        }
        match live.apply(event, now) {
            Effect::None => {}
            Effect::Think => after.push(After::Think(id.clone())),
            // a carrier that asks for documents asks by itself; telling it as well would say everything twice
            Effect::Drive if self.0.carrier.speaks_documents() => {}
            Effect::Drive | Effect::Lost => after.push(After::Drive(id.clone())),
            Effect::Ended => after.push(After::Close(id.clone())),
        }
        Some(id)
    }

    /// A call that nobody knows yet: somebody calls, and may or may not.
    fn register(&self, event: &Event, webhook: &str, now: Millis, after: &mut Vec<After>) -> Option<CallId> {
        let begins = matches!(event.kind, Kind::Initiated | Kind::Ringing | Kind::Answered);
        let inbound = event.direction == Some(Direction::Inbound);
        if !begins || !inbound || event.provider_call_id.is_empty() {
            return None;
        }
        let mut book = self.book();
        let admitted = policy::admits(&self.0.settings.config, &event.from);
        if !admitted || book.open() >= MAX_CALLS {
            if book.turn_away(&event.provider_call_id) {
                let why = if admitted {
                    "too many calls"
                } else {
                    "inboundPolicy"
                };
                tracing::info!(from = event.from, why, "voice-call: Inbound call rejected");
                if !self.0.carrier.speaks_documents() {
                    after.push(After::TurnAway(event.provider_call_id.clone()));
                }
            }
            return None;
        }
        let mut live = self.answer_to(event, webhook, now);
        let id = live.record.call_id.clone();
        tracing::info!(
            call = id.as_str(),
            from = event.from,
            "voice-call: a call comes in"
        );
        live.apply(event, now);
        if !self.0.carrier.speaks_documents() {
            after.push(After::Drive(id.clone()));
        }
        book.insert(live);
        Some(id)
    }

    fn answer_to(&self, event: &Event, webhook: &str, now: Millis) -> Live {
        let config = &self.0.settings.config;
        let own = config.number(&event.to);
        let greeting = own.and_then(|own| own.inbound_greeting.as_deref());
        let greeting = greeting
            .or(config.inbound_greeting.as_deref())
            .unwrap_or(GREETING);
        let record = Record {
            call_id: CallId::random(),
            provider_call_id: Some(event.provider_call_id.clone()),
            provider: self.0.carrier.kind(),
            direction: Direction::Inbound,
            state: State::Ringing,
            from: event.from.clone(),
            to: event.to.clone(),
            session_key: None,
            agent_id: None,
            started_at: now,
            answered_at: None,
            ended_at: None,
            end_reason: None,
            transcript: Vec::new(),
            processed_event_ids: VecDeque::new(),
            metadata: Metadata {
                initial_message: (!greeting.trim().is_empty()).then(|| greeting.trim().to_owned()),
                mode: TalkMode::Conversation,
                webhook_url: (!webhook.is_empty()).then(|| webhook.to_owned()),
                ..Metadata::default()
            },
        };
        self.fitted(record)
    }

    /// A call with its agent, its conversation and its voice.
    pub(super) fn fitted(&self, mut record: Record) -> Live {
        let config = &self.0.settings.config;
        let own = config
            .number(record.own_number())
            .filter(|_| record.direction == Direction::Inbound);
        if record.agent_id.is_none() {
            let agent = own.and_then(|own| own.agent_id.clone());
            record.agent_id = agent.or_else(|| config.agent_id.clone());
        }
        if record.session_key.is_none() {
            let agent = record.agent_id.as_deref().unwrap_or("main");
            let digits: String = record.peer().chars().filter(char::is_ascii_digit).collect();
            let id = &record.call_id;
            record.session_key = Some(match config.session_scope {
                SessionScope::Main => format!("agent:{agent}:main"),
                // who hides the number shares no conversation with others who do
                SessionScope::PerPhone if !digits.is_empty() => format!("agent:{agent}:voice:{digits}"),
                _ => format!("agent:{agent}:voice:call:{id}"),
            });
        }
        let tts = match record.direction {
            Direction::Inbound => config.tts_of(&record.to),
            Direction::Outbound => config.tts.clone(),
        };
        let voice = tts.as_ref().and_then(crate::config::Tts::voice);
        let mut live = Live::new(record, config.notify_delay());
        live.voice = voice;
        live
    }

    fn is_turned_away(&self, event: &Event) -> bool {
        self.book()
            .rejected
            .iter()
            .any(|id| *id == event.provider_call_id)
    }

    /// How the call goes on, told in a document that answers this webhook.
    fn document(&self, id: &CallId, webhook: &str, hop: Option<u32>) -> (Step, Option<super::Leg>) {
        let now = self.0.clock.now();
        let media = self.media();
        let told = self.with(id, |live| {
            if let Some(retold) = live.retold(webhook) {
                return retold;
            }
            live.is_on_stream &= hop.is_none_or(|hop| hop < live.stream_hop);
            if live.is_on_stream && !live.is_off_stream {
                return (Step::Nothing, live.leg());
            }
            if live.is_unsure() {
                // it may be on its way still, and nothing is said twice
                let leg = live.next_leg();
                live.led_on(leg.as_ref().map_or(0, |leg| leg.hop));
                return (Step::Wait, leg);
            }
            let inbound = live.record.direction == Direction::Inbound;
            let number = if inbound {
                live.record.to.clone()
            } else {
                String::new()
            };
            // a carrier that was sent to fetch this may be here before it has said that it will
            let is_busy = live.is_busy;
            live.is_busy &= !self.0.carrier.fetches_documents();
            let step = live.step(|leg| media.ticket(&leg.call_id, &leg.provider_call_id, &number));
            live.is_busy = is_busy;
            let leg = live.next_leg();
            live.led_on(leg.as_ref().map_or(0, |leg| leg.hop));
            if matches!(step, Step::Stream(_)) {
                live.stream_hop = leg.as_ref().map_or(0, |leg| leg.hop);
            }
            live.documented(webhook, &step, now);
            (step, leg)
        });
        told.unwrap_or((Step::Nothing, None))
    }
}
