//! `send`: a message to a chat, by hand. It is on the disk before it is tried; the answer says whether it has arrived
//! yet.
use super::{failed, params};
use crate::{
    agent::{Post, deed},
    app::Gateway,
    gateway::{Caller, Failure, Method, Scope},
    route::Delivery,
};
use serde::Deserialize;
use serde_json::{Value, json};

/// Files of one message.
const MAX_FILES: usize = 10;

/// Parameters of `send`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Params {
    #[serde(default)]
    to: Option<String>,
    #[serde(default)]
    message: String,
    #[serde(default)]
    media_url: Option<String>,
    #[serde(default)]
    media_urls: Vec<String>,
    #[serde(default)]
    as_voice: bool,
    #[serde(default)]
    channel: Option<String>,
    #[serde(default)]
    account_id: Option<String>,
    #[serde(default)]
    thread_id: Option<String>,
    #[serde(default)]
    reply_to_id: Option<String>,
    #[serde(default)]
    silent: bool,
    idempotency_key: String,
}

/// A chat as somebody names it.
#[derive(Debug, Default)]
pub(super) struct Target {
    pub(super) channel: Option<String>,
    pub(super) to: Option<String>,
    pub(super) account_id: Option<String>,
    pub(super) thread_id: Option<String>,
}

pub(super) fn methods() -> Vec<Method> {
    vec![Method::keyed("send", Scope::Write)]
}

/// Sends a message.
pub(super) async fn send(gateway: &Gateway, caller: &Caller, given: Value) -> Result<Value, Failure> {
    let params: Params = params("send", given)?;
    let named = Target {
        channel: params.channel,
        to: params.to,
        account_id: params.account_id,
        thread_id: params.thread_id,
    };
    let to = resolve(gateway, named, None)?;
    let media: Vec<_> = params
        .media_url
        .into_iter()
        .chain(params.media_urls)
        .map(|written| deed::source(&written))
        .collect();
    if media.len() > MAX_FILES {
        return Err(Failure::params("send", format_args!("at most {MAX_FILES} files")));
    }
    let post = Post {
        to: to.clone(),
        text: params.message,
        media,
        reply_to: params.reply_to_id.unwrap_or_default(),
        silent: params.silent,
        voice: params.as_voice,
        buttons: Vec::new(),
        agent_id: String::new(),
        key: outbox_key(caller, &params.idempotency_key),
    };
    let rows = gateway.desk().post(&post).await.map_err(|error| failed(&error))?;
    let mut answer = delivered(gateway, &rows).await?.unwrap_or_default();
    answer["runId"] = json!(params.idempotency_key);
    answer["channel"] = json!(to.channel);
    answer["accountId"] = json!(to.account_id);
    answer["to"] = json!(to.chat_id);
    Ok(answer)
}

/// Under what a client's message stands in the outbox. Keys of two clients are never the same: no name of one has a line's
/// end in it.
pub(super) fn outbox_key(caller: &Caller, key: &str) -> String {
    format!("send-{}\n{key}", caller.principal.subject())
}

/// What became of messages in the outbox. None: there are none.
pub(super) async fn delivered(gateway: &Gateway, rows: &[i64]) -> Result<Option<Value>, Failure> {
    let told = deed::delivered(gateway.desk(), rows).await;
    told.map_err(|error| failed(&error))
}

/// The chat that somebody means. What is not named comes from `route`; one channel alone needs no name.
pub(super) fn resolve(
    gateway: &Gateway,
    named: Target,
    route: Option<Delivery>,
) -> Result<Delivery, Failure> {
    let channels = deed::channels(gateway.desk());
    let (channel, chat) = match named.to.as_deref().and_then(|to| to.split_once(':')) {
        // `chat:123` names its channel
        Some((channel, chat)) if channels.contains(channel) => {
            (Some(channel.to_owned()), Some(chat.to_owned()))
        }
        _ => (None, named.to.clone()),
    };
    let same = |route: &Delivery| match named.channel.as_ref().or(channel.as_ref()) {
        Some(channel) => *channel == route.channel,
        None => true,
    };
    if let (None, Some(route)) = (&chat, route.filter(same)) {
        return Ok(Delivery {
            account_id: named.account_id.unwrap_or(route.account_id),
            thread_id: named.thread_id.unwrap_or(route.thread_id),
            ..route
        });
    }
    let only = || channels.first().filter(|_| channels.len() == 1).cloned();
    let known: Vec<_> = channels.iter().map(String::as_str).collect();
    let channel = named
        .channel
        .or(channel)
        .or_else(only)
        .ok_or_else(|| match known.as_slice() {
            [] => Failure::unavailable("no channel is configured; see `openclaw channels list --all`"),
            several => Failure::invalid(format!("name the channel: {}", several.join(", "))),
        })?;
    if !channels.contains(&channel) {
        let text = format!("unknown channel \"{channel}\"; see `openclaw channels list --all`");
        return Err(Failure::invalid(text));
    }
    let chat_id = chat
        .filter(|chat| !chat.is_empty())
        .ok_or_else(|| Failure::invalid(format!("name the chat on {channel} that the message goes to")))?;
    Ok(Delivery {
        account_id: named.account_id.unwrap_or_else(|| account(gateway, &channel)),
        channel,
        chat_id,
        thread_id: named.thread_id.unwrap_or_default(),
    })
}

/// The account of whoever names none.
fn account(gateway: &Gateway, channel: &str) -> String {
    let accounts = super::channels::accounts(gateway, channel);
    let usual = accounts.iter().find(|id| *id == "default").or(accounts.first());
    usual.cloned().unwrap_or_else(|| "default".to_owned())
}
