//! What whoever serves the sound of calls tells.
use super::{
    CallId, Calls, MediaEvent, MediaEvents, State,
    live::{Effect, pressed},
    record::Speaker,
};
use futures_util::future::BoxFuture;
use openclaw_plugin_api::Result;

impl MediaEvents for Calls {
    fn media(&self, call: &CallId, event: MediaEvent) -> BoxFuture<'static, ()> {
        let (calls, id) = (self.clone(), call.clone());
        Box::pin(async move { calls.sounded(&id, event).await })
    }

    fn agent(&self, call: &CallId) -> String {
        let record = self.find(call);
        record.and_then(|record| record.agent_id).unwrap_or_default()
    }

    fn consult(&self, call: &CallId, question: String) -> BoxFuture<'static, Result<String>> {
        let (calls, id) = (self.clone(), call.clone());
        Box::pin(async move { calls.consulted(&id, &question).await })
    }
}

// === impl Calls ===

impl Calls {
    async fn sounded(&self, id: &CallId, event: MediaEvent) {
        let now = self.0.clock.now();
        let speaks_by_itself = self.0.settings.config.realtime.enabled;
        let effect = self.with(id, |live| match event {
            MediaEvent::Started => {
                live.record.advance(State::Answered, now);
                live.record.advance(State::Active, now);
                Effect::Drive
            }
            MediaEvent::Interrupted => {
                live.record.advance(State::Listening, now);
                Effect::None
            }
            // who speaks answers by itself, and asks an agent only as far as the operator lets it
            MediaEvent::Heard { text, is_final } if speaks_by_itself => {
                let is_turn = live.noted(&text, is_final, None, now);
                live.record.metadata.turn_count += u32::from(is_turn);
                Effect::None
            }
            // keys are no sound: it knows nothing of them, and the agent that it asks reads of them in the transcript
            MediaEvent::Digits(digits) if speaks_by_itself => {
                live.noted(&pressed(&digits), true, None, now);
                Effect::None
            }
            MediaEvent::Heard { text, is_final } => live.heard(&text, is_final, None, now),
            MediaEvent::Digits(digits) => live.heard(&pressed(&digits), true, None, now),
            MediaEvent::Said { text } => {
                live.record.metadata.initial_message = None;
                live.record.note(Speaker::Bot, &text, now);
                Effect::None
            }
            // a stream that was left for the carrier's own voice ends, and the call doesn't
            MediaEvent::Stopped | MediaEvent::Broken if live.is_off_stream => Effect::None,
            MediaEvent::Stopped => Effect::Ended,
            MediaEvent::Broken => Effect::Lost,
        });
        match effect {
            None => return,
            Some(Effect::Think) => self.think(id),
            Some(Effect::Drive) => return self.drive(id).await,
            Some(Effect::Lost) => return self.lead_back(id).await,
            Some(Effect::Ended) => {
                // the carrier says the same a little later, or knows nothing of it any more
                if let Err(error) = self.hang_up(id, State::HangupUser).await {
                    tracing::debug!(call = id.as_str(), %error, "voice-call: the call of a stream that ended");
                }
                return;
            }
            Some(Effect::None) => {}
        }
        if let Err(error) = self.save(id).await {
            tracing::warn!(call = id.as_str(), %error, "voice-call: the call can't be kept");
        }
    }
}
