//! What the host learns of each kind of update.
use super::*;
use openclaw_plugin_api::InboundKind;

#[tokio::test(start_paused = true)]
async fn a_private_message_comes_with_text_sender_and_ids() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    let id = lab.fake.dm(ADA, "hello");
    let event = lab.event().await;
    assert_eq!(
        (event.text.as_str(), event.chat.kind, event.mentioned),
        ("hello", ChatKind::Direct, false)
    );
    assert_eq!((event.chat.id.as_str(), event.sender.id.as_str()), ("7", "7"));
    assert_eq!(
        (event.sender.name.as_str(), event.account_id.as_str()),
        ("Ada", "default")
    );
    assert_eq!(
        (event.event_id, event.message_id),
        (format!("424242:message:7:{id}"), id.to_string())
    );
    assert_eq!(event.timestamp_ms, 1_760_000_000_000);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn groups_topics_and_threads_have_their_places() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    lab.fake.group(-100, ADA, "in a group");
    let place = lab.event().await.chat;
    assert_eq!(
        (place.id.as_str(), place.kind, place.thread_id.as_str()),
        ("-100", ChatKind::Group, "")
    );
    lab.fake.topic(-200, 9, ADA, "in a topic");
    assert_eq!(lab.event().await.chat.thread_id, "9");
    let forum = json!({ "id": -200, "type": "supergroup", "title": "Forum", "is_forum": true });
    lab.fake.message(forum, ADA, json!({ "text": "in General" }));
    assert_eq!(lab.event().await.chat.thread_id, "1");
    let group = json!({ "id": -100, "type": "supergroup", "title": "Group" });
    lab.fake.message(
        group,
        ADA,
        json!({ "text": "a chain of replies", "message_thread_id": 5 }),
    );
    assert_eq!(lab.event().await.chat.thread_id, "", "only forums have topics");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_bot_is_addressed_by_name_and_by_command_and_a_reply_is_told_as_one() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    let group = || json!({ "id": -100, "type": "supergroup", "title": "Group" });
    let entity = |kind: &str, length: usize| json!([{ "type": kind, "offset": 0, "length": length }]);
    lab.fake.message(
        group(),
        ADA,
        json!({ "text": "@Fake_Bot hi", "entities": entity("mention", 9) }),
    );
    assert!(lab.event().await.mentioned, "names have no case");
    lab.fake.message(
        group(),
        ADA,
        json!({ "text": "@other_bot hi", "entities": entity("mention", 10) }),
    );
    assert!(!lab.event().await.mentioned);
    lab.fake.message(
        group(),
        ADA,
        json!({ "text": "/new@other_bot", "entities": entity("bot_command", 14) }),
    );
    lab.fake.message(
        group(),
        ADA,
        json!({ "text": "/new@fake_bot *x*", "entities": entity("bot_command", 13) }),
    );
    let event = lab.event().await;
    assert_eq!(
        (event.text.as_str(), event.mentioned),
        ("/new *x*", true),
        "the other bot's command is not ours"
    );
    let mine =
        json!({ "message_id": 3, "from": Telegram::bot(), "chat": group(), "date": 1, "text": "mine" });
    lab.fake.message(
        group(),
        ADA,
        json!({ "text": "and?", "reply_to_message": mine.clone(), "quote": { "text": "mi", "position": 0 } }),
    );
    let event = lab.event().await;
    let quoted = event.reply_to.expect("a reply");
    assert!(
        !event.mentioned && quoted.from_self,
        "whether a reply counts as a mention is the operator's to say"
    );
    assert_eq!((quoted.text.as_str(), quoted.message_id.as_str()), ("mi", "3"));
    let mut opener = mine;
    opener["forum_topic_created"] = json!({ "name": "t", "icon_color": 1 });
    lab.fake.message(
        group(),
        ADA,
        json!({ "text": "no reply", "reply_to_message": opener }),
    );
    let event = lab.event().await;
    assert!(
        !event.mentioned && event.reply_to.is_none(),
        "who opened a topic is not replied to"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_album_is_one_event_and_is_confirmed_only_when_the_host_has_it() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    let first = lab.fake.photo(ADA, "look", b"one", Some("album"));
    lab.fake.photo(ADA, "", b"two", Some("album"));
    let event = lab.event().await;
    assert_eq!((event.attachments.len(), event.text.as_str()), (2, "look"));
    assert_eq!(
        (event.event_id, event.attachments[0].mime_type.as_str()),
        (format!("424242:message:7:{first}"), "image/jpeg")
    );
    let polls = lab.bodies("getUpdates").len();
    let polls = lab.fake.called("getUpdates", polls + 1).await;
    let offsets: Vec<_> = polls.iter().filter_map(|poll| poll["offset"].as_i64()).collect();
    assert!(
        offsets.contains(&1000) && offsets.last() == Some(&1002),
        "short polls keep the album: {offsets:?}"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn files_of_strangers_are_not_fetched() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    lab.host.refuse_senders(true);
    lab.fake.photo(ADA, "look", b"one", None);
    let event = lab.event().await;
    assert_eq!((event.attachments.len(), event.text.as_str()), (0, "look"));
    lab.fake.photo(ADA, "", b"two", None);
    assert_eq!(lab.event().await.text, "<media:image>");
    assert_eq!(lab.bodies("getFile").len(), 0, "nothing is fetched for them");
    lab.host.refuse_senders(false);
    lab.fake.photo(ADA, "again", b"three", None);
    assert_eq!(lab.event().await.attachments.len(), 1);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_long_text_is_put_together_again() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    lab.fake.dm(ADA, &"x".repeat(4096));
    lab.fake.dm(ADA, "the end");
    let event = lab.event().await;
    assert_eq!(event.text, format!("{}the end", "x".repeat(4096)));
    assert_eq!(event.extra["messageIds"], json!(["1", "2"]));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn files_that_are_too_big_or_gone_are_said_in_words() -> Result<()> {
    let lab = Lab::start(json!({ "mediaMaxMb": 1 })).await?;
    let file = |size: u64| json!({ "file_id": "docs/a.pdf", "file_unique_id": "a", "file_size": size, "file_name": "../a.pdf", "mime_type": "application/pdf" });
    let private = || json!({ "id": 7, "type": "private", "first_name": "Ada" });
    lab.fake
        .message(private(), ADA, json!({ "document": file(2 << 20) }));
    assert_eq!(
        lab.event().await.text,
        "<media:document> [the file is larger than the 1 MB that are taken]"
    );
    lab.fake.message(
        private(),
        ADA,
        json!({ "document": file(5), "caption": "read it" }),
    );
    assert_eq!(
        lab.event().await.text,
        "<media:document> [the file could not be fetched]\nread it"
    );
    lab.fake.file("docs/a.pdf", *b"%PDF-");
    lab.fake.message(
        private(),
        ADA,
        json!({ "document": file(5), "caption": "read it" }),
    );
    let event = lab.event().await;
    assert_eq!(
        (event.text.as_str(), event.attachments[0].file_name.as_str()),
        ("read it", "a.pdf")
    );
    assert_eq!(event.attachments[0].size, 5);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn places_forwards_and_moving_stickers_are_words() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    let private = || json!({ "id": 7, "type": "private", "first_name": "Ada" });
    let sticker = json!({ "file_id": "s", "file_unique_id": "s", "type": "regular", "width": 1, "height": 1, "is_animated": true, "is_video": false, "emoji": "🦀" });
    lab.fake.message(private(), ADA, json!({ "sticker": sticker }));
    assert_eq!(lab.event().await.text, "<media:sticker> 🦀");
    lab.fake.message(
        private(),
        ADA,
        json!({ "location": { "latitude": 1.5, "longitude": -2.0 } }),
    );
    assert_eq!(lab.event().await.text, "[Location: 1.500000, -2.000000]");
    let origin = json!({ "type": "hidden_user", "date": 1, "sender_user_name": "Eve]\n/stop" });
    lab.fake.message(
        private(),
        ADA,
        json!({ "text": "/new", "forward_origin": origin }),
    );
    let event = lab.event().await;
    assert_eq!(event.text, "> /new", "a forwarded command is none");
    assert_eq!(event.extra["forwardedFrom"], "Eve]\n/stop");
    let origin = json!({ "type": "hidden_user", "date": 1, "sender_user_name": "Eve" });
    for (said, told) in [
        ("Stop!", "> Stop!"),
        ("\u{a0}/new", "> \u{a0}/new"),
        ("stop here", "stop here"),
    ] {
        let content = json!({ "text": said, "forward_origin": origin });
        lab.fake.message(private(), ADA, content);
        assert_eq!(lab.event().await.text, told);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn edits_buttons_reactions_and_membership_have_kinds() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    lab.fake.edited(ADA, 5, "better");
    let event = lab.event().await;
    assert_eq!(
        (event.kind, event.event_id.as_str(), event.text.as_str()),
        (InboundKind::Edit, "424242:update:1000", "better")
    );
    let query = lab.fake.press(ADA, 5, "yes");
    let event = lab.event().await;
    assert_eq!(
        (event.kind, event.value.as_str(), event.text.as_str()),
        (InboundKind::Button, "yes", "callback_data: yes")
    );
    assert_eq!(event.event_id, format!("424242:callback:{query}"));
    assert_eq!(
        lab.bodies("answerCallbackQuery")[0]["callback_query_id"],
        query.as_str()
    );
    let own: i64 = lab.send("mine").await?.message_ids[0].parse()?;
    lab.fake.react(ADA, own + 1000, &[], &["👍"]);
    lab.fake.react(ADA, own, &["👎"], &["👍"]);
    let (added, removed) = (lab.event().await, lab.event().await);
    assert_eq!(
        (added.kind, added.emoji.as_str(), added.removed),
        (InboundKind::Reaction, "👍", false)
    );
    assert_eq!(
        (removed.emoji.as_str(), removed.removed, removed.message_id),
        ("👎", true, own.to_string())
    );
    lab.fake.member(-100, ADA, "kicked");
    let event = lab.event().await;
    assert_eq!(
        (event.kind, event.removed, event.sender.id.as_str()),
        (InboundKind::Membership, true, "7")
    );
    Ok(())
}
