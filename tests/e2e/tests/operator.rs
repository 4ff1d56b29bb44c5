//! What an operator and two people at once see: stops and starts in the middle of an answer, and conversations that must
//! not get in each other's way.
use openclaw_e2e::world::{ADA, BOB, Home, KEY, Running, World, soon};
use openclaw_fakes::{openai::Turn, telegram::Telegram};
use serde_json::{Value, json};
use std::{fs, path::Path};

/// The chats and texts of what was sent, in order.
fn sent(world: &World) -> Vec<(i64, String)> {
    let bodies = world.telegram.bodies("sendMessage").into_iter();
    bodies
        .map(|body| {
            (
                body["chat_id"].as_i64().unwrap_or_default(),
                body["text"].as_str().unwrap_or_default().to_owned(),
            )
        })
        .collect()
}

async fn all_taken(world: &World) {
    let taken = world
        .telegram
        .until(|telegram| telegram.unconfirmed().is_empty().then_some(()));
    soon("everything to be taken", taken).await;
}

#[tokio::test]
async fn two_chats_of_one_conversation_each_get_their_answer() {
    let world = World::with(|config| config["session"] = json!({ "dmScope": "main" })).await;
    let (turn, valve) = Turn::text("this is for Ada").held(1);
    world.model.script(turn);
    world.telegram.dm(ADA, "one");
    world.heard(1).await;
    world.telegram.dm(BOB, "and what of me?");
    all_taken(&world).await;
    valve.open();
    world.sent("and what of me?").await;
    let sent = sent(&world);
    assert!(
        sent.iter()
            .any(|(chat, text)| *chat == ADA.id && text.contains("for Ada")),
        "{sent:?}"
    );
    assert!(
        sent.iter()
            .all(|(chat, text)| (*chat == BOB.id) == text.contains("what of me")),
        "{sent:?}"
    );
    world.end().await;
}

#[tokio::test]
async fn a_stop_in_the_middle_of_an_answer_is_made_up_for_at_the_next_start() {
    let World {
        telegram,
        model,
        home,
        gateway,
    } = World::new().await;
    let (turn, _valve) = Turn::text("never said").held(1);
    model.script(turn);
    telegram.dm(ADA, "hello there");
    soon("the model's being asked", model.heard(1)).await;
    let (code, log) = gateway.stop().await;
    assert_eq!(code, Some(0), "{log}");
    assert_eq!(telegram.bodies("sendMessage"), Vec::<Value>::new(), "{log}");
    let world = World {
        gateway: home.start().await,
        telegram,
        model,
        home,
    };
    let texts = world.texts(1).await;
    assert!(texts[0].contains("hello there"), "{texts:?}");
    world.end().await;
}

#[tokio::test]
async fn a_conversation_that_waits_for_its_turn_holds_up_nobody() {
    let world = World::with(|config| {
        config["agents"]["defaults"]["maxConcurrent"] = json!(1);
        config["session"] = json!({ "dmScope": "per-peer" });
    })
    .await;
    let (turn, valve) = Turn::text("a long answer").held(1);
    world.model.script(turn);
    world.telegram.dm(ADA, "one");
    world.heard(1).await;
    world.telegram.dm(BOB, "I wait for Ada's turn");
    all_taken(&world).await;
    world.telegram.dm(BOB, "/new");
    world.telegram.dm(ADA, "/whoami");
    let answered = world.telegram.until(|telegram| {
        let sent = telegram.bodies("sendMessage");
        sent.iter().any(|body| body["chat_id"] == ADA.id).then_some(())
    });
    soon("Ada's command to be answered", answered).await;
    valve.open();
    world.sent("a long answer").await;
    world.end().await;
}

#[tokio::test]
async fn a_second_gateway_and_a_taken_port_are_told_apart() {
    let world = World::new().await;
    let second = world.home.run(&["gateway", "--port", "0"]).await;
    let said = String::from_utf8_lossy(&second.stderr).into_owned();
    assert!(said.contains("already running") && said.contains("PID"), "{said}");
    let other = Home::new(&["telegram"]);
    other.write_config("{}");
    let taken = other.run(&["gateway", "--port", &world.gateway.port]).await;
    let said = String::from_utf8_lossy(&taken.stderr).into_owned();
    assert_eq!(taken.status.code(), Some(1), "{said}");
    assert!(
        said.contains(&world.gateway.port) && said.contains("port is taken"),
        "{said}"
    );
    world.end().await;
}

/// Files below a folder that have some bytes in them.
fn with(folder: &Path, secret: &str, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            with(&path, secret, found);
        } else if fs::read(&path)
            .unwrap_or_default()
            .windows(secret.len())
            .any(|part| part == secret.as_bytes())
        {
            found.push(
                path.file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned(),
            );
        }
    }
}

#[tokio::test]
async fn secrets_stand_in_the_configuration_only() {
    let world = World::new().await;
    world
        .telegram
        .refuse("sendMessage", 429, "Too Many Requests: retry after 1");
    world
        .model
        .script(Turn::error(401, "invalid_api_key", "Incorrect API key provided"));
    world.telegram.dm(ADA, "one");
    world.sent("⚠️").await;
    world.telegram.dm(ADA, "/status");
    world.sent("one/m").await;
    let token = Telegram::TOKEN.split(':').nth(1).expect("an id and a secret");
    for secret in [token, KEY] {
        let mut found = Vec::new();
        with(world.home.state(), secret, &mut found);
        found.retain(|name| !name.starts_with("openclaw.json"));
        assert_eq!(found, [""; 0], "{secret}");
    }
    world.end().await;
}

#[tokio::test]
async fn many_messages_of_many_people_are_each_answered() {
    let world = World::with(|config| config["session"] = json!({ "dmScope": "per-peer" })).await;
    for n in 0..300 {
        let person = openclaw_fakes::telegram::Person {
            id: 1000 + n % 50,
            name: "One of many",
        };
        world.telegram.dm(person, &format!("number {n}."));
    }
    all_taken(&world).await;
    let answered = world.telegram.until(|telegram| {
        let bodies = telegram.bodies("sendMessage");
        let heard: String = bodies.iter().map(|body| body["text"].to_string()).collect();
        (250..300)
            .all(|n| heard.contains(&format!("number {n}.")))
            .then_some(())
    });
    soon("the last of everybody", answered).await;
    world.end().await;
}

#[tokio::test]
async fn what_is_killed_at_any_step_is_answered_once() {
    for step in [
        "accept.after",
        "synced.before",
        "begin.after",
        "append.before",
        "append.after",
        "reply.before",
        "reply.after",
        "sending.before",
        "tried.after",
    ] {
        let telegram = Telegram::start().await.expect("a port");
        let model = openclaw_fakes::openai::OpenAi::start().await.expect("a port");
        let home = Home::new(&["telegram", "openai"]);
        home.configure(&openclaw_e2e::world::config(&telegram, &[("one", &model)]));
        let mut command = home.command(&["gateway", "--port", "0", "--verbose"]);
        let first = Running::spawn(command.env("OPENCLAW_CRASH_AT", step));
        telegram.dm(ADA, "hello there");
        first.says("[its log ends here]").await;
        let gateway = home.start().await;
        let world = World {
            telegram,
            model,
            home,
            gateway,
        };
        world.texts(1).await;
        world.telegram.dm(ADA, "the second one");
        world.sent("the second one").await;
        let count = sent(&world)
            .iter()
            .filter(|(_, text)| text.contains("hello there"))
            .count();
        assert_eq!(count, 1, "{step}: {:?}", sent(&world));
        world.end().await;
    }
}
