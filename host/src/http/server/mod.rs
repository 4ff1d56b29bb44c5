//! The listening side of HTTP: sockets, the request's head, who is there, and stopping in order.
//!
//! It knows no path and no method: whoever listens brings a router. It speaks HTTP/1.1 in clear text.
//!
//! Invariants: the number of connections is bounded, those that were upgraded included; a connection that has not sent a complete request head in time is
//! closed, whether it sends nothing or a byte now and then; [`Listener::stop`] ends within its deadline.
pub mod limits;
mod origin;
mod peer;

use axum::{Router, http::header, middleware::map_response, response::Response};
use futures_util::{StreamExt, stream::FuturesUnordered};
use hyper::service::{Service, service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use std::{io, net::SocketAddr, pin::pin, sync::Arc};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinHandle,
    time,
};

pub use origin::Sites;
pub use peer::{Network, NetworkError, Peer};

/// The socket's peer, as an extension of every request.
#[derive(Debug, Clone, Copy)]
pub struct Remote(pub SocketAddr);

/// A place among the connections, as an extension of every request. Whoever takes the socket over keeps it.
#[derive(Debug, Clone)]
pub struct Place(#[expect(dead_code, reason = "held, not read")] Arc<OwnedSemaphorePermit>);

/// Sockets that are bound but not served yet.
#[derive(Debug)]
pub struct Sockets(Vec<TcpListener>);

/// A listener that serves.
#[derive(Debug)]
pub struct Listener {
    stop: watch::Sender<bool>,
    connections: Arc<Semaphore>,
    task: JoinHandle<()>,
}

/// Why a listener can't listen.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No address was given.
    #[error("no address to listen on: set gateway.bind")]
    NoAddress,
    /// Somebody else has the port.
    #[error(
        "listen on {address}: the port is taken; stop the program that has it (`ss -ltnp` shows which), or choose another \
         port with --port"
    )]
    PortTaken {
        /// The address.
        address: SocketAddr,
    },
    /// The system refuses.
    #[error("listen on {address}: {source}; check gateway.bind and gateway.port")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        source: io::Error,
    },
}

// === impl Sockets ===

impl Sockets {
    /// Binds all addresses, or none. Port 0 is any free port, the same for all addresses if the system allows.
    pub async fn bind(addresses: &[SocketAddr]) -> Result<Self, Error> {
        let mut sockets: Vec<TcpListener> = Vec::with_capacity(addresses.len());
        for &(mut address) in addresses {
            if let (0, Some(Ok(first))) = (address.port(), sockets.first().map(TcpListener::local_addr)) {
                address.set_port(first.port());
            }
            let socket = listen(address).await.map_err(|source| match source.kind() {
                io::ErrorKind::AddrInUse => Error::PortTaken { address },
                _ => Error::Bind { address, source },
            })?;
            sockets.push(socket);
        }
        if sockets.is_empty() {
            Err(Error::NoAddress)
        } else {
            Ok(Self(sockets))
        }
    }

    /// Where they listen.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.0
            .iter()
            .filter_map(|socket| socket.local_addr().ok())
            .collect()
    }

    /// Serves the router on them.
    pub fn serve(self, router: Router) -> Listener {
        let (stop, stopped) = watch::channel(false);
        let connections = Arc::new(Semaphore::new(limits::MAX_CONNECTIONS));
        let router = router.layer(map_response(harden));
        let loops = self
            .0
            .into_iter()
            .map(|socket| accept(socket, router.clone(), connections.clone(), stopped.clone()));
        let mut loops: FuturesUnordered<_> = loops.collect();
        let task = tokio::spawn(async move { while loops.next().await.is_some() {} });
        Listener {
            stop,
            connections,
            task,
        }
    }
}

/// Listens on one address. All of IPv6 means that and no more, so that all of IPv4 can have a socket beside it.
async fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    if !matches!(address, SocketAddr::V6(v6) if v6.ip().is_unspecified()) {
        return TcpListener::bind(address).await;
    }
    use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::INET6, SocketType::STREAM, flags, None)?;
    sockopt::set_socket_reuseaddr(&socket, true)?;
    sockopt::set_ipv6_v6only(&socket, true)?;
    bind(&socket, &address)?;
    listen(&socket, limits::BACKLOG)?;
    TcpListener::from_std(socket.into())
}

// === impl Listener ===

impl Listener {
    /// Lets go of the ports; open exchanges go on.
    pub async fn accept_no_more(&mut self) {
        self.stop.send_replace(true);
        if !self.task.is_finished() {
            // the loops only see the signal: nothing of the outside world is waited for
            let _ = (&mut self.task).await;
        }
    }

    /// Accepts no more and waits for the open exchanges, [`limits::DRAIN_DEADLINE`] at most.
    pub async fn stop(mut self) {
        self.accept_no_more().await;
        let all = u32::try_from(limits::MAX_CONNECTIONS).expect("the constant fits");
        let _ = time::timeout(limits::DRAIN_DEADLINE, self.connections.acquire_many(all)).await;
    }
}

async fn accept(
    socket: TcpListener,
    router: Router,
    connections: Arc<Semaphore>,
    mut stop: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = socket.accept() => accepted,
            _ = stop.wait_for(|stop| *stop) => return,
        };
        match accepted {
            Ok((tcp, remote)) => {
                // full: the connection is closed by being dropped
                if let Ok(permit) = connections.clone().try_acquire_owned() {
                    tokio::spawn(exchange(tcp, remote, router.clone(), stop.clone(), permit));
                }
            }
            Err(error) => {
                tracing::warn!(%error, "a connection could not be accepted");
                time::sleep(limits::ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn exchange(
    tcp: TcpStream,
    remote: SocketAddr,
    router: Router,
    mut stop: watch::Receiver<bool>,
    permit: OwnedSemaphorePermit,
) {
    let place = Place(Arc::new(permit));
    let _ = tcp.set_nodelay(true);
    let router = TowerToHyperService::new(router);
    let service = service_fn(move |mut request: hyper::Request<hyper::body::Incoming>| {
        request.extensions_mut().insert(Remote(remote));
        request.extensions_mut().insert(place.clone());
        router.call(request)
    });
    let mut http = hyper::server::conn::http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(limits::HEAD_DEADLINE)
        .max_buf_size(limits::MAX_HEAD_BYTES);
    // pinned where it is made: a moved one would be kept twice in this task
    let mut connection = pin!(http.serve_connection(TokioIo::new(tcp), service).with_upgrades());
    let outcome = tokio::select! {
        outcome = connection.as_mut() => Some(outcome),
        // the guard that it returns must not live across an await
        () = async { drop(stop.wait_for(|stop| *stop).await) } => None,
    };
    let outcome = match outcome {
        Some(outcome) => outcome,
        None => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = outcome {
        tracing::debug!(%error, "an HTTP connection ended early");
    }
}

/// What every response says to a browser.
async fn harden(mut response: Response) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            header::HeaderName::from_static("permissions-policy"),
            "camera=(), geolocation=(), microphone=(self)",
        ),
    ] {
        headers
            .entry(name)
            .or_insert(header::HeaderValue::from_static(value));
    }
    response
}

/// The client of a request that this listener passed on.
pub fn peer_of<B>(request: &hyper::Request<B>, trusted: &[Network]) -> Option<Peer> {
    let Remote(remote) = request.extensions().get::<Remote>()?;
    Some(Peer::of(remote.ip(), request.headers(), trusted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

    #[tokio::test]
    async fn all_of_ipv4_and_all_of_ipv6_share_a_port() {
        let everywhere = [
            SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
            SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 0),
        ];
        let sockets = match Sockets::bind(&everywhere).await {
            Ok(sockets) => sockets,
            Err(Error::Bind { address, source }) if address.is_ipv6() => {
                eprintln!("skipped: no IPv6 here: {source}");
                return;
            }
            Err(error) => panic!("{error}"),
        };
        let ports: Vec<_> = sockets.addresses().iter().map(SocketAddr::port).collect();
        assert_eq!(ports[0], ports[1]);
        let again = Sockets::bind(&[SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), ports[0])]).await;
        assert!(matches!(again, Err(Error::PortTaken { .. })), "the port is taken");
        for (here, remote) in [
            (0, IpAddr::from(Ipv4Addr::LOCALHOST)),
            (1, Ipv6Addr::LOCALHOST.into()),
        ] {
            let connected = TcpStream::connect((remote, ports[0]));
            let (accepted, connected) = tokio::join!(sockets.0[here].accept(), connected);
            connected.expect("it listens");
            assert_eq!(accepted.expect("it accepts").1.ip(), remote);
        }
    }
}
