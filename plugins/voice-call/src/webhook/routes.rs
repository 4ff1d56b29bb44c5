//! The webhook's route on the gateway's port.
use super::Verified;
use crate::{
    phone::{Line, Phone},
    settings::WEBHOOK_PATH,
};
use openclaw_plugin_api::{Answer, Error, ErrorKind, HttpCall, HttpRoutes, Result, Route, RouteAuth};
use std::sync::Arc;

/// Longest webhook, bytes.
const MAX_BODY: u64 = 64 * 1024;
/// Time for one to arrive, milliseconds.
const BODY_TIME_MS: u64 = 5_000;
/// Time for one to be dealt with, milliseconds; Twilio waits for 15 s.
const ANSWER_TIME_MS: u64 = 12_000;

/// The route.
#[derive(Debug)]
pub(crate) struct Webhooks(Line);

// === impl Webhooks ===

impl Webhooks {
    pub(crate) fn new(line: Line) -> Self {
        Self(line)
    }

    /// The phone, and that this is its path.
    fn phone(&self, call: &HttpCall) -> Result<Arc<Phone>> {
        if call.path.trim_end_matches('/') != WEBHOOK_PATH {
            return Err(Error::new(ErrorKind::NotFound, "there is nothing here"));
        }
        self.0.phone()
    }
}

impl HttpRoutes for Webhooks {
    fn routes(&self) -> Vec<Route> {
        vec![Route {
            path: WEBHOOK_PATH.into(),
            // a slash at its end is ignored
            prefix: true,
            methods: vec!["POST".into()],
            auth: RouteAuth::Signature,
            check_head: true,
            max_body_bytes: MAX_BODY,
            body_timeout_ms: BODY_TIME_MS,
            answer_timeout_ms: ANSWER_TIME_MS,
            ..Route::default()
        }]
    }

    fn check(&self, head: &HttpCall) -> Result<()> {
        self.phone(head)?.gate.check(head)
    }

    fn verify(&self, call: &HttpCall) -> Result<()> {
        let verified = self.phone(call)?.gate.verify(call).map(drop);
        verified.inspect_err(|error| {
            tracing::warn!(peer = call.peer, why = %error, "voice-call: a webhook was refused");
        })
    }

    async fn handle(&self, call: HttpCall, answer: Answer) -> Result<()> {
        let phone = self.phone(&call)?;
        // once more, because the type is the proof
        let verified = phone.gate.verify(&call)?;
        serve(&phone, &verified, answer).await
    }
}

async fn serve(phone: &Phone, webhook: &Verified, answer: Answer) -> Result<()> {
    let mut after = Vec::new();
    let dealt_with = async {
        let incoming = phone.carrier.read(webhook);
        let taken = phone.calls.take(&incoming, webhook.webhook()).await?;
        after = taken.after;
        Ok(phone.carrier.answer(&taken.step, taken.leg.as_ref()))
    };
    let (reply, is_new) = phone.replays.once(webhook.key(), dealt_with).await?;
    if !is_new {
        tracing::info!("voice-call: a webhook came again; it has no effect");
    }
    let sent = answer.send(200, &reply.content_type, reply.body.as_bytes()).await;
    // what the call does next comes after the carrier has its answer
    let calls = phone.calls.clone();
    phone.host.spawn(async move { calls.follow_up(after).await });
    sent
}
