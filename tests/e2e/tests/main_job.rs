//! The main job, with the real program and the real wire: a message comes in, a model answers, and the answer goes out.
use openclaw_e2e::world::{ADA, BOB, GROUP, Home, Running, World, soon, text_of};
use openclaw_fakes::{openai::Turn, telegram::Telegram};
use serde_json::{Value, json};

/// A message of a group that calls the bot.
fn mention(telegram: &Telegram, text: &str, place: &Value) {
    let name = format!("@{}", Telegram::BOT);
    let entity = json!({ "type": "mention", "offset": 0, "length": name.len() });
    let mut content = json!({ "text": format!("{name} {text}"), "entities": [entity] });
    let mut chat = json!({ "id": GROUP, "type": "supergroup", "title": "Group" });
    if !place.is_null() {
        chat["is_forum"] = true.into();
        content["message_thread_id"] = place.clone();
        content["is_topic_message"] = true.into();
    }
    telegram.message(chat, ADA, content);
}

#[tokio::test]
async fn a_private_message_is_answered() {
    let world = World::new().await;
    world.telegram.dm(ADA, "hello there");
    let answer = world.sent("You said:").await;
    assert_eq!(answer["chat_id"], ADA.id, "{answer}");
    assert!(text_of(&answer).ends_with("hello there"), "{answer}");
    world.telegram.dm(ADA, "and again");
    world.sent("and again").await;
    let bodies = world.model.heard(2).await;
    let roles: Vec<_> = bodies[1]["messages"]
        .as_array()
        .expect("messages")
        .iter()
        .map(|m| m["role"].clone())
        .collect();
    assert_eq!(
        roles,
        ["system", "user", "assistant", "user"],
        "the conversation goes on"
    );
    world.end().await;
}

#[tokio::test]
async fn a_picture_reaches_the_model() {
    let world = World::with(|config| {
        config["models"]["providers"]["one"]["models"][0]["input"] = json!(["text", "image"]);
    })
    .await;
    // the smallest picture there is
    let gif = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";
    world.telegram.photo(ADA, "what is this?", gif, None);
    world.sent("what is this?").await;
    let heard = world.heard(1).await;
    assert!(heard.contains("image_url") && heard.contains("base64"), "{heard}");
    world.end().await;
}

#[tokio::test]
async fn a_group_is_answered_when_it_calls() {
    let world = World::new().await;
    world.telegram.group(GROUP, BOB, "just among us");
    mention(&world.telegram, "are you there?", &Value::Null);
    let answer = world.sent("are you there?").await;
    assert_eq!(answer["chat_id"], GROUP, "{answer}");
    let heard = world.heard(1).await;
    assert!(
        heard.contains("just among us"),
        "what was said before is context: {heard}"
    );
    assert!(heard.contains("Ada"), "{heard}");
    assert_eq!(world.texts(1).await.len(), 1, "one answer");
    world.end().await;
}

#[tokio::test]
async fn a_topic_is_a_conversation_of_its_own() {
    let world = World::new().await;
    mention(&world.telegram, "in one topic", &json!(5));
    let first = world.sent("in one topic").await;
    mention(&world.telegram, "in another", &json!(6));
    let second = world.sent("in another").await;
    assert_eq!(
        [&first["message_thread_id"], &second["message_thread_id"]],
        [5, 6]
    );
    let bodies = world.model.heard(2).await;
    assert!(!bodies[1].to_string().contains("in one topic"), "{}", bodies[1]);
    world.end().await;
}

#[tokio::test]
async fn a_stranger_is_answered_after_pairing() {
    let world = World::with(|config| {
        let telegram = &mut config["channels"]["telegram"];
        telegram["dmPolicy"] = "pairing".into();
        telegram["allowFrom"] = json!([]);
    })
    .await;
    world.telegram.dm(ADA, "let me in");
    let invitation = soon("a code", world.telegram.called("sendMessage", 1))
        .await
        .remove(0);
    let listed = world.home.json(&["pairing", "list", "--json"]).await;
    let code = listed["requests"][0]["code"].as_str().expect("a code").to_owned();
    assert!(text_of(&invitation).contains(&code), "{invitation} {listed}");
    assert_eq!(listed["requests"][0]["id"], ADA.id.to_string());
    let approved = world.home.run(&["pairing", "approve", "telegram", &code]).await;
    assert!(
        approved.status.success(),
        "{}",
        String::from_utf8_lossy(&approved.stderr)
    );
    world.telegram.dm(ADA, "now?");
    world.sent("now?").await;
    assert_eq!(
        world.model.heard(1).await.len(),
        1,
        "the stranger's message is not for the model"
    );
    world.end().await;
}

#[tokio::test]
async fn what_was_begun_is_shown_and_grows() {
    let world = World::with(|config| config["channels"]["telegram"]["streaming"] = "partial".into()).await;
    let begin = "This is the beginning of a rather long answer";
    let whole = format!("{begin} and this is its end.");
    // one event opens the answer, and each word is one
    let (turn, valve) = Turn::text(&whole).held(1 + begin.split(' ').count());
    world.model.script(turn);
    world.telegram.dm(ADA, "tell me");
    world.sent("This is the beginning of").await;
    valve.open();
    let edits = soon(
        "the whole answer",
        world.telegram.until(|telegram| {
            let edits = telegram.bodies("editMessageText");
            edits.iter().any(|edit| text_of(edit) == whole).then_some(edits)
        }),
    )
    .await;
    assert!(
        edits
            .iter()
            .all(|edit| edit["message_id"] == edits[0]["message_id"]),
        "{edits:?}"
    );
    assert_eq!(world.texts(1).await.len(), 1, "one message, which grew");
    world.end().await;
}

#[tokio::test]
async fn commands_are_answered_by_the_gateway() {
    let world = World::with(|config| {
        let second = json!({ "id": "n", "contextWindow": 100_000 });
        config["models"]["providers"]["one"]["models"]
            .as_array_mut()
            .expect("models")
            .push(second);
    })
    .await;
    world.telegram.dm(ADA, "/status");
    assert!(text_of(&world.sent("one/m").await).contains("OpenClaw"));
    world.telegram.dm(ADA, "remember the apple");
    world.sent("remember the apple").await;
    world.telegram.dm(ADA, "/new");
    world.sent("New session started").await;
    world.telegram.dm(ADA, "what did I say?");
    world.sent("what did I say?").await;
    let bodies = world.model.heard(2).await;
    assert!(!bodies[1].to_string().contains("apple"), "{}", bodies[1]);
    world.telegram.dm(ADA, "/model one/n");
    soon(
        "the choice to be confirmed",
        world.telegram.called("sendMessage", 5),
    )
    .await;
    world.telegram.dm(ADA, "who answers?");
    world.sent("who answers?").await;
    assert_eq!(world.model.heard(3).await[2]["model"], "n");
    world.end().await;
}

#[tokio::test]
async fn stop_ends_a_slow_answer_and_the_request_for_it() {
    let world = World::new().await;
    let (turn, valve) = Turn::text("too late").held(1);
    world.model.script(turn);
    world.telegram.dm(ADA, "take your time");
    world.heard(1).await;
    world.telegram.dm(ADA, "/stop");
    world.sent("Stopped").await;
    soon("the request to be given up", valve.abandoned()).await;
    world.telegram.dm(ADA, "go on");
    world.sent("go on").await;
    let texts = world.texts(2).await;
    assert!(!texts.iter().any(|text| text.contains("too late")), "{texts:?}");
    world.end().await;
}

#[tokio::test]
async fn a_repeated_update_is_answered_once() {
    let mut world = World::new().await;
    soon("the poll that is held", world.telegram.called("getUpdates", 2)).await;
    // the poll that would confirm the update never gets there
    let never = std::time::Duration::from_secs(3600);
    world
        .telegram
        .fail("getUpdates", openclaw_fakes::telegram::Fault::Delay(never));
    world.telegram.dm(ADA, "once");
    world.sent("once").await;
    assert_eq!(world.telegram.unconfirmed().len(), 1);
    let (code, _) = world.gateway.stop().await;
    assert_eq!(code, Some(0));
    world.gateway = world.home.start().await;
    world.telegram.dm(ADA, "twice");
    world.sent("twice").await;
    let texts = world.texts(2).await;
    assert_eq!(texts.len(), 2, "{texts:?}");
    world.end().await;
}

#[tokio::test]
async fn a_changed_configuration_has_its_effect_at_once() {
    let world = World::new().await;
    world.telegram.dm(ADA, "before");
    world.sent("before").await;
    world.reconfigure(|config| {
        let telegram = &mut config["channels"]["telegram"];
        telegram["dmPolicy"] = "allowlist".into();
        telegram["allowFrom"] = json!([BOB.id.to_string()]);
    });
    world.gateway.says("channels.telegram.allowFrom").await;
    world.telegram.dm(ADA, "not for you");
    world.telegram.dm(BOB, "for me");
    let answer = world.sent("for me").await;
    assert_eq!(answer["chat_id"], BOB.id);
    world.home.write_config("{ channels: ");
    world.gateway.says("the old one goes on").await;
    world.telegram.dm(BOB, "still there?");
    world.sent("still there?").await;
    let texts = world.texts(3).await;
    assert!(
        !texts.iter().any(|text| text.contains("not for you")),
        "{texts:?}"
    );
    world.end().await;
}

#[tokio::test]
async fn the_guides_configuration_starts_and_names_what_is_missing() {
    let home = Home::new(&["telegram", "openai"]);
    home.write_config(
        r#"{ "agents": { "defaults": { "model": { "primary": "anthropic/claude-opus-4-6", "fallbacks": ["anthropic/claude-sonnet-4-5", "openai/gpt-4o"] }, "maxConcurrent": 4 },
              "list": [ { "id": "main", "default": true } ] },
  "auth": { "profiles": { "anthropic:default": { "mode": "token", "provider": "anthropic" }, "openai:default": { "mode": "token", "provider": "openai" } } },
  "bindings": [ { "agentId": "main", "match": { "channel": "discord" } } ],
  "channels": { "discord": { "enabled": true, "groupPolicy": "allowlist",
      "guilds": { "YOUR_GUILD_ID": { "channels": { "general": { "allow": true } }, "requireMention": false } } } },
  "gateway": { "mode": "local", "bind": "auto" }, "meta": { "lastTouchedVersion": "2026.1.29" } }"#,
    );
    // in a container `auto` is every network, which takes a secret
    let mut command = home.command(&["gateway", "--port", "0"]);
    let running = Running::spawn(command.env("OPENCLAW_GATEWAY_TOKEN", "a-token-of-a-test"));
    running.says("ready in").await;
    let (code, log) = running.stop().await;
    assert_eq!(code, Some(0), "{log}");
    let warned: Vec<_> = log.lines().filter(|line| line.contains("discord")).collect();
    assert!(!warned.is_empty(), "the plugin that is missing is named:\n{log}");
}
