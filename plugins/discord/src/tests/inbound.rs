//! From Discord's events to the host's: places, people, mentions, words and files.
use super::*;
use openclaw_plugin_api::{ChatKind, InboundKind};

/// Sends one event and gives what the host gets.
pub(super) async fn told(lab: &Lab, gate: &mut Gate, name: &str, data: Value) -> Inbound {
    gate.dispatch(name, data).await;
    lab.event().await
}

#[tokio::test(start_paused = true)]
async fn a_message_of_a_server_has_its_place_and_its_sender() -> Result<()> {
    let (lab, mut gate) = Lab::ready(json!({})).await?;
    let event = told(
        &lab,
        &mut gate,
        "MESSAGE_CREATE",
        message(175_928_847_299_117_063, "hello <#10>"),
    )
    .await;
    assert_eq!(
        (event.event_id.as_str(), event.kind),
        ("message:175928847299117063", InboundKind::Message)
    );
    assert_eq!(
        (event.chat.id.as_str(), event.chat.kind, event.chat.title.as_str()),
        ("10", ChatKind::Channel, "general")
    );
    assert_eq!(
        (event.chat.space_id.as_str(), event.chat.space_title.as_str()),
        ("1", "Home")
    );
    assert_eq!(
        (event.chat.parent_id.as_str(), event.chat.thread_id.as_str()),
        ("", "")
    );
    assert_eq!(
        (
            event.sender.id.as_str(),
            event.sender.name.as_str(),
            event.sender.username.as_str()
        ),
        ("7", "Ada", "ada")
    );
    assert_eq!(
        (event.sender.roles, event.sender.is_bot),
        (vec!["6".to_owned()], false)
    );
    assert_eq!(
        (event.text.as_str(), event.mentioned, event.timestamp_ms),
        ("hello #general", false, 1_462_015_105_796)
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn threads_and_posts_hang_on_their_channel_and_bring_their_beginning_once() -> Result<()> {
    let (lab, mut gate) = Lab::ready(json!({})).await?;
    let starter =
        json!({ "id": "20", "content": "how it began", "author": { "id": "8", "username": "bob" } });
    lab.web
        .answer("GET /channels/10/messages/20", 200, starter.clone());
    lab.web.answer(
        "GET /channels/21/messages/21",
        200,
        with(starter, json!({ "id": "21" })),
    );
    let in_thread = |id: u64, thread: &str| with(message(id, "hi"), json!({ "channel_id": thread }));
    let event = told(&lab, &mut gate, "MESSAGE_CREATE", in_thread(30, "20")).await;
    assert_eq!(
        (
            event.chat.id.as_str(),
            event.chat.parent_id.as_str(),
            event.chat.parent_title.as_str()
        ),
        ("20", "10", "general")
    );
    let quoted = event.reply_to.expect("the beginning");
    assert_eq!(
        (quoted.text.as_str(), quoted.sender_id.as_str()),
        ("how it began", "8")
    );
    let event = told(&lab, &mut gate, "MESSAGE_CREATE", in_thread(31, "20")).await;
    assert_eq!(event.reply_to, None, "once");
    let event = told(&lab, &mut gate, "MESSAGE_CREATE", in_thread(32, "21")).await;
    assert_eq!(
        (event.chat.title.as_str(), event.chat.parent_title.as_str()),
        ("a post", "questions")
    );
    assert_eq!(event.reply_to.expect("its first message").message_id, "21");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_thread_that_nobody_told_of_is_asked_for() -> Result<()> {
    let (lab, mut gate) = Lab::ready(json!({})).await?;
    let thread = json!({ "id": "22", "type": 12, "name": "secret", "parent_id": "10", "guild_id": "1" });
    lab.web.answer("GET /channels/22", 200, thread);
    let event = told(
        &lab,
        &mut gate,
        "MESSAGE_CREATE",
        with(message(30, "hi"), json!({ "channel_id": "22" })),
    )
    .await;
    assert_eq!(event.chat.parent_id, "10");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn private_chats_are_of_one_or_of_several() -> Result<()> {
    let (lab, mut gate) = Lab::ready(json!({})).await?;
    let person = json!({ "id": "7", "username": "ada", "global_name": "Ada" });
    lab.web.answer(
        "GET /channels/50",
        200,
        json!({ "id": "50", "type": 1, "recipients": [person] }),
    );
    lab.web.answer(
        "GET /channels/51",
        200,
        json!({ "id": "51", "type": 3, "name": "trio" }),
    );
    let private = |id: u64, channel: &str| {
        json!({
            "id": id.to_string(), "channel_id": channel, "type": 0, "content": "hi", "author": { "id": "7", "username": "ada" }
        })
    };
    let event = told(&lab, &mut gate, "MESSAGE_CREATE", private(30, "50")).await;
    assert_eq!(
        (event.chat.kind, event.chat.title.as_str()),
        (ChatKind::Direct, "Ada")
    );
    assert_eq!(event.chat.space_id, "");
    let event = told(&lab, &mut gate, "MESSAGE_CREATE", private(31, "51")).await;
    assert_eq!(
        (event.chat.kind, event.chat.title.as_str()),
        (ChatKind::Group, "trio")
    );
    // one that Discord doesn't show is private
    let event = told(&lab, &mut gate, "MESSAGE_CREATE", private(32, "52")).await;
    assert_eq!(event.chat.kind, ChatKind::Direct);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn mentions_are_the_bots_name_its_role_and_replies() -> Result<()> {
    let (lab, mut gate) = Lab::ready(json!({})).await?;
    let me = json!([{ "id": ME, "username": "claw" }]);
    let ada = json!([{ "id": "7", "username": "ada" }]);
    let reply = |author: &str| {
        json!({ "type": 19, "message_reference": { "type": 0, "message_id": "5" },
            "referenced_message": { "id": "5", "content": "before", "author": { "id": author, "username": "x" } } })
    };
    for (n, (over, mentioned, others, own)) in [
        (
            json!({ "content": "<@99> hi", "mentions": me.clone() }),
            true,
            false,
            None,
        ),
        (
            json!({ "content": "<@&98> hi", "mention_roles": ["98"] }),
            true,
            false,
            None,
        ),
        (
            json!({ "content": "<@&6> hi", "mention_roles": ["6"] }),
            false,
            true,
            None,
        ),
        (
            json!({ "content": "<@7> hi", "mentions": ada }),
            false,
            true,
            None,
        ),
        (
            json!({ "content": "@everyone", "mention_everyone": true }),
            false,
            true,
            None,
        ),
        (reply(ME), false, false, Some(true)),
        (
            with(reply(ME), json!({ "mentions": me })),
            false,
            true,
            Some(true),
        ),
        (reply("8"), false, false, Some(false)),
    ]
    .into_iter()
    .enumerate()
    {
        let data = with(message(100 + n as u64, "hi"), over.clone());
        let event = told(&lab, &mut gate, "MESSAGE_CREATE", data).await;
        assert_eq!(event.mentioned, mentioned, "{over}");
        assert_eq!(event.reply_to.map(|quoted| quoted.from_self), own, "{over}");
        // a reply that pings the bot is for the host to judge, whatever it pings besides
        if own.is_none() {
            assert_eq!(event.mentions_others, others, "{over}");
        }
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn own_messages_are_never_told_and_programs_are_known_as_such() -> Result<()> {
    let (lab, mut gate) = Lab::ready(json!({})).await?;
    let by = |id: u64, over: Value| with(message(id, "x"), over);
    for own in [
        json!({ "author": { "id": ME, "username": "claw", "bot": true } }),
        json!({ "webhook_id": "3", "application_id": "77", "author": { "id": "3", "bot": true } }),
        json!({ "type": 7 }),
        json!({ "type": 6 }),
        json!({ "type": 21 }),
        json!({ "content": "" }),
    ] {
        gate.dispatch("MESSAGE_CREATE", by(30, own)).await;
    }
    let bot = by(
        31,
        json!({ "author": { "id": "4", "username": "other", "bot": true } }),
    );
    assert!(told(&lab, &mut gate, "MESSAGE_CREATE", bot).await.sender.is_bot);
    let hook = by(
        32,
        json!({ "webhook_id": "3", "author": { "id": "3", "username": "hook" } }),
    );
    assert!(told(&lab, &mut gate, "MESSAGE_CREATE", hook).await.sender.is_bot);
    assert!(lab.is_quiet().await);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn pluralkit_says_who_it_was_where_the_operator_asks() -> Result<()> {
    let (lab, mut gate) = Lab::ready(json!({ "pluralkit": { "enabled": true } })).await?;
    let known = json!({ "member": { "id": "abcde", "name": "Luna", "display_name": "Luna ✨" }, "system": { "id": "sys" } });
    lab.web
        .answer("GET https://api.pluralkit.me/v2/messages/30", 200, known);
    let hook = |id: u64| {
        with(
            message(id, "hi"),
            json!({ "webhook_id": "3", "author": { "id": "3", "bot": true } }),
        )
    };
    let event = told(&lab, &mut gate, "MESSAGE_CREATE", hook(30)).await;
    assert_eq!(
        (
            event.sender.id.as_str(),
            event.sender.name.as_str(),
            event.sender.is_bot
        ),
        ("pk:abcde", "Luna ✨", false)
    );
    let event = told(&lab, &mut gate, "MESSAGE_CREATE", hook(31)).await;
    assert_eq!((event.sender.id.as_str(), event.sender.is_bot), ("3", true));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn files_are_fetched_from_those_who_may_write() -> Result<()> {
    let (lab, mut gate) = Lab::ready(json!({ "mediaMaxMb": 1 })).await?;
    let url = "https://cdn.discordapp.com/attachments/1/a.png";
    lab.web.answer(&format!("GET {url}"), 200, json!("picture"));
    let file = |size: u64| {
        json!({ "content": "look", "attachments": [{
            "id": "1", "filename": "../a.png", "content_type": "image/png", "size": size, "url": format!("{url}?ex=1") }] })
    };
    let event = told(&lab, &mut gate, "MESSAGE_CREATE", with(message(30, ""), file(7))).await;
    assert_eq!(event.text, "look\n<media:image>");
    let media = &event.attachments[0];
    assert_eq!(
        (media.mime_type.as_str(), media.file_name.as_str(), media.size),
        ("image/png", "a.png", 7)
    );
    let event = told(
        &lab,
        &mut gate,
        "MESSAGE_CREATE",
        with(message(31, ""), file(2 << 20)),
    )
    .await;
    assert!(event.text.contains("larger than the 1 MB") && event.attachments.is_empty());
    // it says that it is small, and is not
    lab.web
        .answer(&format!("GET {url}"), 200, json!("x".repeat(2 << 20)));
    let event = told(&lab, &mut gate, "MESSAGE_CREATE", with(message(32, ""), file(7))).await;
    assert!(event.text.contains("larger than the 1 MB") && event.attachments.is_empty());
    let asked = lab.web.asked(&format!("GET {url}"));
    lab.host.refuse_senders(true);
    let event = told(&lab, &mut gate, "MESSAGE_CREATE", with(message(33, ""), file(7))).await;
    assert_eq!(
        (event.text.as_str(), event.attachments.len()),
        ("look\n<media:image>", 0)
    );
    assert_eq!(
        lab.web.asked(&format!("GET {url}")),
        asked,
        "a stranger's file is not fetched"
    );
    // nor while the host can't say who is one
    lab.host.refuse_inbound(true);
    gate.dispatch("MESSAGE_CREATE", with(message(34, ""), file(7)))
        .await;
    assert!(lab.is_quiet().await);
    lab.host.refuse_inbound(false);
    assert_eq!(lab.event().await.attachments.len(), 0);
    assert_eq!(lab.web.asked(&format!("GET {url}")), asked);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn strange_fields_cost_nothing_and_one_channel_does_not_hold_another() -> Result<()> {
    let (lab, mut gate) = Lab::ready(json!({})).await?;
    let strange = json!({
        "type": null, "flags": "x", "mentions": {}, "member": [], "attachments": [7], "embeds": [{ "title": 5 }],
        "poll": [], "sticker_items": "none", "timestamp": false, "new_thing": { "a": [1] }
    });
    let event = told(
        &lab,
        &mut gate,
        "MESSAGE_CREATE",
        with(message(30, "still here"), strange),
    )
    .await;
    assert_eq!(event.text, "still here");
    for name in [
        "MESSAGE_CREATE",
        "MESSAGE_REACTION_ADD",
        "GUILD_CREATE",
        "NEWS_OF_2027",
    ] {
        gate.dispatch(name, json!("not even an object")).await;
    }
    // an unknown channel whose answer takes long, and a message elsewhere
    lab.web.answer("GET /channels/60", 500, json!({}));
    gate.dispatch(
        "MESSAGE_CREATE",
        with(message(31, "slow"), json!({ "channel_id": "60" })),
    )
    .await;
    gate.dispatch("MESSAGE_CREATE", message(32, "quick")).await;
    assert_eq!(lab.event().await.text, "quick");
    lab.web.answer(
        "GET /channels/60",
        200,
        json!({ "id": "60", "type": 0, "name": "late", "guild_id": "1" }),
    );
    assert_eq!(lab.event().await.text, "slow");
    // one that Discord doesn't show could be anything
    gate.dispatch(
        "MESSAGE_CREATE",
        with(message(33, "hidden"), json!({ "channel_id": "61" })),
    )
    .await;
    assert!(lab.is_quiet().await);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_reaction_to_the_bot_in_private_is_told_with_who_reacted() -> Result<()> {
    let (lab, mut gate) = Lab::ready(json!({})).await?;
    let channel = json!({ "id": "50", "type": 1, "recipients": [{ "id": "7", "username": "ada", "global_name": "Ada" }] });
    lab.web.answer("GET /channels/50", 200, channel);
    let reaction = |author: &str| {
        json!({ "user_id": "7", "channel_id": "50", "message_id": "60", "message_author_id": author,
                "emoji": { "id": null, "name": "👍" } })
    };
    gate.dispatch("MESSAGE_REACTION_ADD", reaction("7")).await;
    let event = told(&lab, &mut gate, "MESSAGE_REACTION_ADD", reaction(ME)).await;
    assert_eq!(
        (
            event.kind,
            event.chat.kind,
            event.emoji.as_str(),
            event.sender.name.as_str()
        ),
        (InboundKind::Reaction, ChatKind::Direct, "👍", "Ada")
    );
    assert_eq!(
        event.message_id, "60",
        "one to somebody else's message is not told"
    );
    Ok(())
}
