//! What Discord gets for each order of the host.
use super::{
    lab::{ADA, Lab, json_of},
    *,
};
use openclaw_fakes::discord::Fault;
use openclaw_plugin_api::{Activity, Button, Edit, ErrorKind, MessageTarget, Outbound, React};
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

fn queued(seconds_ago: u64) -> u64 {
    let then = SystemTime::now() - Duration::from_secs(seconds_ago);
    let since = then.duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
    u64::try_from(since.as_millis()).expect("in range")
}

fn target(lab: &Lab, id: &str) -> MessageTarget {
    MessageTarget {
        chat_id: lab.channel.to_string(),
        message_id: id.into(),
        ..MessageTarget::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_is_safe_and_quiet_by_default() {
    let lab = Lab::new(json!({})).await;
    let mut message = lab.message("**hi** @everyone https://example.org");
    message.reply_to = lab.fake.say(lab.channel, ADA, "hello").to_string();
    message.silent = true;
    let receipt = send(&lab.connection, message.clone()).await.expect("sent");
    let body = &lab.bodies("POST /channels/*/messages")[0];
    assert_eq!(body["content"], message.text.as_str());
    assert_eq!(body["flags"], 4 | 4096);
    assert_eq!(
        body["allowed_mentions"],
        json!({ "parse": ["users"], "replied_user": true })
    );
    assert_eq!(
        body["message_reference"],
        json!({ "message_id": message.reply_to, "fail_if_not_exists": false })
    );
    assert_eq!(
        (
            body["enforce_nonce"].clone(),
            body["nonce"].as_str().map(str::len)
        ),
        (json!(true), Some(24))
    );
    assert!(lab.connection.cache.is_own(&receipt.message_ids[0]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_try_shows_nothing_twice() {
    let lab = Lab::new(json!({ "maxLinesPerMessage": 5 })).await;
    let file = lab.file("text/plain", "a.txt", b"12345").await;
    let message = Outbound {
        attachments: vec![file],
        ..lab.message(&"line\n".repeat(12))
    };
    let first = send(&lab.connection, message.clone()).await.expect("sent");
    assert_eq!((first.message_ids.len(), lab.said().len()), (3, 3));
    // Killed and started again: within minutes the nonce, later a look into the channel.
    let again = Lab::connect(&lab.fake, &lab.host, json!({ "maxLinesPerMessage": 5 }));
    for seconds in [0, 10, 600] {
        let message = Outbound {
            queued_ms: queued(seconds),
            ..message.clone()
        };
        let second = send(&again, message).await.expect("there");
        assert_eq!((second, lab.said().len()), (first.clone(), 3), "{seconds}");
    }
    // The answer was lost on the way.
    let key = "POST /channels/*/messages";
    for fault in [
        Fault::Page { status: 502 },
        Fault::PageAfter { status: 502 },
        Fault::Cut,
    ] {
        lab.fake.fail(key, fault);
        let count = lab.said().len();
        let message = Outbound {
            idempotency_key: count.to_string(),
            ..lab.message("once")
        };
        send(&lab.connection, message).await.expect("the second time");
        assert_eq!(lab.said().len(), count + 1);
    }
    assert!(!lab.fake.has_faults_left());
    let unkeyed = Outbound {
        idempotency_key: String::new(),
        ..lab.message("who knows")
    };
    lab.fake.fail(key, Fault::Cut);
    assert_eq!(
        send(&lab.connection, unkeyed).await.expect_err("lost").kind(),
        ErrorKind::Unknown
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_old_message_is_looked_for_by_what_it_says() {
    let lab = Lab::new(json!({})).await;
    let old = |key: &str, text: &str| Outbound {
        idempotency_key: key.into(),
        queued_ms: queued(600),
        ..lab.message(text)
    };
    let first = send(&lab.connection, old("a", "Done.")).await.expect("sent");
    // The same words under another key are another message.
    let second = send(&lab.connection, old("b", "Done.")).await.expect("sent");
    assert_ne!(first, second);
    assert_eq!(lab.texts(), ["Done.", "Done."]);
    // What can't be looked for is not sent, and not tried again.
    lab.fake
        .refuse("GET /channels/*/messages", 403, 50_001, "Missing Access");
    let error = send(&lab.connection, old("c", "x")).await.expect_err("in doubt");
    assert_eq!((error.kind(), lab.said().len()), (ErrorKind::Rejected, 2));
    assert!(error.message().contains("not sent again"), "{error}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_discord_objects_to_is_taken_away() {
    let lab = Lab::new(json!({})).await;
    let message = Outbound {
        reply_to: "5".into(),
        ..lab.message("x")
    };
    lab.fake.refuse(
        "POST /channels/*/messages",
        403,
        160_002,
        "Cannot reply without permission",
    );
    send(&lab.connection, message)
        .await
        .expect("without the reference");
    assert!(
        lab.bodies("POST /channels/*/messages")[1]
            .get("message_reference")
            .is_none()
    );
    let file = lab.file("image/png", "big.png", b"1234").await;
    let message = Outbound {
        idempotency_key: "l".into(),
        attachments: vec![file],
        ..lab.message("look")
    };
    lab.fake.refuse(
        "POST /channels/*/messages",
        400,
        40_005,
        "Request entity too large",
    );
    send(&lab.connection, message.clone())
        .await
        .expect("without the file");
    assert_eq!(lab.texts()[1], "look\n⚠️ Too large to send here: big.png");
    let small = Lab::connect(&lab.fake, &lab.host, json!({ "mediaMaxMb": 0 }));
    let another = Outbound {
        idempotency_key: "m".into(),
        ..message.clone()
    };
    send(&small, another).await.expect("the words go");
    let told = &lab.texts()[2];
    assert!(told.starts_with("look\n") && told.contains("big.png"), "{told}");
    let alone = Outbound {
        text: String::new(),
        ..message
    };
    assert_eq!(
        send(&small, alone).await.expect_err("too large").kind(),
        ErrorKind::Rejected
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn errors_have_kinds_and_remedies() {
    let lab = Lab::new(json!({})).await;
    for (status, code, kind, words) in [
        (403, 50_013, ErrorKind::Rejected, "Send Messages"),
        (403, 50_001, ErrorKind::Rejected, "View Channel"),
        (404, 10_003, ErrorKind::NotFound, "channel id"),
        (403, 50_007, ErrorKind::Rejected, "direct messages"),
        (400, 50_035, ErrorKind::InvalidInput, "change what it names"),
    ] {
        lab.fake.refuse("POST /channels/*/messages", status, code, "No");
        let error = send(&lab.connection, lab.message("x"))
            .await
            .expect_err("refused");
        assert!(
            error.kind() == kind && error.message().contains(words),
            "{error:?}"
        );
    }
    for message in [
        lab.message(" "),
        Outbound {
            chat_id: "general".into(),
            ..lab.message("x")
        },
        Outbound {
            chat_id: String::new(),
            ..lab.message("x")
        },
    ] {
        assert_eq!(
            send(&lab.connection, message).await.expect_err("wrong").kind(),
            ErrorKind::InvalidInput
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_are_written_to_in_private_and_forums_get_posts() {
    let lab = Lab::new(json!({ "defaultTo": "user:70001" })).await;
    lab.fake.join(lab.guild, ADA, &[]);
    for (n, chat) in ["user:70001", "<@70001>", ""].into_iter().enumerate() {
        let message = Outbound {
            idempotency_key: n.to_string(),
            chat_id: chat.into(),
            ..lab.message("psst")
        };
        send(&lab.connection, message).await.expect(chat);
    }
    assert_eq!(
        lab.bodies("POST /users/@me/channels"),
        [json!({ "recipient_id": "70001" })]
    );
    let forum = lab.fake.channel_of_kind(lab.guild, "ideas", 15);
    let message = Outbound {
        chat_id: format!("channel:{forum}"),
        ..lab.message("# A *new* idea\nwith details")
    };
    let receipt = send(&lab.connection, message.clone()).await.expect("posted");
    let body = lab.bodies("POST /channels/*/threads").remove(0);
    assert_eq!(
        (&body["name"], &body["message"]["content"]),
        (&json!("A *new* idea"), &json!(message.text))
    );
    let again = Lab::connect(&lab.fake, &lab.host, json!({}));
    assert_eq!(send(&again, message).await.expect("known"), receipt);
    assert_eq!(lab.bodies("POST /channels/*/threads").len(), 1);
    // A lost answer is told as what it is.
    lab.fake.fail("POST /channels/*/threads", Fault::Cut);
    let message = Outbound {
        idempotency_key: "other".into(),
        chat_id: forum.to_string(),
        ..lab.message("x")
    };
    for _ in 0..2 {
        let error = send(&again, message.clone()).await.expect_err("in doubt");
        assert_eq!(error.kind(), ErrorKind::Rejected);
    }
    assert_eq!(lab.bodies("POST /channels/*/threads").len(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answers_get_threads_of_their_own_where_the_operator_wants_that() {
    let lab = Lab::new(json!({})).await;
    let guilds =
        json!({ "guilds": { lab.guild.to_string(): { "channels": { "general": { "autoThread": true } } } } });
    let connection = Lab::connect(&lab.fake, &lab.host, guilds);
    target::channel_of(&connection, &lab.channel.to_string())
        .await
        .expect("known");
    let asked = lab
        .fake
        .say(lab.channel, ADA, "<@1> how do I bake bread?")
        .to_string();
    let answer = |key: &str| Outbound {
        idempotency_key: key.into(),
        event_id: "e".into(),
        event_message_id: asked.clone(),
        ..lab.message("Like this.")
    };
    let receipt = send(&connection, answer("1")).await.expect("sent");
    send(&connection, answer("2")).await.expect("sent");
    let opened = lab.bodies("POST /channels/*/messages/*/threads");
    assert_eq!(opened, [json!({ "name": "how do I bake bread?" })]);
    let thread = asked.parse().expect("a number");
    assert_eq!(
        lab.fake
            .messages(thread)
            .iter()
            .filter(|m| m["content"] == "Like this.")
            .count(),
        2
    );
    // The host names the channel, and the message is in the thread.
    let change = Edit {
        target: target(&lab, &receipt.message_ids[0]),
        text: "Like that.".into(),
        ..Edit::default()
    };
    edit(&connection, change).await.expect("found");
    // After a restart the thread is there already.
    let again = Lab::connect(
        &lab.fake,
        &lab.host,
        json!({ "guilds": { "*": { "channels": { "*": { "autoThread": true } } } } }),
    );
    target::channel_of(&again, &lab.channel.to_string())
        .await
        .expect("known");
    send(&again, answer("3")).await.expect("sent");
    assert_eq!(lab.said().len(), 1, "nothing went into the channel");
    let pressed = Outbound {
        event_id: "interaction:9".into(),
        ..answer("4")
    };
    send(&again, pressed).await.expect("sent");
    assert_eq!(lab.said().len(), 2, "a button is answered where it is");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_are_changed_deleted_and_reacted_to() {
    let lab = Lab::new(json!({})).await;
    let id = send(&lab.connection, lab.message("one"))
        .await
        .expect("sent")
        .message_ids
        .remove(0);
    let change = |text: &str| Edit {
        target: target(&lab, &id),
        text: text.into(),
        ..Edit::default()
    };
    edit(&lab.connection, change("two")).await.expect("changed");
    assert_eq!(lab.texts(), ["two"]);
    for text in ["", &"x".repeat(2001)] {
        assert_eq!(
            edit(&lab.connection, change(text))
                .await
                .expect_err("wrong")
                .kind(),
            ErrorKind::Rejected
        );
    }
    let react_with = |emoji: &str, remove| React {
        target: target(&lab, &id),
        emoji: emoji.into(),
        remove,
    };
    for emoji in ["👀", "👍"] {
        react(&lab.connection, &react_with(emoji, false))
            .await
            .expect("set");
    }
    react(&lab.connection, &react_with("👀", true))
        .await
        .expect("taken away");
    assert_eq!(json_of(&lab.said(), "reactions")[0][0]["emoji"]["name"], "👍");
    let typing = Activity {
        chat_id: lab.channel.to_string(),
        ..Activity::default()
    };
    activity(&lab.connection, &typing).await.expect("shown");
    for _ in 0..2 {
        delete(&lab.connection, &target(&lab, &id)).await.expect("gone");
    }
    assert!(lab.said().is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn buttons_menus_forms_polls_and_voice_are_as_discord_wants_them() {
    let lab = Lab::new(json!({})).await;
    let button = |label: &str, value: &str, style: &str| Button {
        label: label.into(),
        value: value.into(),
        style: style.into(),
    };
    let mut message = lab.message("Choose");
    message.buttons = vec![vec![
        button("Yes", "/approve 1", "primary"),
        button("No", &"long ".repeat(40), "danger"),
        button("Docs", "https://example.org", ""),
    ]];
    message.extra.insert(
        "select".into(),
        json!({ "placeholder": "Pick", "options": [{ "label": "A", "value": "a" }, { "label": "B" }] }),
    );
    message.extra.insert(
        "modal".into(),
        json!({ "title": "Address", "fields": [{ "name": "street", "required": true }] }),
    );
    send(&lab.connection, message.clone()).await.expect("sent");
    let rows = lab.bodies("POST /channels/*/messages")[0]["components"].clone();
    assert_eq!(
        rows[0]["components"][0],
        json!({ "type": 2, "label": "Yes", "style": 1, "custom_id": "v:/approve 1" })
    );
    let kept = rows[0]["components"][1]["custom_id"]
        .as_str()
        .expect("an id")
        .to_owned();
    assert!(kept.starts_with("k:") && kept.len() <= 100);
    let carried = component::carried(&lab.connection, &kept, Duration::from_secs(1))
        .await
        .expect("read")
        .expect("kept");
    assert_eq!(carried.value, "long ".repeat(40));
    let late = component::carried(&lab.connection, &kept, Duration::from_secs(1801))
        .await
        .expect("read");
    assert_eq!(late, None, "its time is over");
    assert_eq!(
        rows[1]["components"][0]["options"][1],
        json!({ "label": "B", "value": "B" })
    );
    assert_eq!(rows[2]["components"][0]["label"], "Address");
    let off = Lab::connect(
        &lab.fake,
        &lab.host,
        json!({ "agentComponents": { "enabled": false } }),
    );
    assert_eq!(
        send(&off, message).await.expect_err("off").kind(),
        ErrorKind::Unsupported
    );
    let voice = [b"OggS\0\x04".as_slice(), &96_000_u64.to_le_bytes(), &[0; 12]].concat();
    let mut message = Outbound {
        idempotency_key: "voice".into(),
        attachments: vec![lab.file("audio/ogg", "a.ogg", &voice).await],
        ..lab.message("Listen")
    };
    message.extra.insert("audioAsVoice".into(), true.into());
    send(&lab.connection, message).await.expect("sent");
    let voice = &lab.bodies("POST /channels/*/messages")[2];
    assert_eq!(
        (
            voice["flags"].clone(),
            voice["attachments"][0]["duration_secs"].clone()
        ),
        (json!(8192), json!(2.0))
    );
    assert_eq!(voice.get("content"), None::<&Value>);
}
