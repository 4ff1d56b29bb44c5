//! What is done to messages and chats besides sending.
use super::{
    component, compose,
    memory::Home,
    split,
    target::{Target, snowflake},
};
use crate::{
    account::Connection,
    interactions,
    rest::{Request, RestError, Route},
};
use openclaw_plugin_api::{Activity, Edit, Error, ErrorKind, MessageTarget, React, Receipt, Result};
use serde_json::{Map, Value, json};
use std::{sync::Arc, time::Duration};

/// A sign that somebody is typing is of no use later.
const TYPING: Duration = Duration::from_secs(5);

/// Replaces the text and the buttons of a message.
pub(crate) async fn edit(connection: &Arc<Connection>, edit: Edit) -> Result<Receipt> {
    let text = compose::rendered(connection, &edit.text);
    let mut parts = split::split(&text, split::LIMIT, 0);
    let (Some(text), true) = (parts.pop(), parts.is_empty()) else {
        return Err(Error::new(
            ErrorKind::Rejected,
            "discord: the new text is empty or too long for one message; send a new one",
        ));
    };
    let components = component::components(connection, &edit.buttons, &Map::new()).await?;
    let body = json!({
        "content": text, "components": components.unwrap_or_else(|| json!([])),
        "allowed_mentions": compose::allowed_mentions(connection),
    });
    let id = snowflake(&edit.target.message_id)?;
    let done = match connection.memory.home(&id) {
        Some(Home::Interaction(event)) => interactions::edit(connection, &event, &id, body).await,
        Some(Home::Channel(channel)) => {
            connection
                .rest
                .done(Request::patch(Route::message(&channel, &id)).json(body))
                .await
        }
        None => {
            let channel = channel(connection, &edit.target).await?;
            connection
                .rest
                .done(Request::patch(Route::message(&channel, &id)).json(body))
                .await
        }
    };
    done.map_err(RestError::into_error)?;
    Ok(Receipt {
        message_ids: vec![id],
    })
}

/// Deletes a message. One that is gone counts as deleted.
pub(crate) async fn delete(connection: &Arc<Connection>, target: &MessageTarget) -> Result<()> {
    let id = snowflake(&target.message_id)?;
    let done = match connection.memory.home(&id) {
        Some(Home::Interaction(event)) => interactions::delete(connection, &event, &id).await,
        Some(Home::Channel(channel)) => {
            connection
                .rest
                .done(Request::delete(Route::message(&channel, &id)))
                .await
        }
        None => {
            let channel = channel(connection, target).await?;
            connection
                .rest
                .done(Request::delete(Route::message(&channel, &id)))
                .await
        }
    };
    match done {
        Err(error) if error.code() != Some(10_008) => Err(error.into_error()),
        _ => Ok(()),
    }
}

/// Sets the bot's reaction, or takes it away; without an emoji, all of its reactions.
pub(crate) async fn react(connection: &Arc<Connection>, react: &React) -> Result<()> {
    let id = snowflake(&react.target.message_id)?;
    let channel = match connection.memory.home(&id) {
        Some(Home::Channel(channel)) => channel,
        _ => channel(connection, &react.target).await?,
    };
    if !react.emoji.trim().is_empty() {
        let emoji = emoji(&react.emoji)?;
        return react_with(connection, &channel, &id, &emoji, react.remove)
            .await
            .map_err(RestError::into_error);
    }
    let message: Value = connection
        .rest
        .call(Request::get(Route::message(&channel, &id)))
        .await
        .map_err(RestError::into_error)?;
    for reaction in message["reactions"].as_array().into_iter().flatten() {
        if reaction["me"] == true {
            let emoji = emoji_of(&reaction["emoji"]);
            react_with(connection, &channel, &id, &emoji, true)
                .await
                .map_err(RestError::into_error)?;
        }
    }
    Ok(())
}

/// Shows that the bot is typing.
pub(crate) async fn activity(connection: &Arc<Connection>, activity: &Activity) -> Result<()> {
    let place = if activity.thread_id.trim().is_empty() {
        &activity.chat_id
    } else {
        &activity.thread_id
    };
    let channel = Target::parse(place)?
        .channel(connection)
        .await
        .map_err(RestError::into_error)?;
    let route = Route::new("channels/{}/typing", &[&channel]);
    connection
        .rest
        .done(Request::post(route).repeatable().deadline(TYPING))
        .await
        .map_err(RestError::into_error)
}

pub(crate) async fn react_with(
    connection: &Connection,
    channel: &str,
    message: &str,
    emoji: &str,
    remove: bool,
) -> Result<(), RestError> {
    let route = Route::new(
        "channels/{}/messages/{}/reactions/{}/@me",
        &[channel, message, emoji],
    );
    if !remove {
        return connection.rest.done(Request::put(route)).await;
    }
    match connection.rest.done(Request::delete(route)).await {
        // There is no such reaction.
        Err(error) if matches!(error.code(), Some(10_014 | 10_008)) => Ok(()),
        done => done,
    }
}

/// An emoji as a path names it: itself, or `name:id` for one of a server. Also written `<:name:id>` and `<a:name:id>`.
pub(crate) fn emoji(text: &str) -> Result<String> {
    let text = text.trim();
    let inner = text
        .strip_prefix('<')
        .and_then(|text| text.strip_suffix('>'))
        .unwrap_or(text);
    let inner = inner
        .strip_prefix("a:")
        .or_else(|| inner.strip_prefix(':'))
        .unwrap_or(inner);
    match inner.split_once(':') {
        Some((name, id)) if !name.is_empty() && snowflake(id).is_ok() => Ok(format!("{name}:{id}")),
        None if !inner.is_empty() && !inner.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') => {
            Ok(inner.to_owned())
        }
        _ => Err(Error::invalid(format_args!(
            "\"{}\" is no emoji; use 👍 itself, or name:id for one of a server",
            text.chars().take(40).collect::<String>()
        ))),
    }
}

/// The same of one that Discord told.
pub(crate) fn emoji_of(emoji: &Value) -> String {
    let name = emoji["name"].as_str().unwrap_or_default();
    match emoji["id"].as_str() {
        Some(id) => format!("{name}:{id}"),
        None => name.to_owned(),
    }
}

async fn channel(connection: &Connection, target: &MessageTarget) -> Result<String> {
    let place = if target.thread_id.trim().is_empty() {
        &target.chat_id
    } else {
        &target.thread_id
    };
    Target::parse(place)?
        .channel(connection)
        .await
        .map_err(RestError::into_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn emoji_are_written_in_many_ways() {
        for (text, expected) in [
            ("👍", "👍"),
            ("1️⃣", "1️⃣"),
            ("<:yes:12>", "yes:12"),
            ("<a:dance:12>", "dance:12"),
            ("yes:12", "yes:12"),
        ] {
            assert_eq!(emoji(text).expect(text), expected);
        }
        for text in ["", "thumbsup", ":yes:", "yes:no", "<:12>"] {
            assert!(emoji(text).is_err(), "{text}");
        }
    }
}
