//! `channel/1`: a chat platform. The plugin speaks its wire; who may write, to whom it goes and what is answered is the
//! host's matter.
use crate::{
    Action, Activity, ChannelHost, ChannelStatus, Edit, Error, MessageTarget, Outbound, React, Receipt,
    Registrar, Result,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;
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
    /// Body: [`super::LoginRequest`]; reply: [`super::LoginStep`].
    pub const LOGIN: &str = "channel/1/login";
    /// Body: account id; reply: null.
    pub const LOGOUT: &str = "channel/1/logout";
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
    fn start(&self, account: Account, host: ChannelHost) -> impl Future<Output = Result<()>> + Send;

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

    /// Goes one step further in signing an account in by a code, on platforms where somebody reads one with the app on
    /// their phone ([`ChannelInfo::login`]). An account that is signed in connects by itself, as if it had been started.
    fn login(&self, _request: LoginRequest) -> impl Future<Output = Result<LoginStep>> + Send {
        unsupported("sign in by a code")
    }

    /// Signs an account out and forgets what it was signed in with.
    fn logout(&self, _account_id: String) -> impl Future<Output = Result<()>> + Send {
        unsupported("sign out: its accounts are in the configuration")
    }
}

async fn unsupported<T>(what: &'static str) -> Result<T> {
    Err(Error::unsupported(format_args!("this channel can't {what}")))
}

/// What a platform can do. All false and 4,000 characters by default.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct ChannelInfo {
    /// Name for people; empty means the id.
    pub label: String,
    /// Longest text of one message, in characters as the platform counts them.
    pub text_limit: u32,
    /// Most lines of one message, so that a tall reply becomes several; the operator's `maxLinesPerMessage` goes first. 0:
    /// as many as there are.
    pub line_limit: u32,
    /// Fewest characters of a message that is a part of an answer, where the operator has answers sent in parts and says
    /// no number. 0: the host's own.
    pub part_chars: u32,
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
    /// Chats belong to spaces (guilds, workspaces). A group outside of one is then a message to several people, which
    /// only `dm.groupEnabled` admits.
    pub spaces: bool,
    /// What a thread of a group is called in session keys: `thread` makes `…:group:<chat>:thread:<id>`. Empty means
    /// `thread`. It has no part where a thread is a chat of its own, with [`Chat::parent_id`](crate::Chat).
    pub thread_suffix: String,
    /// What may stand before an id in the operator's lists besides `<channel id>:`, each without the colon.
    pub id_prefixes: Vec<String>,
    /// Replies can refer to a message.
    pub replies: bool,
    /// Commands can be registered with the platform.
    pub native_commands: bool,
    /// A send with the same idempotency key never shows twice.
    pub idempotent_send: bool,
    /// Names for [`Channel::action`].
    pub actions: Vec<String>,
    /// Accounts are signed in by a code: [`Channel::login`] and [`Channel::logout`] are there.
    pub login: bool,
}

/// What is wanted of [`Channel::login`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LoginRequest {
    /// The account.
    pub account_id: String,
    /// Begin again with a new code, also where the account is signed in.
    pub fresh: bool,
    /// The code that people are shown. Empty: answer with the present one at once. Else answer when it has been read, or
    /// another one takes its place.
    pub shown: String,
    /// How long that may take, milliseconds; then answer with things as they are. The host waits a little longer.
    pub wait_ms: u64,
}

/// How far a login is.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LoginStep {
    /// The account is signed in.
    pub connected: bool,
    /// What stands in the code (a QR code), at most 2,000 bytes; empty if there is none to show.
    pub code: String,
    /// For people: what to do next, or what went wrong.
    pub message: String,
}

/// One account of a channel: its configuration with everything inherited and resolved.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Account {
    /// `default` unless the operator named it.
    pub id: String,
    /// `channels.<channel>` with the account's own keys on top.
    pub config: Value,
}

/// Without the configuration, which may hold tokens.
impl std::fmt::Debug for Account {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Account")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

impl Default for ChannelInfo {
    fn default() -> Self {
        Self {
            label: String::new(),
            text_limit: 4000,
            line_limit: 0,
            part_chars: 0,
            edit: false,
            delete: false,
            reactions: false,
            media: false,
            threads: false,
            spaces: false,
            thread_suffix: String::new(),
            id_prefixes: Vec::new(),
            replies: false,
            native_commands: false,
            idempotent_send: false,
            actions: Vec::new(),
            login: false,
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
        ACTION => action, PROBE => probe, LOGIN => login, LOGOUT => logout);
    api.unary(ids::START, C::ID, move |mut account: Account| {
        let (channel, host) = (channel.clone(), host.clone());
        if account.id.is_empty() {
            account.id = "default".into();
        }
        async move { channel.start(account, host).await }
    });
}
