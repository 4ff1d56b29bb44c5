//! Rights beyond talking: commands, programs, and every kind of event.
use super::*;

#[test]
fn commands_need_a_right_and_then_no_mention() {
    let open = json!({"groupPolicy": "open"});
    let listed = json!({"groupPolicy": "open", "groupAllowFrom": ["1"]});
    let everyone = json!({"groupPolicy": "open", "allowFrom": ["*"], "dmPolicy": "open"});
    let status = |sender| saying("/status", unmentioned(group("-5", "", sender)));
    for (commands, block, event, expected) in [
        (json!({}), open.clone(), status("1"), "commands.allowFrom"),
        (
            json!({}),
            open.clone(),
            saying("/unknown", status("1")),
            "buffered",
        ),
        (
            json!({}),
            open.clone(),
            saying("see /status", status("1")),
            "buffered",
        ),
        (
            json!({}),
            open.clone(),
            of_kind(InboundKind::Command, group("-5", "", "1")),
            "commands.allowFrom",
        ),
        (json!({}), listed.clone(), status("1"), "in+"),
        (json!({}), listed.clone(), status("2"), "commands.allowFrom"),
        (
            json!({}),
            listed.clone(),
            saying("/status @other", status("1")),
            "buffered",
        ),
        (json!({}), everyone.clone(), status("1"), "commands.allowFrom"),
        (json!({}), everyone.clone(), saying("/status", dm("1")), "in+"),
        (
            json!({"useAccessGroups": false}),
            open.clone(),
            status("1"),
            "in+",
        ),
        (
            json!({"useAccessGroups": false}),
            open.clone(),
            status(""),
            "commands.allowFrom",
        ),
        (
            json!({"useAccessGroups": false}),
            listed.clone(),
            status("2"),
            "commands.allowFrom",
        ),
        (
            json!({"ownerAllowFrom": ["chat:1"]}),
            open.clone(),
            status("1"),
            "owner",
        ),
        (
            json!({"ownerAllowFrom": ["rooms:1"]}),
            open.clone(),
            status("1"),
            "commands.allowFrom",
        ),
        (
            json!({"ownerAllowFrom": ["*"]}),
            open.clone(),
            status("1"),
            "commands.allowFrom",
        ),
        (json!({"ownerAllowFrom": ["*"]}), everyone.clone(), dm("1"), "in+"), // a star makes no owner
        (
            json!({"ownerAllowFrom": ["@ann"]}),
            everyone.clone(),
            dm("1"),
            "in+",
        ),
        (json!({"ownerAllowFrom": [1]}), everyone.clone(), dm("1"), "owner"),
        (
            json!({"allowFrom": {"chat": ["2"]}}),
            listed.clone(),
            status("1"),
            "commands.allowFrom",
        ),
        (
            json!({"allowFrom": {"chat": ["2"]}}),
            listed.clone(),
            status("2"),
            "in+",
        ),
        (
            json!({"allowFrom": {"*": ["2"]}}),
            listed.clone(),
            status("2"),
            "in+",
        ),
        (
            json!({"allowFrom": {"*": ["*"]}}),
            open.clone(),
            status("2"),
            "in+",
        ),
        (
            json!({"allowFrom": {"other": ["2"]}}),
            listed.clone(),
            status("1"),
            "in+",
        ), // no list for this channel
        (
            json!({"allowFrom": {"chat": ["2"]}}),
            everyone.clone(),
            dm("1"),
            "in",
        ),
        (
            json!({"allowFrom": {"chat": ["2"]}}),
            everyone.clone(),
            saying(" /status", dm("1")),
            "commands.allowFrom",
        ),
    ] {
        let world = World::of("chat", json!({"commands": commands, "channels": {"chat": block}}));
        assert_eq!(world.word(&event), expected, "{commands} {block} {event:?}");
        // whoever may write there, and give the command if it is one
        let admits = ["in", "in+", "owner", "buffered"].contains(&expected);
        assert_eq!(world.admits(&event), admits, "{commands} {block} {event:?}");
    }
}

#[test]
fn what_somebody_passes_on_is_no_command_of_his() {
    let open = json!({"groupPolicy": "open", "groupAllowFrom": ["1"]});
    let forwarded = |mut event: Inbound| {
        event.extra.insert("forwardedFrom".into(), "Eve".into());
        saying("/status", event)
    };
    let world = World::new("chat", open);
    for sender in ["1", "2"] {
        let event = forwarded(unmentioned(group("-5", "", sender)));
        assert_eq!(world.word(&event), "buffered", "it does not address the agent");
    }
    assert_eq!(world.word(&forwarded(group("-5", "", "2"))), "in", "it is text");
}

#[test]
fn every_kind_of_event_passes_the_gate() {
    use InboundKind::{Button, Call, Command, Delete, Edit, Membership, Message, Reaction};
    let block = json!({"allowFrom": ["1"], "dmPolicy": "allowlist", "groups": {"-5": {}}});
    let world = World::new("chat", block);
    for kind in [Message, Edit, Delete, Reaction, Button, Command, Membership, Call] {
        for (event, expected) in [
            (dm("1"), "in+"),
            (dm("2"), "channels.chat.allowFrom"),
            (group("-5", "", "1"), "in+"),
            (group("-5", "", "2"), "channels.chat.groupAllowFrom"),
            (group("-6", "", "1"), "channels.chat.groups.-6"),
        ] {
            assert_eq!(world.word(&of_kind(kind, event)), expected, "{kind:?}");
        }
    }
    assert_eq!(
        world.word(&of_kind(InboundKind::Unknown, dm("1"))),
        "events of this kind are not known"
    );
}

#[test]
fn programs_need_leave() {
    let bot = |mentioned| {
        let mut event = group("-5", "", "1");
        event.sender.is_bot = true;
        event.mentioned = mentioned;
        event
    };
    for (allow_bots, mentioned, expected) in [
        (json!(null), true, "channels.chat.allowBots"),
        (json!(false), true, "channels.chat.allowBots"),
        (json!(true), true, "in+"),
        (json!("mentions"), true, "in+"),
        (json!("mentions"), false, "channels.chat.allowBots"),
    ] {
        let world = World::new("chat", json!({"allowFrom": ["1"], "allowBots": allow_bots}));
        assert_eq!(world.word(&bot(mentioned)), expected, "{allow_bots}");
    }
}
