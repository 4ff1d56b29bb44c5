//! The other side of the WebSockets that a plugin opens or serves, held by the test.
use crate::{
    Error, Feed, Result, Sink, Source, WsHead, WsMessage, WsReceiver, WsRequest, WsSender,
    abi::{Chunks, sink_pair, source_pair},
};
use futures_channel::oneshot;
use std::fmt;

/// Messages that wait on either side before the writer has to.
const WINDOW: usize = 16;

/// A WebSocket that a plugin opened. Dropping it breaks the connection.
pub struct FakeSocket {
    /// What the plugin asked for.
    pub request: WsRequest,
    out: Sink,
    input: Source,
    /// Dropped with the socket, which ends the plugin's call.
    _open: oneshot::Sender<()>,
}

/// The client's end of a WebSocket on a route of the plugin. Dropping it breaks the connection.
#[derive(Debug)]
pub struct ServedSocket {
    feed: Feed,
    chunks: Chunks,
}

impl ServedSocket {
    /// The client's end and the plugin's, for tests of a part of a plugin.
    pub fn open() -> (Self, WsReceiver, WsSender) {
        let (socket, input, out) = Self::pair();
        (socket, WsReceiver::served(input), WsSender::served(out))
    }

    /// The client's end, and what the plugin's call is given.
    pub(super) fn pair() -> (Self, Source, Sink) {
        let (feed, input) = source_pair(WINDOW);
        let (out, chunks) = sink_pair(WINDOW);
        (Self { feed, chunks }, input, out)
    }

    /// Sends one message to the plugin. False: it has gone away.
    pub async fn send(&mut self, message: &WsMessage) -> bool {
        self.feed.send(Ok(message.encode())).await
    }

    /// The plugin's next message; `None` when it has closed.
    pub async fn next(&mut self) -> Option<WsMessage> {
        let chunk = self.chunks.next().await?;
        WsMessage::decode(&chunk).ok()
    }
}

impl FakeSocket {
    /// Answers the handshake. The receiver resolves when the test has dropped the socket.
    pub(super) async fn open(
        body: &[u8],
        out: Option<Sink>,
        input: Option<Source>,
    ) -> Result<(Self, oneshot::Receiver<()>)> {
        let (Some(mut out), Some(input)) = (out, input) else {
            return Err(Error::invalid("a WebSocket needs a stream each way"));
        };
        let request = serde_json::from_slice(body)?;
        out.send(&serde_json::to_vec(&WsHead::default())?).await;
        let (open, closed) = oneshot::channel();
        let socket = Self {
            request,
            out,
            input,
            _open: open,
        };
        Ok((socket, closed))
    }

    /// Sends one message to the plugin. False: it has gone away.
    pub async fn send(&mut self, message: &WsMessage) -> bool {
        self.out.send(&message.encode()).await
    }

    /// The plugin's next message; `None` when it has gone away.
    pub async fn next(&mut self) -> Option<WsMessage> {
        let chunk = self.input.next().await?.ok()?;
        WsMessage::decode(&chunk).ok()
    }
}

impl fmt::Debug for FakeSocket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeSocket")
            .field("request", &self.request)
            .finish_non_exhaustive()
    }
}
