//! `message`: messages to chats, and what else a channel can do. What may be done where is decided in `agent::deed`.
use super::{Bench, HostTool};
use crate::{
    agent::{
        CLIENTS,
        deed::{self, Context, Deed},
    },
    gateway::random::uuid,
};
use openclaw_plugin_api::{Error, Result, ToolOrigin, ToolOutput};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

/// Most actions that an answer names.
const MAX_NAMES: usize = 80;

pub(super) struct MessageTool;

/// What is to be done. Platforms have parameters of their own besides.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub(super) struct Args {
    /// send, poll, react, reactions, read, edit, delete, pin, unpin, list-pins, search, thread-create, …; "actions" lists
    /// those of a channel.
    action: String,
    /// Channel. Default: the one of this conversation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("type" = "string"))]
    channel: Option<String>,
    /// Chat: its id, or user:<id> for a person. Default: the chat of this conversation.
    #[serde(default)]
    #[schemars(extend("type" = "string"))]
    target: Option<String>,
    /// The text, Markdown.
    #[serde(default)]
    #[schemars(extend("type" = "string"))]
    message: Option<String>,
    /// A file to send: a path in the workspace, or a public address.
    #[serde(default)]
    #[schemars(extend("type" = "string"))]
    media: Option<String>,
    /// Message that it answers.
    #[serde(default)]
    #[schemars(extend("type" = "string"))]
    reply_to: Option<String>,
    /// Thread or topic of the chat.
    #[serde(default)]
    #[schemars(extend("type" = "string"))]
    thread_id: Option<String>,
    /// Message that an action is about.
    #[serde(default)]
    #[schemars(extend("type" = "string"))]
    message_id: Option<String>,
    /// Emoji of a reaction.
    #[serde(default)]
    #[schemars(extend("type" = "string"))]
    emoji: Option<String>,
    /// Parameters of other actions, such as pollQuestion, pollOption, limit, query, threadName.
    #[serde(flatten)]
    rest: Map<String, Value>,
}

impl HostTool for MessageTool {
    const NAME: &'static str = "message";
    const DESCRIPTION: &'static str = "Sends messages to chats and does what else channels can do: polls, reactions, \
                                       reading, editing, deleting, pinning. Not for the answer to this conversation: \
                                       that is what you write.";
    type Args = Args;

    async fn invoke(&self, args: Args, origin: ToolOrigin, bench: Bench) -> Result<ToolOutput> {
        let desk = bench.desk;
        let action = args.action.trim().to_owned();
        if action.is_empty() {
            return Err(Error::invalid("message needs an \"action\", such as send"));
        }
        let here = deed::here(&desk, &origin)
            .await
            .filter(|here| here.channel != CLIENTS);
        let mut params = args.params();
        let to = Deed::place(&desk, &mut params, here.as_ref())?;
        if action == "actions" {
            let mut names = deed::offered(&desk.registry.channel_info(&to.channel));
            names.truncate(MAX_NAMES);
            return Ok(ToolOutput::json(
                serde_json::json!({ "channel": to.channel, "actions": names }),
            ));
        }
        let key = params.remove("idempotencyKey");
        let key = key.as_ref().and_then(Value::as_str).filter(|key| !key.is_empty());
        let mut deed = Deed {
            action,
            to,
            params,
            agent_id: origin.agent_id.clone(),
            sender_id: origin.sender_id.clone(),
            from_owner: origin.sender_is_owner,
            key: match key {
                // a model's key is one only within its conversation
                Some(key) => format!("message-{}-{key}", origin.session_key),
                None => format!("message-{}", uuid()),
            },
        };
        let context = Context {
            here: here.as_ref(),
            owner: origin.sender_is_owner,
        };
        deed::permit(&desk.config(), &context, &mut deed)?;
        Ok(ToolOutput::json(deed::perform(&desk, deed).await?))
    }
}

impl Args {
    /// All of them by name.
    fn params(self) -> Map<String, Value> {
        let mut params = self.rest;
        let named = [
            ("channel", self.channel),
            ("target", self.target),
            ("message", self.message),
            ("media", self.media),
            ("replyTo", self.reply_to),
            ("threadId", self.thread_id),
            ("messageId", self.message_id),
            ("emoji", self.emoji),
        ];
        for (name, value) in named {
            if let Some(value) = value {
                params.insert(name.to_owned(), value.into());
            }
        }
        params
    }
}
