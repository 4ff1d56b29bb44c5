//! Messages that wait until the agent is addressed.
use super::*;

#[test]
fn skipped_messages_wait_in_their_chat_up_to_the_limit() {
    let world = World::new("chat", json!({"allowFrom": ["1"], "historyLimit": 2}));
    let say = |id: &str, chat: &str, topic: &str, text: &str, kind| {
        let mut event = unmentioned(group(chat, topic, "1"));
        event.message_id = id.into();
        event.kind = kind;
        assert_eq!(world.word(&saying(text, event)), "buffered");
    };
    use InboundKind::{Edit, Message};
    for (id, text) in [("1", "a"), ("2", "b"), ("3", "c")] {
        say(id, "-5", "", text, Message);
    }
    say("3", "-5", "", "c, corrected", Edit);
    say("1", "-5", "", "too old to correct", Edit);
    say("4", "-5", "7", "elsewhere", Message);
    say("5", "-6", "", "elsewhere", Message);
    let mut deleted = group("-5", "", "1");
    (deleted.kind, deleted.message_id) = (InboundKind::Delete, "2".into());
    assert_eq!(world.word(&deleted), "in+");
    let Verdict::Admitted(trigger) = world.judge(&group("-5", "", "1")).expect("a verdict") else {
        panic!("not admitted");
    };
    let texts = |skipped: Vec<Skipped>| skipped.into_iter().map(|one| one.text).collect::<Vec<_>>();
    assert_eq!(texts(world.access.take_skipped(&trigger)), ["c, corrected"]);
    assert!(world.access.take_skipped(&trigger).is_empty(), "taken once");
    let Verdict::Admitted(trigger) = world.judge(&group("-5", "7", "1")).expect("a verdict") else {
        panic!("not admitted");
    };
    assert_eq!(texts(world.access.take_skipped(&trigger)), ["elsewhere"]);
}

#[test]
fn who_may_not_write_leaves_nothing_behind() {
    let world = World::new(
        "chat",
        json!({"groupPolicy": "open", "groups": {"-5": {"allowFrom": ["1"]}}}),
    );
    world.word(&unmentioned(group("-5", "", "2")));
    let Verdict::Admitted(trigger) = world.judge(&group("-5", "", "1")).expect("a verdict") else {
        panic!("not admitted");
    };
    assert!(world.access.take_skipped(&trigger).is_empty());
}

#[test]
fn a_limit_of_zero_keeps_nothing() {
    let world = World::new("chat", json!({"allowFrom": ["1"], "historyLimit": 0}));
    assert_eq!(world.word(&unmentioned(group("-5", "", "1"))), "buffered");
    let Verdict::Admitted(trigger) = world.judge(&group("-5", "", "1")).expect("a verdict") else {
        panic!("not admitted");
    };
    assert!(world.access.take_skipped(&trigger).is_empty());
}

proptest! {
    #[test]
    fn nobody_without_an_id_is_ever_on_a_list(entry in ".{0,12}", blank in "[ \t\n]{0,3}", names in any::<bool>()) {
        let block = json!({"dmPolicy": "open", "allowFrom": [entry, "*"], "groupAllowFrom": [entry, "*"],
            "dangerouslyAllowNameMatching": names});
        let world = World::new("chat", block).paired(&["", " "]);
        prop_assert_eq!(world.word(&dm(&blank)), "the sender has no id");
        prop_assert_eq!(world.word(&group("-5", "", &blank)), "channels.chat.groupAllowFrom");
    }

    #[test]
    fn what_a_person_can_choose_opens_nothing(name in ".{0,12}", username in ".{0,12}", text in ".{0,20}") {
        prop_assume!(![&name, &username].iter().any(|text| text.trim() == "*"));
        let list = json!([name, username, format!("@{username}"), "42"]);
        let block = json!({"dmPolicy": "allowlist", "allowFrom": list, "groups": {"-5": {}}});
        let world = World::new("chat", block);
        for mut event in [dm("id-7"), group("-5", "", "id-7")] {
            (event.sender.name, event.sender.username, event.text) = (name.clone(), username.clone(), text.clone());
            prop_assert!(matches!(world.judge(&event), Ok(Verdict::Dropped(_))));
        }
    }
}
