//! A session of the gateway, and how it outlives the process: Discord tells again what a bot missed for a while.
use super::watermark::Watermark;
use crate::account::Connection;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

/// A session that is older than this is not taken up: Discord has forgotten it.
const STALE: Duration = Duration::from_secs(3600);

/// One session of one shard.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) id: String,
    /// Where it is taken up.
    pub(crate) url: String,
    pub(crate) numbers: Watermark,
    /// The number that is stored.
    stored: u64,
}

/// A session as it is stored.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Stored {
    /// Whose it is: the bot's user id.
    bot: String,
    id: String,
    url: String,
    sequence: u64,
    shards: u64,
    /// The events that were asked for.
    intents: u64,
    /// Seconds since 1970.
    at: u64,
}

/// Where the session of a shard is stored.
pub(crate) fn key(account: &str, shard: u64) -> String {
    format!("session/{account}/{shard}")
}

impl Session {
    pub(crate) fn new(id: String, url: String) -> Self {
        Self {
            id,
            url,
            numbers: Watermark::new(0),
            stored: 0,
        }
    }

    /// The session of a shard from before, if it can be taken up and is of this bot with these shards and intents.
    pub(crate) async fn restore(connection: &Connection, shard: (u64, u64), intents: u64) -> Option<Self> {
        let key = key(&connection.id, shard.0);
        let stored: Stored = match connection.host().store().get_json(&key).await {
            Ok(stored) => stored?,
            Err(error) => {
                tracing::warn!(account = connection.id, %error, "the stored session can't be read; a new one is asked for");
                return None;
            }
        };
        let is_usable = stored.bot == connection.user_id()
            && (stored.shards, stored.intents) == (shard.1, intents)
            && !stored.id.is_empty()
            && now().saturating_sub(stored.at) < STALE.as_secs();
        is_usable.then(|| Self {
            id: stored.id,
            url: stored.url,
            numbers: Watermark::new(stored.sequence),
            stored: stored.sequence,
        })
    }

    fn unstored(&self) -> u64 {
        self.numbers.mark().saturating_sub(self.stored)
    }

    /// What is to be stored now. It counts as stored.
    pub(crate) fn store_now(&mut self, connection: &Connection, shards: u64, intents: u64) -> Stored {
        self.stored = self.numbers.mark();
        Stored {
            bot: connection.user_id().to_owned(),
            id: self.id.clone(),
            url: self.url.clone(),
            sequence: self.stored,
            shards,
            intents,
            at: now(),
        }
    }
}

impl Stored {
    /// Stores it. It may lag behind: it says what is surely settled, and the host knows each event.
    pub(crate) async fn put(self, connection: &Connection, shard: u64) {
        let key = key(&connection.id, shard);
        if let Err(error) = connection.host().store().put_json(&key, &self).await {
            tracing::debug!(account = connection.id, %error, "the session could not be stored");
        }
    }
}

/// Are so many settled events not stored yet?
pub(crate) fn is_due(session: Option<&Session>, events: u64) -> bool {
    session.is_some_and(|session| session.unstored() >= events)
}

/// Forgets the stored session: it can't be taken up any more.
pub(crate) async fn forget(connection: &Connection, shard: u64) {
    let key = key(&connection.id, shard);
    if let Err(error) = connection.host().store().delete(&key).await {
        tracing::debug!(account = connection.id, %error, "the old session could not be forgotten");
    }
}

fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_secs()
}
