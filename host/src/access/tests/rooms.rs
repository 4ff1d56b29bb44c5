//! Rooms of spaces: by id, by name, by role.
use super::*;

#[test]
fn rooms_of_spaces() {
    let guide = json!({"guilds": {"s": {"channels": {"general": {"allow": true}}, "requireMention": false}}});
    let people = json!({"guilds": {"s": {"users": ["1"], "roles": ["admin"], "channels": {
        "c": {"users": ["2"], "roles": []}, "d": {}, "e": {"users": ["*"]}}}}});
    for (block, space, chat, title, sender, expected) in [
        (json!({}), "s", "c", "", "1", "channels.rooms.guilds.s"),
        (json!({"groupPolicy": "open"}), "s", "c", "", "1", "in"),
        (
            json!({"groupPolicy": "open", "guilds": {"s": {}}}),
            "t",
            "c",
            "",
            "1",
            "channels.rooms.guilds.t",
        ),
        (json!({"guilds": {"s": {}}}), "s", "c", "", "1", "in"), // no rooms named: all of them
        (json!({"guilds": {"*": {}}}), "t", "c", "", "1", "in"),
        (guide.clone(), "s", "c", "general", "1", "in"),
        (guide.clone(), "s", "c", "#General", "1", "in"),
        (
            guide.clone(),
            "s",
            "c",
            "other",
            "1",
            "channels.rooms.guilds.s.channels.c",
        ),
        (
            guide.clone(),
            "s",
            "c",
            "",
            "1",
            "channels.rooms.guilds.s.channels.c",
        ),
        (
            json!({"groupPolicy": "open", "guilds": {"s": {"channels": {"x": {}}}}}),
            "s",
            "c",
            "",
            "1",
            "channels.rooms.guilds.s.channels.c",
        ),
        (
            json!({"guilds": {"s": {"channels": {"c": {"allow": false}}}}}),
            "s",
            "c",
            "",
            "1",
            "channels.rooms.guilds.s.channels.c.enabled",
        ),
        (
            json!({"guilds": {"s": {"channels": {"c": {"enabled": false, "allow": true}}}}}),
            "s",
            "c",
            "",
            "1",
            "channels.rooms.guilds.s.channels.c.enabled",
        ),
        (
            json!({"guilds": {"s": {"channels": {"c": {"enabled": false}, "*": {}}}}}),
            "s",
            "x",
            "",
            "1",
            "in",
        ),
        (
            json!({"groupPolicy": "disabled", "guilds": {"s": {}}}),
            "s",
            "c",
            "",
            "1",
            "channels.rooms.groupPolicy",
        ),
        (people.clone(), "s", "d", "", "1", "in+"),
        (people.clone(), "s", "d", "", "2", "channels.rooms.guilds.s.users"),
        (
            people.clone(),
            "s",
            "c",
            "",
            "1",
            "channels.rooms.guilds.s.channels.c.users",
        ),
        (people.clone(), "s", "c", "", "2", "in+"),
        (people.clone(), "s", "e", "", "3", "in+"),
        (
            people.clone(),
            "s",
            "e",
            "",
            "",
            "channels.rooms.guilds.s.channels.e.users",
        ),
    ] {
        let world = World::new("rooms", block.clone()).paired(&["9"]);
        assert_eq!(
            world.word(&room(space, chat, title, sender)),
            expected,
            "{block} {chat} {title} {sender}"
        );
    }
}

#[test]
fn roles_let_in_and_threads_are_judged_by_their_parents() {
    let block =
        json!({"guilds": {"s": {"roles": ["<@&55>", "role:66"], "channels": {"general": {}, "p": {}}}}});
    let world = World::new("rooms", block);
    for (role, expected) in [
        ("55", "in+"),
        ("66", "in+"),
        ("77", "channels.rooms.guilds.s.users"),
        ("", "channels.rooms.guilds.s.users"),
    ] {
        let mut event = room("s", "p", "", "1");
        event.sender.roles = vec![role.into()];
        assert_eq!(world.word(&event), expected, "{role}");
    }
    for (parent, parent_title, title, expected) in [
        ("p", "", "chatter", "in+"),
        ("q", "general", "chatter", "in+"),
        ("q", "", "general", "channels.rooms.guilds.s.channels.q"), // anybody names a thread
        ("q", "elsewhere", "general", "channels.rooms.guilds.s.channels.q"),
    ] {
        let mut event = room("s", "thread", title, "1");
        event.chat.parent_id = parent.into();
        event.chat.parent_title = parent_title.into();
        event.sender.roles = vec!["55".into()];
        assert_eq!(world.word(&event), expected, "{parent} {parent_title} {title}");
    }
}

#[test]
fn messages_to_several_people_are_off_by_default() {
    for (dm, policy, expected) in [
        (json!({}), "open", "channels.rooms.dm.groupEnabled"),
        (json!({"groupEnabled": true}), "allowlist", "in"),
        (
            json!({"groupEnabled": true}),
            "disabled",
            "channels.rooms.groupPolicy",
        ),
        (
            json!({"groupEnabled": true, "enabled": false}),
            "open",
            "channels.rooms.dm.groupEnabled",
        ),
        (
            json!({"groupEnabled": true, "groupChannels": ["g"]}),
            "open",
            "in",
        ),
        (
            json!({"groupEnabled": true, "groupChannels": ["h"]}),
            "open",
            "channels.rooms.dm.groupChannels",
        ),
    ] {
        let world = World::new("rooms", json!({"dm": dm, "groupPolicy": policy}));
        assert_eq!(world.word(&group("g", "", "1")), expected, "{dm} {policy}");
    }
}

#[test]
fn a_room_with_the_name_of_anothers_id_is_not_that_room() {
    let world = World::new("rooms", json!({"guilds": {"s": {"channels": {"123": {}}}}}));
    assert_eq!(world.word(&room("s", "123", "", "1")), "in");
    assert_eq!(
        world.word(&room("s", "9", "123", "1")),
        "channels.rooms.guilds.s.channels.9"
    );
}

#[test]
fn a_space_is_known_by_its_name_only_where_that_is_allowed() {
    let named = |title: &str| {
        let mut event = room("9", "c", "", "1");
        event.chat.space_title = title.into();
        event
    };
    let world = |names: bool| {
        let guilds = json!({"friends-of-molty": {"requireMention": false}, "5": {"slug": "other", "requireMention": false}});
        World::new(
            "rooms",
            json!({"guilds": guilds, "dangerouslyAllowNameMatching": names}),
        )
    };
    for (title, word) in [
        ("Friends of Molty", "in"),
        ("Other", "in"),
        ("", "channels.rooms.guilds.9"),
        ("x", "channels.rooms.guilds.9"),
    ] {
        assert_eq!(world(true).word(&named(title)), word, "{title}");
        assert_eq!(
            world(false).word(&named(title)),
            "channels.rooms.guilds.9",
            "{title}"
        );
    }
}
