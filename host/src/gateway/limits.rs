//! Every bound of the gateway protocol, with what happens when it is reached.
use std::time::Duration;

/// Bytes of a message before authentication; a larger one closes the socket with 1009.
pub const MAX_MESSAGE_BEFORE_AUTH: usize = 64 * 1024;

/// Bytes of a message after authentication; a larger one closes the socket with 1009.
pub const MAX_MESSAGE: usize = 25 * 1024 * 1024;

/// Bytes that may wait for one client; beyond it the client is closed as a slow consumer.
pub const MAX_BUFFERED: usize = 50 * 1024 * 1024;

/// What a waiting frame costs beside its bytes, so that many tiny ones count too.
pub const FRAME_OVERHEAD: usize = 64;

/// Time from the open socket to a valid `connect`; then the socket is closed.
pub const HANDSHAKE_DEADLINE: Duration = Duration::from_secs(15);

/// Sockets without authentication, of everybody; beyond it an upgrade is answered with 503.
pub const MAX_UNAUTHENTICATED: usize = 1024;

/// Sockets without authentication, of one client; beyond it an upgrade is answered with 503.
pub const MAX_UNAUTHENTICATED_PER_CLIENT: usize = 32;

/// Time between two ticks.
pub const TICK: Duration = Duration::from_secs(30);
/// Every how-manieth tick clients are told how the gateway is.
pub const HEALTH_TICKS: u64 = 2;

/// Time to find out how the gateway is; beyond it clients are told the next time.
pub const HEALTH_DEADLINE: Duration = Duration::from_secs(3);

/// A client that sends nothing for this long is pinged, and closed if another such time passes.
pub const PING: Duration = Duration::from_secs(25);

/// How long nothing follows a frame that a client is to get alone. Nobody sees it, and a busy client has read the frame by
/// then.
pub const ALONE: Duration = Duration::from_millis(50);

/// Time for the closing handshake.
pub const CLOSE_DEADLINE: Duration = Duration::from_secs(2);

/// Bytes that are read and thrown away while a socket closes, so that the close frame arrives.
pub const MAX_LINGER: usize = 64 * 1024 * 1024;

/// Bytes of the read buffer of a socket; a larger message grows it for its time.
pub const READ_BUFFER: usize = 1024;

/// Bytes before the payload of the longest frame that a server sends (RFC 6455 §5.2).
pub const FRAME_HEAD: usize = 10;

/// Requests of one client that run at once; one more is refused as retryable.
pub const MAX_CALLS_PER_CLIENT: usize = 64;

/// Requests of all clients that run at once; one more is refused as retryable.
pub const MAX_CALLS: usize = 1024;

/// Calls of methods that are for the other role; one more closes the socket with 1008.
pub const MAX_STRAYS: u32 = 10;

/// Failed attempts of one client in the window until it is locked out.
pub const AUTH_ATTEMPTS: usize = 10;

/// The most that this number can be set to: each failure is remembered.
pub const MAX_AUTH_ATTEMPTS: usize = 1000;

/// The window in which failed attempts count.
pub const AUTH_WINDOW: Duration = Duration::from_secs(60);

/// How long a client is locked out.
pub const AUTH_LOCKOUT: Duration = Duration::from_secs(300);

/// Delay of the answer to the first failed attempt from this machine; it doubles with each further one.
pub const AUTH_DELAY: Duration = Duration::from_millis(250);

/// The longest such delay.
pub const MAX_AUTH_DELAY: Duration = Duration::from_secs(5);

/// Clients that the limiter remembers; the one that was silent longest makes room, locked ones last.
pub const MAX_LIMITED_CLIENTS: usize = 4096;

/// Difference between the device's clock and ours that a signature may show.
pub const DEVICE_SKEW_MS: i64 = 120_000;

/// How long an answer is kept for a repeated idempotency key.
pub const IDEMPOTENCY_TTL: Duration = Duration::from_secs(300);

/// Answers kept; the oldest finished one makes room, and if none is finished the request is refused as retryable.
pub const MAX_IDEMPOTENCY_KEYS: usize = 1000;

/// Bytes of the answers kept; the oldest finished ones make room.
pub const MAX_IDEMPOTENCY_BYTES: usize = 32 * 1024 * 1024;

/// Bytes of an idempotency key.
pub const MAX_IDEMPOTENCY_KEY: usize = 256;

/// Problems that one validation error lists.
pub const MAX_PROBLEMS: usize = 8;

/// Bytes of a close frame's reason (RFC 6455).
pub const MAX_CLOSE_REASON: usize = 123;

/// Events that wait for a program that uses our client; the oldest are dropped and the gap reported.
pub const CLIENT_EVENTS: usize = 256;

/// Requests that one client of ours may have open.
pub const CLIENT_CALLS: usize = 64;
