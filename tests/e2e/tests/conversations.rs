//! A client that keeps house: conversations and agents are made, named, counted and forgotten.
use openclaw_e2e::{
    chat::{Chat, config},
    running::{Home, Running},
};
use serde_json::json;

async fn demo() -> (Home, Running) {
    let home = Home::new(&["demo"]);
    home.configure(&config());
    let gateway = home.start().await;
    (home, gateway)
}

#[tokio::test]
async fn conversations_are_made_named_counted_and_forgotten() {
    let (_home, gateway) = demo().await;
    let mut chat = Chat::connect(&gateway).await;
    let made = chat
        .call("sessions.create", json!({ "label": "Plans", "message": "hi" }))
        .await
        .expect("made");
    let (key, run) = (
        made["key"].as_str().expect("a key").to_owned(),
        made["runId"].clone(),
    );
    assert!(
        key.starts_with("agent:main:dashboard:") && made["runStarted"] == true,
        "{made}"
    );
    chat.ended(run.as_str().expect("an id")).await;
    let list = json!({ "search": "plans", "includeLastMessage": true, "includeDerivedTitles": true });
    let list = chat.call("sessions.list", list).await.expect("a list");
    let row = &list["sessions"][0];
    assert_eq!(
        (&row["key"], &row["label"], &row["derivedTitle"]),
        (&json!(key), &json!("Plans"), &json!("hi"))
    );
    assert_eq!(
        (&row["lastMessagePreview"], &row["status"]),
        (&json!("You said: hi"), &json!("done"))
    );
    let patch = json!({ "key": key, "pinned": true, "unread": false, "expectedMarkedUnreadAt": null });
    let patched = chat.call("sessions.patch", patch).await.expect("patched");
    assert_eq!(patched["entry"]["pinned"], true);
    let found = chat
        .call("sessions.resolve", json!({ "label": "Plans" }))
        .await
        .expect("found");
    assert_eq!(found["key"], json!(key));
    let usage = chat
        .call("sessions.usage", json!({ "key": key }))
        .await
        .expect("counted");
    assert_eq!(usage["aggregates"]["messages"]["assistant"], 1);
    let spent = chat
        .call("usage.cost", json!({ "days": 2 }))
        .await
        .expect("counted");
    assert_eq!(spent["totals"]["totalTokens"], usage["totals"]["totalTokens"]);
    assert!(spent["totals"]["totalTokens"].as_u64() > Some(0), "{spent}");
    let gone = chat
        .call("sessions.delete", json!({ "key": key }))
        .await
        .expect("deleted");
    assert_eq!(gone["deleted"], true);
    let missing = chat
        .call("sessions.resolve", json!({ "key": key }))
        .await
        .expect_err("gone");
    assert_eq!(missing["message"], format!("No session found: {key}"));
}

#[tokio::test]
async fn agents_are_listed_made_and_forgotten() {
    let (_home, gateway) = demo().await;
    let mut chat = Chat::connect(&gateway).await;
    let list = chat.call("agents.list", json!({})).await.expect("a list");
    assert_eq!(
        (&list["defaultId"], &list["agents"][0]["model"]["primary"]),
        (&json!("main"), &json!("demo/echo"))
    );
    let made = chat
        .call("agents.create", json!({ "name": "Helper" }))
        .await
        .expect("made");
    assert_eq!(made["agentId"], "helper");
    let file = json!({ "agentId": "helper", "name": "SOUL.md", "content": "kind" });
    chat.call("agents.files.set", file).await.expect("written");
    let file = json!({ "agentId": "helper", "name": "SOUL.md" });
    let file = chat.call("agents.files.get", file).await.expect("read");
    assert_eq!(file["file"]["content"], "kind");
    let wrong = json!({ "agentId": "helper", "name": "../openclaw.json" });
    assert!(chat.call("agents.files.get", wrong).await.is_err());
    let named = json!({ "agentId": "helper", "name": "Best helper" });
    chat.call("agents.update", named).await.expect("named");
    let who = chat
        .call("agent.identity.get", json!({ "agentId": "helper" }))
        .await
        .expect("known");
    assert_eq!(who["name"], "Best helper");
    let list = chat.call("agents.list", json!({})).await.expect("a list");
    assert_eq!(
        (list["agents"].as_array().map(Vec::len), &list["defaultId"]),
        (Some(2), &json!("main"))
    );
    chat.call("agents.delete", json!({ "agentId": "helper" }))
        .await
        .expect("deleted");
    let list = chat.call("agents.list", json!({})).await.expect("a list");
    assert_eq!(list["agents"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn groups_are_kept_for_all_clients_and_conversations_go_along() {
    let (home, mut gateway) = demo().await;
    let mut chat = Chat::connect(&gateway).await;
    for (label, group) in [("a", "Work"), ("b", "Work"), ("c", "Home")] {
        let made = json!({ "key": label, "label": label, "category": group });
        chat.call("sessions.create", made).await.expect("made");
    }
    let names = |answer: &serde_json::Value| {
        let groups = answer["groups"].as_array().expect("groups").iter();
        groups
            .map(|group| group["name"].as_str().expect("a name").to_owned())
            .collect::<Vec<_>>()
    };
    let list = chat
        .call("sessions.groups.list", json!({}))
        .await
        .expect("a list");
    assert_eq!(names(&list), ["Home", "Work"]);
    let order =
        json!({ "names": ["Work", "Later", "Home"], "sectionOrder": ["category:Home", "ungrouped", "?"] });
    let put = chat.call("sessions.groups.put", order).await.expect("put");
    assert_eq!(
        (&put["groups"][1], &put["sectionOrder"]),
        (
            &json!({ "name": "Later", "position": 1 }),
            &json!(["category:Home", "ungrouped"])
        )
    );
    let lost = json!({ "names": ["Work"] });
    let lost = chat
        .call("sessions.groups.put", lost)
        .await
        .expect_err("Home is in use");
    assert!(lost["message"].to_string().contains(r#"\"Home\" (1)"#), "{lost}");

    chat.call("sessions.subscribe", json!({}))
        .await
        .expect("subscribed");
    let renamed = json!({ "name": "Work", "to": "Job" });
    let renamed = chat
        .call("sessions.groups.rename", renamed)
        .await
        .expect("renamed");
    assert_eq!(renamed["updatedSessions"], 2);
    let told = chat
        .until("word of it", |frame| frame["event"] == "sessions.changed")
        .await;
    assert_eq!(
        (&told["payload"]["reason"], &told["payload"]["sessionKey"]),
        (&json!("groups"), &serde_json::Value::Null)
    );
    let again = json!({ "name": "Work", "to": "Job" });
    let again = chat
        .call("sessions.groups.rename", again)
        .await
        .expect_err("it is gone");
    assert_eq!(again["message"], "unknown session group: Work");

    gateway.kill();
    let gateway = home.start().await;
    let mut chat = Chat::connect(&gateway).await;
    let list = chat
        .call("sessions.groups.list", json!({}))
        .await
        .expect("a list");
    assert_eq!(names(&list), ["Job", "Later", "Home"]);
    let row = chat
        .call("sessions.describe", json!({ "key": "agent:main:a" }))
        .await
        .expect("a row");
    assert_eq!(row["session"]["category"], "Job");
    for _ in 0..2 {
        let gone = json!({ "name": "Job" });
        let gone = chat.call("sessions.groups.delete", gone).await.expect("deleted");
        assert_eq!(names(&gone), ["Later", "Home"]);
    }
    let row = chat
        .call("sessions.describe", json!({ "key": "agent:main:a" }))
        .await
        .expect("a row");
    assert_eq!(row["session"]["category"], serde_json::Value::Null);
}
