//! From gateway events to the host's. It decides nothing about who may write.
//!
//! Invariant: the same happening has the same event id, however often and in whichever session it is told.
mod media;
mod message;
mod other;
mod place;
mod pluralkit;
mod text;

pub(crate) use message::{room, sender};
pub(crate) use place::chat;

use crate::{
    account::Connection,
    gateway, interactions,
    rest::Request,
    wire::{Message, Reaction, Read},
};
use openclaw_plugin_api::{Inbound, InboundKind};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;

/// Words that must not wait behind the download of a file.
const CONTROL: &[&str] = &[
    "/stop",
    "stop",
    "/abort",
    "abort",
    "/cancel",
    "esc",
    "wait",
    "exit",
    "interrupt",
];

/// One event of the gateway that goes to the host.
#[derive(Debug)]
pub(crate) struct Event {
    /// Its name.
    pub(crate) name: String,
    pub(crate) data: Value,
    /// Session and number: the same for every time that Discord tells it.
    pub(crate) stamp: String,
}

impl Event {
    /// Discord wants an answer within three seconds.
    pub(crate) fn is_urgent(&self) -> bool {
        self.name == "INTERACTION_CREATE"
    }

    fn text(&self, key: &str) -> &str {
        self.data[key].as_str().unwrap_or_default()
    }
}

/// Does the host want to know of events of this name?
pub(crate) fn is_for_the_host(name: &str) -> bool {
    matches!(
        name,
        "MESSAGE_CREATE"
            | "MESSAGE_UPDATE"
            | "MESSAGE_DELETE"
            | "MESSAGE_DELETE_BULK"
            | "MESSAGE_REACTION_ADD"
            | "MESSAGE_REACTION_REMOVE"
            | "INTERACTION_CREATE"
    )
}

/// Which events are kept in order with which: those of one channel, but for words that must not wait and for what is
/// urgent.
pub(crate) fn lane_of(event: &Event) -> String {
    if event.is_urgent() {
        return format!("interaction:{}", event.text("id"));
    }
    let (channel, content) = (event.text("channel_id"), event.text("content"));
    let word = content
        .rsplit(['>', ' '])
        .next()
        .unwrap_or_default()
        .to_lowercase();
    let is_control = event.name == "MESSAGE_CREATE" && content.len() < 64 && CONTROL.contains(&word.as_str());
    match is_control {
        true => format!("{channel}:control"),
        false => channel.to_owned(),
    }
}

/// Hands over what an event becomes. Returns when the host has it.
pub(crate) async fn deliver(connection: &Arc<Connection>, event: Event) {
    // a word that overtook others says nothing of them
    let is_in_order = lane_of(&event) == event.text("channel_id");
    let Event { name, data, stamp } = event;
    match name.as_str() {
        "MESSAGE_CREATE" => {
            let text = |key: &str| data[key].as_str().unwrap_or_default().to_owned();
            let (channel, guild, id) = (text("channel_id"), text("guild_id"), text("id"));
            said(connection, data).await;
            if is_in_order {
                connection.seen.note(&channel, &guild, &id);
            }
        }
        gateway::MISSED => {
            let channel = data["channel_id"].as_str().unwrap_or_default();
            gateway::read_missed(connection, channel).await;
        }
        "MESSAGE_UPDATE" => {
            if let Some(message) = Message::read(data) {
                hand_over(
                    connection,
                    message::event(connection, message, InboundKind::Edit).await,
                )
                .await;
            }
        }
        "MESSAGE_DELETE" | "MESSAGE_DELETE_BULK" => {
            for event in other::deleted(connection, &data).await {
                connection.hand_over(&event).await;
            }
        }
        "MESSAGE_REACTION_ADD" | "MESSAGE_REACTION_REMOVE" => {
            if let Some(reaction) = Reaction::read(data) {
                let removed = name == "MESSAGE_REACTION_REMOVE";
                hand_over(
                    connection,
                    other::reaction(connection, reaction, removed, &stamp).await,
                )
                .await;
            }
        }
        "INTERACTION_CREATE" => interactions::handle(connection, data).await,
        _ => {}
    }
}

/// Hands over a message, told now or found later.
pub(crate) async fn said(connection: &Arc<Connection>, message: Value) {
    if let Some(message) = Message::read(message) {
        let event = message::event(connection, message, InboundKind::Message).await;
        hand_over(connection, event).await;
    }
}

/// Asks Discord for something that is good to know.
pub(crate) async fn ask<T: DeserializeOwned>(
    connection: &Connection,
    request: impl Fn() -> Request,
) -> Option<T> {
    place::ask(connection, place::FEW, request).await
}

/// The same for what events of people depend on: it is waited for longer.
pub(crate) async fn ask_long<T: DeserializeOwned>(
    connection: &Connection,
    request: impl Fn() -> Request,
) -> Option<T> {
    place::ask(connection, place::TRIES, request).await
}

async fn hand_over(connection: &Connection, event: Option<Inbound>) {
    if let Some(event) = event {
        connection.hand_over(&event).await;
    }
}
