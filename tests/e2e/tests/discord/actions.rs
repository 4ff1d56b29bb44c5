//! What is done on Discord besides talking.
use crate::world::World;
use openclaw_e2e::chat::{self, Chat};
use serde_json::{Value, json};

#[tokio::test]
async fn a_channel_is_changed_that_is_named_and_no_other() {
    let world = World::with(|_, config| config["gateway"] = chat::config()["gateway"].clone()).await;
    let mut client = Chat::connect(&world.gateway).await;
    let edit = |key: &str, params: Value| json!({ "channel": "discord", "action": "channel-edit", "params": params, "idempotencyKey": key });
    let named = json!({ "channelId": world.general.to_string(), "name": "renamed" });
    client
        .call("message.action", edit("1", named))
        .await
        .expect("it is changed");
    let changes = || world.discord.bodies("PATCH /channels/*");
    assert_eq!(changes().len(), 1);
    assert_eq!(changes()[0]["name"], "renamed");
    for (key, place) in [("2", json!("")), ("3", Value::Null)] {
        let elsewhere = json!({ "channelId": place, "to": world.general.to_string(), "name": "again" });
        let refused = client.call("message.action", edit(key, elsewhere)).await;
        let why = refused.expect_err("no channel is named").to_string();
        assert!(why.contains("channelId"), "{why}");
    }
    assert_eq!(changes().len(), 1);
    client.leave().await;
    world.end().await;
}
