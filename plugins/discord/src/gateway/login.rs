//! What is asked of Discord before the first connection: who the bot is, what it may hear, where the gateway is.
use super::{close::Remedy, intents::Intents};
use crate::{
    account::{Connection, Me},
    rest::{Request, RestError, Route},
    wire::{Application, User, tolerant::record},
};

/// Where the gateway is, if Discord can't be asked.
pub(crate) const GATEWAY: &str = "wss://gateway.discord.gg";

record! {
    /// Where the gateway is, and how to log in.
    Gateway {
        url: String,
        shards: u64,
        session_start_limit: Option<StartLimit>,
    }
}

record! {
    /// How often a bot may log in.
    StartLimit {
        total: u64,
        remaining: u64,
        reset_after: u64,
        max_concurrency: u64,
    }
}

/// Asks where the gateway is and how often the bot may log in.
pub(crate) async fn gateway(connection: &Connection) -> Result<Gateway, RestError> {
    connection
        .rest
        .call(Request::get(Route::new("gateway/bot", &[])))
        .await
}

/// Asks who the bot is; remembers it, and says which of the privileged intents it lacks.
pub(crate) async fn identify(
    connection: &Connection,
    intents: Intents,
) -> Result<Vec<&'static str>, RestError> {
    let application: Application = connection
        .rest
        .call(Request::get(Route::new("applications/@me", &[])))
        .await?;
    let missing = intents.missing(&application);
    let user = match application.bot.filter(|user| !user.id.is_empty()) {
        Some(user) => user,
        None => {
            connection
                .rest
                .call::<User>(Request::get(Route::new("users/@me", &[])))
                .await?
        }
    };
    if application
        .interactions_endpoint_url
        .is_some_and(|url| !url.is_empty())
    {
        tracing::warn!(
            account = connection.id,
            "the application has an Interactions Endpoint URL, so slash commands and buttons go there and not here; remove \
             it in the Developer Portal (General Information)"
        );
    }
    let configured = connection.config.application_id.as_ref().map(|id| id.0.trim());
    let application_id = configured
        .filter(|id| !id.is_empty())
        .unwrap_or(&application.id)
        .to_owned();
    // A second answer says the same.
    let _ = connection.me.set(Me {
        application_id,
        name: user.tag(),
        user_id: user.id,
    });
    Ok(missing)
}

/// What a bot can't do whose application lacks these intents, and what to do about it.
pub(crate) fn note(connection: &Connection, missing: &[&str]) -> String {
    if missing.is_empty() {
        return String::new();
    }
    let what = match missing.contains(&"Message Content Intent") {
        true => ": it sees the text of messages only where it is mentioned, and in private chats",
        false => "",
    };
    format!(
        "the bot of account {} lacks {}{what}; switch it on in the Developer Portal (Bot, Privileged Gateway Intents) and \
         restart the account",
        connection.id,
        missing.join(" and ")
    )
}

/// What to do about a token that the REST API refuses.
pub(crate) fn refused(connection: &Connection) -> String {
    Remedy::Token.text(&connection.id, &[]).replace("4004", "401")
}
