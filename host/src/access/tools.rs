//! What the operator says of tools in a chat. It decides nothing: `agent::policy` does.
use super::{
    people::People,
    place::{entry, of_chat, space_of},
};
use crate::config::{ChannelPolicy, ToolRules};
use openclaw_plugin_api::{ChannelInfo, ChatKind, Inbound, Sender};
use std::collections::BTreeMap;

/// What ids in maps of people may begin with.
const PREFIXES: [&str; 2] = ["id:", "e164:"];

/// Rules of one place: those for everybody there, and those for single people.
type Rules<'p> = (String, Option<&'p ToolRules>, &'p BTreeMap<String, ToolRules>);

/// The nearest rules for tools in the place of an event, and where they stand. Rules for a person go before rules for
/// everybody in the same place.
pub fn place_tools<'p>(
    channel: &str,
    info: &ChannelInfo,
    policy: &'p ChannelPolicy,
    event: &Inbound,
) -> Option<(String, &'p ToolRules)> {
    for (at, rules, people) in places(policy, event) {
        let at = format!("channels.{channel}.{at}");
        let own = people
            .iter()
            .find(|(key, _)| key.as_str() != "*" && is_sender(channel, info, key, &event.sender));
        if let Some((key, rules)) = own.or_else(|| people.get_key_value("*")) {
            return Some((format!("{at}.toolsBySender.{key}"), rules));
        }
        if let Some(rules) = rules {
            return Some((format!("{at}.tools"), rules));
        }
    }
    None
}

/// Whether a key of a map of people means somebody: by id, never by a name that he can choose.
pub fn is_sender(channel: &str, info: &ChannelInfo, key: &str, sender: &Sender) -> bool {
    let people = People {
        channel,
        info,
        names: false,
    };
    let bare = PREFIXES.iter().find_map(|prefix| key.strip_prefix(prefix));
    let list = crate::config::IdList::new([bare.unwrap_or(key)]);
    people.names(&list, sender)
}

/// The places of an event that may have rules, the nearest first.
fn places<'p>(policy: &'p ChannelPolicy, event: &Inbound) -> Vec<Rules<'p>> {
    let chat = &event.chat;
    let mut found: Vec<Rules<'p>> = Vec::new();
    if chat.kind == ChatKind::Direct {
        for id in [event.sender.id.as_str(), "*"] {
            if let Some(rule) = policy.direct.get(id) {
                found.push((format!("direct.{id}"), rule.tools.as_ref(), &rule.tools_by_sender));
            }
        }
        return found;
    }
    if policy.has_spaces() {
        let map = if policy.teams.is_empty() {
            "guilds"
        } else {
            "teams"
        };
        let Some((id, space)) = space_of(policy, chat) else {
            return found;
        };
        if let Some((room, rule)) = of_chat(&space.channels, chat) {
            let at = format!("{map}.{id}.channels.{room}");
            found.push((at, rule.tools.as_ref(), &rule.tools_by_sender));
        }
        found.push((
            format!("{map}.{id}"),
            space.tools.as_ref(),
            &space.tools_by_sender,
        ));
        return found;
    }
    for id in [chat.id.as_str(), "*"] {
        let Some(rule) = policy.groups.get(id) else {
            continue;
        };
        if let Some((topic, rule)) = entry(&rule.topics, &chat.thread_id) {
            let at = format!("groups.{id}.topics.{topic}");
            found.push((at, rule.tools.as_ref(), &rule.tools_by_sender));
        }
        found.push((format!("groups.{id}"), rule.tools.as_ref(), &rule.tools_by_sender));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn the_nearest_rules_count_and_those_for_a_person_go_first() {
        let policy: ChannelPolicy = serde_json::from_value(json!({
            "groups": {
                "*": { "tools": { "deny": ["a"] }, "toolsBySender": { "zoe": { "deny": ["b"] } } },
                "g": { "tools": { "deny": ["c"] }, "topics": { "7": { "toolsBySender": { "id:ada": { "deny": ["d"] } } } } },
                "h": {},
            },
            "direct": { "ada": { "tools": { "deny": ["e"] } } },
        }))
        .expect("a policy");
        let found = |kind, chat: &str, thread: &str, sender: &str| {
            let mut event = Inbound::default();
            event.chat.kind = kind;
            event.chat.id = chat.into();
            event.chat.thread_id = thread.into();
            event.sender.id = sender.into();
            event.sender.username = "ada".into();
            let found = place_tools("chat", &ChannelInfo::default(), &policy, &event);
            found.map(|(at, rules)| format!("{at} {}", rules.deny.join(",")))
        };
        for (kind, chat, thread, sender, expected) in [
            (
                ChatKind::Group,
                "g",
                "7",
                "ada",
                "channels.chat.groups.g.topics.7.toolsBySender.id:ada d",
            ),
            (ChatKind::Group, "g", "7", "bob", "channels.chat.groups.g.tools c"),
            (ChatKind::Group, "g", "", "ada", "channels.chat.groups.g.tools c"),
            (ChatKind::Group, "h", "", "bob", "channels.chat.groups.*.tools a"),
            (
                ChatKind::Group,
                "h",
                "",
                "zoe",
                "channels.chat.groups.*.toolsBySender.zoe b",
            ),
            (
                ChatKind::Direct,
                "x",
                "",
                "ada",
                "channels.chat.direct.ada.tools e",
            ),
        ] {
            assert_eq!(found(kind, chat, thread, sender).as_deref(), Some(expected));
        }
        assert_eq!(found(ChatKind::Direct, "x", "", "bob"), None);
    }

    #[test]
    fn rooms_go_before_their_space() {
        let policy: ChannelPolicy = serde_json::from_value(json!({ "guilds": { "s": {
            "tools": { "deny": ["a"] }, "channels": { "r": { "tools": { "deny": ["b"] } }, "*": {} },
        } } }))
        .expect("a policy");
        let found = |room: &str| {
            let mut event = Inbound::default();
            event.chat.kind = ChatKind::Channel;
            event.chat.id = room.into();
            event.chat.space_id = "s".into();
            place_tools("chat", &ChannelInfo::default(), &policy, &event).map(|(at, _)| at)
        };
        assert_eq!(
            found("r").as_deref(),
            Some("channels.chat.guilds.s.channels.r.tools")
        );
        assert_eq!(found("q").as_deref(), Some("channels.chat.guilds.s.tools"));
    }
}
