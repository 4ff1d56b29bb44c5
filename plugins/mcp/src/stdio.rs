//! The protocol over pipes, with bounds on what a server may send without being asked.
//!
//! Invariant: a line has at most `MAX_LINE` bytes, and of messages that answer nothing only so many come through in a
//! second; a server that sends more is closed. What nobody here listens to is dropped where it arrives.
use rmcp::{
    RoleClient,
    model::{JsonRpcMessage, ServerNotification},
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::{Transport, async_rw::AsyncRwTransport},
};
use std::time::{Duration, Instant};
use tokio::process::{ChildStdin, ChildStdout};

/// Bytes of one message. More are dropped, and whoever waits for it runs into the deadline.
pub const MAX_LINE: usize = 8 << 20;
/// Messages in a second that answer nothing.
const MAX_UNASKED: u32 = 500;

/// The pipes of a server.
pub struct Pipes {
    inner: AsyncRwTransport<RoleClient, ChildStdout, ChildStdin>,
    unasked: Rate,
}

/// Counts within the current second.
#[derive(Debug)]
pub struct Rate {
    since: Instant,
    count: u32,
}

// === impl Pipes ===

impl Pipes {
    /// Over these.
    pub fn new(stdout: ChildStdout, stdin: ChildStdin) -> Self {
        Self {
            inner: AsyncRwTransport::new_client(stdout, stdin).with_max_line_length(MAX_LINE),
            unasked: Rate::new(Instant::now()),
        }
    }
}

impl Transport<RoleClient> for Pipes {
    type Error = std::io::Error;

    fn send(
        &mut self,
        item: TxJsonRpcMessage<RoleClient>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        self.inner.send(item)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleClient>> {
        loop {
            let message = self.inner.receive().await?;
            let wanted = match &message {
                JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => return Some(message),
                JsonRpcMessage::Notification(told) => matches!(
                    told.notification,
                    ServerNotification::ToolListChangedNotification(_)
                        | ServerNotification::CancelledNotification(_)
                ),
                JsonRpcMessage::Request(_) => true,
            };
            if !self.unasked.admit(Instant::now()) {
                tracing::warn!(
                    limit = MAX_UNASKED,
                    "a server sends more than anybody asked for; it is closed"
                );
                return None;
            }
            if wanted {
                return Some(message);
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.inner.close().await
    }
}

// === impl Rate ===

impl Rate {
    fn new(now: Instant) -> Self {
        Self { since: now, count: 0 }
    }

    fn admit(&mut self, now: Instant) -> bool {
        if now.duration_since(self.since) >= Duration::from_secs(1) {
            *self = Self::new(now);
        }
        self.count += 1;
        self.count <= MAX_UNASKED
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_in_a_second() {
        let now = Instant::now();
        let mut rate = Rate::new(now);
        assert!((0..MAX_UNASKED).all(|_| rate.admit(now)));
        assert!(!rate.admit(now + Duration::from_millis(999)));
        assert!(rate.admit(now + Duration::from_secs(1)));
    }
}
