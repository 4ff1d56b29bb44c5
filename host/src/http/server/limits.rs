//! Every bound of the listening side of HTTP, with what happens when it is reached.
use std::time::Duration;

/// TCP connections at once; beyond it a new one is closed unread.
pub const MAX_CONNECTIONS: usize = 16_384;

/// Bytes that hyper may buffer of one connection: the request's head has to fit.
pub const MAX_HEAD_BYTES: usize = 16 * 1024;

/// Time for a complete request head, the idle time before it included; then the connection is closed.
pub const HEAD_DEADLINE: Duration = Duration::from_secs(15);

/// Time that open exchanges get to end after the listener was told to stop.
pub const DRAIN_DEADLINE: Duration = Duration::from_secs(5);

/// Pause after a failed `accept` (no file descriptors left, most likely), so that the loop does not spin.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Entries of a forwarding header that are looked at, from the right.
pub const MAX_FORWARDED_HOPS: usize = 16;

/// Connections that the system holds for us before we take them; what the runtime takes for its own sockets.
pub const BACKLOG: i32 = 1024;
