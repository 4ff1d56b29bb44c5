//! The file of rules, and questions as others see them.
use super::*;
use crate::config::Env;
use openclaw_plugin_api::{CommandSegment, ExecAsk, ExecSecurity};
use serde_json::json;
use std::{fs, os::unix::fs::PermissionsExt, path::Path};

fn store(folder: &Path) -> Store {
    let env = Env::from_iter([("OPENCLAW_STATE_DIR", folder.to_str().expect("UTF-8"))]);
    Store::new(&Paths::resolve(&env).expect("a state directory"))
}

#[test]
fn what_is_not_known_in_the_file_stays_and_only_its_owner_reads_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path());
    let written = json!({
        "version": 1, "socket": { "path": "/run/x.sock", "token": "a secret" }, "later": [1],
        "defaults": { "security": "allowlist", "ask": "on-miss", "askFallback": "deny", "autoAllowSkills": true },
        "agents": { "main": { "ask": "always", "mood": "good", "allowlist": [
            { "id": "1", "pattern": "/usr/bin/rg", "lastUsedAt": 5, "since": "monday" },
        ] } },
    });
    fs::write(store.path(), written.to_string()).expect("written");
    let added = store.change(|now| now.rules.allow("main", "/usr/bin/wc"));
    assert!(added.expect("changed"));
    let again = store.change(|now| now.rules.allow("main", "/usr/bin/wc"));
    assert!(!again.expect("there is one already"));
    let text = fs::read_to_string(store.path()).expect("read");
    let mut read: Value = serde_json::from_str(&text).expect("JSON");
    let list = read["agents"]["main"]["allowlist"].as_array_mut().expect("rules");
    assert_eq!(list.pop().expect("the new one")["pattern"], "/usr/bin/wc");
    assert_eq!(read, written);
    let mode = fs::metadata(store.path()).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let snapshot = store.read().expect("read");
    assert!(!snapshot.rules.view().to_string().contains("a secret"));
    assert!(!format!("{snapshot:?}").contains("a secret"));
    let settings = snapshot.rules.settings("main");
    assert_eq!(
        (settings.security, settings.ask),
        (Some(ExecSecurity::Allowlist), Some(ExecAsk::Always))
    );
    assert!(
        store
            .change(|now| Ok(now.rules.forget("main", "1")))
            .expect("changed")
    );
    assert_eq!(store.read().expect("read").rules.allowlist("main").len(), 1);
}

#[test]
fn whoever_saw_an_older_file_changes_nothing_and_keeps_no_secret_from_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path());
    let first = store.read().expect("no file is no rules");
    assert!(!first.exists);
    let rules: Rules =
        serde_json::from_value(json!({ "socket": { "path": "/a", "token": "t" } })).expect("rules");
    let second = store.replace(rules, None).expect("there was none");
    let shown: Rules = serde_json::from_value(second.rules.view()).expect("rules");
    assert!(matches!(
        store.replace(shown.clone(), Some(&first.hash)),
        Err(FileError::Stale)
    ));
    assert!(matches!(
        store.replace(shown.clone(), None),
        Err(FileError::Stale)
    ));
    store
        .replace(shown, Some(&second.hash))
        .expect("it is as it was seen");
    assert!(
        fs::read_to_string(store.path()).expect("read").contains("\"t\""),
        "the secret that was not shown stays"
    );
}

#[test]
fn a_file_that_can_not_be_read_allows_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path());
    for text in [
        "{",
        r#"{"version": 2}"#,
        r#"{"defaults": {"security": "fool"}}"#,
        "[]",
        r#"{"agents": 5}"#,
    ] {
        fs::write(store.path(), text).expect("written");
        assert!(matches!(store.read(), Err(FileError::Invalid { .. })), "{text}");
        assert!(
            store.change(|now| now.rules.allow("main", "/x")).is_err(),
            "{text}"
        );
        assert_eq!(
            fs::read_to_string(store.path()).expect("read"),
            text,
            "it is left as it is"
        );
    }
    fs::write(store.path(), vec![b' '; 2 << 20]).expect("written");
    assert!(matches!(store.read(), Err(FileError::Invalid { .. })));
}

#[test]
fn two_writers_lose_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let store = store(folder.path());
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let store = store.clone();
            scope.spawn(move || {
                for n in 0..10 {
                    let added = store.change(|now| now.rules.allow("*", &format!("/bin/{writer}-{n}")));
                    assert!(added.expect("changed"));
                }
            });
        }
    });
    assert_eq!(store.read().expect("read").rules.allowlist("any").len(), 40);
}

#[test]
fn a_list_is_full_at_some_time() {
    let mut rules = Rules::default();
    for n in 0..file::MAX_RULES {
        assert!(rules.allow("main", &format!("/bin/{n}")).expect("there is room"));
    }
    assert!(matches!(
        rules.allow("main", "/bin/more"),
        Err(FileError::Full(_))
    ));
}

fn record() -> Record {
    Record {
        id: "ec046ffb-aa44-4dbc-a1ed-06b99a9a5082".into(),
        question: Question {
            command: "echo hello".into(),
            segments: vec![CommandSegment {
                argv: vec!["echo".into()],
                resolved_path: "/usr/bin/echo".into(),
                safe: false,
            }],
            cwd: "/srv".into(),
            host: "gateway".into(),
            security: Some(ExecSecurity::Full),
            ask: Some(ExecAsk::Always),
            agent_id: "main".into(),
            session_key: "agent:main:appr".into(),
            ..Question::default()
        },
        created_ms: 5,
        expires_ms: 120_005,
        outcome: None,
        posts: Vec::new(),
    }
}

#[test]
fn frames_have_the_fields_of_the_recorded_ones() {
    let view = record().view();
    for key in [
        "command",
        "systemRunBinding",
        "systemRunPlan",
        "cwd",
        "nodeId",
        "host",
        "security",
        "ask",
        "warningText",
        "scope",
        "commandAnalysis",
        "unavailableDecisions",
        "allowedDecisions",
        "agentId",
        "resolvedPath",
        "sessionKey",
        "sessionId",
        "runId",
        "toolCallId",
        "turnSourceChannel",
        "turnSourceTo",
        "turnSourceAccountId",
        "turnSourceThreadId",
        "cronExecutionSource",
        "cronOperationBinding",
    ] {
        assert!(view["request"].get(key).is_some(), "{key}");
    }
    assert_eq!(view["approvalKind"], "exec");
    assert_eq!(view["request"]["allowedDecisions"], json!(["allow-once", "deny"]));
    assert_eq!(view["request"]["unavailableDecisions"], json!(["allow-always"]));
    let mut ended = record();
    ended.outcome = Some(Outcome {
        ending: Ending::Answered(Decision::AllowOnce),
        by: "a-client".into(),
        at_ms: 9,
    });
    let resolved = ended.resolved_view();
    assert_eq!(
        (&resolved["decision"], &resolved["resolvedBy"]),
        (&json!("allow-once"), &json!("a-client"))
    );
    assert_eq!(resolved["request"], view["request"]);
}

#[test]
fn a_question_is_kept_as_it_is() {
    let mut record = record();
    for ending in [
        Ending::Answered(Decision::AllowAlways),
        Ending::Answered(Decision::Deny),
        Ending::Expired,
        Ending::Withdrawn,
        Ending::Restarted,
        Ending::Unreachable,
    ] {
        record.outcome = Some(Outcome {
            ending,
            by: String::new(),
            at_ms: 1,
        });
        let kept = serde_json::to_vec(&record).expect("JSON");
        assert_eq!(serde_json::from_slice::<Record>(&kept).expect("a record"), record);
        let allowed = matches!(ending, Ending::Answered(Decision::AllowAlways));
        assert_eq!(
            record.outcome.as_ref().map(|o| o.verdict().is_allowed()),
            Some(allowed)
        );
    }
}
