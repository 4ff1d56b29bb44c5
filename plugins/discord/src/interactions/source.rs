//! Who used what, and where: the parts of an interaction that every event has.
use super::open;
use crate::{
    account::Connection,
    inbound,
    wire::{Channel, Member, Read, User, timestamp_ms},
};
use openclaw_plugin_api::{Chat, Inbound, InboundKind, Sender};
use serde_json::Value;

/// An event with everything but what was used.
pub(super) async fn event(connection: &Connection, interaction: &Value, kind: InboundKind) -> Inbound {
    let id = text(interaction, "id");
    Inbound {
        event_id: open::event_id(id),
        kind,
        account_id: connection.id.clone(),
        chat: chat(connection, interaction).await,
        sender: sender(interaction),
        mentioned: true,
        timestamp_ms: timestamp_ms(id),
        ..Inbound::default()
    }
}

/// Whoever used it; empty if Discord did not say.
pub(super) fn user_id(interaction: &Value) -> &str {
    let user = &interaction["member"]["user"];
    let user = if user.is_object() {
        user
    } else {
        &interaction["user"]
    };
    text(user, "id")
}

/// A string of an object; empty if it has none.
pub(super) fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

fn sender(interaction: &Value) -> Sender {
    let member = Member::read(interaction["member"].clone());
    let user = member.as_ref().and_then(|member| member.user.clone());
    let user = user
        .or_else(|| User::read(interaction["user"].clone()))
        .unwrap_or_default();
    inbound::sender(&user, member.as_ref(), user.bot, None)
}

/// The channel comes along, so Discord has to be asked at most for the one that a thread hangs on.
async fn chat(connection: &Connection, interaction: &Value) -> Chat {
    let guild = interaction["guild_id"].as_str();
    let told = Channel::read(interaction["channel"].clone()).unwrap_or_default();
    let id = match text(interaction, "channel_id") {
        "" => told.id.clone(),
        id => id.to_owned(),
    };
    if !told.id.is_empty() && connection.cache.channel(&told.id).is_none() {
        connection.cache.put_channel(Channel {
            guild_id: guild.map(str::to_owned),
            ..told
        });
    }
    inbound::chat(connection, &id, guild).await
}
