//! Who may come in, changed while the gateway runs: `gateway.controlUi.allowedOrigins`, `gateway.trustedProxies`,
//! `gateway.auth.rateLimit`.
use futures_util::{SinkExt, StreamExt};
use openclaw_e2e::{
    chat::{TOKEN, config},
    running::{Home, Running, soon},
};
use serde_json::{Value, json};
use tokio_tungstenite::{
    connect_async,
    tungstenite::{Message, client::IntoClientRequest, http::HeaderValue},
};

/// A home whose configuration differs in `gateway`.
fn write(home: &Home, gateway: &Value) {
    let mut config = config();
    for (name, value) in gateway.as_object().expect("an object") {
        config["gateway"][name] = value.clone();
    }
    home.configure(&config);
}

/// Tries to come in as a program or a page with these headers; gives the code of the refusal.
async fn knock(gateway: &Running, token: &str, headers: &[(&'static str, &str)]) -> Result<(), String> {
    let mut request = format!("ws://127.0.0.1:{}/", gateway.port)
        .into_client_request()
        .expect("an address");
    for (name, value) in headers {
        let value = HeaderValue::from_str(value).expect("a header");
        request.headers_mut().insert(*name, value);
    }
    let (mut socket, _) = soon("a connection", connect_async(request))
        .await
        .map_err(|error| error.to_string())?;
    let connect = json!({ "type": "req", "id": "c", "method": "connect", "params": {
        "minProtocol": 4, "maxProtocol": 4, "role": "operator", "scopes": ["operator.read"],
        "client": { "id": "test", "version": "1", "platform": "linux", "mode": "test" }, "auth": { "token": token },
    }});
    socket
        .send(Message::text(connect.to_string()))
        .await
        .expect("sent");
    loop {
        let message = soon("an answer", socket.next()).await.expect("it answers");
        let Message::Text(text) = message.expect("it answers") else {
            continue;
        };
        let frame: Value = serde_json::from_str(&text).expect("JSON");
        if frame["id"] != "c" {
            continue;
        }
        return match frame["ok"] == true {
            true => Ok(()),
            false => Err(frame["error"]["details"]["code"]
                .as_str()
                .unwrap_or_default()
                .to_owned()),
        };
    }
}

#[tokio::test]
async fn pages_are_let_in_and_shut_out_without_a_restart() {
    const PAGE: &str = "https://page.example";
    let home = Home::new(&["demo"]);
    write(&home, &json!({}));
    let gateway = home.start().await;
    let from_page = [("origin", PAGE)];
    assert!(
        knock(&gateway, TOKEN, &from_page).await.is_err(),
        "nobody knows the page"
    );
    write(&home, &json!({ "controlUi": { "allowedOrigins": [PAGE] } }));
    gateway.says("changed: gateway.controlUi").await;
    assert_eq!(knock(&gateway, TOKEN, &from_page).await, Ok(()));
    assert!(
        !gateway.log().contains("after the next start"),
        "{}",
        gateway.log()
    );
}

#[tokio::test]
async fn guessers_are_stopped_by_the_rules_of_now() {
    let home = Home::new(&["demo"]);
    write(&home, &json!({ "trustedProxies": ["127.0.0.1"] }));
    let gateway = home.start().await;
    // one on whom the proxy tells; programs of this machine are not locked out
    let away = [("x-forwarded-for", "203.0.113.7")];
    for _ in 0..3 {
        assert_eq!(
            knock(&gateway, "wrong", &away).await,
            Err("AUTH_TOKEN_MISMATCH".into())
        );
    }
    let limit = json!({ "token": TOKEN, "rateLimit": { "maxAttempts": 1, "lockoutMs": 600_000 } });
    write(&home, &json!({ "trustedProxies": ["127.0.0.1"], "auth": limit }));
    gateway.says("changed: gateway.auth.rateLimit").await;
    assert_eq!(
        knock(&gateway, "wrong", &away).await,
        Err("AUTH_TOKEN_MISMATCH".into())
    );
    assert_eq!(
        knock(&gateway, TOKEN, &away).await,
        Err("AUTH_RATE_LIMITED".into())
    );
    // another network behind the same proxy
    let other = [("x-forwarded-for", "198.51.100.9")];
    assert_eq!(knock(&gateway, TOKEN, &other).await, Ok(()));
    // a proxy that is trusted no more: what it says of its client has no weight
    write(&home, &json!({ "auth": limit }));
    gateway.says("changed: gateway.trustedProxies").await;
    assert_ne!(
        knock(&gateway, TOKEN, &away).await,
        Err("AUTH_RATE_LIMITED".into())
    );
}

#[tokio::test]
async fn without_a_secret_this_users_commands_get_in_and_strangers_do_not() {
    let home = Home::new(&["demo"]);
    write(&home, &json!({}));
    let (code, log) = home.start().await.stop().await;
    assert_eq!(code, Some(0), "{log}");
    // the token stays where it was written, and opens nothing any more
    let set = home.run(&["config", "set", "gateway.auth.mode", "none"]).await;
    assert!(set.status.success(), "{set:?}");
    let gateway = home.start().await;
    for args in [
        ["health", "--json"].as_slice(),
        &["status", "--json"],
        &["devices", "list"],
        &["gateway", "probe"],
        &["agent", "--message", "hi"],
    ] {
        let output = home.run(&[args, &["--port", &gateway.port]].concat()).await;
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{args:?}: {said}");
    }
    let required = Err("DEVICE_IDENTITY_REQUIRED".to_owned());
    assert_eq!(knock(&gateway, TOKEN, &[]).await, required);
    let far = [("x-forwarded-for", "203.0.113.7")];
    assert_eq!(
        knock(&gateway, TOKEN, &far).await,
        Err("AUTH_TOKEN_NOT_CONFIGURED".into())
    );
    assert!(
        knock(&gateway, TOKEN, &[("origin", "https://page.example")])
            .await
            .is_err()
    );
}
