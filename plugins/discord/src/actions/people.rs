//! Actions on people: who they are, their roles, and moderation.
use super::{Task, brief, gate, permission};
use crate::rest::{Request, Route};
use openclaw_plugin_api::{Error, ErrorKind, Result};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

/// Longest time-out, minutes: 28 days.
const MAX_TIME_OUT: u64 = 40_320;
/// Messages are deleted that many days back at most.
const MAX_DELETE_DAYS: u64 = 7;
const DAY: u64 = 86_400;
/// Types of activities by number.
const ACTIVITIES: [&str; 6] = [
    "playing",
    "streaming",
    "listening",
    "watching",
    "custom",
    "competing",
];
/// A text of its own.
const CUSTOM: u64 = 4;
/// Longest text of an activity, characters.
const MAX_ACTIVITY: usize = 128;

pub(super) async fn member(task: &Task<'_>) -> Result<Value> {
    let (guild, user) = (task.guild().await?, task.params.need_id("userId")?);
    let route = Route::new("guilds/{}/members/{}", &[&guild, &user]);
    let member: Value = task.call(Request::get(route)).await?;
    let keys = [
        ("nick", "nick"),
        ("roles", "roles"),
        ("joined_at", "joinedAt"),
        ("communication_disabled_until", "timedOutUntil"),
    ];
    let mut brief = brief::pick(&member, &keys);
    brief.insert("user".into(), brief::user(&member["user"]));
    Ok(json!({ "guildId": guild, "member": brief }))
}

pub(super) async fn roles(task: &Task<'_>) -> Result<Value> {
    let guild = task.guild().await?;
    let roles: Vec<Value> = task
        .call(Request::get(Route::new("guilds/{}/roles", &[&guild])))
        .await?;
    let wanted = task.params.id("roleId")?;
    let keys = [
        ("id", "id"),
        ("name", "name"),
        ("position", "position"),
        ("color", "color"),
        ("permissions", "permissions"),
        ("managed", "managed"),
        ("mentionable", "mentionable"),
    ];
    let is_wanted = |role: &&Value| wanted.as_deref().is_none_or(|wanted| role["id"] == wanted);
    let found: Vec<_> = roles
        .iter()
        .filter(is_wanted)
        .map(|role| brief::pick(role, &keys))
        .collect();
    match (wanted, found.is_empty()) {
        (Some(_), true) => Err(task.params.wrong("roleId", "is no role of this server")),
        _ => Ok(json!({ "guildId": guild, "roles": found })),
    }
}

pub(super) async fn role(task: &Task<'_>) -> Result<Value> {
    let guild = task.permitted_guild().await?;
    let (user, role) = (task.params.need_id("userId")?, task.params.need_id("roleId")?);
    if !task.action.from_owner {
        let roles: Vec<Value> = task
            .call(Request::get(Route::new("guilds/{}/roles", &[&guild])))
            .await?;
        let place = roles.iter().find(|known| known["id"] == role.as_str());
        let place = place
            .and_then(|role| role["position"].as_i64())
            .unwrap_or(i64::MAX);
        must_rank_above(task, &guild, place).await?;
    }
    let route = Route::new("guilds/{}/members/{}/roles/{}", &[&guild, &user, &role]);
    let request = match task.rule.name {
        "role-add" => Request::put(route),
        _ => Request::delete(route),
    };
    task.done(task.reasoned(request)?).await?;
    Ok(json!({ "userId": user, "roleId": role }))
}

pub(super) async fn time_out(task: &Task<'_>) -> Result<Value> {
    let (guild, user) = subject(task).await?;
    let minutes = task
        .params
        .number("durationMin", 0..=MAX_TIME_OUT)?
        .ok_or_else(|| task.params.wrong("durationMin", "is missing; 0 ends a time-out"))?;
    let until = match minutes {
        0 => Value::Null,
        minutes => timestamp(SystemTime::now() + Duration::from_secs(minutes * 60)).into(),
    };
    let request = Request::patch(Route::new("guilds/{}/members/{}", &[&guild, &user]));
    let request = request.json(json!({ "communication_disabled_until": until }));
    task.done(task.reasoned(request)?).await?;
    Ok(json!({ "userId": user, "until": until }))
}

pub(super) async fn kick(task: &Task<'_>) -> Result<Value> {
    let (guild, user) = subject(task).await?;
    let request = Request::delete(Route::new("guilds/{}/members/{}", &[&guild, &user]));
    task.done(task.reasoned(request)?).await?;
    Ok(json!({ "userId": user }))
}

pub(super) async fn ban(task: &Task<'_>) -> Result<Value> {
    let (guild, user) = subject(task).await?;
    let days = task
        .params
        .number("deleteDays", 0..=MAX_DELETE_DAYS)?
        .unwrap_or(0);
    let request = Request::put(Route::new("guilds/{}/bans/{}", &[&guild, &user]));
    let request = request.json(json!({ "delete_message_seconds": days * DAY }));
    task.done(task.reasoned(request)?).await?;
    Ok(json!({ "userId": user }))
}

/// What the bot is shown to be doing, until the next start.
pub(super) async fn presence(task: &Task<'_>) -> Result<Value> {
    let params = &task.params;
    let status = params.text("status")?.unwrap_or("online");
    if !["online", "idle", "dnd", "invisible"].contains(&status) {
        return Err(params.wrong("status", "is online, idle, dnd or invisible"));
    }
    let kind = match params.text("activityType").ok().flatten() {
        Some(word) => match ACTIVITIES.iter().position(|name| *name == word) {
            Some(kind) => kind as u64,
            None => params.number("activityType", 0..=5)?.unwrap_or(CUSTOM),
        },
        None => params.number("activityType", 0..=5)?.unwrap_or(CUSTOM),
    };
    let text = params
        .text("activityName")?
        .or(params.text("activity")?)
        .or(params.text("activityState")?);
    let text = text.map(|text| text.chars().take(MAX_ACTIVITY).collect::<String>());
    let activity = text.map(|text| match kind {
        CUSTOM => json!({ "name": "Custom Status", "type": kind, "state": text }),
        _ => json!({ "name": text, "type": kind }),
    });
    let mut activities: Vec<_> = activity.into_iter().collect();
    if let (Some(activity), Some(url)) = (activities.first_mut(), params.text("activityUrl")?) {
        activity["url"] = url.into();
    }
    let presence = json!({ "since": null, "activities": activities, "status": status, "afk": false });
    task.connection.presence.set(presence);
    Ok(json!({ "status": status }))
}

/// The server and the person that moderation is about; whoever asked has to rank above them.
async fn subject(task: &Task<'_>) -> Result<(String, String)> {
    let user = task.params.need_id("userId")?;
    let guild = task.permitted_guild().await?;
    if !task.action.from_owner {
        match permission::of_member(task.connection, &guild, &user, None).await {
            Ok(held) => must_rank_above(task, &guild, held.rank).await?,
            // Who has left can still be banned.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok((guild, user))
}

/// Discord looks at the bot's rank only, so the rank of whoever asked is looked at here.
async fn must_rank_above(task: &Task<'_>, guild: &str, rank: i64) -> Result<()> {
    gate::check_sender(task.connection, task.rule, task.action, guild).await?;
    let held = permission::of_member(task.connection, guild, &task.action.sender_id, None).await?;
    if held.rank > rank {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Refused,
        format_args!(
            "discord {}: who asked ranks no higher than that; ask somebody who does",
            task.rule.name
        ),
    ))
}

/// `2026-02-28T12:34:56Z`
pub(super) fn timestamp(time: SystemTime) -> String {
    let seconds = time
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap_or_default()
        .as_secs();
    let (days, rest) = (seconds / DAY, seconds % DAY);
    // Days from the first of March of year 0, in eras of 400 years.
    let shifted = days + 719_468;
    let (era, of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_discord_reads_them() {
        for (seconds, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_772_281_845, "2026-02-28T12:30:45Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            assert_eq!(
                timestamp(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)),
                expected
            );
        }
    }
}
