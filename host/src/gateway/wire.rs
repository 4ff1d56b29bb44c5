//! One WebSocket on a TCP socket, without buffers of its own.
//!
//! The protocol's state machine reads from and writes to the non-blocking socket itself, so an idle client costs one small
//! read buffer, and the size limit can be raised once the client has authenticated. Messages of ours go past its write
//! buffer, which never shrinks: it would keep the room of the largest one for the client's life.
//!
//! Invariant: every wait ends when the socket does something, the outbox changes, or the caller stops waiting; nothing is
//! lost if it stops.
use bytes::Bytes;
use std::io::{self, Read, Write};
use tokio::{
    io::{AsyncWriteExt, Interest},
    net::TcpStream,
    time::{self, Instant},
};
use tokio_tungstenite::tungstenite::{
    Error, Message, WebSocket,
    protocol::{
        CloseFrame, Role, WebSocketConfig,
        frame::{
            FrameHeader,
            coding::{Data, OpCode},
        },
    },
};

use super::{
    limits,
    outbox::{Close, Next, Outbox},
};

/// A WebSocket, the server's side.
pub(crate) struct Wire {
    socket: WebSocket<NonBlocking>,
    unsent: bool,
}

/// What came.
#[derive(Debug)]
pub(crate) enum Incoming {
    /// A message; text and bytes are the same to us.
    Message(Bytes),
    /// A sign of life.
    Alive,
}

/// How it ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// We close it.
    Ours(Close),
    /// The client closed it, or it broke.
    Theirs,
}

/// `Read` and `Write` that say "would block" instead of waiting. What the protocol writes of itself, a pong for one, goes
/// out behind a message that was begun.
struct NonBlocking {
    tcp: TcpStream,
    /// The message on its way, and how much of it is sent.
    begun: (Vec<u8>, usize),
}

// === impl Wire ===

impl Wire {
    /// A socket after the handshake of HTTP; `part`: what the client has sent since.
    pub(crate) fn new(tcp: TcpStream, part: &[u8]) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(limits::READ_BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(limits::MAX_MESSAGE_BEFORE_AUTH))
            .max_frame_size(Some(limits::MAX_MESSAGE_BEFORE_AUTH));
        let stream = NonBlocking {
            tcp,
            begun: Default::default(),
        };
        let socket = WebSocket::from_partially_read(stream, part.to_vec(), Role::Server, Some(config));
        Self {
            socket,
            unsent: false,
        }
    }

    /// Permits messages of the full size from now on.
    pub(crate) fn admit_large_messages(&mut self) {
        self.socket.set_config(|config| {
            config.max_message_size = Some(limits::MAX_MESSAGE);
            config.max_frame_size = Some(limits::MAX_MESSAGE);
        });
    }

    /// Sends what the outbox holds until something comes.
    pub(crate) async fn next(&mut self, outbox: &Outbox) -> Result<Incoming, End> {
        loop {
            let pause = self.send_waiting(outbox)?;
            match self.socket.read() {
                Ok(Message::Text(text)) => return Ok(Incoming::Message(text.into())),
                Ok(Message::Binary(bytes)) => return Ok(Incoming::Message(bytes)),
                Ok(Message::Close(_)) => {
                    let _ = self.socket.flush();
                    return Err(End::Theirs);
                }
                Ok(_) => {
                    self.unsent = true;
                    return Ok(Incoming::Alive);
                }
                Err(error) if would_block(&error) => {}
                Err(error) => return Err(end_of(&error)),
            }
            let interest = if self.unsent {
                Interest::READABLE | Interest::WRITABLE
            } else {
                Interest::READABLE
            };
            tokio::select! {
                ready = self.socket.get_ref().tcp.ready(interest) => drop(ready.map_err(|_| End::Theirs)?),
                () = outbox.changed(), if !self.unsent && pause.is_none() => {}
                () = over(pause) => {}
            }
        }
    }

    /// Asks for a sign of life.
    pub(crate) fn ping(&mut self) {
        self.unsent = true;
        // what can't be written now is kept, what fails is seen by the next read
        let _ = self.socket.write(Message::Ping(Bytes::new()));
    }

    /// Closes with a code and waits, briefly, until the client has seen it.
    pub(crate) async fn close(mut self, close: Close) {
        let reason = truncated(close.reason);
        let frame = CloseFrame {
            code: close.code.into(),
            reason: reason.into(),
        };
        let _ = self.socket.close(Some(frame));
        let _ = time::timeout(limits::CLOSE_DEADLINE, self.linger()).await;
    }

    /// Gives until when nothing more may be sent, if there is such a time.
    fn send_waiting(&mut self, outbox: &Outbox) -> Result<Option<Instant>, End> {
        loop {
            if self.unsent {
                match self.socket.flush() {
                    Ok(()) => self.unsent = false,
                    Err(error) if would_block(&error) => return Ok(None),
                    Err(error) => return Err(end_of(&error)),
                }
            }
            match outbox.next() {
                Next::Send(message) => {
                    self.unsent = true;
                    self.socket.get_mut().begin(&message);
                }
                Next::Close(close) => return Err(End::Ours(close)),
                Next::Pause(until) => return Ok(Some(until)),
                Next::Wait => return Ok(None),
            }
        }
    }

    /// A socket that is closed with unread bytes is reset, and the close frame lost: so read on, and throw away.
    async fn linger(&mut self) -> io::Result<()> {
        loop {
            match self.socket.flush() {
                Err(error) if would_block(&error) => self.socket.get_ref().tcp.writable().await?,
                _ => break,
            }
        }
        let tcp = &mut self.socket.get_mut().tcp;
        tcp.shutdown().await?;
        let mut left = limits::MAX_LINGER;
        while left > 0 {
            tcp.readable().await?;
            match discard(tcp) {
                Ok(0) => break,
                Ok(read) => left = left.saturating_sub(read),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }
}

/// Returns when a pause is over; never if there is none.
async fn over(pause: Option<Instant>) {
    match pause {
        Some(until) => time::sleep_until(until).await,
        None => std::future::pending().await,
    }
}

/// Apart from `linger`, so that its buffer is no part of every client's state.
fn discard(tcp: &TcpStream) -> io::Result<usize> {
    tcp.try_read(&mut [0; 16 * 1024])
}

fn would_block(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == io::ErrorKind::WouldBlock)
}

fn end_of(error: &Error) -> End {
    match error {
        Error::Capacity(_) => End::Ours(Close {
            code: 1009,
            reason: String::new(),
        }),
        Error::Protocol(_) => End::Ours(Close {
            code: 1002,
            reason: String::new(),
        }),
        Error::Utf8(_) => End::Ours(Close {
            code: 1007,
            reason: String::new(),
        }),
        _ => End::Theirs,
    }
}

fn truncated(mut reason: String) -> String {
    reason.truncate(reason.floor_char_boundary(limits::MAX_CLOSE_REASON));
    reason
}

// === impl NonBlocking ===

impl NonBlocking {
    /// Puts a text message on its way; the one before has to be gone, and what the protocol has to say, too.
    fn begin(&mut self, message: &str) {
        let header = FrameHeader {
            opcode: OpCode::Data(Data::Text),
            ..FrameHeader::default()
        };
        let mut frame = Vec::with_capacity(limits::FRAME_HEAD + message.len());
        header
            .format(message.len() as u64, &mut frame)
            .expect("a vector takes whatever is written");
        frame.extend_from_slice(message.as_bytes());
        self.begun = (frame, 0);
    }

    fn send_begun(&mut self) -> io::Result<()> {
        let (frame, sent) = &mut self.begun;
        while *sent < frame.len() {
            match self.tcp.try_write(&frame[*sent..])? {
                0 => return Err(io::ErrorKind::WriteZero.into()),
                written => *sent += written,
            }
        }
        self.begun = Default::default();
        Ok(())
    }
}

impl Read for NonBlocking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.tcp.try_read(buffer)
    }
}

impl Write for NonBlocking {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.send_begun()?;
        self.tcp.try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.send_begun()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{SinkExt, StreamExt};
    use tokio::net::TcpListener;
    use tokio_tungstenite::WebSocketStream;

    /// More than both ends' kernels take in.
    const LONG: usize = 8 * 1024 * 1024;

    #[tokio::test]
    async fn pongs_never_get_between_the_parts_of_a_long_message() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let tcp = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let mut wire = Wire::new(listener.accept().await.unwrap().0, &[]);
        let config = WebSocketConfig::default().max_frame_size(Some(LONG));
        let mut client = WebSocketStream::from_raw_socket(tcp, Role::Client, Some(config)).await;
        let outbox = Outbox::default();
        let long = ["a", "b"].map(|letter| letter.repeat(LONG));
        long.clone().into_iter().for_each(|message| outbox.send(message));
        client.send(Message::Ping("1".into())).await.unwrap();
        assert!(
            matches!(wire.next(&outbox).await, Ok(Incoming::Alive)),
            "the ping"
        );
        wire.ping();
        outbox.close(1000, "");
        let closing = async {
            let Err(End::Ours(close)) = wire.next(&outbox).await else {
                panic!("nothing but the close is left")
            };
            wire.close(close).await;
        };
        let reading = async {
            let mut came = Vec::new();
            while let Some(Ok(message)) = client.next().await {
                came.push(message);
            }
            came
        };
        let ((), came) = tokio::join!(closing, reading);
        let texts: Vec<_> = came.iter().filter_map(|message| message.to_text().ok()).collect();
        let long_ones: Vec<_> = texts.iter().filter(|text| text.len() == LONG).collect();
        assert_eq!(long_ones, [&long[0], &long[1]], "both came whole, in their order");
        let has = |wanted: fn(&Message) -> bool| came.iter().any(wanted);
        assert!(
            has(Message::is_pong) && has(Message::is_ping) && has(Message::is_close),
            "and the rest"
        );
    }
}
