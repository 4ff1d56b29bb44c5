//! What an answer looks like: previews, files, replies, commands.
use crate::world::{ADA, BOB, SEND, World, text};
use openclaw_e2e::running::soon;
use openclaw_fakes::{discord::Fault, openai::Turn};
use serde_json::json;
use std::time::Duration;

#[tokio::test]
async fn a_private_message_and_one_in_a_channel_are_answered() {
    let world = World::new().await;
    let (turn, valve) = Turn::text("hello in private").held(0);
    world.model.script(turn);
    world.discord.dm(ADA, "hello?");
    soon("typing", world.discord.called("POST /channels/*/typing", 1)).await;
    drop(valve);
    let answer = world.said("hello in private").await;
    let private = world.discord.private(&world.discord.bot(), ADA);
    assert_eq!(answer["channel_id"], private.to_string());
    world.discord.say(world.general, BOB, "hello in general");
    let answer = world.said("hello in general").await;
    assert_eq!(answer["channel_id"], world.general.to_string());
    assert_eq!(
        answer["flags"].as_u64().map(|flags| flags & 4),
        Some(4),
        "embeds are suppressed: {answer}"
    );
    let sent = world.discord.bodies(SEND);
    assert!(sent.iter().all(|body| body["enforce_nonce"] == true), "{sent:#?}");
    world.end().await;
}

#[tokio::test]
async fn what_was_begun_is_shown_and_grows() {
    let world = World::with(|_, config| config["channels"]["discord"]["streaming"] = "partial".into()).await;
    let begin = "This is the beginning of a rather long answer";
    let whole = format!("{begin} and this is its end.");
    // one event opens the answer, and each word is one
    let (turn, valve) = Turn::text(&whole).held(1 + begin.split(' ').count());
    world.model.script(turn);
    world.discord.dm(ADA, "tell me");
    let first = world.said("This is the beginning of").await;
    valve.open();
    let last = world.said("and this is its end.").await;
    assert_eq!(first["id"], last["id"], "one message, which grew");
    assert_eq!(text(&last), whole);
    assert_eq!(world.texts().len(), 1);
    world.end().await;
}

#[tokio::test]
async fn a_picture_reaches_the_model() {
    let world = World::with(|_, config| {
        config["models"]["providers"]["one"]["models"][0]["input"] = json!(["text", "image"]);
    })
    .await;
    // the smallest picture there is
    let gif = b"GIF89a\x01\x00\x01\x00\x80\x00\x00\x00\x00\x00\xff\xff\xff!\xf9\x04\x01\x00\x00\x00\x00,\x00\x00\x00\x00\x01\x00\x01\x00\x00\x02\x02D\x01\x00;";
    let file = world.discord.attachment("a.gif", "image/gif", gif);
    let content = json!({ "content": "what is this?", "attachments": [file] });
    world.discord.message(world.general, ADA.user(), content);
    world.said("what is this?").await;
    let heard = world.heard(1).await;
    assert!(
        heard.contains("image_url") && heard.contains("base64"),
        "{heard:.400}"
    );
    world.end().await;
}

#[tokio::test]
async fn replies_refer_to_the_message_where_that_is_wanted() {
    let world = World::with(|_, config| config["channels"]["discord"]["replyToMode"] = "first".into()).await;
    let asked = world.discord.say(world.general, ADA, "answer to this");
    let answer = world.said("answer to this").await;
    assert_eq!(
        answer["message_reference"]["message_id"],
        asked.to_string(),
        "{answer}"
    );
    world.end().await;
}

#[tokio::test]
async fn a_slash_command_is_registered_and_answered_for_nobody_else() {
    // who is admitted because everybody is may not give commands in a room
    let world = World::with(|_, config| {
        let guilds = config["channels"]["discord"]["guilds"]
            .as_object_mut()
            .expect("guilds");
        guilds
            .values_mut()
            .for_each(|guild| guild["users"] = json!([ADA.id.to_string()]));
    })
    .await;
    let bot = world.discord.bot();
    let has_status = |discord: &openclaw_fakes::discord::Discord| {
        discord
            .commands(&bot)
            .iter()
            .any(|command| command["name"] == "status")
            .then_some(())
    };
    soon("its commands", world.discord.until(has_status)).await;
    let id = world.discord.slash(&bot, world.general, ADA, "status", json!([]));
    let answer = world.said("one/m").await;
    assert_eq!(
        answer["flags"].as_u64().map(|flags| flags & 64),
        Some(64),
        "ephemeral: {answer}"
    );
    assert!(
        world
            .discord
            .answer(id)
            .is_some_and(|(kind, _)| matches!(kind, 4 | 5))
    );
    assert!(world.model.asked().is_empty(), "it is the gateway's own answer");
    // started again, nothing is registered anew
    let registered = |world: &World| {
        let calls = world.discord.keys();
        calls
            .iter()
            .filter(|key| key.contains("/commands") && !key.starts_with("GET"))
            .count()
    };
    let before = registered(&world);
    assert!(before > 0);
    let World {
        discord,
        guild,
        general,
        model,
        home,
        gateway,
    } = world;
    let (code, log) = gateway.stop().await;
    assert_eq!(code, Some(0), "{log}");
    let gateway = home.start().await;
    let world = World {
        discord,
        guild,
        general,
        model,
        home,
        gateway,
    };
    world.online().await;
    world.discord.dm(ADA, "after the restart");
    world.said("after the restart").await;
    assert_eq!(registered(&world), before, "{:?}", world.discord.keys());
    world.end().await;
}

#[tokio::test]
async fn no_slash_command_is_left_without_an_answer() {
    let world = World::with_plugins(&["loopback"], |_, config| {
        config["channels"]["loopback"] = json!({ "dmPolicy": "disabled" });
        // no text is a command, but what comes from the menu is no text
        config["commands"]["text"] = false.into();
    })
    .await;
    let bot = world.discord.bot();
    let private = world.discord.private(&bot, ADA);
    let give = |name: &str, args: &[&str]| {
        let options: Vec<_> = args
            .iter()
            .map(|value| json!({ "name": "args", "type": 3, "value": value }))
            .collect();
        world.discord.slash(&bot, private, ADA, name, json!(options));
    };
    let done = async |times: usize| {
        let told = world
            .discord
            .until(|_| (world.count("Done.") >= times).then_some(()));
        soon("a word that it is done", told).await;
    };
    give("status", &[]);
    world.said("one/m").await;
    // a command that has nothing to say
    give("quiet", &[]);
    done(1).await;
    // and a turn
    world.model.script(Turn::text("NO_REPLY"));
    give("new", &["quietly"]);
    done(2).await;
    assert_eq!(
        world.model.asked().len(),
        1,
        "the turn asked, and nothing else did"
    );
    let texts = world.texts();
    assert!(texts.iter().all(|text| !text.contains("may not")), "{texts:?}");
    world.end().await;
}

#[tokio::test]
async fn what_discord_limits_waits_and_nothing_is_refused_twice() {
    let world = World::new().await;
    world.discord.limit(SEND, 2, Duration::from_millis(500));
    world.discord.fail(
        SEND,
        Fault::Limited {
            after: Duration::from_millis(200),
            global: true,
        },
    );
    let long: String = (0..120)
        .map(|line| format!("line {line} of a long answer\n"))
        .collect();
    world.model.script(Turn::text(&format!("{long}the end")));
    world.discord.say(world.general, ADA, "tell me everything");
    world.said("the end").await;
    let texts = world.texts();
    assert!(
        texts.len() > 3 && texts.iter().all(|text| text.lines().count() <= 17),
        "{texts:?}"
    );
    let lines: Vec<_> = texts
        .iter()
        .flat_map(|text| text.lines())
        .filter(|line| line.contains("of a long"))
        .collect();
    assert_eq!(lines.len(), 120);
    assert_eq!(world.discord.exceeded(), 0, "it reads the headers and waits");
    world.end().await;
}

#[tokio::test]
async fn a_send_that_took_effect_is_not_repeated_and_one_that_did_not_is() {
    let world = World::new().await;
    for (fault, words) in [
        (Fault::Page { status: 502 }, "before it takes effect"),
        (Fault::PageAfter { status: 502 }, "after it took effect"),
        (Fault::Cut, "within the answer"),
    ] {
        world.discord.fail(SEND, fault);
        world.discord.say(world.general, ADA, words);
        world.said(words).await;
    }
    world.discord.say(world.general, ADA, "the last one");
    world.said("the last one").await;
    for words in [
        "before it takes effect",
        "after it took effect",
        "within the answer",
    ] {
        assert_eq!(world.count(words), 1, "{words}");
    }
    world.end().await;
}

#[tokio::test]
async fn a_reaction_is_told_at_the_next_turn() {
    let world = World::new().await;
    world.discord.say(world.general, ADA, "react to the answer");
    let answer = world.said("react to the answer").await;
    let id = answer["id"].as_str().expect("an id").parse().expect("a number");
    world.discord.react(world.general, id, BOB, "🎉");
    world.discord.say(world.general, ADA, "what happened?");
    world.said("what happened?").await;
    let heard = world.heard(2).await;
    assert!(heard.contains("reaction added: 🎉"), "{heard}");
    world.end().await;
}

#[tokio::test]
async fn a_button_is_told_to_the_agent_and_only_of_those_who_may_write() {
    let world = World::with(|_, config| {
        let guilds = config["channels"]["discord"]["guilds"]
            .as_object_mut()
            .expect("guilds");
        guilds
            .values_mut()
            .for_each(|guild| guild["users"] = json!([ADA.id.to_string()]));
    })
    .await;
    let bot = world.discord.bot();
    world.discord.say(world.general, ADA, "which one?");
    let answer = world.said("which one?").await;
    let under = answer["id"].as_str().expect("an id").parse().expect("a number");
    // what a short value of a button looks like on the wire
    world
        .discord
        .press(&bot, world.general, BOB, under, "v:the wrong one");
    let pressed = world
        .discord
        .press(&bot, world.general, ADA, under, "v:the left one");
    soon(
        "an answer in time",
        world.discord.until(|discord| discord.answer(pressed)),
    )
    .await;
    world.said("the left one").await;
    let heard = world.heard(2).await;
    assert!(heard.contains("callback_data: the left one"), "{heard}");
    assert!(!heard.contains("the wrong one"), "{heard}");
    assert_eq!(world.count("the wrong one"), 0);
    world.end().await;
}
