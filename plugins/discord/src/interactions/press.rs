//! Buttons that were pressed, menus that were used, forms that were filled in.
use super::{callback, entry, hand_over, refuse, respond, source};
use crate::{
    account::Connection,
    outbound::component::{self, Carried},
    wire::timestamp_ms,
};
use openclaw_plugin_api::InboundKind;
use serde_json::{Map, Value};
use std::{sync::Arc, time::Duration};

/// How long the host may take to say what a component stands for; Discord waits 3 seconds in all.
const LOOK_UP: Duration = Duration::from_millis(1_200);
/// Longest answer of a form that is taken, characters; Discord allows 4,000.
const MAX_ANSWER: usize = 4_000;

const OVER: &str = "This is no longer active. Ask again, please.";
const NOT_YOU: &str = "This is for somebody else.";

/// A button was pressed or a menu used.
pub(super) async fn pressed(connection: &Arc<Connection>, interaction: &Value) {
    let Some(carried) = look_up(connection, interaction).await else {
        return;
    };
    if let Some(form) = &carried.form {
        let id = source::text(&interaction["data"], "custom_id");
        let modal = component::modal(id, form);
        respond(connection, interaction, callback::FORM, Some(modal)).await;
        return;
    }
    let chosen = interaction["data"]["values"].as_array().into_iter().flatten();
    let chosen: Vec<_> = chosen.filter_map(Value::as_str).collect();
    let value = if chosen.is_empty() {
        carried.value
    } else {
        chosen.join(", ")
    };
    take(connection, interaction, value, Map::new()).await;
}

/// A form was filled in.
pub(super) async fn filled_in(connection: &Arc<Connection>, interaction: &Value) {
    let Some(carried) = look_up(connection, interaction).await else {
        return;
    };
    let form = carried.form.unwrap_or_default();
    let mut answers = Map::new();
    for row in interaction["data"]["components"].as_array().into_iter().flatten() {
        // Rows hold a list of one; labels, the newer kind, hold one.
        let listed = row["components"].as_array().into_iter().flatten();
        for input in listed.chain(row["component"].is_object().then_some(&row["component"])) {
            let place = source::text(input, "custom_id").parse::<usize>().ok();
            let Some(field) = place.and_then(|place| form.fields.get(place)) else {
                continue;
            };
            let name = if field.name.is_empty() {
                &field.label
            } else {
                &field.name
            };
            let answer: String = source::text(input, "value").chars().take(MAX_ANSWER).collect();
            answers.insert(name.clone(), answer.into());
        }
    }
    let value = format!("{} {}", carried.value, Value::Object(answers.clone()));
    take(connection, interaction, value, answers).await;
}

async fn take(connection: &Arc<Connection>, interaction: &Value, value: String, options: Map<String, Value>) {
    if !respond(connection, interaction, callback::LATER_IN_PLACE, None).await {
        return;
    }
    let mut event = source::event(connection, interaction, InboundKind::Button).await;
    event.message_id = source::text(&interaction["message"], "id").to_owned();
    event.value = value;
    event.options = options;
    hand_over(connection, interaction, &event, entry(interaction, false, false)).await;
}

/// What the component stands for; who may not use it is told so.
async fn look_up(connection: &Arc<Connection>, interaction: &Value) -> Option<Carried> {
    let id = source::text(&interaction["data"], "custom_id");
    let began = timestamp_ms(source::text(&interaction["message"], "id"));
    let now = timestamp_ms(source::text(interaction, "id"));
    let age = Duration::from_millis(now.saturating_sub(began));
    let carried = component::carried(connection, id, age);
    let carried = match connection.host().timeout(LOOK_UP, carried).await {
        Ok(Ok(carried)) => carried,
        Ok(Err(error)) | Err(error) => {
            tracing::warn!(account = connection.id, %error, "what a component stands for could not be looked up");
            None
        }
    };
    let Some(carried) = carried else {
        refuse(connection, interaction, OVER).await;
        return None;
    };
    let user = source::user_id(interaction);
    if !carried.users.is_empty() && !carried.users.iter().any(|allowed| allowed == user) {
        refuse(connection, interaction, NOT_YOU).await;
        return None;
    }
    Some(carried)
}
