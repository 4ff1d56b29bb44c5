//! A client that goes back in a conversation: what was said stays as a branch, and nothing is counted twice.
use openclaw_e2e::{
    chat::{Chat, config, scripted},
    running::{Home, Running},
};
use openclaw_fakes::openai::Turn;
use serde_json::{Value, json};

const KEY: &str = "agent:main:main";

async fn demo() -> (Home, Running) {
    let home = Home::new(&["demo"]);
    home.configure(&config());
    let gateway = home.start().await;
    (home, gateway)
}

async fn say(chat: &mut Chat, text: &str) {
    let id = format!("run-{text}");
    let sent = json!({ "sessionKey": KEY, "message": text, "idempotencyKey": id });
    chat.call("chat.send", sent).await.expect("taken");
    chat.ended(&id).await;
}

async fn ask(chat: &mut Chat, method: &str, params: Value) -> Value {
    chat.call(method, params)
        .await
        .unwrap_or_else(|refused| panic!("{method}: {refused}"))
}

/// What is in the history of a conversation, and the id of each message.
async fn history(chat: &mut Chat, key: &str) -> Vec<(String, String)> {
    let answer = ask(chat, "chat.history", json!({ "sessionKey": key })).await;
    let rows = answer["messages"].as_array().expect("messages").iter();
    rows.map(|row| {
        let text = match row["content"].as_str() {
            Some(text) => text.to_owned(),
            None => row["content"][0]["text"].as_str().expect("a text").to_owned(),
        };
        (text, row["__openclaw"]["id"].as_str().expect("an id").to_owned())
    })
    .collect()
}

fn texts(rows: &[(String, String)]) -> Vec<&str> {
    rows.iter().map(|(text, _)| text.as_str()).collect()
}

async fn branches(chat: &mut Chat) -> Vec<Value> {
    let answer = ask(chat, "sessions.branches.list", json!({ "sessionKey": "main" })).await;
    answer["branches"].as_array().expect("branches").clone()
}

#[tokio::test]
async fn a_conversation_goes_back_and_on_another_way() {
    let (_home, mut gateway) = demo().await;
    let mut chat = Chat::connect(&gateway).await;
    assert_eq!(
        branches(&mut chat).await,
        Vec::<Value>::new(),
        "nothing was said yet"
    );
    say(&mut chat, "one").await;
    say(&mut chat, "two").await;
    let before = history(&mut chat, KEY).await;
    assert_eq!(texts(&before), ["one", "You said: one", "two", "You said: two"]);
    let spent = ask(&mut chat, "usage.cost", json!({})).await["totals"].clone();

    let wrong = |id: &str| json!({ "sessionKey": KEY, "entryId": id });
    for (id, why) in [
        (&before[1].1, "entry is not a user message"),
        (&"nothing".to_owned(), "message entry not found"),
        (&"another:1".to_owned(), "message entry is not on the active path"),
    ] {
        let refused = chat
            .call("sessions.rewind", wrong(id))
            .await
            .expect_err("no such place");
        assert_eq!(refused["message"], format!("{why}: {id}"));
    }

    let back = ask(&mut chat, "sessions.rewind", wrong(&before[2].1)).await;
    assert_eq!(back, json!({ "editorText": "two" }));
    assert_eq!(texts(&history(&mut chat, KEY).await), ["one", "You said: one"]);
    say(&mut chat, "three").await;
    let after = history(&mut chat, KEY).await;
    assert_eq!(texts(&after)[2..], ["three", "You said: three"]);

    let found = branches(&mut chat).await;
    let seen: Vec<_> = found
        .iter()
        .map(|row| (&row["headline"], &row["messageCount"], &row["active"]))
        .collect();
    assert_eq!(
        seen,
        [
            (&json!("You said: three"), &json!(4), &json!(true)),
            (&json!("You said: two"), &json!(4), &json!(false))
        ]
    );
    let now = ask(&mut chat, "usage.cost", json!({})).await["totals"].clone();
    let of = |totals: &Value| totals["output"].as_u64().expect("a number");
    let (first, all) = (of(&spent), of(&now));
    assert!(
        all > first && all < 2 * first,
        "{first} tokens for two answers, {all} for three"
    );
    let usage = ask(&mut chat, "sessions.usage", json!({ "key": KEY })).await;
    assert_eq!(usage["totals"]["output"], json!(all), "each branch is counted");

    // it is all there after the worst of ends
    gateway.kill();
    let gateway = _home.start().await;
    let mut chat = Chat::connect(&gateway).await;
    let leaf = |row: &Value| json!({ "sessionKey": KEY, "leafEntryId": row["leafEntryId"] });
    let active = chat
        .call("sessions.branches.switch", leaf(&found[0]))
        .await
        .expect_err("it goes on");
    assert!(
        active["message"]
            .as_str()
            .expect("a text")
            .starts_with("branch is already active")
    );
    ask(&mut chat, "sessions.branches.switch", leaf(&found[1])).await;
    assert_eq!(texts(&history(&mut chat, KEY).await), texts(&before));
    let gone = ask(&mut chat, "sessions.create", json!({ "key": "spare" })).await;
    ask(&mut chat, "sessions.delete", json!({ "key": gone["key"] })).await;
    assert_eq!(branches(&mut chat).await.len(), 2);
}

#[tokio::test]
async fn a_fork_has_the_past_and_how_the_agent_works_and_goes_its_own_way() {
    let (_home, gateway) = demo().await;
    let mut chat = Chat::connect(&gateway).await;
    say(&mut chat, "one").await;
    say(&mut chat, "two").await;
    let set = json!({ "key": KEY, "thinkingLevel": "low", "label": "Plans" });
    ask(&mut chat, "sessions.patch", set).await;
    let rows = history(&mut chat, KEY).await;
    let at = json!({ "sessionKey": KEY, "entryId": rows[2].1 });
    let fork = ask(&mut chat, "sessions.fork", at).await;
    let key = fork["sessionKey"].as_str().expect("a key").to_owned();
    assert!(key.starts_with("agent:main:dashboard:"), "{fork}");
    assert_eq!(fork["editorText"], "two");
    assert_eq!(texts(&history(&mut chat, &key).await), ["one", "You said: one"]);
    assert_eq!(
        texts(&history(&mut chat, KEY).await),
        texts(&rows),
        "it is as it was"
    );
    let described = ask(&mut chat, "sessions.describe", json!({ "key": key })).await["session"].clone();
    assert_eq!(
        (
            &described["thinkingLevel"],
            &described["parentSessionKey"],
            &described["label"]
        ),
        (&json!("low"), &json!(KEY), &Value::Null)
    );
    let usage = ask(&mut chat, "sessions.usage", json!({ "key": key })).await;
    assert_eq!(usage["totals"]["totalTokens"], 0, "nothing was spent in it yet");
    ask(&mut chat, "sessions.reset", json!({ "key": KEY })).await;
    assert_eq!(texts(&history(&mut chat, &key).await), ["one", "You said: one"]);
}

#[tokio::test]
async fn nobody_changes_the_past_while_the_agent_works() {
    let (model, _home, gateway) = scripted(&[], |_| {}).await;
    let mut chat = Chat::connect(&gateway).await;
    model.script(Turn::text("yes"));
    say(&mut chat, "one").await;
    let rows = history(&mut chat, KEY).await;
    let (turn, _valve) = Turn::text("one two three").held(1);
    model.script(turn);
    let slow = json!({ "sessionKey": KEY, "message": "slow", "idempotencyKey": "slow" });
    chat.call("chat.send", slow).await.expect("taken");
    let at = json!({ "sessionKey": KEY, "entryId": rows[0].1 });
    for (method, word) in [("sessions.rewind", "Rewind"), ("sessions.fork", "Fork")] {
        let refused = chat.call(method, at.clone()).await.expect_err("the agent works");
        assert_eq!(
            (&refused["code"], &refused["message"]),
            (
                &json!("UNAVAILABLE"),
                &json!(format!("{word} is unavailable while the agent is working."))
            )
        );
    }
}
