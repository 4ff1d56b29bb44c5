//! Tells the carrier, or whoever serves the sound, how a call goes on.
use super::{CallId, Calls, Event, Kind, Leg, State, Step, live::Ending};
use futures_util::future::join;
use openclaw_plugin_api::{Error, ErrorKind, Result};

/// Tries of ending a call, before it is taken for ended.
const MAX_TRIES: u32 = 5;
/// Time between them, milliseconds.
const AGAIN_MS: u64 = 5_000;

/// `false` in an error of a request that never left, as the host tells it.
pub(crate) const SENT: &str = "sent";

/// Steps between a question to the agent and the note that its answer was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Point {
    /// The agent was asked, and nobody knows its answer yet.
    Asked,
    /// The agent has answered, and nothing is kept of it.
    Thought,
    /// It is kept, and the carrier knows nothing of it.
    Noted,
    /// The carrier has said yes, and that is not kept.
    Told,
}

/// Has the carrier certainly not done it? It said so, or our request never left.
pub(super) fn is_refusal(error: &Error) -> bool {
    let stayed = error.detail().get(SENT).is_some_and(|sent| sent == false);
    // the host's own policy, which it looks at before it sends
    let forbidden = error.kind() == ErrorKind::Refused;
    let refuses = matches!(
        error.kind(),
        ErrorKind::InvalidInput
            | ErrorKind::Auth
            | ErrorKind::Billing
            | ErrorKind::NotFound
            | ErrorKind::RateLimited
    );
    stayed || forbidden || refuses && error.detail().contains_key("status")
}

// === impl Calls ===

impl Calls {
    /// Has the call do what it should do now. Failures are logged and lead to another try with the next event.
    pub(super) async fn drive(&self, id: &CallId) {
        if let Err(error) = self.advance(id).await {
            tracing::warn!(call = id.as_str(), %error, "voice-call: the call can't be told how to go on");
        }
    }

    /// As [`Calls::drive`], for somebody who wants to know.
    pub(super) async fn advance(&self, id: &CallId) -> Result<()> {
        let outcome = self.tell(id).await;
        self.save(id).await?;
        outcome
    }

    async fn tell(&self, id: &CallId) -> Result<()> {
        match self.media().is_open(id) {
            true => self.say_aloud(id).await,
            false => self.tell_carrier(id).await,
        }
    }

    async fn tell_carrier(&self, id: &CallId) -> Result<()> {
        let Some((step, leg)) = self.claim(id) else {
            return Ok(());
        };
        if step.says() {
            self.note_first(id).await;
        }
        let outcome = match &step {
            Step::HangUp => {
                self.release(id);
                return self.hang_up(id, State::HangupBot).await;
            }
            step => self.0.carrier.perform(&leg, step).await,
        };
        self.passes(Point::Told).await;
        let now = self.0.clock.now();
        // a carrier that fetches its documents has nothing of this one yet
        let fetches = self.0.carrier.fetches_documents();
        let shown = self.with(id, |live| {
            live.is_busy = false;
            match &outcome {
                Ok(()) if fetches => {}
                Ok(()) => live.delivered(&step, now),
                Err(error) => {
                    // whoever waits on the phone can't wait for the next event
                    let again = step.says() && error.kind().is_transient();
                    live.tell_at = again.then(|| now.saturating_add(AGAIN_MS));
                    if is_refusal(error) {
                        live.refused();
                    } else if step.says() {
                        return live.unanswered_by_carrier(now);
                    }
                }
            }
            false
        });
        match shown {
            Some(true) => Ok(()),
            _ => outcome,
        }
    }

    /// Time has passed since the carrier did not say whether it took something.
    pub(super) async fn tell_again(&self, id: &CallId) {
        let unsure = self.with(id, |live| live.is_unsure()) == Some(true);
        match unsure && self.0.carrier.speaks_documents() {
            // it says by its next webhook how far it is, unless the call is over
            true => self.look_after(id).await,
            false => self.drive(id).await,
        }
    }

    /// Keeps what is on its way before it is: a process that ends now is followed by one that knows of it and asks nobody.
    async fn note_first(&self, id: &CallId) {
        self.passes(Point::Thought).await;
        if let Err(error) = self.save(id).await {
            // who waits on the phone is answered in any case
            tracing::warn!(call = id.as_str(), %error, "voice-call: what is said can't be kept");
        }
        self.passes(Point::Noted).await;
    }

    /// Tests end a process here, or have it wait.
    pub(super) async fn passes(&self, point: Point) {
        #[cfg(test)]
        {
            let mut ends_at = self.0.ends_at.subscribe();
            let free = ends_at.wait_for(|at| *at != Some(point)).await;
            drop(free.expect("whoever waits has the sender"));
        }
        // anybody else goes on
        let _ = point;
    }

    /// What to tell, if there is anything to tell and nobody is telling it.
    fn claim(&self, id: &CallId) -> Option<(Step, Leg)> {
        let (commanded, now) = (!self.0.carrier.speaks_documents(), self.0.clock.now());
        let claimed = self.with(id, |live| {
            let streams = live.is_on_stream && !live.is_off_stream;
            if live.is_busy || live.ending.is_some() || live.record.state.is_end() || streams {
                return None;
            }
            let leg = live.next_leg()?;
            if live.rings() {
                // a carrier that makes no documents has to be told to take the call
                let takes = commanded && !live.is_outbound();
                live.is_busy = takes;
                return takes.then_some((Step::Answer, leg));
            }
            if live.is_unsure() && commanded && !live.is_known_by_id(now) {
                live.doubted(now);
            }
            let step = match live.step(|_| None) {
                // commands don't cut anybody off: what is said while the agent thinks is heard
                Step::Wait if commanded && live.waits_for_agent() => Step::Listen { turn: live.turn() },
                step => step,
            };
            if step.says() && live.is_unsure() && !commanded {
                return None;
            }
            let needless = matches!(step, Step::Wait | Step::Nothing);
            let repeated =
                matches!(step, Step::Listen { .. }) && live.record.state == State::Listening && commanded;
            if needless || repeated {
                return None;
            }
            live.is_busy = true;
            let fetches = self.0.carrier.fetches_documents();
            let command = if fetches {
                leg.hop
            } else {
                live.sets_out(&step, leg.hop, false, now)
            };
            Some((step, Leg { command, ..leg }))
        });
        claimed.flatten()
    }

    fn release(&self, id: &CallId) {
        self.with(id, |live| live.is_busy = false);
    }

    /// Says through the stream what is to be said. A stream that can't is left, and the carrier speaks.
    async fn say_aloud(&self, id: &CallId) -> Result<()> {
        loop {
            let begin = self.0.clock.now();
            let next = self.with(id, |live| {
                if live.is_busy || live.record.state.is_end() {
                    return None;
                }
                match live.step(|_| None) {
                    Step::Say { text, then } => {
                        live.is_busy = true;
                        live.record.metadata.hops += 1;
                        let words = text.clone();
                        let step = Step::Say { text, then };
                        live.sets_out(&step, live.record.metadata.hops, true, begin);
                        Some((step, words))
                    }
                    _ => None,
                }
            });
            let Some((step, text)) = next.flatten() else {
                return Ok(());
            };
            // a stream ends with its process, so the note need not be there before the sound
            let (spoken, ()) = join(self.media().say(id, &text), self.note_first(id)).await;
            let now = self.0.clock.now();
            let done = self.with(id, |live| {
                live.is_busy = false;
                match &spoken {
                    Ok(()) => {
                        live.delivered(&step, now);
                        live.record.advance(State::Listening, now);
                        live.spoken(now);
                    }
                    // the stream has gone while it spoke, and some of it was heard
                    Err(error) if error.kind() == ErrorKind::Unknown => live.doubted(now),
                    Err(_) => {
                        live.refused();
                        live.is_off_stream = true;
                    }
                }
            });
            if done.is_none() {
                return Ok(());
            }
            if let Err(error) = spoken.as_ref()
                && error.kind() == ErrorKind::Unknown
            {
                return Ok(());
            }
            if let Err(error) = spoken {
                tracing::warn!(call = id.as_str(), %error, "voice-call: the stream is silent; the carrier's own voice speaks");
                return self.tell_carrier(id).await;
            }
            self.save(id).await?;
        }
    }

    /// Ends a call, with this reason.
    pub(crate) async fn hang_up(&self, id: &CallId, reason: State) -> Result<()> {
        let now = self.0.clock.now();
        let leg = self.with_open(id, |live| {
            let ending = live.ending.get_or_insert(Ending {
                reason,
                tries: 0,
                again_at: now,
            });
            ending.tries += 1;
            ending.again_at = now.saturating_add(AGAIN_MS);
            live.hang_up_at = None;
            Ok(live.leg())
        })?;
        self.media().clear(id);
        let outcome = match &leg {
            Some(leg) => self.0.carrier.hang_up(leg).await,
            // the carrier has not named it yet: its answer will find the call ended
            None => Ok(()),
        };
        let tries = self.with(id, |live| live.ending.map_or(0, |ending| ending.tries));
        let given_up = outcome.is_err() && tries.unwrap_or(MAX_TRIES) >= MAX_TRIES;
        if outcome.is_ok() || given_up {
            let reason = if given_up { State::Error } else { reason };
            self.end(id, reason);
            self.media().close(id);
        }
        self.save(id).await?;
        self.tick_while_needed();
        outcome.map_err(|error| {
            Error::new(
                error.kind(),
                format_args!("call {id} could not be ended: {error}"),
            )
        })
    }

    /// Notes that a call is over.
    pub(super) fn end(&self, id: &CallId, reason: State) {
        let now = self.0.clock.now();
        self.with(id, |live| {
            let event = Event {
                id: format!("end-{reason:?}"),
                call_id: None,
                provider_call_id: String::new(),
                direction: None,
                from: String::new(),
                to: String::new(),
                turn: None,
                hop: None,
                kind: Kind::Ended(reason),
            };
            live.apply(&event, now);
            live.waiter = None;
        });
    }
}
