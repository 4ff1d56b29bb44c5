//! Every bound of plugins' routes, with what happens when it is reached.
use std::time::Duration;

/// Requests for routes at once; one more is answered with 503.
pub(super) const MAX_REQUESTS: usize = 256;

/// Requests for one route at once; one more is answered with 503.
pub(super) const MAX_REQUESTS_PER_ROUTE: usize = 128;

/// Requests of one client at once; one more is answered with 503. A messenger behind a proxy is one client, and it
/// may open some dozens of connections.
pub(super) const MAX_REQUESTS_PER_CLIENT: usize = 64;

/// Longest body that a route may ask for, bytes; what it asks for beyond that it does not get.
pub(super) const MAX_BODY: u64 = 32 * 1024 * 1024;

/// KiB of bodies that are held at once; a request whose body finds no room is answered with 503.
pub(super) const MAX_BODIES_KIB: usize = 64 * 1024;

/// Longest time that a route may give a body to arrive.
pub(super) const MAX_BODY_TIME: Duration = Duration::from_secs(30);

/// Time for a plugin to judge a head; then the request is answered with 504.
pub(super) const CHECK: Duration = Duration::from_secs(5);

/// Longest time that a route may take to begin its answer; then the request is answered with 504.
pub(super) const ANSWER_BEGINS: Duration = Duration::from_secs(15 * 60);

/// Time without a piece of an answer that has begun; then the connection is cut.
pub(super) const ANSWER_SILENCE: Duration = Duration::from_secs(120);

/// Time for the client to take a piece of an answer; then the connection is cut.
pub(super) const CLIENT_STALLS: Duration = Duration::from_secs(30);

/// Pieces of an answer that may wait for the client.
pub(super) const MAX_PIECES: usize = 8;

/// Bytes of a path; a longer one is refused.
pub(super) const MAX_PATH: usize = 1024;

/// What a client that found no room, or no plugin, is told to wait, seconds.
pub(super) const RETRY_AFTER_SECS: u64 = 2;

/// WebSockets on routes at once; one more is answered with 503.
pub(super) const MAX_SOCKETS: usize = 256;

/// WebSockets on one route at once; one more is answered with 503.
pub(super) const MAX_SOCKETS_PER_ROUTE: usize = 192;

/// WebSockets of one client at once; one more is answered with 503. A carrier behind a tunnel is one client.
pub(super) const MAX_SOCKETS_PER_CLIENT: usize = 144;

/// Longest message of a WebSocket that a route may ask for, bytes; a longer one closes the socket with 1009.
pub(super) const MAX_SOCKET_MESSAGE: u64 = 1024 * 1024;

/// Messages of a WebSocket that may wait on either side; then the other side has to.
pub(super) const MAX_MESSAGES: usize = 16;

/// Bytes of the read buffer of a WebSocket; a larger message grows it for its time.
pub(super) const SOCKET_BUFFER: usize = 4096;

/// Time without a message to the client after which it is pinged; a second such time without a sign of life closes it.
pub(super) const SOCKET_PING: Duration = Duration::from_secs(25);

/// Time for the closing handshake, and for the plugin to end its call after it.
pub(super) const SOCKET_ENDS: Duration = Duration::from_secs(2);

/// Time for the verdict of a call whose plugin has dropped its half.
pub(super) const SOCKET_VERDICT: Duration = Duration::from_millis(250);
