//! The policy tables, row by row. `chat` is a platform without spaces, `rooms` one with them.
use super::*;
use crate::config::Config;
use openclaw_plugin_api::{Chat, Quoted, Sender};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::cell::Cell;

/// People that are paired, and the requests of others.
#[derive(Default)]
struct Known {
    paired: Vec<&'static str>,
    requests: Cell<usize>,
    fails: bool,
}

/// What a test says about the world around an event.
struct World {
    config: Value,
    channel: &'static str,
    known: Known,
    mentions: MentionPatterns,
    access: Access,
}

/// A verdict in a word: `in`, `in+` (may give commands), `owner`, `buffered`, `code`, `silent`, or the key.
type Word = String;

impl PairedStore for Known {
    fn is_paired(&self, peer: &Peer<'_>) -> Result<bool, JournalError> {
        if self.fails {
            return Err(JournalError::Sync {
                path: "x".into(),
                why: "full".into(),
            });
        }
        Ok(self.paired.contains(&peer.sender))
    }

    fn request(&self, _: &Peer<'_>, _: &Stranger<'_>, _: i64) -> Result<Requested, JournalError> {
        self.requests.set(self.requests.get() + 1);
        Ok(match self.requests.get() {
            1 => Requested::Created {
                code: "ABCDEFGH".into(),
            },
            _ => Requested::Known,
        })
    }
}

impl World {
    fn new(channel: &'static str, block: Value) -> Self {
        Self::of(channel, json!({"channels": {channel: block}}))
    }

    fn of(channel: &'static str, config: Value) -> Self {
        Self {
            config,
            channel,
            known: Known::default(),
            mentions: MentionPatterns::of_identity("Molty", ""),
            access: Access::new(),
        }
    }

    fn paired(mut self, ids: &[&'static str]) -> Self {
        self.known.paired = ids.to_vec();
        self
    }

    fn judge(&self, event: &Inbound) -> Result<Verdict, JournalError> {
        let config = Config::from_value(self.config.clone()).expect("a configuration");
        let policy = ChannelPolicy::of(&config, self.channel, "default").expect("a policy");
        let info = ChannelInfo {
            spaces: self.channel == "rooms",
            id_prefixes: vec!["ch".into(), "user".into()],
            ..ChannelInfo::default()
        };
        let ask = Ask {
            channel: self.channel,
            info: &info,
            policy: &policy,
            commands: &CommandAccess::of(&config),
            is_command: &|text| text.starts_with("/status"),
            require_mention: None,
            mentions: &self.mentions,
            paired: &self.known,
            now_ms: 0,
        };
        self.access.admit(&ask, event.clone())
    }

    fn word(&self, event: &Inbound) -> Word {
        match self.judge(event).expect("a verdict") {
            Verdict::Admitted(admitted) => match admitted.rights() {
                Rights { owner: true, .. } => "owner".into(),
                Rights { commands: true, .. } => "in+".into(),
                Rights { .. } => "in".into(),
            },
            Verdict::Buffered => "buffered".into(),
            Verdict::Pairing(invitation) if invitation.reply.is_some() => "code".into(),
            Verdict::Pairing(_) => "silent".into(),
            Verdict::Dropped(refusal) if refusal.key.is_empty() => refusal.reason.to_string(),
            Verdict::Dropped(refusal) => refusal.key,
        }
    }
}

fn dm(sender: &str) -> Inbound {
    Inbound {
        chat: Chat {
            id: "77".into(),
            ..Chat::default()
        },
        sender: Sender {
            id: sender.into(),
            username: "ann".into(),
            name: "Ann".into(),
            ..Sender::default()
        },
        message_id: "m".into(),
        text: "hello".into(),
        ..Inbound::default()
    }
}

/// A message in a group that addresses the agent.
fn group(chat: &str, topic: &str, sender: &str) -> Inbound {
    Inbound {
        chat: Chat {
            id: chat.into(),
            kind: ChatKind::Group,
            thread_id: topic.into(),
            ..Chat::default()
        },
        mentioned: true,
        ..dm(sender)
    }
}

/// A message in a room of a space that addresses the agent.
fn room(space: &str, chat: &str, title: &str, sender: &str) -> Inbound {
    let mut event = group(chat, "", sender);
    event.chat.kind = ChatKind::Channel;
    event.chat.space_id = space.into();
    event.chat.title = title.into();
    event
}

fn unmentioned(mut event: Inbound) -> Inbound {
    event.mentioned = false;
    event
}

fn saying(text: &str, mut event: Inbound) -> Inbound {
    event.text = text.into();
    event
}

fn of_kind(kind: InboundKind, mut event: Inbound) -> Inbound {
    event.kind = kind;
    event
}

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
    }
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
fn a_room_with_the_name_of_anothers_id_is_not_that_room() {
    let world = World::new("rooms", json!({"guilds": {"s": {"channels": {"123": {}}}}}));
    assert_eq!(world.word(&room("s", "123", "", "1")), "in");
    assert_eq!(
        world.word(&room("s", "9", "123", "1")),
        "channels.rooms.guilds.s.channels.9"
    );
}

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
