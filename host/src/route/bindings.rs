//! How exactly a binding means a place.
use super::{MatchedBy, ThreadWord, kind};
use crate::config::{BindingMatch, PeerConfig, PeerKind};
use openclaw_plugin_api::{ChatKind, Inbound};

/// A place as bindings name it.
#[derive(Debug)]
pub(super) struct Place<'a> {
    /// Lower-case.
    pub(super) channel: &'a str,
    account: &'a str,
    kind: PeerKind,
    /// The person, the chat, or the topic as `<chat>:<word>:<thread>`.
    peer: String,
    /// The chat that a topic or thread hangs on.
    parent: Option<&'a str>,
    space: &'a str,
    roles: &'a [String],
}

impl<'a> Place<'a> {
    pub(super) fn of(channel: &'a str, account: &'a str, event: &'a Inbound, word: &ThreadWord) -> Self {
        let chat = &event.chat;
        let in_topic = chat.kind != ChatKind::Direct && !chat.thread_id.is_empty();
        let peer = match chat.kind {
            ChatKind::Direct => super::keys::person(event).to_owned(),
            _ if in_topic => format!("{}{}", chat.id, word.suffix(chat)),
            _ => chat.id.clone(),
        };
        let above = if in_topic { &chat.id } else { &chat.parent_id };
        Self {
            channel,
            account,
            kind: kind(chat),
            peer,
            parent: Some(above.as_str()).filter(|above| !above.is_empty()),
            space: &chat.space_id,
            roles: &event.sender.roles,
        }
    }

    /// Whether the written id is this one, with or without the channel before it.
    fn is(&self, written: &str, id: &str) -> bool {
        let written = written.trim();
        let bare = match written.split_once(':') {
            Some((prefix, rest)) if prefix.eq_ignore_ascii_case(self.channel) => rest,
            _ => written,
        };
        !id.is_empty() && (written.eq_ignore_ascii_case(id) || bare.eq_ignore_ascii_case(id))
    }
}

/// How exactly a binding means the place; `None` if it doesn't. Everything that the binding sets must hold.
pub(super) fn tier(binding: &BindingMatch, place: &Place<'_>, default_account: &str) -> Option<MatchedBy> {
    if !binding.channel.trim().eq_ignore_ascii_case(place.channel) {
        return None;
    }
    let account = binding.account_id.as_deref().map(str::trim).unwrap_or_default();
    let any_account = account == "*";
    let account = if account.is_empty() {
        default_account
    } else {
        account
    };
    if !any_account && !account.eq_ignore_ascii_case(place.account) {
        return None;
    }
    let space = |written: &Option<String>| {
        written
            .as_deref()
            .map(|id| !id.trim().is_empty() && id.trim() == place.space)
    };
    let (guild, team) = (space(&binding.guild_id), space(&binding.team_id));
    if guild == Some(false) || team == Some(false) {
        return None;
    }
    let has_role = binding.roles.iter().any(|role| place.roles.contains(role));
    if !binding.roles.is_empty() && !has_role {
        return None;
    }
    if let Some(peer) = &binding.peer {
        return of_peer(peer, place);
    }
    Some(match (guild, team) {
        (Some(_), _) if !binding.roles.is_empty() => MatchedBy::GuildRoles,
        (Some(_), _) => MatchedBy::Guild,
        (_, Some(_)) => MatchedBy::Team,
        _ if any_account => MatchedBy::Channel,
        _ => MatchedBy::Account,
    })
}

fn of_peer(peer: &PeerConfig, place: &Place<'_>) -> Option<MatchedBy> {
    // a room of a space is a group to whoever writes bindings by hand
    let direct = |kind| kind == PeerKind::Direct;
    if direct(peer.kind) != direct(place.kind) {
        return None;
    }
    if peer.id.trim() == "*" {
        return Some(MatchedBy::PeerWildcard);
    }
    if place.is(&peer.id, &place.peer) {
        return Some(MatchedBy::Peer);
    }
    let parent = place.parent.is_some_and(|parent| place.is(&peer.id, parent));
    parent.then_some(MatchedBy::PeerParent)
}
