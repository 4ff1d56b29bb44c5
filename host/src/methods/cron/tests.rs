//! What a change changes, and what a list takes.
use super::list::List;
use super::*;

fn job() -> Job {
    serde_json::from_value(json!({
        "id": "j", "agentId": "main", "name": "n", "enabled": true, "createdAtMs": 0, "updatedAtMs": 0,
        "schedule": { "kind": "every", "everyMs": 1000 }, "sessionTarget": "isolated", "wakeMode": "now",
        "payload": { "kind": "agentTurn", "message": "m", "model": "a/b" },
        "delivery": { "mode": "announce", "channel": "last", "threadId": 5 },
    }))
    .expect("a job")
}

#[test]
fn a_patch_changes_what_it_names_and_no_more() {
    let patch = |patch: Value| patched(&job(), patch.as_object().expect("an object").clone());
    let changed =
        patch(json!({ "payload": { "kind": "agentTurn", "message": "x" }, "delivery": { "to": "7" } }));
    let changed = changed.expect("changed");
    let Payload::AgentTurn { message, model, .. } = &changed.payload else {
        panic!("it is still a turn")
    };
    assert_eq!((message.as_str(), model.as_deref()), ("x", Some("a/b")));
    let delivery = changed.delivery.expect("still there");
    assert_eq!(
        (delivery.to.as_deref(), delivery.thread_id.as_deref()),
        (Some("7"), Some("5"))
    );
    let other = patch(json!({ "payload": { "kind": "systemEvent", "text": "t" }, "delivery": null }));
    assert_eq!(other.expect("changed").delivery, None);
    assert!(patch(json!({ "payload": { "kind": "script" } })).is_err());
}

#[test]
fn a_list_takes_what_is_asked_for() {
    let list = |wanted: Value| serde_json::from_value::<List>(wanted).expect("parameters");
    let mut job = job();
    assert!(list(json!({})).takes(&job) && !list(json!({ "enabled": "disabled" })).takes(&job));
    job.enabled = false;
    assert!(!list(json!({})).takes(&job) && list(json!({ "includeDisabled": true })).takes(&job));
    assert!(!list(json!({ "enabled": "all", "scheduleKind": "at" })).takes(&job));
    assert!(list(json!({ "enabled": "all", "query": "N" })).takes(&job));
}
