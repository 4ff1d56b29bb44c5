//! Sending: text, files and buttons, as one message or as many as it takes.
//!
//! Invariant: a part that was delivered is not sent again by a further try with the same idempotency key.
use super::{
    attach, progress, render,
    request::{Request, message_ids},
    target::{Target, message_id},
    writer::Chunk,
};
use crate::{account::Account, config::TableMode};
use openclaw_plugin_api::{Button, Error, ErrorKind, Outbound, Receipt, Result};
use serde_json::{Map, Value, json};

/// Longest text of a message, UTF-16 units.
pub(super) const TEXT_LIMIT: usize = 4096;
/// Longest text beside a file, UTF-16 units.
const CAPTION_LIMIT: usize = 1024;
/// What a button can carry, bytes.
const BUTTON_BYTES: usize = 64;
/// Longest quoted part of a reply, characters.
const QUOTE_LIMIT: usize = 1024;

/// Delivers a message; gives the ids of those that it became.
pub(crate) async fn send(account: &Account, message: Outbound) -> Result<Receipt> {
    let target = Target::parse(&message.chat_id, &message.thread_id)?;
    let requests = requests(account, &target, &message)?;
    if requests.is_empty() {
        return Err(Error::invalid("telegram: a message has a text or a file"));
    }
    let (key, all) = (&message.idempotency_key, requests.len());
    let mut parts = progress::of(account, key, all).await?;
    let done = parts.len();
    for (n, request) in requests.into_iter().enumerate().skip(done) {
        let result = request.deliver(account).await.map_err(|failure| {
            let error = Error::from(failure);
            tracing::debug!(account = account.id, part = n + 1, of = all, %error, "a part was not delivered");
            error
        })?;
        let ids = message_ids(&result);
        account.sent.delivered(key, target.chat_id(), &ids);
        progress::note(account, key, (n, all), &ids).await;
        parts.push(ids);
    }
    let ids: Vec<_> = parts.into_iter().flatten().map(|id| id.to_string()).collect();
    tracing::debug!(account = account.id, messages = ids.len(), "sent");
    Ok(Receipt { message_ids: ids })
}

/// The requests that a message takes, in order.
fn requests(account: &Account, target: &Target, message: &Outbound) -> Result<Vec<Request>> {
    let message = &message.clone().without_files_over(attach::FILE_LIMIT)?;
    let keyboard = keyboard(&message.buttons)?;
    let mut chunks = chunks(account, &message.text);
    let mut requests = Vec::new();
    if !message.attachments.is_empty() {
        let fits = chunks.len() == 1 && super::writer::units(&chunks[0].plain) <= CAPTION_LIMIT;
        let groups = attach::groups(&message.attachments, &message.extra);
        // Albums carry no buttons, so then the text follows and has them.
        let is_album = groups.last().is_some_and(|group| group.len() > 1);
        let has_room = groups
            .first()
            .and_then(|group| group.first())
            .is_some_and(|(form, _)| form.takes_caption());
        let caption = (fits && has_room && !(is_album && keyboard.is_some())).then(|| chunks.remove(0));
        for (n, group) in groups.into_iter().enumerate() {
            requests.push(attach::request(
                target,
                group,
                caption.as_ref().filter(|_| n == 0),
            ));
        }
    }
    for chunk in chunks {
        let mut request = Request::new("sendMessage", target.threaded());
        request.set("text", chunk.html);
        request.set("parse_mode", "HTML");
        request.plain = Some(chunk.plain);
        if account.config.link_preview == Some(false) {
            request.set("link_preview_options", json!({ "is_disabled": true }));
        }
        requests.push(request);
    }
    if message.silent {
        requests
            .iter_mut()
            .for_each(|request| request.set("disable_notification", true));
    }
    if let (Some(first), false) = (requests.first_mut(), message.reply_to.is_empty()) {
        first.set("reply_parameters", reply(message)?);
    }
    if let (Some(last), Some(keyboard)) = (requests.last_mut(), keyboard) {
        if last.method == "sendMediaGroup" {
            return Err(Error::invalid(
                "telegram: an album carries no buttons; give the message a text",
            ));
        }
        last.set("reply_markup", keyboard);
    }
    Ok(requests)
}

/// The messages that a text becomes.
pub(super) fn chunks(account: &Account, text: &str) -> Vec<Chunk> {
    let tables = account
        .config
        .markdown
        .as_ref()
        .and_then(|markdown| markdown.tables);
    render::render(text, TEXT_LIMIT, tables.unwrap_or(TableMode::Code))
}

fn reply(message: &Outbound) -> Result<Value> {
    let mut reply = Map::from_iter([
        (
            "message_id".to_owned(),
            Value::from(message_id(&message.reply_to)?),
        ),
        ("allow_sending_without_reply".to_owned(), Value::Bool(true)),
    ]);
    if let Some(quote) = message
        .extra
        .get("quote")
        .and_then(Value::as_str)
        .filter(|quote| !quote.is_empty())
    {
        reply.insert(
            "quote".into(),
            quote.chars().take(QUOTE_LIMIT).collect::<String>().into(),
        );
    }
    Ok(Value::Object(reply))
}

/// Buttons under a message; none if there are no rows.
pub(super) fn keyboard(rows: &[Vec<Button>]) -> Result<Option<Value>> {
    let mut keyboard = Vec::new();
    for row in rows.iter().filter(|row| !row.is_empty()) {
        let mut buttons = Vec::new();
        for Button { label, value, style } in row {
            if value.len() > BUTTON_BYTES || value.is_empty() || label.is_empty() {
                return Err(Error::new(
                    ErrorKind::InvalidInput,
                    format_args!(
                        "telegram: a button has a label and a value of 1 to {BUTTON_BYTES} bytes; shorten it"
                    ),
                ));
            }
            let mut button = json!({ "text": label, "callback_data": value });
            if matches!(style.as_str(), "primary" | "danger" | "success") {
                button["style"] = style.as_str().into();
            }
            buttons.push(button);
        }
        keyboard.push(Value::Array(buttons));
    }
    Ok((!keyboard.is_empty()).then(|| json!({ "inline_keyboard": keyboard })))
}
