//! What is addressed to the agent, and what is context.
use super::*;

#[test]
fn groups_wait_to_be_addressed() {
    let quoted = |from_self| {
        let mut event = unmentioned(group("-5", "7", "1"));
        event.reply_to = Some(Quoted {
            from_self,
            ..Quoted::default()
        });
        event
    };
    let plain = || unmentioned(group("-5", "7", "1"));
    let rule = |rule: Value| json!({"allowFrom": ["1"], "groups": rule});
    for (block, event, expected) in [
        (json!({"allowFrom": ["1"]}), plain(), "buffered"),
        (json!({"allowFrom": ["1"]}), group("-5", "7", "1"), "in+"),
        (json!({"allowFrom": ["1"]}), saying("molty, help", plain()), "in+"),
        (json!({"allowFrom": ["1"]}), quoted(true), "in+"),
        (json!({"allowFrom": ["1"]}), quoted(false), "buffered"),
        (
            json!({"allowFrom": ["1"], "implicitMentions": {"replyToBot": false}}),
            quoted(true),
            "buffered",
        ),
        (rule(json!({"-5": {"requireMention": false}})), plain(), "in+"),
        (rule(json!({"*": {"requireMention": false}})), plain(), "in+"),
        (
            rule(json!({"*": {"requireMention": false}, "-5": {}})),
            plain(),
            "in+",
        ),
        (
            rule(json!({"*": {"requireMention": false}, "-5": {"requireMention": true}})),
            plain(),
            "buffered",
        ),
        (
            rule(json!({"-5": {"requireMention": false, "topics": {"7": {"requireMention": true}}}})),
            plain(),
            "buffered",
        ),
        (
            rule(json!({"-5": {"topics": {"7": {"requireMention": false}}}})),
            plain(),
            "in+",
        ),
        (
            rule(json!({"-5": {"topics": {"*": {"requireMention": false}}}})),
            plain(),
            "in+",
        ),
        (
            json!({"allowFrom": ["1"]}),
            of_kind(InboundKind::Reaction, plain()),
            "in+",
        ),
        (
            json!({"allowFrom": ["1"]}),
            of_kind(InboundKind::Button, plain()),
            "in+",
        ),
        (
            json!({"allowFrom": ["1"]}),
            of_kind(InboundKind::Edit, plain()),
            "buffered",
        ),
    ] {
        assert_eq!(
            World::new("chat", block.clone()).word(&event),
            expected,
            "{block} {event:?}"
        );
    }
    for (space, expected) in [
        (json!({}), "buffered"),
        (json!({"requireMention": false}), "in"),
        (
            json!({"requireMention": false, "channels": {"c": {"requireMention": true}}}),
            "buffered",
        ),
        (
            json!({"requireMention": true, "channels": {"c": {"requireMention": false}}}),
            "in",
        ),
    ] {
        let world = World::new("rooms", json!({"guilds": {"s": space}}));
        assert_eq!(
            world.word(&unmentioned(room("s", "c", "", "1"))),
            expected,
            "{space}"
        );
    }
}

#[test]
fn whoever_calls_the_agent_in_any_way_has_mentioned_it() {
    let reply = || Inbound {
        reply_to: Some(Quoted {
            from_self: true,
            ..Quoted::default()
        }),
        ..unmentioned(group("-5", "", "1"))
    };
    let heard = json!({"requireMention": false});
    for (implicit, event, mentioned) in [
        (true, reply(), true),
        (false, reply(), false),
        (true, saying("molty?", unmentioned(group("-5", "", "1"))), true),
        (true, unmentioned(group("-5", "", "1")), false),
    ] {
        let block = json!({"allowFrom": ["1"], "groups": {"-5": heard},
            "implicitMentions": {"replyToBot": implicit}});
        let Ok(Verdict::Admitted(admitted)) = World::new("chat", block).judge(&event) else {
            panic!("{event:?} is let in");
        };
        let told = (admitted.mentioned(), admitted.inner().mentioned);
        assert_eq!(told, (mentioned, mentioned), "{implicit} {event:?}");
    }
}

#[test]
fn patterns_count_where_the_channel_says_so() {
    for (scope, expected) in [
        (json!(null), "in+"),
        (json!({}), "in+"),
        (json!({"denyIn": ["-5"]}), "buffered"),
        (json!({"denyIn": ["-6"]}), "in+"),
        (json!({"mode": "deny"}), "buffered"),
        (json!({"mode": "deny", "allowIn": [-5]}), "in+"),
    ] {
        let world = World::new("chat", json!({"allowFrom": ["1"], "mentionPatterns": scope}));
        let event = saying("molty?", unmentioned(group("-5", "", "1")));
        assert_eq!(world.word(&event), expected, "{scope}");
    }
}

#[test]
fn what_addresses_others_is_context_where_the_operator_says_so() {
    let space = json!({"requireMention": false, "ignoreOtherMentions": true, "channels": {
        "a": {}, "b": {"ignoreOtherMentions": false}}});
    let world = World::new("rooms", json!({"guilds": {"s": space}}));
    let to = |chat: &str, text: &str, others: bool| Inbound {
        text: text.into(),
        mentioned: false,
        mentions_others: others,
        ..room("s", chat, "", "1")
    };
    for (event, word) in [
        (to("a", "hi", false), "in"),
        (to("a", "@bob hi", true), "buffered"),
        (to("a", "@bob and Molty, hi", true), "in"),
        (to("b", "@bob hi", true), "in"),
    ] {
        assert_eq!(world.word(&event), word, "{event:?}");
    }
}
