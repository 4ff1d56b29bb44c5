//! `ws.connect`: a WebSocket through the one outbound client. Both directions end together.
use super::{
    Context, Request,
    http::{error, origin, proxy},
};
use crate::http::websocket::{Connect, Message, Receiver, Sender};
use openclaw_plugin_api::{Error, Result, Sink, Source, WsClose, WsHead, WsMessage, WsRequest};
use std::time::Duration;

/// How long the other side may take to answer a close.
const CLOSING: Duration = Duration::from_secs(5);
/// Longest message that a plugin may ask for, bytes: it is whole in the gateway's memory, and with its tag in one frame of a
/// plugin's process.
const MAX_MESSAGE: usize = (32 << 20) - 64;

pub(super) async fn connect(context: &Context, mut request: Request) -> Result<Vec<u8>> {
    let ws: WsRequest = request.record()?;
    let mut out = request.take_out()?;
    let input = request
        .input
        .take()
        .ok_or_else(|| Error::invalid("a WebSocket needs a stream of messages"))?;
    let mut connect = Connect::new(ws.url, origin(ws.untrusted));
    connect.headers = ws
        .headers
        .into_iter()
        .map(|(name, value)| (name, value.into_bytes()))
        .collect();
    connect.protocols = ws.protocols;
    connect.deadline = Duration::from_millis(ws.timeout_ms);
    connect.max_message_bytes = longest(ws.max_bytes);
    connect.proxy = proxy(&ws.proxy)?;
    let (head, sender, receiver) = context
        .services()
        .http
        .websocket(context.egress(), connect)
        .await
        .map_err(error)?;
    let head = WsHead {
        protocol: head.protocol.unwrap_or_default(),
        headers: head
            .headers
            .iter()
            .map(|(name, value)| {
                (
                    name.as_str().to_owned(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect(),
    };
    if out.send(&serde_json::to_vec(&head)?).await {
        pump(sender, receiver, out, input).await?;
    }
    Ok(Vec::new())
}

/// Carries messages both ways until the other side is done, or the plugin is and the other side has had its time.
async fn pump(mut sender: Sender, mut receiver: Receiver, mut out: Sink, mut input: Source) -> Result<()> {
    let incoming = async {
        while let Some(message) = receiver.next().await {
            if !out.send(&from_wire(message.map_err(error)?).encode()).await {
                break;
            }
        }
        Ok::<(), Error>(())
    };
    let outgoing = async {
        while let Some(Ok(chunk)) = input.next().await {
            let message = to_wire(WsMessage::decode(&chunk)?);
            let closing = matches!(message, Message::Close { .. });
            sender.send(message).await.map_err(error)?;
            if closing {
                return Ok::<(), Error>(());
            }
        }
        // The plugin dropped its half.
        let close = Message::Close {
            code: 1000,
            reason: String::new(),
        };
        let _ = sender.send(close).await;
        Ok(())
    };
    tokio::pin!(incoming, outgoing);
    tokio::select! {
        outcome = &mut incoming => outcome,
        outcome = &mut outgoing => {
            outcome?;
            tokio::time::timeout(CLOSING, incoming).await.unwrap_or(Ok(()))
        }
    }
}

/// What a plugin asks for, as far as it is given.
fn longest(asked: u64) -> usize {
    usize::try_from(asked).unwrap_or(MAX_MESSAGE).min(MAX_MESSAGE)
}

fn from_wire(message: Message) -> WsMessage {
    match message {
        Message::Text(text) => WsMessage::Text(text),
        Message::Binary(bytes) => WsMessage::Binary(bytes.into()),
        Message::Close { code, reason } => WsMessage::Close(WsClose { code, reason }),
    }
}

fn to_wire(message: WsMessage) -> Message {
    match message {
        WsMessage::Text(text) => Message::Text(text),
        WsMessage::Binary(bytes) => Message::Binary(bytes.into()),
        WsMessage::Close(close) => Message::Close {
            code: close.code,
            reason: close.reason,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plugin_that_asks_for_messages_without_end_gets_some_with_one() {
        assert_eq!([longest(7), longest(u64::MAX)], [7, MAX_MESSAGE]);
        assert_eq!(longest(WsRequest::default().max_bytes), 16 << 20);
    }
}
