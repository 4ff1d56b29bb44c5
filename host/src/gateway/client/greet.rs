//! From the address to an authenticated connection.
use serde_json::{Map, Value, json};
use std::{sync::Arc, time::Duration};

use super::{ClientInfo, Error, Login, pump};
use crate::{
    gateway::{connect, limits, random},
    http::{
        self, Egress, Origin,
        websocket::{Connect, Message, Receiver, Sender},
    },
};

pub(super) async fn open(url: &Arc<str>, deadline: Duration) -> Result<(Sender, Receiver), Error> {
    let wrong = |error: &http::Error| Error::NotAGateway {
        url: url.clone(),
        reason: error.to_string(),
    };
    let client = http::Client::new(http::Options::default()).map_err(|error| wrong(&error))?;
    let egress = Egress::new("cli", ["*"], true).expect("the pattern is a pattern");
    let mut connect = Connect::new(url.as_ref(), Origin::Trusted);
    connect.deadline = deadline;
    connect.max_message_bytes = limits::MAX_MESSAGE;
    match client.websocket(&Arc::new(egress), connect).await {
        Ok((_, sender, receiver)) => Ok((sender, receiver)),
        Err(http::Error::Connect { reason, .. } | http::Error::Dns { reason, .. }) => {
            Err(Error::NotRunning {
                url: url.clone(),
                reason,
            })
        }
        Err(http::Error::Timeout { .. }) => Err(Error::TimedOut {
            url: url.clone(),
            what: "connect".into(),
        }),
        Err(error) => Err(wrong(&error)),
    }
}

pub(super) async fn challenge(url: &Arc<str>, receiver: &mut Receiver) -> Result<Value, Error> {
    let mut frame = pump::receive(url, receiver).await?;
    if frame["event"] == "connect.challenge" {
        return Ok(frame["payload"].take());
    }
    Err(Error::NotAGateway {
        url: url.clone(),
        reason: "it sent no challenge".into(),
    })
}

pub(super) async fn introduce(
    url: &Arc<str>,
    (sender, receiver): (&mut Sender, &mut Receiver),
    params: Map<String, Value>,
) -> Result<Value, Error> {
    let id = random::uuid();
    let request = json!({"type": "req", "id": id, "method": "connect", "params": params}).to_string();
    if let Err(error) = sender.send(Message::Text(request)).await {
        return Err(Error::Closed {
            url: url.clone(),
            code: pump::NO_CLOSE,
            reason: error.to_string(),
        });
    }
    loop {
        let mut frame = pump::receive(url, receiver).await?;
        if frame["id"] != id.as_str() {
            continue;
        }
        if frame["ok"] == true {
            return Ok(frame["payload"].take());
        }
        let message = frame["error"]["message"]
            .as_str()
            .unwrap_or("no reason given")
            .to_owned();
        let details = frame["error"]["details"].take();
        if let Some(request) = details["requestId"].as_str() {
            return Err(Error::NotPaired {
                url: url.clone(),
                request: request.to_owned(),
            });
        }
        return Err(Error::Refused {
            url: url.clone(),
            message,
            details,
        });
    }
}

/// The parameters of `connect`.
pub(super) fn introduction(login: &Login, info: &ClientInfo, challenge: &Value) -> Map<String, Value> {
    let mut params = Map::new();
    params.insert("minProtocol".into(), json!(connect::PROTOCOL));
    params.insert("maxProtocol".into(), json!(connect::PROTOCOL));
    let client = json!({
        "id": info.id,
        "mode": info.mode,
        "version": info.version,
        "platform": std::env::consts::OS,
        "instanceId": random::uuid(),
    });
    params.insert("client".into(), client);
    params.insert("caps".into(), json!([]));
    params.insert("role".into(), json!("operator"));
    let scopes: Vec<&str> = info.scopes.iter().map(|scope| scope.name()).collect();
    params.insert("scopes".into(), json!(scopes));
    let auth = match (&login.token, &login.password) {
        (Some(token), _) => Some(json!({"token": token.expose()})),
        (None, Some(password)) => Some(json!({"password": password.expose()})),
        (None, None) => None,
    };
    params.extend(auth.map(|auth| ("auth".to_owned(), auth)));
    if let (Some(device), Some(nonce), Some(at_ms)) = (
        &login.device,
        challenge["nonce"].as_str(),
        challenge["ts"].as_i64(),
    ) {
        device.sign(&mut params, nonce, at_ms);
    }
    params
}
