//! The fake's port. Polls are held here, and here connections break.
use super::{
    Fault, Telegram,
    answer::{Reply, refuse},
};
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
    serve::ListenerExt,
};
use futures_util::{StreamExt, stream};
use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};
use tokio::{net::TcpListener, task::JoinHandle};

/// Largest request, bytes.
const MAX_BODY: usize = 64 << 20;

pub(super) async fn serve(fake: Telegram) -> io::Result<(SocketAddr, JoinHandle<()>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let listener = listener.tap_io(|stream| {
        // Without it every short answer waits for the acknowledgement of the one before.
        let _ = stream.set_nodelay(true);
    });
    let router = Router::new()
        .fallback(answer)
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(fake);
    let task = tokio::spawn(async move {
        let _ = axum::serve(listener, router).await;
    });
    Ok((address, task))
}

async fn answer(State(fake): State<Telegram>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    if let Some(reply) = fake.download(uri.path()) {
        return send(reply);
    }
    let kind = headers
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    let (method, call) = match fake.open(uri.path(), kind, &body) {
        Ok(opened) => opened,
        Err(refusal) => return send(refuse(refusal)),
    };
    let fault = fake.next_fault(&method);
    if let Some(Fault::Delay(time)) = &fault {
        tokio::time::sleep(*time).await;
    }
    if method == "getUpdates" && fault.is_none() {
        let hold = Duration::from_secs(call.body["timeout"].as_u64().unwrap_or_default());
        return send(hold_poll(&fake, &call, hold).await);
    }
    let is_half_open = matches!(fault, Some(Fault::HalfOpen));
    let reply = fake.settle(&call, fault);
    if is_half_open {
        std::future::pending::<()>().await;
    }
    send(reply)
}

/// Waits for updates. Of two polls the earlier one loses.
async fn hold_poll(fake: &Telegram, call: &super::Call, hold: Duration) -> Reply {
    let number = {
        let mut state = fake.state();
        state.poll += 1;
        state.poll
    };
    fake.shared.updates.notify_waiters();
    let deadline = tokio::time::Instant::now() + hold;
    loop {
        let mut changed = std::pin::pin!(fake.shared.updates.notified());
        changed.as_mut().enable();
        if fake.state().poll != number {
            let words = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
            return refuse((409, words.to_owned(), None));
        }
        let reply = fake.settle(call, None);
        let is_empty = reply.body == br#"{"ok":true,"result":[]}"#;
        if !is_empty || tokio::time::timeout_at(deadline, changed).await.is_err() {
            return reply;
        }
    }
}

fn send(reply: Reply) -> Response {
    let status = StatusCode::from_u16(reply.status).expect("a script names statuses that exist");
    let body = if reply.cut {
        let half = Bytes::from(reply.body[..reply.body.len() / 2].to_vec());
        let cut = async {
            // The half is on the wire before the connection breaks.
            tokio::task::yield_now().await;
            Err(io::Error::other("cut by the script"))
        };
        Body::from_stream(stream::once(async { Ok(half) }).chain(stream::once(cut)))
    } else {
        Body::from(reply.body)
    };
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}
