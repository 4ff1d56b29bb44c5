//! ngrok, in this process. The crate needs a runtime of tokio's, so a tunnel has a thread with one of its own as long as
//! it is open; the rest of the plugin stays where the gateway polls it.
//!
//! Invariants: what is told to ngrok of this machine is the name below and nothing else; a session that breaks ends here,
//! because [`super::keep`] opens the next one; connections are bounded.
use super::{Tunnel, Up};
use futures_channel::{mpsc, oneshot};
use futures_util::{StreamExt, future::BoxFuture};
use ngrok::{
    prelude::{EndpointInfo, TunnelBuilder},
    session::{ConnectError, SessionBuilder, default_connect},
};
use openclaw_plugin_api::{Error, ErrorKind, Result, Secret};
use std::{sync::Arc, time::Duration};
use tokio::{net::TcpStream, sync::Semaphore, time};
use url::Url;

/// What ngrok's pages show as the target.
const FORWARDS_TO: &str = "openclaw-voice";
/// Time to connect and to bind.
const OPEN: Duration = Duration::from_secs(30);
/// Time between two signs of life.
const HEARTBEAT: Duration = Duration::from_secs(10);
/// Time without one after which the session is lost.
const SILENCE: Duration = Duration::from_secs(15);
/// Connections at once; one more is closed.
const MAX_CONNECTIONS: usize = 256;
/// Time to reach the gateway's own listener.
const LOCAL: Duration = Duration::from_secs(5);
/// Stack of the thread, bytes.
const STACK: usize = 2 << 20;

/// A tunnel of ngrok.
pub(super) struct Ngrok {
    token: Secret,
    domain: Option<String>,
    /// Where the service is, if not at its usual place.
    service: Option<String>,
    /// Who vouches for it, as PEM.
    authorities: Option<String>,
}

/// One session, as the thread needs it.
struct Session {
    builder: SessionBuilder,
    domain: Option<String>,
    local: String,
}

// === impl Ngrok ===

impl Ngrok {
    pub(super) fn new(token: Secret, domain: Option<String>) -> Self {
        Self {
            token,
            domain,
            service: None,
            authorities: None,
        }
    }

    /// Of a service at another place, and vouched for by others.
    pub(super) fn at(self, service: Option<&str>, authorities: Option<&str>) -> Self {
        Self {
            service: service.map(|service| service.trim().to_owned()),
            authorities: authorities.map(str::to_owned),
            ..self
        }
    }

    fn session(&self, local: &str) -> Result<Session> {
        let mut builder = ngrok::Session::builder();
        builder
            .authtoken(self.token.expose())
            .client_info("openclaw", env!("CARGO_PKG_VERSION"), None::<String>)
            .heartbeat_interval(HEARTBEAT)
            .map(|builder| builder.connector(once))
            .map_err(|error| Error::new(ErrorKind::Internal, error))?;
        builder
            .heartbeat_tolerance(SILENCE)
            .map_err(|error| Error::new(ErrorKind::Internal, error))?;
        if let Some(address) = &self.service {
            builder.server_addr(address).map_err(|error| {
                let text = format_args!("tunnel.ngrokConnectUrl is host:port ({error})");
                Error::new(ErrorKind::Config, text)
            })?;
        }
        if let Some(authorities) = &self.authorities {
            builder.ca_cert(authorities.clone().into_bytes().into());
        }
        Ok(Session {
            builder,
            domain: self.domain.clone(),
            local: local.to_owned(),
        })
    }
}

/// Connects, and does not connect again.
async fn once(
    host: String,
    port: u16,
    tls: Arc<rustls::ClientConfig>,
    broken: Option<ngrok::tunnel::AcceptError>,
) -> std::result::Result<Box<dyn ngrok::session::IoStream>, ConnectError> {
    match broken {
        Some(_) => Err(ConnectError::Canceled),
        None => default_connect(host, port, tls, None).await,
    }
}

impl Tunnel for Ngrok {
    fn name(&self) -> &'static str {
        "ngrok"
    }

    fn run(&self, local: &str, up: Up) -> BoxFuture<'static, Error> {
        // the library has a provider of its own to install; the second time there is one
        let _ = rustls::crypto::ring::default_provider().install_default();
        let session = self.session(local);
        Box::pin(async move {
            let session = match session {
                Ok(session) => session,
                Err(error) => return error,
            };
            let (addresses, mut told) = mpsc::channel(1);
            // dropped with this future, which ends the thread
            let (_open, closed) = oneshot::channel();
            let spawned = std::thread::Builder::new()
                .name("oc-ngrok".into())
                .stack_size(STACK)
                .spawn(move || serve(session, addresses, closed));
            if let Err(error) = spawned {
                return Error::new(
                    ErrorKind::Internal,
                    format_args!("no thread for the tunnel: {error}"),
                );
            }
            loop {
                match told.next().await {
                    Some(Ok(url)) => up(url),
                    Some(Err(error)) => return error,
                    None => return Error::new(ErrorKind::Internal, "the tunnel's thread ended"),
                }
            }
        })
    }
}

fn serve(session: Session, mut told: mpsc::Sender<Result<Url>>, closed: oneshot::Receiver<()>) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => {
            // nobody waits any more
            let _ = told.try_send(Err(error.into()));
            return;
        }
    };
    runtime.block_on(async {
        let mut addresses = told.clone();
        tokio::select! {
            error = session.run(&mut addresses) => drop(told.try_send(Err(error))),
            _ = closed => {}
        }
    });
    runtime.shutdown_background();
}

// === impl Session ===

impl Session {
    async fn run(self, told: &mut mpsc::Sender<Result<Url>>) -> Error {
        let opening = async {
            let session = self.builder.connect().await.map_err(|error| of(&error))?;
            let mut endpoint = session.http_endpoint();
            endpoint.forwards_to(FORWARDS_TO);
            if let Some(domain) = &self.domain {
                endpoint.domain(domain);
            }
            let listener = endpoint.listen().await.map_err(|error| of(&error))?;
            Ok((session, listener))
        };
        let (_session, mut listener) = match time::timeout(OPEN, opening).await {
            Ok(Ok(open)) => open,
            Ok(Err(error)) => return error,
            Err(_) => return Error::new(ErrorKind::Timeout, "ngrok did not answer in time"),
        };
        let url = match Url::parse(listener.url()) {
            Ok(url) => url,
            Err(error) => {
                return Error::new(ErrorKind::Server, format_args!("ngrok's address is odd: {error}"));
            }
        };
        if told.try_send(Ok(url)).is_err() {
            return Error::new(ErrorKind::Cancelled, "nobody wants the tunnel any more");
        }
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        loop {
            match listener.next().await {
                Some(Ok(connection)) => {
                    // full: it is closed by being dropped
                    if let Ok(place) = places.clone().try_acquire_owned() {
                        let local = self.local.clone();
                        tokio::spawn(async move {
                            carry(connection, &local).await;
                            drop(place);
                        });
                    }
                }
                Some(Err(error)) => {
                    return Error::new(ErrorKind::Network, format_args!("ngrok's session broke: {error}"));
                }
                None => return Error::new(ErrorKind::Network, "ngrok closed the tunnel"),
            }
        }
    }
}

/// Carries one connection to the gateway's own listener.
async fn carry(mut connection: impl tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin, local: &str) {
    match time::timeout(LOCAL, TcpStream::connect(local)).await {
        Ok(Ok(mut tcp)) => {
            let _ = tcp.set_nodelay(true);
            // how it ends is seen by both ends
            let _ = tokio::io::copy_bidirectional(&mut connection, &mut tcp).await;
        }
        Ok(Err(_)) | Err(_) => tracing::warn!("voice-call: the tunnel does not reach the gateway's listener"),
    }
}

/// What ngrok says, with what to do about it.
fn of(error: &impl ngrok::Error) -> Error {
    let Some(code) = error.error_code() else {
        let cause = std::error::Error::source(error).map(|cause| format!(": {cause}"));
        let text = format!("ngrok can't be reached: {error}{}", cause.unwrap_or_default());
        return Error::new(ErrorKind::Network, text);
    };
    let hint = match code {
        "ERR_NGROK_105" | "ERR_NGROK_106" | "ERR_NGROK_107" | "ERR_NGROK_4018" => {
            "check NGROK_AUTHTOKEN, or tunnel.ngrokAuthToken"
        }
        "ERR_NGROK_108" => {
            "another agent of this account is connected; stop it, or use a plan that permits more"
        }
        "ERR_NGROK_314" | "ERR_NGROK_319" | "ERR_NGROK_320" | "ERR_NGROK_326" => {
            "check tunnel.ngrokDomain: it has to be reserved in your ngrok account"
        }
        "ERR_NGROK_334" => "the domain is in use by another agent; stop that one",
        _ => "see https://ngrok.com/docs/errors",
    };
    Error::new(ErrorKind::Refused, format_args!("ngrok refuses ({code}); {hint}"))
}

#[cfg(test)]
#[path = "edge.rs"]
mod edge;
