//! Private chats: who is let in, and by what a sender is known.
use super::*;

#[test]
fn private_chats() {
    let dm_policy = |policy: &str, list: Value| json!({"dmPolicy": policy, "allowFrom": list});
    for (block, sender, expected) in [
        (json!({}), "1", "code"),
        (json!({}), "9", "in+"), // paired
        (json!({"allowFrom": ["1"]}), "1", "in+"),
        (json!({"allowFrom": [1]}), "1", "in+"),
        (dm_policy("pairing", json!(["*"])), "1", "in+"),
        (dm_policy("allowlist", json!(["1"])), "1", "in+"),
        (
            dm_policy("allowlist", json!(["1"])),
            "2",
            "channels.chat.allowFrom",
        ),
        (
            dm_policy("allowlist", json!(["1"])),
            "9",
            "channels.chat.allowFrom",
        ), // pairing is off, so is its list
        (dm_policy("allowlist", json!([])), "1", "channels.chat.allowFrom"),
        (dm_policy("open", json!(["*"])), "1", "in+"),
        (dm_policy("open", json!([])), "1", "channels.chat.allowFrom"), // open needs the star
        (dm_policy("open", json!(["2"])), "1", "channels.chat.allowFrom"),
        (dm_policy("open", json!(["2"])), "2", "in+"),
        (dm_policy("disabled", json!(["*"])), "1", "channels.chat.dmPolicy"),
        (dm_policy("disabled", json!(["1"])), "9", "channels.chat.dmPolicy"),
        (dm_policy("open", json!(["*"])), "", "the sender has no id"),
        (dm_policy("open", json!(["*"])), "  ", "the sender has no id"),
        (json!({}), "", "the sender has no id"),
        (json!({"dm": {"policy": "open", "allowFrom": ["*"]}}), "1", "in+"),
        (
            json!({"dm": {"enabled": false}, "allowFrom": ["1"]}),
            "1",
            "channels.chat.dm.enabled",
        ),
        (
            json!({"direct": {"1": {"dmPolicy": "disabled"}}, "allowFrom": ["1"]}),
            "1",
            "channels.chat.dmPolicy",
        ),
        (
            json!({"direct": {"1": {"enabled": false}}, "allowFrom": ["1"]}),
            "1",
            "channels.chat.direct.1.enabled",
        ),
        (
            json!({"direct": {"*": {"allowFrom": ["2"]}}, "dmPolicy": "allowlist", "allowFrom": ["1"]}),
            "2",
            "in+",
        ),
        (
            json!({"direct": {"1": {"dmPolicy": "open", "allowFrom": ["*"]}}}),
            "1",
            "in+",
        ),
    ] {
        let world = World::new("chat", block.clone()).paired(&["9"]);
        assert_eq!(world.word(&dm(sender)), expected, "{block} {sender}");
    }
}

#[test]
fn ids_are_matched_and_names_are_not() {
    for (entry, sender, expected) in [
        ("123", "123", true),
        (" 123 ", "123", true),
        ("chat:123", "123", true),
        ("Chat: 123", "123", true),
        ("ch:123", "123", true),
        ("chat:user:123", "123", true),
        ("<@123>", "123", true),
        ("<@!123>", "123", true),
        ("uuid:ab", "uuid:ab", true),
        ("rooms:123", "123", false),
        ("uuid:123", "123", false),
        ("12", "123", false),
        ("1234", "123", false),
        ("@ann", "123", false),
        ("ann", "123", false),
        ("Ann", "123", false),
        ("", "123", false),
        ("chat:", "123", false),
        ("chat:*", "123", false),
        ("accessGroup:x", "123", false),
        ("", "", false),
        ("chat:", "", false),
        ("*", "", false),
        ("<@>", "", false),
    ] {
        let block = json!({"dmPolicy": "allowlist", "allowFrom": [entry]});
        let admitted = World::new("chat", block).word(&dm(sender)) == "in+";
        assert_eq!(admitted, expected, "{entry} {sender}");
    }
    let mut block = json!({"dmPolicy": "allowlist", "allowFrom": ["@Ann"]});
    block["dangerouslyAllowNameMatching"] = json!(true);
    assert_eq!(
        World::new("chat", block).word(&dm("123")),
        "in+",
        "where the operator wants it"
    );
}
