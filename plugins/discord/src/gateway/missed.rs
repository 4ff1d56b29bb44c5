//! What was said while no session could tell it: read from the channels that are known, from the last message on that
//! the host has.
//!
//! Bounded: so many channels, so many pages of each, no older than a day. The messages go through the lane of their
//! channel ahead of what comes live, and the host knows each by its id.
use crate::{
    account::Connection,
    inbound::{self, Event},
    recent::Recent,
    rest::{Request, Route},
    wire::snowflake,
};
use openclaw_plugin_api::Result;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

/// The event that stands for what was missed in a channel.
pub(crate) const EVENT: &str = "OPENCLAW_MISSED";
/// Channels that are remembered.
const MAX_CHANNELS: usize = 200;
/// Channels that are read after one loss, those that were written in last.
const MAX_READ: usize = 50;
/// Messages of one page; Discord's limit.
const PAGE: usize = 100;
/// Pages that are read of a channel.
const MAX_PAGES: usize = 3;
/// Older messages are not answered any more.
const MAX_AGE_MS: u64 = 24 * 3600 * 1000;
/// A server's shard is in these bits of its id.
const SHARD_BITS: u32 = 22;

/// The last message of each channel that the host has.
#[derive(Debug)]
pub(crate) struct Seen(Mutex<State>);

#[derive(Debug)]
struct State {
    last: Recent<String, Last>,
    changed: bool,
    /// What an earlier process knew could not be read yet.
    is_blind: bool,
}

/// The last message of a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Last {
    channel: String,
    /// Empty for a private chat.
    guild: String,
    message: String,
}

impl Default for Seen {
    fn default() -> Self {
        Self(Mutex::new(State {
            last: Recent::new(MAX_CHANNELS),
            changed: false,
            is_blind: false,
        }))
    }
}

impl Seen {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The host has this message, or nobody needs it.
    pub(crate) fn note(&self, channel: &str, guild: &str, message: &str) {
        if channel.is_empty() || number(message) == 0 {
            return;
        }
        let mut state = self.lock();
        let known = state.last.get(channel).map_or(0, |last| number(&last.message));
        if number(message) <= known {
            return;
        }
        // what was written in last is forgotten last
        state.last.remove(channel);
        let last = Last {
            channel: channel.to_owned(),
            guild: guild.to_owned(),
            message: message.to_owned(),
        };
        state.last.put(channel.to_owned(), last);
        state.changed = true;
    }

    fn of(&self, channel: &str) -> Option<Last> {
        self.lock().last.get(channel).cloned()
    }

    /// What an earlier process knew.
    pub(crate) async fn restore(connection: &Connection) {
        let found: Result<Option<Vec<Last>>> = connection.host().store().get_json(&key(connection)).await;
        let (kept, is_blind) = match found {
            Ok(kept) => (kept.unwrap_or_default(), false),
            Err(error) => {
                if !connection.seen.lock().is_blind {
                    tracing::warn!(account = connection.id, %error, "what was seen before can't be read; what was said \
                        while the bot was away may stay unanswered");
                }
                // what is no record never becomes one
                (Vec::new(), error.kind().is_transient())
            }
        };
        connection.seen.take_up(kept, is_blind);
    }

    fn take_up(&self, kept: Vec<Last>, is_blind: bool) {
        let is_new = self.lock().changed;
        for last in kept.into_iter().take(MAX_CHANNELS) {
            self.note(&last.channel, &last.guild, &last.message);
        }
        let mut state = self.lock();
        (state.changed, state.is_blind) = (is_new, is_blind);
    }

    /// Keeps it, if there is something new. What can't be read is not written over.
    pub(crate) async fn keep(connection: &Connection) {
        let is_blind = connection.seen.lock().is_blind;
        if is_blind {
            Self::restore(connection).await;
        }
        let all: Vec<Last> = {
            let mut state = connection.seen.lock();
            if state.is_blind || !std::mem::take(&mut state.changed) {
                return;
            }
            state.last.in_order().cloned().collect()
        };
        if let Err(error) = connection.host().store().put_json(&key(connection), &all).await {
            tracing::debug!(account = connection.id, %error, "what was seen could not be kept");
            connection.seen.lock().changed = true;
        }
    }
}

/// The events that stand for what a shard may have missed.
pub(super) fn events(connection: &Connection, shard: u64, shards: u64) -> Vec<Event> {
    let state = connection.seen.lock();
    let of_shard = |last: &&Last| (number(&last.guild) >> SHARD_BITS) % shards.max(1) == shard;
    let newest = state.last.in_order().rev().filter(of_shard).take(MAX_READ);
    let event = |last: &Last| Event {
        name: EVENT.to_owned(),
        data: json!({ "channel_id": last.channel }),
        stamp: String::new(),
    };
    newest.map(event).collect()
}

/// Reads what was missed in a channel and hands it over.
pub(crate) async fn read(connection: &Arc<Connection>, channel: &str) {
    let Some(last) = connection.seen.of(channel) else {
        return;
    };
    let mut members = HashMap::new();
    let oldest = snowflake(now_ms().saturating_sub(MAX_AGE_MS));
    let mut after = number(&last.message).max(oldest).to_string();
    for _ in 0..MAX_PAGES {
        let request = || {
            let route = Route::new("channels/{}/messages", &[channel]);
            Request::get(route).query("after", &after).query("limit", PAGE)
        };
        let found: Option<Vec<Value>> = inbound::ask_long(connection, request).await;
        let Some(mut found) = found else {
            tracing::warn!(
                account = connection.id,
                channel,
                "what was said in a channel while no session told it can't be read and stays unanswered"
            );
            return;
        };
        let count = found.len();
        found.sort_by_key(|message| number(id(message)));
        for mut message in found {
            let own = id(&message).to_owned();
            if number(&own) > number(&after) {
                after.clone_from(&own);
            }
            complete(connection, &last.guild, &mut message, &mut members).await;
            inbound::said(connection, message).await;
            connection.seen.note(channel, &last.guild, &own);
        }
        if count < PAGE {
            return;
        }
    }
    tracing::warn!(
        account = connection.id,
        channel,
        "more was said while the connection was broken than is read again"
    );
}

/// What the gateway tells of a message and REST does not: its server, and who its author is there.
async fn complete(
    connection: &Connection,
    guild: &str,
    message: &mut Value,
    members: &mut HashMap<String, Option<Value>>,
) {
    let author = message["author"]["id"].as_str().unwrap_or_default().to_owned();
    let is_person = message["webhook_id"].is_null() && message["author"]["bot"] != json!(true);
    if guild.is_empty() || !message.is_object() {
        return;
    }
    message["guild_id"] = json!(guild);
    if !is_person || author.is_empty() {
        return;
    }
    if !members.contains_key(&author) {
        let request = || Request::get(Route::new("guilds/{}/members/{}", &[guild, &author]));
        let member = inbound::ask(connection, request).await;
        members.insert(author.clone(), member);
    }
    if let Some(Some(member)) = members.get(&author) {
        message["member"] = member.clone();
    }
}

fn id(message: &Value) -> &str {
    message["id"].as_str().unwrap_or_default()
}

fn number(id: &str) -> u64 {
    id.parse().unwrap_or(0)
}

fn key(connection: &Connection) -> String {
    format!("seen/{}", connection.id)
}

fn now_ms() -> u64 {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis();
    u64::try_from(now).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use openclaw_plugin_api::{Secret, testing::TestHost};

    #[tokio::test]
    async fn what_could_not_be_read_is_not_written_over() -> Result<()> {
        let host = TestHost::new();
        let (config, token) = (serde_json::from_value(json!({}))?, Secret::new("a.b.c"));
        let connection = Connection::new("default".into(), config, token, host.channel("discord"));
        let before = json!([{ "channel": "10", "guild": "1", "message": "30" }]);
        host.host().store().put_json("seen/default", &before).await?;
        // as after a store that did not answer
        connection.seen.take_up(Vec::new(), true);
        connection.seen.note("20", "1", "31");
        Seen::keep(&connection).await;
        let kept: Vec<Last> = host
            .host()
            .store()
            .get_json("seen/default")
            .await?
            .unwrap_or_default();
        let mut channels: Vec<_> = kept.iter().map(|last| last.channel.as_str()).collect();
        channels.sort_unstable();
        assert_eq!(channels, ["10", "20"]);
        Ok(())
    }
}
