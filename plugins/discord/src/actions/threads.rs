//! Actions on threads.
use super::{Task, brief, messages};
use crate::{
    outbound::thread,
    rest::{Request, RestError, Route},
};
use openclaw_plugin_api::Result;
use serde_json::{Map, Value, json};

/// Minutes of silence after which Discord may archive a thread.
const ARCHIVE: [u64; 4] = [60, 1440, 4320, 10080];
/// A thread that all of its channel see.
const PUBLIC: u64 = 11;
/// Archived threads that are listed.
const MAX_ARCHIVED: u64 = 100;

/// Opens a thread: on a message, or by itself; in a forum it is a post with a first message.
pub(super) async fn create(task: &Task<'_>) -> Result<Value> {
    let channel = task.channel().await?;
    let name = thread::name(
        task.params
            .text("threadName")?
            .or(task.params.text("name")?)
            .unwrap_or_default(),
        "",
    );
    if name.is_empty() {
        return Err(task.params.wrong("threadName", "is missing"));
    }
    let mut body = Map::from_iter([("name".to_owned(), Value::from(name.clone()))]);
    if let Some(minutes) = task.params.number("autoArchiveMin", 1..=10080)? {
        if !ARCHIVE.contains(&minutes) {
            return Err(task.params.wrong("autoArchiveMin", "is 60, 1440, 4320 or 10080"));
        }
        body.insert("auto_archive_duration".into(), minutes.into());
    }
    let text = task.params.text("message")?;
    let known = crate::outbound::target::channel_of(task.connection, &channel)
        .await
        .map_err(RestError::into_error)?;
    if matches!(
        known.kind,
        crate::wire::channel_kind::FORUM | crate::wire::channel_kind::MEDIA
    ) {
        let mut message = messages::outbound(task)?;
        message.text = text
            .ok_or_else(|| task.params.wrong("message", "is missing, and a forum wants one"))?
            .to_owned();
        message.extra.insert("threadName".into(), name.into());
        if let Some(tags) = task.params.value("appliedTags") {
            message.extra.insert("appliedTags".into(), tags.clone());
        }
        let mut sent = messages::deliver(task, message).await?;
        sent["threadId"] = sent["messageId"].clone();
        return Ok(sent);
    }
    let id = match task.params.id("messageId")? {
        Some(message) => {
            let made = thread::on_message(task.connection, &channel, &message, body).await;
            made.map_err(RestError::into_error)?.id
        }
        None => {
            body.insert("type".into(), PUBLIC.into());
            let request =
                Request::post(Route::new("channels/{}/threads", &[&channel])).json(Value::Object(body));
            let thread: Value = task.call(request).await?;
            thread["id"].as_str().unwrap_or_default().to_owned()
        }
    };
    let mut result = json!({ "threadId": id });
    if let Some(text) = text {
        let mut message = messages::outbound(task)?;
        (message.chat_id, message.text) = (id, text.to_owned());
        let sent = messages::deliver(task, message).await?;
        result["messageId"] = sent["messageId"].clone();
    }
    Ok(result)
}

/// The open threads of a server or channel, and on request archived ones of a channel.
pub(super) async fn list(task: &Task<'_>) -> Result<Value> {
    let of_channel = match task.params.value("channelId").or(task.params.value("to")) {
        Some(_) => Some(task.channel().await?),
        // the names of other channels' threads are for an owner
        None if !task.action.from_owner => Some(task.channel().await?),
        None => None,
    };
    if task.params.flag("includeArchived")? {
        let channel = match of_channel {
            Some(channel) => channel,
            None => task.channel().await?,
        };
        let limit = task
            .params
            .number("limit", 1..=MAX_ARCHIVED)?
            .unwrap_or(MAX_ARCHIVED);
        let route = Route::new("channels/{}/threads/archived/public", &[&channel]);
        let mut request = Request::get(route).query("limit", limit);
        if let Some(before) = task.params.text("before")? {
            request = request.query("before", before);
        }
        let answer: Value = task.call(request).await?;
        let threads: Vec<_> = brief::items(&answer["threads"]).map(brief::channel).collect();
        return Ok(json!({ "threads": threads, "more": answer["has_more"] == true }));
    }
    let guild = task.guild().await?;
    let answer: Value = task
        .call(Request::get(Route::new("guilds/{}/threads/active", &[&guild])))
        .await?;
    let is_there = |thread: &&Value| {
        of_channel
            .as_deref()
            .is_none_or(|channel| thread["parent_id"] == channel)
    };
    let threads: Vec<_> = brief::items(&answer["threads"])
        .filter(is_there)
        .map(brief::channel)
        .collect();
    Ok(json!({ "threads": threads }))
}

pub(super) async fn reply(task: &Task<'_>) -> Result<Value> {
    let mut message = messages::outbound(task)?;
    if let Some(id) = task.params.id("threadId")? {
        message.chat_id = id;
    }
    message.text = task.params.text("message")?.unwrap_or_default().to_owned();
    message.attachments = task.params.files()?;
    message.reply_to = task.params.id("replyTo")?.unwrap_or_default();
    if message.text.is_empty() && message.attachments.is_empty() {
        return Err(task
            .params
            .wrong("message", "is missing, and so is media; give one of them"));
    }
    messages::deliver(task, message).await
}
