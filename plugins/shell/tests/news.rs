//! What is told of commands when nobody waits for them any more, and what commands get of the operator for skills.
mod common;

use common::Bench;
use openclaw_plugin_api::prelude::*;
use std::time::Duration;

/// Waits for the end of the first work: what is told of it.
async fn news(bench: &Bench) -> String {
    let told = async {
        loop {
            if let Some(news) = bench.host.news().into_iter().next() {
                return news.text;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), told)
        .await
        .expect("news in time")
}

#[tokio::test]
async fn the_end_of_a_command_in_the_background_is_told() {
    let bench = Bench::new(json!({}));
    let command = "until test -e go; do sleep 0.02; done; echo the last words; exit 3";
    let id = bench.background(json!({ "command": command })).await;
    let noted = bench.host.unfinished();
    assert_eq!(noted.len(), 1);
    assert_eq!(noted[0].origin.session_key, "agent:main:main");
    assert!(noted[0].lost.contains(&id) && noted[0].lost.contains("ended with the gateway"));
    assert!(bench.host.news().is_empty());
    std::fs::write(bench.workspace().join("go"), "").expect("written");
    let told = news(&bench).await;
    assert!(told.starts_with(&format!("Exec failed ({id}, code 3")), "{told}");
    assert!(
        told.contains("until test -e go") && told.ends_with("the last words"),
        "{told}"
    );
    let (log, _) = bench.process("log", &id, json!({})).await;
    assert!(log.contains("the last words"), "it can still be looked at: {log}");
}

#[tokio::test]
async fn no_end_shows_a_part_of_a_secret() {
    let bench = Bench::new(json!({}));
    bench.host.set_tool_variable("MAPS_KEY", "a-key-of-a-skill");
    // what is told begins within the key
    let command = "printf %s \"$MAPS_KEY\"; head -c 3990 /dev/zero | tr '\\0' y; until test -e go; do sleep 0.02; done; exit 3";
    let id = bench.background(json!({ "command": command })).await;
    bench.until(&id, "yyyy").await;
    std::fs::write(bench.workspace().join("go"), "").expect("written");
    let told = news(&bench).await;
    assert!(told.contains("yyyy") && !told.contains("a-skill"), "{told}");
}

#[tokio::test]
async fn what_is_promised_of_the_end_is_what_will_be() {
    for (set, expected) in [
        (json!({}), "unless it ends well and says nothing"),
        (
            json!({ "notifyOnExitEmptySuccess": true }),
            "its end comes as a message;",
        ),
        (json!({ "notifyOnExit": false }), "as cmd-"),
    ] {
        let bench = Bench::new(json!({ "tools": { "exec": set } }));
        let output = bench
            .call("exec", json!({ "command": "sleep 600", "background": true }))
            .await
            .expect("it runs");
        let text = output.content[0].as_text().expect("text");
        assert!(text.contains(expected), "{text}");
        let is_promised = text.contains("comes as a message");
        assert_eq!(is_promised, !bench.host.unfinished().is_empty(), "{text}");
    }
}

#[tokio::test]
async fn an_end_that_was_seen_or_says_nothing_is_not_told() {
    let bench = Bench::new(json!({}));
    let id = bench.background(json!({ "command": "sleep 600" })).await;
    bench.process("kill", &id, json!({})).await;
    assert_eq!(news(&bench).await, "", "whoever ends it knows");
    let command = "until test -e go; do sleep 0.02; done";
    let bench = Bench::new(json!({}));
    bench.background(json!({ "command": command })).await;
    std::fs::write(bench.workspace().join("go"), "").expect("written");
    assert_eq!(news(&bench).await, "", "there is nothing to say");
    let bench = Bench::new(json!({ "tools": { "exec": { "notifyOnExitEmptySuccess": true } } }));
    bench.background(json!({ "command": command })).await;
    std::fs::write(bench.workspace().join("go"), "").expect("written");
    let told = news(&bench).await;
    assert!(told.starts_with("Exec finished"), "{told}");
}

#[tokio::test]
async fn the_operator_can_have_no_news() {
    let bench = Bench::new(json!({ "tools": { "exec": { "notifyOnExit": false } } }));
    bench.background(json!({ "command": "sleep 600" })).await;
    assert!(bench.host.unfinished().is_empty());
}

#[tokio::test]
async fn variables_of_skills_are_set_and_not_quoted() {
    let bench = Bench::new(json!({ "env": { "REGION": "of the plugin" } }));
    for (name, value) in [
        ("MAPS_KEY", "a-key-of-a-skill"),
        ("REGION", "of a skill"),
        ("LD_PRELOAD", "/tmp/evil.so"),
        ("not a name", "x"),
    ] {
        bench.host.set_tool_variable(name, value);
    }
    let said = bench
        .sh("test \"$MAPS_KEY\" = a-key-of-a-skill && echo right; env | sort; echo end")
        .await;
    assert!(said.contains("right\n") && said.ends_with("end\n"), "{said}");
    assert!(
        said.contains("MAPS_KEY=[hidden]") && !said.contains("a-key-of-a-skill"),
        "{said}"
    );
    assert!(said.contains("REGION=of the plugin"), "{said}");
    assert!(
        !said.contains("LD_PRELOAD") && !said.contains("not a name"),
        "{said}"
    );
    bench.host.set_plain_tool_variable("MAPS_MODE", "production");
    let said = bench.sh("echo $MAPS_MODE is no secret, $MAPS_KEY is").await;
    assert_eq!(said, "production is no secret, [hidden] is\n");
    let details = bench
        .exec(json!({ "command": "echo \"$MAPS_KEY\"", "env": { "MAPS_KEY": "of the call" }, "yieldMs": 60_000 }))
        .await;
    assert_eq!(details["aggregated"], "of the call\n");
    assert!(!format!("{:?}", bench.host.logs()).contains("a-key-of-a-skill"));
}
