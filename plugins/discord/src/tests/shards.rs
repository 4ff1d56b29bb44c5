//! Several shards, compressed connections, and what is shown of the bot.
use super::*;
use flate2::{Compress, Compression, FlushCompress};

#[tokio::test(start_paused = true)]
async fn shards_log_in_one_after_the_other_and_are_connected_together() -> Result<()> {
    let web = Web::new();
    web.answer(
        "GET /gateway/bot",
        200,
        json!({ "url": "wss://gateway.discord.gg", "shards": 2, "session_start_limit": {
            "total": 1000, "remaining": 1000, "reset_after": 86_400_000, "max_concurrency": 1 } }),
    );
    let lab = Lab::with(web, json!({})).await?;
    let mut first = lab.gate().await;
    let begin = tokio::time::Instant::now();
    let mut second = lab.gate().await;
    assert!(begin.elapsed() >= Duration::from_secs(4), "five seconds apart");
    for (index, gate) in [&mut first, &mut second].into_iter().enumerate() {
        gate.hello().await;
        assert_eq!(gate.expect(2).await["shard"], json!([index, 2]));
        assert_ne!(
            lab.host.statuses().last().map(|(_, status)| status.state),
            Some(ChannelState::Connected)
        );
        gate.ready(&format!("s{index}")).await;
    }
    let status = lab.state(ChannelState::Connected).await;
    assert_eq!(status.details["shards"][1]["shard"], "1/2");
    second
        .dispatch("MESSAGE_CREATE", message(30, "over the second"))
        .await;
    assert_eq!(lab.event().await.text, "over the second");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_compressed_connection_is_read() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    let mut gate = lab.gate().await;
    let mut stream = Compress::new(Compression::default(), true);
    let mut pack = |frame: Value| {
        let mut bytes = Vec::with_capacity(4096);
        stream
            .compress_vec(frame.to_string().as_bytes(), &mut bytes, FlushCompress::Sync)
            .expect("compressed");
        WsMessage::Binary(bytes)
    };
    let hello = pack(json!({ "op": 10, "d": { "heartbeat_interval": 40_000 } }));
    gate.socket.send(&hello).await;
    gate.expect(2).await;
    let ready = json!({ "op": 0, "s": 1, "t": "READY", "d": { "session_id": "s1", "user": { "id": ME, "username": "claw" } } });
    let guild = json!({ "op": 0, "s": 2, "t": "GUILD_CREATE", "d": guild() });
    let hello = json!({ "op": 0, "s": 3, "t": "MESSAGE_CREATE", "d": message(30, "packed") });
    for frame in [ready, guild, hello] {
        let packed = pack(frame);
        gate.socket.send(&packed).await;
    }
    assert_eq!(lab.event().await.text, "packed");
    // what can't be unpacked ends the connection, and the session goes on
    gate.socket.send(&WsMessage::Binary(vec![1, 2, 3, 4])).await;
    let mut gate = lab.gate().await;
    gate.hello().await;
    assert_eq!(gate.expect(6).await["seq"], 3);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_presence_follows_how_the_account_is_doing() -> Result<()> {
    let config = json!({
        "autoPresence": { "enabled": true, "intervalMs": 20_000, "healthyText": "here", "degradedText": "catching up" }
    });
    let (lab, mut gate) = Lab::ready(config).await?;
    lab.state(ChannelState::Connected).await;
    lab.host.refuse_inbound(true);
    gate.dispatch("MESSAGE_CREATE", message(30, "x")).await;
    let presence = gate.expect(3).await;
    assert_eq!(
        (&presence["status"], &presence["activities"][0]["state"]),
        (&json!("idle"), &json!("catching up"))
    );
    lab.host.refuse_inbound(false);
    lab.event().await;
    assert_eq!(gate.expect(3).await["status"], "online");
    Ok(())
}
