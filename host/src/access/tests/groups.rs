//! Groups of a platform without spaces.
use super::*;

#[test]
fn groups_without_spaces() {
    let listed = json!({"groups": {"-5": {}}, "groupAllowFrom": ["1"]});
    let topics = json!({"groups": {"-5": {"allowFrom": ["1"], "topics": {
        "7": {"allowFrom": ["2"]}, "8": {"enabled": false}, "9": {"groupPolicy": "disabled"}}}}});
    for (block, chat, topic, sender, expected) in [
        (json!({}), "-5", "", "1", "channels.chat.groupAllowFrom"),
        (json!({}), "-5", "", "9", "channels.chat.groupAllowFrom"), // pairing opens no group
        (json!({"allowFrom": ["1"]}), "-5", "", "1", "in+"),
        (
            json!({"allowFrom": ["*"], "dmPolicy": "open"}),
            "-5",
            "",
            "1",
            "channels.chat.groupAllowFrom",
        ),
        (
            json!({"allowFrom": ["*"], "groups": {"-5": {}}}),
            "-5",
            "",
            "1",
            "in+",
        ),
        (
            json!({"allowFrom": ["1"], "groupAllowFrom": ["2"]}),
            "-5",
            "",
            "1",
            "channels.chat.groupAllowFrom",
        ),
        (
            json!({"allowFrom": ["1"], "groupAllowFrom": []}),
            "-5",
            "",
            "1",
            "channels.chat.groupAllowFrom",
        ),
        (json!({"groupAllowFrom": ["*"]}), "-5", "", "1", "in+"),
        (listed.clone(), "-5", "", "1", "in+"),
        (listed.clone(), "-5", "", "2", "channels.chat.groupAllowFrom"),
        (listed.clone(), "-6", "", "1", "channels.chat.groups.-6"),
        (
            json!({"groups": {"*": {}}, "groupAllowFrom": ["1"]}),
            "-6",
            "",
            "1",
            "in+",
        ),
        (
            json!({"groups": {"-5": {}}}),
            "-5",
            "",
            "1",
            "channels.chat.groupAllowFrom",
        ),
        (
            json!({"groups": {"-5": {"enabled": false}}, "allowFrom": ["1"]}),
            "-5",
            "",
            "1",
            "channels.chat.groups.-5.enabled",
        ),
        (json!({"groupPolicy": "open"}), "-5", "", "1", "in"),
        (
            json!({"groupPolicy": "open", "groups": {"-5": {}}}),
            "-6",
            "",
            "1",
            "channels.chat.groups.-6",
        ),
        (
            json!({"groupPolicy": "open", "groups": {"-5": {"allowFrom": ["1"]}}}),
            "-5",
            "",
            "2",
            "channels.chat.groups.-5.allowFrom",
        ),
        (
            json!({"groupPolicy": "open", "groups": {"-5": {"allowFrom": []}}}),
            "-5",
            "",
            "2",
            "channels.chat.groups.-5.allowFrom",
        ),
        (json!({"groupPolicy": "open"}), "-5", "", "", "in"),
        (
            json!({"groupPolicy": "disabled", "allowFrom": ["1"]}),
            "-5",
            "",
            "1",
            "channels.chat.groupPolicy",
        ),
        (
            json!({"groupPolicy": "disabled", "groups": {"-5": {"groupPolicy": "open"}}}),
            "-5",
            "",
            "1",
            "in",
        ),
        (
            json!({"groupPolicy": "open", "groups": {"-5": {"groupPolicy": "disabled"}}}),
            "-5",
            "",
            "1",
            "channels.chat.groups.-5.groupPolicy",
        ),
        (topics.clone(), "-5", "", "1", "in+"),
        (
            topics.clone(),
            "-5",
            "7",
            "1",
            "channels.chat.groups.-5.topics.7.allowFrom",
        ),
        (topics.clone(), "-5", "7", "2", "in+"),
        (topics.clone(), "-5", "6", "1", "in+"),
        (
            topics.clone(),
            "-5",
            "8",
            "1",
            "channels.chat.groups.-5.topics.8.enabled",
        ),
        (
            topics.clone(),
            "-5",
            "9",
            "1",
            "channels.chat.groups.-5.topics.9.groupPolicy",
        ),
    ] {
        let world = World::new("chat", block.clone()).paired(&["9"]);
        assert_eq!(
            world.word(&group(chat, topic, sender)),
            expected,
            "{block} {chat} {topic} {sender}"
        );
    }
}

#[test]
fn a_channel_without_a_block_is_closed_whatever_the_defaults_say() {
    let config = json!({"channels": {"defaults": {"groupPolicy": "open"}}});
    let world = World::of("chat", config);
    assert_eq!(world.word(&group("-5", "", "1")), "channels.chat.groupAllowFrom");
    assert_eq!(world.word(&dm("1")), "code");
    let config = json!({"channels": {"defaults": {"groupPolicy": "open"}, "chat": {}}});
    assert_eq!(World::of("chat", config).word(&group("-5", "", "1")), "in");
}
