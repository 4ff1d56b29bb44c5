//! Updates by webhook.
use super::*;
use openclaw_plugin_api::HttpCall;
use tokio::time::timeout;

const SECRET: &str = "a-secret-of_the-webhook";

async fn lab() -> Result<Lab> {
    let fake = Telegram::offline();
    let lab = with(host(&fake), fake).await?;
    lab.fake.called("setWebhook", 1).await;
    Ok(lab)
}

async fn with(host: TestHost, fake: Telegram) -> Result<Lab> {
    let host = host.secret("TELEGRAM_BOT_TOKEN", Telegram::TOKEN);
    let plugin = host.load(&PLUGIN, json!({}))?;
    let config = json!({ "webhookUrl": "https://example.org/telegram-webhook", "webhookSecret": SECRET });
    plugin.start_channel("telegram", config).await?;
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
async fn an_update_that_cannot_be_read_does_not_come_again_for_ever() -> Result<()> {
    let lab = lab().await?;
    let broken = json!({ "update_id": 5, "message": { "message_id": "not a number" } });
    let (head, _) = lab
        .plugin
        .http("/telegram-webhook", &call(SECRET, &broken))
        .await?;
    assert_eq!(head.status, 200, "Telegram holds up the chat until it is taken");
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn updates_are_taken_while_telegram_is_still_being_told_where_to_call() -> Result<()> {
    let fake = Telegram::offline();
    fake.fail(
        "setWebhook",
        Fault::Refuse {
            code: 429,
            description: "Too Many Requests".into(),
            retry_after: Some(3600),
        },
    );
    let lab = with(host(&fake), fake).await?;
    lab.fake.called("setWebhook", 1).await;
    lab.fake.dm(ADA, "hello");
    let update = lab.fake.unconfirmed().remove(0);
    let (head, _) = lab
        .plugin
        .http("/telegram-webhook", &call(SECRET, &update))
        .await?;
    assert_eq!((head.status, lab.event().await.text.as_str()), (200, "hello"));
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn calls_that_nobody_can_take_are_not_piled_up() -> Result<()> {
    let fake = Telegram::offline();
    let unreachable = TestHost::new().web(|_| Err(Error::new(ErrorKind::Network, "connect: refused")));
    let lab = with(unreachable, fake).await?;
    let mut answers = Vec::new();
    for id in 0..100 {
        let update = json!({ "update_id": id });
        let (head, body) = lab
            .plugin
            .http("/telegram-webhook", &call(SECRET, &update))
            .await?;
        assert_eq!(head.status, 503);
        answers.push(String::from_utf8_lossy(&body).into_owned());
    }
    assert_eq!(
        (answers[0].as_str(), answers[99].as_str()),
        ("not accepted", "busy")
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn telegram_keeps_what_is_more_than_the_host_can_take() -> Result<()> {
    let lab = lab().await?;
    for n in 0..120 {
        lab.fake.group(-1000 - n, ADA, "hello");
    }
    let updates = lab.fake.unconfirmed();
    lab.host.refuse_inbound(true);
    for update in &updates {
        let (head, _) = lab
            .plugin
            .http("/telegram-webhook", &call(SECRET, update))
            .await?;
        assert_eq!(head.status, 503);
    }
    lab.host.refuse_inbound(false);
    let mut held = 0;
    while timeout(Duration::from_secs(60), lab.event()).await.is_ok() {
        held += 1;
    }
    assert_eq!(held, 100, "the others are still Telegram's");
    let last = updates.last().expect("an update");
    let (head, _) = lab.plugin.http("/telegram-webhook", &call(SECRET, last)).await?;
    assert_eq!(head.status, 200);
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
