//! Which agent, which conversation, where to: row by row. The words are a channel's own; nothing here knows a platform.
use super::*;
use crate::access::tests_support::admitted;
use openclaw_plugin_api::Sender;
use proptest::prelude::*;
use serde_json::{Value, json};

fn resolver(config: Value) -> Resolver {
    Resolver::of(&Config::from_value(config).expect("a configuration"))
}

fn info(word: &str) -> ChannelInfo {
    ChannelInfo {
        thread_suffix: word.into(),
        ..ChannelInfo::default()
    }
}

fn event(kind: ChatKind, chat: &str, thread: &str, parent: &str) -> Inbound {
    Inbound {
        chat: Chat {
            id: chat.into(),
            kind,
            thread_id: thread.into(),
            parent_id: parent.into(),
            ..Chat::default()
        },
        sender: Sender {
            id: "U1".into(),
            ..Sender::default()
        },
        ..Inbound::default()
    }
}

fn route(config: &Value, word: &str, event: Inbound) -> Route {
    resolver(config.clone()).resolve(&admitted(event, "Chat"), &info(word))
}

#[test]
fn session_keys() {
    use ChatKind::{Channel, Direct, Group};
    let scope = |scope: &str| json!({"session": {"dmScope": scope}});
    let none = || json!({});
    for (config, word, event, key, parent) in [
        (none(), "", event(Direct, "77", "", ""), "agent:main:main", None),
        (
            none(),
            "topic",
            event(Direct, "77", "5", ""),
            "agent:main:main:thread:5",
            Some("agent:main:main"),
        ),
        (
            scope("per-peer"),
            "",
            event(Direct, "77", "", ""),
            "agent:main:direct:u1",
            None,
        ),
        (
            scope("per-channel-peer"),
            "",
            event(Direct, "77", "", ""),
            "agent:main:chat:direct:u1",
            None,
        ),
        (
            scope("per-account-channel-peer"),
            "",
            event(Direct, "77", "", ""),
            "agent:main:chat:default:direct:u1",
            None,
        ),
        (
            none(),
            "",
            event(Group, "-10A", "", ""),
            "agent:main:chat:group:-10a",
            None,
        ),
        (
            none(),
            "",
            event(Channel, "C9", "", ""),
            "agent:main:chat:channel:c9",
            None,
        ),
        (
            none(),
            "topic",
            event(Group, "-10", "7", ""),
            "agent:main:chat:group:-10:topic:7",
            Some("agent:main:chat:group:-10"),
        ),
        (
            none(),
            "",
            event(Channel, "C9", "1.2", ""),
            "agent:main:chat:channel:c9:thread:1.2",
            Some("agent:main:chat:channel:c9"),
        ),
        (
            none(),
            "topic",
            event(Channel, "T1", "", "C9"),
            "agent:main:chat:channel:t1",
            Some("agent:main:chat:channel:c9"),
        ),
        (
            json!({"session": {"groupScope": "main"}}),
            "",
            event(Group, "-10", "7", ""),
            "agent:main:main",
            None,
        ),
        (
            json!({"session": {"scope": "global"}}),
            "",
            event(Group, "-10", "7", ""),
            "global",
            None,
        ),
        (
            json!({"agents": {"list": [{"id": "My Agent!"}]}}),
            "",
            event(Group, "-10", "", ""),
            "agent:my-agent:chat:group:-10",
            None,
        ),
    ] {
        let route = route(&config, word, event);
        assert_eq!(
            (route.session_key.as_str(), route.parent_session_key.as_deref()),
            (key, parent),
            "{config}"
        );
    }
}

#[test]
fn people_with_several_ids_have_one_conversation() {
    let links = |scope: &str| {
        json!({"session": {"dmScope": scope, "identityLinks": {
        "Ann": ["chat:u1", "other:5"], "bob": ["9"], "": ["u2"]}}})
    };
    for (scope, sender, key) in [
        ("per-peer", "U1", "agent:main:direct:ann"),
        ("per-channel-peer", "U1", "agent:main:chat:direct:ann"),
        ("per-peer", "9", "agent:main:direct:bob"),
        ("per-peer", "5", "agent:main:direct:5"), // that id is Ann's on another channel
        ("per-peer", "u2", "agent:main:direct:u2"),
        ("main", "U1", "agent:main:main"),
    ] {
        let mut event = event(ChatKind::Direct, "77", "", "");
        event.sender.id = sender.into();
        assert_eq!(
            route(&links(scope), "", event).session_key,
            key,
            "{scope} {sender}"
        );
    }
}

/// Bindings that each match; in the order of the file the least exact comes first.
fn tiers() -> Vec<(Value, MatchedBy)> {
    vec![
        (json!({"channel": "chat", "accountId": "*"}), MatchedBy::Channel),
        (json!({"channel": "CHAT"}), MatchedBy::Account),
        (json!({"channel": "chat", "teamId": "s"}), MatchedBy::Team),
        (json!({"channel": "chat", "guildId": "s"}), MatchedBy::Guild),
        (
            json!({"channel": "chat", "guildId": "s", "roles": ["x", "r"]}),
            MatchedBy::GuildRoles,
        ),
        (
            json!({"channel": "chat", "peer": {"kind": "group", "id": "*"}}),
            MatchedBy::PeerWildcard,
        ),
        (
            json!({"channel": "chat", "peer": {"kind": "channel", "id": "P"}}),
            MatchedBy::PeerParent,
        ),
        (
            json!({"channel": "chat", "guildId": "s", "peer": {"kind": "channel", "id": "C9"}}),
            MatchedBy::Peer,
        ),
    ]
}

#[test]
fn the_most_exact_binding_decides() {
    let mut event = event(ChatKind::Channel, "C9", "", "P");
    event.chat.space_id = "s".into();
    event.sender.roles = vec!["r".into()];
    let tiers = tiers();
    for count in 0..=tiers.len() {
        let bindings: Vec<_> = tiers[..count]
            .iter()
            .map(
                |(r#match, tier)| json!({"agentId": tier.label().replace(['.', '+'], "-"), "match": r#match}),
            )
            .collect();
        let mut list = vec![json!({"id": "home", "default": true})];
        list.extend(bindings.iter().map(|binding| json!({"id": binding["agentId"]})));
        let config = json!({"agents": {"list": list}, "bindings": bindings});
        let route = route(&config, "", event.clone());
        let expected = count
            .checked_sub(1)
            .map_or(MatchedBy::Default, |last| tiers[last].1);
        assert_eq!(route.matched_by, expected, "{count}");
        let agent = if count == 0 {
            "home".to_owned()
        } else {
            bindings[count - 1]["agentId"].as_str().expect("an id").to_owned()
        };
        assert_eq!(route.agent_id, agent);
    }
}

#[test]
fn bindings_that_do_not_fit_decide_nothing() {
    for r#match in [
        json!({"channel": "other"}),
        json!({}),
        json!({"channel": "chat", "accountId": "work"}),
        json!({"channel": "chat", "guildId": "t"}),
        json!({"channel": "chat", "guildId": ""}),
        json!({"channel": "chat", "teamId": "t"}),
        json!({"channel": "chat", "guildId": "s", "roles": ["x"]}),
        json!({"channel": "chat", "peer": {"kind": "direct", "id": "C9"}}),
        json!({"channel": "chat", "peer": {"kind": "channel", "id": "C8"}}),
        json!({"channel": "chat", "peer": {"kind": "channel", "id": ""}}),
        json!({"channel": "chat", "guildId": "t", "peer": {"kind": "channel", "id": "C9"}}),
    ] {
        let mut event = event(ChatKind::Channel, "C9", "", "");
        event.chat.space_id = "s".into();
        let config = json!({"agents": {"list": [{"id": "home"}, {"id": "x"}]},
            "bindings": [{"agentId": "x", "match": r#match}]});
        let route = route(&config, "", event);
        assert_eq!(
            (route.agent_id.as_str(), route.matched_by),
            ("home", MatchedBy::Default),
            "{match}"
        );
    }
}

#[test]
fn the_first_of_equals_wins_and_an_unknown_agent_is_the_default_one() {
    let peer = json!({"channel": "chat", "peer": {"kind": "dm", "id": "chat:u1"}});
    let config = json!({"agents": {"list": [{"id": "a"}, {"id": "b", "default": true}]}, "bindings": [
        {"type": "acp", "agentId": "b", "match": peer},
        {"agentId": "A", "match": peer}, {"agentId": "b", "match": peer}]});
    let first = route(&config, "", event(ChatKind::Direct, "77", "", ""));
    assert_eq!(
        (first.agent_id.as_str(), first.matched_by),
        ("a", MatchedBy::Peer)
    );
    for agent in ["gone", "", "  "] {
        let config =
            json!({"agents": {"list": [{"id": "b"}]}, "bindings": [{"agentId": agent, "match": peer}]});
        let route = route(&config, "", event(ChatKind::Direct, "77", "", ""));
        assert_eq!(
            (route.agent_id.as_str(), route.matched_by),
            ("b", MatchedBy::Peer),
            "{agent}"
        );
    }
}

#[test]
fn topics_are_bound_by_themselves_or_with_their_group() {
    for (id, expected) in [
        ("-10:topic:7", MatchedBy::Peer),
        ("-10", MatchedBy::PeerParent),
        ("-10:topic:8", MatchedBy::Default),
    ] {
        let config = json!({"bindings": [{"agentId": "main", "match": {"channel": "chat", "peer": {"kind": "group", "id": id}}}]});
        assert_eq!(
            route(&config, "topic", event(ChatKind::Group, "-10", "7", "")).matched_by,
            expected,
            "{id}"
        );
    }
}

#[test]
fn accounts_are_told_apart() {
    let binding = |account: Value| {
        json!({"channels": {"chat": {"defaultAccount": "home"}}, "bindings": [
        {"agentId": "main", "match": {"channel": "chat", "accountId": account}}]})
    };
    for (account, received, expected) in [
        (json!(null), "home", MatchedBy::Account),
        (json!(null), "work", MatchedBy::Default),
        (json!("work"), "work", MatchedBy::Account),
        (json!("*"), "work", MatchedBy::Channel),
    ] {
        let mut event = event(ChatKind::Direct, "77", "", "");
        event.account_id = received.into();
        let route = route(&binding(account.clone()), "", event);
        assert_eq!(
            (route.matched_by, route.delivery.account_id.as_str()),
            (expected, received),
            "{account}"
        );
    }
}

#[test]
fn a_binding_has_its_own_scopes_and_answers_go_where_the_message_came_from() {
    let config = json!({"session": {"resetByType": {"thread": {"idleMinutes": 5}}}, "bindings": [
        {"agentId": "main", "match": {"channel": "chat"}, "session": {"dmScope": "per-peer", "groupScope": "main"}}]});
    assert_eq!(
        route(&config, "", event(ChatKind::Direct, "77", "", "")).session_key,
        "agent:main:direct:u1"
    );
    let route = route(&config, "", event(ChatKind::Group, "-10", "7", ""));
    assert_eq!(route.session_key, "agent:main:main");
    assert_eq!(
        (route.delivery.chat_id.as_str(), route.delivery.thread_id.as_str()),
        ("-10", "7")
    );
    assert_eq!((route.in_thread, route.reset.idle_minutes), (true, Some(5)));
}

#[test]
fn the_agent_of_a_place_is_the_one_that_answers_there() {
    let config = json!({"agents": {"list": [{"id": "a"}, {"id": "b"}]}, "bindings": [
        {"agentId": "b", "match": {"channel": "chat", "peer": {"kind": "group", "id": "-10"}}}]});
    for event in [
        event(ChatKind::Group, "-10", "7", ""),
        event(ChatKind::Direct, "1", "", ""),
    ] {
        let (resolver, info) = (resolver(config.clone()), info("topic"));
        let route = resolver.resolve(&admitted(event.clone(), "Chat"), &info);
        assert_eq!(resolver.agent_at("Chat", &event, &info), route.agent_id);
    }
}

#[test]
fn rules_about_sending() {
    use ChatKind::{Direct, Group};
    let rules = |default: &str, rules: Value| json!({"session": {"sendPolicy": {"default": default, "rules": rules}}});
    let deny_groups = json!([{"action": "deny", "match": {"chatType": "group"}}]);
    for (config, event, expected) in [
        (json!({}), event(Direct, "7", "", ""), true),
        (rules("deny", json!([])), event(Direct, "7", "", ""), false),
        (
            rules("allow", deny_groups.clone()),
            event(Group, "7", "", ""),
            false,
        ),
        (
            rules("allow", deny_groups.clone()),
            event(Direct, "7", "", ""),
            true,
        ),
        (
            rules("deny", json!([{"action": "allow", "match": {"channel": "CHAT"}}])),
            event(Direct, "7", "", ""),
            true,
        ),
        (
            rules(
                "deny",
                json!([{"action": "allow", "match": {"keyPrefix": "chat:group:"}}]),
            ),
            event(Group, "7", "", ""),
            true,
        ),
        (
            rules(
                "deny",
                json!([{"action": "allow", "match": {"rawKeyPrefix": "agent:main:chat:"}}]),
            ),
            event(Group, "7", "", ""),
            true,
        ),
        (
            rules(
                "allow",
                json!([{"action": "allow", "match": {}}, {"action": "deny", "match": {"channel": "chat"}}]),
            ),
            event(Direct, "7", "", ""),
            false,
        ),
    ] {
        let route = route(&config, "", event);
        let policy = Config::from_value(config.clone())
            .expect("a configuration")
            .session
            .send_policy;
        assert_eq!(may_send(&policy, &route), expected, "{config}");
    }
}

proptest! {
    #[test]
    fn keys_are_lower_case(
        chat in ".{1,12}", thread in ".{0,6}", parent in ".{0,6}", sender in ".{1,8}", kind in 0..3_u8, scope in 0..4_usize
    ) {
        let kind = [ChatKind::Direct, ChatKind::Group, ChatKind::Channel][usize::from(kind)];
        let scope = ["main", "per-peer", "per-channel-peer", "per-account-channel-peer"][scope];
        let mut event = event(kind, &chat, &thread, &parent);
        event.sender.id = sender;
        let config = json!({"session": {"dmScope": scope, "identityLinks": {"ANN": ["A"]}}});
        let route = route(&config, "Topic", event);
        for key in std::iter::once(route.session_key).chain(route.parent_session_key) {
            prop_assert!(key.starts_with("agent:main:"));
            prop_assert_eq!(key.to_lowercase(), key);
        }
    }
}
