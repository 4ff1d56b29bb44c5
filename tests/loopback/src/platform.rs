//! A platform over HTTP, as small as one can be: what a channel does, without anything that is only a vendor's.
//!
//! `GET <platform>/events?after=<n>` is held until there is something behind `n` and answers with
//! `[{ "n": 1, "event": <Inbound> }, …]`; events up to `after` are forgotten. `POST <platform>/messages` with an
//! `Outbound` answers with `{ "id": … }`. Invariant: an event is forgotten after the host has it.
use openclaw_plugin_api::prelude::*;
use std::time::Duration;

/// Longest that the platform may hold a request.
const HOLD: Duration = Duration::from_secs(60);
/// Longest that a send may take.
const SEND: Duration = Duration::from_secs(10);
/// Wait after a failure.
const PAUSE: Duration = Duration::from_millis(100);
/// Largest answer, bytes.
const MAX_ANSWER: u64 = 8 << 20;

/// An account's way to its platform.
#[derive(Clone)]
pub(crate) struct Platform {
    pub(crate) root: String,
    pub(crate) account: String,
    pub(crate) host: ChannelHost,
}

#[derive(serde::Deserialize)]
struct Told {
    n: u64,
    event: Value,
}

impl Platform {
    /// Hands over events for as long as the account is started.
    pub(crate) async fn listen(self) {
        let mut after = 0;
        loop {
            if self.take(&mut after).await.is_err() {
                self.host.host().sleep(PAUSE).await;
            }
        }
    }

    async fn take(&self, after: &mut u64) -> Result<()> {
        let web = self.host.host().http();
        let request = web.get(format!("{}/events?after={after}", self.root));
        let answer = request.timeout(HOLD).max_bytes(MAX_ANSWER).send().await?;
        let told: Vec<Told> = serde_json::from_slice(&answer.bytes().await?)?;
        for Told { n, event } in told {
            // what is no event is of no use at any later time either
            if let Ok(event) = serde_json::from_value::<Inbound>(event) {
                let account_id = self.account.clone();
                self.host.inbound(&Inbound { account_id, ..event }).await?;
            }
            *after = n;
        }
        Ok(())
    }

    /// Delivers a message.
    pub(crate) async fn send(&self, message: &Outbound) -> Result<Receipt> {
        let web = self.host.host().http();
        let request = web.post(format!("{}/messages", self.root)).json(message);
        let sent = request.timeout(SEND).max_bytes(MAX_ANSWER).send().await;
        let lost = |error: Error| Error::new(ErrorKind::Unknown, error.message());
        let answer = sent.map_err(|error| match error.kind() {
            ErrorKind::Timeout | ErrorKind::Network => lost(error),
            _ => error,
        })?;
        let (status, wait) = (answer.status(), answer.retry_after());
        match status {
            200..=299 => {}
            429 => {
                let error = Error::new(ErrorKind::RateLimited, "the platform asks to wait");
                return Err(error.with_retry_after(wait.unwrap_or(PAUSE)));
            }
            500.. => {
                return Err(Error::new(
                    ErrorKind::Unknown,
                    format_args!("the platform answered {status}"),
                ));
            }
            _ => {
                return Err(Error::new(
                    ErrorKind::Rejected,
                    format_args!("the platform answered {status}"),
                ));
            }
        }
        let body: Value = serde_json::from_slice(&answer.bytes().await.map_err(lost)?)
            .map_err(|error| lost(error.into()))?;
        Ok(Receipt {
            message_ids: vec![body["id"].as_str().unwrap_or_default().to_owned()],
        })
    }
}
