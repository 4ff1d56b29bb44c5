//! Actions on servers and channels.
use super::{
    Task, brief, gate,
    permission::{self, Permission},
};
use crate::rest::{Request, Route};
use openclaw_plugin_api::Result;
use serde_json::{Map, Value, json};

/// A category.
const CATEGORY: u64 = 4;
/// An event outside of Discord.
const EXTERNAL: u64 = 3;
/// Only people of the server see an event.
const GUILD_ONLY: u64 = 2;

pub(super) async fn info(task: &Task<'_>) -> Result<Value> {
    let channel: Value = task
        .call(Request::get(Route::channel(&task.channel().await?)))
        .await?;
    Ok(json!({ "channel": brief::channel(&channel) }))
}

pub(super) async fn list(task: &Task<'_>) -> Result<Value> {
    let guild = task.guild().await?;
    let channels: Vec<_> = visible(task, &guild).await?.iter().map(brief::channel).collect();
    Ok(json!({ "guildId": guild, "channels": channels }))
}

/// The channels of a server that whoever asked may see: the bot may see more.
async fn visible(task: &Task<'_>, guild: &str) -> Result<Vec<Value>> {
    let mut channels: Vec<Value> = task
        .call(Request::get(Route::new("guilds/{}/channels", &[guild])))
        .await?;
    if !task.action.from_owner {
        let asker = gate::asker(task.connection, task.rule, task.action, guild).await?;
        channels.retain(|channel| asker.permissions(Some(channel)).has(Permission::ViewChannel));
    }
    Ok(channels)
}

/// May whoever asked do this in the channel or thread? In a private chat there are no permissions.
pub(super) async fn check_held(task: &Task<'_>, channel: &str, needed: Permission) -> Result<()> {
    if task.action.from_owner {
        return Ok(());
    }
    let channel: Value = task.call(Request::get(Route::channel(channel))).await?;
    let Some(guild) = channel["guild_id"].as_str().map(str::to_owned) else {
        return Ok(());
    };
    let channel = with_permissions(task, channel).await?;
    gate::check_held(
        task.connection,
        task.rule,
        task.action,
        needed,
        (&guild, Some(&channel)),
    )
    .await
}

/// What the bot, or somebody, may do in a channel.
pub(super) async fn permissions(task: &Task<'_>) -> Result<Value> {
    let channel: Value = task
        .call(Request::get(Route::channel(&task.channel().await?)))
        .await?;
    let Some(guild) = channel["guild_id"].as_str() else {
        return Err(task
            .params
            .wrong("channelId", "is in no server, so there are no permissions"));
    };
    let user = task
        .params
        .id("userId")?
        .unwrap_or_else(|| task.connection.user_id().to_owned());
    let place = with_permissions(task, channel.clone()).await?;
    let held = permission::of_member(task.connection, guild, &user, Some(&place)).await?;
    Ok(json!({ "channelId": channel["id"], "userId": user, "raw": held.raw(), "permissions": held.names() }))
}

/// The channel that has the permissions of a channel or thread: a thread has those of its channel.
pub(super) async fn with_permissions(task: &Task<'_>, channel: Value) -> Result<Value> {
    match (channel["type"].as_u64(), channel["parent_id"].as_str()) {
        (Some(10..=12), Some(parent)) => task.call(Request::get(Route::channel(parent))).await,
        _ => Ok(channel),
    }
}

pub(super) async fn create(task: &Task<'_>) -> Result<Value> {
    let guild = task.permitted_guild().await?;
    let mut body = settings(task)?;
    body.insert("name".into(), task.params.need_text("name")?.into());
    let kind = match task.rule.name {
        "category-create" => CATEGORY,
        _ => kind(task)?,
    };
    body.insert("type".into(), kind.into());
    let request = Request::post(Route::new("guilds/{}/channels", &[&guild])).json(Value::Object(body));
    let channel: Value = task.call(task.reasoned(request)?).await?;
    Ok(json!({ "channel": brief::channel(&channel) }))
}

pub(super) async fn edit(task: &Task<'_>) -> Result<Value> {
    let id = subject(task).await?;
    let mut body = settings(task)?;
    if let Some(name) = task.params.text("name")? {
        body.insert("name".into(), name.into());
    }
    for key in ["archived", "locked"] {
        if task.params.value(key).is_some() {
            body.insert(key.into(), task.params.flag(key)?.into());
        }
    }
    if body.is_empty() {
        return Err(task.params.wrong(
            "name",
            "is missing, and so is everything else that could be changed",
        ));
    }
    let request = Request::patch(Route::channel(&id)).json(Value::Object(body));
    let channel: Value = task.call(task.reasoned(request)?).await?;
    Ok(json!({ "channel": brief::channel(&channel) }))
}

pub(super) async fn delete(task: &Task<'_>) -> Result<Value> {
    let id = subject(task).await?;
    task.done(task.reasoned(Request::delete(Route::channel(&id)))?)
        .await?;
    Ok(json!({ "channelId": id }))
}

pub(super) async fn shift(task: &Task<'_>) -> Result<Value> {
    let id = task.params.need_id("channelId")?;
    let guild = task.permitted_guild().await?;
    let mut item = json!({ "id": id });
    if let Some(position) = task.params.number("position", 0..=1_000)? {
        item["position"] = position.into();
    }
    match task.params.text("parentId")? {
        Some("none") => item["parent_id"] = Value::Null,
        Some(_) => item["parent_id"] = task.params.need_id("parentId")?.into(),
        None => {}
    }
    if item.get("position").is_none() && item.get("parent_id").is_none() {
        return Err(task
            .params
            .wrong("position", "is missing, and so is parentId; give one of them"));
    }
    let request = Request::patch(Route::new("guilds/{}/channels", &[&guild])).json(json!([item]));
    task.done(task.reasoned(request)?).await?;
    Ok(json!({ "channelId": id }))
}

pub(super) async fn voice(task: &Task<'_>) -> Result<Value> {
    let (guild, user) = (task.guild().await?, task.params.need_id("userId")?);
    let route = Route::new("guilds/{}/voice-states/{}", &[&guild, &user]);
    match task.connection.rest.call::<Value>(Request::get(route)).await {
        Ok(state) => {
            if let Some(channel) = state["channel_id"].as_str() {
                check_held(task, channel, Permission::ViewChannel).await?;
            }
            let keys = [
                ("channel_id", "channelId"),
                ("mute", "mute"),
                ("deaf", "deaf"),
                ("self_mute", "selfMute"),
                ("self_deaf", "selfDeaf"),
                ("self_stream", "streaming"),
                ("self_video", "video"),
            ];
            Ok(json!({ "connected": !state["channel_id"].is_null(), "state": brief::pick(&state, &keys) }))
        }
        Err(error) if error.is_gone() => Ok(json!({ "connected": false })),
        Err(error) => Err(error.into_error()),
    }
}

pub(super) async fn events(task: &Task<'_>) -> Result<Value> {
    let guild = task.guild().await?;
    let route = Route::new("guilds/{}/scheduled-events", &[&guild]);
    let mut events: Vec<Value> = task
        .call(Request::get(route).query("with_user_count", true))
        .await?;
    if !task.action.from_owner {
        let channels = visible(task, &guild).await?;
        let is_shown = |id: &Value| id.is_null() || channels.iter().any(|channel| channel["id"] == *id);
        events.retain(|event| is_shown(&event["channel_id"]));
    }
    let events: Vec<_> = events.iter().map(brief_event).collect();
    Ok(json!({ "events": events }))
}

pub(super) async fn event(task: &Task<'_>) -> Result<Value> {
    let guild = task.permitted_guild().await?;
    let mut body = json!({
        "name": task.params.need_text("name")?, "privacy_level": GUILD_ONLY,
        "scheduled_start_time": task.params.need_text("startTime")?,
    });
    if let Some(description) = task.params.text("description")? {
        body["description"] = description.into();
    }
    if let Some(end) = task.params.text("endTime")? {
        body["scheduled_end_time"] = end.into();
    }
    match (task.params.id("channelId")?, task.params.text("location")?) {
        (_, Some(location)) => {
            task.params.need_text("endTime")?;
            body["entity_type"] = EXTERNAL.into();
            body["entity_metadata"] = json!({ "location": location });
        }
        (Some(channel), None) => {
            let place: Value = task.call(Request::get(Route::channel(&channel))).await?;
            // A stage, or a voice channel.
            body["entity_type"] = if place["type"] == 13 { 1 } else { 2 }.into();
            body["channel_id"] = channel.into();
        }
        (None, None) => {
            return Err(task
                .params
                .wrong("location", "is missing, and so is channelId; give one of them"));
        }
    }
    let request = Request::post(Route::new("guilds/{}/scheduled-events", &[&guild])).json(body);
    let event: Value = task.call(task.reasoned(request)?).await?;
    Ok(json!({ "event": brief_event(&event) }))
}

fn brief_event(event: &Value) -> Value {
    let keys = [
        ("id", "id"),
        ("name", "name"),
        ("description", "description"),
        ("scheduled_start_time", "startTime"),
        ("scheduled_end_time", "endTime"),
        ("channel_id", "channelId"),
        ("user_count", "interested"),
    ];
    let mut brief = brief::pick(event, &keys);
    if let Some(location) = event
        .pointer("/entity_metadata/location")
        .filter(|location| !location.is_null())
    {
        brief.insert("location".into(), location.clone());
    }
    Value::Object(brief)
}

/// The channel or category to be changed, once it is known that whoever asked may do that in its own server.
async fn subject(task: &Task<'_>) -> Result<String> {
    let id = match task.params.id("categoryId")? {
        Some(id) => id,
        None => task.params.need_id("channelId")?,
    };
    // The server of the channel counts, and not one that was named beside it.
    let channel: Value = task.call(Request::get(Route::channel(&id))).await?;
    let Some(guild) = channel["guild_id"].as_str() else {
        return Err(task.params.wrong("channelId", "is in no server"));
    };
    gate::check_sender(task.connection, task.rule, task.action, guild).await?;
    Ok(id)
}

/// What can be set of a channel.
fn settings(task: &Task<'_>) -> Result<Map<String, Value>> {
    let mut body = Map::new();
    if let Some(topic) = task.params.text("topic")? {
        body.insert("topic".into(), topic.into());
    }
    match task.params.text("parentId")? {
        Some("none") => drop(body.insert("parent_id".into(), Value::Null)),
        Some(_) => drop(body.insert("parent_id".into(), task.params.need_id("parentId")?.into())),
        None => {}
    }
    if let Some(position) = task.params.number("position", 0..=1_000)? {
        body.insert("position".into(), position.into());
    }
    if task.params.value("nsfw").is_some() {
        body.insert("nsfw".into(), task.params.flag("nsfw")?.into());
    }
    if let Some(seconds) = task.params.number("rateLimitPerUser", 0..=21_600)? {
        body.insert("rate_limit_per_user".into(), seconds.into());
    }
    Ok(body)
}

/// The type of a new channel: a name, or Discord's number.
fn kind(task: &Task<'_>) -> Result<u64> {
    let wrong = || {
        task.params.wrong(
            "type",
            "is text, voice, category, announcement, stage, forum or media",
        )
    };
    match task.params.value("type") {
        None => Ok(0),
        Some(Value::String(name)) => match name.as_str() {
            "text" => Ok(0),
            "voice" => Ok(2),
            "category" => Ok(CATEGORY),
            "announcement" => Ok(5),
            "stage" => Ok(13),
            "forum" => Ok(15),
            "media" => Ok(16),
            _ => Err(wrong()),
        },
        Some(number) => number
            .as_u64()
            .filter(|kind| matches!(kind, 0 | 2 | 4 | 5 | 13 | 15 | 16))
            .ok_or_else(wrong),
    }
}
