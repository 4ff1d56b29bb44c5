//! Slash commands, buttons, menus and forms: answered within Discord's three seconds, and handed to the host, which
//! decides who may use them.
//!
//! Invariant: nothing slow stands before the first answer, and nobody but who used a thing learns that it was refused.
mod answer;
mod command;
mod open;
mod press;
mod register;
mod source;

pub(crate) use answer::{answer, delete, edit};
pub(crate) use open::{Open, is_one};
pub(crate) use register::register;

use crate::{
    account::Connection,
    rest::{Request, RestError, Route},
};
use openclaw_plugin_api::Inbound;
use serde_json::{Value, json};
use source::text;
use std::{sync::Arc, time::Duration};

/// Discord waits so long for the first answer.
const FIRST_ANSWER: Duration = Duration::from_millis(2_800);
/// Seen by one person.
const EPHEMERAL: u64 = 1 << 6;
/// A second first answer, when the first did arrive after all.
const ANSWERED: u32 = 40_060;

/// First answers.
mod callback {
    pub(super) const MESSAGE: u8 = 4;
    pub(super) const LATER: u8 = 5;
    pub(super) const LATER_IN_PLACE: u8 = 6;
    pub(super) const CHOICES: u8 = 8;
    pub(super) const FORM: u8 = 9;
}

/// Takes one INTERACTION_CREATE. Returns when the host has what there is to have.
pub(crate) async fn handle(connection: &Arc<Connection>, interaction: Value) {
    let (id, token) = (text(&interaction, "id"), text(&interaction, "token"));
    if id.is_empty() || token.is_empty() {
        return;
    }
    match interaction["type"].as_u64() {
        Some(2) => command::given(connection, &interaction).await,
        Some(3) => press::pressed(connection, &interaction).await,
        Some(4) => command::completed(connection, &interaction).await,
        Some(5) => press::filled_in(connection, &interaction).await,
        kind => tracing::debug!(
            account = connection.id,
            ?kind,
            "an interaction of an unknown type"
        ),
    }
}

/// The first answer. False: Discord did not take it, so nobody waits for another.
async fn respond(connection: &Connection, interaction: &Value, kind: u8, data: Option<Value>) -> bool {
    let route = Route::new(
        "interactions/{}/{}/callback",
        &[text(interaction, "id"), text(interaction, "token")],
    );
    let mut body = json!({ "type": kind });
    if let Some(data) = data {
        body["data"] = data;
    }
    let request = Request::post(route)
        .json(body)
        .repeatable()
        .deadline(FIRST_ANSWER);
    match connection.rest.done(request).await {
        Ok(()) => true,
        Err(error) if error.code() == Some(ANSWERED) => true,
        Err(error) => {
            tracing::warn!(account = connection.id, %error, "an interaction could not be answered in time");
            // Without an answer nobody knows whether it arrived, so the rest is tried.
            !matches!(error, RestError::Refused(_))
        }
    }
}

/// Says something that only who used it sees, and nothing else comes.
async fn refuse(connection: &Connection, interaction: &Value, words: &str) {
    let data = json!({ "content": words, "flags": EPHEMERAL, "allowed_mentions": { "parse": [] } });
    respond(connection, interaction, callback::MESSAGE, Some(data)).await;
}

/// Notes where an answer belongs and hands the event over. Who may not use it is told so, where nobody else sees it; the
/// host has the event all the same, because it keeps the account of refusals and lets people in.
async fn hand_over(connection: &Arc<Connection>, interaction: &Value, event: &Inbound, entry: open::Entry) {
    if let Err(error) = open::begin(connection, &event.event_id, entry).await {
        // It is known until a restart, and then its answer goes to the chat.
        tracing::debug!(account = connection.id, %error, "an interaction is not kept");
    }
    tracing::debug!(
        account = connection.id,
        interaction = text(interaction, "id"),
        "interaction taken"
    );
    let is_admitted = connection.host.admits(event).await.unwrap_or(true);
    if !is_admitted && let Err(error) = answer::refuse(connection, event).await {
        tracing::debug!(account = connection.id, %error, "who was refused could not be told");
    }
    connection.hand_over(event).await;
}

fn entry(interaction: &Value, is_command: bool, is_ephemeral: bool) -> open::Entry {
    open::Entry {
        application: text(interaction, "application_id").to_owned(),
        token: text(interaction, "token").to_owned(),
        began_ms: open::now_ms(),
        is_command,
        is_ephemeral,
    }
}

#[cfg(test)]
mod tests;
