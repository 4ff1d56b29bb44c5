//! What is done on channels besides answering: messages to other chats, reactions, edits, polls, and whatever only one
//! platform can do. For operators and for agents alike; where an agent may do it is decided in `rules`.
//!
//! A message goes through the outbox, so it is neither lost nor sent twice. Everything else is done at once, and under
//! one key once: when nobody knows whether it took effect, it is not repeated.
mod place;
mod rules;

pub use place::{channels, here, usual_account};
pub use rules::{Context, permit};

use super::{Desk, Post, reply::MediaSource};
use crate::{
    journal::{JournalError, Outcome},
    plugins::plugin::Plugin,
    route::Delivery,
};
use openclaw_plugin_api::{
    Action, Button, ChannelInfo, Edit, Error, ErrorKind, MessageTarget, React, Receipt, Result, surface::ids,
};
use serde_json::{Map, Value, json};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};

/// How long the caller waits for a message to arrive before it is told that it is on its way.
const PATIENCE: Duration = Duration::from_secs(10);
/// Files of one message.
const MAX_FILES: usize = 10;
/// Where the journal has what was done under a key.
const DONE: &str = "host:deeds";
/// How long it is remembered.
const REMEMBERED_MS: i64 = 24 * 3_600_000;
/// Longest result that is remembered, bytes.
const MAX_RESULT: usize = 64 << 10;
/// What stands there while it is being done.
const BEGUN: &[u8] = b"null";

/// Actions that change nothing, and may be repeated.
const LOOKS: &[&str] = &[
    "channel-info",
    "channel-list",
    "emoji-list",
    "event-list",
    "list-pins",
    "member-info",
    "permissions",
    "reactions",
    "read",
    "role-info",
    "search",
    "thread-list",
    "voice-status",
];
/// Actions that put a message into a chat through the outbox.
const SENDS: &[&str] = &["send", "reply", "thread-reply", "upload-file", "sendAttachment"];

/// Something to be done.
#[derive(Debug, Clone)]
pub struct Deed {
    /// What.
    pub action: String,
    /// Where. The chat may be empty for actions that have none.
    pub to: Delivery,
    /// With what.
    pub params: Map<String, Value>,
    /// Whose workspace files are in; empty for the default agent's.
    pub agent_id: String,
    /// Who asked for it; empty if nobody did.
    pub sender_id: String,
    /// The operator, or somebody whom he trusts as much, asked for it.
    pub from_owner: bool,
    /// The same for every try.
    pub key: String,
}

impl Deed {
    /// Is it a message?
    pub fn is_message(&self) -> bool {
        SENDS.contains(&self.action.as_str())
    }

    /// Does it change nothing?
    pub fn is_look(&self) -> bool {
        LOOKS.contains(&self.action.as_str())
    }

    fn text(&self, names: &[&str]) -> String {
        let found = names.iter().find_map(|name| match self.params.get(*name)? {
            Value::String(text) => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        });
        found.unwrap_or_default()
    }

    fn flag(&self, name: &str) -> bool {
        self.params
            .get(name)
            .is_some_and(|value| value == true || value == "true")
    }
}

/// Does it.
pub async fn perform(desk: &Arc<Desk>, deed: Deed) -> Result<Value> {
    let plugin = desk.registry.channel(&deed.to.channel)?;
    if deed.is_message() {
        return send(desk, &deed).await;
    }
    if deed.is_look() {
        return act(desk, &plugin, &deed).await;
    }
    let key = format!("{}:{}", deed.to.channel, deed.key);
    let now = desk.clock.now_ms();
    let name = key.clone();
    let before = desk.journal.run(move |j| {
        let free = j.add(DONE, &name, BEGUN, Some(REMEMBERED_MS), now)?;
        if free { Ok(None) } else { j.get(DONE, &name, now) }
    });
    match before.await.map_err(unusable)? {
        None => {}
        Some(result) if result != BEGUN => return Ok(serde_json::from_slice(&result)?),
        Some(_) => {
            return Err(Error::new(
                ErrorKind::Unknown,
                "this was begun before and nobody knows whether it took effect; look before it is tried again",
            ));
        }
    }
    desk.journal.synced().await.map_err(unusable)?;
    let outcome = act(desk, &plugin, &deed).await;
    remember(desk, key, &outcome).await;
    outcome
}

/// What became of messages in the outbox. None: there are none. A message that was refused is a failure; one that is
/// still on its way is not.
pub async fn delivered(desk: &Desk, rows: &[i64]) -> Result<Option<Value>> {
    let (mut ids, mut status) = (Vec::new(), "sent");
    let until = Instant::now() + PATIENCE;
    for row in rows {
        let left = until.saturating_duration_since(Instant::now());
        match desk.outbox.settled(*row, left).await.map_err(unusable)? {
            Some(Outcome::Sent(receipt)) => {
                let receipt: Receipt = serde_json::from_str(&receipt).unwrap_or_default();
                ids.extend(receipt.message_ids);
            }
            Some(Outcome::Failed(why)) => {
                let text = format!("the message was not sent: {why}");
                return Err(Error::new(ErrorKind::Rejected, text));
            }
            Some(Outcome::Unknown(_)) => status = "unknown",
            Some(Outcome::Retry(..) | Outcome::Anew(..)) | None => status = "queued",
        }
    }
    let last = ids.last().cloned();
    Ok((!rows.is_empty()).then(|| json!({ "status": status, "messageId": last, "messageIds": ids })))
}

async fn send(desk: &Desk, deed: &Deed) -> Result<Value> {
    let to = &deed.to;
    if to.chat_id.is_empty() {
        let text = format!(
            "name the chat on {} that the message goes to, as \"target\"",
            to.channel
        );
        return Err(Error::invalid(text));
    }
    let media = sources(&deed.params)?;
    let buttons = match deed.params.get("buttons").filter(|buttons| !buttons.is_null()) {
        None => Vec::new(),
        Some(rows) => serde_json::from_value::<Vec<Vec<Button>>>(rows.clone())
            .map_err(|_| Error::invalid("buttons is a list of rows of {label, value, style}"))?,
    };
    let mut reply_to = deed.text(&["replyTo", "replyToId"]);
    if reply_to.is_empty() && deed.action == "reply" {
        reply_to = deed.text(&["messageId"]);
    }
    let post = Post {
        to: to.clone(),
        text: deed.text(&["message", "text", "content", "caption"]),
        media,
        reply_to,
        silent: deed.flag("silent"),
        voice: deed.flag("asVoice") || deed.flag("audioAsVoice"),
        buttons,
        agent_id: deed.agent_id.clone(),
        key: deed.key.clone(),
    };
    let rows = desk.post(&post).await?;
    let mut answer = delivered(desk, &rows).await?.unwrap_or_else(|| json!({}));
    answer["ok"] = true.into();
    answer["channel"] = json!(to.channel);
    answer["accountId"] = json!(to.account_id);
    answer["to"] = json!(to.chat_id);
    Ok(answer)
}

/// By the platform's own action of that name, else by what every channel may be able to do.
async fn act(desk: &Desk, plugin: &Plugin, deed: &Deed) -> Result<Value> {
    let (channel, info) = (&deed.to.channel, desk.registry.channel_info(&deed.to.channel));
    if !info.actions.contains(&deed.action) {
        return plain(plugin, deed, &info).await;
    }
    let mut params = deed.params.clone();
    files(desk, deed, &mut params).await?;
    if !deed.to.thread_id.is_empty() {
        params
            .entry("threadId")
            .or_insert_with(|| deed.to.thread_id.clone().into());
    }
    let action = Action {
        name: deed.action.clone(),
        account_id: deed.to.account_id.clone(),
        chat_id: deed.to.chat_id.clone(),
        sender_id: deed.sender_id.clone(),
        from_owner: deed.from_owner,
        params,
    };
    plugin.call(ids::channel::ACTION, channel, &action).await
}

async fn plain(plugin: &Plugin, deed: &Deed, info: &ChannelInfo) -> Result<Value> {
    let channel = &deed.to.channel;
    let target = || -> Result<MessageTarget> {
        let message_id = deed.text(&["messageId"]);
        if message_id.is_empty() || deed.to.chat_id.is_empty() {
            return Err(Error::invalid(format_args!(
                "{} needs \"messageId\" and the chat as \"target\"",
                deed.action
            )));
        }
        Ok(MessageTarget {
            account_id: deed.to.account_id.clone(),
            chat_id: deed.to.chat_id.clone(),
            thread_id: deed.to.thread_id.clone(),
            message_id,
        })
    };
    match deed.action.as_str() {
        "edit" if info.edit => {
            let edit = Edit {
                target: target()?,
                text: deed.text(&["message", "text", "content", "caption"]),
                buttons: Vec::new(),
            };
            let done: Receipt = plugin.call(ids::channel::EDIT, channel, &edit).await?;
            Ok(json!({ "ok": true, "messageId": done.message_ids.last() }))
        }
        "delete" | "unsend" if info.delete => {
            plugin
                .call::<Value>(ids::channel::DELETE, channel, &target()?)
                .await?;
            Ok(json!({ "ok": true }))
        }
        "react" if info.reactions => {
            let react = React {
                target: target()?,
                emoji: deed.text(&["emoji"]),
                remove: deed.flag("remove"),
            };
            plugin.call::<Value>(ids::channel::REACT, channel, &react).await?;
            Ok(json!({ "ok": true }))
        }
        other => Err(Error::unsupported(format_args!(
            "{channel} has no action \"{other}\"; it has {}",
            offered(info).join(", ")
        ))),
    }
}

/// Every action of a channel.
pub fn offered(info: &ChannelInfo) -> Vec<String> {
    let plain = [
        ("edit", info.edit),
        ("delete", info.delete),
        ("react", info.reactions),
    ];
    let plain = plain
        .into_iter()
        .filter(|(_, can)| *can)
        .map(|(name, _)| name.to_owned());
    let mut all = vec!["send".to_owned()];
    for name in plain.chain(info.actions.iter().cloned()) {
        if !all.contains(&name) {
            all.push(name);
        }
    }
    all
}

/// Files that the parameters name, into the store; the channel gets references.
async fn files(desk: &Desk, deed: &Deed, params: &mut Map<String, Value>) -> Result<()> {
    let sources = sources(params)?;
    if sources.is_empty() {
        return Ok(());
    }
    let config = desk.config();
    let agents = config.agents();
    let agent = agents
        .get(&deed.agent_id)
        .unwrap_or_else(|| agents.default_agent());
    let workspace = agent.workspace(&desk.paths);
    let mut taken = Vec::new();
    for source in &sources {
        let file = desk
            .enclosures
            .take(source, &workspace, agent.media_max_bytes)
            .await?;
        taken.push(serde_json::to_value(file)?);
    }
    for name in MEDIA {
        params.remove(*name);
    }
    params.insert("media".into(), taken.into());
    Ok(())
}

/// The names by which parameters give files.
const MEDIA: &[&str] = &["media", "mediaUrl", "mediaUrls", "filePath", "path"];

fn sources(params: &Map<String, Value>) -> Result<Vec<MediaSource>> {
    let mut all = Vec::new();
    for name in MEDIA {
        match params.get(*name) {
            None | Some(Value::Null) => {}
            Some(Value::String(text)) => all.extend((!text.is_empty()).then(|| source(text))),
            Some(Value::Array(texts)) if texts.iter().all(Value::is_string) => {
                all.extend(texts.iter().filter_map(Value::as_str).map(source));
            }
            Some(_) => {
                return Err(Error::invalid(format_args!(
                    "{name} is a path or an address, or a list of such"
                )));
            }
        }
    }
    if all.len() > MAX_FILES {
        return Err(Error::invalid(format_args!("at most {MAX_FILES} files")));
    }
    Ok(all)
}

/// A file as somebody writes it.
pub fn source(written: &str) -> MediaSource {
    if written.starts_with("http://") || written.starts_with("https://") {
        MediaSource::Url(written.to_owned())
    } else {
        MediaSource::Path(written.strip_prefix("file://").unwrap_or(written).to_owned())
    }
}

/// What surely took no effect may be tried again under its key.
async fn remember(desk: &Desk, key: String, outcome: &Result<Value>) {
    let harmless = |kind: ErrorKind| {
        matches!(
            kind,
            ErrorKind::InvalidInput
                | ErrorKind::NotFound
                | ErrorKind::Refused
                | ErrorKind::Rejected
                | ErrorKind::Unsupported
                | ErrorKind::Auth
                | ErrorKind::RateLimited
                | ErrorKind::Closed
                | ErrorKind::Overloaded
        )
    };
    let kept = match outcome {
        Ok(result) => {
            let text = result.to_string().into_bytes();
            Some(if text.len() > MAX_RESULT || text == BEGUN {
                br#"{"ok":true}"#.to_vec()
            } else {
                text
            })
        }
        Err(error) if harmless(error.kind()) => None,
        Err(_) => return,
    };
    let now = desk.clock.now_ms();
    let written = desk.journal.run(move |j| match kept {
        Some(kept) => j.put(DONE, &key, &kept, Some(REMEMBERED_MS), now),
        None => j.delete(DONE, &key),
    });
    if let Err(error) = written.await {
        tracing::warn!(target: "openclaw::channels", %error, "the outcome of an action is not kept");
    }
}

fn unusable(error: JournalError) -> Error {
    Error::new(ErrorKind::Overloaded, error)
}
