//! What happens when something breaks: sessions go on, nothing is lost, nothing is asked for too often.
use super::*;
use std::sync::atomic::{AtomicUsize, Ordering};

#[tokio::test(start_paused = true)]
async fn it_logs_in_and_says_so() -> Result<()> {
    let lab = Lab::start(json!({ "activity": "reading", "intents": { "guildMembers": true } })).await?;
    let mut gate = lab.gate().await;
    assert_eq!(
        gate.socket.request.url,
        "wss://gateway.discord.gg/?v=10&encoding=json&compress=zlib-stream"
    );
    gate.hello().await;
    let identify = gate.expect(2).await;
    assert_eq!(
        (&identify["token"], &identify["shard"]),
        (&json!(TOKEN), &json!([0, 1]))
    );
    // the application lacks the members intent, so it is not asked for: that would end the account
    assert_eq!(identify["intents"], 0xB681);
    assert_eq!(identify["presence"]["activities"][0]["state"], "reading");
    gate.ready("s1").await;
    let status = lab.state(ChannelState::Connected).await;
    assert!(status.problem.contains("Server Members Intent"), "{status:?}");
    assert_eq!(status.identity, "claw");
    assert!(
        lab.host
            .logs()
            .iter()
            .any(|line| line.message == "logged in to discord as claw")
    );
    gate.expect(1).await;
    gate.send(json!({ "op": 11 })).await;
    gate.dispatch("MESSAGE_CREATE", message(30, "hello")).await;
    lab.event().await;
    let details = lab.status().await?.details;
    assert_eq!(details["shards"][0]["shard"], "0/1");
    assert_eq!(details["shards"][0]["latencyMs"], 0);
    assert_eq!(
        (&details["guilds"], &details["sessionBudget"]["total"]),
        (&json!(1), &json!(1000))
    );
    assert!(details["lastEventAt"].as_u64().is_some() && !details["intents"][0].is_null());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_is_taken_up_and_repeats_are_not_told() -> Result<()> {
    let (lab, mut gate) = Lab::ready(json!({})).await?;
    gate.dispatch("MESSAGE_CREATE", message(30, "one")).await;
    assert_eq!(lab.event().await.text, "one");
    gate.close(1006).await;
    let mut gate = lab.gate().await;
    assert!(
        gate.socket
            .request
            .url
            .starts_with("wss://resume.discord.gg/?v=10")
    );
    gate.hello().await;
    let resume = gate.expect(6).await;
    assert_eq!((&resume["session_id"], &resume["seq"]), (&json!("s1"), &json!(3)));
    gate.numbered(3, "MESSAGE_CREATE", message(30, "one")).await;
    gate.numbered(4, "MESSAGE_CREATE", message(31, "two")).await;
    gate.numbered(5, "RESUMED", json!({})).await;
    assert_eq!(lab.event().await.text, "two");
    lab.state(ChannelState::Connected).await;
    assert!(lab.is_quiet().await);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn waits_grow_as_long_as_no_connection_has_worked() -> Result<()> {
    const BREAKS: u32 = 30;
    for works in [true, false] {
        let (lab, mut gate) = Lab::ready(json!({})).await?;
        let begin = tokio::time::Instant::now();
        for _ in 0..BREAKS {
            gate.close(4000).await;
            gate = lab.gate().await;
            gate.hello().await;
            gate.expect(6).await;
            gate.dispatch("RESUMED", json!({})).await;
            if works {
                // Discord may ask for a sign of life at any time
                gate.send(json!({ "op": 1 })).await;
                gate.expect(1).await;
                gate.send(json!({ "op": 11 })).await;
            }
        }
        let (took, shortest) = (begin.elapsed(), Duration::from_secs(1) * BREAKS);
        assert_eq!(took <= shortest, works, "{took:?}");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn nothing_is_settled_that_the_host_does_not_have() -> Result<()> {
    let (lab, mut gate) = Lab::ready(json!({})).await?;
    lab.host.refuse_inbound(true);
    gate.dispatch("MESSAGE_CREATE", message(30, "one")).await;
    // of a later event in another channel the host knows, but the mark stays before the first
    gate.dispatch(
        "MESSAGE_CREATE",
        with(message(31, "two"), json!({ "channel_id": "20" })),
    )
    .await;
    for _ in 0..5 {
        assert_eq!(gate.expect(1).await, 2);
        gate.send(json!({ "op": 11 })).await;
    }
    drop(gate);
    let mut gate = lab.gate().await;
    gate.hello().await;
    assert_eq!(gate.expect(6).await["seq"], 2);
    gate.numbered(3, "MESSAGE_CREATE", message(30, "one")).await;
    gate.numbered(4, "RESUMED", json!({})).await;
    lab.host.refuse_inbound(false);
    let mut texts = [lab.event().await.text, lab.event().await.text];
    texts.sort();
    assert_eq!(texts, ["one", "two"]);
    assert!(lab.is_quiet().await, "each came once");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_session_outlives_the_process() -> Result<()> {
    let (lab, mut gate) = Lab::ready(json!({})).await?;
    gate.dispatch("MESSAGE_CREATE", message(30, "one")).await;
    lab.event().await;
    let stop = lab.plugin.call::<()>("channel/1/stop", "discord", &"default");
    let (stopped, code) = tokio::join!(stop, gate.closed());
    stopped?;
    assert_eq!(code, Some(4900), "a close that keeps the session");
    lab.plugin.start_channel("discord", json!({})).await?;
    let mut gate = lab.gate().await;
    gate.hello().await;
    let resume = gate.expect(6).await;
    assert_eq!((&resume["session_id"], &resume["seq"]), (&json!("s1"), &json!(3)));
    // Discord has forgotten it: a new one is asked for, once
    gate.send(json!({ "op": 9, "d": false })).await;
    gate.closed().await;
    let mut gate = lab.gate().await;
    gate.hello().await;
    gate.expect(2).await;
    assert!(
        lab.host.stored("session/default/0").is_none(),
        "it is forgotten here too"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_gateway_without_a_sign_of_life_is_left() -> Result<()> {
    let (lab, mut gate) = Lab::ready(json!({})).await?;
    assert_eq!(gate.closed().await, Some(4900), "heartbeats were not answered");
    let mut gate = lab.gate().await;
    gate.hello().await;
    gate.expect(6).await;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_burst_is_not_lost_and_does_not_stop_the_heart() -> Result<()> {
    let (lab, mut gate) = Lab::ready(json!({})).await?;
    lab.host.refuse_inbound(true);
    for n in 0..1030 {
        gate.dispatch("MESSAGE_CREATE", message(1000 + n, &format!("m{n}")))
            .await;
    }
    // the plugin reads no more, not even answers to its signs of life, but it goes on giving them
    for _ in 0..3 {
        loop {
            match gate.socket.next().await {
                Some(WsMessage::Text(text)) if text.contains("\"op\":1,") => break,
                Some(WsMessage::Text(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    lab.host.refuse_inbound(false);
    for n in 0..1030 {
        assert_eq!(lab.event().await.text, format!("m{n}"), "in order");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn final_codes_end_the_account_with_a_remedy() -> Result<()> {
    for (code, words) in [
        (4004, "Reset Token"),
        (4010, "sharding"),
        (4012, "update this plugin"),
        (4013, "intents"),
        (4014, "Message Content Intent"),
    ] {
        let lab = Lab::start(json!({})).await?;
        let mut gate = lab.gate().await;
        gate.hello().await;
        gate.expect(2).await;
        gate.close(code).await;
        let status = lab.state(ChannelState::Failed).await;
        assert!(
            status.problem.contains(words) && !status.problem.contains(TOKEN),
            "{status:?}"
        );
        let again = tokio::time::timeout(Duration::from_secs(3600), lab.gate()).await;
        assert!(again.is_err(), "{code}: no other try");
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_told_before_any_connection() -> Result<()> {
    let web = Web::new();
    web.answer(
        "GET /applications/@me",
        401,
        json!({ "message": "401: Unauthorized", "code": 0 }),
    );
    let lab = Lab::with(web, json!({})).await?;
    let status = lab.state(ChannelState::Failed).await;
    assert!(status.problem.contains("DISCORD_BOT_TOKEN"), "{status:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn lost_sessions_cost_one_login_each_and_never_more_than_there_are() -> Result<()> {
    let web = Web::new();
    let (left, limits) = (Arc::new(AtomicUsize::new(12)), web.clone());
    let budget = move |left: usize| {
        limits.answer("GET /gateway/bot", 200, json!({ "url": "wss://gateway.discord.gg", "shards": 1,
            "session_start_limit": { "total": 12, "remaining": left, "reset_after": 3_600_000, "max_concurrency": 1 } }));
    };
    budget(12);
    let lab = Lab::with(web, json!({})).await?;
    let begin = tokio::time::Instant::now();
    for n in 0..12 {
        let mut gate = lab.gate().await;
        gate.hello().await;
        gate.expect(2).await;
        budget(left.fetch_sub(1, Ordering::Relaxed) - 1);
        gate.ready(&format!("s{n}")).await;
        gate.close(4009).await;
    }
    assert!(begin.elapsed() >= Duration::from_secs(55), "five seconds apart");
    let early = tokio::time::timeout(Duration::from_secs(3000), lab.gate()).await;
    assert!(early.is_err(), "nothing is left in this hour");
    let status = lab.state(ChannelState::Degraded).await;
    assert!(status.problem.contains("used up"), "{status:?}");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn discord_may_be_away_for_a_while() -> Result<()> {
    let web = Web::new();
    web.answer("GET /gateway/bot", 503, json!({}));
    let lab = Lab::with(web, json!({})).await?;
    lab.state(ChannelState::Degraded).await;
    let back = Web::new().answers.lock().expect("not poisoned")["GET /gateway/bot"].clone();
    lab.web.answer("GET /gateway/bot", back.0, back.1);
    lab.host.refuse_sockets(true);
    tokio::time::sleep(Duration::from_secs(600)).await;
    lab.host.refuse_sockets(false);
    let mut gate = lab.gate().await;
    gate.hello().await;
    gate.expect(2).await;
    gate.ready("s1").await;
    let status = lab.state(ChannelState::Connected).await;
    assert_eq!(status.problem, "");
    assert!(lab.web.asked("GET /gateway/bot") < 100, "not in a circle");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_operator_may_say_where_the_gateway_is() -> Result<()> {
    let config = json!({ "gatewayUrl": "ws://127.0.0.1:9/", "proxy": "http://127.0.0.1:3128" });
    let (lab, gate) = Lab::ready(config).await?;
    assert!(gate.socket.request.url.starts_with("ws://127.0.0.1:9/?v=10"));
    assert_eq!(gate.socket.request.proxy, "http://127.0.0.1:3128");
    gate.close(4000).await;
    let gate = lab.gate().await;
    assert!(
        gate.socket.request.url.starts_with("ws://127.0.0.1:9/?v=10"),
        "for every connection"
    );
    Ok(())
}
