//! One WebSocket to the gateway: frames in, texts out.
use super::{
    frame::Frame,
    inflate::{Inflate, MAX_MESSAGE},
};
use crate::account::Connection;
use openclaw_plugin_api::{Error, ErrorKind, Result, WsClose, WsMessage, WsReceiver, WsRequest, WsSender};
use std::time::Duration;

/// How long a connection may take.
const CONNECT: Duration = Duration::from_secs(20);
/// How long a message may take to be on its way. Beyond that the connection is dead.
const SEND: Duration = Duration::from_secs(10);
/// How long a polite end may take.
const CLOSE: Duration = Duration::from_secs(2);
/// Longest message that is sent, bytes. Discord's own limit.
const MAX_SENT: usize = 4096;
/// What a connection is left with whose session goes on. Discord ends sessions on 1000 and 1001.
pub(crate) const KEEP: u16 = 4900;

/// An open connection.
#[derive(Debug)]
pub(crate) struct Socket {
    sender: WsSender,
    receiver: WsReceiver,
    inflate: Inflate,
    host: openclaw_plugin_api::Host,
}

/// What came in.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A message.
    Frame(Frame),
    /// The end; 1006 if the connection just broke.
    Closed(WsClose),
}

impl Socket {
    /// Opens a connection.
    pub(crate) async fn open(connection: &Connection, url: &str) -> Result<Self> {
        let request = WsRequest {
            url: address(url),
            timeout_ms: u64::try_from(CONNECT.as_millis()).unwrap_or(u64::MAX),
            max_bytes: MAX_MESSAGE as u64,
            proxy: connection.config.proxy.clone().unwrap_or_default(),
            ..WsRequest::default()
        };
        let host = connection.host().clone();
        // The host has the same deadline for the handshake; this one is for all that is around it.
        let (_, sender, receiver) = host.timeout(CONNECT, host.websocket(&request)).await??;
        Ok(Self {
            sender,
            receiver,
            inflate: Inflate::new(),
            host,
        })
    }

    /// What comes next. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Incoming {
        loop {
            let message = match self.receiver.next().await {
                Ok(Some(message)) => message,
                Ok(None) => return broken("it ended"),
                Err(error) => return broken(error.message()),
            };
            let frame = match message {
                WsMessage::Close(close) => return Incoming::Closed(close),
                WsMessage::Text(text) => read(text.as_bytes()),
                WsMessage::Binary(bytes) => match self.inflate.push(&bytes) {
                    Ok(None) => continue,
                    Ok(Some(text)) => read(&text),
                    Err(error) => return broken(&error.to_string()),
                },
            };
            match frame {
                Some(frame) => return Incoming::Frame(frame),
                // Its number is lost with it, so the session would have a gap: the next connection gets it again.
                None => return broken("a message is not JSON"),
            }
        }
    }

    /// Sends a message.
    pub(crate) async fn send(&mut self, text: String) -> Result<()> {
        if text.len() > MAX_SENT {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format_args!("a message to the gateway is longer than {MAX_SENT} bytes"),
            ));
        }
        self.host.timeout(SEND, self.sender.text(text)).await?
    }

    /// Ends the connection.
    pub(crate) async fn close(mut self, code: u16) {
        let close = WsMessage::Close(WsClose {
            code,
            reason: String::new(),
        });
        let host = self.host.clone();
        let work = async {
            let _ = self.sender.send(&close).await;
            while let Ok(Some(message)) = self.receiver.next().await {
                if matches!(message, WsMessage::Close(_)) {
                    return;
                }
            }
        };
        // Nothing depends on the other side's answer.
        let _ = host.timeout(CLOSE, work).await;
    }
}

/// Where, in which version and how.
fn address(url: &str) -> String {
    let url = url.trim();
    if url.contains('?') {
        return format!("{url}&v=10&encoding=json&compress=zlib-stream");
    }
    // Without a path there is a slash before the query.
    let has_path = url.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    let slash = if has_path { "" } else { "/" };
    format!("{url}{slash}?v=10&encoding=json&compress=zlib-stream")
}

fn read(bytes: &[u8]) -> Option<Frame> {
    serde_json::from_slice(bytes).ok()
}

fn broken(reason: &str) -> Incoming {
    Incoming::Closed(WsClose {
        code: 1006,
        reason: reason.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_says_version_encoding_and_compression() {
        for (url, expected) in [
            ("wss://gateway.discord.gg", "wss://gateway.discord.gg/?"),
            ("ws://127.0.0.1:1/", "ws://127.0.0.1:1/?"),
            ("ws://127.0.0.1:1/gateway", "ws://127.0.0.1:1/gateway?"),
            ("ws://127.0.0.1:1/?a=b", "ws://127.0.0.1:1/?a=b&"),
        ] {
            assert_eq!(
                address(url),
                format!("{expected}v=10&encoding=json&compress=zlib-stream")
            );
        }
    }
}
