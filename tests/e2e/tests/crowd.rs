//! Clients that hold a gateway up, or try to: those that say nothing, and those that do not read.
use futures_util::{SinkExt, StreamExt};
use openclaw_e2e::{
    chat::{Chat, TOKEN, config, words},
    running::{Home, soon},
};
use serde_json::json;
use tokio_tungstenite::{connect_async, tungstenite::Message};

/// Sockets that say nothing: fewer than one client may have.
const SILENT: usize = 12;
/// Messages that somebody else is told of.
const TOLD: usize = 12;
/// Length of each, characters: together more than a socket holds.
const LONG: usize = 200_000;

#[tokio::test]
async fn sockets_that_say_nothing_hold_nobody_up_and_are_closed() {
    let home = Home::new(&["demo"]);
    home.configure(&config());
    let gateway = home.start().await;
    let url = format!("ws://127.0.0.1:{}/", gateway.port);
    let mut silent = Vec::new();
    for _ in 0..SILENT {
        let (socket, _) = soon("a connection", connect_async(url.as_str()))
            .await
            .expect("it listens");
        silent.push(socket);
    }
    let mut chat = Chat::connect(&gateway).await;
    chat.call("health", json!({}))
        .await
        .expect("it is served beside them");
    for mut socket in silent {
        let gone = async { while let Some(Ok(_)) = socket.next().await {} };
        soon("the end of a socket that says nothing", gone).await;
    }
    chat.call("health", json!({}))
        .await
        .expect("who has said something stays");
}

#[tokio::test]
async fn who_does_not_read_delays_nobody_else() {
    let home = Home::new(&["demo"]);
    home.configure(&config());
    let gateway = home.start().await;
    let url = format!("ws://127.0.0.1:{}/", gateway.port);
    let (mut deaf, _) = soon("a connection", connect_async(url))
        .await
        .expect("it listens");
    let connect = json!({ "type": "req", "id": "1", "method": "connect", "params": {
        "minProtocol": 4, "maxProtocol": 4, "role": "operator", "scopes": ["operator.admin"],
        "client": { "id": "cli", "version": "1", "platform": "linux", "mode": "cli" }, "auth": { "token": TOKEN },
    }});
    deaf.send(Message::text(connect.to_string())).await.expect("sent");
    // the challenge and the greeting; nothing is read after that
    for _ in 0..2 {
        soon("a frame", deaf.next())
            .await
            .expect("it is open")
            .expect("it is open");
    }
    let mut chat = Chat::connect(&gateway).await;
    for number in 0..TOLD {
        let run = format!("run-{number}");
        let text = format!("{number} {}", "x".repeat(LONG));
        let params =
            json!({ "sessionKey": format!("crowd-{number}"), "message": text, "idempotencyKey": run });
        chat.call("chat.send", params).await.expect("taken");
        let end = chat.ended(&run).await;
        assert!(
            words(&end["message"]).contains(&format!("{number} xx")),
            "the whole answer came"
        );
        chat.frames.clear();
    }
    drop(deaf);
}
