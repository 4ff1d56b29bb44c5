//! The rules of a place: a private chat, a group with its topics, a room of a space.
//!
//! The order is that of the reference: is the chat taken at all, then may this person write there. Whether the agent
//! was addressed is asked later. Lists of people never look at the pairing store outside of private chats.
use super::{Ask, Reason, Refusal, peer, people::slug};
use crate::{
    config::{ChatRule, DmPolicy, GroupPolicy, IdList, PlaceRule, SpaceRule, TopicRule},
    journal::JournalError,
};
use openclaw_plugin_api::{Chat, ChatKind, Inbound};
use std::collections::BTreeMap;

/// What a place says about an event.
#[derive(Debug)]
pub(super) enum Gate {
    /// The sender may write.
    Pass(Pass),
    /// No.
    Refuse(Refusal),
    /// A stranger may ask to be let in.
    Pair,
}

/// On which terms somebody may write.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Pass {
    /// The agent must be addressed.
    pub(super) require_mention: bool,
    /// A list names the sender.
    pub(super) listed: bool,
    /// There is a list of people for this place.
    pub(super) has_list: bool,
}

/// A private chat.
pub(super) fn direct(ask: &Ask<'_>, event: &Inbound) -> Result<Gate, JournalError> {
    let (policy, sender) = (ask.policy, &event.sender);
    let key = |name: &str| format!("channels.{}.{name}", ask.channel);
    let own = [&sender.id, &event.chat.id].map(|id| policy.direct.get(id));
    let own = own
        .into_iter()
        .flatten()
        .next()
        .or_else(|| policy.direct.get("*"));
    let off = |enabled: Option<bool>| enabled == Some(false);
    if off(policy.dm.as_ref().and_then(|dm| dm.enabled)) {
        return Ok(refuse(Reason::DirectOff, key("dm.enabled")));
    }
    if off(own.and_then(|rule| rule.enabled)) {
        return Ok(refuse(
            Reason::DirectOff,
            key(&format!("direct.{}.enabled", sender.id)),
        ));
    }
    let dm_policy = own
        .and_then(|rule| rule.dm_policy)
        .unwrap_or_else(|| policy.dm_policy());
    if dm_policy == DmPolicy::Disabled {
        return Ok(refuse(Reason::DirectOff, key("dmPolicy")));
    }
    if sender.id.trim().is_empty() {
        return Ok(refuse(Reason::UnknownSender, ""));
    }
    let list = own.and_then(|rule| rule.allow_from.as_ref());
    let list = list.unwrap_or_else(|| policy.allow_from());
    let pass = Gate::Pass(Pass {
        require_mention: false,
        listed: true,
        has_list: true,
    });
    if ask.people().admits(list, sender) {
        return Ok(pass);
    }
    match dm_policy {
        DmPolicy::Pairing if ask.paired.is_paired(&peer(ask.channel, event))? => Ok(pass),
        DmPolicy::Pairing => Ok(Gate::Pair),
        _ => Ok(refuse(Reason::SenderNotListed, key("allowFrom"))),
    }
}

/// A group or a room.
pub(super) fn shared(ask: &Ask<'_>, event: &Inbound) -> Gate {
    let spaces = ask.info.spaces || ask.policy.has_spaces();
    let alone = event.chat.space_id.is_empty() && event.chat.kind == ChatKind::Group;
    match spaces {
        true if alone => group_dm(ask, event),
        true => room(ask, event),
        false => group(ask, event),
    }
}

/// A group of a platform without spaces, and its topics.
fn group(ask: &Ask<'_>, event: &Inbound) -> Gate {
    let (policy, chat) = (ask.policy, &event.chat);
    let key = |name: &str| format!("channels.{}.{name}", ask.channel);
    let rule = entry(&policy.groups, &chat.id);
    let in_rule = |name: &str| key(&format!("groups.{}.{name}", rule.map_or("*", |(id, _)| id)));
    let rule = rule.map(|(_, rule)| rule);
    let topic = rule.and_then(|rule: &ChatRule| Some(entry(&rule.topics, &chat.thread_id)?.1));
    let group_policy = topic
        .and_then(|topic: &TopicRule| topic.group_policy)
        .or_else(|| rule.and_then(|rule| rule.group_policy))
        .unwrap_or_else(|| policy.group_policy());
    if group_policy == GroupPolicy::Disabled {
        return refuse(Reason::GroupsOff, key("groupPolicy"));
    }
    if !policy.groups.is_empty() && rule.is_none() {
        return refuse(Reason::ChatNotListed, key(&format!("groups.{}", chat.id)));
    }
    if rule.is_some_and(|rule| rule.enabled == Some(false))
        || topic.is_some_and(|topic| topic.enabled == Some(false))
    {
        return refuse(Reason::ChatOff, in_rule("enabled"));
    }
    let own = topic
        .and_then(|topic| topic.allow_from.as_ref())
        .or_else(|| rule.and_then(|rule| rule.allow_from.as_ref()));
    let people = ask.people();
    let (listed, list_key) = match own {
        Some(list) => (people.admits(list, &event.sender), in_rule("allowFrom")),
        // `*` in a list for private messages opens no group that nobody named
        None if policy.groups.is_empty() && policy.group_allow_from.is_none() => (
            people.names(policy.allow_from(), &event.sender),
            key("groupAllowFrom"),
        ),
        None => (
            people.admits(policy.group_allow_from(), &event.sender),
            key("groupAllowFrom"),
        ),
    };
    if !listed && (own.is_some() || group_policy == GroupPolicy::Allowlist) {
        let reason = if event.sender.id.trim().is_empty() {
            Reason::UnknownSender
        } else {
            Reason::SenderNotListed
        };
        return refuse(reason, list_key);
    }
    let everywhere = policy.groups.get("*").and_then(|rule| rule.require_mention);
    let require_mention = topic
        .and_then(|topic| topic.require_mention)
        .or_else(|| rule.and_then(|rule| rule.require_mention))
        .or(everywhere);
    Gate::Pass(Pass {
        require_mention: require_mention.unwrap_or(true),
        listed,
        has_list: own.is_some_and(|list| !list.is_empty()) || !policy.group_allow_from().is_empty(),
    })
}

/// A message to several people, on a platform with spaces.
fn group_dm(ask: &Ask<'_>, event: &Inbound) -> Gate {
    let key = |name: &str| format!("channels.{}.{name}", ask.channel);
    if ask.policy.group_policy() == GroupPolicy::Disabled {
        return refuse(Reason::GroupsOff, key("groupPolicy"));
    }
    let Some(dm) = ask
        .policy
        .dm
        .as_ref()
        .filter(|dm| dm.group_enabled && dm.enabled != Some(false))
    else {
        return refuse(Reason::ChatNotListed, key("dm.groupEnabled"));
    };
    let listed = dm
        .group_channels
        .iter()
        .any(|id| id == "*" || id == event.chat.id);
    if !dm.group_channels.is_empty() && !listed {
        return refuse(Reason::ChatNotListed, key("dm.groupChannels"));
    }
    Gate::Pass(Pass {
        require_mention: true,
        ..Pass::default()
    })
}

/// A room of a space.
fn room(ask: &Ask<'_>, event: &Inbound) -> Gate {
    let (policy, chat) = (ask.policy, &event.chat);
    let map = if policy.teams.is_empty() {
        "guilds"
    } else {
        "teams"
    };
    let key = |name: &str| format!("channels.{}.{name}", ask.channel);
    let group_policy = policy.group_policy();
    if group_policy == GroupPolicy::Disabled {
        return refuse(Reason::GroupsOff, key("groupPolicy"));
    }
    let space = policy.space(&chat.space_id);
    let closed = group_policy == GroupPolicy::Allowlist || policy.has_spaces();
    if space.is_none() && closed {
        return refuse(Reason::ChatNotListed, key(&format!("{map}.{}", chat.space_id)));
    }
    let in_space = |name: &str| key(&format!("{map}.{}.{name}", space.map_or("*", |(id, _)| id)));
    let space = space.map(|(_, space)| space);
    let place = space.and_then(|space| of_chat(&space.channels, chat));
    if space.is_some_and(|space: &SpaceRule| !space.channels.is_empty()) && place.is_none() {
        let id = if chat.parent_id.is_empty() {
            &chat.id
        } else {
            &chat.parent_id
        };
        return refuse(Reason::ChatNotListed, in_space(&format!("channels.{id}")));
    }
    if place.is_some_and(|place| place.enabled.or(place.allow) == Some(false)) {
        return refuse(
            Reason::ChatOff,
            in_space(&format!("channels.{}.enabled", chat.id)),
        );
    }
    let users = place
        .and_then(|place| place.users.as_ref())
        .or(space.map(|space| &space.users));
    let roles = place
        .and_then(|place| place.roles.as_ref())
        .or(space.map(|space| &space.roles));
    let (users, roles) = (users.unwrap_or(IdList::NOBODY), roles.unwrap_or(IdList::NOBODY));
    let has_list = !users.is_empty() || !roles.is_empty();
    let people = ask.people();
    let listed = has_list && (people.admits(users, &event.sender) || people.has_role(roles, &event.sender));
    if has_list && !listed {
        return refuse(Reason::SenderNotListed, in_space("users"));
    }
    let require_mention = place
        .and_then(|place| place.require_mention)
        .or_else(|| space.and_then(|space| space.require_mention));
    Gate::Pass(Pass {
        require_mention: require_mention.unwrap_or(true),
        listed,
        has_list,
    })
}

/// The rule of a room: by id, by name; for a thread by its own id, then by its parent's id and name; else `*`. The
/// names of rooms are given by who runs the space, those of threads by anybody, so a thread's own name counts never.
fn of_chat<'a>(rules: &'a BTreeMap<String, PlaceRule>, chat: &Chat) -> Option<&'a PlaceRule> {
    let is_thread = !chat.parent_id.is_empty();
    let title = if is_thread {
        &chat.parent_title
    } else {
        &chat.title
    };
    let name = slug(title);
    let by_name = || {
        let named = |(key, _): &(&String, &PlaceRule)| !name.is_empty() && slug(key) == name;
        rules
            .iter()
            .filter(|(key, _)| *key != "*")
            .find(named)
            .map(|(_, rule)| rule)
    };
    let parent = || is_thread.then(|| rules.get(&chat.parent_id)).flatten();
    rules
        .get(&chat.id)
        .or_else(parent)
        .or_else(by_name)
        .or_else(|| rules.get("*"))
}

/// The rule of an id, else that of `*`.
fn entry<'a, T>(rules: &'a BTreeMap<String, T>, id: &str) -> Option<(&'a str, &'a T)> {
    let own = Some(id)
        .filter(|id| !id.is_empty())
        .and_then(|id| rules.get_key_value(id));
    own.or_else(|| rules.get_key_value("*"))
        .map(|(key, rule)| (key.as_str(), rule))
}

fn refuse(reason: Reason, key: impl Into<String>) -> Gate {
    Gate::Refuse(Refusal::new(reason, key))
}
