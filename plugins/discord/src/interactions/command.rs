//! Slash commands that were given, and the choices that are offered while one is typed.
use super::{EPHEMERAL, callback, entry, hand_over, register, respond, source};
use crate::account::Connection;
use openclaw_plugin_api::InboundKind;
use serde_json::{Map, Value, json};
use std::sync::Arc;

/// Choices that Discord shows.
const MAX_CHOICES: usize = 25;
/// Options that are read of one command; Discord allows 25.
const MAX_OPTIONS: usize = 50;

/// A command was given.
pub(super) async fn given(connection: &Arc<Connection>, interaction: &Value) {
    let is_ephemeral = is_ephemeral(connection);
    let data = is_ephemeral.then(|| json!({ "flags": EPHEMERAL }));
    if !respond(connection, interaction, callback::LATER, data).await {
        return;
    }
    let mut event = source::event(connection, interaction, InboundKind::Command).await;
    let data = &interaction["data"];
    let mut options = Map::new();
    let mut name = source::text(data, "name").to_owned();
    read(&data["options"], &mut name, &mut options);
    let words = options.values().map(|value| match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    event.text = [format!("/{name}")]
        .into_iter()
        .chain(words)
        .collect::<Vec<_>>()
        .join(" ");
    event.value = name;
    event.options = options;
    hand_over(
        connection,
        interaction,
        &event,
        entry(interaction, true, is_ephemeral),
    )
    .await;
}

/// Somebody is typing a command: which choices fit?
pub(super) async fn completed(connection: &Arc<Connection>, interaction: &Value) {
    let data = &interaction["data"];
    let typed = focused(&data["options"]).unwrap_or_default().to_lowercase();
    let command = source::text(data, "name");
    let all = register::choices(connection, command);
    let (mut first, mut later) = (Vec::new(), Vec::new());
    for choice in &all {
        let lower = choice.to_lowercase();
        if lower.starts_with(&typed) {
            first.push(choice);
        } else if lower.contains(&typed) {
            later.push(choice);
        }
    }
    let choices: Vec<_> = first
        .into_iter()
        .chain(later)
        .take(MAX_CHOICES)
        .map(|choice| json!({ "name": choice, "value": choice }))
        .collect();
    respond(
        connection,
        interaction,
        callback::CHOICES,
        Some(json!({ "choices": choices })),
    )
    .await;
}

/// Only who gave a command sees the answer, unless the operator wants it otherwise.
fn is_ephemeral(connection: &Connection) -> bool {
    let set = connection.config.slash_command.as_ref();
    set.and_then(|set| set.ephemeral).unwrap_or(true)
}

/// The options by name. A command within a command is part of the name.
fn read(options: &Value, name: &mut String, read_so_far: &mut Map<String, Value>) {
    for option in options.as_array().into_iter().flatten().take(MAX_OPTIONS) {
        let option_name = source::text(option, "name");
        if matches!(option["type"].as_u64(), Some(1 | 2)) {
            name.push(' ');
            name.push_str(option_name);
            read(&option["options"], name, read_so_far);
        } else {
            read_so_far.insert(option_name.to_owned(), option["value"].clone());
        }
    }
}

/// What is typed into the option that is being filled in.
fn focused(options: &Value) -> Option<String> {
    options
        .as_array()?
        .iter()
        .find_map(|option| match option["focused"].as_bool() {
            Some(true) => Some(match &option["value"] {
                Value::String(text) => text.clone(),
                other => other.to_string(),
            }),
            _ => focused(&option["options"]),
        })
}
