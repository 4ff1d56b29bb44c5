//! What is done to messages and chats besides sending.
use super::{
    request::Request,
    send::{chunks, keyboard},
    target::{Target, message_id},
};
use crate::account::Account;
use openclaw_plugin_api::{Activity, Edit, Error, ErrorKind, MessageTarget, React, Receipt, Result};
use serde_json::{Value, json};

/// Replaces the text of a message.
pub(crate) async fn edit(account: &Account, edit: Edit) -> Result<Receipt> {
    let target = Target::parse(&edit.target.chat_id, "")?;
    let id = message_id(&edit.target.message_id)?;
    let mut chunks = chunks(account, &edit.text);
    let (Some(chunk), true) = (chunks.pop(), chunks.is_empty()) else {
        return Err(Error::new(
            ErrorKind::Rejected,
            "telegram editMessageText: the new text is empty or too long for one message; send a new one",
        ));
    };
    let mut request = Request::new("editMessageText", target.request());
    request.set("message_id", id);
    request.set("text", chunk.html.clone());
    request.set("parse_mode", "HTML");
    if account.config.link_preview == Some(false) {
        request.set("link_preview_options", json!({ "is_disabled": true }));
    }
    request.plain = Some(chunk.plain.clone());
    let keyboard = keyboard(&edit.buttons)?;
    if let Some(keyboard) = &keyboard {
        request.set("reply_markup", keyboard.clone());
    }
    let mut outcome = request.deliver(account).await;
    if matches!(&outcome, Err(failure) if failure.says(&["no text in the message to edit"])) {
        let mut request = Request::new("editMessageCaption", target.request());
        request.set("message_id", id);
        request.set("caption", chunk.html);
        request.set("parse_mode", "HTML");
        request.plain = Some(chunk.plain);
        if let Some(keyboard) = keyboard {
            request.set("reply_markup", keyboard);
        }
        outcome = request.deliver(account).await;
    }
    match outcome {
        Err(failure) if !failure.says(&["message is not modified"]) => Err(failure.into()),
        _ => Ok(Receipt {
            message_ids: vec![edit.target.message_id],
        }),
    }
}

/// Deletes a message. One that is gone counts as deleted.
pub(crate) async fn delete(account: &Account, target: &MessageTarget) -> Result<()> {
    let mut body = Target::parse(&target.chat_id, "")?.request();
    body.insert("message_id".into(), message_id(&target.message_id)?.into());
    match account
        .api
        .ask::<Value>("deleteMessage", &Value::Object(body))
        .await
    {
        Err(failure) if !failure.says(&["message to delete not found"]) => Err(failure.into()),
        _ => Ok(()),
    }
}

/// Sets the bot's reaction to a message, or takes it away.
pub(crate) async fn react(account: &Account, react: &React) -> Result<()> {
    let mut body = Target::parse(&react.target.chat_id, "")?.request();
    body.insert("message_id".into(), message_id(&react.target.message_id)?.into());
    let reaction = match react.emoji.trim() {
        _ if react.remove => json!([]),
        "" => json!([]),
        emoji => match emoji.strip_prefix("custom:") {
            Some(id) => json!([{ "type": "custom_emoji", "custom_emoji_id": id }]),
            None => json!([{ "type": "emoji", "emoji": emoji }]),
        },
    };
    body.insert("reaction".into(), reaction);
    account
        .api
        .ask::<Value>("setMessageReaction", &Value::Object(body))
        .await?;
    Ok(())
}

/// Shows that the bot is typing.
pub(crate) async fn activity(account: &Account, activity: &Activity) -> Result<()> {
    let mut body = Target::parse(&activity.chat_id, &activity.thread_id)?.active();
    body.insert("action".into(), "typing".into());
    account
        .api
        .ask::<Value>("sendChatAction", &Value::Object(body))
        .await?;
    Ok(())
}
