//! Files that a chat client sends along, and the pictures of a conversation as it gets them back.
use openclaw_e2e::{
    chat::{Chat, scripted},
    running::soon,
};
use serde_json::{Value, json};

const KEY: &str = "agent:main:desk";

fn message(run: &str, text: &str) -> Value {
    json!({ "sessionKey": KEY, "message": text, "idempotencyKey": run })
}

#[tokio::test]
async fn files_come_with_a_message() {
    let (model, _home, gateway) = scripted(&["demo"], |_| {}).await;
    let mut chat = Chat::connect(&gateway).await;
    let mut asked = message("r-1", "look");
    asked["attachments"] = json!([
        { "type": "file", "mimeType": "text/plain", "fileName": "a.txt", "content": "YWJj" },
    ]);
    chat.call("chat.send", asked).await.expect("taken");
    chat.ended("r-1").await;
    let heard = model.heard(1).await[0].to_string();
    assert!(heard.contains("a.txt") && heard.contains("3 bytes"), "{heard}");
    let mut wrong = message("r-2", "look");
    wrong["attachments"] = json!([{ "content": "%%" }]);
    let refused = chat.call("chat.send", wrong).await.expect_err("no base64");
    assert!(
        refused["message"]
            .as_str()
            .is_some_and(|text| text.starts_with("invalid chat.send params:")),
        "{refused}"
    );
}

#[tokio::test]
async fn a_picture_is_given_out_to_whoever_may_read_the_conversation() {
    let (model, home, mut gateway) = scripted(&[], |_| {}).await;
    let mut chat = Chat::connect(&gateway).await;
    let mut asked = message("r-1", "look");
    asked["attachments"] = json!([
        { "type": "image", "mimeType": "image/png", "fileName": "plot.png", "content": "iVBORw0KGgo=" },
    ]);
    chat.call("chat.send", asked).await.expect("taken");
    chat.ended("r-1").await;
    chat.call(
        "chat.send",
        json!({ "sessionKey": "agent:main:other", "message": "x", "idempotencyKey": "r-2" }),
    )
    .await
    .expect("taken");
    chat.ended("r-2").await;
    soon("both questions", model.heard(2)).await;
    gateway.kill();
    gateway = home.start().await;
    let mut chat = Chat::connect(&gateway).await;
    let history = json!({ "sessionKey": KEY, "limit": 100 });
    let history = chat.call("chat.history", history).await.expect("a history");
    let parts = history["messages"][0]["content"].as_array().expect("parts");
    let picture = parts
        .iter()
        .find(|part| part["type"] == "image")
        .expect("a picture");
    assert_eq!(
        (&picture["omitted"], &picture["fileName"], &picture["bytes"]),
        (&json!(true), &json!("plot.png"), &json!(8)),
        "{picture}"
    );
    let id = &picture["artifactId"];
    let list = chat
        .call("artifacts.list", json!({ "sessionKey": KEY }))
        .await
        .expect("a list");
    assert_eq!(
        (
            &list["artifacts"][0]["id"],
            list["artifacts"].as_array().map(Vec::len)
        ),
        (id, Some(1))
    );
    let wanted = json!({ "sessionKey": KEY, "artifactId": id });
    let got = chat.call("artifacts.download", wanted).await.expect("a picture");
    assert_eq!(
        (&got["encoding"], &got["data"], &got["artifact"]["title"]),
        (&json!("base64"), &json!("iVBORw0KGgo="), &json!("plot.png"))
    );
    let elsewhere = json!({ "sessionKey": "agent:main:other", "artifactId": id });
    let refused = chat
        .call("artifacts.download", elsewhere)
        .await
        .expect_err("it is no picture of that conversation");
    assert_eq!(refused["details"]["type"], "artifact_not_found", "{refused}");
}
