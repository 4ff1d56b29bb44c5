//! What a model is shown of Discord's records: what it can use, and little else.
use serde_json::{Map, Value, json};

/// Longest text of a message that is shown, characters.
const MAX_TEXT: usize = 2_000;

/// A message.
pub(super) fn message(message: &Value) -> Value {
    let mut brief = pick(
        message,
        &[
            ("id", "id"),
            ("channel_id", "channelId"),
            ("timestamp", "timestamp"),
        ],
    );
    brief.insert("author".into(), user(&message["author"]));
    brief.insert(
        "content".into(),
        short(message["content"].as_str().unwrap_or_default()).into(),
    );
    let files: Vec<_> = items(&message["attachments"])
        .map(|file| {
            let keys = [
                ("filename", "name"),
                ("content_type", "contentType"),
                ("size", "size"),
                ("url", "url"),
            ];
            Value::Object(pick(file, &keys))
        })
        .collect();
    if !files.is_empty() {
        brief.insert("attachments".into(), files.into());
    }
    let reactions: Vec<_> = items(&message["reactions"])
        .map(|reaction| json!({ "emoji": crate::outbound::emoji_of(&reaction["emoji"]), "count": reaction["count"] }))
        .collect();
    if !reactions.is_empty() {
        brief.insert("reactions".into(), reactions.into());
    }
    for (pointer, name) in [
        ("/message_reference/message_id", "replyTo"),
        ("/thread/id", "threadId"),
    ] {
        if let Some(id) = message.pointer(pointer).filter(|id| !id.is_null()) {
            brief.insert(name.into(), id.clone());
        }
    }
    Value::Object(brief)
}

/// A user.
pub(super) fn user(user: &Value) -> Value {
    let mut brief = pick(
        user,
        &[("id", "id"), ("username", "username"), ("global_name", "name")],
    );
    if user["bot"] == true {
        brief.insert("bot".into(), true.into());
    }
    Value::Object(brief)
}

/// A channel, thread or category.
pub(super) fn channel(channel: &Value) -> Value {
    let mut brief = pick(
        channel,
        &[
            ("id", "id"),
            ("name", "name"),
            ("topic", "topic"),
            ("guild_id", "guildId"),
            ("parent_id", "parentId"),
            ("position", "position"),
            ("nsfw", "nsfw"),
            ("rate_limit_per_user", "slowModeSeconds"),
        ],
    );
    brief.insert("type".into(), kind(&channel["type"]).into());
    for (key, name) in [("archived", "archived"), ("locked", "locked")] {
        if channel["thread_metadata"][key] == true {
            brief.insert(name.into(), true.into());
        }
    }
    Value::Object(brief)
}

/// These keys of a record under other names, without those that say nothing.
pub(super) fn pick(value: &Value, keys: &[(&str, &str)]) -> Map<String, Value> {
    let says = |value: &&Value| !value.is_null() && **value != json!("") && **value != json!(false);
    let kept = keys
        .iter()
        .filter_map(|(key, name)| Some(((*name).to_owned(), value.get(*key).filter(says)?.clone())));
    kept.collect()
}

/// The items of a list.
pub(super) fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

/// The name of a type of channel.
fn kind(kind: &Value) -> &'static str {
    match kind.as_u64() {
        Some(0) => "text",
        Some(1) => "dm",
        Some(2) => "voice",
        Some(3) => "group-dm",
        Some(4) => "category",
        Some(5) => "announcement",
        Some(10..=12) => "thread",
        Some(13) => "stage",
        Some(15) => "forum",
        Some(16) => "media",
        _ => "other",
    }
}

fn short(text: &str) -> String {
    text.chars().take(MAX_TEXT).collect()
}
