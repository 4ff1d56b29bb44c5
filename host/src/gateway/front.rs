//! Listeners of plugins' own: an address beside the gateway's, on which one plugin's routes are served.
//!
//! Invariants: an address has one owner; a plugin's next instance waits until the one before has let go; a listener ends
//! with whoever asked for it, and with the gateway; what needs the gateway's credentials is not there.
use axum::{
    Router,
    extract::{Request, State},
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, SocketAddr},
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};
use tokio::{
    sync::{Notify, watch},
    time,
};

use super::{routes, server::Shared};
use crate::http::server::{Error as ListenError, Listener, Sockets, peer_of};

/// Time that an instance gets to let go of an address for its successor.
const HANDOVER: Duration = Duration::from_secs(10);

/// Addresses of one plugin.
const MAX_OF_ONE: usize = 4;

/// Opens listeners for plugins. Cheap to clone.
#[derive(Clone)]
pub struct Front {
    shared: Weak<Shared>,
    seats: Arc<Seats>,
}

/// A listener of a plugin's own. Dropped, it accepts no more at once.
pub struct Open {
    listener: Option<Listener>,
    seat: Option<Seat>,
    address: SocketAddr,
    stop: watch::Receiver<bool>,
}

/// Why a plugin gets no listener.
#[derive(Debug, thiserror::Error)]
pub enum FrontError {
    /// It is no address.
    #[error("listen on \"{0}\": write an IP address and a port, for example 127.0.0.1:3334")]
    Address(String),
    /// Another plugin has it.
    #[error("listen on {address}: plugin {owner} has this address; choose another port for one of the two")]
    Owned {
        /// The address.
        address: SocketAddr,
        /// Its owner.
        owner: String,
    },
    /// Its former instance doesn't let go.
    #[error("listen on {0}: the plugin's former instance still listens there; restart the gateway")]
    Held(SocketAddr),
    /// It has enough.
    #[error("listen on {0}: a plugin may have {MAX_OF_ONE} addresses; use fewer")]
    TooMany(SocketAddr),
    /// Another program has the port.
    #[error(
        "listen on {0}: the port is taken; stop the program that has it (`ss -ltnp` shows which), or choose another \
         port in the plugin's configuration"
    )]
    PortTaken(SocketAddr),
    /// The system refuses.
    #[error("listen on {address}: {why}; check the address in the plugin's configuration")]
    Bind {
        /// The address.
        address: SocketAddr,
        /// The system's reason.
        why: String,
    },
    /// There is no gateway to serve.
    #[error("the gateway is stopping")]
    Stopping,
}

/// Who has which address.
#[derive(Default)]
struct Seats {
    owners: Mutex<HashMap<SocketAddr, String>>,
    freed: Notify,
}

struct Seat {
    all: Arc<Seats>,
    address: SocketAddr,
}

struct Own {
    shared: Arc<Shared>,
    plugin: String,
}

// === impl Front ===

impl Front {
    pub(super) fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::downgrade(shared),
            seats: Arc::default(),
        }
    }

    /// Serves a plugin's routes at an address.
    pub async fn open(&self, plugin: &str, bind: &str) -> Result<Open, FrontError> {
        let address = parse(bind)?;
        let seat = match address.port() {
            0 => None,
            _ => Some(self.seats.take(plugin, address).await?),
        };
        let shared = self.shared.upgrade().ok_or(FrontError::Stopping)?;
        let stop = shared.stop.subscribe();
        let sockets = Sockets::bind(&[address])
            .await
            .map_err(|error| told(error, address))?;
        let address = sockets.addresses().first().copied().unwrap_or(address);
        let own = Own {
            shared,
            plugin: plugin.to_owned(),
        };
        let router = Router::new().fallback(serve).with_state(Arc::new(own));
        tracing::info!(target: "openclaw::gateway", plugin, "listening on http://{address} for this plugin's routes");
        Ok(Open {
            listener: Some(sockets.serve(router)),
            seat,
            address,
            stop,
        })
    }
}

async fn serve(State(own): State<Arc<Own>>, request: Request) -> Response {
    let Some(peer) = peer_of(&request, &own.shared.rules.get().trusted_proxies) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let path = request.uri().path();
    let routing = &own.shared.routing;
    if !routing.is_apart(&own.plugin, path) {
        return (StatusCode::NOT_FOUND, "not found\n").into_response();
    }
    let upgrade = request.headers().get(header::UPGRADE);
    if upgrade.is_some_and(|protocol| protocol.as_bytes().eq_ignore_ascii_case(b"websocket")) {
        return routes::open_socket(&own.shared, peer, request).await;
    }
    routes::serve(&own.shared, peer, request).await
}

fn parse(bind: &str) -> Result<SocketAddr, FrontError> {
    let local = bind.strip_prefix("localhost:").and_then(|port| port.parse().ok());
    let local = local.map(|port: u16| SocketAddr::from((IpAddr::from([127, 0, 0, 1]), port)));
    local
        .or_else(|| bind.parse().ok())
        .ok_or_else(|| FrontError::Address(bind.chars().take(80).collect()))
}

fn told(error: ListenError, address: SocketAddr) -> FrontError {
    match error {
        ListenError::PortTaken { address } => FrontError::PortTaken(address),
        ListenError::Bind { address, source } => FrontError::Bind {
            address,
            why: source.to_string(),
        },
        ListenError::NoAddress => FrontError::Address(address.to_string()),
    }
}

// === impl Open ===

impl Open {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Waits until the gateway stops.
    pub async fn until_stop(mut self) {
        // gone is stopped, too
        drop(self.stop.wait_for(|stop| *stop).await);
        if let Some(listener) = self.listener.take() {
            listener.stop().await;
        }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        let (listener, seat) = (self.listener.take(), self.seat.take());
        if let Some(mut listener) = listener {
            tokio::spawn(async move {
                listener.accept_no_more().await;
                drop(seat);
                listener.stop().await;
            });
        }
    }
}

// === impl Seats ===

impl Seats {
    async fn take(self: &Arc<Self>, plugin: &str, address: SocketAddr) -> Result<Seat, FrontError> {
        let taking = async {
            loop {
                let freed = self.freed.notified();
                if let Some(seat) = self.try_take(plugin, address)? {
                    return Ok(seat);
                }
                freed.await;
            }
        };
        time::timeout(HANDOVER, taking)
            .await
            .unwrap_or(Err(FrontError::Held(address)))
    }

    fn try_take(self: &Arc<Self>, plugin: &str, address: SocketAddr) -> Result<Option<Seat>, FrontError> {
        let mut owners = self.owners.lock().unwrap_or_else(PoisonError::into_inner);
        match owners.get(&address) {
            Some(owner) if owner == plugin => return Ok(None),
            Some(owner) => {
                let owner = owner.clone();
                return Err(FrontError::Owned { address, owner });
            }
            None => {}
        }
        if owners.values().filter(|owner| *owner == plugin).count() >= MAX_OF_ONE {
            return Err(FrontError::TooMany(address));
        }
        owners.insert(address, plugin.to_owned());
        Ok(Some(Seat {
            all: self.clone(),
            address,
        }))
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut owners = self.all.owners.lock().unwrap_or_else(PoisonError::into_inner);
        owners.remove(&self.address);
        drop(owners);
        self.all.freed.notify_waiters();
    }
}

impl fmt::Debug for Front {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Front")
    }
}

impl fmt::Debug for Open {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Open")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}
