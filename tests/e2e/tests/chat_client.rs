//! A chat client at the real program: it sends, sees the answer grow, sees tools, stops, and finds everything in the
//! history, also after the program was killed.
use openclaw_e2e::{
    chat::{Chat, config, scripted, words},
    running::{Home, Running, soon},
    world::{ADA, World},
};
use openclaw_fakes::openai::Turn;
use serde_json::{Value, json};

const KEY: &str = "agent:main:desk";

async fn demo() -> (Home, Running) {
    let home = Home::new(&["demo"]);
    home.configure(&config());
    let gateway = home.start().await;
    (home, gateway)
}

fn message(run: &str, text: &str) -> Value {
    json!({ "sessionKey": KEY, "message": text, "idempotencyKey": run })
}

async fn history(chat: &mut Chat) -> Vec<Value> {
    let params = json!({ "sessionKey": KEY, "limit": 100 });
    let answer = chat.call("chat.history", params).await.expect("a history");
    answer["messages"].as_array().expect("messages").clone()
}

#[tokio::test]
async fn a_message_is_answered_and_stands_in_the_history() {
    let (_home, gateway) = demo().await;
    let mut chat = Chat::connect(&gateway).await;
    assert_eq!(
        chat.hello["snapshot"]["sessionDefaults"]["mainSessionKey"],
        "agent:main:main"
    );
    let started = chat
        .call("chat.send", message("r-1", "hello there"))
        .await
        .expect("taken");
    assert_eq!(
        (&started["runId"], &started["status"]),
        (&json!("r-1"), &json!("started"))
    );
    // the client has named the run, so its first events may come before the answer
    let end = chat.ended("r-1").await;
    assert_eq!(end["state"], "final");
    assert_eq!(words(&end["message"]), "You said: hello there");
    let (mut grown, mut last) = (String::new(), 0);
    for event in chat.events("chat") {
        let seq = event["seq"].as_u64().expect("a place");
        assert!(seq >= last, "{event}");
        last = seq;
        if event["state"] == "delta" {
            grown.push_str(event["deltaText"].as_str().expect("text"));
            assert_eq!(words(&event["message"]), grown, "it is cumulative");
        }
    }
    assert_eq!(grown, "You said: hello there", "nothing is left out");
    let again = chat
        .call("chat.send", message("r-1", "hello there"))
        .await
        .expect("known");
    assert_eq!(again, json!({ "runId": "r-1", "status": "ok" }));
    let rows = history(&mut chat).await;
    assert_eq!(rows.len(), 2, "{rows:#?}");
    assert_eq!(
        (&rows[0]["idempotencyKey"], words(&rows[0]).as_str()),
        (&json!("r-1:user"), "hello there")
    );
    assert_eq!(
        (&rows[1]["provider"], &rows[1]["model"]),
        (&json!("demo"), &json!("echo"))
    );
    assert_eq!(
        (&rows[0]["__openclaw"]["seq"], &rows[1]["__openclaw"]["seq"]),
        (&json!(1), &json!(2))
    );
    assert_eq!(rows[1]["__openclaw"]["runId"], "r-1");
    let waited = chat
        .call("agent.wait", json!({ "runId": "r-1", "timeoutMs": 5000 }))
        .await
        .expect("known");
    assert_eq!(
        (&waited["status"], &waited["terminalReply"]["disposition"]),
        (&json!("ok"), &json!("visible"))
    );
}

#[tokio::test]
async fn a_tool_is_seen_at_work_by_those_who_show_tools() {
    let (_home, gateway) = demo().await;
    let mut chat = Chat::connect(&gateway).await;
    let mut plain = Chat::with(&gateway, &["operator.read"], &[]).await;
    let text = r#"/tool count_words {"text":"a b c"}"#;
    chat.call("chat.send", message("r-1", text)).await.expect("taken");
    let end = chat.ended("r-1").await;
    assert!(
        words(&end["message"]).starts_with("count_words answered"),
        "{end}"
    );
    let of = |chat: &Chat, stream: &str| {
        let events = chat
            .events("agent")
            .into_iter()
            .filter(|event| event["stream"] == stream);
        events.map(|event| event["data"].clone()).collect::<Vec<_>>()
    };
    let tool = of(&chat, "tool");
    assert_eq!(
        (&tool[0]["phase"], &tool[0]["args"]["text"]),
        (&json!("start"), &json!("a b c"))
    );
    assert_eq!(
        (&tool[1]["phase"], &tool[1]["result"]["details"]["words"]),
        (&json!("result"), &json!(3))
    );
    let items = of(&chat, "item");
    assert_eq!(
        (&items[0]["phase"], &items[1]["status"]),
        (&json!("start"), &json!("completed"))
    );
    plain.ended("r-1").await;
    assert_eq!(of(&plain, "tool"), [Value::Null; 0], "it did not ask for tools");
    assert_eq!(of(&plain, "item").len(), 2);
    let rows = history(&mut chat).await;
    let roles: Vec<_> = rows
        .iter()
        .map(|row| row["role"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(roles, ["user", "assistant", "toolResult", "assistant"]);
    assert_eq!(
        (&rows[1]["stopReason"], &rows[1]["content"][0]["type"]),
        (&json!("toolUse"), &json!("toolCall"))
    );
}

#[tokio::test]
async fn what_was_seen_of_a_stopped_answer_stays() {
    let (model, _home, gateway) = scripted(&["demo"], |_| {}).await;
    let mut chat = Chat::connect(&gateway).await;
    let (turn, valve) = Turn::text("one two three four").held(3);
    model.script(turn);
    chat.call("chat.send", message("r-1", "count"))
        .await
        .expect("taken");
    chat.until("the beginning", |frame| frame["payload"]["state"] == "delta")
        .await;
    let flying = chat
        .call("chat.send", message("r-1", "count"))
        .await
        .expect("known");
    assert_eq!(flying["status"], "in_flight");
    let params = json!({ "sessionKey": KEY, "runId": "r-1" });
    let stopped = chat.call("chat.abort", params.clone()).await.expect("stopped");
    assert_eq!(stopped, json!({ "ok": true, "aborted": true, "runIds": ["r-1"] }));
    soon("the request to be given up", valve.abandoned()).await;
    let end = chat.ended("r-1").await;
    assert_eq!(
        (&end["state"], &end["stopReason"]),
        (&json!("aborted"), &json!("rpc"))
    );
    let partial = words(&end["message"]);
    assert!(
        !partial.is_empty() && "one two three four".starts_with(partial.trim()),
        "{partial:?}"
    );
    let rows = history(&mut chat).await;
    let last = rows.last().expect("rows");
    assert_eq!(
        (&last["model"], words(last)),
        (&json!("gateway-injected"), partial)
    );
    assert_eq!(last["openclawAbort"]["origin"], "rpc");
    let idle = chat.call("chat.abort", params).await.expect("no error");
    assert_eq!(idle, json!({ "ok": true, "aborted": false, "runIds": [] }));
}

#[tokio::test]
async fn a_stop_word_stops_and_a_command_is_answered_without_a_model() {
    let (model, _home, gateway) = scripted(&["demo"], |_| {}).await;
    let mut chat = Chat::connect(&gateway).await;
    let (turn, _valve) = Turn::text("one two three four").held(3);
    model.script(turn);
    chat.call("chat.send", message("r-1", "count"))
        .await
        .expect("taken");
    chat.until("the beginning", |frame| frame["payload"]["state"] == "delta")
        .await;
    let stopped = chat
        .call("chat.send", message("r-2", "/stop"))
        .await
        .expect("stopped");
    assert_eq!(stopped, json!({ "ok": true, "aborted": true, "runIds": ["r-1"] }));
    assert_eq!(chat.ended("r-1").await["stopReason"], "stop");
    chat.call("chat.send", message("r-3", "/status"))
        .await
        .expect("taken");
    let end = chat.ended("r-3").await;
    assert_eq!(
        (&end["state"], &end["message"]["provider"]),
        (&json!("final"), &json!("openclaw"))
    );
    assert_eq!(model.asked().len(), 1, "no model was asked");
    chat.call("chat.send", message("r-4", "/new"))
        .await
        .expect("taken");
    chat.ended("r-4").await;
    let rows = history(&mut chat).await;
    assert!(
        rows.iter().all(|row| words(row) != "count"),
        "it began anew: {rows:#?}"
    );
}

#[tokio::test]
async fn a_failure_is_told_and_stands_in_the_history() {
    let (model, _home, gateway) = scripted(&["demo"], |_| {}).await;
    let mut chat = Chat::connect(&gateway).await;
    model.script(Turn::error(400, "bad_thing", "no such thing"));
    chat.call("chat.send", message("r-1", "x")).await.expect("taken");
    let end = chat.ended("r-1").await;
    assert_eq!(end["state"], "error");
    assert!(
        end["errorMessage"].as_str().is_some_and(|text| !text.is_empty()),
        "{end}"
    );
    assert_eq!(
        (&end["errorDetail"]["provider"], &end["errorDetail"]["model"]),
        (&json!("one"), &json!("m"))
    );
    let rows = history(&mut chat).await;
    let last = rows.last().expect("rows");
    assert_eq!(
        (&last["stopReason"], &last["errorMessage"]),
        (&json!("error"), &end["errorMessage"])
    );
    let waited = chat
        .call("agent.wait", json!({ "runId": "r-1" }))
        .await
        .expect("known");
    assert_eq!(waited["status"], "error");
}

#[tokio::test]
async fn a_message_that_comes_meanwhile_joins_the_answer() {
    let (model, _home, gateway) = scripted(&["demo"], |_| {}).await;
    let mut chat = Chat::connect(&gateway).await;
    let (turn, valve) = Turn::text("the first").held(1);
    model.script(turn);
    chat.call("chat.send", message("r-1", "one"))
        .await
        .expect("taken");
    model.heard(1).await;
    let second = chat
        .call("chat.send", message("r-2", "two"))
        .await
        .expect("taken");
    assert_eq!(second["status"], "started");
    gateway.has_sorted(2).await;
    valve.open();
    let joined = chat.ended("r-2").await;
    assert_eq!(
        (&joined["state"], &joined["message"]),
        (&json!("final"), &Value::Null)
    );
    let end = chat.ended("r-1").await;
    let said = words(&end["message"]);
    assert!(
        said.starts_with("the first\n\n") && said.contains("two"),
        "{said}"
    );
    let rows = history(&mut chat).await;
    let keys: Vec<_> = rows
        .iter()
        .filter_map(|row| row["idempotencyKey"].as_str())
        .collect();
    assert_eq!(keys, ["r-1:user", "r-2:user"]);
}

#[tokio::test]
async fn a_note_is_put_in_by_hand() {
    let (_home, gateway) = demo().await;
    let mut chat = Chat::connect(&gateway).await;
    chat.call("chat.send", message("r-1", "hi")).await.expect("taken");
    chat.ended("r-1").await;
    let params = json!({ "sessionKey": KEY, "message": "a note", "label": "Note" });
    let put = chat.call("chat.inject", params.clone()).await.expect("put in");
    let id = put["messageId"].as_str().expect("an id").to_owned();
    let end = chat.ended(&format!("inject-{id}")).await;
    assert_eq!(
        (&end["seq"], words(&end["message"]).as_str()),
        (&json!(0), "[Note]\n\na note")
    );
    let rows = history(&mut chat).await;
    assert_eq!(rows.last().expect("rows")["__openclaw"]["id"], json!(id));
    let one = json!({ "sessionKey": KEY, "messageId": id });
    let one = chat.call("chat.message.get", one).await.expect("it is there");
    assert_eq!(words(&one["message"]), "[Note]\n\na note");
    let mut reader = Chat::with(&gateway, &["operator.write"], &[]).await;
    let refused = reader
        .call("chat.inject", params)
        .await
        .expect_err("not for everybody");
    assert_eq!(refused["code"], "FORBIDDEN");
}

#[tokio::test]
async fn a_long_history_is_read_page_by_page() {
    let (_home, gateway) = demo().await;
    let mut chat = Chat::connect(&gateway).await;
    for n in 0..5 {
        chat.call("chat.send", message(&format!("r-{n}"), &format!("m{n}")))
            .await
            .expect("taken");
        chat.ended(&format!("r-{n}")).await;
    }
    let mut seen = Vec::new();
    for offset in [0, 4, 8] {
        let params = json!({ "sessionKey": KEY, "limit": 4, "offset": offset });
        let page = chat.call("chat.history", params).await.expect("a page");
        assert_eq!(
            (&page["totalMessages"], &page["hasMore"]),
            (&json!(10), &json!(offset < 8))
        );
        let rows = page["messages"].as_array().expect("rows").clone();
        let seqs: Vec<_> = rows
            .iter()
            .map(|row| row["__openclaw"]["seq"].as_u64().expect("seq"))
            .collect();
        seen.splice(0..0, seqs);
    }
    assert_eq!(seen, (1..=10).collect::<Vec<_>>());
    let unknown = json!({ "sessionKey": "agent:main:nobody" });
    let unknown = chat.call("chat.startup", unknown).await.expect("no error");
    assert_eq!(unknown["messages"], json!([]));
    assert!(
        unknown["metadata"]["commands"]
            .as_array()
            .is_some_and(|list| list.len() > 10)
    );
}

#[tokio::test]
async fn two_clients_see_the_same_and_one_that_comes_back_loses_nothing() {
    let (model, _home, gateway) = scripted(&["demo"], |_| {}).await;
    let (mut one, mut two) = (Chat::connect(&gateway).await, Chat::connect(&gateway).await);
    two.call("sessions.subscribe", json!({}))
        .await
        .expect("subscribed");
    let (turn, valve) = Turn::text("one two three four").held(3);
    model.script(turn);
    one.call("chat.send", message("r-1", "count"))
        .await
        .expect("taken");
    one.until("the beginning", |frame| frame["payload"]["state"] == "delta")
        .await;
    drop(one);
    let mut back = Chat::connect(&gateway).await;
    let rows = history(&mut back).await;
    assert_eq!(words(&rows[0]), "count", "what was said is there");
    let row = back
        .call("sessions.describe", json!({ "key": KEY }))
        .await
        .expect("a row");
    assert_eq!(
        (&row["session"]["status"], &row["session"]["activeRunIds"]),
        (&json!("running"), &json!(["r-1"]))
    );
    valve.open();
    let (first, second) = (two.ended("r-1").await, back.ended("r-1").await);
    assert_eq!(words(&first["message"]), "one two three four");
    assert_eq!(first["message"], second["message"]);
    let written = two.until("the answer's row", |frame| {
        frame["event"] == "session.message" && frame["payload"]["message"]["role"] == "assistant"
    });
    assert_eq!(words(&written.await["payload"]["message"]), "one two three four");
    assert!(
        two.events("sessions.changed")
            .iter()
            .any(|event| event["reason"] == "send")
    );
    assert_eq!(
        back.events("sessions.changed"),
        [Value::Null; 0],
        "it did not subscribe"
    );
    let sent: Vec<_> = two
        .frames
        .iter()
        .filter_map(|frame| frame["seq"].as_u64())
        .collect();
    assert!(sent.windows(2).all(|pair| pair[1] == pair[0] + 1), "{sent:?}");
}

#[tokio::test]
async fn a_message_survives_the_death_of_the_process() {
    let (model, home, mut gateway) = scripted(&["demo"], |_| {}).await;
    let mut chat = Chat::connect(&gateway).await;
    let (turn, _valve) = Turn::text("never said").held(0);
    model.script(turn);
    chat.call("chat.send", message("r-1", "remember me"))
        .await
        .expect("taken");
    model.heard(1).await;
    gateway.kill();
    let gateway = home.start().await;
    let mut chat = Chat::connect(&gateway).await;
    // it may have been answered before this client came
    let waited = chat
        .call("agent.wait", json!({ "runId": "r-1", "timeoutMs": 60_000 }))
        .await
        .expect("known");
    assert_eq!(waited["status"], "ok", "{waited}");
    let rows = history(&mut chat).await;
    let said: Vec<_> = rows.iter().map(words).collect();
    assert_eq!(
        said,
        ["remember me", "You said: remember me"],
        "once, and answered"
    );
    assert_eq!(rows[0]["idempotencyKey"], "r-1:user");
    let again = chat
        .call("chat.send", message("r-1", "remember me"))
        .await
        .expect("known");
    assert_eq!(again["status"], "ok");
}

#[tokio::test]
async fn chats_of_channels_are_seen_live_and_an_answer_can_go_there() {
    let world =
        World::with(|config| config["gateway"] = openclaw_e2e::chat::config()["gateway"].clone()).await;
    let mut chat = Chat::connect(&world.gateway).await;
    chat.call("sessions.subscribe", json!({}))
        .await
        .expect("subscribed");
    world.telegram.dm(ADA, "hello from afar");
    let end = chat
        .until("the end of its run", |frame| frame["payload"]["state"] == "final")
        .await;
    assert!(
        words(&end["payload"]["message"]).contains("hello from afar"),
        "{end}"
    );
    let key = end["payload"]["sessionKey"].as_str().expect("a key").to_owned();
    world.sent("hello from afar").await;
    let params = json!({
        "sessionKey": key, "message": "and one from here", "deliver": true, "idempotencyKey": "r-1",
    });
    chat.call("chat.send", params).await.expect("taken");
    chat.ended("r-1").await;
    let sent = world.sent("and one from here").await;
    assert_eq!(sent["chat_id"], ADA.id);
    world.end().await;
}

#[tokio::test]
async fn one_that_comes_in_the_middle_of_an_answer_sees_the_whole_of_it() {
    let world =
        World::with(|config| config["gateway"] = openclaw_e2e::chat::config()["gateway"].clone()).await;
    let (turn, valve) = Turn::text("one two three four").held(3);
    world.model.script(turn);
    world.telegram.dm(ADA, "count");
    world.heard(1).await;
    // until now nobody was there to be told
    let mut chat = Chat::connect(&world.gateway).await;
    valve.open();
    let end = chat
        .until("the end of its run", |frame| frame["payload"]["state"] == "final")
        .await;
    assert_eq!(words(&end["payload"]["message"]), "one two three four");
    let deltas = chat.events("chat");
    let deltas = deltas.iter().filter(|event| event["state"] == "delta");
    let grown: String = deltas.filter_map(|event| event["deltaText"].as_str()).collect();
    assert_eq!(grown, "one two three four", "it is told from the beginning");
    world.end().await;
}
