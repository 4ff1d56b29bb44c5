//! Answers to interactions: in the place of the command, or seen only by who used it.
//!
//! Invariant: what Discord has no key for here is sent at most once; see [`once`](crate::outbound::once).
use super::open::{self, Entry};
use crate::{
    account::Connection,
    outbound::{Home, compose, once, with_files},
    rest::{Request, RestError, Route},
    wire::Message,
};
use openclaw_plugin_api::{ChatKind, Inbound, Outbound, Receipt, Result};
use serde_json::Value;
use std::{sync::Arc, time::Duration};

/// Seen by one person.
const EPHEMERAL: u64 = 1 << 6;
const NOT_ALLOWED: &str = "You are not allowed to use this here.";
const NOT_KNOWN: &str = "This bot does not know you yet. Its owner can let you in.";
/// How long it is remembered which message was the first.
const REMEMBERED: Duration = Duration::from_secs(3_600);

/// Answers in the place of an interaction, if the message belongs to one that is open. `None`: it goes to the chat.
pub(crate) async fn answer(connection: &Arc<Connection>, message: &Outbound) -> Result<Option<Receipt>> {
    match open::find(connection, &message.event_id).await {
        Some(entry) if entry.is_command => in_place(connection, &entry, message, entry.is_ephemeral).await,
        _ => Ok(None),
    }
}

/// Tells whoever used something that they may not, and nobody else.
pub(super) async fn refuse(connection: &Arc<Connection>, event: &Inbound) -> Result<()> {
    let Some(entry) = open::find(connection, &event.event_id).await else {
        return Ok(());
    };
    let words = match event.chat.kind {
        ChatKind::Direct => NOT_KNOWN,
        _ => NOT_ALLOWED,
    };
    let message = Outbound {
        idempotency_key: format!("refusal-{}", event.event_id),
        event_id: event.event_id.clone(),
        text: words.to_owned(),
        ..Outbound::default()
    };
    in_place(connection, &entry, &message, true).await?;
    if entry.is_command && !entry.is_ephemeral {
        // What everybody saw waiting is taken away.
        let gone = connection.rest.done(Request::delete(original(&entry))).await;
        gone.map_err(RestError::into_error)?;
    }
    Ok(())
}

async fn in_place(
    connection: &Arc<Connection>,
    entry: &Entry,
    message: &Outbound,
    is_private: bool,
) -> Result<Option<Receipt>> {
    let drafts = compose::drafts(connection, message).await?;
    // A place that everybody sees is not for what only one may see, and a component has none.
    let takes_place = entry.is_command && entry.is_ephemeral == is_private;
    let mut ids = Vec::new();
    for (n, mut draft) in drafts.into_iter().enumerate() {
        for key in ["nonce", "enforce_nonce", "message_reference", "sticker_ids"] {
            draft.body.remove(key);
        }
        let flags = draft.body.get("flags").and_then(Value::as_u64).unwrap_or(0);
        let flags = if is_private { flags | EPHEMERAL } else { flags };
        draft.body.insert("flags".into(), flags.into());
        let sent = if takes_place && is_first(connection, message, n).await? {
            let request = Request::patch(original(entry));
            call(connection, with_files(request, &draft))
                .await
                .map_err(RestError::into_error)
        } else {
            let route = Route::new("webhooks/{}/{}", &[&entry.application, &entry.token]);
            let request = with_files(Request::post(route).query("wait", true), &draft);
            once(connection, &draft.nonce, call(connection, request)).await
        };
        match sent {
            Ok(id) => ids.push(id),
            // It was over sooner than thought; nothing of the message is out yet.
            Err(error) if n == 0 && is_over(&error) => {
                tracing::info!(
                    account = connection.id,
                    "an interaction is over before its answer"
                );
                return Ok(None);
            }
            Err(error) => return Err(error),
        }
    }
    for id in &ids {
        connection
            .memory
            .put_home(id.clone(), Home::Interaction(message.event_id.clone()));
    }
    Ok(Some(Receipt { message_ids: ids }))
}

/// Changes a message that is an answer to an interaction.
pub(crate) async fn edit(
    connection: &Connection,
    event: &str,
    message: &str,
    body: Value,
) -> Result<(), RestError> {
    let entry = open::find(connection, event).await.ok_or_else(over)?;
    connection
        .rest
        .done(Request::patch(sent(&entry, message)).json(body))
        .await
}

/// Deletes such a message.
pub(crate) async fn delete(connection: &Connection, event: &str, message: &str) -> Result<(), RestError> {
    let entry = open::find(connection, event).await.ok_or_else(over)?;
    connection.rest.done(Request::delete(sent(&entry, message))).await
}

/// The first message takes the place that Discord keeps for an answer, and a further try of it does so again.
async fn is_first(connection: &Connection, message: &Outbound, part: usize) -> Result<bool> {
    let own = format!("{}:{part}", message.idempotency_key);
    let key = format!("{}/first", open::key(connection, &message.event_id));
    let store = connection.host().store();
    if store.add(&key, own.clone(), Some(REMEMBERED)).await? {
        return Ok(true);
    }
    Ok(!message.idempotency_key.is_empty()
        && store
            .get(&key)
            .await?
            .is_some_and(|first| first == own.as_bytes()))
}

async fn call(connection: &Connection, request: Request) -> Result<String, RestError> {
    connection
        .rest
        .call::<Message>(request)
        .await
        .map(|message| message.id)
}

fn original(entry: &Entry) -> Route {
    Route::new(
        "webhooks/{}/{}/messages/@original",
        &[&entry.application, &entry.token],
    )
}

fn sent(entry: &Entry, message: &str) -> Route {
    Route::new(
        "webhooks/{}/{}/messages/{}",
        &[&entry.application, &entry.token, message],
    )
}

fn over() -> RestError {
    RestError::gone("the interaction is over, and with it the answer that only one person saw")
}

/// The token is not good any more, or Discord knows nothing of the interaction.
fn is_over(error: &openclaw_plugin_api::Error) -> bool {
    let code = error.detail().get("code").and_then(Value::as_u64);
    let status = error.detail().get("status").and_then(Value::as_u64);
    matches!(code, Some(10_015 | 10_062 | 50_027)) || status == Some(401)
}
