//! Actions on messages.
use super::{Task, brief, permission::Permission, places};
use crate::{
    outbound::{self, target::Target},
    rest::{Request, RestError, Route},
};
use openclaw_plugin_api::{Button, Edit, Error, ErrorKind, MessageTarget, Outbound, Result};
use serde_json::{Map, Value, json};

/// Messages that are read if nothing is said.
const READ: u64 = 20;
/// Results of a search if nothing is said, and at most.
const FOUND: u64 = 25;
/// Reactions whose people are listed.
const MAX_REACTIONS: usize = 10;
/// Answers of a poll.
const MAX_ANSWERS: usize = 10;
/// Longest question and longest answer of a poll, characters.
const POLL_TEXT: (usize, usize) = (300, 55);
/// How long a poll runs if nothing is said, and at most, hours.
const POLL_HOURS: (u64, u64) = (24, 768);
/// Stickers of a message.
const MAX_STICKERS: usize = 3;

pub(super) async fn send(task: &Task<'_>) -> Result<Value> {
    let mut message = outbound(task)?;
    message.text = task
        .params
        .text("message")?
        .or(task.params.text("text")?)
        .unwrap_or_default()
        .to_owned();
    message.attachments = task.params.files()?;
    message.silent = task.params.flag("silent")?;
    message.reply_to = match task.params.id("replyTo")? {
        Some(id) => id,
        None if task.rule.name == "reply" => task.params.need_id("messageId")?,
        None => String::new(),
    };
    if let Some(buttons) = task.params.value("buttons") {
        let rows: Vec<Vec<Button>> = serde_json::from_value(buttons.clone()).map_err(|_| {
            task.params
                .wrong("buttons", "is a list of rows of {label, value, style}")
        })?;
        message.buttons = rows;
    }
    for key in [
        "select",
        "modal",
        "allowedUsers",
        "suppressEmbeds",
        "threadName",
        "audioAsVoice",
    ] {
        if let Some(value) = task.params.value(key) {
            message.extra.insert(key.to_owned(), value.clone());
        }
    }
    if message.text.is_empty() && message.attachments.is_empty() {
        return Err(task
            .params
            .wrong("message", "is missing, and so is media; give one of them"));
    }
    deliver(task, message).await
}

pub(super) async fn poll(task: &Task<'_>) -> Result<Value> {
    let short = |text: &str, limit: usize| text.trim().chars().take(limit).collect::<String>();
    let question = short(task.params.need_text("pollQuestion")?, POLL_TEXT.0);
    let answers = task.params.list("pollOption")?;
    if answers.len() < 2 || answers.len() > MAX_ANSWERS {
        return Err(task
            .params
            .wrong("pollOption", &format!("has 2 to {MAX_ANSWERS} answers")));
    }
    let answers: Vec<_> = answers
        .iter()
        .map(|answer| json!({ "poll_media": { "text": short(answer, POLL_TEXT.1) } }))
        .collect();
    let hours = task
        .params
        .number("pollDurationHours", 1..=POLL_HOURS.1)?
        .unwrap_or(POLL_HOURS.0);
    let mut message = outbound(task)?;
    message.text = task.params.text("message")?.unwrap_or_default().to_owned();
    let poll = json!({
        "question": { "text": question }, "answers": answers, "duration": hours,
        "allow_multiselect": task.params.flag("pollMulti")?, "layout_type": 1,
    });
    message.extra.insert("poll".into(), poll);
    deliver(task, message).await
}

pub(super) async fn sticker(task: &Task<'_>) -> Result<Value> {
    let mut ids = task.params.list("stickerId")?;
    ids.extend(task.params.list("stickerIds")?);
    for id in &ids {
        outbound::target::snowflake(id).map_err(|_| task.params.wrong("stickerId", "is no id"))?;
    }
    if ids.is_empty() || ids.len() > MAX_STICKERS {
        return Err(task
            .params
            .wrong("stickerId", &format!("has 1 to {MAX_STICKERS} ids")));
    }
    let mut message = outbound(task)?;
    message.text = task.params.text("message")?.unwrap_or_default().to_owned();
    message.extra.insert("stickerIds".into(), json!(ids));
    deliver(task, message).await
}

pub(super) async fn edit(task: &Task<'_>) -> Result<Value> {
    let edit = Edit {
        target: message(task).await?,
        text: task.params.need_text("message")?.to_owned(),
        buttons: Vec::new(),
    };
    let id = edit.target.message_id.clone();
    outbound::edit(task.connection, edit).await?;
    Ok(json!({ "messageId": id }))
}

pub(super) async fn delete(task: &Task<'_>) -> Result<Value> {
    let target = message(task).await?;
    must_be_theirs(task, &target).await?;
    outbound::delete(task.connection, &target).await?;
    Ok(json!({ "messageId": target.message_id }))
}

/// What somebody else wrote goes for those only who may take it away themselves.
async fn must_be_theirs(task: &Task<'_>, target: &MessageTarget) -> Result<()> {
    let (connection, asker) = (task.connection, task.action.sender_id.trim());
    let (chat, id) = (target.chat_id.as_str(), target.message_id.as_str());
    let is_own = connection.cache.is_own(id) || connection.memory.home(id).is_some();
    if task.action.from_owner || is_own {
        return Ok(());
    }
    let found = connection
        .rest
        .call::<Value>(Request::get(Route::message(chat, id)));
    let message = match found.await {
        Ok(message) => message,
        // what is gone counts as deleted
        Err(error) if error.is_gone() => return Ok(()),
        Err(error) => return Err(error.into_error()),
    };
    let author = message["author"]["id"].as_str().unwrap_or_default();
    if author == connection.user_id() || (!asker.is_empty() && author == asker) {
        return Ok(());
    }
    places::check_held(task, chat, Permission::ManageMessages).await
}

pub(super) async fn read(task: &Task<'_>) -> Result<Value> {
    let channel = task.channel().await?;
    if let Some(id) = task.params.id("messageId")? {
        let message: Value = task.call(Request::get(Route::message(&channel, &id))).await?;
        return Ok(json!({ "messages": [brief::message(&message)] }));
    }
    let limit = task.params.number("limit", 1..=100)?.unwrap_or(READ);
    let mut request = Request::get(Route::messages(&channel)).query("limit", limit);
    for key in ["before", "after", "around"] {
        if let Some(id) = task.params.id(key)? {
            request = request.query(key, id);
        }
    }
    let messages: Vec<Value> = task.call(request).await?;
    let messages: Vec<_> = messages.iter().map(brief::message).collect();
    Ok(json!({ "channelId": channel, "messages": messages }))
}

pub(super) async fn search(task: &Task<'_>) -> Result<Value> {
    let guild = task.guild().await?;
    let limit = task.params.number("limit", 1..=FOUND)?.unwrap_or(FOUND);
    let mut request = Request::get(Route::new("guilds/{}/messages/search", &[&guild])).query("limit", limit);
    let words = task.params.text("query")?.or(task.params.text("content")?);
    let author = task.params.id("authorId")?.or(task.params.id("userId")?);
    if words.is_none() && author.is_none() {
        return Err(task.params.wrong("query", "is missing"));
    }
    if let Some(words) = words {
        request = request.query("content", words);
    }
    if let Some(author) = author {
        request = request.query("author_id", author);
    }
    let mut channels = task.params.list("channelIds")?;
    channels.extend(task.params.text("channelId")?.map(str::to_owned));
    if !task.action.from_owner {
        // others are shown nothing but the chat that they are in, though the bot may see more of the server
        let here = task.action.chat_id.as_str();
        if channels.iter().any(|channel| channel != here) {
            return Err(Error::new(
                ErrorKind::Refused,
                "discord search: other channels are searched only for an owner of this gateway (commands.ownerAllowFrom)",
            ));
        }
        channels = vec![here.to_owned()];
    }
    for channel in channels {
        match Target::parse(&channel)? {
            Target::Channel(id) => request = request.query("channel_id", id),
            Target::User(_) => return Err(task.params.wrong("channelIds", "names a person")),
        }
    }
    let answer: Value = task.call(request).await?;
    if !answer["messages"].is_array() {
        // Discord begins to index a server when it is searched for the first time.
        return Err(Error::new(
            ErrorKind::Overloaded,
            "discord search: Discord is still preparing the search of this server; try again in a minute",
        ));
    }
    let found: Vec<_> = brief::items(&answer["messages"])
        .flat_map(brief::items)
        .map(brief::message)
        .collect();
    Ok(json!({ "total": answer["total_results"], "messages": found }))
}

pub(super) async fn react(task: &Task<'_>) -> Result<Value> {
    let target = message(task).await?;
    let channel = task.channel().await?;
    let remove = task.rule.name == "unreact" || task.params.flag("remove")?;
    match task.params.text("emoji")? {
        Some(emoji) => {
            let emoji = outbound::emoji(emoji)?;
            outbound::react_with(task.connection, &channel, &target.message_id, &emoji, remove)
                .await
                .map_err(RestError::into_error)?;
        }
        None if remove => {
            let all = openclaw_plugin_api::React {
                target: target.clone(),
                emoji: String::new(),
                remove: true,
            };
            outbound::react(task.connection, &all).await?;
        }
        None => return Err(task.params.wrong("emoji", "is missing")),
    }
    Ok(json!({ "messageId": target.message_id }))
}

pub(super) async fn reactions(task: &Task<'_>) -> Result<Value> {
    let target = message(task).await?;
    let channel = task.channel().await?;
    let limit = task.params.number("limit", 1..=100)?.unwrap_or(READ);
    let message: Value = task
        .call(Request::get(Route::message(&channel, &target.message_id)))
        .await?;
    let mut reactions = Vec::new();
    for reaction in brief::items(&message["reactions"]).take(MAX_REACTIONS) {
        let emoji = outbound::emoji_of(&reaction["emoji"]);
        let ids = [channel.as_str(), &target.message_id, &emoji];
        let route = Route::new("channels/{}/messages/{}/reactions/{}", &ids);
        let users: Vec<Value> = task.call(Request::get(route).query("limit", limit)).await?;
        let users: Vec<_> = users.iter().map(brief::user).collect();
        reactions.push(json!({ "emoji": emoji, "count": reaction["count"], "users": users }));
    }
    Ok(json!({ "reactions": reactions }))
}

pub(super) async fn pin(task: &Task<'_>) -> Result<Value> {
    let target = message(task).await?;
    let channel = task.channel().await?;
    places::check_held(task, &channel, Permission::PinMessages).await?;
    let route = Route::new("channels/{}/messages/pins/{}", &[&channel, &target.message_id]);
    let request = match task.rule.name {
        "pin" => Request::put(route),
        _ => Request::delete(route),
    };
    task.done(task.reasoned(request)?).await?;
    Ok(json!({ "messageId": target.message_id }))
}

pub(super) async fn pins(task: &Task<'_>) -> Result<Value> {
    let channel = task.channel().await?;
    let limit = task.params.number("limit", 1..=50)?.unwrap_or(50);
    let route = Route::new("channels/{}/messages/pins", &[&channel]);
    let answer: Value = task.call(Request::get(route).query("limit", limit)).await?;
    let pins: Vec<_> = brief::items(&answer["items"])
        .map(|item| brief::message(&item["message"]))
        .collect();
    Ok(json!({ "pins": pins, "more": answer["has_more"] == true }))
}

/// The message that the action is about.
async fn message(task: &Task<'_>) -> Result<MessageTarget> {
    let message_id = task.params.need_id("messageId")?;
    Ok(MessageTarget {
        account_id: task.connection.id.clone(),
        chat_id: task.channel().await?,
        thread_id: String::new(),
        message_id,
    })
}

/// A message to where the action goes.
pub(super) fn outbound(task: &Task<'_>) -> Result<Outbound> {
    let chat_id = match task.params.target() {
        Ok(Target::Channel(id)) => id,
        Ok(Target::User(id)) => format!("user:{id}"),
        // Without any place the operator's default one is taken.
        Err(_) if task.action.chat_id.is_empty() && task.params.value("to").is_none() => String::new(),
        Err(error) => return Err(error),
    };
    let key = task.params.text("idempotencyKey")?.unwrap_or_default();
    Ok(Outbound {
        idempotency_key: key.to_owned(),
        account_id: task.connection.id.clone(),
        chat_id,
        extra: Map::new(),
        ..Outbound::default()
    })
}

pub(super) async fn deliver(task: &Task<'_>, message: Outbound) -> Result<Value> {
    let receipt = outbound::send(task.connection, message).await?;
    Ok(json!({ "messageId": receipt.message_ids.first(), "messageIds": receipt.message_ids }))
}
