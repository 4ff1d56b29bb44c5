//! Bounds and default deadlines of outbound traffic, in one place so that each has a name and can be found.
//!
//! What a caller may change is a default; what protects the gateway from a peer or a caller is a maximum.

use std::time::Duration;

/// Default time from the start of a request to the head of its final response, redirects included.
pub const DEFAULT_HEAD_DEADLINE: Duration = Duration::from_secs(60);
/// Default pause that a body may make between two chunks.
pub const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(30);
/// Default bytes of a response body, counted before and after decompression.
pub const DEFAULT_RESPONSE_BYTES: u64 = 32 << 20;
/// Default number of redirects that a request follows.
pub const DEFAULT_REDIRECTS: u8 = 3;

/// Redirects that a trusted request may follow at most.
pub const MAX_REDIRECTS: u8 = 10;
/// Redirects that an untrusted request may follow at most.
pub const MAX_UNTRUSTED_REDIRECTS: u8 = 3;
/// Time that an untrusted exchange may take from its start to its last byte, so that a peer can't drip for ever.
pub const MAX_UNTRUSTED_TOTAL: Duration = Duration::from_secs(300);

/// Time to open one connection, its TLS handshake included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Addresses of a name that are considered; the rest of the answer is ignored.
pub const MAX_ADDRESSES: usize = 16;
/// Silence after which the kernel probes an idle TCP connection.
pub const TCP_KEEPALIVE: Duration = Duration::from_secs(60);
/// Pause between two HTTP/2 pings on a connection with open streams.
pub const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(30);
/// Time that a peer has to answer an HTTP/2 ping.
pub const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(10);
/// Time that an unused connection stays in the pool.
pub const POOL_IDLE: Duration = Duration::from_secs(90);
/// Unused connections that stay in the pool for one host.
pub const POOL_IDLE_PER_HOST: usize = 8;
/// Bytes of the response headers that HTTP/2 accepts.
pub const MAX_RESPONSE_HEADER_BYTES: u32 = 64 << 10;
/// Pools for proxies other than the global one that are kept; the oldest goes first.
pub const MAX_PROXY_POOLS: usize = 8;

/// Bytes of a URL.
pub const MAX_URL_BYTES: usize = 16 << 10;
/// Headers of a request.
pub const MAX_REQUEST_HEADERS: usize = 100;
/// Bytes of all names and values of a request's headers.
pub const MAX_REQUEST_HEADER_BYTES: usize = 64 << 10;
/// Host patterns of one caller.
pub const MAX_HOST_PATTERNS: usize = 256;
/// Characters of a peer's or library's own words that an error repeats.
pub const MAX_ERROR_REASON: usize = 160;

/// Compressed bytes that are decoded in one step. Deflate grows data at most 1032 times, so a step yields about 1 MiB at
/// worst, whatever the body's cap is.
pub const DECODE_STEP: usize = 1 << 10;

/// Default bytes of one WebSocket message, in either direction.
pub const DEFAULT_MESSAGE_BYTES: usize = 16 << 20;
/// Read buffer of a WebSocket, allocated with the connection; gateways hold many quiet ones.
pub const WEBSOCKET_READ_BUFFER: usize = 8 << 10;
/// Write buffer of a WebSocket beyond the message being written.
pub const WEBSOCKET_WRITE_BUFFER: usize = 8 << 10;
/// Time that the peer has to take a WebSocket message that is sent.
pub const WEBSOCKET_SEND_TIMEOUT: Duration = Duration::from_secs(30);
/// Bytes of the reason in a WebSocket's close frame (RFC 6455 §5.5: a control frame holds 125, the code takes two).
pub const MAX_CLOSE_REASON: usize = 123;
/// Bytes of a proxy's answer to CONNECT.
pub const MAX_CONNECT_HEAD: usize = 8 << 10;
