//! Asking Telegram for updates, one request at a time.
//!
//! Telegram forgets what lies below the offset of a request, so the offset is the watermark: nothing is forgotten that
//! the host doesn't have. While some updates wait (for the rest of an album, a download, a host whose disk is full),
//! short polls look for new ones without giving the old ones up.
use crate::{
    account::Account,
    api::{Effect, Failure, Update},
    intake::Intake,
};
use openclaw_plugin_api::{Backoff, ChannelState, Error, ErrorKind, Store};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant, SystemTime},
};

/// How long Telegram holds a poll when there is nothing, seconds.
const HOLD: u64 = 30;
/// Deadline of a poll's answer.
const DEADLINE: Duration = Duration::from_secs(45);
/// A poll that has not ended by then is dropped, whatever it is doing.
const WATCHDOG: Duration = Duration::from_secs(90);
/// Most updates of one answer.
const LIMIT: usize = 100;
/// Waits after failures.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));
/// Waits after a conflict with another poller, which may go on for long.
const CONFLICT: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(300));
/// Waits between short polls.
const SHORT: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(5));
/// An empty answer that comes sooner than this was not held; the next request waits.
const HELD: Duration = Duration::from_secs(1);
/// Updates after which the offset is stored even if more keep coming.
const STORE_EVERY: usize = 64;
/// An offset that is older says nothing: after a quiet week ids begin anew.
const STALE: Duration = Duration::from_secs(6 * 24 * 3600);

/// What Telegram shall tell.
pub(crate) const ALLOWED: &[&str] = &[
    "message",
    "edited_message",
    "channel_post",
    "edited_channel_post",
    "callback_query",
    "message_reaction",
    "my_chat_member",
];

/// The offset as it is stored.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Stored {
    next: i64,
    /// Seconds since 1970.
    at: u64,
}

/// What to do after a failure.
enum Verdict {
    /// Try again after this.
    Wait(Duration),
    /// Only an operator can help.
    GiveUp,
}

struct Poller {
    account: Arc<Account>,
    intake: Intake,
    failures: Backoff,
    conflicts: Backoff,
    short: Backoff,
    key: String,
    stored: i64,
    unstored: usize,
}

/// Polls until the account is stopped. Returns when the token doesn't work any more.
pub(crate) async fn run(account: Arc<Account>, bot_id: i64) {
    let key = format!("offset/{bot_id}");
    let next = restore(&account.api.host().store(), &key).await;
    let mut poller = Poller {
        intake: Intake::new(account.clone(), next),
        account,
        failures: Backoff::new(AGAIN.0, AGAIN.1),
        conflicts: Backoff::new(CONFLICT.0, CONFLICT.1),
        short: Backoff::new(SHORT.0, SHORT.1),
        key,
        stored: next,
        unstored: 0,
    };
    poller.release_webhook().await;
    poller.run().await;
}

impl Poller {
    async fn run(&mut self) {
        // The first answer comes at once, so that it is known early whether all is well.
        let mut hold = 0;
        loop {
            let (offset, begin) = (self.intake.offset(), Instant::now());
            let asked = get_updates(self.account.clone(), offset, hold);
            match self.intake.work_while(asked).await {
                Ok(updates) => {
                    self.healthy().await;
                    let is_empty = updates.is_empty();
                    self.take(updates);
                    if is_empty && hold > 0 && begin.elapsed() < HELD {
                        self.pause(HELD).await;
                    }
                    self.settle_for_a_moment().await;
                    self.store(is_empty).await;
                    hold = if self.intake.is_idle() { HOLD } else { 0 };
                }
                Err(failure) => match self.judge(&failure).await {
                    Verdict::Wait(wait) => {
                        self.pause(wait).await;
                        hold = 0;
                    }
                    Verdict::GiveUp => return,
                },
            }
        }
    }

    fn take(&mut self, updates: Vec<Value>) {
        self.unstored += updates.len();
        for update in updates.into_iter().filter_map(Update::read) {
            self.intake.take(update);
        }
    }

    /// Lets what is under way come to its end, but not for long: new updates may be waiting.
    async fn settle_for_a_moment(&mut self) {
        if self.intake.is_idle() {
            self.short.reset();
            return;
        }
        let wait = self.short.next_wait();
        let host = self.account.api.host().clone();
        let intake = &mut self.intake;
        let settled = async { while !intake.is_idle() && intake.step().await {} };
        // Running out of time is the normal case while an album is gathered.
        let _ = host.timeout(wait, settled).await;
        if self.intake.is_idle() {
            self.short.reset();
        }
    }

    async fn pause(&mut self, wait: Duration) {
        let host = self.account.api.host().clone();
        self.intake
            .work_while(async move { host.sleep(wait).await })
            .await;
    }

    async fn healthy(&mut self) {
        self.failures.reset();
        self.conflicts.reset();
        self.account.report(ChannelState::Connected, "").await;
    }

    async fn judge(&mut self, failure: &Failure) -> Verdict {
        match failure.code() {
            Some(401 | 404) => {
                self.account
                    .report(
                        ChannelState::Failed,
                        &crate::channel::REVOKED.replace("{}", &self.account.id),
                    )
                    .await;
                Verdict::GiveUp
            }
            Some(409) => {
                let wait = self.conflicts.next_wait();
                let problem = "another program asks for this bot's updates (409); stop it, or give this gateway a bot \
                               of its own";
                self.account.report(ChannelState::Degraded, problem).await;
                tracing::warn!(account = self.account.id, wait = ?wait, "getUpdates conflict");
                self.release_webhook().await;
                Verdict::Wait(wait)
            }
            _ => {
                let wait = self
                    .failures
                    .next_wait()
                    .max(failure.retry_after().unwrap_or_default());
                let error = Error::from(failure.clone());
                // One lost poll is no news: networks drop idle connections.
                if self.failures.tries() > 1 {
                    self.account.report(ChannelState::Degraded, error.message()).await;
                }
                tracing::debug!(account = self.account.id, wait = ?wait, %error, "getUpdates failed");
                Verdict::Wait(wait)
            }
        }
    }

    /// A webhook and polls exclude each other. What waits is kept.
    async fn release_webhook(&mut self) {
        let body = json!({ "drop_pending_updates": false });
        if let Err(failure) = self.account.api.ask::<Value>("deleteWebhook", &body).await {
            let error = Error::from(failure);
            tracing::debug!(account = self.account.id, %error, "the webhook could not be removed");
        }
    }

    /// Stores the offset when there is time for it. It may lag behind: it says what is surely settled, Telegram itself
    /// remembers the rest, and the host knows each event.
    async fn store(&mut self, has_time: bool) {
        let next = self.intake.offset();
        if next == self.stored || !(has_time || self.stored == 0 || self.unstored >= STORE_EVERY) {
            return;
        }
        let stored = Stored { next, at: now() };
        match self.account.api.host().store().put_json(&self.key, &stored).await {
            Ok(()) => (self.stored, self.unstored) = (next, 0),
            Err(error) => {
                tracing::debug!(account = self.account.id, %error, "the offset could not be stored")
            }
        }
    }
}

/// One poll; dropping it closes its connection. The updates are as they came: one that can't be read doesn't spoil the
/// others.
async fn get_updates(account: Arc<Account>, offset: i64, hold: u64) -> Result<Vec<Value>, Failure> {
    let mut body = json!({ "timeout": hold, "limit": LIMIT, "allowed_updates": ALLOWED });
    if offset > 0 {
        body["offset"] = offset.into();
    }
    let poll = account
        .api
        .call("getUpdates", &body, DEADLINE, Effect::Repeatable);
    let watched = account.api.host().timeout(WATCHDOG, poll).await;
    watched.unwrap_or_else(|_| {
        tracing::warn!(account = account.id, "a poll stalled and was dropped");
        Err(Failure::Lost(Error::new(
            ErrorKind::Timeout,
            "telegram getUpdates: the poll stalled",
        )))
    })
}

async fn restore(store: &Store, key: &str) -> i64 {
    match store.get_json::<Stored>(key).await {
        Ok(Some(stored)) if now().saturating_sub(stored.at) < STALE.as_secs() => stored.next,
        Ok(_) => 0,
        Err(error) => {
            tracing::warn!(%error, "the stored offset can't be read; Telegram's own is used");
            0
        }
    }
}

fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs()
}
