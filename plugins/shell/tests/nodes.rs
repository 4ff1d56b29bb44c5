//! Commands on another device, with a host that has some.
mod common;

use common::Bench;
use openclaw_plugin_api::{ApprovalDecision, ApprovalVerdict, Node, prelude::*};

fn node(id: &str, name: &str, platform: &str) -> Node {
    Node {
        id: id.into(),
        name: name.into(),
        platform: platform.into(),
        commands: vec!["system.run".into()],
    }
}

fn allowed(_: &openclaw_plugin_api::ApprovalRequest) -> ApprovalDecision {
    ApprovalDecision {
        verdict: ApprovalVerdict::AllowOnce,
        ..ApprovalDecision::default()
    }
}

fn answer(code: i32, stdout: &str) -> Value {
    json!({ "exitCode": code, "stdout": stdout, "stderr": "", "timedOut": false, "success": code == 0 })
}

#[tokio::test]
async fn a_device_is_asked_after_the_operator_and_its_words_are_plain() {
    let bench = Bench::with(json!({ "tools": { "exec": { "host": "node" } } }), allowed);
    bench.host.set_tool_variable("MAPS_KEY", "a-key-of-a-skill");
    bench.host.node(
        node("n1", "attic", "linux"),
        [answer(0, "\u{1b}[1mthere\u{1b}[0m\n")],
    );
    let run = bench
        .exec(json!({ "command": "uname", "workdir": "/srv/x" }))
        .await;
    assert_eq!(
        (&run["status"], &run["aggregated"]),
        (&json!("completed"), &json!("there\n")),
        "{run}"
    );
    let asked = bench.host.asked();
    assert_eq!(
        (asked[0].host.as_str(), asked[0].cwd.as_str()),
        ("node", "/srv/x")
    );
    assert!(
        asked[0].segments.is_empty() && asked[0].reason.contains("attic (n1)"),
        "{asked:?}"
    );
    let sent = bench.host.node_requests();
    assert_eq!(
        (sent[0].node.as_str(), sent[0].command.as_str()),
        ("n1", "system.run")
    );
    assert_eq!(sent[0].params["command"], json!(["/bin/sh", "-lc", "uname"]));
    assert!(
        !sent[0].params.to_string().contains("a-key-of-a-skill"),
        "no secret leaves"
    );
}

#[tokio::test]
async fn which_device_is_told_and_the_operators_choice_wins() {
    let windows = || node("n2", "Cellar", "win32");
    let two = |config: Value| {
        let bench = Bench::with(config, allowed);
        bench.host.node(node("n1", "attic", "linux"), [answer(1, "")]);
        bench.host.node(windows(), [answer(0, "")]);
        bench
    };
    let free = json!({ "tools": { "exec": { "host": "node" } } });
    let bench = two(free.clone());
    let refused = bench.exec(json!({ "command": "x" })).await;
    assert!(
        refused["reason"]
            .as_str()
            .is_some_and(|why| why.contains("attic (n1), Cellar (n2)")),
        "{refused}"
    );
    let refused = bench.exec(json!({ "command": "x", "node": "garage" })).await;
    assert!(
        refused["reason"]
            .as_str()
            .is_some_and(|why| why.contains("garage")),
        "{refused}"
    );
    assert!(bench.host.asked().is_empty() && bench.host.node_requests().is_empty());
    let run = bench.exec(json!({ "command": "dir", "node": "cellar" })).await;
    assert_eq!(run["status"], "failed", "its answer was the first one: {run}");
    let sent = bench.host.node_requests();
    assert_eq!(
        sent[0].params["command"],
        json!(["cmd.exe", "/d", "/s", "/c", "dir"])
    );
    let mut set = free;
    set["tools"]["exec"]["node"] = json!("attic");
    let bench = two(set);
    bench.exec(json!({ "command": "x", "node": "cellar" })).await;
    assert_eq!(bench.host.node_requests()[0].node, "n1");
}

#[tokio::test]
async fn nothing_goes_to_a_device_that_was_not_allowed() {
    let bench = Bench::with(json!({ "tools": { "exec": { "host": "node" } } }), |_| {
        ApprovalDecision {
            verdict: ApprovalVerdict::Deny,
            ..ApprovalDecision::default()
        }
    });
    bench.host.node(node("n1", "attic", "linux"), [answer(0, "")]);
    let refused = bench.exec(json!({ "command": "x" })).await;
    assert_eq!(refused["status"], "failed", "{refused}");
    assert!(bench.host.node_requests().is_empty());
    // whoever works in the sandbox may ask to leave it, and a person decides
    let bench = Bench::with(json!({}), allowed);
    bench.host.node(node("n1", "attic", "linux"), [answer(0, "")]);
    bench.exec(json!({ "command": "x", "host": "node" })).await;
    assert_eq!(bench.host.asked().len(), 1);
    let none = Bench::with(json!({}), allowed)
        .exec(json!({ "command": "x", "host": "node" }))
        .await;
    assert!(
        none["reason"]
            .as_str()
            .is_some_and(|why| why.contains("openclaw nodes")),
        "{none}"
    );
}
