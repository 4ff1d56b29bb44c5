//! People whom nobody let in.
use super::*;

#[test]
fn a_refusal_is_remembered_once_for_each_peer_and_key() {
    let world = World::new("chat", json!({"dmPolicy": "allowlist", "groups": {"-5": {}}}));
    let seen = || world.access.refused.lock().expect("not poisoned").len();
    for (event, count) in [
        (dm("1"), 1),
        (dm("1"), 1),
        (dm("2"), 2),
        (group("-6", "", "1"), 3),
        (group("-6", "", "2"), 3), // the chat is what is not listed
        (group("-5", "", "2"), 4),
    ] {
        world.word(&event);
        assert_eq!(seen(), count);
    }
    let Verdict::Dropped(refusal) = world.judge(&dm("3")).expect("a verdict") else {
        panic!("not dropped");
    };
    assert_eq!(
        refusal.to_string(),
        "no list names the sender; add the sender to channels.chat.allowFrom to let this through"
    );
}

#[test]
fn a_stranger_gets_one_code_and_only_for_what_people_say() {
    let world = World::new("chat", json!({}));
    let kinds = [
        InboundKind::Reaction,
        InboundKind::Edit,
        InboundKind::Button,
        InboundKind::Call,
    ];
    for kind in kinds {
        assert_eq!(
            world.word(&of_kind(kind, dm("1"))),
            "channels.chat.allowFrom",
            "{kind:?}"
        );
    }
    assert_eq!(world.known.requests.get(), 0);
    assert_eq!([world.word(&dm("1")), world.word(&dm("1"))], ["code", "silent"]);
}

#[test]
fn a_store_that_fails_lets_nobody_in_and_drops_nothing() {
    let mut world = World::new("chat", json!({"allowFrom": ["1"]}));
    world.known.fails = true;
    assert!(world.judge(&dm("2")).is_err());
    assert_eq!(world.word(&dm("1")), "in+", "lists need no store");
}
