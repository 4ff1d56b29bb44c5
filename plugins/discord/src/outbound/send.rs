//! Sending: one message of the host as one or as many as it takes.
//!
//! Invariant: a further try with the same idempotency key shows nothing twice. Within minutes Discord sees to that by the
//! nonce; later the channel is looked at first.
use super::{
    adapt,
    compose::{self, Draft},
    late,
    memory::Home,
    once::once,
    target::{self, Target, is_forum},
    thread,
};
use crate::{
    account::Connection,
    interactions,
    rest::{Request, RestError, Route},
    wire::{Channel, Message},
};
use openclaw_plugin_api::{Error, Outbound, Receipt, Result};
use serde_json::{Value, json};
use std::sync::Arc;

/// Delivers a message; gives the ids of those that it became.
pub(crate) async fn send(connection: &Arc<Connection>, message: Outbound) -> Result<Receipt> {
    if let Some(receipt) = interactions::answer(connection, &message).await? {
        return Ok(receipt);
    }
    let drafts = compose::drafts(connection, &message).await?;
    if drafts.is_empty() {
        return Err(Error::invalid(
            "discord: a message has a text or a file; give it one",
        ));
    }
    let chat = place(connection, &message).await?;
    if is_forum(connection, &chat) {
        return post(connection, &chat, &message, drafts).await;
    }
    let channel = thread::of_answer(connection, &chat, &message).await;
    let is_late = late::is_late(message.queued_ms);
    let mut ids = Vec::new();
    for draft in drafts {
        let earlier = match is_late && !draft.nonce.is_empty() {
            true => late::find(connection, &channel, &draft, message.queued_ms).await?,
            false => None,
        };
        let id = match earlier {
            Some(id) => id,
            None => deliver(connection, &channel, draft)
                .await
                .map_err(RestError::into_error)?,
        };
        connection.cache.add_own(&id);
        if channel != chat {
            connection
                .memory
                .put_home(id.clone(), Home::Channel(channel.clone()));
        }
        ids.push(id);
    }
    tracing::debug!(account = connection.id, messages = ids.len(), "sent");
    Ok(Receipt { message_ids: ids })
}

/// Sends one message; what Discord objects to is taken away, each thing once.
pub(super) async fn deliver(
    connection: &Connection,
    channel: &str,
    mut draft: Draft,
) -> Result<String, RestError> {
    loop {
        let request = with_files(Request::post(Route::messages(channel)), &draft);
        let request = if draft.nonce.is_empty() {
            request
        } else {
            request.repeatable()
        };
        match connection.rest.call::<Message>(request).await {
            Ok(message) => {
                if !draft.nonce.is_empty() {
                    connection.memory.put_delivered(message.id.clone(), draft.nonce);
                }
                return Ok(message.id);
            }
            Err(error) if adapt::adapt(&mut draft, &error) => {
                tracing::debug!(account = connection.id, %error, "sent again in another form");
            }
            Err(error) => return Err(error),
        }
    }
}

/// The request with the body and files of a draft.
pub(crate) fn with_files(request: Request, draft: &Draft) -> Request {
    files_of(request.json(Value::Object(adapt::body(draft))), draft)
}

fn files_of(mut request: Request, draft: &Draft) -> Request {
    for file in &draft.files {
        request = request.file(file.clone(), compose::file_name(file));
    }
    request
}

/// The channel that a message goes to: its thread, its chat, or where the operator wants messages without a target.
async fn place(connection: &Connection, message: &Outbound) -> Result<String> {
    let named = [&message.thread_id, &message.chat_id]
        .into_iter()
        .find(|id| !id.trim().is_empty());
    let named = named.or(connection.config.default_to.as_ref().map(|id| &id.0));
    let named = named.ok_or_else(|| {
        Error::invalid("discord: the message names no place; use channel:<id> or user:<id>, or set defaultTo")
    })?;
    let target = Target::parse(named)?;
    let channel = target.channel(connection).await.map_err(RestError::into_error)?;
    if connection.cache.channel(&channel).is_none() && message.event_id.is_empty() {
        // Somebody wrote the id, so it may be a forum; what can't be looked at shows itself at the send.
        let _ = target::channel_of(connection, &channel).await;
    }
    Ok(channel)
}

/// Opens a post with its first message; what Discord objects to is taken away, each thing once.
async fn open_post(
    connection: &Connection,
    forum: &str,
    mut opening: Value,
    mut first: Draft,
) -> Result<String, RestError> {
    loop {
        opening["message"] = Value::Object(adapt::body(&first));
        let request = Request::post(Route::new("channels/{}/threads", &[forum])).json(opening.clone());
        let request = files_of(request, &first);
        match connection.rest.call::<Channel>(request).await {
            Ok(thread) => return Ok(thread.id),
            Err(error) if adapt::adapt(&mut first, &error) => {
                tracing::debug!(account = connection.id, %error, "opened again in another form");
            }
            Err(error) => return Err(error),
        }
    }
}

/// A forum takes posts: the first message opens one, the others go into it.
async fn post(
    connection: &Connection,
    forum: &str,
    message: &Outbound,
    drafts: Vec<Draft>,
) -> Result<Receipt> {
    let mut drafts = drafts.into_iter();
    let mut first = drafts.next().unwrap_or_default();
    for key in ["nonce", "enforce_nonce", "message_reference"] {
        first.body.remove(key);
    }
    let name = message
        .extra
        .get("threadName")
        .and_then(Value::as_str)
        .unwrap_or(&message.text);
    let mut opening = json!({ "name": thread::name(name, "New post") });
    if let Some(tags) = message.extra.get("appliedTags") {
        opening["applied_tags"] = tags.clone();
    }
    let key = first.nonce.clone();
    // The first message of a post has the post's id.
    let thread = once(connection, &key, open_post(connection, forum, opening, first)).await?;
    let mut ids = vec![thread.clone()];
    connection
        .memory
        .put_home(thread.clone(), Home::Channel(thread.clone()));
    for draft in drafts {
        let id = deliver(connection, &thread, draft)
            .await
            .map_err(RestError::into_error)?;
        connection
            .memory
            .put_home(id.clone(), Home::Channel(thread.clone()));
        ids.push(id);
    }
    ids.iter().for_each(|id| connection.cache.add_own(id));
    Ok(Receipt { message_ids: ids })
}
