//! Accounts that are signed in by a code: over the protocol and by the command line.
use openclaw_e2e::{
    chat::{Chat, config},
    world::Home,
};
use serde_json::{Value, json};

/// A gateway with a channel whose account nobody has signed in.
fn home() -> Home {
    let home = Home::new(&["loopback", "demo"]);
    let mut config = config();
    config["channels"] = json!({ "loopback": { "signedOut": true } });
    home.configure(&config);
    home
}

async fn account(chat: &mut Chat) -> Value {
    let status = chat.call("channels.status", json!({})).await.expect("told");
    status["channelAccounts"]["loopback"][0].clone()
}

#[tokio::test]
async fn a_code_is_shown_until_it_is_read() {
    let home = home();
    let gateway = home.start().await;
    let mut chat = Chat::connect(&gateway).await;
    let before = account(&mut chat).await;
    assert_eq!(
        (&before["linked"], &before["lastError"]),
        (&json!(false), &json!("nobody has signed in"))
    );

    let first = chat
        .call("web.login.start", json!({ "force": true }))
        .await
        .expect("a code");
    assert_eq!(
        (&first["connected"], &first["code"]),
        (&json!(false), &json!("loopback:default:1"))
    );
    let picture = first["qrDataUrl"].as_str().expect("a picture");
    assert!(picture.starts_with("data:image/png;base64,"), "{picture}");
    // who shows another picture has missed one
    let wait = json!({ "currentQrDataUrl": "data:image/png;base64,AAAA", "timeoutMs": 1000 });
    let again = chat.call("web.login.wait", wait).await.expect("a code");
    assert_eq!(again["code"], first["code"]);
    let wait = json!({ "currentQrDataUrl": picture, "timeoutMs": 1000 });
    let second = chat.call("web.login.wait", wait).await.expect("a code");
    assert_eq!(second["code"], "loopback:default:2");
    assert_ne!(second["qrDataUrl"], first["qrDataUrl"]);
    let done = chat
        .call("web.login.wait", json!({ "channel": "loopback" }))
        .await
        .expect("it is read");
    assert_eq!((&done["connected"], done.get("qrDataUrl")), (&json!(true), None));
    let after = account(&mut chat).await;
    assert_eq!(
        (&after["linked"], &after["connected"]),
        (&json!(true), &json!(true))
    );

    for (params, words) in [
        (json!({ "channel": "telegram" }), "no channel that is set up"),
        (json!({ "accountId": "other" }), "no account \"other\""),
    ] {
        let refused = chat.call("web.login.start", params).await.expect_err(words);
        assert!(
            refused["message"]
                .as_str()
                .is_some_and(|text| text.contains(words)),
            "{refused}"
        );
    }
    let (code, log) = gateway.stop().await;
    assert_eq!(code, Some(0), "{log}");
    assert!(!log.contains("loopback:default:1"), "a code is logged:\n{log}");
}

#[tokio::test]
async fn the_command_line_draws_the_codes() {
    let home = home();
    let gateway = home.start().await;
    let port = gateway.port.clone();
    let run = async |args: &[&str]| {
        let mut command = home.command(args);
        command.env("OPENCLAW_GATEWAY_PORT", &port);
        let output = tokio::task::spawn_blocking(move || command.output()).await;
        output.expect("no panic").expect("the program runs")
    };
    let drawn = run(&["channels", "login", "--channel", "loopback"]).await;
    let text = String::from_utf8_lossy(&drawn.stdout).into_owned();
    assert!(drawn.status.success(), "{drawn:?}");
    for words in [
        "█",
        "Read code 1.",
        "Read code 2.",
        "loopback (default) is signed in.",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let out = run(&["channels", "logout", "--channel", "loopback", "--json"]).await;
    assert!(out.status.success(), "{out:?}");
    let lines = run(&["channels", "login", "--json"]).await;
    let lines = String::from_utf8_lossy(&lines.stdout).into_owned();
    let codes: Vec<_> = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON")["code"].clone())
        .collect();
    assert_eq!(
        codes,
        [
            json!("loopback:default:1"),
            json!("loopback:default:2"),
            Value::Null
        ]
    );
    let (code, log) = gateway.stop().await;
    assert_eq!(code, Some(0), "{log}");
}
