//! Permissions: what somebody may do in a server or a channel, worked out from roles and overwrites as Discord does.
use super::{call, people::timestamp};
use crate::{
    account::Connection,
    rest::{Request, Route},
};
use openclaw_plugin_api::Result;
use serde_json::Value;
use std::time::SystemTime;

/// A permission that an action looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Permission {
    KickMembers,
    BanMembers,
    ManageChannels,
    ViewChannel,
    ManageMessages,
    ManageRoles,
    ManageEvents,
    ModerateMembers,
    CreateExpressions,
    PinMessages,
}

/// A set of permissions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Permissions {
    bits: u64,
    /// The place of the highest role, by which Discord ranks people.
    pub(super) rank: i64,
}

const ADMINISTRATOR: u64 = 1 << 3;
const EVERYTHING: u64 = u64::MAX;
/// Length of `2026-02-28T12:34:56`.
const SECONDS: usize = 19;
/// What is left to who is timed out: seeing channels and reading what was said.
const TIMED_OUT: u64 = 1 << 10 | 1 << 16;
/// Names by bit, as Discord writes them.
const NAMES: &[(u32, &str)] = &[
    (0, "CREATE_INSTANT_INVITE"),
    (1, "KICK_MEMBERS"),
    (2, "BAN_MEMBERS"),
    (3, "ADMINISTRATOR"),
    (4, "MANAGE_CHANNELS"),
    (5, "MANAGE_GUILD"),
    (6, "ADD_REACTIONS"),
    (7, "VIEW_AUDIT_LOG"),
    (8, "PRIORITY_SPEAKER"),
    (9, "STREAM"),
    (10, "VIEW_CHANNEL"),
    (11, "SEND_MESSAGES"),
    (12, "SEND_TTS_MESSAGES"),
    (13, "MANAGE_MESSAGES"),
    (14, "EMBED_LINKS"),
    (15, "ATTACH_FILES"),
    (16, "READ_MESSAGE_HISTORY"),
    (17, "MENTION_EVERYONE"),
    (18, "USE_EXTERNAL_EMOJIS"),
    (20, "CONNECT"),
    (21, "SPEAK"),
    (22, "MUTE_MEMBERS"),
    (23, "DEAFEN_MEMBERS"),
    (24, "MOVE_MEMBERS"),
    (25, "USE_VAD"),
    (26, "CHANGE_NICKNAME"),
    (27, "MANAGE_NICKNAMES"),
    (28, "MANAGE_ROLES"),
    (29, "MANAGE_WEBHOOKS"),
    (30, "MANAGE_GUILD_EXPRESSIONS"),
    (31, "USE_APPLICATION_COMMANDS"),
    (33, "MANAGE_EVENTS"),
    (34, "MANAGE_THREADS"),
    (35, "CREATE_PUBLIC_THREADS"),
    (36, "CREATE_PRIVATE_THREADS"),
    (37, "USE_EXTERNAL_STICKERS"),
    (38, "SEND_MESSAGES_IN_THREADS"),
    (40, "MODERATE_MEMBERS"),
    (43, "CREATE_GUILD_EXPRESSIONS"),
    (44, "CREATE_EVENTS"),
    (46, "SEND_VOICE_MESSAGES"),
    (49, "SEND_POLLS"),
    (51, "PIN_MESSAGES"),
];

impl Permission {
    fn bit(self) -> u32 {
        match self {
            Self::KickMembers => 1,
            Self::BanMembers => 2,
            Self::ManageChannels => 4,
            Self::ViewChannel => 10,
            Self::ManageMessages => 13,
            Self::ManageRoles => 28,
            Self::ManageEvents => 33,
            Self::ModerateMembers => 40,
            Self::CreateExpressions => 43,
            Self::PinMessages => 51,
        }
    }

    /// As Discord writes it.
    pub(super) fn name(self) -> &'static str {
        let mut names = NAMES.iter();
        names
            .find(|(bit, _)| *bit == self.bit())
            .map_or("", |(_, name)| name)
    }
}

impl Permissions {
    pub(super) fn has(self, permission: Permission) -> bool {
        self.bits & ADMINISTRATOR != 0 || self.bits & (1 << permission.bit()) != 0
    }

    /// The bits as Discord writes them.
    pub(super) fn raw(self) -> String {
        self.bits.to_string()
    }

    pub(super) fn names(self) -> Vec<&'static str> {
        let held = NAMES.iter().filter(|(bit, _)| self.bits & (1 << bit) != 0);
        held.map(|(_, name)| *name).collect()
    }
}

/// Somebody in a server.
pub(super) struct Member {
    guild: Value,
    member: Value,
    user: String,
}

impl Member {
    /// Asks Discord for them; `NotFound` if they are not in it.
    pub(super) async fn load(connection: &Connection, guild_id: &str, user: &str) -> Result<Self> {
        let guild = call(connection, Request::get(Route::new("guilds/{}", &[guild_id]))).await?;
        let route = Route::new("guilds/{}/members/{}", &[guild_id, user]);
        let member = call(connection, Request::get(route)).await?;
        let user = user.to_owned();
        Ok(Self { guild, member, user })
    }

    /// What they may do in the server; in one of its channels, if one is given.
    pub(super) fn permissions(&self, channel: Option<&Value>) -> Permissions {
        let now = timestamp(SystemTime::now());
        work_out(&self.guild, &self.member, &self.user, channel, &now)
    }
}

/// What a member may do in a server; in one of its channels, if one is given.
pub(super) async fn of_member(
    connection: &Connection,
    guild_id: &str,
    user: &str,
    channel: Option<&Value>,
) -> Result<Permissions> {
    let member = Member::load(connection, guild_id, user).await?;
    Ok(member.permissions(channel))
}

fn work_out(guild: &Value, member: &Value, user: &str, channel: Option<&Value>, now: &str) -> Permissions {
    if guild["owner_id"] == user {
        return Permissions {
            bits: EVERYTHING,
            rank: i64::MAX,
        };
    }
    let everyone = guild["id"].as_str().unwrap_or_default();
    let own: Vec<&str> = member["roles"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let (mut bits, mut rank) = (0, 0);
    for role in guild["roles"].as_array().into_iter().flatten() {
        let id = role["id"].as_str().unwrap_or_default();
        if id == everyone || own.contains(&id) {
            bits |= number(&role["permissions"]);
            rank = rank.max(role["position"].as_i64().unwrap_or(0));
        }
    }
    if bits & ADMINISTRATOR != 0 {
        bits = EVERYTHING;
    } else if let Some(channel) = channel {
        bits = overwritten(bits, channel, everyone, &own, user);
    }
    if bits & ADMINISTRATOR == 0 && is_timed_out(member, now) {
        bits &= TIMED_OUT;
    }
    Permissions { bits, rank }
}

/// Times as Discord writes them, always in UTC: the text orders them up to the second.
fn is_timed_out(member: &Value, now: &str) -> bool {
    let until = member["communication_disabled_until"].as_str();
    until.and_then(|until| until.get(..SECONDS)) > now.get(..SECONDS)
}

/// First those of everybody, then those of roles together, then the person's own.
fn overwritten(mut bits: u64, channel: &Value, everyone: &str, roles: &[&str], user: &str) -> u64 {
    let overwrites = || channel["permission_overwrites"].as_array().into_iter().flatten();
    let id = |overwrite: &Value| overwrite["id"].as_str().unwrap_or_default().to_owned();
    let apply = |bits: u64, chosen: &dyn Fn(&str) -> bool| {
        let (mut allow, mut deny) = (0, 0);
        for overwrite in overwrites().filter(|overwrite| chosen(&id(overwrite))) {
            allow |= number(&overwrite["allow"]);
            deny |= number(&overwrite["deny"]);
        }
        bits & !deny | allow
    };
    bits = apply(bits, &|id| id == everyone);
    bits = apply(bits, &|id| id != everyone && roles.contains(&id));
    apply(bits, &|id| id == user)
}

/// Bits, which Discord writes as a string.
fn number(value: &Value) -> u64 {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .or_else(|| value.as_u64())
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const NOW: &str = "2026-02-28T12:34:56Z";

    #[test]
    fn who_is_timed_out_may_look_and_no_more() {
        let may = (1_u64 << 10 | 1 << 11 | 1 << 13 | 1 << 16).to_string();
        let guild = json!({ "id": "1", "owner_id": "9", "roles": [
            { "id": "1", "permissions": may, "position": 0 }, { "id": "6", "permissions": "8", "position": 7 }
        ] });
        let of = |roles: Value, user: &str, until: Value| {
            let member = json!({ "roles": roles, "communication_disabled_until": until });
            work_out(&guild, &member, user, None, NOW)
        };
        let later = json!("2026-02-28T12:34:57.120000+00:00");
        for over in [Value::Null, json!("2026-02-28T12:34:56.000000+00:00")] {
            assert!(of(json!([]), "7", over).has(Permission::ManageMessages));
        }
        assert_eq!(
            of(json!([]), "7", later.clone()).names(),
            ["VIEW_CHANNEL", "READ_MESSAGE_HISTORY"]
        );
        for (roles, user) in [(json!(["6"]), "7"), (json!([]), "9")] {
            assert!(
                of(roles, user, later.clone()).has(Permission::ManageMessages),
                "{user}"
            );
        }
    }

    #[test]
    fn roles_overwrites_and_owners_count_as_on_discord() {
        let guild = json!({
            "id": "1", "owner_id": "9",
            "roles": [
                { "id": "1", "permissions": "3072", "position": 0 },
                { "id": "5", "permissions": (1 << 4 | 1 << 13).to_string(), "position": 3 },
                { "id": "6", "permissions": "8", "position": 7 }
            ]
        });
        let channel = json!({ "permission_overwrites": [
            { "id": "1", "type": 0, "allow": "0", "deny": "2048" },
            { "id": "5", "type": 0, "allow": "2048", "deny": "1024" },
            { "id": "7", "type": 1, "allow": "1024", "deny": "0" }
        ] });
        let of = |roles: Value, user: &str, channel| {
            work_out(&guild, &json!({ "roles": roles }), user, channel, NOW)
        };
        assert_eq!(
            of(json!([]), "7", None).names(),
            ["VIEW_CHANNEL", "SEND_MESSAGES"]
        );
        assert_eq!(of(json!([]), "8", Some(&channel)).names(), ["VIEW_CHANNEL"]);
        let staff = of(json!(["5"]), "7", Some(&channel));
        assert_eq!(
            staff.names(),
            [
                "MANAGE_CHANNELS",
                "VIEW_CHANNEL",
                "SEND_MESSAGES",
                "MANAGE_MESSAGES"
            ]
        );
        assert!(staff.has(Permission::ManageChannels) && !staff.has(Permission::BanMembers));
        assert_eq!(staff.rank, 3);
        assert!(of(json!(["6"]), "8", Some(&channel)).has(Permission::BanMembers));
        assert_eq!(of(json!([]), "9", Some(&channel)).rank, i64::MAX);
        assert_eq!(Permission::CreateExpressions.name(), "CREATE_GUILD_EXPRESSIONS");
    }
}
