//! From Telegram's updates to the host's events. It decides nothing about who may write.
mod markup;
mod media;
mod message;
mod other;

use crate::{
    account::Account,
    api::{Chat, Message, Update},
    lane::Event,
};
use openclaw_plugin_api::{Chat as Place, ChatKind, Inbound, InboundKind};

/// The thread that General is, in forums.
pub(crate) const GENERAL: i64 = 1;

/// Commands that must not wait behind a long text or an album.
const CONTROL: &[&str] = &["/stop", "/abort", "/cancel"];
/// Words that are such commands where they are all that is said: a sentence that begins with one keeps its place.
const CONTROL_WORDS: &[&str] = &["stop", "abort", "esc", "wait", "exit", "interrupt"];
/// Longest text that is looked at for them, bytes.
const MAX_CONTROL: usize = 40;

/// Which updates are kept in order with which. None: nobody needs the update.
pub(crate) fn lane_of(update: &Update) -> Option<String> {
    if let Some(message) = message_of(update) {
        let lane = format!(
            "{}:{}",
            message.chat.id,
            message.message_thread_id.unwrap_or_default()
        );
        return Some(if is_control(&message.text) {
            lane + ":control"
        } else {
            lane
        });
    }
    if let Some(callback) = &update.callback_query {
        let chat = callback
            .message
            .as_ref()
            .map_or(callback.from.id, |message| message.chat.id);
        return Some(format!("{chat}:button:{}", callback.from.id));
    }
    if let Some(reaction) = &update.message_reaction {
        return Some(format!("{}:reaction", reaction.chat.id));
    }
    update
        .my_chat_member
        .as_ref()
        .map(|member| format!("{}:member", member.chat.id))
}

/// Does the text ask for nothing but the end of what is under way?
fn is_control(text: &str) -> bool {
    let text = text.trim();
    if text.len() > MAX_CONTROL {
        return false;
    }
    let text = text.to_lowercase();
    let command = text.split(['@', ' ']).next().unwrap_or_default();
    CONTROL.contains(&command) || CONTROL_WORDS.contains(&text.trim_end_matches(['.', '!', '…']))
}

/// The events of an entry; none if nobody needs to know.
pub(crate) async fn events(account: &Account, event: Event) -> Vec<Inbound> {
    let update = match event {
        Event::Messages(parts) => {
            return message::from_parts(account, &parts, InboundKind::Message)
                .await
                .into_iter()
                .collect();
        }
        Event::Other(update) => update,
    };
    let id = account.event_id(format_args!("update:{}", update.update_id));
    if let Some(edited) = update.edited_message.or(update.edited_channel_post) {
        let event = message::from_parts(account, std::slice::from_ref(&*edited), InboundKind::Edit).await;
        return event
            .into_iter()
            .map(|event| Inbound {
                event_id: id.clone(),
                ..event
            })
            .collect();
    }
    if let Some(callback) = update.callback_query {
        return other::button(account, &callback).await.into_iter().collect();
    }
    if let Some(reaction) = update.message_reaction {
        return other::reactions(account, &id, &reaction);
    }
    update
        .my_chat_member
        .and_then(|member| other::membership(account, id, &member))
        .into_iter()
        .collect()
}

fn message_of(update: &Update) -> Option<&Message> {
    let new = update.message.as_deref().or(update.channel_post.as_deref());
    new.or(update.edited_message.as_deref())
        .or(update.edited_channel_post.as_deref())
}

/// Where something happened. Threads count in forums; elsewhere they are only chains of replies.
fn place(account: &Account, chat: &Chat, thread: Option<i64>) -> Place {
    let thread_id = match thread {
        _ if chat.is_forum => thread.unwrap_or(GENERAL).to_string(),
        Some(thread) if chat.is_private() && account.me().is_some_and(|me| me.has_topics_enabled) => {
            thread.to_string()
        }
        _ => String::new(),
    };
    let kind = match chat.kind.as_str() {
        "private" => ChatKind::Direct,
        "channel" => ChatKind::Channel,
        _ => ChatKind::Group,
    };
    Place {
        id: chat.id.to_string(),
        kind,
        title: chat.name(),
        thread_id,
        ..Place::default()
    }
}
