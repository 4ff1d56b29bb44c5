//! `channel/1`: a chat platform. The plugin speaks its wire; who may write, to whom it goes and what is answered is the
//! host's matter.
use crate::{ChannelHost, Error, MediaRef, Registrar, Result};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::{future::Future, sync::Arc};

/// Method ids. Target: channel id.
pub mod ids {
    /// Body: [`super::Account`]; reply: null.
    pub const START: &str = "channel/1/start";
    /// Body: account id; reply: null.
    pub const STOP: &str = "channel/1/stop";
    /// Body: [`super::Outbound`]; reply: [`super::Receipt`].
    pub const SEND: &str = "channel/1/send";
    /// Body: [`super::Edit`]; reply: [`super::Receipt`].
    pub const EDIT: &str = "channel/1/edit";
    /// Body: [`super::MessageTarget`]; reply: null.
    pub const DELETE: &str = "channel/1/delete";
    /// Body: [`super::React`]; reply: null.
    pub const REACT: &str = "channel/1/react";
    /// Body: [`super::Activity`]; reply: null.
    pub const ACTIVITY: &str = "channel/1/activity";
    /// Body: [`super::Action`]; reply: any JSON.
    pub const ACTION: &str = "channel/1/action";
    /// Body: account id; reply: [`super::ChannelStatus`].
    pub const PROBE: &str = "channel/1/probe";
}

/// A chat platform.
///
/// `start` gets a [`ChannelHost`] with which events go to the host. An event counts as handed over when
/// [`ChannelHost::inbound`] has returned: only then may the platform be told "got it".
pub trait Channel: Send + Sync + 'static {
    /// Id in `channels.<id>` of the configuration.
    const ID: &'static str;

    /// What the platform can do.
    fn info(&self) -> ChannelInfo {
        ChannelInfo::default()
    }

    /// Connects one account and returns when that is on its way; the work goes on in tasks of the host. A second
    /// start of the same account replaces the first.
    fn start(&self, account: Account, host: ChannelHost)
    -> impl Future<Output = Result<()>> + Send;

    /// Disconnects one account.
    fn stop(&self, _account_id: String) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Delivers one message. Called again with the same idempotency key when the outcome of the first try is unknown.
    fn send(&self, message: Outbound) -> impl Future<Output = Result<Receipt>> + Send;

    /// Replaces the text of a message that was sent.
    fn edit(&self, _edit: Edit) -> impl Future<Output = Result<Receipt>> + Send {
        unsupported("edit messages")
    }

    /// Deletes a message.
    fn delete(&self, _target: MessageTarget) -> impl Future<Output = Result<()>> + Send {
        unsupported("delete messages")
    }

    /// Adds or removes a reaction.
    fn react(&self, _react: React) -> impl Future<Output = Result<()>> + Send {
        unsupported("react to messages")
    }

    /// Shows that the agent is typing. Called every few seconds as long as it is; best effort.
    fn activity(&self, _activity: Activity) -> impl Future<Output = Result<()>> + Send {
        async { Ok(()) }
    }

    /// Something only this platform can do, by name.
    fn action(&self, action: Action) -> impl Future<Output = Result<Value>> + Send {
        async move {
            Err(Error::unsupported(format_args!(
                "this channel has no action \"{}\"",
                action.name
            )))
        }
    }

    /// Asks the platform how an account is doing.
    fn probe(&self, _account_id: String) -> impl Future<Output = Result<ChannelStatus>> + Send {
        async { Ok(ChannelStatus::default()) }
    }
}

async fn unsupported<T>(what: &'static str) -> Result<T> {
    Err(Error::unsupported(format_args!(
        "this channel can't {what}"
    )))
}

/// What a platform can do. All false and 4,000 characters by default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ChannelInfo {
    /// Name for people; empty means the id.
    pub label: String,
    /// Longest text of one message, in characters as the platform counts them.
    pub text_limit: u32,
    /// Messages can be edited, so a reply can be shown while it is written.
    pub edit: bool,
    /// Messages can be deleted.
    pub delete: bool,
    /// Reactions can be set.
    pub reactions: bool,
    /// Files can be sent.
    pub media: bool,
    /// Chats have threads or topics.
    pub threads: bool,
    /// Replies can refer to a message.
    pub replies: bool,
    /// Commands can be registered with the platform.
    pub native_commands: bool,
    /// A send with the same idempotency key never shows twice.
    pub idempotent_send: bool,
    /// Names for [`Channel::action`].
    pub actions: Vec<String>,
}

/// One account of a channel: its configuration with everything inherited and resolved.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Account {
    /// `default` unless the operator named it.
    pub id: String,
    /// `channels.<channel>` with the account's own keys on top.
    pub config: Value,
}

/// What happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum InboundKind {
    /// A new message.
    #[default]
    Message,
    /// A message was changed.
    Edit,
    /// A message was deleted.
    Delete,
    /// A reaction was set or removed.
    Reaction,
    /// A button or menu was used.
    Button,
    /// A command of the platform's own interface.
    Command,
    /// Somebody joined or left.
    Membership,
    /// A call.
    Call,
    /// Something of a later version; recorded and dropped.
    #[serde(other)]
    Unknown,
}

/// Where a message belongs.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChatKind {
    /// One person.
    #[default]
    Direct,
    /// Some people.
    Group,
    /// A room of a larger place (guild, workspace).
    Channel,
}

/// One event of a platform. Ids are the platform's stable ones, never names.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Inbound {
    /// The platform's id of the event, unique in the account: a second one with the same id has no effect.
    pub event_id: String,
    /// What happened.
    pub kind: InboundKind,
    /// Account that received it.
    pub account_id: String,
    /// Where.
    pub chat: Chat,
    /// Who.
    pub sender: Sender,
    /// Id of the message that was written, changed, reacted to or whose button was used.
    pub message_id: String,
    /// Its text, as Markdown where the platform has formatting.
    pub text: String,
    /// The agent was addressed: by mention, or by a reply to it.
    pub mentioned: bool,
    /// The message that this one refers to.
    pub reply_to: Option<Quoted>,
    /// Files, already in the host's store.
    pub attachments: Vec<MediaRef>,
    /// For [`InboundKind::Reaction`]: the emoji.
    pub emoji: String,
    /// For [`InboundKind::Reaction`] and [`InboundKind::Membership`]: removed or left.
    pub removed: bool,
    /// For [`InboundKind::Button`]: what the button carries. For [`InboundKind::Command`]: its name.
    pub value: String,
    /// For [`InboundKind::Command`]: its options by name.
    pub options: Map<String, Value>,
    /// When it happened, milliseconds since 1970. 0: unknown.
    pub timestamp_ms: u64,
    /// Anything else that templates and logs may use. Never instructions.
    pub extra: Map<String, Value>,
}

/// Where a message belongs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Chat {
    /// The chat's id.
    pub id: String,
    /// What sort of chat.
    pub kind: ChatKind,
    /// Title for people; untrusted.
    pub title: String,
    /// Thread or topic in it; empty if none.
    pub thread_id: String,
    /// The chat that a thread hangs on; empty if none.
    pub parent_id: String,
    /// Guild, team or workspace; empty if none.
    pub space_id: String,
}

/// Who wrote.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Sender {
    /// Stable id. Empty means unknown, and never matches an allowlist.
    pub id: String,
    /// Display name; untrusted.
    pub name: String,
    /// Handle; may change hands, so never an identity.
    pub username: String,
    /// A program, not a person.
    pub is_bot: bool,
    /// Role ids in this place.
    pub roles: Vec<String>,
}

/// A message that another one refers to.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Quoted {
    /// Its id.
    pub message_id: String,
    /// Its text or the quoted part; untrusted.
    pub text: String,
    /// Who wrote it.
    pub sender_id: String,
    /// It is the agent's own.
    pub from_self: bool,
}

/// One message to deliver.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Outbound {
    /// The same for every try of the same message. Use the platform's own mechanism where it has one.
    pub idempotency_key: String,
    /// Account that sends.
    pub account_id: String,
    /// Chat.
    pub chat_id: String,
    /// Thread or topic; empty if none.
    pub thread_id: String,
    /// Markdown, within [`ChannelInfo::text_limit`].
    pub text: String,
    /// Message to refer to; empty if none.
    pub reply_to: String,
    /// Files from the host's store.
    pub attachments: Vec<MediaRef>,
    /// Deliver without a sound.
    pub silent: bool,
    /// Buttons and other platform-independent components, row by row.
    pub buttons: Vec<Vec<Button>>,
    /// What only this channel understands.
    pub extra: Map<String, Value>,
}

/// One button under a message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Button {
    /// What people see.
    pub label: String,
    /// What comes back in [`Inbound::value`].
    pub value: String,
    /// `primary`, `danger` or empty.
    pub style: String,
}

/// What was delivered.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Receipt {
    /// Ids of the messages that it became, in order.
    pub message_ids: Vec<String>,
}

/// A message that exists.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MessageTarget {
    /// Account.
    pub account_id: String,
    /// Chat.
    pub chat_id: String,
    /// Thread or topic; empty if none.
    pub thread_id: String,
    /// Message.
    pub message_id: String,
}

/// A new text for a message.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Edit {
    /// Which message.
    pub target: MessageTarget,
    /// Its new text, Markdown.
    pub text: String,
    /// Its new buttons.
    pub buttons: Vec<Vec<Button>>,
}

/// A reaction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct React {
    /// Which message.
    pub target: MessageTarget,
    /// Unicode emoji or the platform's own notation.
    pub emoji: String,
    /// Take it away instead.
    pub remove: bool,
}

/// The agent is busy in a chat.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Activity {
    /// Account.
    pub account_id: String,
    /// Chat.
    pub chat_id: String,
    /// Thread or topic; empty if none.
    pub thread_id: String,
}

/// Something only one platform can do.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Action {
    /// One of [`ChannelInfo::actions`].
    pub name: String,
    /// Account.
    pub account_id: String,
    /// Chat, where the action has one.
    pub chat_id: String,
    /// JSON object.
    pub params: Map<String, Value>,
}

/// How an account is doing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ChannelStatus {
    /// Account.
    pub account_id: String,
    /// Connected, or about to be.
    pub state: ChannelState,
    /// Who the bot is, for people.
    pub identity: String,
    /// What is wrong and what to do; empty when nothing is.
    pub problem: String,
    /// Whatever the platform has to show (shards, latency, limits).
    pub details: Map<String, Value>,
}

/// How an account is doing, in a word.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum ChannelState {
    /// Not started, or stopped.
    #[default]
    Stopped,
    /// Trying.
    Connecting,
    /// Messages flow.
    Connected,
    /// Broken for now; it tries again by itself.
    Degraded,
    /// Broken until somebody changes something.
    Failed,
}

impl Default for ChannelInfo {
    fn default() -> Self {
        Self {
            label: String::new(),
            text_limit: 4000,
            edit: false,
            delete: false,
            reactions: false,
            media: false,
            threads: false,
            replies: false,
            native_commands: false,
            idempotent_send: false,
            actions: Vec::new(),
        }
    }
}

pub(crate) fn channel_register<C: Channel>(api: &mut Registrar, channel: C) {
    api.declare("channel/1", C::ID, &channel.info());
    let channel = Arc::new(channel);
    let host = api.host().channel(C::ID);
    /// One line for each method: the id and the trait's function behind it.
    macro_rules! serve {
        ($($id:ident => $method:ident),+ $(,)?) => {$(
            let target = channel.clone();
            api.unary(ids::$id, C::ID, move |body| {
                let channel = target.clone();
                async move { channel.$method(body).await }
            });
        )+};
    }
    serve!(STOP => stop, SEND => send, EDIT => edit, DELETE => delete, REACT => react, ACTIVITY => activity,
        ACTION => action, PROBE => probe);
    api.unary(ids::START, C::ID, move |mut account: Account| {
        let (channel, host) = (channel.clone(), host.clone());
        if account.id.is_empty() {
            account.id = "default".into();
        }
        async move { channel.start(account, host).await }
    });
}
