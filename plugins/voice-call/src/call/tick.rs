//! What happens by time: calls that last too long, ring too long, or are to end after their message.
//!
//! It ticks only while there are calls.
use super::{CallId, Calls, State, live::Live};
use crate::{clock::Millis, provider::Probe};
use std::{sync::atomic::Ordering, time::Duration};

/// Time between two looks.
const TICK: Duration = Duration::from_secs(1);
/// Time beyond the carrier's own limit of ringing, milliseconds.
const RING_GRACE_MS: u64 = 15_000;
/// How long a call that is over is remembered here, so that late webhooks find it, milliseconds.
const LINGER_MS: u64 = 5 * 60 * 1000;
/// Time between two questions after a call whose carrier can't call us, milliseconds.
const POLL_MS: u64 = 2_000;

/// What is due.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Due {
    HangUp(State),
    Poll,
    Tell,
    Forget,
}

// === impl Calls ===

impl Calls {
    /// Looks after the calls as long as there are any.
    pub(super) fn tick_while_needed(&self) {
        if self.0.is_ticking.swap(true, Ordering::AcqRel) {
            return;
        }
        let calls = self.clone();
        self.0.host.spawn(async move {
            loop {
                calls.0.host.sleep(TICK).await;
                calls.tick().await;
                if calls.book().calls.is_empty() {
                    calls.0.is_ticking.store(false, Ordering::Release);
                    // one may have come between the look and the note
                    if calls.book().calls.is_empty() || calls.0.is_ticking.swap(true, Ordering::AcqRel) {
                        return;
                    }
                }
            }
        });
    }

    /// Does what is due now.
    pub(crate) async fn tick(&self) {
        let now = self.0.clock.now();
        let due: Vec<(CallId, Due)> = {
            let mut book = self.book();
            let calls = book.calls.iter_mut();
            calls
                .filter_map(|(id, live)| Some((id.clone(), self.due(live, now)?)))
                .collect()
        };
        for (id, due) in due {
            match due {
                Due::HangUp(reason) => {
                    if let Err(error) = self.hang_up(&id, reason).await {
                        tracing::warn!(call = id.as_str(), %error, "voice-call: trying again");
                    }
                }
                Due::Poll => self.poll(&id).await,
                Due::Tell => {
                    // others are not kept waiting by a carrier that does not answer
                    let calls = self.clone();
                    self.0.host.spawn(async move { calls.tell_again(&id).await });
                }
                Due::Forget => {
                    self.book().remove(&id);
                    if let Err(error) = self.prune().await {
                        tracing::warn!(%error, "voice-call: old calls can't be forgotten");
                    }
                }
            }
        }
    }

    fn due(&self, live: &mut Live, now: Millis) -> Option<Due> {
        let config = &self.0.settings.config;
        let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        let record = &live.record;
        let age = now.saturating_sub(record.started_at);
        if let Some(ended) = record.ended_at {
            return (now.saturating_sub(ended) >= LINGER_MS).then_some(Due::Forget);
        }
        if let Some(ending) = live.ending {
            return (now >= ending.again_at).then_some(Due::HangUp(ending.reason));
        }
        if live.hang_up_at.is_some_and(|at| now >= at) {
            return Some(Due::HangUp(State::HangupBot));
        }
        let talk = record.answered_at.map_or(age, |at| now.saturating_sub(at));
        if talk >= ms(config.max_duration()) {
            return Some(Due::HangUp(State::Timeout));
        }
        if live.rings() {
            let ringing = ms(config.ring_timeout()).saturating_add(RING_GRACE_MS);
            if live.is_outbound() && age >= ringing {
                return Some(Due::HangUp(State::NoAnswer));
            }
            if config.stale_after().is_some_and(|stale| age >= ms(stale)) {
                return Some(Due::HangUp(State::Timeout));
            }
        }
        if live.tell_at.take_if(|at| now >= *at).is_some() {
            let waits = live.has_words() || live.record.metadata.digits.is_some();
            return waits.then_some(Due::Tell);
        }
        let poll = live.poll_at.filter(|at| now >= *at);
        poll.map(|_| {
            live.poll_at = Some(now.saturating_add(POLL_MS));
            Due::Poll
        })
    }

    /// Asks the carrier how a call is, where it can't tell us.
    async fn poll(&self, id: &CallId) {
        let provider = self.find(id).and_then(|record| record.provider_call_id);
        let Some(provider) = provider else {
            return;
        };
        let now = self.0.clock.now();
        match self.0.carrier.probe(&provider).await {
            Ok(Probe::Ended(reason)) => self.end(id, reason),
            Ok(Probe::Answered) => {
                self.with(id, |live| {
                    live.record.advance(State::Answered, now);
                    // the carrier got it with the call
                    if let Some(text) = live.record.metadata.initial_message.clone() {
                        live.said(&text, now);
                        live.record.advance(State::Speaking, now);
                    }
                });
            }
            Ok(Probe::Ringing) => {
                self.with(id, |live| live.record.advance(State::Ringing, now));
            }
            Ok(Probe::Unknown) => {}
            Err(error) => {
                tracing::debug!(call = id.as_str(), %error, "voice-call: not known how the call is")
            }
        }
        if let Err(error) = self.save(id).await {
            tracing::warn!(call = id.as_str(), %error, "voice-call: the call can't be kept");
        }
    }
}
