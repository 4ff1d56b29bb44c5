//! What an operator may rely on when things end at the wrong moment: replies, messages sent by hand, and plugins that
//! take the process with them.
use openclaw_e2e::{
    chat::{Chat, TOKEN, signed},
    fixture,
    world::{ADA, Home, Running, World, soon, text_of},
};
use openclaw_fakes::telegram::Fault;
use serde_json::json;
use std::{fs, time::Duration};

#[tokio::test]
async fn a_stop_while_the_platform_answers_does_not_repeat_the_reply() {
    let world = World::new().await;
    let late = Fault::Delay(Duration::from_millis(800));
    world.telegram.fail("sendMessage", late);
    world.telegram.dm(ADA, "hello there");
    // the platform has it, and says so only after the gateway was told to stop
    world.texts(1).await;
    let world = world.restarted().await;
    world.telegram.dm(ADA, "and now?");
    let texts = world.texts(2).await;
    assert!(
        texts[0].contains("hello there") && texts[1].contains("and now?"),
        "{texts:?}"
    );
    assert_eq!(texts.len(), 2);
    world.end().await;
}

/// A home with one plugin that is bad in the way its name says.
fn home_with(bad: &str) -> Home {
    let home = Home::new(&["demo"]);
    fs::copy(fixture(bad), home.plugins().join(format!("{bad}.so"))).expect("copied");
    let id = bad.replace('_', "-");
    home.configure(&json!({ "plugins": { "entries": { id: { "enabled": true } } } }));
    home
}

/// Lets the bad plugin end the gateway: it does so by itself, or when its tool is used.
async fn end_by(home: &Home, bad: &str) {
    let mut gateway = Running::spawn(&mut home.command(&["gateway", "--port", "0"]));
    if bad != "segv_init" {
        let line = gateway.says("listening on ws://127.0.0.1:").await;
        let port = line
            .split("127.0.0.1:")
            .nth(1)
            .and_then(|rest| rest.split(' ').next());
        gateway.port = port.expect("a port").to_owned();
        let tool = format!("/tool {bad} {{}}");
        let asked = home
            .run(&["agent", "--message", &tool, "--port", &gateway.port])
            .await;
        assert!(!asked.status.success(), "{asked:?}");
    }
    soon("its end", gateway.gone()).await;
}

#[tokio::test]
async fn a_plugin_that_ends_the_process_is_named_and_then_set_aside() {
    for bad in ["segv_init", "exit_process"] {
        let (home, id) = (home_with(bad), bad.replace('_', "-"));
        for _ in 0..2 {
            end_by(&home, bad).await;
        }
        let gateway = home.start().await;
        let log = gateway.log();
        assert!(
            log.contains("ended by code of this plugin") && log.contains(&id),
            "{log}"
        );
        assert!(log.contains("set aside: it ended the gateway 2 times"), "{log}");
        assert!(
            log.contains("demo 0.1.0 loaded") && !log.contains(&format!("{id} 0.1.0 loaded")),
            "{log}"
        );
        gateway.stop().await;
    }
}

#[tokio::test]
async fn a_gateway_that_crashes_again_and_again_starts_without_plugins() {
    // its fault is on a thread of its own, so nobody knows whose it is
    let home = home_with("segv_thread");
    for _ in 0..5 {
        end_by(&home, "segv_thread").await;
    }
    let gateway = home.start().await;
    assert!(
        gateway.log().contains("no plugin is loaded now"),
        "{}",
        gateway.log()
    );
    gateway.stop().await;
}

#[tokio::test]
async fn a_gateway_that_is_killed_from_outside_blames_nobody() {
    let home = Home::new(&["demo"]);
    home.configure(&json!({}));
    for _ in 0..6 {
        home.start().await.kill();
    }
    let gateway = home.start().await;
    let log = gateway.log();
    assert!(!log.contains("set aside") && !log.contains("crashed"), "{log}");
    gateway.stop().await;
}

#[tokio::test]
async fn a_message_under_one_key_is_sent_once_also_after_a_restart() {
    let world = World::new().await;
    let args = [
        "message",
        "send",
        "--to",
        "telegram:7",
        "-m",
        "the news",
        "--idempotency-key",
        "k1",
        "--json",
    ];
    let send = async |home: &Home, gateway: &Running| {
        let mut all = args.to_vec();
        all.extend(["--port", &gateway.port]);
        home.json(&all).await
    };
    let first = send(&world.home, &world.gateway).await;
    let world = world.restarted().await;
    let second = send(&world.home, &world.gateway).await;
    assert_eq!(first["messageId"], second["messageId"]);
    let sent = world.telegram.bodies("sendMessage");
    assert_eq!(sent.len(), 1, "{sent:?}");
    world.end().await;
}

#[tokio::test]
async fn two_clients_that_chose_the_same_key_are_both_heard() {
    let world = World::with(|config| config["gateway"] = json!({ "auth": { "token": TOKEN } })).await;
    let operator = json!({
        "minProtocol": 4, "maxProtocol": 4, "role": "operator", "scopes": ["operator.admin"], "caps": [],
        "client": { "id": "cli", "version": "1", "platform": "linux", "mode": "cli" }, "auth": { "token": TOKEN },
    });
    for (device, words) in [(1, "from one"), (2, "from the other"), (2, "a repeat")] {
        let mut chat =
            Chat::challenged(&world.gateway, |nonce| signed(operator.clone(), device, nonce)).await;
        let message = json!({ "to": "telegram:7", "message": words, "idempotencyKey": "1" });
        chat.call("send", message).await.expect("it is sent");
        let action = json!({ "channel": "telegram", "action": "send", "idempotencyKey": "2",
            "params": { "to": "7", "message": format!("acted {words}") } });
        chat.call("message.action", action).await.expect("it is done");
    }
    let texts: Vec<_> = world.telegram.bodies("sendMessage").iter().map(text_of).collect();
    let wanted = [
        "from one",
        "acted from one",
        "from the other",
        "acted from the other",
    ];
    assert_eq!(texts, wanted);
    world.end().await;
}

#[tokio::test]
async fn commands_that_need_no_secret_fetch_none() {
    let home = Home::new(&["demo"]);
    let mark = home.state().join("fetched");
    let script = home.state().join("fetch");
    fs::write(
        &script,
        format!(
            "#!/bin/sh\ntouch {}\necho '{{\"values\":{{\"t\":\"x\"}}}}'\n",
            mark.display()
        ),
    )
    .expect("written");
    home.configure(&json!({
        "secrets": { "providers": { "vault": { "source": "exec", "command": script } } },
        "models": { "providers": { "one": { "baseUrl": "http://127.0.0.1:1", "apiKey":
            { "source": "exec", "provider": "vault", "id": "t" }, "models": [] } } },
    }));
    for args in [
        &["plugins", "list", "--json"][..],
        &["channels", "list", "--json"],
        &["health", "--port", "1"],
    ] {
        home.run(args).await;
        assert!(!mark.exists(), "{args:?}");
    }
}
