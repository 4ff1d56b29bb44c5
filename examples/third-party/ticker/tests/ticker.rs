//! The channel in a fake host, where hours pass at once.
use openclaw_plugin_api::{prelude::*, testing::TestHost};
use openclaw_plugin_ticker::PLUGIN;
use tokio::time::{Duration, Instant, timeout};

#[tokio::test(start_paused = true)]
async fn it_speaks_at_its_interval() -> Result<()> {
    let host = TestHost::new();
    let plugin = host.load(&PLUGIN, json!({}))?;
    let begin = Instant::now();
    plugin.start_channel("ticker", json!({"everySeconds": 3600, "text": "another hour"})).await?;
    for hour in 1..=3 {
        let (channel, event) = host.next_inbound().await;
        assert_eq!((channel.as_str(), event.text.as_str()), ("ticker", "another hour"));
        assert_eq!((event.account_id.as_str(), event.chat.id.as_str()), ("default", "clock"));
        assert_eq!(begin.elapsed().as_secs() / 3600, hour);
    }
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_second_start_replaces_the_first_and_a_stop_ends_it() -> Result<()> {
    let host = TestHost::new();
    let plugin = host.load(&PLUGIN, json!({}))?;
    plugin.start_channel("ticker", json!({"everySeconds": 10, "text": "old"})).await?;
    plugin.start_channel("ticker", json!({"everySeconds": 30, "text": "new"})).await?;
    assert_eq!(host.next_inbound().await.1.text, "new");
    plugin.call::<()>("channel/1/stop", "ticker", &"default").await?;
    assert!(timeout(Duration::from_secs(600), host.next_inbound()).await.is_err(), "it still speaks");
    Ok(())
}

#[tokio::test]
async fn what_is_sent_to_it_is_logged() -> Result<()> {
    let host = TestHost::new();
    let plugin = host.load(&PLUGIN, json!({}))?;
    plugin.send("ticker", &Outbound { text: "what time is it?".into(), ..Outbound::default() }).await?;
    assert!(host.logs().iter().any(|line| line.fields.contains("what time is it?")), "{:?}", host.logs());
    Ok(())
}
