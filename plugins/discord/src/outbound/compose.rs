//! From one message of the host to the messages of Discord that it becomes.
use super::{component, render, split, voice};
use crate::{account::Connection, config::TableMode};
use openclaw_plugin_api::{Error, MediaRef, Outbound, Result};
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Files of one message.
const MAX_FILES: usize = 10;
/// Lines of one message, if the operator doesn't say.
const LINES: usize = 17;
/// Largest file, MB, if the operator doesn't say.
const MEDIA_MB: f64 = 100.0;
/// Bytes of one.
const MB: f64 = 1_048_576.0;
/// Roles that one message may mention.
const MAX_ROLES: usize = 100;
/// Show no previews of links.
const SUPPRESS_EMBEDS: u64 = 1 << 2;
/// Make no sound.
const SILENT: u64 = 1 << 12;
/// A voice message.
pub(super) const VOICE: u64 = 1 << 13;

/// One message of Discord.
#[derive(Debug, Clone, Default)]
pub(crate) struct Draft {
    pub(crate) body: Map<String, Value>,
    pub(crate) files: Vec<MediaRef>,
    /// Names of files that Discord found too large.
    pub(super) left_out: Vec<String>,
    /// Empty where the host gave no key.
    pub(crate) nonce: String,
}

/// The messages that a message becomes, in order.
pub(crate) async fn drafts(connection: &Connection, message: &Outbound) -> Result<Vec<Draft>> {
    let limit_mb = connection.config.media_max_mb.unwrap_or(MEDIA_MB);
    let message = &message.clone().without_files_over((limit_mb * MB) as u64)?;
    let is_voice = message.extra.get("audioAsVoice").and_then(Value::as_bool) == Some(true);
    let mut drafts = Vec::new();
    for text in texts(connection, &message.text) {
        let mut draft = Draft::default();
        draft.body.insert("content".into(), text.into());
        drafts.push(draft);
    }
    for (n, files) in groups(&message.attachments, is_voice).into_iter().enumerate() {
        let is_alone = is_voice && voice::fits(&files[0]);
        if n == 0 && !is_alone && !drafts.is_empty() {
            drafts[0].files = files;
            continue;
        }
        let mut draft = Draft {
            files,
            ..Draft::default()
        };
        if is_alone {
            voice::mark(connection.host(), &mut draft).await;
        }
        drafts.push(draft);
    }
    for (key, field) in [("stickerIds", "sticker_ids"), ("poll", "poll")] {
        if let Some(value) = message.extra.get(key) {
            first(&mut drafts).body.insert(field.into(), value.clone());
        }
    }
    if let Some(components) = component::components(connection, &message.buttons, &message.extra).await? {
        if drafts.is_empty() {
            return Err(Error::invalid(
                "discord: a message with buttons has a text; give it one",
            ));
        }
        let last = drafts.len() - 1;
        drafts[last].body.insert("components".into(), components);
    }
    if !message.reply_to.trim().is_empty()
        && let Some(first) = drafts.first_mut()
    {
        let id = super::target::snowflake(&message.reply_to)?;
        let reference = json!({ "message_id": id, "fail_if_not_exists": false });
        first.body.insert("message_reference".into(), reference);
    }
    let mentions = allowed_mentions(connection);
    for (n, draft) in drafts.iter_mut().enumerate() {
        finish(connection, message, draft, n);
        draft.body.insert("allowed_mentions".into(), mentions.clone());
    }
    Ok(drafts)
}

/// A text as Discord shows it, cut into messages.
pub(super) fn texts(connection: &Connection, text: &str) -> Vec<String> {
    let config = &connection.config;
    let limit = config.text_chunk_limit.map_or(split::LIMIT, |limit| {
        usize::try_from(limit)
            .unwrap_or(split::LIMIT)
            .clamp(1, split::LIMIT)
    });
    let lines = config
        .max_lines_per_message
        .and_then(|lines| lines.try_into().ok());
    split::split(&rendered(connection, text), limit, lines.unwrap_or(LINES))
}

/// A text as Discord shows it.
pub(super) fn rendered(connection: &Connection, text: &str) -> String {
    let config = &connection.config;
    let tables = config.markdown.as_ref().and_then(|markdown| markdown.tables);
    render::render(text, tables.unwrap_or(TableMode::Code), &config.mention_aliases)
}

/// Who may be called by a message: the people it names, and the roles that the operator listed; never everybody.
pub(crate) fn allowed_mentions(connection: &Connection) -> Value {
    let aliases = connection.config.mention_aliases.values();
    let roles: Vec<_> = aliases.filter_map(render::role).take(MAX_ROLES).collect();
    match roles.is_empty() {
        true => json!({ "parse": ["users"], "replied_user": true }),
        false => json!({ "parse": ["users"], "roles": roles, "replied_user": true }),
    }
}

/// Flags of every message of this account.
pub(crate) fn flags(connection: &Connection, extra: &Map<String, Value>) -> u64 {
    let own = extra.get("suppressEmbeds").and_then(Value::as_bool);
    match own.or(connection.config.suppress_embeds) {
        Some(false) => 0,
        _ => SUPPRESS_EMBEDS,
    }
}

/// The same for every try of the same part, and for nothing else. 24 of the 25 characters that Discord allows.
pub(super) fn nonce(account: &str, key: &str, part: usize) -> String {
    let hash = Sha256::new()
        .chain_update(account)
        .chain_update([0])
        .chain_update(key)
        .chain_update([0])
        .chain_update(part.to_string())
        .finalize();
    hash.iter().take(12).map(|byte| format!("{byte:02x}")).collect()
}

fn finish(connection: &Connection, message: &Outbound, draft: &mut Draft, part: usize) {
    let mut flags = flags(connection, &message.extra);
    if message.silent {
        flags |= SILENT;
    }
    if draft.body.get("attachments").is_some() {
        // A voice message is nothing else.
        flags = flags & !SUPPRESS_EMBEDS | VOICE;
    }
    if flags != 0 {
        draft.body.insert("flags".into(), flags.into());
    }
    if !message.idempotency_key.is_empty() {
        draft.nonce = nonce(&connection.id, &message.idempotency_key, part);
        draft.body.insert("nonce".into(), draft.nonce.clone().into());
        draft.body.insert("enforce_nonce".into(), true.into());
    }
}

fn first(drafts: &mut Vec<Draft>) -> &mut Draft {
    if drafts.is_empty() {
        drafts.push(Draft::default());
    }
    &mut drafts[0]
}

/// The files by message. A voice message carries one.
fn groups(files: &[MediaRef], is_voice: bool) -> Vec<Vec<MediaRef>> {
    let mut groups: Vec<Vec<MediaRef>> = Vec::new();
    for file in files {
        let alone = |file: &MediaRef| is_voice && voice::fits(file);
        match groups.last_mut() {
            Some(group) if group.len() < MAX_FILES && !alone(file) && !alone(&group[0]) => {
                group.push(file.clone())
            }
            _ => groups.push(vec![file.clone()]),
        }
    }
    groups
}

/// The name of a file as people see it.
pub(super) fn file_name(file: &MediaRef) -> String {
    if !file.file_name.is_empty() {
        return file.file_name.clone();
    }
    let subtype = file.mime_type.split(['/', ';', '+']).nth(1).unwrap_or("bin");
    format!("file.{subtype}")
}
