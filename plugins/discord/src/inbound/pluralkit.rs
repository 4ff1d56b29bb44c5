//! PluralKit: a bot that posts, through webhooks, what its members write. Who it was is asked of its service.
use crate::{
    account::Connection,
    config::Token,
    wire::{Message, Read, tolerant::record},
};
use openclaw_plugin_api::Result;
use std::time::Duration;

/// Where it is asked.
const SERVICE: &str = "https://api.pluralkit.me/v2/messages";
/// How long it may take.
const DEADLINE: Duration = Duration::from_secs(5);
/// Longest answer, bytes.
const MAX_ANSWER: usize = 256 << 10;

/// Who wrote a message that a webhook posted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Proxied {
    /// The member's id.
    pub(crate) member: String,
    pub(crate) name: String,
    pub(crate) system: String,
}

record! {
    /// Its answer.
    Answer {
        member: Option<Named>,
        system: Option<Named>,
    }
}

record! {
    /// A member or a system.
    Named {
        id: String,
        name: String,
        display_name: Option<String>,
    }
}

/// Who wrote the message, if it is one of PluralKit's and the operator wants to know.
pub(super) async fn proxied(connection: &Connection, message: &Message) -> Option<Proxied> {
    let config = connection.config.pluralkit.as_ref()?;
    if config.enabled != Some(true) || message.webhook_id.is_none() {
        return None;
    }
    let token = match &config.token {
        Token::Value(token) => Some(token.expose()),
        Token::Missing | Token::Unresolved => None,
    };
    let asked = connection
        .host()
        .timeout(DEADLINE, ask(connection, &message.id, token))
        .await;
    match asked.and_then(|answer| answer) {
        Ok(answer) => answer.and_then(known),
        Err(error) => {
            tracing::warn!(account = connection.id, %error, "PluralKit does not say who wrote a message; it counts as a bot's");
            None
        }
    }
}

async fn ask(connection: &Connection, message: &str, token: Option<&str>) -> Result<Option<Answer>> {
    let mut request = connection
        .host()
        .http()
        .get(format!("{SERVICE}/{message}"))
        .timeout(DEADLINE)
        .redirects(0);
    if let Some(token) = token {
        request = request.header("authorization", token);
    }
    let answer = request.send().await?;
    if answer.status() == 404 {
        return Ok(None);
    }
    let body = answer.error_for_status().await?.bytes_up_to(MAX_ANSWER).await?;
    Ok(Answer::read(serde_json::from_slice(&body)?))
}

fn known(answer: Answer) -> Option<Proxied> {
    let member = answer.member.filter(|member| !member.id.is_empty())?;
    let display = member.display_name.filter(|name| !name.is_empty());
    Some(Proxied {
        name: display.unwrap_or(member.name),
        member: member.id,
        system: answer.system.map(|system| system.id).unwrap_or_default(),
    })
}
