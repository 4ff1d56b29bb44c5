//! What pages ask for beyond what runs: plugins to choose from, skills to fetch, looks. The answers say what there is here
//! and make up nothing.
use openclaw_e2e::{
    chat::{Chat, config},
    running::Home,
};
use serde_json::{Value, json};

fn names(answer: &Value) -> Vec<&str> {
    let items = answer["items"].as_array().expect("items").iter();
    items
        .map(|item| item["local"]["pluginId"].as_str().expect("an id"))
        .collect()
}

#[tokio::test]
async fn the_catalog_has_the_plugins_that_are_here() {
    let home = Home::new(&["demo", "openai"]);
    let mut config = config();
    config["plugins"]["entries"]["openai"] = json!({ "enabled": false });
    home.configure(&config);
    let gateway = home.start().await;
    let mut chat = Chat::connect(&gateway).await;
    let all = chat
        .call(
            "plugins.catalog.browse",
            json!({ "intent": "all", "pageSize": 100 }),
        )
        .await
        .expect("a catalog");
    assert_eq!(names(&all), ["demo", "openai"], "{all}");
    assert_eq!(
        (
            &all["items"][0]["local"]["state"],
            &all["items"][1]["local"]["state"]
        ),
        (&json!("enabled"), &json!("disabled"))
    );
    let found = json!({ "query": "demo", "searchSource": "openclaw-control-ui" });
    let found = chat
        .call("plugins.catalog.browse", found)
        .await
        .expect("a catalog");
    assert_eq!(names(&found), ["demo"]);
    let liked = json!({ "intent": "trending" });
    let liked = chat
        .call("plugins.catalog.browse", liked)
        .await
        .expect("a catalog");
    assert_eq!(
        names(&liked),
        Vec::<&str>::new(),
        "nobody counts what others like"
    );
    let one = json!({ "id": all["items"][0]["id"] });
    let one = chat.call("plugins.catalog.get", one).await.expect("an entry");
    assert_eq!(
        (&one["plugin"], &one["detail"]["origin"]),
        (&all["items"][0], &json!("local"))
    );
    let unknown = json!({ "id": "local_bm9uZQ" });
    chat.call("plugins.catalog.get", unknown)
        .await
        .expect_err("no such plugin");
}

#[tokio::test]
async fn there_are_no_skills_to_fetch_and_the_look_is_the_one_that_is_configured() {
    let home = Home::new(&["demo"]);
    let mut config = config();
    config["ui"] = json!({ "prefs": { "theme": "tide", "themeMode": "dark" } });
    home.configure(&config);
    let gateway = home.start().await;
    let mut chat = Chat::connect(&gateway).await;
    let skills = chat
        .call("skills.search", json!({ "query": "weather", "limit": 20 }))
        .await;
    assert_eq!(skills, Ok(json!({ "results": [] })));
    let library = chat.call("skills.library.list", json!({ "scope": "all" })).await;
    assert_eq!(library.expect("a library")["entries"], json!([]));
    for name in ["question.list", "exec.approval.grants.revoke"] {
        let refused = chat.call(name, json!({})).await.expect_err("there are none");
        assert_eq!(refused["message"], format!("unknown method: {name}"));
    }
    let looks = chat.call("themes.list", json!({})).await.expect("looks");
    assert_eq!(
        (&looks["current"]["id"], &looks["current"]["mode"]),
        (&json!("tide"), &json!("dark"))
    );
    let wrong = chat.call("skills.search", json!({ "limit": 0 })).await;
    assert!(wrong.is_err_and(|refused| {
        refused["message"]
            .to_string()
            .contains("invalid skills.search params")
    }));
}
