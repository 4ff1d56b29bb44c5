//! Accounts: their tokens, their menu, their root.
use super::*;
use openclaw_plugin_api::Account;

#[tokio::test(start_paused = true)]
async fn an_account_without_a_token_says_what_to_do() -> Result<()> {
    let host = host(&Telegram::offline());
    let plugin = host.load(&PLUGIN, json!({}))?;
    for (config, words) in [
        (json!({}), "TELEGRAM_BOT_TOKEN"),
        (json!({ "botToken": "nonsense" }), "@BotFather"),
        (json!({ "botToken": { "source": "env", "id": "X" } }), "reference"),
        (json!({ "tokenFile": "/does/not/exist" }), "/does/not/exist"),
        (
            json!({ "botToken": Telegram::TOKEN, "webhookUrl": "https://example.org/" }),
            "webhookSecret",
        ),
        (
            json!({ "botToken": Telegram::TOKEN, "webhookUrl": "https://example.org/", "webhookSecret": "short" }),
            "random",
        ),
    ] {
        let error = plugin.start_channel("telegram", config).await.expect_err(words);
        assert_eq!(error.kind(), ErrorKind::Config);
        let (_, status) = host.statuses().pop().expect("a status");
        assert!(
            error.message().contains(words) && status.problem == error.message(),
            "{error:?} {status:?}"
        );
        assert!(!error.message().contains("nonsense"));
    }
    plugin
        .start_channel("telegram", json!({ "enabled": false }))
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
        async move { plugin.call::<()>("channel/1/start", "telegram", &account).await }
    };
    let error = start(json!({})).await.expect_err("no token");
    assert!(
        error.message().contains("account second has no bot token"),
        "{error}"
    );
    let error = start(json!({ "botToken": Telegram::TOKEN }))
        .await
        .expect_err("the same bot");
    assert!(
        error.message().contains("same bot token as account default"),
        "{error}"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn two_webhooks_have_two_secrets() -> Result<()> {
    let host = host(&Telegram::offline());
    let plugin = host.load(&PLUGIN, json!({}))?;
    let start = async |id: &str, token: &str, secret: &str| {
        let config =
            json!({ "botToken": token, "webhookUrl": "https://example.org/", "webhookSecret": secret });
        let account = Account {
            id: id.into(),
            config,
        };
        plugin.call::<()>("channel/1/start", "telegram", &account).await
    };
    start("one", Telegram::TOKEN, "a-secret").await?;
    let error = start("two", "43:x", "a-secret").await.expect_err("the same");
    assert_eq!(error.kind(), ErrorKind::Config);
    assert!(
        error.message().contains("same webhookSecret as account one"),
        "{error}"
    );
    start("two", "43:x", "another-secret").await?;
    start("one", Telegram::TOKEN, "a-secret").await
}

#[tokio::test]
async fn topics_and_people_have_their_names() -> Result<()> {
    let plugin = host(&Telegram::offline()).load(&PLUGIN, json!({}))?;
    let mut registered = plugin.registered().registrations.iter();
    let channel = registered.find(|registered| registered.capability == "channel/1");
    let spec = &channel.expect("a channel").spec;
    assert_eq!(
        (&spec["threadSuffix"], &spec["idPrefixes"]),
        (&json!("topic"), &json!(["tg"])),
        "session keys, bindings and lists of people as users know them: {spec}"
    );
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn the_menu_is_what_host_and_operator_want() -> Result<()> {
    let list = |name: &str| json!([{ "command": name, "description": "what it does" }]);
    let lab =
        Lab::start(json!({ "nativeCommandsList": list("help"), "customCommands": list("/Mine") })).await?;
    let commands = lab.fake.called("setMyCommands", 1).await.remove(0);
    let names: Vec<_> = commands["commands"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|c| c["command"].clone())
        .collect();
    assert_eq!(names, ["help", "mine"]);
    let status: ChannelStatus = lab.plugin.call("channel/1/probe", "telegram", &"default").await?;
    assert_eq!(
        (status.state, status.identity.as_str()),
        (ChannelState::Connected, "@fake_bot")
    );
    assert_eq!(lab.fake.complaints(), Vec::<String>::new());
    Ok(())
}

#[tokio::test(start_paused = true)]
async fn root_and_proxy_are_the_operators() -> Result<()> {
    let (fake, seen) = (
        Telegram::offline(),
        std::sync::Arc::new(std::sync::Mutex::new(Vec::new())),
    );
    let (web, heads) = (fake.clone(), seen.clone());
    let host = TestHost::new().web(move |mut request| {
        heads
            .lock()
            .expect("not poisoned")
            .push((request.head.url.clone(), request.head.proxy.clone()));
        request.head.url = request
            .head
            .url
            .replace("http://127.0.0.1:8081/api", "https://api.telegram.org");
        Ok(exchange(&web, &request))
    });
    let plugin = host.load(&PLUGIN, json!({}))?;
    let config = json!({ "botToken": Telegram::TOKEN, "apiRoot": "http://127.0.0.1:8081/api/", "proxy": "http://127.0.0.1:3128" });
    plugin.start_channel("telegram", config).await?;
    fake.called("getUpdates", 1).await;
    for (url, proxy) in seen.lock().expect("not poisoned").iter() {
        assert!(
            url.starts_with("http://127.0.0.1:8081/api/bot424242:") && proxy == "http://127.0.0.1:3128",
            "{url} {proxy}"
        );
    }
    Ok(())
}
