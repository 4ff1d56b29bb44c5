//! What an action needs: a key of `actions` that is on, and for those that change other people's things somebody who may.
use super::permission::{Member, Permission};
use crate::{account::Connection, config::Actions};
use openclaw_plugin_api::{Action, Error, ErrorKind, Result};
use serde_json::Value;

/// One action: its name, the key that switches it, and what who asks for it must be allowed on Discord.
#[derive(Debug, Clone, Copy)]
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) key: &'static str,
    is_on: fn(&Actions) -> Option<bool>,
    is_default: bool,
    /// None: whoever may talk to the agent; what it shows is what
    /// they may see themselves.
    pub(super) needs: Option<Permission>,
}

macro_rules! rules {
    ($($name:literal => $key:literal $field:ident $default:literal $(needs $needs:ident)?;)*) => {
        /// All actions.
        pub(super) const RULES: &[Rule] = &[$(Rule {
            name: $name,
            key: $key,
            is_on: |actions| actions.$field,
            is_default: $default,
            needs: rules!(@needs $($needs)?),
        }),*];

        /// Their names.
        pub(crate) const NAMES: &[&str] = &[$($name),*];
    };
    (@needs) => { None };
    (@needs $needs:ident) => { Some(Permission::$needs) };
}

rules! {
    "send" => "messages" messages true;
    "upload-file" => "messages" messages true;
    "reply" => "messages" messages true;
    "read" => "messages" messages true;
    "edit" => "messages" messages true;
    "delete" => "messages" messages true;
    "react" => "reactions" reactions true;
    "unreact" => "reactions" reactions true;
    "reactions" => "reactions" reactions true;
    "emoji-list" => "reactions" reactions true;
    "poll" => "polls" polls true;
    "sticker" => "stickers" stickers true;
    "search" => "search" search true;
    "pin" => "pins" pins true;
    "unpin" => "pins" pins true;
    "list-pins" => "pins" pins true;
    "thread-create" => "threads" threads true;
    "thread-list" => "threads" threads true;
    "thread-reply" => "threads" threads true;
    "permissions" => "permissions" permissions true;
    "member-info" => "memberInfo" member_info true;
    "role-info" => "roleInfo" role_info true;
    "channel-info" => "channelInfo" channel_info true;
    "channel-list" => "channelInfo" channel_info true;
    "voice-status" => "voiceStatus" voice_status true;
    "event-list" => "events" events true;
    "event-create" => "events" events true needs ManageEvents;
    "emoji-upload" => "emojiUploads" emoji_uploads true needs CreateExpressions;
    "sticker-upload" => "stickerUploads" sticker_uploads true needs CreateExpressions;
    "channel-create" => "channels" channels true needs ManageChannels;
    "channel-edit" => "channels" channels true needs ManageChannels;
    "channel-delete" => "channels" channels true needs ManageChannels;
    "channel-move" => "channels" channels true needs ManageChannels;
    "category-create" => "channels" channels true needs ManageChannels;
    "category-edit" => "channels" channels true needs ManageChannels;
    "category-delete" => "channels" channels true needs ManageChannels;
    "role-add" => "roles" roles false needs ManageRoles;
    "role-remove" => "roles" roles false needs ManageRoles;
    "timeout" => "moderation" moderation false needs ModerateMembers;
    "kick" => "moderation" moderation false needs KickMembers;
    "ban" => "moderation" moderation false needs BanMembers;
    "set-presence" => "presence" presence false;
}

/// The rule of an action, if the operator has it on.
pub(super) fn rule(connection: &Connection, name: &str) -> Result<&'static Rule> {
    let rule = RULES.iter().find(|rule| rule.name == name).ok_or_else(|| {
        Error::unsupported(format_args!(
            "discord has no action \"{}\"; use one of {}",
            name.chars().take(40).collect::<String>(),
            NAMES.join(", ")
        ))
    })?;
    let set = connection.config.actions.as_ref().and_then(rule.is_on);
    if set.unwrap_or(rule.is_default) {
        return Ok(rule);
    }
    Err(Error::new(
        ErrorKind::Refused,
        format_args!(
            "discord {name} is switched off; to allow it set channels.discord.actions.{} to true",
            rule.key
        ),
    ))
}

/// May whoever asked for it do this themselves? The model has no say in who that is.
pub(super) async fn check_sender(
    connection: &Connection,
    rule: &Rule,
    action: &Action,
    guild: &str,
) -> Result<()> {
    match rule.needs {
        Some(needed) => check_held(connection, rule, action, needed, (guild, None)).await,
        None => Ok(()),
    }
}

/// The same of one permission; in a channel of the server, if one is given.
pub(super) async fn check_held(
    connection: &Connection,
    rule: &Rule,
    action: &Action,
    needed: Permission,
    (guild, channel): (&str, Option<&Value>),
) -> Result<()> {
    if action.from_owner {
        return Ok(());
    }
    let asker = asker(connection, rule, action, guild).await?;
    if asker.permissions(channel).has(needed) {
        return Ok(());
    }
    Err(refused(
        rule,
        &format!("who asked lacks the permission {}", needed.name()),
    ))
}

/// Whoever asked for it, as a member of the server.
pub(super) async fn asker(
    connection: &Connection,
    rule: &Rule,
    action: &Action,
    guild: &str,
) -> Result<Member> {
    let user = action.sender_id.trim();
    if user.is_empty() {
        return Err(refused(rule, "nobody who is known asked for it"));
    }
    match Member::load(connection, guild, user).await {
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Err(refused(rule, "who asked is not in that server"))
        }
        loaded => loaded,
    }
}

fn refused(rule: &Rule, why: &str) -> Error {
    Error::new(
        ErrorKind::Refused,
        format_args!("discord {}: {why}; ask somebody who has it", rule.name),
    )
}
