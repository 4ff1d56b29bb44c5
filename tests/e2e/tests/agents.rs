//! `openclaw agents`: who answers here and which chats go to whom, from the file; a gateway that runs follows it.
use openclaw_e2e::{
    chat::{self, Chat},
    running::{Home, soon},
};
use serde_json::{Value, json};

fn home() -> Home {
    let home = Home::new(&["telegram", "demo"]);
    let mut config = chat::config();
    config["channels"] = json!({ "telegram": { "enabled": false } });
    home.configure(&config);
    home
}

async fn refused(home: &Home, args: &[&str], words: &str) {
    let output = home.run(args).await;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(
        !output.status.success() && said.contains(words),
        "{args:?}: {said}"
    );
}

#[tokio::test]
async fn agents_come_are_bound_and_go_without_a_gateway() {
    let home = home();
    let listed = home.json(&["agents", "list", "--json"]).await;
    assert_eq!(
        (listed[0]["id"].as_str(), &listed[0]["isDefault"]),
        (Some("main"), &json!(true))
    );
    let added = home
        .json(&[
            "agents",
            "add",
            "Night Desk",
            "--model",
            "demo/echo",
            "--bind",
            "telegram:work",
            "--json",
        ])
        .await;
    assert_eq!(added["agentId"], "night-desk");
    assert_eq!(added["bindings"]["added"], json!(["telegram accountId=work"]));
    let listed = home.json(&["agents", "--json"]).await;
    let of = |id: &str| -> Value {
        let mut rows = listed.as_array().expect("a list").iter();
        rows.find(|row| row["id"] == id).cloned().expect("it is there")
    };
    let (main, night) = (of("main"), of("night-desk"));
    assert_eq!((&main["isDefault"], &main["bindings"]), (&json!(true), &json!(0)));
    assert_eq!(
        (&night["name"], &night["bindings"]),
        (&json!("Night Desk"), &json!(1))
    );
    assert_eq!(night["model"], "demo/echo");

    refused(&home, &["agents", "add", "night desk"], "already").await;
    refused(
        &home,
        &["agents", "bind", "--agent", "main", "--bind", "telegram:work"],
        "agent=night-desk",
    )
    .await;
    refused(&home, &["agents", "bind", "--bind", "pigeon"], "no plugin offers").await;
    refused(
        &home,
        &["agents", "bind", "--agent", "ghost", "--bind", "telegram"],
        "no agent",
    )
    .await;
    let bound = home
        .json(&[
            "agents",
            "bind",
            "--agent",
            "night-desk",
            "--bind",
            "telegram",
            "--bind",
            "telegram:work",
            "--json",
        ])
        .await;
    assert_eq!(
        (&bound["added"], &bound["skipped"]),
        (&json!(["telegram"]), &json!(["telegram accountId=work"]))
    );
    let bindings = home.json(&["agents", "bindings", "--json"]).await;
    assert_eq!(
        bindings[1],
        json!({ "agentId": "night-desk", "match": { "channel": "telegram" }, "description": "telegram" })
    );
    let unbound = home
        .json(&[
            "agents",
            "unbind",
            "--agent",
            "night-desk",
            "--bind",
            "telegram:work",
            "--bind",
            "telegram:x",
            "--json",
        ])
        .await;
    assert_eq!(
        (&unbound["removed"], &unbound["missing"]),
        (
            &json!(["telegram accountId=work"]),
            &json!(["telegram accountId=x"])
        )
    );

    refused(
        &home,
        &["agents", "set-identity", "--agent", "night-desk"],
        "IDENTITY.md",
    )
    .await;
    let called = home
        .json(&[
            "agents",
            "set-identity",
            "--agent",
            "night-desk",
            "--name",
            "Luna",
            "--emoji",
            "🌙",
            "--json",
        ])
        .await;
    assert_eq!(called["identity"], json!({ "name": "Luna", "emoji": "🌙" }));

    refused(&home, &["agents", "delete", "main", "--force"], "default agent").await;
    refused(&home, &["agents", "delete", "night-desk"], "--force").await;
    let gone = home
        .json(&["agents", "delete", "night-desk", "--force", "--json"])
        .await;
    assert_eq!(gone["removedBindings"], 1);
    assert_eq!(
        home.json(&["agents", "list", "--json"])
            .await
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}

#[tokio::test]
async fn a_gateway_that_runs_follows() {
    let home = home();
    let gateway = home.start().await;
    let mut client = Chat::connect(&gateway).await;
    home.json(&["agents", "add", "second", "--json"]).await;
    let both = async {
        loop {
            let listed = client.call("agents.list", json!({})).await.expect("a list");
            if listed["agents"].as_array().is_some_and(|all| all.len() == 2) {
                return listed["defaultId"].clone();
            }
            tokio::task::yield_now().await;
        }
    };
    assert_eq!(soon("the gateway to follow", both).await, "main");
    // a conversation is its agent's, also where only the conversation is named
    let asked = json!({ "sessionKey": "agent:second:main", "message": "hi", "idempotencyKey": "k" });
    client.call("agent", asked).await.expect("it is taken");
    client.ended("k").await;
    let listed = client.call("sessions.list", json!({})).await.expect("a list");
    assert_eq!(listed["sessions"][0]["agentId"], "second", "{listed:#}");
    let (code, log) = gateway.stop().await;
    assert_eq!(code, Some(0), "{log}");
}
