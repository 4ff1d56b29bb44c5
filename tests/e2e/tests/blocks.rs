//! Answers that go out in parts while they are written, and what is told of tools and of typing meanwhile.
use openclaw_e2e::world::{ADA, Home, Running, World, config, soon, text_of};
use openclaw_fakes::{
    openai::{OpenAi, Turn, Valve},
    telegram::Telegram,
};
use serde_json::{Value, json};

/// Steps of the journal at which a gateway is killed while an answer goes out, and the parts that may come twice then:
/// those whose sending was interrupted.
const STEPS: [(&str, usize); 7] = [
    ("reply.before", 0),
    ("reply.after", 0),
    ("reply.after:2", 1),
    ("sending.after", 1),
    ("tried.before", 1),
    ("tried.after", 1),
    ("tried.after:2", 1),
];
/// Words of the model after which it waits: in the fourth paragraph.
const HOLD: usize = 38;

/// Paragraphs of ten words, each with a mark of its own.
fn text() -> String {
    let paragraph = |n: usize| format!("mark-{n} has some words so that it is one part");
    (1..=5).map(paragraph).collect::<Vec<_>>().join("\n\n")
}

/// Each paragraph goes out by itself.
fn in_parts(config: &mut Value) {
    let defaults = &mut config["agents"]["defaults"];
    defaults["blockStreamingDefault"] = "on".into();
    defaults["blockStreamingChunk"] = json!({ "minChars": 30, "maxChars": 300 });
}

/// What the platform was asked to show.
fn sent(telegram: &Telegram) -> Vec<String> {
    telegram.bodies("sendMessage").iter().map(text_of).collect()
}

fn count(texts: &[String], n: usize) -> usize {
    let mark = format!("mark-{n} ");
    texts.iter().filter(|text| text.contains(&mark)).count()
}

#[tokio::test]
async fn an_answer_goes_out_in_parts_while_it_is_written() {
    let world = World::with(in_parts).await;
    let (turn, valve) = Turn::text(&text()).held(HOLD);
    world.model.script(turn);
    world.telegram.dm(ADA, "tell me");
    // the model is not done
    let first = world.texts(2).await;
    assert!(
        first[0].starts_with("mark-1") && first[1].starts_with("mark-2"),
        "{first:?}"
    );
    valve.open();
    world.sent("mark-5").await;
    let texts = sent(&world.telegram);
    assert_eq!(
        (1..=5).map(|n| count(&texts, n)).collect::<Vec<_>>(),
        [1; 5],
        "{texts:?}"
    );
    assert_eq!(texts.join("\n\n"), text());
    assert_eq!(
        world.telegram.bodies("editMessageText"),
        [Value::Null; 0],
        "no preview beside it"
    );
    // the model knows what it said as one message
    world.telegram.dm(ADA, "go on");
    let bodies = soon("the next request", world.model.heard(2)).await;
    let said = bodies[1]["messages"].as_array().expect("messages");
    let said = said
        .iter()
        .find(|message| message["role"] == "assistant")
        .expect("an answer");
    assert!(said["content"].to_string().contains("mark-1") && said["content"].to_string().contains("mark-5"));
    world.end().await;
}

#[tokio::test]
async fn a_channel_may_have_it_otherwise_and_a_message_may_go_out_whole() {
    let world = World::with(|config| {
        in_parts(config);
        config["channels"]["telegram"]["blockStreaming"] = false.into();
    })
    .await;
    world.model.script(Turn::text(&text()));
    world.telegram.dm(ADA, "tell me");
    assert_eq!(text_of(&world.sent("mark-5").await), text());
    world.reconfigure(|config| {
        config["channels"]["telegram"]["blockStreaming"] = true.into();
        config["agents"]["defaults"]["blockStreamingBreak"] = "message_end".into();
    });
    world.gateway.says("channels.telegram.blockStreaming").await;
    let call = Turn::text("Let me look.").and_call("c1", "session_status", &json!({}));
    world.model.script(call);
    world.model.script(Turn::text(&text().replace("mark", "after")));
    world.telegram.dm(ADA, "and again");
    let last = world.sent("after-5").await;
    assert!(text_of(&last).starts_with("after-1"), "{last}");
    assert!(sent(&world.telegram).contains(&"Let me look.".to_owned()));
    world.end().await;
}

#[tokio::test]
async fn a_gateway_that_is_killed_says_no_part_twice_and_leaves_none_out() {
    for (step, repeats) in STEPS {
        let telegram = Telegram::start().await.expect("a port");
        let model = OpenAi::start().await.expect("a port");
        let home = Home::new(&["telegram", "openai"]);
        let mut config = config(&telegram, &[("one", &model)]);
        in_parts(&mut config);
        home.configure(&config);
        let (turn, valve) = Turn::text(&text()).held(HOLD);
        model.script(turn);
        model.script(Turn::text(&text()));
        telegram.dm(ADA, "tell me");
        let mut command = home.command(&["gateway", "--port", "0"]);
        let mut running = Running::spawn(command.env("OPENCLAW_CRASH_AT", step));
        running.gone().await;
        assert!(running.was_killed(), "{step}: {}", running.log());
        drop(valve);
        let gateway = home.start().await;
        let last = telegram.until(|telegram| (count(&sent(telegram), 5) > 0).then_some(()));
        soon(&format!("the end of the answer after {step}"), last).await;
        let (code, log) = gateway.stop().await;
        assert_eq!(code, Some(0), "{log}");
        let texts = sent(&telegram);
        let counts: Vec<_> = (1..=5).map(|n| count(&texts, n)).collect();
        assert!(
            counts.iter().all(|count| *count >= 1),
            "{step}: {counts:?} {texts:?}"
        );
        let twice = counts.iter().map(|count| count - 1).sum::<usize>();
        assert!(twice <= repeats, "{step}: {counts:?} {texts:?}");
        let marked = telegram_rows(&home);
        assert!(
            twice <= marked,
            "{step}: {twice} came twice and {marked} are marked so"
        );
    }
}

/// Messages that may have been sent twice, as the journal marks them.
fn telegram_rows(home: &Home) -> usize {
    let journal = rusqlite::Connection::open(home.state().join("state.db")).expect("a journal");
    let count = "SELECT count(*) FROM outbox WHERE repeated <> 0 OR state = 'unknown'";
    let marked: i64 = journal
        .query_row(count, [], |row| row.get(0))
        .expect("it can be read");
    usize::try_from(marked).expect("not negative")
}

#[tokio::test]
async fn what_tools_do_is_told_to_who_wants_to_know() {
    // tools are for people whom the operator knows
    let world = World::with(|config| {
        let telegram = &mut config["channels"]["telegram"];
        telegram["dmPolicy"] = "allowlist".into();
        telegram["allowFrom"] = json!([ADA.id.to_string()]);
    })
    .await;
    let call = || Turn::call("c1", "session_status", &json!({}));
    world.model.script(call());
    world.model.script(Turn::text("the first answer"));
    world.telegram.dm(ADA, "what is it?");
    world.sent("the first answer").await;
    assert_eq!(sent(&world.telegram).len(), 1, "nobody asked");
    world.telegram.dm(ADA, "/verbose on");
    world.sent("Verbose logging enabled").await;
    world.model.script(call());
    world.model.script(Turn::text("the second answer"));
    world.telegram.dm(ADA, "and now?");
    world.sent("the second answer").await;
    let texts = sent(&world.telegram);
    assert_eq!(
        texts[2..],
        ["🛠️ session_status".to_owned(), "the second answer".to_owned()]
    );
    world.telegram.dm(ADA, "/verbose full");
    world.sent("set to full").await;
    world.model.script(call());
    world.model.script(Turn::text("the third answer"));
    world.telegram.dm(ADA, "all of it");
    world.sent("the third answer").await;
    let texts = sent(&world.telegram);
    assert!(
        texts[5].starts_with("🛠️") && texts[6].starts_with("📄 session_status"),
        "{texts:?}"
    );
    world.end().await;
}

/// Where a model waits: in which of its answers, and after how many events of it.
type Place = (usize, usize);

/// A message that is answered by a tool and then by words, where typing is shown in this mode. The model waits at the
/// place until the valve is dropped.
async fn answered_with_a_tool(mode: &str, place: Option<Place>) -> (World, Option<Valve>) {
    let world = World::with(|config| {
        config["agents"]["defaults"]["typingMode"] = mode.into();
        config["commands"]["ownerAllowFrom"] = json!([format!("telegram:{}", ADA.id)]);
    })
    .await;
    let mut turns = [
        Turn::call("c1", "session_status", &json!({})),
        Turn::text("the whole answer"),
    ];
    let valve = place.map(|(answer, events)| {
        let (held, valve) = std::mem::take(&mut turns[answer]).held(events);
        turns[answer] = held;
        valve
    });
    turns.into_iter().for_each(|turn| world.model.script(turn));
    world.telegram.dm(ADA, "hello");
    (world, valve)
}

#[tokio::test]
async fn typing_is_shown_when_the_operator_wants_it() {
    for (mode, from) in [
        ("instant", Some((0, 0))),
        // a tool was begun
        ("thinking", Some((1, 0))),
        // a word was said
        ("message", Some((1, 2))),
        ("never", None),
    ] {
        let (world, valve) = answered_with_a_tool(mode, from).await;
        if from.is_some() {
            let signs = soon(mode, world.telegram.called("sendChatAction", 1)).await;
            assert_eq!(signs[0]["action"], "typing");
        }
        drop(valve);
        world.sent("the whole answer").await;
        if from.is_none() {
            assert_eq!(world.telegram.bodies("sendChatAction").len(), 0, "{mode}");
        }
        world.end().await;
    }
}

#[tokio::test]
async fn typing_is_not_shown_before() {
    for (mode, place) in [("thinking", (0, 0)), ("message", (1, 0))] {
        let (world, valve) = answered_with_a_tool(mode, Some(place)).await;
        soon("the request", world.model.heard(place.0 + 1)).await;
        assert_eq!(world.telegram.bodies("sendChatAction").len(), 0, "{mode}");
        drop(valve);
        world.sent("the whole answer").await;
        world.end().await;
    }
}
