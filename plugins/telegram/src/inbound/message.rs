//! Messages: text, context, files, and whether the bot was addressed.
use super::{is_control, markup, media, place};
use crate::{
    account::Account,
    api::{Chat, Entity, Me, Message, MessageOrigin, User},
};
use openclaw_plugin_api::{Inbound, InboundKind, MediaRef, Quoted, Sender};
use serde_json::{Map, Value};

/// Most that fits into one message, UTF-16 units.
const FULL: usize = 4096;

/// One event of messages that belong together. None: it is the bot's own, for another bot, or says nothing.
pub(super) async fn from_parts(account: &Account, parts: &[Message], kind: InboundKind) -> Option<Inbound> {
    let (first, last) = (parts.first()?, parts.last()?);
    let me = account.me()?;
    if first.from.as_ref().is_some_and(|user| user.id == me.id) || is_for_another_bot(first, me) {
        return None;
    }
    let bare = Inbound {
        event_id: account.event_id(format_args!("message:{}:{}", first.chat.id, first.message_id)),
        kind,
        account_id: account.id.clone(),
        chat: place(account, &first.chat, first.message_thread_id),
        sender: sender(first),
        message_id: last.message_id.to_string(),
        mentioned: parts.iter().any(|part| mentions(part, me)),
        reply_to: quoted(first, me),
        timestamp_ms: last.edit_date.max(last.date) * 1000,
        ..Inbound::default()
    };
    // An edit names what it has, but the files were taken with the message.
    let takes_files = kind == InboundKind::Message
        && parts.iter().any(|part| media::placeholder(part).is_some())
        // nothing is fetched for strangers
        && account.host.admits_surely(&bare).await;
    let (mut text, mut attachments, mut before) = (String::new(), Vec::new(), None);
    // One caption speaks for a whole album.
    let has_words = parts
        .iter()
        .any(|part| !part.text.is_empty() || !part.caption.is_empty());
    for part in parts {
        let (file, words) = content(account, part, takes_files, me).await;
        let is_silent = has_words && file.is_some() && part.caption.is_empty();
        attachments.extend(file);
        if words.is_empty() || is_silent {
            continue;
        }
        if !text.is_empty() {
            text += joint(before);
        }
        text += &words;
        before = Some(part);
    }
    if text.is_empty() && attachments.is_empty() {
        return None;
    }
    let mut extra = Map::new();
    if let Some(origin) = first.forward_origin.as_ref() {
        extra.insert("forwardedFrom".into(), origin_name(origin).into());
        // What somebody else wrote is no command of the person who passes it on.
        if text.trim_start().starts_with('/') || is_control(&text) {
            text.insert_str(0, "> ");
        }
    }
    if parts.len() > 1 {
        let ids = parts
            .iter()
            .map(|part| Value::from(part.message_id.to_string()))
            .collect();
        extra.insert("messageIds".into(), Value::Array(ids));
    }
    Some(Inbound {
        text,
        attachments,
        extra,
        ..bare
    })
}

/// The file of a message, if it is to be taken, and what the message says.
async fn content(
    account: &Account,
    message: &Message,
    takes_files: bool,
    me: &Me,
) -> (Option<MediaRef>, String) {
    let words = words(message, me);
    let (file, note) = match takes_files {
        true => media::take(account, message).await,
        false => (None, media::placeholder(message)),
    };
    let is_complete = file.is_some() || !takes_files;
    let text = match note {
        Some(note) if words.is_empty() => note,
        // A caption says more than the kind of a file that is there.
        Some(note) if !is_complete => format!("{note}\n{words}"),
        _ => words,
    };
    (file, text)
}

/// What stood between two parts. Apps cut a text that fills a message anywhere; a shorter one was cut at a line or a
/// word, and what was there is lost.
fn joint(before: Option<&Message>) -> &'static str {
    let is_full = before.is_some_and(|part| part.text.encode_utf16().count() >= FULL);
    if is_full { "" } else { "\n" }
}

/// Who wrote. Anonymous administrators and channels write under the id of a chat.
pub(super) fn sender(message: &Message) -> Sender {
    match (&message.sender_chat, &message.from) {
        (Some(chat), _) => chat_sender(chat),
        (None, Some(user)) => user_sender(user),
        (None, None) => chat_sender(&message.chat),
    }
}

pub(super) fn user_sender(user: &User) -> Sender {
    Sender {
        id: user.id.to_string(),
        name: user.name(),
        username: user.username.clone(),
        is_bot: user.is_bot,
        ..Sender::default()
    }
}

pub(super) fn chat_sender(chat: &Chat) -> Sender {
    Sender {
        id: chat.id.to_string(),
        name: chat.name(),
        username: chat.username.clone(),
        ..Sender::default()
    }
}

/// What the message says, as Markdown, with places and the like in words.
fn words(message: &Message, me: &Me) -> String {
    let mut text = if message.text.is_empty() {
        markup::to_markdown(&message.caption, &message.caption_entities)
    } else {
        markup::to_markdown(&without_address(message, me), &message.entities_after(me))
    };
    let mut add = |line: String| {
        if !text.is_empty() {
            text.push('\n');
        }
        text += &line;
    };
    match (&message.venue, &message.location) {
        (Some(venue), _) => add(format!(
            "[Place: {}, {} ({:.6}, {:.6})]",
            venue.title, venue.address, venue.location.latitude, venue.location.longitude
        )),
        (None, Some(location)) => {
            let live = if location.live_period.is_some() {
                "Live location"
            } else {
                "Location"
            };
            let radius = location
                .horizontal_accuracy
                .map(|meters| format!(" ±{meters:.0} m"))
                .unwrap_or_default();
            add(format!(
                "[{live}: {:.6}, {:.6}{radius}]",
                location.latitude, location.longitude
            ));
        }
        (None, None) => {}
    }
    if let Some(contact) = &message.contact {
        let name = format!("{} {}", contact.first_name, contact.last_name);
        add(format!("[Contact: {}, {}]", name.trim(), contact.phone_number));
    }
    if let Some(poll) = &message.poll {
        let options: Vec<_> = poll.options.iter().map(|option| option.text.as_str()).collect();
        add(format!("[Poll: {} ({})]", poll.question, options.join(" / ")));
    }
    if let Some(dice) = &message.dice {
        add(format!("[{} {}]", dice.emoji, dice.value));
    }
    text
}

impl Message {
    /// The command that the text begins with.
    fn command(&self) -> Option<&str> {
        let entity = self
            .entities
            .iter()
            .find(|entity| entity.kind == "bot_command" && entity.offset == 0)?;
        // Commands are ASCII, so units are bytes.
        self.text.get(..entity.length)
    }

    /// Length of `@bot` after the command, if it is this bot's.
    fn address_len(&self, me: &Me) -> usize {
        let Some((_, bot)) = self.command().and_then(|command| command.split_once('@')) else {
            return 0;
        };
        if bot.eq_ignore_ascii_case(&me.username) {
            bot.len() + 1
        } else {
            0
        }
    }

    /// The entities as they stand after the address was taken out.
    fn entities_after(&self, me: &Me) -> Vec<Entity> {
        let gone = self.address_len(me);
        let mut entities = self.entities.clone();
        entities
            .iter_mut()
            .filter(|entity| entity.offset > 0)
            .for_each(|entity| {
                entity.offset = entity.offset.saturating_sub(gone);
            });
        entities
    }
}

/// `/new@bot now` is `/new now`.
fn without_address(message: &Message, me: &Me) -> String {
    match (message.command(), message.address_len(me)) {
        (Some(command), gone) if gone > 0 => {
            format!(
                "{}{}",
                &command[..command.len() - gone],
                &message.text[command.len()..]
            )
        }
        _ => message.text.clone(),
    }
}

fn is_for_another_bot(message: &Message, me: &Me) -> bool {
    let bot = message
        .command()
        .and_then(|command| command.split_once('@'))
        .map(|(_, bot)| bot);
    bot.is_some_and(|bot| !bot.eq_ignore_ascii_case(&me.username))
}

/// Was the bot named? Whether a reply to one of its messages counts as much is for the host to say.
fn mentions(message: &Message, me: &Me) -> bool {
    let named = |text: &str, entities: &[Entity]| {
        entities.iter().any(|entity| match entity.kind.as_str() {
            "mention" => markup::slice(text, entity)
                .and_then(|name| {
                    name.strip_prefix('@')
                        .map(|name| name.eq_ignore_ascii_case(&me.username))
                })
                .unwrap_or(false),
            "text_mention" => entity.user.as_ref().is_some_and(|user| user.id == me.id),
            _ => false,
        })
    };
    named(&message.text, &message.entities)
        || named(&message.caption, &message.caption_entities)
        || message.address_len(me) > 0
}

/// In topics every message replies to the one that opened the topic, if to nothing else; that is no reply.
fn replied_to(message: &Message) -> Option<&Message> {
    message
        .reply_to_message
        .as_deref()
        .filter(|reply| reply.forum_topic_created.is_none())
}

fn quoted(message: &Message, me: &Me) -> Option<Quoted> {
    let part = message.quote.as_ref().map(|quote| quote.text.clone());
    if let Some(reply) = replied_to(message) {
        let whole = || {
            let text = if reply.text.is_empty() {
                &reply.caption
            } else {
                &reply.text
            };
            if text.is_empty() {
                media::placeholder(reply).unwrap_or_default()
            } else {
                text.clone()
            }
        };
        return Some(Quoted {
            message_id: reply.message_id.to_string(),
            text: part.unwrap_or_else(whole),
            sender_id: sender(reply).id,
            from_self: reply.from.as_ref().is_some_and(|user| user.id == me.id),
        });
    }
    let external = message.external_reply.as_ref()?;
    let sender_id = match &external.origin {
        Some(MessageOrigin::User { sender_user }) => sender_user.id.to_string(),
        Some(MessageOrigin::Chat { sender_chat: chat } | MessageOrigin::Channel { chat }) => {
            chat.id.to_string()
        }
        _ => String::new(),
    };
    let message_id = external.message_id.map(|id| id.to_string()).unwrap_or_default();
    Some(Quoted {
        message_id,
        text: part.unwrap_or_default(),
        sender_id,
        from_self: false,
    })
}

fn origin_name(origin: &MessageOrigin) -> String {
    match origin {
        MessageOrigin::User { sender_user } => sender_user.name(),
        MessageOrigin::HiddenUser { sender_user_name } => sender_user_name.clone(),
        MessageOrigin::Chat { sender_chat: chat } | MessageOrigin::Channel { chat } => chat.name(),
        MessageOrigin::Unknown => "somebody".to_owned(),
    }
}
