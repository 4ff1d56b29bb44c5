//! Accounts: their tokens, their keys, their names.
use super::*;
use openclaw_plugin_api::Account;

#[tokio::test(start_paused = true)]
async fn an_account_that_can_t_start_says_what_to_do() -> Result<()> {
    let web = Web::new();
    let host = TestHost::new().web(move |request| web.exchange(&request));
    let plugin = host.load(&PLUGIN, json!({}))?;
    for (config, words) in [
        (json!({}), "DISCORD_BOT_TOKEN"),
        (json!({ "token": "two words" }), "Developer Portal"),
        (json!({ "token": { "source": "env", "id": "X" } }), "reference"),
        (json!({ "token": TOKEN, "allowFrom": [123] }), "quotes"),
        (
            json!({ "token": TOKEN, "guilds": { "1": { "users": [5] } } }),
            "quotes",
        ),
    ] {
        let error = plugin.start_channel("discord", config).await.expect_err(words);
        assert_eq!(error.kind(), ErrorKind::Config);
        let (_, status) = host.statuses().pop().expect("a status");
        assert!(
            error.message().contains(words) && status.problem == error.message(),
            "{error:?} {status:?}"
        );
        assert_eq!(status.state, ChannelState::Failed);
    }
    plugin
        .start_channel("discord", json!({ "enabled": false }))
        .await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_named_account_never_takes_the_environments_token_and_no_token_twice() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    let start = |config: Value| {
        let account = Account {
            id: "second".into(),
            config,
        };
        let plugin = &lab.plugin;
        async move { plugin.call::<()>("channel/1/start", "discord", &account).await }
    };
    let error = start(json!({})).await.expect_err("no token");
    assert!(
        error.message().contains("discord.accounts.second.token"),
        "{error}"
    );
    let error = start(json!({ "token": format!("Bot {TOKEN}") }))
        .await
        .expect_err("the same bot");
    assert!(
        error.message().contains("same bot token as account default"),
        "{error}"
    );
    start(json!({ "token": "another.one" })).await?;
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn keys_without_effect_are_named_once() -> Result<()> {
    let config = json!({ "retry": { "attempts": 3 }, "voice": { "enabled": true }, "joinIntro": true });
    let lab = Lab::start(config).await?;
    let logs = lab.host.logs();
    let warnings: Vec<_> = logs
        .iter()
        .filter(|line| line.message.contains("no effect"))
        .collect();
    assert_eq!(warnings.len(), 1);
    assert!(
        warnings[0].fields.contains("voice, joinIntro, retry"),
        "{warnings:?}"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_second_start_replaces_the_first() -> Result<()> {
    let (lab, mut gate) = Lab::ready(json!({})).await?;
    lab.state(ChannelState::Connected).await;
    let again = lab.plugin.start_channel("discord", json!({}));
    let (again, code) = tokio::join!(again, gate.closed());
    again?;
    assert_eq!(code, Some(4900));
    let mut gate = lab.gate().await;
    gate.hello().await;
    gate.expect(6).await;
    Ok(())
}
