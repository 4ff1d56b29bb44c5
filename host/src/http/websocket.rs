//! The WebSocket client: the same policy, guard, resolver and TLS as HTTP, and one connection per socket.
//!
//! Pings are answered while the receiver is read. Redirects are not followed (RFC 6455 leaves it open, and no service
//! needs it). Fragments are joined up to the message limit, so a caller sees whole messages only.

mod message;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use reqwest::header::{HeaderMap, HeaderValue, SEC_WEBSOCKET_PROTOCOL};
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as WireMessage;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error as WireError, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use url::Url;

use super::client::{Client, Shared};
use super::dns::{Lookup, Reach};
use super::error::{Error, Phase, Result, causes, origin, root_cause};
use super::failure::lookup_failed;
use super::guard::{self, Scheme};
use super::limits;
use super::policy::Egress;
use super::proxy::Proxy;
use super::request::{self, Origin};

pub use message::Message;

/// A WebSocket to open. Its `Debug` shows neither URL nor headers.
pub struct Connect {
    /// Absolute URL, ws or wss.
    pub url: String,
    /// Who chose the URL.
    pub origin: Origin,
    /// Headers of the handshake, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Subprotocols to offer, the preferred one first. If any is offered, the server has to choose one.
    pub protocols: Vec<String>,
    /// Time to open the socket, all steps included. Default: 60 seconds.
    pub deadline: Duration,
    /// Silence permitted to the peer, pings counting as a sign of life. Default: unlimited.
    pub idle_timeout: Option<Duration>,
    /// Bytes of one message, in either direction. Default: 16 MiB.
    pub max_message_bytes: usize,
    /// Proxy to use instead of the client's.
    pub proxy: Option<Proxy>,
}

/// What the server answered to the handshake.
#[derive(Debug, Clone)]
pub struct Head {
    /// Headers, in order.
    pub headers: HeaderMap,
    /// The subprotocol that the server chose.
    pub protocol: Option<String>,
}

/// The sending half. The connection closes when both halves are gone.
pub struct Sender {
    sink: SplitSink<Socket, WireMessage>,
    line: Arc<Line>,
}

/// The receiving half. The connection closes when both halves are gone.
pub struct Receiver {
    stream: SplitStream<Socket>,
    line: Arc<Line>,
    idle: Option<Duration>,
    ended: bool,
}

/// What both halves know.
struct Line {
    url: Url,
    max: usize,
    egress: Arc<Egress>,
}

type Socket = WebSocketStream<Box<dyn Duplex>>;

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

impl Connect {
    /// A WebSocket with the defaults.
    pub fn new(url: impl Into<String>, origin: Origin) -> Self {
        Self {
            url: url.into(),
            origin,
            headers: Vec::new(),
            protocols: Vec::new(),
            deadline: limits::DEFAULT_HEAD_DEADLINE,
            idle_timeout: None,
            max_message_bytes: limits::DEFAULT_MESSAGE_BYTES,
            proxy: None,
        }
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect")
            .field("origin", &self.origin)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

// === impl Client ===

impl Client {
    /// Opens a WebSocket for a caller.
    pub async fn websocket(
        &self,
        egress: &Arc<Egress>,
        connect: Connect,
    ) -> Result<(Head, Sender, Receiver)> {
        egress.count_request();
        open(self.shared(), egress, connect)
            .await
            .map_err(|error| egress.count_error(error))
    }
}

async fn open(shared: &Shared, egress: &Arc<Egress>, connect: Connect) -> Result<(Head, Sender, Receiver)> {
    let url = guard::parse(&connect.url, Scheme::WebSocket)?;
    let headers = handshake_headers(&connect)?;
    let (reach, proxy) = shared.route(egress, &url, connect.origin, connect.proxy.as_ref())?;
    let line = Arc::new(Line {
        url,
        max: connect.max_message_bytes,
        egress: Arc::clone(egress),
    });
    let opening = async {
        let tcp = match proxy {
            None => dial(shared, &line.url, &line.url, reach).await?,
            Some(proxy) => {
                let mut tcp = dial(shared, proxy.url(), &line.url, Reach::Any).await?;
                proxy.tunnel(&mut tcp, &line.url).await?;
                tcp
            }
        };
        let stream = secure(shared, &line.url, tcp).await?;
        line.handshake(stream, headers).await
    };
    let (socket, head) = timeout(connect.deadline, opening)
        .await
        .map_err(|_| Error::timeout(&line.url, Phase::Head))??;
    let (sink, stream) = socket.split();
    let receiver = Receiver {
        stream,
        line: Arc::clone(&line),
        idle: connect.idle_timeout,
        ended: false,
    };
    Ok((head, Sender { sink, line }, receiver))
}

fn handshake_headers(connect: &Connect) -> Result<HeaderMap> {
    let mut headers = request::headers(&connect.headers, false)?;
    if !connect.protocols.is_empty() {
        let value = HeaderValue::from_str(&connect.protocols.join(", ")).map_err(|_| {
            Error::invalid_request("a subprotocol holds characters that HTTP does not permit")
        })?;
        headers.insert(SEC_WEBSOCKET_PROTOCOL, value);
    }
    Ok(headers)
}

/// Opens a TCP connection to the first address that answers. `asked` is the URL that errors of the guard name.
async fn dial(shared: &Shared, url: &Url, asked: &Url, reach: Reach) -> Result<TcpStream> {
    let addresses = match guard::literal(url) {
        Some(address) => {
            reach
                .check(address)
                .map_err(|denial| Error::guard(asked, denial))?;
            vec![address]
        }
        None => Lookup::new(Arc::clone(&shared.resolver), reach)
            .addresses(url.host_str().unwrap_or_default())
            .await
            .map_err(|error| lookup_failed(url, &error))?,
    };
    let port = url.port_or_known_default().unwrap_or(0);
    let mut last = Error::timeout(url, Phase::Connect);
    for address in addresses {
        match timeout(
            shared.connect_timeout,
            TcpStream::connect(SocketAddr::new(address, port)),
        )
        .await
        {
            Ok(Ok(tcp)) => {
                // both only tune; a kernel that refuses them still carries the connection
                let _ = tcp.set_nodelay(true);
                let _ = rustix::net::sockopt::set_socket_keepalive(&tcp, true);
                let _ = rustix::net::sockopt::set_tcp_keepidle(&tcp, limits::TCP_KEEPALIVE);
                return Ok(tcp);
            }
            Ok(Err(error)) => last = Error::connect(url, error),
            Err(_) => last = Error::timeout(url, Phase::Connect),
        }
    }
    Err(last)
}

async fn secure(shared: &Shared, url: &Url, tcp: TcpStream) -> Result<Box<dyn Duplex>> {
    if url.scheme() != "wss" {
        return Ok(Box::new(tcp));
    }
    let mut config = shared.tls.clone();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    let host = url
        .host_str()
        .unwrap_or_default()
        .trim_start_matches('[')
        .trim_end_matches(']');
    let name = ServerName::try_from(host.to_owned()).map_err(|_| Error::InvalidUrl {
        reason: "its host can't have a certificate",
    })?;
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    match connector.connect(name, tcp).await {
        Ok(stream) => Ok(Box::new(stream)),
        Err(error) => Err(io_failed(url, &error)),
    }
}

/// Tells a failure of TLS from one of the connection.
fn io_failed(url: &Url, error: &std::io::Error) -> Error {
    match causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>()) {
        Some(tls) => Error::tls(url, tls),
        None => Error::cut(url, root_cause(error)),
    }
}

// === impl Line ===

impl Line {
    async fn handshake(&self, stream: Box<dyn Duplex>, headers: HeaderMap) -> Result<(Socket, Head)> {
        let mut request = self
            .url
            .as_str()
            .into_client_request()
            .map_err(|error| self.failed(error))?;
        request.headers_mut().extend(headers);
        let config = WebSocketConfig::default()
            .read_buffer_size(limits::WEBSOCKET_READ_BUFFER)
            .write_buffer_size(0)
            .max_write_buffer_size(self.max.saturating_add(limits::WEBSOCKET_WRITE_BUFFER))
            .max_message_size(Some(self.max))
            .max_frame_size(Some(self.max));
        let (socket, response) = tokio_tungstenite::client_async_with_config(request, stream, Some(config))
            .await
            .map_err(|error| self.failed(error))?;
        let headers = response.into_parts().0.headers;
        let protocol = headers
            .get(SEC_WEBSOCKET_PROTOCOL)
            .and_then(|value| value.to_str().ok())
            .map(str::to_owned);
        Ok((socket, Head { headers, protocol }))
    }

    fn failed(&self, error: WireError) -> Error {
        match error {
            WireError::Io(error) => io_failed(&self.url, &error),
            WireError::Capacity(CapacityError::MessageTooLong { .. }) | WireError::WriteBufferFull(_) => {
                self.too_large()
            }
            WireError::Http(response) => Error::NotUpgraded {
                origin: origin(&self.url),
                status: response.status().as_u16(),
            },
            WireError::ConnectionClosed
            | WireError::AlreadyClosed
            | WireError::Protocol(
                ProtocolError::ResetWithoutClosingHandshake
                | ProtocolError::SendAfterClosing
                | ProtocolError::HandshakeIncomplete,
            ) => Error::cut(&self.url, "the WebSocket is closed"),
            error => Error::protocol(&self.url, error),
        }
    }

    fn too_large(&self) -> Error {
        Error::too_large(&self.url, self.max as u64)
    }
}

// === impl Sender ===

impl Sender {
    /// Sends one message and waits until the kernel has it, at most 30 seconds.
    pub async fn send(&mut self, message: Message) -> Result<()> {
        let outcome = self.deliver(message).await;
        outcome.map_err(|error| self.line.egress.count_error(error))
    }

    async fn deliver(&mut self, message: Message) -> Result<()> {
        let message = message.into_wire()?;
        let length = message.len();
        if length > self.line.max {
            return Err(self.line.too_large());
        }
        timeout(limits::WEBSOCKET_SEND_TIMEOUT, self.sink.send(message))
            .await
            .map_err(|_| Error::timeout(&self.line.url, Phase::Send))?
            .map_err(|error| self.line.failed(error))?;
        self.line.egress.count_out(length);
        Ok(())
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sender({})", origin(&self.line.url))
    }
}

// === impl Receiver ===

impl Receiver {
    /// The next message. `None` after a close or an error, both of which end the socket. Safe to cancel.
    pub async fn next(&mut self) -> Option<Result<Message>> {
        if self.ended {
            return None;
        }
        let outcome = self.receive().await;
        self.ended = !matches!(outcome, Ok(Message::Text(_) | Message::Binary(_)));
        if matches!(outcome, Ok(Message::Close { .. })) {
            // the answer to a close is written by the next read
            let _ = self.stream.next().now_or_never();
        }
        Some(outcome.map_err(|error| self.line.egress.count_error(error)))
    }

    async fn receive(&mut self) -> Result<Message> {
        loop {
            let next = self.stream.next();
            let item = match self.idle {
                None => next.await,
                Some(idle) => timeout(idle, next)
                    .await
                    .map_err(|_| Error::timeout(&self.line.url, Phase::Idle))?,
            };
            let message = match item {
                Some(Ok(message)) => message,
                Some(Err(error)) => return Err(self.line.failed(error)),
                None => return Err(Error::cut(&self.line.url, "the WebSocket is closed")),
            };
            self.line.egress.count_in(message.len());
            if let Some(message) = Message::from_wire(message) {
                return Ok(message);
            }
        }
    }
}

impl fmt::Debug for Receiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Receiver({})", origin(&self.line.url))
    }
}
