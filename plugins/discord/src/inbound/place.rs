//! Where something happened. What the gateway has not told is asked of Discord: rules for a thread's channel hold only
//! if it is known which channel that is.
use crate::{
    account::Connection,
    rest::{Request, Route},
    wire::{Channel, Guild, channel_kind},
};
use openclaw_plugin_api::{Backoff, Chat, ChatKind};
use serde::de::DeserializeOwned;
use std::time::Duration;

/// How often Discord is asked before a place stays unknown.
pub(crate) const TRIES: u32 = 20;
/// The same for what is good to know.
pub(crate) const FEW: u32 = 3;
/// Bounds of the waits between.
const AGAIN: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// The chat of a channel, as far as it is known. `guild_id` is what the event says; none means a private chat, or one of
/// several people.
pub(crate) async fn chat(connection: &Connection, channel_id: &str, guild_id: Option<&str>) -> Chat {
    let known = channel(connection, FEW, channel_id).await;
    described(connection, channel_id, guild_id, known).await
}

/// The chat of a channel; none for one of a server that Discord does not show. It may be a thread of a channel that is
/// closed, and the bot could not answer there.
pub(super) async fn known_chat(
    connection: &Connection,
    channel_id: &str,
    guild_id: Option<&str>,
) -> Option<Chat> {
    let known = channel(connection, TRIES, channel_id).await;
    if known.is_none() && guild_id.is_some() {
        tracing::warn!(
            account = connection.id,
            channel = channel_id,
            "dropped: discord does not say what channel this is; let the bot see it (View Channel)"
        );
        return None;
    }
    Some(described(connection, channel_id, guild_id, known).await)
}

async fn described(
    connection: &Connection,
    channel_id: &str,
    guild_id: Option<&str>,
    known: Option<Channel>,
) -> Chat {
    let guild_id = guild_id
        .map(str::to_owned)
        .or_else(|| known.as_ref().and_then(|channel| channel.guild_id.clone()));
    let kind = match (&guild_id, &known) {
        (Some(_), _) => ChatKind::Channel,
        (None, Some(channel)) if channel.kind == channel_kind::GROUP_DM => ChatKind::Group,
        _ => ChatKind::Direct,
    };
    let mut chat = Chat {
        id: channel_id.to_owned(),
        kind,
        space_title: guild_id
            .as_deref()
            .and_then(|id| connection.cache.guild(id))
            .map(|guild| guild.name)
            .unwrap_or_default(),
        space_id: guild_id.unwrap_or_default(),
        ..Chat::default()
    };
    let Some(known) = known else { return chat };
    if known.is_thread()
        && let Some(parent_id) = &known.parent_id
    {
        let parent = channel(connection, FEW, parent_id).await;
        chat.parent_title = parent.and_then(|parent| parent.name).unwrap_or_default();
        chat.parent_id.clone_from(parent_id);
    }
    chat.title = match (&known.name, known.recipients.as_slice()) {
        (Some(name), _) if !name.is_empty() => name.clone(),
        (_, people) => people
            .iter()
            .map(|user| user.display())
            .collect::<Vec<_>>()
            .join(", "),
    };
    chat
}

/// A channel or thread, from memory or from Discord; none if Discord doesn't show it.
async fn channel(connection: &Connection, tries: u32, id: &str) -> Option<Channel> {
    if let Some(known) = connection.cache.channel(id) {
        return Some(known);
    }
    let asked: Channel = ask(connection, tries, || Request::get(Route::channel(id))).await?;
    connection.cache.put_channel(asked.clone());
    Some(asked)
}

/// Sees to it that the roles of a server are known.
pub(crate) async fn know_guild(connection: &Connection, id: &str) {
    if connection.cache.guild(id).is_some_and(|guild| !guild.is_partial) {
        return;
    }
    let request = || Request::get(Route::new("guilds/{}", &[id]));
    let asked: Option<Guild> = ask(connection, FEW, request).await;
    if let Some(guild) = asked {
        connection.cache.put_guild(guild);
    }
}

/// Asks until there is an answer, but not for ever: an event waits for it.
pub(crate) async fn ask<T: DeserializeOwned>(
    connection: &Connection,
    tries: u32,
    request: impl Fn() -> Request,
) -> Option<T> {
    let mut backoff = Backoff::new(AGAIN.0, AGAIN.1);
    while backoff.tries() < tries {
        let error = match connection.rest.call(request()).await {
            Ok(found) => return Some(found),
            Err(error) => error,
        };
        let (status, wait) = (error.status(), error.retry_after());
        tracing::debug!(account = connection.id, %error, "not known");
        if matches!(status, Some(400..=428 | 430..=499)) {
            return None;
        }
        let wait = backoff.next_wait().max(wait.unwrap_or_default()).min(AGAIN.1);
        connection.host().sleep(wait).await;
    }
    None
}
