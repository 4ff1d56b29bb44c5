//! Reactions, and messages that were deleted.
use super::{
    message::{room, sender},
    place,
};
use crate::{
    account::Connection,
    config::{Guild, Id, ReactionNotifications},
    wire::{Emoji, Reaction, Read, User},
};
use openclaw_plugin_api::{Chat, ChatKind, Inbound, InboundKind, Sender};
use serde_json::Value;

/// Messages of one bulk deletion that are told; Discord allows 100.
const MAX_DELETED: usize = 100;

/// A reaction that was set or removed; none if nobody wants to know.
pub(super) async fn reaction(
    connection: &Connection,
    reaction: Reaction,
    removed: bool,
    stamp: &str,
) -> Option<Inbound> {
    if reaction.user_id == connection.user_id() {
        return None;
    }
    let wanted = wanted(connection, reaction.guild_id.as_deref());
    let is_own = connection.cache.is_own(&reaction.message_id)
        || reaction.message_author_id.as_deref() == Some(connection.user_id());
    if wanted == ReactionNotifications::Off || (wanted == ReactionNotifications::Own && !is_own) {
        return None;
    }
    let chat = place::known_chat(connection, &reaction.channel_id, reaction.guild_id.as_deref()).await?;
    let user = reaction.member.as_ref().and_then(|member| member.user.clone());
    let user = user.unwrap_or_else(|| User {
        id: reaction.user_id.clone(),
        ..User::default()
    });
    let mut who = Sender {
        id: reaction.user_id.clone(),
        ..sender(&user, reaction.member.as_ref(), user.bot, None)
    };
    if chat.kind == ChatKind::Direct && who.name.is_empty() {
        // a private chat is called like who writes in it, and nobody else reacts there
        who.name.clone_from(&chat.title);
    }
    if wanted == ReactionNotifications::Allowlist && !is_listed(connection, &chat, &who) {
        return None;
    }
    let mut event = Inbound {
        event_id: format!("reaction:{stamp}"),
        kind: InboundKind::Reaction,
        account_id: connection.id.clone(),
        chat,
        sender: who,
        message_id: reaction.message_id,
        emoji: name(&reaction.emoji),
        removed,
        ..Inbound::default()
    };
    let author = reaction.message_author_id.filter(|author| !author.is_empty());
    if let Some(author) = author {
        event.extra.insert("messageAuthorId".into(), author.into());
    }
    Some(event)
}

/// Messages that were deleted, as far as it is known who wrote them.
pub(super) async fn deleted(connection: &Connection, data: &Value) -> Vec<Inbound> {
    let text = |key: &str| data[key].as_str().map(str::to_owned);
    let ids = Vec::<String>::read(data["ids"].clone()).unwrap_or_default();
    let authors: Vec<_> = text("id")
        .into_iter()
        .chain(ids)
        .take(MAX_DELETED)
        .filter_map(|id| Some((connection.cache.author(&id)?, id)))
        .collect();
    if authors.is_empty() {
        return Vec::new();
    }
    let channel = text("channel_id").unwrap_or_default();
    let Some(chat) = place::known_chat(connection, &channel, text("guild_id").as_deref()).await else {
        return Vec::new();
    };
    let event = |((author, is_bot), id): ((String, bool), String)| Inbound {
        event_id: format!("delete:{id}"),
        kind: InboundKind::Delete,
        account_id: connection.id.clone(),
        chat: chat.clone(),
        sender: Sender {
            id: author,
            is_bot,
            ..Sender::default()
        },
        message_id: id,
        ..Inbound::default()
    };
    authors.into_iter().map(event).collect()
}

fn guild<'a>(connection: &'a Connection, id: &str) -> Option<&'a Guild> {
    let guilds = &connection.config.guilds;
    guilds.get(id).or_else(|| guilds.get("*"))
}

fn wanted(connection: &Connection, guild_id: Option<&str>) -> ReactionNotifications {
    guild_id
        .and_then(|id| guild(connection, id))
        .and_then(|guild| guild.reaction_notifications)
        .unwrap_or_default()
}

/// Whether a list of the place names who reacts. Whether such a person may write is still for the host to say.
fn is_listed(connection: &Connection, chat: &Chat, sender: &Sender) -> bool {
    let (guild, room) = (guild(connection, &chat.space_id), room(connection, chat));
    let users = room
        .and_then(|room| room.users.as_ref())
        .or(guild.map(|guild| &guild.users));
    let roles = room
        .and_then(|room| room.roles.as_ref())
        .or(guild.map(|guild| &guild.roles));
    let names = |list: Option<&Vec<Id>>, id: &str| {
        list.into_iter()
            .flatten()
            .any(|Id(entry)| bare(entry) == id || entry.trim() == "*")
    };
    names(users, &sender.id) || sender.roles.iter().any(|role| names(roles, role))
}

/// An entry of a list without what may stand around an id.
fn bare(entry: &str) -> &str {
    let entry = entry.trim().trim_start_matches("<@").trim_end_matches('>');
    let entry = entry.trim_start_matches(['!', '&']);
    entry.rsplit(':').next().unwrap_or(entry)
}

/// A Unicode emoji as it is; one of a server as Discord takes it back, `name:id`.
fn name(emoji: &Emoji) -> String {
    let name = emoji.name.as_deref().unwrap_or_default();
    match emoji.id.as_deref() {
        Some(id) if !id.is_empty() => format!("{name}:{id}"),
        _ => name.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_of_lists_are_ids_in_any_dress() {
        for entry in [
            "7",
            " 7 ",
            "<@7>",
            "<@!7>",
            "<@&7>",
            "user:7",
            "discord:7",
            "discord:user:7",
            "role:7",
        ] {
            assert_eq!(bare(entry), "7", "{entry}");
        }
    }

    #[test]
    fn an_emoji_of_a_server_keeps_its_id() {
        let emoji = |id: Option<&str>| Emoji {
            id: id.map(str::to_owned),
            name: Some("wave".into()),
            animated: false,
        };
        assert_eq!(
            (name(&emoji(None)), name(&emoji(Some("5")))),
            ("wave".into(), "wave:5".into())
        );
    }
}
