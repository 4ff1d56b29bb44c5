//! What the agent's message tool can do besides answering.
//!
//! Every action passes the operator's switch first, and those that change other people's things also the permissions of
//! whoever asked. Results are compact JSON with `ok: true`.
mod assets;
mod brief;
mod gate;
mod messages;
mod params;
mod people;
mod permission;
mod places;
mod threads;

pub(crate) use gate::NAMES;

use crate::{
    account::Connection,
    outbound::target,
    rest::{Request, RestError},
};
use gate::Rule;
use openclaw_plugin_api::{Action, Error, Result};
use params::Params;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;

/// An action that was let through.
struct Task<'a> {
    connection: &'a Arc<Connection>,
    action: &'a Action,
    params: Params<'a>,
    rule: &'static Rule,
}

/// Carries out an action.
pub(crate) async fn run(connection: &Arc<Connection>, action: Action) -> Result<Value> {
    let rule = gate::rule(connection, action.name.trim())?;
    let task = Task {
        connection,
        action: &action,
        params: Params::new(&action),
        rule,
    };
    tracing::debug!(account = connection.id, action = rule.name, "action");
    let mut result = match rule.name {
        "send" | "upload-file" | "reply" => messages::send(&task).await,
        "read" => messages::read(&task).await,
        "edit" => messages::edit(&task).await,
        "delete" => messages::delete(&task).await,
        "react" | "unreact" => messages::react(&task).await,
        "reactions" => messages::reactions(&task).await,
        "poll" => messages::poll(&task).await,
        "sticker" => messages::sticker(&task).await,
        "search" => messages::search(&task).await,
        "pin" | "unpin" => messages::pin(&task).await,
        "list-pins" => messages::pins(&task).await,
        "thread-create" => threads::create(&task).await,
        "thread-list" => threads::list(&task).await,
        "thread-reply" => threads::reply(&task).await,
        "permissions" => places::permissions(&task).await,
        "channel-info" => places::info(&task).await,
        "channel-list" => places::list(&task).await,
        "channel-create" | "category-create" => places::create(&task).await,
        "channel-edit" | "category-edit" => places::edit(&task).await,
        "channel-delete" | "category-delete" => places::delete(&task).await,
        "channel-move" => places::shift(&task).await,
        "voice-status" => places::voice(&task).await,
        "event-list" => places::events(&task).await,
        "event-create" => places::event(&task).await,
        "member-info" => people::member(&task).await,
        "role-info" => people::roles(&task).await,
        "role-add" | "role-remove" => people::role(&task).await,
        "timeout" => people::time_out(&task).await,
        "kick" => people::kick(&task).await,
        "ban" => people::ban(&task).await,
        "emoji-list" => assets::emojis(&task).await,
        "emoji-upload" => assets::emoji(&task).await,
        "sticker-upload" => assets::sticker(&task).await,
        "set-presence" => people::presence(&task).await,
        other => Err(Error::unsupported(format_args!(
            "discord has no action \"{other}\""
        ))),
    }?;
    if let Some(result) = result.as_object_mut() {
        result.insert("ok".into(), true.into());
    }
    Ok(result)
}

impl Task<'_> {
    /// The channel that the action is about.
    async fn channel(&self) -> Result<String> {
        let target = self.params.target()?;
        target
            .channel(self.connection)
            .await
            .map_err(RestError::into_error)
    }

    /// The server that the action is about: named, or that of the channel.
    async fn guild(&self) -> Result<String> {
        if let Some(id) = self.params.id("guildId")? {
            return Ok(id);
        }
        let missing = || {
            self.params
                .wrong("guildId", "is missing, and the chat is in no server")
        };
        if self.action.chat_id.is_empty() && self.params.value("channelId").is_none() {
            return Err(missing());
        }
        let channel = self.channel().await?;
        let channel = target::channel_of(self.connection, &channel)
            .await
            .map_err(RestError::into_error)?;
        channel.guild_id.ok_or_else(missing)
    }

    /// The server, once it is known that whoever asked may do this there.
    async fn permitted_guild(&self) -> Result<String> {
        let guild = self.guild().await?;
        gate::check_sender(self.connection, self.rule, self.action, &guild).await?;
        Ok(guild)
    }

    async fn call<T: DeserializeOwned>(&self, request: Request) -> Result<T> {
        call(self.connection, request).await
    }

    async fn done(&self, request: Request) -> Result<Value> {
        self.connection
            .rest
            .done(request)
            .await
            .map_err(RestError::into_error)?;
        Ok(json!({}))
    }

    /// A request with the reason that was given, for the server's audit log.
    fn reasoned(&self, request: Request) -> Result<Request> {
        Ok(match self.params.text("reason")? {
            Some(reason) => request.reason(reason),
            None => request,
        })
    }
}

async fn call<T: DeserializeOwned>(connection: &Connection, request: Request) -> Result<T> {
    connection.rest.call(request).await.map_err(RestError::into_error)
}

#[cfg(test)]
mod tests;
