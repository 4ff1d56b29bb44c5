//! Buttons, reactions and the bot's own membership.
use super::{
    message::{chat_sender, user_sender},
    place,
};
use crate::{
    account::Account,
    api::{Callback, Chat, ChatMemberUpdated, Reaction, ReactionUpdated},
    config::ReactionNotifications,
};
use openclaw_plugin_api::{Chat as Place, Error, Inbound, InboundKind, Sender};
use serde_json::{Value, json};

/// A button was pressed. The answer takes the waiting sign from the button; it is given first and may fail.
pub(super) async fn button(account: &Account, callback: &Callback) -> Option<Inbound> {
    let body = json!({ "callback_query_id": callback.id });
    if let Err(failure) = account.api.ask::<Value>("answerCallbackQuery", &body).await {
        tracing::debug!(account = account.id, error = %Error::from(failure), "a button could not be answered");
    }
    let message = callback.message.as_deref()?;
    let value = callback.data.clone()?;
    Some(Inbound {
        event_id: account.event_id(format_args!("callback:{}", callback.id)),
        kind: InboundKind::Button,
        account_id: account.id.clone(),
        chat: place(account, &message.chat, message.message_thread_id),
        sender: user_sender(&callback.from),
        message_id: message.message_id.to_string(),
        text: format!("callback_data: {value}"),
        mentioned: true,
        value,
        ..Inbound::default()
    })
}

/// Reactions that were set or removed, one event for each emoji.
pub(super) fn reactions(account: &Account, id: &str, update: &ReactionUpdated) -> Vec<Inbound> {
    let is_wanted = match account.config.reaction_notifications.unwrap_or_default() {
        ReactionNotifications::Off => false,
        ReactionNotifications::Own => account.sent.is_own(update.chat.id, update.message_id),
        ReactionNotifications::All => true,
    };
    let sender = match (&update.user, &update.actor_chat) {
        (Some(user), _) => user_sender(user),
        (None, Some(chat)) => chat_sender(chat),
        (None, None) => Sender::default(),
    };
    let is_own = account.me().is_some_and(|me| me.id.to_string() == sender.id);
    if !is_wanted || is_own {
        return Vec::new();
    }
    let (old, new) = (&update.old_reaction, &update.new_reaction);
    let added = new
        .iter()
        .filter(|reaction| !old.contains(reaction))
        .map(|reaction| (reaction, false));
    let removed = old
        .iter()
        .filter(|reaction| !new.contains(reaction))
        .map(|reaction| (reaction, true));
    added
        .chain(removed)
        .enumerate()
        .map(|(n, (reaction, removed))| Inbound {
            event_id: format!("{id}:{n}"),
            kind: InboundKind::Reaction,
            account_id: account.id.clone(),
            chat: nowhere(account, &update.chat),
            sender: sender.clone(),
            message_id: update.message_id.to_string(),
            emoji: emoji(reaction),
            removed,
            timestamp_ms: update.date * 1000,
            ..Inbound::default()
        })
        .collect()
}

/// The bot was added or removed, or a person stopped it.
pub(super) fn membership(account: &Account, id: String, update: &ChatMemberUpdated) -> Option<Inbound> {
    let status = update.new_chat_member.status.as_str();
    let mut event = Inbound {
        event_id: id,
        kind: InboundKind::Membership,
        account_id: account.id.clone(),
        chat: nowhere(account, &update.chat),
        sender: user_sender(&update.from),
        removed: matches!(status, "left" | "kicked"),
        timestamp_ms: update.date * 1000,
        ..Inbound::default()
    };
    event.extra.insert("status".into(), status.into());
    Some(event)
}

/// Telegram doesn't say in which topic it happened.
fn nowhere(account: &Account, chat: &Chat) -> Place {
    Place {
        thread_id: String::new(),
        ..place(account, chat, None)
    }
}

fn emoji(reaction: &Reaction) -> String {
    match (reaction.emoji.as_str(), reaction.custom_emoji_id.as_str()) {
        ("", "") => "⭐".to_owned(),
        ("", custom) => format!("custom:{custom}"),
        (emoji, _) => emoji.to_owned(),
    }
}
