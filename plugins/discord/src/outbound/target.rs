//! Where a message goes: ids as people and configurations write them.
use crate::{
    account::Connection,
    rest::{Request, RestError, Route},
    wire::{Channel, channel_kind},
};
use openclaw_plugin_api::{Error, Result};
use serde_json::json;

/// A place that was named.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Target {
    /// A channel or thread.
    Channel(String),
    /// A person, in private.
    User(String),
}

impl Target {
    /// From an id: `channel:…`, `<#…>` and a bare id are channels; `user:…`, `discord:…` and `<@…>` are people. Replies
    /// name the channel that a message came from, which is why a bare id is one.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let text = text.trim();
        let inner = |open: &str| text.strip_prefix(open)?.strip_suffix('>');
        let person = inner("<@!")
            .or_else(|| inner("<@"))
            .or_else(|| text.strip_prefix("user:"))
            .or_else(|| text.strip_prefix("discord:user:"))
            .or_else(|| {
                text.strip_prefix("discord:")
                    .filter(|rest| snowflake(rest).is_ok())
            });
        if let Some(id) = person {
            return Ok(Self::User(snowflake(id)?));
        }
        let channel = inner("<#")
            .or_else(|| text.strip_prefix("channel:"))
            .or_else(|| text.strip_prefix("thread:"))
            .or_else(|| text.strip_prefix("discord:channel:"))
            .unwrap_or(text);
        match snowflake(channel) {
            Ok(id) => Ok(Self::Channel(id)),
            Err(_) => Err(Error::invalid(format_args!(
                "\"{}\" is no place on Discord; use channel:<id> or user:<id>",
                text.chars().take(80).collect::<String>()
            ))),
        }
    }

    /// The channel that it is; a private chat is opened.
    pub(crate) async fn channel(self, connection: &Connection) -> Result<String, RestError> {
        match self {
            Self::Channel(id) => Ok(id),
            Self::User(id) => open_private(connection, id).await,
        }
    }
}

/// An id of Discord's, which is a number of up to 20 digits.
pub(crate) fn snowflake(text: &str) -> Result<String> {
    let text = text.trim();
    if (1..=20).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit()) {
        return Ok(text.to_owned());
    }
    Err(Error::invalid(format_args!(
        "\"{}\" is no id of Discord; it has only digits (turn on Developer Mode, then Copy ID)",
        text.chars().take(80).collect::<String>()
    )))
}

async fn open_private(connection: &Connection, user: String) -> Result<String, RestError> {
    if let Some(channel) = connection.memory.private_chat(&user) {
        return Ok(channel);
    }
    // A second one of the same person gives the same chat.
    let request = Request::post(Route::new("users/@me/channels", &[]))
        .json(json!({ "recipient_id": user }))
        .repeatable();
    let channel: Channel = connection.rest.call(request).await?;
    connection.memory.put_private_chat(user, channel.id.clone());
    Ok(channel.id)
}

/// What is known of a channel; asked of Discord if nothing is.
pub(crate) async fn channel_of(connection: &Connection, id: &str) -> Result<Channel, RestError> {
    if let Some(channel) = connection.cache.channel(id) {
        return Ok(channel);
    }
    let channel: Channel = connection.rest.call(Request::get(Route::channel(id))).await?;
    connection.cache.put_channel(channel.clone());
    Ok(channel)
}

/// A forum takes no messages, only posts.
pub(super) fn is_forum(connection: &Connection, id: &str) -> bool {
    let channel = connection.cache.channel(id);
    channel.is_some_and(|channel| matches!(channel.kind, channel_kind::FORUM | channel_kind::MEDIA))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_written_in_many_ways() {
        for (text, expected) in [
            ("123", Target::Channel("123".into())),
            (" channel:123 ", Target::Channel("123".into())),
            ("<#123>", Target::Channel("123".into())),
            ("discord:channel:123", Target::Channel("123".into())),
            ("user:7", Target::User("7".into())),
            ("<@7>", Target::User("7".into())),
            ("<@!7>", Target::User("7".into())),
            ("discord:7", Target::User("7".into())),
        ] {
            assert_eq!(Target::parse(text).expect(text), expected);
        }
        for text in [
            "",
            "general",
            "<#7",
            "user:",
            "7/../8",
            "-7",
            "٣",
            "123456789012345678901",
        ] {
            assert!(Target::parse(text).is_err(), "{text}");
        }
    }
}
