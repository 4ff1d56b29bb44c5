//! Messages, new and changed.
use super::{
    media, place,
    pluralkit::{self, Proxied},
    text::Reader,
};
use crate::{
    account::Connection,
    config::Room,
    rest::{Request, Route},
    wire::{Member, Message, User, channel_kind, timestamp_ms},
};
use openclaw_plugin_api::{Chat, ChatKind, Inbound, InboundKind, Quoted, Sender};

/// Types of messages that people write: plain ones and replies.
const SPOKEN: [u64; 2] = [0, 19];
/// A reference that is a reply, and one that is a forward.
const REPLY: u64 = 0;
const FORWARD: u64 = 1;
/// Longest text that is quoted, bytes.
const MAX_QUOTE: usize = 4000;

/// The event of a message; none if nobody needs to know.
pub(super) async fn event(connection: &Connection, message: Message, kind: InboundKind) -> Option<Inbound> {
    if is_own(connection, &message) {
        connection.cache.add_own(&message.id);
        return None;
    }
    let proxied = pluralkit::proxied(connection, &message).await;
    let is_bot = (message.author.bot || message.webhook_id.is_some()) && proxied.is_none();
    connection
        .cache
        .add_author(&message.id, &message.author.id, is_bot);
    if !SPOKEN.contains(&message.kind) {
        tracing::debug!(
            account = connection.id,
            message = message.id,
            kind = message.kind,
            "not a message of a person"
        );
        return None;
    }
    let event_id = match (kind, &message.edited_timestamp) {
        (InboundKind::Edit, Some(edited)) => format!("edit:{}:{edited}", message.id),
        // Discord has added something, such as a preview of a link.
        (InboundKind::Edit, None) => return None,
        _ => format!("message:{}", message.id),
    };
    let chat = place::known_chat(connection, &message.channel_id, message.guild_id.as_deref()).await?;
    let my_role = my_role(connection, &message, &chat).await;
    let reader = Reader {
        cache: &connection.cache,
        me: connection.user_id(),
        my_role: &my_role,
        guild_id: &chat.space_id,
    };
    let mentioned = mentions(connection, &message, &my_role) || is_in_own_thread(connection, &chat);
    let mentions_others = !mentioned && mentions_anybody(&message);
    let mut words = vec![reader.words(&message)];
    let quoted = quoted(connection, &reader, &message, &chat).await;
    let mut event = Inbound {
        event_id,
        kind,
        account_id: connection.id.clone(),
        sender: sender(&message.author, message.member.as_ref(), is_bot, proxied.as_ref()),
        message_id: message.id.clone(),
        mentioned,
        mentions_others,
        reply_to: quoted,
        timestamp_ms: timestamp_ms(&message.id),
        chat,
        ..Inbound::default()
    };
    note_extra(&mut event, &message, proxied);
    let files = media::take(connection, &event, &message).await;
    words.extend(files.words);
    words.retain(|part| !part.is_empty());
    event.text = words.join("\n");
    event.attachments = files.media;
    if event.text.is_empty() && event.attachments.is_empty() {
        connection.status.note_empty(connection, &event);
        return None;
    }
    Some(event)
}

/// What templates and logs may use.
fn note_extra(event: &mut Inbound, message: &Message, proxied: Option<Proxied>) {
    let extra = &mut event.extra;
    extra.insert("tag".into(), message.author.tag().into());
    if reference(message, FORWARD).is_some() || !message.message_snapshots.is_empty() {
        extra.insert("forwardedFrom".into(), "another channel".into());
    }
    if message.is_voice() {
        extra.insert("voice".into(), true.into());
    }
    if let Some(proxied) = proxied {
        extra.insert("pluralkitSystem".into(), proxied.system.into());
    }
}

/// The bot wrote it, itself or through a webhook or an interaction of its own.
fn is_own(connection: &Connection, message: &Message) -> bool {
    let Some(me) = connection.me.get() else {
        return false;
    };
    let of_application = message.application_id.as_deref() == Some(me.application_id.as_str());
    message.author.id == me.user_id || (of_application && message.webhook_id.is_some())
}

/// The role that stands for the bot, if the message mentions roles at all.
async fn my_role(connection: &Connection, message: &Message, chat: &Chat) -> String {
    if message.mention_roles.is_empty() || chat.space_id.is_empty() {
        return String::new();
    }
    place::know_guild(connection, &chat.space_id).await;
    connection
        .cache
        .role_of_bot(&chat.space_id, connection.user_id())
        .unwrap_or_default()
}

/// The bot is named, itself or by its own role. A reply is for the host to judge.
fn mentions(connection: &Connection, message: &Message, my_role: &str) -> bool {
    let me = connection.user_id();
    // Discord also lists whom a reply pings; that alone is no mention.
    let is_written = |id: &str| {
        message.content.contains(&format!("<@{id}>")) || message.content.contains(&format!("<@!{id}>"))
    };
    let is_listed = message.mentions.iter().any(|user| user.id == me);
    let by_name = is_listed && (is_written(me) || reference(message, REPLY).is_none());
    by_name || (!my_role.is_empty() && message.mention_roles.iter().any(|role| role == my_role))
}

fn mentions_anybody(message: &Message) -> bool {
    !message.mentions.is_empty() || !message.mention_roles.is_empty() || message.mention_everyone
}

/// A thread that the bot opened for a message, as the operator wanted: everything in it is for the bot.
fn is_in_own_thread(connection: &Connection, chat: &Chat) -> bool {
    let is_mine = || {
        let thread = connection.cache.channel(&chat.id);
        thread.is_some_and(|thread| thread.owner_id.as_deref() == Some(connection.user_id()))
    };
    !chat.parent_id.is_empty()
        && room(connection, chat).is_some_and(|room| room.auto_thread == Some(true))
        && is_mine()
}

/// What the operator says of a channel, or of a thread's channel: by id, then by name, then `*`.
pub(crate) fn room<'a>(connection: &'a Connection, chat: &Chat) -> Option<&'a Room> {
    let guilds = &connection.config.guilds;
    let guild = guilds.get(&chat.space_id).or_else(|| guilds.get("*"))?;
    let name = match chat.parent_id.as_str() {
        "" => &chat.title,
        _ => &chat.parent_title,
    };
    let rooms = &guild.channels;
    rooms
        .get(&chat.id)
        .or_else(|| rooms.get(&chat.parent_id))
        .or_else(|| {
            rooms
                .iter()
                .find(|(key, _)| !name.is_empty() && key.trim_start_matches('#').eq_ignore_ascii_case(name))
                .map(|(_, room)| room)
        })
        .or_else(|| rooms.get("*"))
}

/// Who wrote. A nickname of the place wins over the name of the account.
pub(crate) fn sender(
    user: &User,
    member: Option<&Member>,
    is_bot: bool,
    proxied: Option<&Proxied>,
) -> Sender {
    if let Some(proxied) = proxied {
        return Sender {
            id: format!("pk:{}", proxied.member),
            name: proxied.name.clone(),
            is_bot: false,
            ..Sender::default()
        };
    }
    let nick = member
        .and_then(|member| member.nick.as_deref())
        .filter(|nick| !nick.is_empty());
    Sender {
        id: user.id.clone(),
        name: nick.unwrap_or_else(|| user.display()).to_owned(),
        username: user.tag(),
        is_bot,
        roles: member.map(|member| member.roles.clone()).unwrap_or_default(),
    }
}

fn reference(message: &Message, kind: u64) -> Option<&str> {
    let reference = message.message_reference.as_ref()?;
    (reference.kind == kind)
        .then_some(reference.message_id.as_deref())
        .flatten()
}

/// The message that this one replies to; in a thread that is new here, the one that it began with.
async fn quoted(
    connection: &Connection,
    reader: &Reader<'_>,
    message: &Message,
    chat: &Chat,
) -> Option<Quoted> {
    let me = connection.user_id();
    if let Some(id) = reference(message, REPLY) {
        let replied = message.referenced_message.as_deref();
        return Some(Quoted {
            message_id: id.to_owned(),
            text: replied.map(|replied| quote(reader, replied)).unwrap_or_default(),
            sender_id: replied
                .map(|replied| replied.author.id.clone())
                .unwrap_or_default(),
            from_self: replied.map_or_else(|| connection.cache.is_own(id), |replied| replied.author.id == me),
        });
    }
    let starter = starter(connection, message, chat).await?;
    Some(Quoted {
        message_id: starter.id.clone(),
        text: quote(reader, &starter),
        sender_id: starter.author.id,
        // it is context, and calls nobody
        from_self: false,
    })
}

fn quote(reader: &Reader<'_>, message: &Message) -> String {
    let mut text = reader.words(message);
    if text.is_empty() {
        text = media::placeholders(message).join(" ");
    }
    text.truncate(text.floor_char_boundary(MAX_QUOTE));
    text
}

/// The message that a thread began with, once for each thread.
async fn starter(connection: &Connection, message: &Message, chat: &Chat) -> Option<Message> {
    let is_wanted = chat.kind == ChatKind::Channel
        && !chat.parent_id.is_empty()
        && message.id != chat.id
        && room(connection, chat).is_none_or(|room| room.include_thread_starter != Some(false));
    if !is_wanted || !connection.cache.first_in_thread(&chat.id) {
        return None;
    }
    let parent = connection.cache.channel(&chat.parent_id);
    let is_post =
        parent.is_some_and(|parent| matches!(parent.kind, channel_kind::FORUM | channel_kind::MEDIA));
    // A thread has the id of the message that it hangs on; a post begins with its first message.
    let at = if is_post { &chat.id } else { &chat.parent_id };
    let request = || Request::get(Route::message(at, &chat.id));
    let starter: Message = place::ask(connection, place::FEW, request).await?;
    (!starter.author.id.is_empty()).then_some(starter)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Read;
    use serde_json::json;

    #[test]
    fn a_forward_is_told_as_one_whatever_it_refers_to() {
        let referring = json!({ "type": 1, "message_id": "5", "channel_id": "6" });
        for (message, is_forward) in [
            (json!({ "message_reference": referring }), true),
            (
                json!({ "message_snapshots": [{ "message": { "content": "/new" } }] }),
                true,
            ),
            (json!({ "content": "/new" }), false),
        ] {
            let message = Message::read(message).expect("a message");
            let mut event = Inbound::default();
            note_extra(&mut event, &message, None);
            assert_eq!(event.is_forwarded(), is_forward, "{message:?}");
        }
    }
}
