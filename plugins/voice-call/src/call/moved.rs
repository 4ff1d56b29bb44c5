//! Calls whose carrier has to come by another address: a tunnel that was lost is back, perhaps under another name.
//!
//! What a carrier was told holds links to the old address, and without new ones the call would end at the next of them.
//! Invariant: nothing is said again; a carrier that is sent on asks, and gets what is next.
use super::{CallId, Calls, State, live::Live, record::Speaker};
use crate::clock::Millis;
use std::time::Duration;

/// Time that a character takes to be spoken, milliseconds.
const SPOKEN_MS: u64 = 75;
/// The longest that a text is waited for.
const MAX_SPOKEN: Duration = Duration::from_secs(60);
/// Wait while the carrier is being told something, and how often.
const BUSY: Duration = Duration::from_millis(500);
const TRIES: u32 = 40;

// === impl Calls ===

impl Calls {
    /// Carriers reach the gateway by this webhook from now on. Calls that ended meanwhile are noted as ended; those that go
    /// on, and were told of another address, are sent to this one.
    pub(crate) fn reached_by(&self, webhook: &str) {
        for record in self.active() {
            let (calls, id, webhook) = (self.clone(), record.call_id, webhook.to_owned());
            self.0.host.spawn(async move {
                calls.look_after(&id).await;
                calls.move_to(&id, &webhook).await;
            });
        }
    }

    /// A call whose stream broke off asks how it goes on, and gets another one. Where nothing leads here just now, it waits
    /// for that as long as its carrier does.
    pub(super) async fn lead_back(&self, id: &CallId) {
        self.look_after(id).await;
        let webhook = self.0.reach.webhook();
        let leg = self.with(id, |live| {
            if live.record.state.is_end() || live.ending.is_some() {
                return None;
            }
            live.is_on_stream = false;
            live.record.metadata.webhook_url = Some(webhook?);
            live.next_leg()
        });
        let Some(leg) = leg.flatten() else { return };
        if let Err(error) = self.0.carrier.send_on(&leg).await {
            tracing::warn!(call = id.as_str(), %error, "voice-call: a call whose stream broke off can't be led back");
            // then it is over for whoever is on the phone
            if let Err(error) = self.hang_up(id, State::HangupUser).await {
                tracing::debug!(call = id.as_str(), %error, "voice-call: the call of a stream that broke off");
            }
        }
    }

    async fn move_to(&self, id: &CallId, webhook: &str) {
        let now = self.0.clock.now();
        let wait = self.with(id, |live| {
            live.is_led_elsewhere(webhook).then(|| live.still_speaks(now))
        });
        let Some(Some(wait)) = wait else { return };
        self.0.host.sleep(wait).await;
        let documents = self.0.carrier.speaks_documents();
        for tried in 1..=TRIES {
            let now = self.0.clock.now();
            let leg = self.with(id, |live| {
                if live.is_busy {
                    return None;
                }
                if !live.is_led_elsewhere(webhook) {
                    return Some(None);
                }
                if documents {
                    // its next webhook shows that it was sent on, and nothing of what it was told before
                    live.doubted(now);
                }
                live.record.metadata.webhook_url = Some(webhook.to_owned());
                Some(live.next_leg())
            });
            match leg {
                Some(None) => {
                    if tried == TRIES {
                        tracing::warn!(
                            call = id.as_str(),
                            "voice-call: a call is busy for so long that it is not led to the new address"
                        );
                    }
                    self.0.host.sleep(BUSY).await;
                    continue;
                }
                Some(Some(Some(leg))) => {
                    tracing::info!(call = id.as_str(), "voice-call: a call is led to the new address");
                    if let Err(error) = self.0.carrier.send_on(&leg).await {
                        tracing::warn!(call = id.as_str(), %error, "voice-call: a call could not be led to the new address");
                        self.look_after(id).await;
                    }
                }
                Some(Some(None)) | None => {}
            }
            break;
        }
        if let Err(error) = self.save(id).await {
            tracing::warn!(call = id.as_str(), %error, "voice-call: the call can't be kept");
        }
    }
}

// === impl Live ===

impl Live {
    /// Does its carrier know another address than this one? A call whose sound flows asks for nothing.
    fn is_led_elsewhere(&self, webhook: &str) -> bool {
        let led = self.record.metadata.webhook_url.as_deref();
        let streams = self.is_on_stream && !self.is_off_stream;
        let goes_on = self.record.state.is_connected() && self.ending.is_none();
        goes_on && !streams && led.is_some_and(|led| led != webhook)
    }

    /// How long what was said last is still being spoken.
    pub(super) fn still_speaks(&self, now: Millis) -> Duration {
        let last = self.record.transcript.last();
        let Some(line) = last.filter(|line| line.speaker == Speaker::Bot) else {
            return Duration::ZERO;
        };
        let length = SPOKEN_MS.saturating_mul(line.text.chars().count() as u64);
        let left = line.timestamp.saturating_add(length).saturating_sub(now);
        Duration::from_millis(left).min(MAX_SPOKEN)
    }
}
