//! WebSockets against axum's server and a hand-made one.

use std::time::Duration;

use axum::Router;
use axum::extract::ws::{CloseFrame, Message as Served, WebSocket, WebSocketUpgrade};
use axum::http::HeaderMap;
use axum::response::IntoResponse as _;
use axum::routing::any;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::mpsc;

use super::{Server, anywhere, client, read_head};
use crate::http::websocket::{Connect, Head, Message, Receiver, Sender};
use crate::http::{Counts, Error, Origin, Phase};

async fn open(
    server: &Server,
    path: &str,
    adjust: impl FnOnce(&mut Connect),
) -> Result<(Head, Sender, Receiver), Error> {
    let mut connect = Connect::new(format!("ws://{}{path}", server.address), Origin::Trusted);
    adjust(&mut connect);
    client().websocket(&anywhere(false), connect).await
}

async fn echo(mut socket: WebSocket) {
    while let Some(Ok(message)) = socket.recv().await {
        if matches!(message, Served::Text(_) | Served::Binary(_)) && socket.send(message).await.is_err() {
            break;
        }
    }
}

async fn echoing() -> Server {
    Server::routing(Router::new().route(
        "/",
        any(|headers: HeaderMap, upgrade: WebSocketUpgrade| async move {
            if headers.get("authorization").is_some_and(|value| value == "wrong") {
                return axum::http::StatusCode::FORBIDDEN.into_response();
            }
            upgrade.protocols(["v2.example"]).on_upgrade(echo)
        }),
    ))
    .await
}

#[tokio::test]
async fn messages_come_back_and_are_counted() {
    let server = echoing().await;
    let egress = anywhere(false);
    let mut connect = Connect::new(format!("ws://{}/", server.address), Origin::Trusted);
    connect.protocols = vec!["v9.example".to_owned(), "v2.example".to_owned()];
    let (head, mut sender, mut receiver) = client().websocket(&egress, connect).await.expect("a socket");
    assert_eq!(head.protocol.as_deref(), Some("v2.example"));
    for message in [
        Message::Text("hello ü".into()),
        Message::Binary(vec![7; 100_000].into()),
        Message::Text(String::new()),
    ] {
        sender.send(message.clone()).await.expect("sent");
        assert_eq!(receiver.next().await, Some(Ok(message)));
    }
    assert_eq!(
        egress.counts(),
        Counts {
            requests: 1,
            bytes_in: 100_008,
            bytes_out: 100_008,
            errors: 0
        }
    );
    sender
        .send(Message::Close {
            code: 1000,
            reason: "ü".repeat(100),
        })
        .await
        .expect("sent");
    let end = receiver.next().await;
    assert!(
        matches!(&end, Some(Ok(Message::Close { code: 1000, reason })) if reason.len() == 122),
        "{end:?}"
    );
    assert_eq!(receiver.next().await, None);
    assert!(matches!(
        sender.send(Message::Text("late".into())).await,
        Err(Error::Cut { .. })
    ));
}

#[tokio::test]
async fn a_close_keeps_its_code_and_reason_and_is_answered() {
    let (answers, mut seen) = mpsc::channel(1);
    let server = Server::routing(Router::new().route(
        "/",
        any(|upgrade: WebSocketUpgrade| async move {
            upgrade.on_upgrade(|mut socket| async move {
                let frame = CloseFrame {
                    code: 4014,
                    reason: "disallowed intents".into(),
                };
                let _ = socket.send(Served::Close(Some(frame))).await;
                let answer = matches!(socket.recv().await, Some(Ok(Served::Close(_))));
                let _ = answers.send(answer).await;
            })
        }),
    ))
    .await;
    let (_, _sender, mut receiver) = open(&server, "/", |_| ()).await.expect("a socket");
    let expected = Message::Close {
        code: 4014,
        reason: "disallowed intents".to_owned(),
    };
    assert_eq!(receiver.next().await, Some(Ok(expected)));
    assert_eq!(receiver.next().await, None);
    assert_eq!(seen.recv().await, Some(true));
}

#[tokio::test]
async fn large_messages_are_stopped_in_both_directions() {
    let server = echoing().await;
    let (_, mut sender, _receiver) = open(&server, "/", |connect| connect.max_message_bytes = 1000)
        .await
        .expect("a socket");
    let error = sender
        .send(Message::Binary(vec![0; 1001].into()))
        .await
        .expect_err("too large");
    assert!(matches!(error, Error::TooLarge { limit: 1000, .. }), "{error:?}");

    let flood = Server::routing(Router::new().route(
        "/",
        any(|upgrade: WebSocketUpgrade| async {
            upgrade.on_upgrade(|mut socket| async move {
                let _ = socket.send(Served::Binary(vec![0; 1001].into())).await;
                let _ = socket.recv().await;
            })
        }),
    ))
    .await;
    let (_, _sender, mut receiver) = open(&flood, "/", |connect| connect.max_message_bytes = 1000)
        .await
        .expect("a socket");
    let end = receiver.next().await;
    assert!(
        matches!(end, Some(Err(Error::TooLarge { limit: 1000, .. }))),
        "{end:?}"
    );
    assert_eq!(receiver.next().await, None);
}

#[tokio::test]
async fn pings_are_answered_while_receiving() {
    let server = Server::routing(Router::new().route(
        "/",
        any(|upgrade: WebSocketUpgrade| async {
            upgrade.on_upgrade(|mut socket| async move {
                let _ = socket.send(Served::Ping("are you there".into())).await;
                if let Some(Ok(Served::Pong(payload))) = socket.recv().await {
                    let _ = socket.send(Served::Binary(payload)).await;
                }
            })
        }),
    ))
    .await;
    let (_, _sender, mut receiver) = open(&server, "/", |_| ()).await.expect("a socket");
    assert_eq!(
        receiver.next().await,
        Some(Ok(Message::Binary("are you there".into())))
    );
    assert!(
        matches!(receiver.next().await, Some(Err(Error::Cut { .. }))),
        "no close frame is not a close"
    );
    assert_eq!(receiver.next().await, None);
}

#[tokio::test]
async fn silence_and_refusals_are_errors() {
    let server = echoing().await;
    let refused = open(&server, "/?token=secret", |connect| {
        connect
            .headers
            .push(("Authorization".to_owned(), b"wrong".to_vec()));
    })
    .await
    .expect_err("refused");
    assert!(
        matches!(refused, Error::NotUpgraded { status: 403, .. }),
        "{refused:?}"
    );
    assert!(!refused.to_string().contains("secret"), "{refused}");

    let (_, _sender, mut receiver) = open(&server, "/", |connect| {
        connect.idle_timeout = Some(Duration::from_millis(50))
    })
    .await
    .expect("a socket");
    let end = receiver.next().await;
    assert!(
        matches!(
            end,
            Some(Err(Error::Timeout {
                phase: Phase::Idle,
                ..
            }))
        ),
        "{end:?}"
    );

    let silent = Server::raw(|mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.read_u8().await;
    })
    .await;
    let error = open(&silent, "/", |connect| {
        connect.deadline = Duration::from_millis(50)
    })
    .await
    .expect_err("no head");
    assert!(
        matches!(
            error,
            Error::Timeout {
                phase: Phase::Head,
                ..
            }
        ),
        "{error:?}"
    );
    let garbage = Server::raw(|mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"220 mail ready\r\n\r\n").await;
    })
    .await;
    assert!(matches!(
        open(&garbage, "/", |_| ()).await,
        Err(Error::Protocol { .. })
    ));
}

#[tokio::test]
async fn a_close_needs_a_code_that_may_be_sent() {
    let server = echoing().await;
    let (_, mut sender, _receiver) = open(&server, "/", |_| ()).await.expect("a socket");
    for code in [0, 999, 1005, 1006, 1015] {
        let error = sender
            .send(Message::Close {
                code,
                reason: String::new(),
            })
            .await
            .expect_err("not sent");
        assert!(matches!(error, Error::InvalidRequest { .. }), "{code}: {error:?}");
    }
}
