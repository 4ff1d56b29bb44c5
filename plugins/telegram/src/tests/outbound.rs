//! What Telegram gets for each order of the host.
use super::*;
use openclaw_plugin_api::{Activity, Button, Edit, MediaRef, MessageTarget, React, surface::ids};

async fn media(lab: &Lab, mime: &str, name: &str, bytes: &[u8]) -> Result<MediaRef> {
    // The only way into the fake host's store is the plugin's own: a file that came in.
    lab.fake.file(name, bytes);
    let file = json!({ "file_id": name, "file_unique_id": name, "file_name": name, "mime_type": mime });
    lab.fake.message(
        json!({ "id": 7, "type": "private" }),
        ADA,
        json!({ "document": file }),
    );
    Ok(lab.event().await.attachments.remove(0))
}

#[tokio::test(start_paused = true)]
async fn markdown_goes_out_as_html_with_reply_and_topic() -> Result<()> {
    let lab = Lab::start(json!({ "linkPreview": false })).await?;
    let mut message = to_ada("**bold** & `code`");
    (message.chat_id, message.thread_id, message.reply_to) = ("-100".into(), "9".into(), "5".into());
    message.silent = true;
    let receipt = lab.plugin.send("telegram", &message).await?;
    assert_eq!(receipt.message_ids.len(), 1);
    let sent = &lab.bodies("sendMessage")[0];
    assert_eq!(
        sent,
        &json!({
            "chat_id": -100, "message_thread_id": 9, "text": "<b>bold</b> &amp; <code>code</code>", "parse_mode": "HTML",
            "link_preview_options": { "is_disabled": true }, "disable_notification": true,
            "reply_parameters": { "message_id": 5, "allow_sending_without_reply": true }
        })
    );
    (message.thread_id, message.reply_to) = ("1".into(), String::new());
    lab.plugin.send("telegram", &message).await?;
    assert!(
        lab.bodies("sendMessage")[1].get("message_thread_id").is_none(),
        "General is not named"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_telegram_objects_to_is_taken_away_and_sent_again() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    lab.fake
        .refuse("sendMessage", 400, "Bad Request: can't parse entities: nonsense");
    lab.send("**x**").await?;
    assert_eq!(lab.bodies("sendMessage")[1], json!({ "chat_id": 7, "text": "x" }));
    lab.fake
        .refuse("sendMessage", 400, "Bad Request: message thread not found");
    lab.plugin
        .send(
            "telegram",
            &Outbound {
                thread_id: "9".into(),
                ..to_ada("x")
            },
        )
        .await?;
    assert!(lab.bodies("sendMessage")[3].get("message_thread_id").is_none());
    lab.fake
        .refuse("sendMessage", 400, "Bad Request: message to be replied not found");
    lab.plugin
        .send(
            "telegram",
            &Outbound {
                reply_to: "9".into(),
                ..to_ada("x")
            },
        )
        .await?;
    assert!(lab.bodies("sendMessage")[5].get("reply_parameters").is_none());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_grows_over_the_limit_becomes_several_and_a_second_try_goes_on() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    let message = two_parts("k");
    let receipt = lab.plugin.send("telegram", &message).await?;
    let sent = lab.bodies("sendMessage");
    assert_eq!((receipt.message_ids.len(), sent.len()), (2, 2));
    let again = lab.plugin.send("telegram", &message).await?;
    assert_eq!(
        (again.message_ids, lab.bodies("sendMessage").len()),
        (receipt.message_ids, 2),
        "nothing is sent twice"
    );
    let message = two_parts("l");
    let error = lab.send_in_part(&message).await;
    assert_eq!(
        (error.kind(), error.retry_after()),
        (ErrorKind::RateLimited, Some(Duration::from_secs(3)))
    );
    lab.plugin.send("telegram", &message).await?;
    assert_went_on(&lab.bodies("sendMessage")[2..]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn errors_have_kinds_and_remedies() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    for (code, words, kind) in [
        (403, "Forbidden: bot was blocked by the user", ErrorKind::Rejected),
        (400, "Bad Request: chat not found", ErrorKind::NotFound),
        (400, "Bad Request: something else", ErrorKind::Rejected),
        (401, "Unauthorized", ErrorKind::Auth),
        (500, "Internal Server Error", ErrorKind::Unknown),
    ] {
        lab.fake.refuse("sendMessage", code, words);
        assert_eq!(lab.send("x").await.expect_err(words).kind(), kind, "{words}");
    }
    for fault in [Fault::Cut, Fault::Page { status: 502 }] {
        lab.fake.fail("sendMessage", fault);
        assert_eq!(lab.send("x").await.expect_err("lost").kind(), ErrorKind::Unknown);
    }
    lab.send("").await.expect_err("nothing to say");
    lab.plugin
        .send(
            "telegram",
            &Outbound {
                account_id: "other".into(),
                ..to_ada("x")
            },
        )
        .await
        .expect_err("no account");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn buttons_are_rows_and_have_a_limit() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    let button = |value: &str| Button {
        label: "Yes".into(),
        value: value.into(),
        style: "primary".into(),
    };
    let message = Outbound {
        buttons: vec![vec![button("y")]],
        ..to_ada("sure?")
    };
    lab.plugin.send("telegram", &message).await?;
    let row = json!([[{ "text": "Yes", "callback_data": "y", "style": "primary" }]]);
    assert_eq!(
        lab.bodies("sendMessage")[0]["reply_markup"]["inline_keyboard"],
        row
    );
    let message = Outbound {
        buttons: vec![vec![button(&"x".repeat(65))]],
        ..message
    };
    assert_eq!(
        lab.plugin
            .send("telegram", &message)
            .await
            .expect_err("65 bytes")
            .kind(),
        ErrorKind::InvalidInput
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn files_take_the_form_that_shows_them_best() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    for (mime, extra, method, field) in [
        ("image/png", json!({}), "sendPhoto", "photo"),
        ("image/gif", json!({}), "sendAnimation", "animation"),
        ("video/mp4", json!({}), "sendVideo", "video"),
        (
            "video/mp4",
            json!({ "videoNote": true }),
            "sendVideoNote",
            "video_note",
        ),
        ("audio/mpeg", json!({}), "sendAudio", "audio"),
        (
            "audio/ogg; codecs=opus",
            json!({ "audioAsVoice": true }),
            "sendVoice",
            "voice",
        ),
        ("application/pdf", json!({}), "sendDocument", "document"),
        (
            "image/png",
            json!({ "forceDocument": true }),
            "sendDocument",
            "document",
        ),
    ] {
        let file = media(&lab, mime, "some file", b"the bytes").await?;
        let extra = extra.as_object().cloned().unwrap_or_default();
        let before = lab.fake.calls(method).len();
        lab.plugin
            .send(
                "telegram",
                &Outbound {
                    attachments: vec![file],
                    extra,
                    ..to_ada("*see*")
                },
            )
            .await?;
        let call = &lab.fake.calls(method)[before];
        assert_eq!(
            call.files.get(field).map(Vec::as_slice),
            Some(b"the bytes".as_slice()),
            "{method}"
        );
        let (caption, after) = (call.body.get("caption"), lab.bodies("sendMessage").len());
        match method {
            "sendVideoNote" => assert_eq!((caption, after), (None, 1), "round videos have no words"),
            _ => assert_eq!(caption, Some(&json!("<i>see</i>"))),
        }
    }
    assert_eq!(lab.fake.complaints(), Vec::<String>::new());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn albums_long_captions_and_bad_pictures() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    let picture = media(&lab, "image/png", "a.png", b"one").await?;
    let pictures = vec![picture.clone(); 12];
    let receipt = lab
        .plugin
        .send(
            "telegram",
            &Outbound {
                attachments: pictures,
                ..to_ada("all")
            },
        )
        .await?;
    assert_eq!(receipt.message_ids.len(), 12);
    let albums = lab.fake.calls("sendMediaGroup");
    assert_eq!(
        (albums.len(), albums[0].files.len(), albums[1].files.len()),
        (2, 10, 2)
    );
    assert_eq!(
        (
            &albums[0].body["media"][0]["caption"],
            &albums[1].body["media"][0].get("caption")
        ),
        (&json!("all"), &None)
    );
    lab.plugin
        .send(
            "telegram",
            &Outbound {
                attachments: vec![picture.clone()],
                ..to_ada(&"x".repeat(1025))
            },
        )
        .await?;
    assert!(lab.bodies("sendPhoto")[0].get("caption").is_none());
    assert_eq!(lab.bodies("sendMessage").len(), 1, "a long text follows");
    lab.fake
        .refuse("sendPhoto", 400, "Bad Request: PHOTO_INVALID_DIMENSIONS");
    lab.plugin
        .send(
            "telegram",
            &Outbound {
                attachments: vec![picture],
                ..to_ada("")
            },
        )
        .await?;
    assert_eq!(lab.fake.calls("sendDocument")[0].files["document"], b"one");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_picture_that_can_not_be_shown_costs_its_album_nothing() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    let picture = media(&lab, "image/png", "a.png", b"one").await?;
    lab.fake
        .refuse("sendMediaGroup", 400, "Bad Request: PHOTO_INVALID_DIMENSIONS");
    let message = Outbound {
        attachments: vec![picture; 3],
        ..to_ada("*all*")
    };
    let receipt = lab.plugin.send("telegram", &message).await?;
    assert_eq!(receipt.message_ids.len(), 3);
    let albums = lab.fake.calls("sendMediaGroup");
    let album = albums.last().expect("an album");
    let kinds = album.body["media"].as_array().expect("items").iter();
    let kinds: Vec<_> = kinds.map(|item| item["type"].as_str()).collect();
    assert_eq!((kinds, album.files.len()), (vec![Some("document"); 3], 3));
    assert_eq!(album.body["media"][0]["caption"], "<i>all</i>");
    assert_eq!(lab.fake.complaints(), Vec::<String>::new());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn messages_are_edited_deleted_and_reacted_to() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    let target = MessageTarget {
        account_id: "default".into(),
        chat_id: "-100".into(),
        thread_id: "1".into(),
        message_id: "5".into(),
    };
    let edit = Edit {
        target: target.clone(),
        text: "**new**".into(),
        ..Edit::default()
    };
    let receipt: Receipt = lab.plugin.call(ids::channel::EDIT, "telegram", &edit).await?;
    assert_eq!(receipt.message_ids, ["5"]);
    assert_eq!(
        lab.bodies("editMessageText")[0],
        json!({ "chat_id": -100, "message_id": 5, "text": "<b>new</b>", "parse_mode": "HTML" })
    );
    lab.fake
        .refuse("editMessageText", 400, "Bad Request: message is not modified: …");
    lab.plugin
        .call::<Receipt>(ids::channel::EDIT, "telegram", &edit)
        .await?;
    lab.fake.refuse(
        "editMessageText",
        400,
        "Bad Request: there is no text in the message to edit",
    );
    lab.plugin
        .call::<Receipt>(ids::channel::EDIT, "telegram", &edit)
        .await?;
    assert_eq!(lab.bodies("editMessageCaption")[0]["caption"], "<b>new</b>");
    lab.fake
        .refuse("deleteMessage", 400, "Bad Request: message to delete not found");
    lab.plugin
        .call::<()>(ids::channel::DELETE, "telegram", &target)
        .await?;
    let mut react = React {
        target,
        emoji: "👍".into(),
        remove: false,
    };
    lab.plugin
        .call::<()>(ids::channel::REACT, "telegram", &react)
        .await?;
    react.remove = true;
    lab.plugin
        .call::<()>(ids::channel::REACT, "telegram", &react)
        .await?;
    let reactions: Vec<_> = lab
        .bodies("setMessageReaction")
        .into_iter()
        .map(|body| body["reaction"].clone())
        .collect();
    assert_eq!(
        reactions,
        [json!([{ "type": "emoji", "emoji": "👍" }]), json!([])]
    );
    let activity = Activity {
        account_id: "default".into(),
        chat_id: "-100".into(),
        thread_id: "1".into(),
    };
    lab.plugin
        .call::<()>(ids::channel::ACTIVITY, "telegram", &activity)
        .await?;
    assert_eq!(
        lab.bodies("sendChatAction")[0],
        json!({ "chat_id": -100, "message_thread_id": 1, "action": "typing" })
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn actions_are_done_by_name_where_the_operator_lets_them() -> Result<()> {
    let lab = Lab::start(json!({ "actions": { "editForumTopic": false } })).await?;
    let act = async |name: &str, params: Value| {
        let action = json!({ "name": name, "chatId": "-100", "params": params });
        lab.plugin
            .call::<Value>(ids::channel::ACTION, "telegram", &action)
            .await
    };
    let poll = json!({ "pollQuestion": "Tea?", "pollOption": ["yes", "no"], "threadId": "9" });
    let done = act("poll", poll).await?;
    assert_eq!(done["ok"], true);
    assert_eq!(
        lab.bodies("sendPoll")[0],
        json!({
            "chat_id": -100, "message_thread_id": 9, "question": "Tea?", "options": [{ "text": "yes" }, { "text": "no" }],
            "allows_multiple_answers": false, "is_anonymous": true,
        })
    );
    let topic = act("topic-create", json!({ "name": "Art" })).await?;
    assert_eq!(
        (&topic["threadId"], &topic["name"]),
        (&json!("77"), &json!("Art"))
    );
    act("react", json!({ "messageId": 5, "emoji": "👍" })).await?;
    assert_eq!(lab.bodies("setMessageReaction")[0]["message_id"], 5);
    for (name, params, kind, words) in [
        (
            "topic-edit",
            json!({ "threadId": 7 }),
            ErrorKind::Refused,
            "actions.editForumTopic",
        ),
        (
            "sticker",
            json!({ "fileId": "x" }),
            ErrorKind::Refused,
            "actions.sticker",
        ),
        (
            "poll",
            json!({ "pollQuestion": "Tea?", "pollOption": ["yes"] }),
            ErrorKind::InvalidInput,
            "2 to 12",
        ),
        (
            "edit",
            json!({ "messageId": "5" }),
            ErrorKind::InvalidInput,
            "message",
        ),
        ("fly", json!({}), ErrorKind::Unsupported, "topic-create"),
    ] {
        let error = act(name, params).await.expect_err(name);
        assert!(
            error.kind() == kind && error.message().contains(words),
            "{name}: {error}"
        );
    }
    assert_eq!(lab.fake.complaints(), Vec::<String>::new());
    Ok(())
}
