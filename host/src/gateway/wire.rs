//! One WebSocket on a TCP socket, without buffers of its own.
//!
//! The protocol's state machine reads from and writes to the non-blocking socket itself, so an idle client costs one small
//! read buffer, and the size limit can be raised once the client has authenticated.
//!
//! Invariant: every wait ends when the socket does something, the outbox changes, or the caller stops waiting; nothing is
//! lost if it stops.
use bytes::Bytes;
use std::io::{self, Read, Write};
use tokio::{
    io::{AsyncWriteExt, Interest},
    net::TcpStream,
    time,
};
use tokio_tungstenite::tungstenite::{
    Error, Message, WebSocket,
    protocol::{CloseFrame, Role, WebSocketConfig},
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

/// `Read` and `Write` that say "would block" instead of waiting.
struct NonBlocking(TcpStream);

// === impl Wire ===

impl Wire {
    /// A socket after the handshake of HTTP; `part`: what the client has sent since.
    pub(crate) fn new(tcp: TcpStream, part: &[u8]) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(limits::READ_BUFFER)
            .write_buffer_size(0)
            .max_message_size(Some(limits::MAX_MESSAGE_BEFORE_AUTH))
            .max_frame_size(Some(limits::MAX_MESSAGE_BEFORE_AUTH));
        let socket =
            WebSocket::from_partially_read(NonBlocking(tcp), part.to_vec(), Role::Server, Some(config));
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
            self.send_waiting(outbox)?;
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
                ready = self.socket.get_ref().0.ready(interest) => drop(ready.map_err(|_| End::Theirs)?),
                () = outbox.changed(), if !self.unsent => {}
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

    fn send_waiting(&mut self, outbox: &Outbox) -> Result<(), End> {
        loop {
            if self.unsent {
                match self.socket.flush() {
                    Ok(()) => self.unsent = false,
                    Err(error) if would_block(&error) => return Ok(()),
                    Err(error) => return Err(end_of(&error)),
                }
            }
            match outbox.next() {
                Next::Send(frame) => {
                    self.unsent = true;
                    match self.socket.write(Message::text(frame)) {
                        Ok(()) => {}
                        Err(error) if would_block(&error) => {}
                        Err(error) => return Err(end_of(&error)),
                    }
                }
                Next::Close(close) => return Err(End::Ours(close)),
                Next::Wait => return Ok(()),
            }
        }
    }

    /// A socket that is closed with unread bytes is reset, and the close frame lost: so read on, and throw away.
    async fn linger(&mut self) -> io::Result<()> {
        loop {
            match self.socket.flush() {
                Err(error) if would_block(&error) => self.socket.get_ref().0.writable().await?,
                _ => break,
            }
        }
        let tcp = &mut self.socket.get_mut().0;
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

impl Read for NonBlocking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.try_read(buffer)
    }
}

impl Write for NonBlocking {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.try_write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
