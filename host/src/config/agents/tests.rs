//! From both forms of the file to the agents as they are.
use super::*;
use crate::config::{Config, Paths};
use serde_json::{Value, json};
use std::{path::Path, time::Duration};

fn config(value: Value) -> Config {
    Config::from_value(value).expect("valid")
}

fn faults(value: Value) -> Vec<String> {
    let faults = Config::from_value(value).expect_err("not valid");
    faults.iter().map(ToString::to_string).collect()
}

fn paths() -> Paths {
    Paths::resolve(&[("HOME", "/h")].into_iter().collect()).expect("a home")
}

#[test]
fn without_any_there_is_main() {
    let agents = config(json!({})).agents();
    assert_eq!((agents.default_id.as_str(), agents.agents.len()), ("main", 1));
    let main = agents.default_agent();
    assert_eq!(main.timeout, Some(Duration::from_secs(600)));
    assert_eq!(main.workspace(&paths()), Path::new("/h/.openclaw/workspace"));
    assert_eq!(
        main.agent_dir(&paths()),
        Path::new("/h/.openclaw/agents/main/agent")
    );
    assert!(main.model.is_empty() && agents.max_concurrent == 4);
}

#[test]
fn both_forms_become_one() {
    let agents = config(json!({"agents": {
        "list": [{"id": "Ops Team"}, {"id": "main", "name": "old", "default": true}],
        "entries": {"main": {"name": "new"}, "extra": {}}
    }}))
    .agents();
    let ids: Vec<_> = agents.agents.iter().map(|agent| agent.id.as_str()).collect();
    assert_eq!(ids, ["main", "extra", "ops-team"]);
    assert_eq!(
        agents.get("MAIN").and_then(|agent| agent.name.as_deref()),
        Some("new")
    );
    assert_eq!(
        agents.default_id, "main",
        "the first, for the newer entry is not marked"
    );
    assert!(agents.get("nobody").is_none());
}

#[test]
fn own_settings_win_and_an_own_model_goes_without_fallbacks() {
    let config = config(json!({
        "messages": {"groupChat": {"mentionPatterns": ["a"], "historyLimit": 5}},
        "agents": {
            "defaults": {
                "model": {"primary": "a/b", "fallbacks": ["c/d"]}, "workspace": "~/w", "timeoutSeconds": 0,
                "params": {"x": 1, "y": 1}, "models": {"a/b": {"alias": "Ab", "params": {"y": 2}}},
                "compaction": {"mode": "safeguard", "memoryFlush": {"enabled": false}}, "thinkingDefault": "high"
            },
            "entries": {
                "one": {},
                "two": {"model": "e/f", "timeoutSeconds": 5, "compaction": {"memoryFlush": {"softThresholdTokens": 1}},
                    "groupChat": {"historyLimit": 0}, "params": {"y": 3}, "models": {"a/b": {"params": {"y": 9, "z": 1}}}},
                "three": {"model": {"fallbacks": ["g/h"]}}
            }
        }
    }));
    let agents = config.agents();
    let get = |id: &str| agents.get(id).expect("it is there");
    let (one, two, three) = (get("one"), get("two"), get("three"));
    assert_eq!(one.model.references().collect::<Vec<_>>(), ["a/b", "c/d"]);
    assert_eq!(two.model.references().collect::<Vec<_>>(), ["e/f"]);
    assert_eq!(three.model.references().collect::<Vec<_>>(), ["a/b", "g/h"]);
    assert_eq!((one.timeout, two.timeout), (None, Some(Duration::from_secs(5))));
    assert_eq!(one.workspace(&paths()), Path::new("/h/w"));
    assert_eq!(two.workspace(&paths()), Path::new("/h/.openclaw/workspace-two"));
    assert_eq!(two.compaction.mode, Some(CompactionMode::Safeguard));
    assert_eq!(two.compaction.memory_flush.enabled, Some(false));
    assert_eq!(two.compaction.memory_flush.soft_threshold_tokens, Some(1));
    assert_eq!(two.group_chat.history_limit, Some(0));
    assert_eq!(
        two.group_chat.mention_patterns.as_deref(),
        Some(&["a".to_owned()][..])
    );
    assert_eq!(two.thinking, Some(ThinkingLevel::High));
    assert_eq!(one.reference("AB"), "a/b");
    assert_eq!(Value::Object(one.params("a/b").to_map()), json!({"x": 1, "y": 2}));
    assert_eq!(
        Value::Object(two.params("a/b").to_map()),
        json!({"x": 1, "y": 3, "z": 1})
    );
    assert_eq!(Value::Object(one.params("c/d").to_map()), json!({"x": 1, "y": 1}));
}

#[test]
fn ids_are_fit_for_keys_and_folders() {
    for (written, id) in [
        ("Main", "main"),
        (" a b//c ", "a-b-c"),
        ("../..", "main"),
        ("-x-", "x"),
        ("Ünïcode", "n-code"),
        ("", "main"),
    ] {
        assert_eq!(agent_id(written), id, "{written}");
    }
    assert_eq!(agent_id(&"x".repeat(100)).len(), 64);
}

#[test]
fn faults_are_named_through_flattened_records() {
    for (value, expected) in [
        (
            json!({"agents": {"defaults": {"timeoutSecond": 1}}}),
            "agents.defaults.timeoutSecond: is an unknown key; did you mean `timeoutSeconds`?",
        ),
        (
            json!({"agents": {"list": [{"id": "a", "defualt": true}]}}),
            "agents.list[0].defualt: is an unknown key; did you mean `default`?",
        ),
        (
            json!({"agents": {"entries": {"a": {"model": {"primry": "x/y"}}}}}),
            "agents.entries.a.model.primry: is an unknown key; did you mean `primary`?",
        ),
        (
            json!({"agents": {"defaults": {"maxConcurrent": 0}}}),
            "agents.defaults.maxConcurrent: is a number, but must be at least 1",
        ),
        (
            json!({"agents": {"list": [{"id": 5}]}}),
            "agents.list[0].id: is a number, but must be of type string; write it in quotes",
        ),
    ] {
        assert_eq!(faults(value), [expected]);
    }
}
