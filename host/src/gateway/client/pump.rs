//! The task that owns the client's socket: requests out, responses to whoever asked, events to whoever listens.
//!
//! Invariant: it waits for no caller, so a slow one holds up nobody.
use serde_json::{Value, json};
use std::{collections::HashMap, sync::Arc};
use tokio::sync::{broadcast, mpsc};

use super::{Error, Event};
use crate::{
    gateway::limits,
    http::websocket::{Message, Receiver, Sender},
};

/// A call to make.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) method: String,
    pub(super) params: Value,
    pub(super) reply: mpsc::Sender<Result<Value, Error>>,
}

/// Whoever waits for responses, by the request's id.
type Open = HashMap<String, mpsc::Sender<Result<Value, Error>>>;

/// Close code of a connection that just ended (RFC 6455 §7.1.5).
pub(super) const NO_CLOSE: u16 = 1006;

/// Runs until the gateway closes, or nobody can call any more.
pub(super) async fn run(
    url: Arc<str>,
    (mut sender, mut receiver): (Sender, Receiver),
    mut calls: mpsc::Receiver<Call>,
    events: broadcast::Sender<Event>,
) {
    let mut open = Open::new();
    let error = loop {
        tokio::select! {
            call = calls.recv() => {
                let Some(call) = call else { return };
                open.retain(|_, reply| !reply.is_closed());
                if open.len() >= limits::CLIENT_CALLS {
                    // dropping the reply ends the call
                    continue;
                }
                let request = json!({"type": "req", "id": call.id, "method": call.method, "params": call.params});
                open.insert(call.id, call.reply);
                if let Err(error) = sender.send(Message::Text(request.to_string())).await {
                    break Error::Closed { url: url.clone(), code: NO_CLOSE, reason: error.to_string() };
                }
            }
            frame = receive(&url, &mut receiver) => match frame {
                Ok(frame) => deliver(frame, &mut open, &events),
                Err(error) => break error,
            }
        }
    };
    for reply in open.into_values() {
        // whoever doesn't take it has gone
        let _ = reply.try_send(Err(error.clone()));
    }
}

/// The next frame. What is no JSON is skipped.
pub(super) async fn receive(url: &Arc<str>, receiver: &mut Receiver) -> Result<Value, Error> {
    let closed = |code, reason| Error::Closed {
        url: url.clone(),
        code,
        reason,
    };
    loop {
        let frame = match receiver.next().await {
            Some(Ok(Message::Text(text))) => serde_json::from_str(&text),
            Some(Ok(Message::Binary(bytes))) => serde_json::from_slice(&bytes),
            Some(Ok(Message::Close { code, reason })) => return Err(closed(code, reason)),
            Some(Err(error)) => return Err(closed(NO_CLOSE, error.to_string())),
            None => return Err(lost(url)),
        };
        if let Ok(frame) = frame {
            return Ok(frame);
        }
    }
}

/// The connection is gone and nobody said why.
pub(super) fn lost(url: &Arc<str>) -> Error {
    Error::Closed {
        url: url.clone(),
        code: NO_CLOSE,
        reason: "the connection ended".into(),
    }
}

fn deliver(mut frame: Value, open: &mut Open, events: &broadcast::Sender<Event>) {
    if let Some(name) = frame["event"].as_str() {
        let event = Event {
            name: name.to_owned(),
            seq: frame["seq"].as_u64(),
            payload: frame["payload"].take(),
        };
        // nobody listens: nobody misses it
        let _ = events.send(event);
        return;
    }
    let Some(reply) = frame["id"].as_str().and_then(|id| open.get(id)) else {
        return;
    };
    let response = if frame["ok"] == true {
        Ok(frame["payload"].take())
    } else {
        Err(failed(&mut frame))
    };
    // the one who asked has gone, or got the two responses that there can be
    let _ = reply.try_send(response);
}

fn failed(frame: &mut Value) -> Error {
    let error = &frame["error"];
    let text = |key: &str, default: &str| error[key].as_str().unwrap_or(default).to_owned();
    Error::Failed {
        code: text("code", "UNAVAILABLE"),
        message: text("message", "the gateway gave no reason"),
        retryable: error["retryable"] == true,
        details: frame["error"]["details"].take(),
        payload: frame["payload"].take(),
    }
}
