//! WebSockets on plugins' routes.
//!
//! The way of one: client → route → the form of the handshake → a place (`places`) → the gateway's credentials or the
//! plugin's check of the head → the upgrade → messages, under the route's limit. What a stranger sends is not read before
//! all of that is decided.
//!
//! Invariants: a message that the plugin does not take is waited for, not held, and so is one that the client does not
//! take, for its time; both sides learn how the other ended; a socket that gives no sign of life is closed; none outlives
//! the gateway's stop, or its plugin's call by more than a moment.
use axum::{
    extract::Request,
    http::{StatusCode, header, request::Parts},
    response::Response,
};
use futures_util::{SinkExt, StreamExt, future::BoxFuture, stream};
use hyper_util::rt::TokioIo;
use openclaw_plugin_api::{
    ErrorKind, Feed, Result, Route, RouteAuth, WsClose, WsMessage,
    abi::{Chunks, sink_pair, source_pair},
};
use std::{
    pin::pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::{net::TcpStream, sync::watch, time};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error as WireError, Message,
        error::ProtocolError,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};

use super::{Refused, head, known, limits, path, refusal};
use crate::{
    gateway::{http, hub, server::Shared},
    http::server::{Peer, Place},
};

/// May a WebSocket be opened on this route before anybody has proved anything? Never: so a signed one checks heads.
pub(super) fn permitted(route: &Route) -> bool {
    route.websocket
        && match route.auth {
            RouteAuth::Gateway => true,
            RouteAuth::Signature => route.check_head,
            RouteAuth::Public => false,
        }
}

/// Answers a request to open a WebSocket on a plugin's route.
pub(crate) async fn open(shared: &Arc<Shared>, peer: Peer, request: Request) -> Response {
    enter(shared, peer, request)
        .await
        .unwrap_or_else(|refused| *refused)
}

async fn enter(shared: &Arc<Shared>, peer: Peer, mut request: Request) -> Result<Response, Refused> {
    let key = http::accept_key(&request)?;
    let connection = request.extensions_mut().remove::<Place>();
    let upgrade = hyper::upgrade::on(&mut request);
    let (parts, _) = request.into_parts();
    let Some(path) = path::canonical(parts.uri.path()) else {
        return Err(refusal::unread(StatusCode::BAD_REQUEST, "this path is ambiguous").into());
    };
    let found = shared.routing.find(&path);
    let found = found.and_then(|(routes, offer)| Some((routes.clone(), offer.route.clone()?, offer)));
    let Some((routes, route, offer)) = found.filter(|(_, route, _)| permitted(route)) else {
        return Err(refusal::unread(StatusCode::NOT_FOUND, "not found").into());
    };
    if announces_a_body(&parts) {
        return Err(refusal::unread(StatusCode::BAD_REQUEST, "a WebSocket is opened without a body").into());
    }
    let place = shared.routing.sockets.enter(&offer.path, peer.network());
    let place = place.ok_or_else(|| refusal::later("too many WebSockets at once: retry later"))?;
    let owner = route.auth == RouteAuth::Gateway && known(shared, &peer, &parts).await?;
    let mut call = head::call(&parts, path, &route, &peer, &shared.rules.get().trusted_proxies);
    call.caller_is_owner = owner;
    if route.check_head {
        let checked = routes.check(&offer, call.clone(), limits::CHECK).await;
        checked.map_err(|error| refusal::hang_up(refusal::of(&error)))?;
    }
    let longest = longest(&route);
    let stop = shared.stop.subscribe();
    tokio::spawn(async move {
        // whoever never finishes the handshake has no place for long
        let Ok(Ok(upgraded)) = time::timeout(limits::CHECK, upgrade).await else {
            return;
        };
        let Ok(parts) = upgraded.downcast::<TokioIo<TcpStream>>() else {
            return;
        };
        let config = WebSocketConfig::default()
            .read_buffer_size(limits::SOCKET_BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(longest.saturating_mul(2).max(limits::SOCKET_BUFFER))
            .max_message_size(Some(longest))
            .max_frame_size(Some(longest));
        let part = parts.read_buf.to_vec();
        // HTTP's buffer would last as long as the socket
        drop(parts.read_buf);
        let tcp = parts.io.into_inner();
        let wire = WebSocketStream::from_partially_read(tcp, part, Role::Server, Some(config)).await;
        let (feed, input) = source_pair(limits::MAX_MESSAGES);
        let (out, chunks) = sink_pair(limits::MAX_MESSAGES);
        let served = routes.websocket(&offer, call, input, out);
        carry(wire, Ends { feed, chunks, served }, stop).await;
        drop((place, connection));
    });
    Ok(http::switching(&key))
}

/// What the plugin holds of a socket.
struct Ends {
    feed: Feed,
    chunks: Chunks,
    served: BoxFuture<'static, Result<()>>,
}

type Reader = stream::SplitStream<WebSocketStream<TcpStream>>;
type Writer = stream::SplitSink<WebSocketStream<TcpStream>, Message>;

/// Who ended it, and how.
#[derive(Debug, PartialEq)]
enum End {
    /// The client: the plugin is told.
    Theirs(WsClose),
    /// The plugin or the gateway: the client is told.
    Ours(u16, String),
    /// The plugin has dropped its half, and its verdict is to come.
    Dropped,
}

/// A socket from its upgrade to its last byte.
async fn carry(wire: WebSocketStream<TcpStream>, ends: Ends, mut stop: watch::Receiver<bool>) {
    let Ends {
        mut feed,
        mut chunks,
        mut served,
    } = ends;
    let (mut writer, mut reader) = wire.split();
    let alive = AtomicBool::new(true);
    let mut verdict = None;
    let mut end = {
        let mut incoming = pin!(incoming(&mut reader, &mut feed, &alive));
        let mut outgoing = pin!(outgoing(&mut writer, &mut chunks, &alive));
        loop {
            tokio::select! {
                biased;
                outcome = &mut served, if verdict.is_none() => verdict = Some(outcome),
                end = &mut outgoing => break end,
                end = &mut incoming => break end,
                () = time::sleep(limits::SOCKET_ENDS), if verdict.is_some() => break End::Dropped,
                // the guard that it returns must not live across an await
                () = async { drop(stop.wait_for(|stop| *stop).await) } => {
                    break End::Ours(hub::RESTART.0, hub::RESTART.1.to_owned());
                }
            }
        }
    };
    if end == End::Dropped {
        if verdict.is_none() {
            verdict = time::timeout(limits::SOCKET_VERDICT, &mut served).await.ok();
        }
        end = of_verdict(verdict.as_ref());
    }
    match end {
        End::Theirs(close) => {
            tell(&mut feed, close).await;
            let _ = time::timeout(limits::SOCKET_ENDS, writer.close()).await;
        }
        End::Ours(code, reason) => {
            if verdict.is_none() {
                tell(
                    &mut feed,
                    WsClose {
                        code,
                        reason: reason.clone(),
                    },
                )
                .await;
            }
            let _ = time::timeout(limits::SOCKET_ENDS, part(&mut writer, &mut reader, code, reason)).await;
        }
        End::Dropped => {}
    }
    drop((feed, chunks));
    if verdict.is_none() {
        // what it does not end by itself is cancelled
        let _ = time::timeout(limits::SOCKET_ENDS, served).await;
    }
}

/// From the client to the plugin. What the plugin does not take yet stays in the socket.
async fn incoming(reader: &mut Reader, feed: &mut Feed, alive: &AtomicBool) -> End {
    while let Some(message) = reader.next().await {
        alive.store(true, Ordering::Relaxed);
        let message = match message {
            Ok(Message::Text(text)) => WsMessage::Text(text.as_str().to_owned()),
            Ok(Message::Binary(bytes)) => WsMessage::Binary(bytes.into()),
            Ok(Message::Close(frame)) => return End::Theirs(close_of(frame)),
            Ok(_) => continue,
            Err(error) => return end_of(&error),
        };
        if !feed.send(Ok(message.encode())).await {
            // it reads no more, but may still write
            return drain(reader).await;
        }
    }
    End::Theirs(broken())
}

/// Reads on for the sake of pings and the end; what comes is nobody's.
async fn drain(reader: &mut Reader) -> End {
    while let Some(message) = reader.next().await {
        match message {
            Ok(Message::Close(frame)) => return End::Theirs(close_of(frame)),
            Ok(_) => {}
            Err(error) => return end_of(&error),
        }
    }
    End::Theirs(broken())
}

/// From the plugin to the client, and a ping where there is nothing to say.
async fn outgoing(writer: &mut Writer, chunks: &mut Chunks, alive: &AtomicBool) -> End {
    loop {
        let message = match time::timeout(limits::SOCKET_PING, chunks.next()).await {
            Ok(None) => return End::Dropped,
            Ok(Some(chunk)) => match WsMessage::decode(&chunk) {
                Ok(WsMessage::Text(text)) => Message::text(text),
                Ok(WsMessage::Binary(bytes)) => Message::binary(bytes),
                Ok(WsMessage::Close(close)) => return End::Ours(close.code, close.reason),
                Err(error) => {
                    tracing::warn!(target: "openclaw::routes", %error, "a plugin wrote no message");
                    return End::Ours(1011, String::new());
                }
            },
            Err(_) if !alive.swap(false, Ordering::Relaxed) => return End::Theirs(broken()),
            Err(_) => Message::Ping(Vec::new().into()),
        };
        match time::timeout(limits::CLIENT_STALLS, writer.send(message)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return end_of(&error),
            Err(_) => return End::Theirs(broken()),
        }
    }
}

/// Says why, and reads on until the client has seen it: a socket that is closed with unread bytes loses its last words.
async fn part(writer: &mut Writer, reader: &mut Reader, code: u16, reason: String) {
    let frame = CloseFrame {
        code: CloseCode::from(if sendable(code) { code } else { 1000 }),
        reason: truncated(reason).into(),
    };
    if writer.send(Message::Close(Some(frame))).await.is_ok() {
        while let Some(Ok(_)) = reader.next().await {}
    }
}

async fn tell(feed: &mut Feed, close: WsClose) {
    let told = feed.send(Ok(WsMessage::Close(close).encode()));
    let _ = time::timeout(limits::SOCKET_ENDS, told).await;
}

/// The plugin's own words are for the log.
fn of_verdict(verdict: Option<&Result<()>>) -> End {
    let Some(Err(error)) = verdict else {
        return End::Ours(1000, String::new());
    };
    tracing::warn!(target: "openclaw::routes", %error, "a plugin's WebSocket failed");
    match error.kind() {
        ErrorKind::Auth | ErrorKind::Refused | ErrorKind::Rejected | ErrorKind::InvalidInput => {
            End::Ours(1008, "refused".to_owned())
        }
        ErrorKind::Closed | ErrorKind::Overloaded | ErrorKind::Cancelled => {
            End::Ours(1013, "try again later".to_owned())
        }
        _ => End::Ours(1011, "internal error".to_owned()),
    }
}

fn end_of(error: &WireError) -> End {
    match error {
        WireError::Capacity(_) => End::Ours(1009, "too large".to_owned()),
        WireError::Protocol(ProtocolError::ResetWithoutClosingHandshake) => End::Theirs(broken()),
        WireError::Protocol(_) => End::Ours(1002, String::new()),
        WireError::Utf8(_) => End::Ours(1007, String::new()),
        _ => End::Theirs(broken()),
    }
}

fn close_of(frame: Option<CloseFrame>) -> WsClose {
    frame.map_or_else(
        || WsClose {
            code: 1005,
            reason: String::new(),
        },
        |frame| WsClose {
            code: frame.code.into(),
            reason: frame.reason.as_str().to_owned(),
        },
    )
}

fn broken() -> WsClose {
    WsClose {
        code: 1006,
        reason: String::new(),
    }
}

/// Codes that may stand in a frame (RFC 6455, 7.4).
fn sendable(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}

fn truncated(mut reason: String) -> String {
    reason.truncate(reason.floor_char_boundary(crate::gateway::limits::MAX_CLOSE_REASON));
    reason
}

fn longest(route: &Route) -> usize {
    let longest = route.max_body_bytes.min(limits::MAX_SOCKET_MESSAGE);
    usize::try_from(longest).unwrap_or(usize::MAX)
}

fn announces_a_body(parts: &Parts) -> bool {
    let length = parts.headers.get(header::CONTENT_LENGTH);
    length.is_some_and(|length| length != "0") || parts.headers.contains_key(header::TRANSFER_ENCODING)
}
