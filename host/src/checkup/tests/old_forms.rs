//! Old forms: each is found, and what is written instead means the same.
use super::*;
use crate::config::{ChannelPolicy, Config, apply};

/// The value after all edits; nothing is left to find in it.
fn migrated(value: &Value) -> Value {
    let edits: Vec<_> = find(value).into_iter().flat_map(|form| form.edits).collect();
    let text = apply(&value.to_string(), &edits).expect("it can be edited");
    let after: Value = serde_json::from_str(&text).expect("JSON");
    let left: Vec<_> = find(&after).iter().map(|form| form.path.to_string()).collect();
    assert!(left.is_empty(), "{left:?} in {after:#}");
    after
}

fn paths(value: &Value) -> Vec<String> {
    find(value).iter().map(|form| form.path.to_string()).collect()
}

#[test]
fn a_new_file_has_none() {
    let new = json!({"agents": {"entries": {"main": {}}}, "bindings": [{"match": {"peer": {"kind": "group"}}}],
        "channels": {"irc": {"dmPolicy": "open", "dm": {"enabled": true}, "streaming": {"mode": "off"}}}});
    assert!(paths(&new).is_empty());
}

#[test]
fn agents_keep_their_order_and_their_settings() {
    let old = json!({"agents": {
        "entries": {"work": {"name": "newer"}},
        "list": [{"id": "Work", "name": "older"}, {"id": "main", "default": true, "model": "demo/echo"}, {"id": "x"}]}});
    assert_eq!(paths(&old), ["agents.list"]);
    let new = migrated(&old);
    assert_eq!(
        new["agents"],
        json!({"entries": {"work": {"name": "newer"}, "main": {"default": true, "model": "demo/echo"}, "x": {}}})
    );
    let names = |value: &Value| {
        let config = Config::from_value(value.clone()).expect("valid");
        let agents = config.agents();
        let rows = agents
            .agents
            .iter()
            .map(|a| (a.id.clone(), a.name.clone(), a.is_default));
        rows.collect::<Vec<_>>()
    };
    assert_eq!(names(&old), names(&new));
    // one without a name is for a person to look at
    assert!(paths(&json!({"agents": {"list": [{"name": "nobody"}]}})).is_empty());
}

#[test]
fn channels_mean_the_same_afterwards() {
    let blocks = [
        json!({"dm": {"policy": "allowlist", "allowFrom": ["1"]}}),
        json!({"dm": {"policy": "open", "allowFrom": ["*"], "groupEnabled": true}, "dmPolicy": "pairing"}),
        json!({"streaming": true}),
        json!({"streaming": true, "streamMode": "block"}),
        json!({"streaming": false, "streamMode": "block", "chunkMode": "newline"}),
        json!({"streaming": "progress", "blockStreaming": true}),
        json!({"blockStreaming": true, "blockStreamingCoalesce": {"minChars": 5}}),
        json!({"streamMode": "partial"}),
        json!({"streaming": {"chunkMode": "length"}, "chunkMode": "newline", "streamMode": "block"}),
        json!({"blockStreaming": false, "accounts": {"a": {"dm": {"policy": "disabled"}}}}),
        json!({"dm": {"allowFrom": ["1"]}, "streaming": true, "accounts": {"a": {"dm": {}, "name": "x"}}}),
        json!({"dmPolicy": "open", "streamMode": "block", "accounts": {"a": {"dm": {"policy": "disabled"}}}}),
        json!({"guilds": {"1": {"channels": {"2": {"allow": false}, "3": {"allow": true, "users": ["5"]},
            "4": {"allow": false, "enabled": true}}}}}),
    ];
    for block in blocks {
        let old = json!({"channels": {"irc": block}});
        assert!(!paths(&old).is_empty(), "{old}");
        let new = migrated(&old);
        for account in ["default", "a"] {
            let policy = |value: &Value| {
                let config = Config::from_value(value.clone()).expect("valid");
                let p = ChannelPolicy::of(&config, "irc", account).expect("a policy");
                let places = p.guilds.values().flat_map(|space| space.channels.values());
                let open: Vec<_> = places
                    .map(|place| place.enabled.or(place.allow) != Some(false))
                    .collect();
                let group = p.dm.as_ref().is_some_and(|dm| dm.group_enabled);
                (
                    (p.dm_policy(), p.allow_from().clone(), group, open),
                    (
                        p.stream_mode(),
                        p.chunk_mode(),
                        p.block_streaming(),
                        p.block_streaming_coalesce().cloned(),
                    ),
                )
            };
            assert_eq!(policy(&old), policy(&new), "{old}\n{new}");
        }
    }
}

#[test]
fn rules_of_nodes_mean_the_same_before_and_afterwards() {
    let rules = |value: &Value| {
        let nodes = Config::from_value(value.clone()).expect("valid").gateway.nodes;
        (nodes.allowed().to_vec(), nodes.denied().to_vec())
    };
    let list = |name: &str| vec![name.to_owned()];
    for (commands, wanted) in [
        (json!({}), (list("camera.snap"), list("system.run"))),
        (
            json!({"deny": ["sms.send"]}),
            (list("camera.snap"), list("sms.send")),
        ),
        (json!({"allow": [], "deny": []}), (vec![], vec![])),
    ] {
        let old = json!({"gateway": {"nodes": {
            "allowCommands": ["camera.snap"], "denyCommands": ["system.run"], "commands": commands}}});
        assert_eq!(rules(&old), wanted, "{old}");
        assert_eq!(rules(&migrated(&old)), wanted, "{old}");
    }
}

#[test]
fn words_and_sessions() {
    let old = json!({
        "gateway": {"reload": {"mode": "hot"}}, "messages": {"queue": {"mode": "steer-backlog"}},
        "session": {"idleMinutes": 30}, "bindings": [{"agentId": "main", "match": {"peer": {"kind": "dm", "id": "1"}}}]});
    assert_eq!(
        paths(&old),
        [
            "bindings[0].match.peer.kind",
            "session.idleMinutes",
            "gateway.reload.mode",
            "messages.queue.mode"
        ]
    );
    let new = migrated(&old);
    assert_eq!(
        new["session"],
        json!({"reset": {"mode": "idle", "idleMinutes": 30}})
    );
    assert_eq!(new["bindings"][0]["match"]["peer"]["kind"], "direct");
    Config::from_value(new).expect("valid");
    let by_type = json!({"session": {"resetByType": {"dm": {"mode": "daily"}}}});
    assert_eq!(
        migrated(&by_type)["session"]["resetByType"],
        json!({"direct": {"mode": "daily"}})
    );
}
