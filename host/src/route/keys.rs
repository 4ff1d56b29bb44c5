//! Session keys. They are known to people and programs outside, so their form is fixed; all are lower-case.
//!
//! Threads: one that the platform treats as a part of a chat (`threadId`) has the chat's key with `:thread:<id>`
//! behind it, where `thread` is the channel's own word for groups (`ChannelInfo::thread_suffix`). One that the platform
//! treats as a chat of its own (`parentId`) has a key like any chat, and its parent's key as parent.
use crate::config::DmScope;
use openclaw_plugin_api::{ChannelInfo, Chat, ChatKind, Inbound};
use std::collections::BTreeMap;

/// The word for threads where the channel has no other.
const THREAD: &str = "thread";

/// What threads of groups are called in keys.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ThreadWord(String);

/// What keys are made of besides the event.
#[derive(Debug)]
pub(super) struct Keys<'a> {
    pub(super) agent: &'a str,
    pub(super) channel: &'a str,
    pub(super) account: &'a str,
    pub(super) word: &'a ThreadWord,
    pub(super) dm_scope: DmScope,
    /// Groups are in the main conversation.
    pub(super) shares_groups: bool,
    pub(super) links: &'a BTreeMap<String, Vec<String>>,
}

/// The key of an agent's main conversation.
pub fn main_key(agent: &str) -> String {
    format!("agent:{agent}:main").to_lowercase()
}

/// The person of a private chat: the sender, or the chat where the platform has one id for both.
pub(super) fn person(event: &Inbound) -> &str {
    let sender = event.sender.id.trim();
    if sender.is_empty() { &event.chat.id } else { sender }
}

impl ThreadWord {
    /// The channel's word.
    pub fn of(info: &ChannelInfo) -> Self {
        let word = info.thread_suffix.trim();
        Self(if word.is_empty() { THREAD } else { word }.to_owned())
    }

    /// What stands behind the chat's id or key for the thread; empty without one.
    pub(super) fn suffix(&self, chat: &Chat) -> String {
        let word = match chat.kind {
            ChatKind::Direct => THREAD,
            ChatKind::Group | ChatKind::Channel => &self.0,
        };
        if chat.thread_id.is_empty() {
            String::new()
        } else {
            format!(":{word}:{}", chat.thread_id)
        }
    }
}

impl Keys<'_> {
    /// The key of an event's conversation, and the one that it hangs on.
    pub(super) fn of(&self, event: &Inbound) -> (String, Option<String>) {
        let chat = &event.chat;
        let base = match chat.kind {
            ChatKind::Direct => self.direct(person(event)),
            _ if self.shares_groups => return (main_key(self.agent), None),
            ChatKind::Group => self.shared("group", &chat.id),
            ChatKind::Channel => self.shared("channel", &chat.id),
        };
        let suffix = self.word.suffix(chat);
        if !suffix.is_empty() {
            return (format!("{base}{suffix}").to_lowercase(), Some(base));
        }
        let parent = Some(&chat.parent_id).filter(|id| !id.is_empty() && chat.kind != ChatKind::Direct);
        let sort = if chat.kind == ChatKind::Group {
            "group"
        } else {
            "channel"
        };
        (base, parent.map(|id| self.shared(sort, id)))
    }

    fn shared(&self, sort: &str, id: &str) -> String {
        format!("agent:{}:{}:{sort}:{id}", self.agent, self.channel).to_lowercase()
    }

    fn direct(&self, person: &str) -> String {
        let Self {
            agent,
            channel,
            account,
            ..
        } = self;
        let peer = self.linked(person);
        match self.dm_scope {
            DmScope::Main => return main_key(agent),
            DmScope::PerPeer => format!("agent:{agent}:direct:{peer}"),
            DmScope::PerChannelPeer => format!("agent:{agent}:{channel}:direct:{peer}"),
            DmScope::PerAccountChannelPeer => format!("agent:{agent}:{channel}:{account}:direct:{peer}"),
        }
        .to_lowercase()
    }

    /// The name that `session.identityLinks` has for somebody, else the id.
    fn linked<'a>(&'a self, id: &'a str) -> &'a str {
        let (bare, full) = (id.to_lowercase(), format!("{}:{id}", self.channel).to_lowercase());
        let is_linked = |ids: &Vec<String>| {
            let mut written = ids.iter().map(|id| id.trim().to_lowercase());
            written.any(|written| !written.is_empty() && (written == bare || written == full))
        };
        let name = self
            .links
            .iter()
            .find(|(name, ids)| !name.trim().is_empty() && is_linked(ids));
        name.map_or(id, |(name, _)| name.trim())
    }
}
