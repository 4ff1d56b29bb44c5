//! Both forms of the shared keys read the same, accounts inherit, and nothing is a default by mistake.
use super::*;
use serde_json::json;

fn policy(config: Value) -> ChannelPolicy {
    let config = Config::from_value(config).expect("a configuration");
    ChannelPolicy::of(&config, "chat", "default").expect("a policy")
}

fn of_block(block: Value) -> ChannelPolicy {
    policy(json!({"channels": {"chat": block}}))
}

#[test]
fn the_newer_form_wins_and_the_older_one_counts() {
    for (block, dm, allowed) in [
        (json!({}), DmPolicy::Pairing, vec![]),
        (
            json!({"dm": {"policy": "open", "allowFrom": ["*"]}}),
            DmPolicy::Open,
            vec!["*"],
        ),
        (
            json!({"dmPolicy": "allowlist", "allowFrom": [5], "dm": {"policy": "open", "allowFrom": ["*"]}}),
            DmPolicy::Allowlist,
            vec!["5"],
        ),
        (
            json!({"dmPolicy": "disabled", "unknownKey": {"of": "the plugin"}}),
            DmPolicy::Disabled,
            vec![],
        ),
    ] {
        let policy = of_block(block.clone());
        assert_eq!(policy.dm_policy(), dm, "{block}");
        assert_eq!(policy.allow_from().iter().collect::<Vec<_>>(), allowed, "{block}");
    }
}

#[test]
fn streaming_has_three_forms() {
    use StreamMode::{Block, Off, Partial, Progress};
    for (block, mode, blocks, chunks) in [
        (json!({}), None, None, ChunkMode::Length),
        (json!({"streaming": true}), Some(Partial), None, ChunkMode::Length),
        (
            json!({"streaming": true, "streamMode": "block"}),
            Some(Block),
            None,
            ChunkMode::Length,
        ),
        (
            json!({"streaming": false, "streamMode": "block"}),
            Some(Off),
            None,
            ChunkMode::Length,
        ),
        (
            json!({"streaming": "progress", "chunkMode": "newline"}),
            Some(Progress),
            None,
            ChunkMode::Newline,
        ),
        (
            json!({"streamMode": "partial", "blockStreaming": true}),
            Some(Partial),
            Some(true),
            ChunkMode::Length,
        ),
        (
            json!({
                "streaming": {"mode": "block", "chunkMode": "newline", "block": {"enabled": false}, "preview": {}},
                "streamMode": "off", "blockStreaming": true, "chunkMode": "length",
            }),
            Some(Block),
            Some(false),
            ChunkMode::Newline,
        ),
    ] {
        let policy = of_block(block.clone());
        let read = (
            policy.stream_mode(),
            policy.block_streaming(),
            policy.chunk_mode(),
        );
        assert_eq!(read, (mode, blocks, chunks), "{block}");
    }
}

#[test]
fn an_account_inherits_and_overrides() {
    let config = json!({"channels": {"chat": {
        "dmPolicy": "open", "allowFrom": ["*"], "textChunkLimit": 100,
        "accounts": {"work": {"dmPolicy": "allowlist", "allowFrom": ["7"]}},
    }}});
    let config = Config::from_value(config).expect("a configuration");
    let of = |account| ChannelPolicy::of(&config, "chat", account).expect("a policy");
    let (work, default) = (of("work"), of("default"));
    assert_eq!(
        (work.dm_policy(), work.text_chunk_limit),
        (DmPolicy::Allowlist, Some(100))
    );
    assert_eq!(work.allow_from(), &IdList::new(["7"]));
    assert_eq!(default.dm_policy(), DmPolicy::Open);
}

#[test]
fn defaults_open_groups_of_channels_that_have_a_block() {
    let defaults = json!({"groupPolicy": "open"});
    let with = policy(json!({"channels": {"defaults": defaults, "chat": {}}}));
    let without = policy(json!({"channels": {"defaults": defaults}}));
    let own = policy(json!({"channels": {"defaults": defaults, "chat": {"groupPolicy": "disabled"}}}));
    assert_eq!((with.configured, with.group_policy()), (true, GroupPolicy::Open));
    assert_eq!(
        (without.configured, without.group_policy()),
        (false, GroupPolicy::Allowlist)
    );
    assert_eq!(own.group_policy(), GroupPolicy::Disabled);
}

#[test]
fn the_history_limit_is_the_nearest_and_has_a_bound() {
    for (chat, shared, expected) in [
        (json!({"historyLimit": 3}), json!(7), 3),
        (json!({"historyLimit": 0}), json!(7), 0),
        (json!({}), json!(7), 7),
        (json!({}), json!(null), 50),
        (json!({"historyLimit": 1_000_000}), json!(null), 500),
    ] {
        let mut config = json!({"channels": {"chat": chat}});
        if !shared.is_null() {
            config["messages"] = json!({"groupChat": {"historyLimit": shared}});
        }
        assert_eq!(policy(config.clone()).history_limit(), expected, "{config}");
    }
}

#[test]
fn groups_of_people_are_replaced_in_every_list() {
    let list = json!(["accessGroup:us"]);
    let policy = policy(json!({
        "accessGroups": {"us": {"type": "message.senders", "members": {"chat": ["1", "2"]}}},
        "channels": {"chat": {
            "allowFrom": list, "groupAllowFrom": list, "dm": {"allowFrom": list}, "direct": {"5": {"allowFrom": list}},
            "groups": {"g": {"allowFrom": list, "topics": {"t": {"allowFrom": list}}}},
            "guilds": {"s": {"users": list, "channels": {"c": {"users": list}}}},
        }},
    }));
    assert!(!format!("{policy:?}").contains("accessGroup"), "{policy:?}");
    assert_eq!(
        policy.guilds["s"].channels["c"].users,
        Some(IdList::new(["1", "2"]))
    );
}

#[test]
fn what_is_wrong_is_said_with_its_path_and_without_its_content() {
    for (block, path) in [
        (json!({"dmPolicy": "secret"}), "channels.chat.dmPolicy"),
        (json!({"allowFrom": "secret"}), "channels.chat.allowFrom"),
        (
            json!({"groups": {"g": {"requireMention": "secret"}}}),
            "channels.chat.groups.g.requireMention",
        ),
        (
            json!({"guilds": {"s": {"channels": {"c": {"enabled": "secret"}}}}}),
            "channels.chat.guilds.s.channels.c",
        ),
        (json!({"historyLimit": -1}), "channels.chat.historyLimit"),
        (json!("secret"), "channels.chat"),
    ] {
        let config = Config::from_value(json!({"channels": {"chat": block}})).expect("a configuration");
        let faults = ChannelPolicy::of(&config, "chat", "default").expect_err("wrong");
        let text: String = faults.iter().map(ToString::to_string).collect();
        assert!(text.contains(path) && !text.contains("secret"), "{text}");
    }
}

#[test]
fn the_deployment_guides_block_is_read() {
    let policy = of_block(json!({"enabled": true, "groupPolicy": "allowlist", "guilds": {
        "YOUR_GUILD_ID": {"channels": {"general": {"allow": true}}, "requireMention": false}}}));
    let (key, space) = policy.space("YOUR_GUILD_ID", |_, _| false).expect("the space");
    assert_eq!((key, space.require_mention), ("YOUR_GUILD_ID", Some(false)));
    assert_eq!(space.channels["general"].allow, Some(true));
    assert!(policy.has_spaces() && policy.space("other", |_, _| false).is_none());
}
