//! `chat.*`: what a chat client needs of a conversation. Its messages take the way of a channel's messages.
mod abort;
mod files;
mod history;
mod inject;
mod metadata;
mod send;

pub(super) use abort::{abort, stop};
pub(super) use files::{Attachment, keep as keep_files};
pub(super) use history::{get as message, history, startup, whose};
pub(super) use inject::inject;
pub(super) use metadata::{list_commands, metadata};
pub(super) use send::{OWNER, Wanted, begin, client, send, sessions_send};

use crate::gateway::{Method, Scope};
use serde_json::{Map, Value, json};

/// What `hello-ok` tells of limits. There is one owner: all of his clients see all of his conversations.
pub(super) fn policy() -> Map<String, Value> {
    let attachments = json!({ "maxBytes": files::MAX_BYTES, "maxImageBytes": files::MAX_IMAGE });
    Map::from_iter([
        ("attachments".to_owned(), attachments),
        ("allowedSessionVisibilities".to_owned(), json!(["shared"])),
        ("hasMultipleSessionSharingIdentities".to_owned(), json!(false)),
    ])
}

pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("chat.history", Scope::Read).with::<history::Params>(),
        Method::new("chat.startup", Scope::Read).with::<history::Params>(),
        Method::new("chat.metadata", Scope::Read),
        Method::new("chat.message.get", Scope::Read).with::<history::One>(),
        Method::new("chat.send", Scope::Write).with::<send::Params>(),
        Method::new("chat.abort", Scope::Write),
        Method::new("chat.inject", Scope::Admin),
        Method::new("commands.list", Scope::Read),
    ]
}
