//! Threads: opened by hand, and by themselves for each message of a channel where the operator wants that.
use crate::{
    account::Connection,
    inbound, interactions,
    rest::{Request, RestError, Route},
    wire::{Channel, Message},
};
use openclaw_plugin_api::Outbound;
use serde_json::{Map, Value, json};

/// Longest name, characters.
const MAX_NAME: usize = 100;
/// Channels in which threads hang on messages.
const TEXT_CHANNELS: [u64; 2] = [0, 5];
/// The message has a thread already; it has the message's id.
const HAS_THREAD: u32 = 160_004;

/// Where the answer to a message goes: into a thread of its own, where `autoThread` says so.
pub(super) async fn of_answer(connection: &Connection, chat: &str, message: &Outbound) -> String {
    let asked = message.event_message_id.trim();
    // A button is under the bot's own message, which is no question.
    let is_pressed = interactions::is_one(&message.event_id) || connection.cache.is_own(asked);
    if asked.is_empty() || is_pressed || connection.config.guilds.is_empty() {
        return chat.to_owned();
    }
    let place = inbound::chat(connection, chat, None).await;
    let Some(room) = inbound::room(connection, &place).filter(|room| room.auto_thread == Some(true)) else {
        return chat.to_owned();
    };
    let kind = connection.cache.channel(chat).map(|channel| channel.kind);
    if !kind.is_some_and(|kind| TEXT_CHANNELS.contains(&kind)) {
        return chat.to_owned();
    }
    if connection.cache.channel(asked).is_some() {
        return asked.to_owned();
    }
    let archive = room
        .auto_archive_duration
        .as_ref()
        .and_then(|minutes| minutes.get());
    match open(connection, chat, asked, archive).await {
        Ok(thread) => thread,
        Err(error) => {
            tracing::warn!(account = connection.id, channel = chat, %error, "no thread was opened; answered in the channel");
            chat.to_owned()
        }
    }
}

/// Opens a thread on a message, named after it. One that exists is as good.
async fn open(
    connection: &Connection,
    channel: &str,
    message: &str,
    archive: Option<u32>,
) -> Result<String, RestError> {
    let starter = connection
        .rest
        .call::<Message>(Request::get(Route::message(channel, message)))
        .await;
    let text = starter.map(|starter| starter.content).unwrap_or_default();
    let mut body = Map::from_iter([("name".to_owned(), Value::from(name(&text, "Thread")))]);
    if let Some(minutes) = archive {
        body.insert("auto_archive_duration".into(), minutes.into());
    }
    match on_message(connection, channel, message, body).await {
        Ok(thread) => {
            let id = thread.id.clone();
            connection.cache.put_channel(thread);
            Ok(id)
        }
        Err(error) if error.code() == Some(HAS_THREAD) => Ok(message.to_owned()),
        Err(error) => Err(error),
    }
}

/// Opens a thread on a message. A second try is refused by Discord.
pub(crate) async fn on_message(
    connection: &Connection,
    channel: &str,
    message: &str,
    body: Map<String, Value>,
) -> Result<Channel, RestError> {
    let route = Route::new("channels/{}/messages/{}/threads", &[channel, message]);
    connection
        .rest
        .call(Request::post(route).json(json!(body)).repeatable())
        .await
}

/// A name for a thread: the first line that says something.
pub(crate) fn name(text: &str, otherwise: &str) -> String {
    let is_mark = |c: char| c.is_whitespace() || matches!(c, '#' | '*' | '>' | '`');
    let mut lines = text
        .lines()
        .map(|line| without_mentions(line).trim_matches(is_mark).to_owned());
    let line = lines.find(|line| !line.is_empty());
    let line = line.unwrap_or_else(|| otherwise.to_owned());
    line.chars().filter(|c| !c.is_control()).take(MAX_NAME).collect()
}

/// Without `<@1>` and the like, which say nothing in a name.
fn without_mentions(line: &str) -> String {
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find("<@") {
        let Some(end) = rest[start..].find('>') else { break };
        out += &rest[..start];
        rest = &rest[start + end + 1..];
    }
    (out + rest).trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_something_and_fit() {
        for (text, expected) in [
            ("\n# Hello *world\nmore", "Hello *world"),
            ("<@123> help me", "help me"),
            ("<@123>", "Thread"),
            ("", "Thread"),
        ] {
            assert_eq!(name(text, "Thread"), expected);
        }
        assert_eq!(name(&"é".repeat(300), "x").chars().count(), MAX_NAME);
    }
}
