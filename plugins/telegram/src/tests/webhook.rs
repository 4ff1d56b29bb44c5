//! Updates by webhook.
use super::*;
use openclaw_plugin_api::HttpCall;

const SECRET: &str = "a-secret-of_the-webhook";

async fn lab() -> Result<Lab> {
    let fake = Telegram::offline();
    let host = host(&fake).secret("TELEGRAM_BOT_TOKEN", Telegram::TOKEN);
    let plugin = host.load(&PLUGIN, json!({}))?;
    let config = json!({ "webhookUrl": "https://example.org/telegram-webhook", "webhookSecret": SECRET });
    plugin.start_channel("telegram", config).await?;
    fake.called("setWebhook", 1).await;
    Ok(Lab { fake, host, plugin })
}

fn call(secret: &str, body: &Value) -> HttpCall {
    HttpCall {
        method: "POST".into(),
        path: "/telegram-webhook".into(),
        headers: vec![("x-telegram-bot-api-secret-token".into(), secret.into())],
        body: body.to_string().into_bytes(),
        ..HttpCall::default()
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_is_acknowledged_when_the_host_has_it() -> Result<()> {
    let lab = lab().await?;
    let set = &lab.bodies("setWebhook")[0];
    assert_eq!(
        (&set["secret_token"], &set["url"]),
        (&json!(SECRET), &json!("https://example.org/telegram-webhook"))
    );
    lab.fake.dm(ADA, "hello");
    let update = lab.fake.unconfirmed().remove(0);
    lab.host.refuse_inbound(true);
    let (head, _) = lab
        .plugin
        .http("/telegram-webhook", &call(SECRET, &update))
        .await?;
    assert_eq!(head.status, 503, "the host doesn't have it");
    lab.host.refuse_inbound(false);
    let (head, _) = lab
        .plugin
        .http("/telegram-webhook", &call(SECRET, &update))
        .await?;
    assert_eq!(head.status, 200);
    assert!(
        head.headers
            .contains(&("x-openclaw-delivery-accepted".into(), "durable".into()))
    );
    assert_eq!(lab.event().await.text, "hello");
    assert!(lab.bodies("getUpdates").is_empty(), "nothing is polled");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn without_the_secret_nothing_is_even_parsed() -> Result<()> {
    let lab = lab().await?;
    for secret in ["", "wrong", "a-secret-of_the-webhooK", "a-secret-of_the-webhook0"] {
        let error = lab
            .plugin
            .http("/telegram-webhook", &call(secret, &json!("no update")))
            .await
            .expect_err(secret);
        assert_eq!(error.kind(), ErrorKind::Auth);
    }
    let (head, _) = lab
        .plugin
        .http("/telegram-webhook", &call(SECRET, &json!("no update")))
        .await?;
    assert_eq!(head.status, 400);
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn a_bot_that_polls_has_no_webhook() -> Result<()> {
    let lab = Lab::start(json!({})).await?;
    lab.plugin
        .http("/telegram-webhook", &call("", &json!({})))
        .await
        .expect_err("no secret, no entry");
    Ok(())
}
