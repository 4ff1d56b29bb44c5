//! Actions on a server's own emoji and stickers.
use super::{Task, brief};
use crate::rest::{Request, Route};
use base64::{Engine, engine::general_purpose::STANDARD};
use openclaw_plugin_api::{Error, ErrorKind, MediaRef, Result};
use serde_json::{Value, json};

/// Largest emoji, bytes.
const MAX_EMOJI: usize = 256 << 10;
/// Largest sticker, bytes.
const MAX_STICKER: usize = 512 << 10;
/// Emoji that are listed.
const MAX_LISTED: u64 = 250;

pub(super) async fn emojis(task: &Task<'_>) -> Result<Value> {
    let guild = task.guild().await?;
    let limit = task.params.number("limit", 1..=MAX_LISTED)?.unwrap_or(MAX_LISTED);
    let emojis: Vec<Value> = task
        .call(Request::get(Route::new("guilds/{}/emojis", &[&guild])))
        .await?;
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let listed: Vec<_> = emojis.iter().take(limit).map(brief_emoji).collect();
    Ok(json!({ "guildId": guild, "emojis": listed }))
}

pub(super) async fn emoji(task: &Task<'_>) -> Result<Value> {
    let guild = task.permitted_guild().await?;
    let name = task.params.text("emojiName")?.or(task.params.text("name")?);
    let name = name.ok_or_else(|| task.params.wrong("emojiName", "is missing"))?;
    let is_fine = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if !(2..=32).contains(&name.len()) || !name.chars().all(is_fine) {
        return Err(task
            .params
            .wrong("emojiName", "has 2 to 32 letters, digits and _"));
    }
    let file = one_file(
        task,
        &["image/png", "image/jpeg", "image/gif", "image/webp"],
        MAX_EMOJI,
    )?;
    let bytes = read(task, &file, MAX_EMOJI).await?;
    let image = format!("data:{};base64,{}", mime(&file), STANDARD.encode(bytes));
    let mut body = json!({ "name": name, "image": image });
    let roles = task.params.list("roleIds")?;
    if !roles.is_empty() {
        body["roles"] = json!(roles);
    }
    let request = Request::post(Route::new("guilds/{}/emojis", &[&guild])).json(body);
    let emoji: Value = task.call(task.reasoned(request)?).await?;
    Ok(json!({ "emoji": brief_emoji(&emoji) }))
}

pub(super) async fn sticker(task: &Task<'_>) -> Result<Value> {
    let guild = task.permitted_guild().await?;
    let name = task.params.text("stickerName")?.or(task.params.text("name")?);
    let name = name
        .ok_or_else(|| task.params.wrong("stickerName", "is missing"))?
        .to_owned();
    if !(2..=30).contains(&name.chars().count()) {
        return Err(task.params.wrong("stickerName", "has 2 to 30 characters"));
    }
    let tags = task
        .params
        .text("stickerTags")?
        .or(task.params.text("tags")?)
        .unwrap_or("🙂")
        .to_owned();
    let description = task
        .params
        .text("stickerDesc")?
        .or(task.params.text("description")?)
        .unwrap_or_default()
        .to_owned();
    let file = one_file(
        task,
        &["image/png", "image/apng", "image/gif", "application/json"],
        MAX_STICKER,
    )?;
    let file_name = match mime(&file).as_str() {
        "application/json" => "sticker.json",
        "image/gif" => "sticker.gif",
        _ => "sticker.png",
    };
    let request = Request::post(Route::new("guilds/{}/stickers", &[&guild]))
        .field("name", name)
        .field("description", description)
        .field("tags", tags)
        .part("file", file, file_name);
    let sticker: Value = task.call(task.reasoned(request)?).await?;
    Ok(json!({ "sticker": brief::pick(&sticker, &[("id", "id"), ("name", "name"), ("tags", "tags")]) }))
}

fn brief_emoji(emoji: &Value) -> Value {
    let mut brief = brief::pick(emoji, &[("id", "id"), ("name", "name"), ("animated", "animated")]);
    let (name, id) = (
        emoji["name"].as_str().unwrap_or_default(),
        emoji["id"].as_str().unwrap_or_default(),
    );
    let mark = if emoji["animated"] == true { "a" } else { "" };
    brief.insert("written".into(), format!("<{mark}:{name}:{id}>").into());
    Value::Object(brief)
}

fn one_file(task: &Task<'_>, kinds: &[&str], limit: usize) -> Result<MediaRef> {
    let mut files = task.params.files()?;
    let (Some(file), true) = (files.pop(), files.is_empty()) else {
        return Err(task.params.wrong("media", "is one file"));
    };
    if !kinds.contains(&mime(&file).as_str()) {
        return Err(task
            .params
            .wrong("media", &format!("is one of {}", kinds.join(", "))));
    }
    if file.size > limit as u64 {
        return Err(task
            .params
            .wrong("media", &format!("has at most {} KB", limit >> 10)));
    }
    Ok(file)
}

async fn read(task: &Task<'_>, file: &MediaRef, limit: usize) -> Result<Vec<u8>> {
    let mut reader = task.connection.host().media().open(file);
    let mut bytes = Vec::new();
    while let Some(chunk) = reader.chunk().await? {
        bytes.extend_from_slice(&chunk);
        if bytes.len() > limit {
            return Err(Error::new(
                ErrorKind::Rejected,
                format_args!(
                    "discord {}: the file has more than {} KB; make it smaller",
                    task.rule.name,
                    limit >> 10
                ),
            ));
        }
    }
    Ok(bytes)
}

fn mime(file: &MediaRef) -> String {
    file.mime_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase()
}
