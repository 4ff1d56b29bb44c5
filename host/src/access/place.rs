//! The rules of a place: a private chat, a group with its topics, a room of a space.
//!
//! The order is that of the reference: is the chat taken at all, then may this person write there. Whether the agent
//! was addressed is asked later. Lists of people never look at the pairing store outside of private chats.
use super::{Ask, Reason, Refusal, peer, people::slug};
use crate::{
    config::{ChannelPolicy, ChatRule, DmPolicy, GroupPolicy, IdList, PlaceRule, SpaceRule, TopicRule},
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
    /// The operator knows the sender: a list has his own id, or he is paired.
    pub(super) known: bool,
    /// There is a list of people for this place.
    pub(super) has_list: bool,
    /// What addresses somebody else is not for the agent.
    pub(super) ignores_others: bool,
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
    let pass = |known| {
        Gate::Pass(Pass {
            listed: true,
            known,
            has_list: true,
            ..Pass::default()
        })
    };
    if ask.people().admits(list, sender) {
        let paired = || ask.paired.is_paired(&peer(ask.channel, event));
        let known = ask.people().names(list, sender) || paired()?;
        return Ok(pass(known));
    }
    match dm_policy {
        DmPolicy::Pairing if ask.paired.is_paired(&peer(ask.channel, event))? => Ok(pass(true)),
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
    let of_rule = rule.map_or(String::new(), |(id, _)| format!("groups.{id}."));
    let rule: Option<&ChatRule> = rule.map(|(_, rule)| rule);
    let topic = rule.and_then(|rule| entry(&rule.topics, &chat.thread_id));
    let of_topic = topic.map_or(String::new(), |(id, _)| format!("{of_rule}topics.{id}."));
    let topic: Option<&TopicRule> = topic.map(|(_, topic)| topic);
    // the nearest place that says something about groups, and where it says it
    let (group_policy, at) = topic
        .and_then(|topic| Some((topic.group_policy?, of_topic.as_str())))
        .or_else(|| Some((rule?.group_policy?, of_rule.as_str())))
        .unwrap_or((policy.group_policy(), ""));
    if group_policy == GroupPolicy::Disabled {
        return refuse(Reason::GroupsOff, key(&format!("{at}groupPolicy")));
    }
    if !policy.groups.is_empty() && rule.is_none() {
        return refuse(Reason::ChatNotListed, key(&format!("groups.{}", chat.id)));
    }
    let off = [
        (rule.and_then(|rule| rule.enabled), &of_rule),
        (topic.and_then(|topic| topic.enabled), &of_topic),
    ];
    if let Some((_, at)) = off.iter().find(|(enabled, _)| *enabled == Some(false)) {
        return refuse(Reason::ChatOff, key(&format!("{at}enabled")));
    }
    let own = topic
        .and_then(|topic| Some((topic.allow_from.as_ref()?, &of_topic)))
        .or_else(|| Some((rule?.allow_from.as_ref()?, &of_rule)));
    let listed = is_listed(ask, event, own.map(|(list, _)| list));
    if !listed && (own.is_some() || group_policy == GroupPolicy::Allowlist) {
        let reason = if event.sender.id.trim().is_empty() {
            Reason::UnknownSender
        } else {
            Reason::SenderNotListed
        };
        let list_key = own.map_or_else(|| "groupAllowFrom".to_owned(), |(_, at)| format!("{at}allowFrom"));
        return refuse(reason, key(&list_key));
    }
    let everywhere = policy.groups.get("*").and_then(|rule| rule.require_mention);
    let require_mention = topic
        .and_then(|topic| topic.require_mention)
        .or_else(|| rule.and_then(|rule| rule.require_mention))
        .or(everywhere);
    let list = own.map_or_else(|| policy.group_allow_from(), |(list, _)| list);
    Gate::Pass(Pass {
        require_mention: require_mention.unwrap_or(true),
        listed,
        known: ask.people().names(list, &event.sender),
        has_list: !list.is_empty(),
        ..Pass::default()
    })
}

/// Whether the list of a group, or else the one for all groups, names the sender.
fn is_listed(ask: &Ask<'_>, event: &Inbound, own: Option<&IdList>) -> bool {
    let (policy, people) = (ask.policy, ask.people());
    match own {
        Some(list) => people.admits(list, &event.sender),
        // `*` in a list for private messages opens no group that nobody named
        None if policy.groups.is_empty() && policy.group_allow_from.is_none() => {
            people.names(policy.allow_from(), &event.sender)
        }
        None => people.admits(policy.group_allow_from(), &event.sender),
    }
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
    let space = space_of(policy, chat);
    let closed = group_policy == GroupPolicy::Allowlist || policy.has_spaces();
    if space.is_none() && closed {
        return refuse(Reason::ChatNotListed, key(&format!("{map}.{}", chat.space_id)));
    }
    let of_space = space.map_or(String::new(), |(id, _)| format!("{map}.{id}."));
    let space: Option<&SpaceRule> = space.map(|(_, space)| space);
    let place = space.and_then(|space| of_chat(&space.channels, chat));
    if space.is_some_and(|space| !space.channels.is_empty()) && place.is_none() {
        let id = [&chat.parent_id, &chat.id][usize::from(chat.parent_id.is_empty())];
        return refuse(Reason::ChatNotListed, key(&format!("{of_space}channels.{id}")));
    }
    let of_place = place.map_or(String::new(), |(id, _)| format!("{of_space}channels.{id}."));
    let place: Option<&PlaceRule> = place.map(|(_, place)| place);
    if place.is_some_and(|place| place.enabled.or(place.allow) == Some(false)) {
        return refuse(Reason::ChatOff, key(&format!("{of_place}enabled")));
    }
    let of_people = place.is_some_and(|place| place.users.is_some());
    let at = if of_people { of_place } else { of_space };
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
        return refuse(Reason::SenderNotListed, key(&format!("{at}users")));
    }
    let require_mention = place
        .and_then(|place| place.require_mention)
        .or_else(|| space.and_then(|space| space.require_mention));
    let ignores_others = place
        .and_then(|place| place.ignore_other_mentions)
        .or_else(|| space.and_then(|space| space.ignore_other_mentions));
    Gate::Pass(Pass {
        require_mention: require_mention.unwrap_or(true),
        listed,
        known: people.names(users, &event.sender) || people.has_role(roles, &event.sender),
        has_list,
        ignores_others: ignores_others.unwrap_or(false),
    })
}

/// Whether a rule of spaces means one of this name. Who runs a space names it, so names are no identities.
fn is_called(title: &str, key: &str, rule: &SpaceRule) -> bool {
    let name = slug(title);
    let names = [Some(key), rule.slug.as_deref()];
    !name.is_empty()
        && names
            .into_iter()
            .flatten()
            .any(|written| written != "*" && slug(written) == name)
}

/// The rule of a room: by id, by name; for a thread by its own id, then by its parent's id and name; else `*`. The
/// names of rooms are given by who runs the space, those of threads by anybody, so a thread's own name never counts.
pub(super) fn of_chat<'a>(
    rules: &'a BTreeMap<String, PlaceRule>,
    chat: &Chat,
) -> Option<(&'a str, &'a PlaceRule)> {
    let is_thread = !chat.parent_id.is_empty();
    let title = if is_thread {
        &chat.parent_title
    } else {
        &chat.title
    };
    let name = slug(title);
    let is_name = |key: &str| key != "*" && !key.bytes().all(|byte| byte.is_ascii_digit());
    let by_name = || {
        let mut names = rules.iter().filter(|(key, _)| is_name(key));
        names.find(|(key, _)| !name.is_empty() && slug(key) == name)
    };
    let parent = || is_thread.then(|| rules.get_key_value(&chat.parent_id)).flatten();
    rules
        .get_key_value(&chat.id)
        .or_else(parent)
        .or_else(by_name)
        .or_else(|| rules.get_key_value("*"))
        .map(|(key, rule)| (key.as_str(), rule))
}

/// The rule of the space that a chat belongs to.
pub(super) fn space_of<'p>(policy: &'p ChannelPolicy, chat: &Chat) -> Option<(&'p str, &'p SpaceRule)> {
    policy.space(&chat.space_id, |key, rule| {
        policy.dangerously_allow_name_matching && is_called(&chat.space_title, key, rule)
    })
}

/// What the operator has the agent told of a chat: of its group or person, then of its topic or room.
pub fn chat_prompt(policy: &ChannelPolicy, event: &Inbound) -> String {
    let chat = &event.chat;
    let own = match chat.kind {
        ChatKind::Direct => {
            entry(&policy.direct, &event.sender.id).map(|(_, rule)| [&rule.system_prompt, &None])
        }
        _ if policy.has_spaces() => {
            let space = space_of(policy, chat).map(|(_, space)| space);
            let place = space.and_then(|space| of_chat(&space.channels, chat));
            place.map(|(_, place)| [&place.system_prompt, &None])
        }
        _ => entry(&policy.groups, &chat.id).map(|(_, rule)| {
            let topic = entry(&rule.topics, &chat.thread_id);
            [
                &rule.system_prompt,
                topic.map_or(&None, |(_, topic)| &topic.system_prompt),
            ]
        }),
    };
    let texts = own.into_iter().flatten().flatten().map(|text| text.trim());
    texts
        .filter(|text| !text.is_empty())
        .collect::<Vec<_>>()
        .join("\n\n")
}

/// The rule of an id, else that of `*`.
pub(super) fn entry<'a, T>(rules: &'a BTreeMap<String, T>, id: &str) -> Option<(&'a str, &'a T)> {
    let own = Some(id)
        .filter(|id| !id.is_empty())
        .and_then(|id| rules.get_key_value(id));
    own.or_else(|| rules.get_key_value("*"))
        .map(|(key, rule)| (key.as_str(), rule))
}

fn refuse(reason: Reason, key: impl Into<String>) -> Gate {
    Gate::Refuse(Refusal::new(reason, key))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_operator_speaks_of_a_group_and_its_topic_of_a_room_and_of_a_person() {
        let policy = |value| serde_json::from_value::<ChannelPolicy>(value).expect("a policy");
        let groups = policy(json!({
            "groups": { "*": { "systemPrompt": "any" }, "g": { "systemPrompt": " club ", "topics": { "7": { "systemPrompt": "art" } } } },
            "direct": { "ada": { "systemPrompt": "be kind" } },
        }));
        let rooms = policy(json!({ "guilds": { "s": { "channels": { "r": { "systemPrompt": "room" } } } } }));
        let event = |kind, id: &str, thread: &str| {
            let mut event = Inbound::default();
            event.chat.kind = kind;
            event.chat.id = id.into();
            event.chat.thread_id = thread.into();
            event.chat.space_id = "s".into();
            event.sender.id = "ada".into();
            event
        };
        for (policy, kind, id, thread, text) in [
            (&groups, ChatKind::Group, "g", "7", "club\n\nart"),
            (&groups, ChatKind::Group, "g", "8", "club"),
            (&groups, ChatKind::Group, "other", "", "any"),
            (&groups, ChatKind::Direct, "x", "", "be kind"),
            (&rooms, ChatKind::Channel, "r", "", "room"),
            (&rooms, ChatKind::Channel, "elsewhere", "", ""),
        ] {
            assert_eq!(
                chat_prompt(policy, &event(kind, id, thread)),
                text,
                "{id} {thread}"
            );
        }
    }
}
