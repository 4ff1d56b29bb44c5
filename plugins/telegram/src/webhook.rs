//! Updates by webhook, on the gateway's own port.
//!
//! Invariant: an update is answered with 200 only after the host has it. Nothing of a call's body is read
//! before its secret was compared, in constant time, with those of all accounts.
use crate::{
    account::{Account, Accounts, Hook},
    api::Update,
    intake::Delivery,
    poll,
};
use futures_channel::oneshot;
use openclaw_plugin_api::{
    Answer, Backoff, ChannelState, Error, ErrorKind, HttpCall, HttpRoutes, Result, Route, RouteAuth, Secret,
};
use serde_json::{Value, json};
use std::time::Duration;
use subtle::ConstantTimeEq;

/// Where Telegram calls.
pub(crate) const PATH: &str = "/telegram-webhook";
/// The header with the secret.
const HEADER: &str = "x-telegram-bot-api-secret-token";
/// Longest update, bytes.
const MAX_BODY: u64 = 1 << 20;
/// Time for an update to arrive, milliseconds.
const BODY_TIME_MS: u64 = 30_000;
/// How long a call waits for the host to take the update. Telegram calls again after a failure.
const ACCEPT: Duration = Duration::from_secs(20);
/// Waits before the webhook is advertised again.
const AGAIN: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(60));
/// Least length of a secret, characters.
const MIN_SECRET: usize = 8;

/// The route.
pub(crate) struct Webhook {
    accounts: Accounts,
}

impl Webhook {
    pub(crate) fn new(accounts: Accounts) -> Self {
        Self { accounts }
    }

    /// The account whose secret the call carries. All are compared, so that time tells nothing.
    fn hook(&self, call: &HttpCall) -> Option<Hook> {
        let given = call.header(HEADER)?;
        let mut found = None;
        for hook in self.accounts.hooks() {
            if bool::from(hook.secret.expose().as_bytes().ct_eq(given.as_bytes())) {
                found = Some(hook);
            }
        }
        found
    }
}

impl HttpRoutes for Webhook {
    fn routes(&self) -> Vec<Route> {
        vec![Route {
            path: PATH.into(),
            methods: vec!["POST".into()],
            auth: RouteAuth::Signature,
            check_head: true,
            max_body_bytes: MAX_BODY,
            body_timeout_ms: BODY_TIME_MS,
            ..Route::default()
        }]
    }

    fn check(&self, head: &HttpCall) -> Result<()> {
        self.verify(head)
    }

    fn verify(&self, call: &HttpCall) -> Result<()> {
        self.hook(call)
            .map(drop)
            .ok_or_else(|| Error::new(ErrorKind::Auth, "unauthorized"))
    }

    async fn handle(&self, call: HttpCall, answer: Answer) -> Result<()> {
        let Some(hook) = self.hook(&call) else {
            return answer.send(401, "text/plain", b"unauthorized").await;
        };
        let body = serde_json::from_slice::<Value>(&call.body).unwrap_or_default();
        let Some(update) = Update::read(body) else {
            return answer.send(400, "text/plain", b"not an update").await;
        };
        let (settled, accepted) = oneshot::channel();
        if !hook.queue(Delivery { update, settled }) {
            return answer.send(503, "text/plain", b"busy").await;
        }
        match hook.host.timeout(ACCEPT, accepted).await {
            Ok(Ok(())) => {
                let headers = [
                    ("content-type", "text/plain"),
                    ("x-openclaw-delivery-accepted", "durable"),
                ];
                answer.start(200, &headers).await?.write(b"ok").await
            }
            Ok(Err(_)) | Err(_) => answer.send(503, "text/plain", b"not accepted").await,
        }
    }
}

/// A secret that Telegram takes and nobody guesses.
pub(crate) fn checked(secret: Secret) -> Result<Secret> {
    let text = secret.expose();
    let fine = (MIN_SECRET..=256).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
        && !["undefined", "changeme"].contains(&text.to_lowercase().as_str());
    if fine {
        return Ok(secret);
    }
    Err(Error::new(
        ErrorKind::Config,
        format_args!(
            "telegram: webhookSecret has {MIN_SECRET} to 256 of A-Z, a-z, 0-9, _ and -; set a random one"
        ),
    ))
}

/// Tells Telegram where to call, until it has understood.
pub(crate) async fn advertise(account: &Account, secret: &Secret) {
    let Some(url) = &account.config.webhook_url else {
        return;
    };
    let body = json!({ "url": url, "secret_token": secret.expose(), "allowed_updates": poll::ALLOWED });
    let mut backoff = Backoff::new(AGAIN.0, AGAIN.1);
    loop {
        match account.api.ask::<Value>("setWebhook", &body).await {
            Ok(_) => {
                tracing::info!(account = account.id, url, "webhook advertised to telegram");
                return account.report(ChannelState::Connected, "").await;
            }
            Err(failure) => {
                let wait = backoff.next_wait().max(failure.retry_after().unwrap_or_default());
                account
                    .report(ChannelState::Degraded, Error::from(failure).message())
                    .await;
                account.api.host().sleep(wait).await;
            }
        }
    }
}
