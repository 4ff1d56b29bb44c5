//! Who used what, and where: the parts of an interaction that every event has.
use super::open;
use crate::{
    account::Connection,
    wire::{Channel, Member, Read, User, channel_kind, timestamp_ms},
};
use openclaw_plugin_api::{Chat, ChatKind, Inbound, InboundKind, Sender};
use serde_json::Value;

/// An event with everything but what was used.
pub(super) fn event(connection: &Connection, interaction: &Value, kind: InboundKind) -> Inbound {
    let id = text(interaction, "id");
    Inbound {
        event_id: open::event_id(id),
        kind,
        account_id: connection.id.clone(),
        chat: chat(connection, interaction),
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
    let member = Member::read(interaction["member"].clone()).unwrap_or_default();
    let user = member
        .user
        .clone()
        .or_else(|| User::read(interaction["user"].clone()))
        .unwrap_or_default();
    let name = member
        .nick
        .filter(|nick| !nick.is_empty())
        .unwrap_or_else(|| user.display().to_owned());
    Sender {
        username: user.tag(),
        id: user.id,
        name,
        is_bot: user.bot,
        roles: member.roles,
    }
}

fn chat(connection: &Connection, interaction: &Value) -> Chat {
    let mut id = text(interaction, "channel_id").to_owned();
    let told = Channel::read(interaction["channel"].clone()).unwrap_or_default();
    if id.is_empty() {
        id.clone_from(&told.id);
    }
    let channel = connection.cache.channel(&id).unwrap_or(told);
    let space_id = interaction["guild_id"]
        .as_str()
        .map(str::to_owned)
        .or(channel.guild_id.clone());
    let kind = match (&space_id, channel.kind) {
        (Some(_), _) => ChatKind::Channel,
        (None, channel_kind::GROUP_DM) => ChatKind::Group,
        (None, _) => ChatKind::Direct,
    };
    let parent_id = channel
        .parent_id
        .clone()
        .filter(|_| channel.is_thread())
        .unwrap_or_default();
    let parent = connection.cache.channel(&parent_id);
    Chat {
        id,
        kind,
        title: channel.name.unwrap_or_default(),
        thread_id: String::new(),
        parent_title: parent.and_then(|parent| parent.name).unwrap_or_default(),
        parent_id,
        space_title: space_id
            .as_deref()
            .and_then(|id| connection.cache.guild(id))
            .map(|guild| guild.name)
            .unwrap_or_default(),
        space_id: space_id.unwrap_or_default(),
    }
}
