//! What happens when something breaks: nothing is lost, nothing is told twice, and the operator is told what to do.
use super::*;
use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};
use tokio::time::timeout;

#[tokio::test(start_paused = true)]
async fn nothing_is_confirmed_that_the_host_does_not_have() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    lab.host.refuse_inbound(true);
    lab.fake.dm(ADA, "one");
    lab.fake.group(-100, ADA, "two");
    let polls = lab.bodies("getUpdates").len();
    let polls = lab.fake.called("getUpdates", polls + 20).await;
    assert!(
        polls
            .iter()
            .all(|poll| poll["offset"].as_i64().unwrap_or_default() <= 1000),
        "{polls:?}"
    );
    assert_eq!(lab.fake.unconfirmed().len(), 2);
    lab.host.refuse_inbound(false);
    let mut texts = [lab.event().await.text, lab.event().await.text];
    texts.sort();
    assert_eq!(texts, ["one", "two"]);
    let polls = lab
        .fake
        .called("getUpdates", lab.bodies("getUpdates").len() + 1)
        .await;
    assert_eq!(polls.last().map(|poll| poll["offset"].clone()), Some(json!(1002)));
    assert!(
        timeout(Duration::from_secs(60), lab.event()).await.is_err(),
        "each came once"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn one_chat_that_is_stuck_does_not_hold_the_others_and_order_is_kept() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    lab.fake.photo(ADA, "", b"x", Some("album"));
    lab.fake.dm(ADA, "after the album");
    lab.fake.group(-100, ADA, "elsewhere");
    assert_eq!(lab.event().await.text, "elsewhere");
    assert_eq!(lab.event().await.attachments.len(), 1);
    assert_eq!(lab.event().await.text, "after the album");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_restart_begins_where_the_host_stopped() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    lab.fake.dm(ADA, "before");
    lab.event().await;
    lab.fake
        .called("getUpdates", lab.bodies("getUpdates").len() + 3)
        .await;
    let stored: Value = serde_json::from_slice(&lab.host.stored("offset/424242").expect("it is stored"))?;
    assert_eq!(stored["next"], 1001);
    let polls = lab.bodies("getUpdates").len();
    lab.plugin.start_channel("telegram", json!({})).await?;
    let polls = lab.fake.called("getUpdates", polls + 1).await;
    let first = polls
        .iter()
        .rev()
        .find(|poll| poll["timeout"] == 0)
        .expect("the first poll of a start");
    assert_eq!(first["offset"], 1001);
    lab.plugin
        .call::<()>("channel/1/stop", "telegram", &"default")
        .await?;
    let polls = lab.bodies("getUpdates").len();
    tokio::time::sleep(Duration::from_secs(600)).await;
    assert_eq!(
        lab.bodies("getUpdates").len(),
        polls,
        "a stopped account asks no more"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_sentence_keeps_its_place_though_it_begins_like_a_command() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    lab.fake.photo(ADA, "", b"x", Some("album"));
    lab.fake.dm(ADA, "wait, what is that?");
    assert_eq!(lab.event().await.attachments.len(), 1, "the picture comes first");
    assert_eq!(lab.event().await.text, "wait, what is that?");
    for text in ["/stop@fake_bot", "Wait!"] {
        lab.fake.photo(ADA, "", b"x", Some(text));
        lab.fake.dm(ADA, text);
        assert_eq!(lab.event().await.text, text, "it overtakes");
        assert_eq!(lab.event().await.attachments.len(), 1);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn another_bot_of_the_same_account_is_heard_from_its_first_message_on() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    lab.fake.dm(ADA, "hello");
    let before = lab.event().await;
    let (fake, other) = (Telegram::offline(), "434343:AAanother-token");
    fake.dm(ADA, "hello, new one");
    let web = fake.clone();
    let host = TestHost::new().web(move |mut request| {
        request.head.url = request.head.url.replace(other, Telegram::TOKEN);
        Ok(exchange(&web, &request))
    });
    let plugin = host.load(&PLUGIN, json!({}))?;
    plugin
        .start_channel("telegram", json!({ "botToken": other }))
        .await?;
    let (_, after) = host.next_inbound().await;
    // Bots number the messages of a private chat each by itself.
    assert_eq!(
        (&before.message_id, &before.chat.id),
        (&after.message_id, &after.chat.id)
    );
    assert_ne!(
        before.event_id, after.event_id,
        "the host would take it for one that it has"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn parts_that_people_have_seen_are_not_sent_again_after_a_restart() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    let message = two_parts("k");
    lab.send_in_part(&message).await;
    // another process, as far as the plugin knows
    let again = lab.host.load(&PLUGIN, json!({}))?;
    again.start_channel("telegram", json!({})).await?;
    let receipt = again.send("telegram", &message).await?;
    assert_eq!(receipt.message_ids.len(), 2, "both parts are told");
    assert_went_on(&lab.bodies("sendMessage"));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_named_and_goes_by() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    lab.fake.refuse(
        "getUpdates",
        409,
        "Conflict: terminated by other getUpdates request",
    );
    lab.fake.called("deleteWebhook", 2).await;
    lab.fake.dm(ADA, "still here");
    assert_eq!(lab.event().await.text, "still here");
    lab.fake
        .called("getUpdates", lab.bodies("getUpdates").len() + 2)
        .await;
    let states: Vec<_> = lab
        .host
        .statuses()
        .into_iter()
        .map(|(_, status)| status)
        .collect();
    let degraded = states
        .iter()
        .find(|status| status.state == ChannelState::Degraded)
        .expect("told");
    assert!(degraded.problem.contains("409"), "{degraded:?}");
    assert_eq!(
        states.last().map(|status| status.state),
        Some(ChannelState::Connected)
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_webhook_of_before_is_removed_first() -> Result<()> {
    let fake = Telegram::offline();
    fake.set_webhook("https://example.org/old");
    let lab = Lab::with(fake, json!({})).await?;
    lab.fake.dm(ADA, "hello");
    assert_eq!(lab.event().await.text, "hello");
    assert_eq!(
        lab.bodies("deleteWebhook")[0],
        json!({ "drop_pending_updates": false })
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_revoked_token_ends_the_account_with_a_remedy() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    lab.fake.refuse("getUpdates", 401, "Unauthorized");
    while lab
        .host
        .statuses()
        .last()
        .is_none_or(|(_, status)| status.state != ChannelState::Failed)
    {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let (_, status) = lab.host.statuses().pop().expect("a status");
    assert!(
        status.problem.contains("@BotFather") && status.identity == "@fake_bot",
        "{status:?}"
    );
    let polls = lab.bodies("getUpdates").len();
    tokio::time::sleep(Duration::from_secs(3600)).await;
    assert_eq!(lab.bodies("getUpdates").len(), polls, "no loop");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn limits_pages_and_broken_connections_are_waited_out() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    let limit = Fault::Refuse {
        code: 429,
        description: "Too Many Requests".into(),
        retry_after: Some(300),
    };
    for fault in [Fault::Cut, Fault::Page { status: 502 }, limit] {
        lab.fake.fail("getUpdates", fault);
    }
    let begin = tokio::time::Instant::now();
    lab.fake.dm(ADA, "after all that");
    assert_eq!(lab.event().await.text, "after all that");
    assert!(
        begin.elapsed() >= Duration::from_secs(300),
        "retry_after is honoured"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn an_update_that_cannot_be_read_is_passed_over() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    lab.fake
        .update("message", json!({ "message_id": "not a number" }));
    lab.fake.update("something_new", json!({ "x": 1 }));
    lab.fake.dm(ADA, "next");
    assert_eq!(lab.event().await.text, "next");
    lab.fake
        .called("getUpdates", lab.bodies("getUpdates").len() + 1)
        .await;
    assert!(lab.fake.unconfirmed().is_empty());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_token_is_in_no_error_no_status_and_no_log() -> Result<()> {
    let fake = Telegram::offline();
    let (web, broken) = (fake.clone(), Arc::new(AtomicBool::new(false)));
    let is_broken = broken.clone();
    let host = TestHost::new()
        .secret("TELEGRAM_BOT_TOKEN", Telegram::TOKEN)
        .web(move |request| {
            match is_broken.load(Ordering::Relaxed) {
                // A host that tells more than it should.
                true => Err(Error::new(
                    ErrorKind::Network,
                    format_args!("can't reach {}", request.head.url),
                )),
                false => Ok(exchange(&web, &request)),
            }
        });
    let plugin = host.load(&PLUGIN, json!({}))?;
    plugin.start_channel("telegram", json!({})).await?;
    fake.called("getUpdates", 1).await;
    broken.store(true, Ordering::Relaxed);
    let error = plugin
        .send("telegram", &to_ada("x"))
        .await
        .expect_err("no network");
    assert_eq!(error.kind(), ErrorKind::Unknown);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let status: ChannelStatus = plugin.call("channel/1/probe", "telegram", &"default").await?;
    let key = Telegram::TOKEN.split_once(':').expect("a token").1;
    let all = format!(
        "{error:?} {status:?} {:?} {:?} {:?}",
        host.statuses(),
        host.logs(),
        error.detail()
    );
    assert!(
        all.contains("can't reach https://api.telegram.org/bot***"),
        "{all}"
    );
    assert!(!all.contains(key), "{all}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn what_surely_never_left_may_be_tried_again() -> Result<()> {
    let host = TestHost::new()
        .secret("TELEGRAM_BOT_TOKEN", Telegram::TOKEN)
        .web(|_| Err(Error::new(ErrorKind::Network, "connect: refused").with("sent", false)));
    let plugin = host.load(&PLUGIN, json!({}))?;
    plugin.start_channel("telegram", json!({})).await?;
    let error = plugin
        .send("telegram", &to_ada("x"))
        .await
        .expect_err("no network");
    assert!(
        error.kind() == ErrorKind::Network && error.kind().is_transient(),
        "{error:?}"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn large_files_have_the_time_that_they_need() -> Result<()> {
    let fake = Telegram::offline();
    let limits: Arc<Mutex<Vec<u64>>> = Arc::default();
    let (web, seen) = (fake.clone(), limits.clone());
    let host = TestHost::new()
        .secret("TELEGRAM_BOT_TOKEN", Telegram::TOKEN)
        .web(move |request| {
            if request.head.url.ends_with("/sendDocument") {
                seen.lock().expect("no panic").push(request.head.timeout_ms);
            }
            Ok(exchange(&web, &request))
        });
    let plugin = host.load(&PLUGIN, json!({}))?;
    plugin.start_channel("telegram", json!({})).await?;
    fake.called("getUpdates", 1).await;
    let media = host.host().media();
    let mut file = media.save("application/pdf", "a.pdf", b"%PDF-".to_vec()).await?;
    for size in [5, 40 << 20] {
        file.size = size;
        let message = Outbound {
            attachments: vec![file.clone()],
            ..to_ada("")
        };
        plugin.send("telegram", &message).await?;
    }
    assert_eq!(*limits.lock().expect("no panic"), [25_000, 185_000]);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_file_that_the_rules_of_the_network_keep_away_is_not_said_to_be_too_large() -> Result<()> {
    let fake = Telegram::offline();
    let web = fake.clone();
    let host =
        TestHost::new()
            .secret("TELEGRAM_BOT_TOKEN", Telegram::TOKEN)
            .web(move |request| match request.head.url.contains("/getFile") {
                true => Err(Error::new(ErrorKind::Refused, "no rule allows the host")),
                false => Ok(exchange(&web, &request)),
            });
    let plugin = host.load(&PLUGIN, json!({}))?;
    plugin.start_channel("telegram", json!({})).await?;
    fake.called("getUpdates", 1).await;
    fake.photo(ADA, "", b"one", None);
    let (_, event) = host.next_inbound().await;
    assert_eq!(event.text, "<media:image> [the file could not be fetched]");
    Ok(())
}
