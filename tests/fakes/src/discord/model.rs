//! Objects as Discord sends them. Ids are texts, and times end with `+00:00`.
use super::{Bot, Call, State};
use serde_json::{Map, Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// The first millisecond of Discord.
const EPOCH_MS: u64 = 1_420_070_400_000;
/// Bits of an id below its time.
const TIME_SHIFT: u32 = 22;
/// All permissions that the fake's bots have: everything but administration.
const PERMISSIONS: &str = "2248473465835073";
/// `MESSAGE_CONTENT` and its privileged kin, as flags of an application: limited, for fewer than 100 guilds.
pub(super) const LIMITED_FLAGS: [(u64, u64); 3] = [(1 << 8, 1 << 13), (1 << 1, 1 << 15), (1 << 15, 1 << 19)];

/// A text as an id.
pub(super) fn id_of(value: &Value) -> u64 {
    value.as_str().and_then(|id| id.parse().ok()).unwrap_or_default()
}

/// The time as Discord writes it.
pub(super) fn now() -> String {
    jiff::Timestamp::now()
        .strftime("%Y-%m-%dT%H:%M:%S%.6f+00:00")
        .to_string()
}

/// The first part of a token.
pub(super) fn base64(id: u64) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let text = id.to_string();
    let mut out = String::new();
    for chunk in text.as_bytes().chunks(3) {
        let bits = chunk
            .iter()
            .fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            let index = bits >> (18 - 6 * place) & 63;
            out.push(char::from(ALPHABET[index as usize]));
        }
    }
    out
}

/// Somebody with an account.
pub(super) fn user(id: u64, name: &str) -> Value {
    json!({
        "id": id.to_string(), "username": name.to_lowercase(), "global_name": name, "discriminator": "0",
        "avatar": null, "public_flags": 0, "flags": 0, "primary_guild": null, "bot": false, "system": false,
    })
}

pub(super) fn bot_user(id: u64, name: &str) -> Value {
    let mut user = user(id, name);
    user["bot"] = true.into();
    user["global_name"] = Value::Null;
    user["discriminator"] = "1234".into();
    user
}

/// The bot as it sees itself.
pub(super) fn me(bot: &Bot) -> Value {
    let mut me = bot_user(bot.id, &bot.name);
    merge(
        &mut me,
        json!({ "mfa_enabled": false, "locale": "en-US", "premium_type": 0, "email": null, "verified": true }),
    );
    me
}

pub(super) fn application(bot: &Bot, forbidden: u64) -> Value {
    let flags: u64 = LIMITED_FLAGS
        .iter()
        .filter(|(intent, _)| forbidden & intent == 0)
        .map(|(_, flag)| flag)
        .sum();
    json!({
        "id": bot.id.to_string(), "name": bot.name, "icon": null, "description": "", "type": null,
        "verify_key": "00", "flags": flags, "flags_new": flags.to_string(), "max_participants": null, "tags": [],
        "bot_public": true, "bot_require_code_grant": false, "bot": bot_user(bot.id, &bot.name), "summary": "",
        "owner": user(1, "Owner"), "team": null, "approximate_guild_count": 1,
        "approximate_user_install_count": 0, "approximate_user_authorization_count": 0,
        "redirect_uris": [], "interactions_endpoint_url": null, "role_connections_verification_url": null,
        "explicit_content_filter": 0, "integration_types_config": {}, "eligible_oauth2_scopes": [],
    })
}

pub(super) fn role(id: u64, name: &str, bot: Option<u64>) -> Value {
    let tags = bot.map(|bot| json!({ "bot_id": bot.to_string() }));
    let mut role = json!({
        "id": id.to_string(), "name": name, "description": null, "permissions": PERMISSIONS, "position": 1,
        "color": 0, "colors": { "primary_color": 0, "secondary_color": null, "tertiary_color": null },
        "hoist": false, "managed": bot.is_some(), "mentionable": true, "icon": null, "unicode_emoji": null, "flags": 0,
    });
    if let Some(tags) = tags {
        role["tags"] = tags;
    }
    role
}

/// A member; its user is in `user`.
pub(super) fn member(user: Value, roles: &[u64]) -> Value {
    let roles: Vec<_> = roles.iter().map(u64::to_string).collect();
    json!({
        "user": user, "nick": null, "avatar": null, "banner": null, "roles": roles, "joined_at": now(),
        "premium_since": null, "deaf": false, "mute": false, "flags": 0, "pending": false,
        "communication_disabled_until": null,
    })
}

pub(super) fn guild(id: u64, name: &str) -> Value {
    json!({
        "id": id.to_string(), "name": name, "icon": null, "description": null, "home_header": null, "splash": null,
        "discovery_splash": null, "features": [], "banner": null, "owner_id": "1", "application_id": null,
        "region": "automatic", "afk_channel_id": null, "afk_timeout": 300, "system_channel_id": null,
        "system_channel_flags": 0, "widget_enabled": false, "widget_channel_id": null, "verification_level": 0,
        "roles": [role(id, "@everyone", None)], "default_message_notifications": 0, "mfa_level": 0,
        "explicit_content_filter": 0, "max_presences": null, "max_members": 500_000,
        "max_stage_video_channel_users": 50, "max_video_channel_users": 25, "vanity_url_code": null,
        "premium_tier": 0, "premium_subscription_count": 0, "preferred_locale": "en-US", "rules_channel_id": null,
        "safety_alerts_channel_id": null, "public_updates_channel_id": null, "premium_progress_bar_enabled": false,
        "nsfw": false, "nsfw_level": 0, "emojis": [], "stickers": [], "incidents_data": null,
    })
}

pub(super) fn guild_channel(id: u64, guild: u64, name: &str, kind: u8, position: usize) -> Value {
    let mut channel = json!({
        "id": id.to_string(), "type": kind, "flags": 0, "guild_id": guild.to_string(), "name": name,
        "parent_id": null, "position": position, "permission_overwrites": [], "nsfw": false,
        "rate_limit_per_user": 0, "topic": null, "last_message_id": null, "permissions": PERMISSIONS,
    });
    if matches!(kind, 15 | 16) {
        merge(
            &mut channel,
            json!({ "available_tags": [], "default_reaction_emoji": null, "default_sort_order": null, "default_forum_layout": 0 }),
        );
    }
    channel
}

pub(super) fn thread(id: u64, parent: &Value, name: &str, kind: u8, owner: u64) -> Value {
    json!({
        "id": id.to_string(), "type": kind, "flags": 0, "guild_id": parent["guild_id"], "name": name,
        "parent_id": parent["id"], "owner_id": owner.to_string(), "last_message_id": null,
        "rate_limit_per_user": 0, "permissions": PERMISSIONS, "message_count": 0, "member_count": 1,
        "total_message_sent": 0,
        "thread_metadata": {
            "archived": false, "archive_timestamp": now(), "auto_archive_duration": 1440, "locked": false,
            "create_timestamp": now(),
        },
    })
}

/// A private channel: kind 1 with one other, kind 3 with several.
pub(super) fn private_channel(id: u64, kind: u8, recipients: Vec<Value>) -> Value {
    json!({ "id": id.to_string(), "type": kind, "flags": 0, "last_message_id": null, "recipients": recipients })
}

/// A message with nothing but a text in it.
pub(super) fn message(id: u64, channel: u64, author: &Value, content: &str) -> Value {
    json!({
        "id": id.to_string(), "channel_id": channel.to_string(), "author": author, "content": content,
        "timestamp": now(), "edited_timestamp": null, "tts": false, "mention_everyone": false, "mentions": [],
        "mention_roles": [], "attachments": [], "embeds": [], "pinned": false, "type": 0, "flags": 0,
        "components": [],
    })
}

/// Puts the fields of one object into another.
pub(super) fn merge(into: &mut Value, from: Value) {
    if let (Value::Object(into), Value::Object(from)) = (into, from) {
        into.extend(from);
    }
}

/// Fields of an object that a body may change.
pub(super) fn pick(body: &Value, fields: &[&str]) -> Value {
    let found = fields
        .iter()
        .filter_map(|field| Some(((*field).to_owned(), body.get(*field)?.clone())));
    Value::Object(found.collect::<Map<_, _>>())
}

impl Call {
    /// One parameter of the query.
    pub fn query(&self, name: &str) -> Option<&str> {
        let found = self.query.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }
}

impl State {
    /// The next id: its time is now, and it is larger than all before.
    pub(super) fn new_id(&mut self) -> u64 {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .map_or(0, |time| time.as_millis());
        let now = u64::try_from(now).unwrap_or_default().saturating_sub(EPOCH_MS);
        self.last_id = (now << TIME_SHIFT).max(self.last_id + 1);
        self.last_id
    }
}
