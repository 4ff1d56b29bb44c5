//! WebSocket, both as a client through the host and on routes that the plugin serves.
use super::streamed::Streamed;
use crate::{Error, ErrorKind, Feed, Host, Result, Sink, Source, abi::source_pair};
use serde::{Deserialize, Serialize};

/// Messages that wait to be sent before the writer has to.
const WINDOW: usize = 16;
const TEXT: u8 = b't';
const BINARY: u8 = b'b';
const CLOSE: u8 = b'c';

/// A WebSocket to open.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct WsRequest {
    /// `ws://` or `wss://`.
    pub url: String,
    /// In order.
    pub headers: Vec<(String, String)>,
    /// Subprotocols, best first.
    pub protocols: Vec<String>,
    /// The URL comes from a message, a model or a tool.
    pub untrusted: bool,
    /// Time to the end of the handshake, milliseconds. 15,000 by default.
    pub timeout_ms: u64,
    /// Longest message, bytes. 16 MiB by default, 32 MiB less 64 bytes at most.
    pub max_bytes: u64,
    /// Through this HTTP proxy; empty for the gateway's own setting.
    pub proxy: String,
}

/// What the other side answered to the handshake.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct WsHead {
    /// Subprotocol that it chose; empty if none.
    pub protocol: String,
    /// Its headers.
    pub headers: Vec<(String, String)>,
}

/// One message. Pings are answered by the host.
#[derive(Debug, Clone, PartialEq)]
pub enum WsMessage {
    /// Text.
    Text(String),
    /// Bytes.
    Binary(Vec<u8>),
    /// The end.
    Close(WsClose),
}

/// Why a WebSocket ends.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct WsClose {
    /// Close code; 1005 if there was none, 1006 if the connection just broke.
    pub code: u16,
    /// For people; may be empty.
    pub reason: String,
}

/// The writing half. Dropping it closes the connection.
#[derive(Debug)]
pub struct WsSender(Writer);

/// The reading half.
#[derive(Debug)]
pub struct WsReceiver(Reader);

#[derive(Debug)]
enum Writer {
    Client(Feed),
    Served(Sink),
}

#[derive(Debug)]
enum Reader {
    Client(Streamed),
    Served(Source),
}

impl Default for WsRequest {
    fn default() -> Self {
        Self {
            url: String::new(),
            headers: Vec::new(),
            protocols: Vec::new(),
            untrusted: false,
            timeout_ms: 15_000,
            max_bytes: 16 << 20,
            proxy: String::new(),
        }
    }
}

impl Host {
    /// Opens a WebSocket.
    pub async fn websocket(&self, request: &WsRequest) -> Result<(WsHead, WsSender, WsReceiver)> {
        let (feed, source) = source_pair(WINDOW);
        let body = serde_json::to_vec(request)?;
        let mut stream = Streamed::start(self, super::host_ids::WEBSOCKET, "", body, Some(source));
        let head = serde_json::from_slice(&stream.head("the WebSocket").await?)?;
        Ok((
            head,
            WsSender(Writer::Client(feed)),
            WsReceiver(Reader::Client(stream)),
        ))
    }
}

// === impl WsSender ===

impl WsSender {
    pub(crate) fn served(sink: Sink) -> Self {
        Self(Writer::Served(sink))
    }

    /// Sends one message, waiting for room.
    pub async fn send(&mut self, message: &WsMessage) -> Result<()> {
        let chunk = message.encode();
        let open = match &mut self.0 {
            Writer::Client(feed) => feed.send(Ok(chunk)).await,
            Writer::Served(sink) => sink.send(&chunk).await,
        };
        match open {
            true => Ok(()),
            false => Err(Error::new(ErrorKind::Closed, "the WebSocket is closed")),
        }
    }

    /// Sends text.
    pub async fn text(&mut self, text: impl Into<String>) -> Result<()> {
        self.send(&WsMessage::Text(text.into())).await
    }
}

// === impl WsReceiver ===

impl WsReceiver {
    pub(crate) fn served(source: Source) -> Self {
        Self(Reader::Served(source))
    }

    /// The next message. `None` after [`WsMessage::Close`], or when the connection ended without one.
    pub async fn next(&mut self) -> Result<Option<WsMessage>> {
        let chunk = match &mut self.0 {
            Reader::Client(stream) => stream.next().await?,
            Reader::Served(source) => match source.next().await {
                Some(Ok(chunk)) => Some(chunk),
                Some(Err(fault)) => return Err(Error::from_fault(&fault)),
                None => None,
            },
        };
        chunk.map(|chunk| WsMessage::decode(&chunk)).transpose()
    }
}

// === impl WsMessage ===

impl WsMessage {
    /// The message as one chunk of a stream: a tag, and text, bytes, or a [`WsClose`] as JSON.
    pub fn encode(&self) -> Vec<u8> {
        let tagged = |tag: u8, payload: &[u8]| [&[tag], payload].concat();
        match self {
            Self::Text(text) => tagged(TEXT, text.as_bytes()),
            Self::Binary(bytes) => tagged(BINARY, bytes),
            Self::Close(close) => tagged(CLOSE, &serde_json::to_vec(close).unwrap_or_default()),
        }
    }

    /// Reads one chunk of a stream.
    pub fn decode(chunk: &[u8]) -> Result<Self> {
        match chunk.split_first() {
            Some((&TEXT, payload)) => Ok(Self::Text(std::str::from_utf8(payload)?.to_owned())),
            Some((&BINARY, payload)) => Ok(Self::Binary(payload.to_vec())),
            Some((&CLOSE, payload)) => Ok(Self::Close(serde_json::from_slice(payload)?)),
            _ => Err(Error::new(
                ErrorKind::Internal,
                "a WebSocket message without a known tag",
            )),
        }
    }
}
