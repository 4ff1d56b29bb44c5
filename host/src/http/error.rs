//! Why an exchange with the outside world failed.
//!
//! Invariant: the text of an error names the origin (`scheme://host:port`) at most. It never holds a path, a query,
//! credentials or a header, because tokens travel in all of them and errors travel into logs and to models. For the same
//! reason no foreign error is kept as a source: its last cause is repeated here, shortened and without control characters.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use url::Url;

use super::address::AddressClass;
use super::limits::MAX_ERROR_REASON;

/// Result of an outbound operation.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an exchange with the outside world failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The client could not be built.
    #[error("set up the outbound client: {reason}")]
    Setup {
        /// What was missing or malformed, and what to do.
        reason: String,
    },
    /// The URL is not one that the gateway opens.
    #[error("URL refused: {reason}; use http(s)://host[:port]/… or, for WebSockets, ws(s)://")]
    InvalidUrl {
        /// The rule that it breaks.
        reason: &'static str,
    },
    /// The request can't be sent as it is.
    #[error("request refused: {reason}; correct the request")]
    InvalidRequest {
        /// The rule that it breaks; names a header, never its value.
        reason: String,
    },
    /// The caller's policy does not name this host.
    #[error(
        "{caller} may not reach {host}: the host is not among its permitted ones; to allow it, add \"{host}\" to \
         plugins.entries.{caller}.permissions.hosts"
    )]
    Refused {
        /// Id of the caller.
        caller: Box<str>,
        /// Host, with a port where it is not the scheme's own.
        host: String,
    },
    /// The address guard stopped a URL that came from a message, a model or a tool.
    #[error("{origin} is blocked for URLs from messages, models and tools: {denial}")]
    Guard {
        /// Origin of the URL.
        origin: String,
        /// What the guard objected to.
        denial: Denial,
    },
    /// The name has no address, or the resolver failed.
    #[error("resolve the host of {origin}: {reason}; check the name and the machine's DNS")]
    Dns {
        /// Origin of the URL.
        origin: String,
        /// Last cause.
        reason: String,
    },
    /// No connection could be opened.
    #[error("connect to {origin}: {reason}; check that the service runs and is reachable")]
    Connect {
        /// Origin of the URL, or of the proxy.
        origin: String,
        /// Last cause.
        reason: String,
    },
    /// The TLS handshake failed.
    #[error("TLS with {origin}: {reason}; check the certificate, the clock and the trusted authorities")]
    Tls {
        /// Origin of the URL.
        origin: String,
        /// Last cause.
        reason: String,
    },
    /// A deadline passed.
    #[error("{origin} took too long to {phase}; retry, or raise that deadline")]
    Timeout {
        /// Origin of the URL.
        origin: String,
        /// What was waited for.
        phase: Phase,
    },
    /// A body or message is larger than permitted.
    #[error("{origin}: more than {limit} bytes; raise the limit or ask for less")]
    TooLarge {
        /// Origin of the URL.
        origin: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// The peer answered something that is not HTTP or not a WebSocket.
    #[error("{origin} broke the protocol: {reason}; the service may be incompatible or faulty")]
    Protocol {
        /// Origin of the URL.
        origin: String,
        /// What it did.
        reason: String,
    },
    /// The server answered a WebSocket handshake with a plain response.
    #[error(
        "{origin} answered status {status} instead of opening a WebSocket; check the address and the credentials"
    )]
    NotUpgraded {
        /// Origin of the URL.
        origin: String,
        /// Status of the response.
        status: u16,
    },
    /// The connection was lost before the end.
    #[error("{origin} cut the connection: {reason}; retry if the request may be repeated")]
    Cut {
        /// Origin of the URL.
        origin: String,
        /// Last cause.
        reason: String,
    },
    /// The caller's own body stream failed.
    #[error("the body sent to {origin} failed at its source: {reason}")]
    Upload {
        /// Origin of the URL.
        origin: String,
        /// What the stream said.
        reason: String,
    },
}

/// What the address guard objected to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// The host is, or resolves to, an address that is not public.
    #[error(
        "it leads to a {0} address; plugins.entries.<id>.permissions.allowPrivateNetwork admits private networks"
    )]
    Address(AddressClass),
    /// The name is reserved for local or metadata services.
    #[error("its name is reserved for local or metadata services; use a public name")]
    Name,
    /// The port belongs to a protocol that could be made to act by an HTTP request.
    #[error("port {0} belongs to another protocol; use a web port")]
    Port(u16),
    /// A proxy resolves names itself, so the guard could not hold.
    #[error(
        "through a proxy the guard can't check addresses; permissions.allowPrivateNetwork waives the check"
    )]
    Proxied,
}

/// What a deadline was set for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Opening a connection.
    Connect,
    /// The head of the response, redirects included.
    Head,
    /// The next chunk or message.
    Idle,
    /// The exchange as a whole.
    Total,
    /// Taking a message that was sent.
    Send,
}

// === impl Error ===

impl Error {
    /// Whether the caller, not the network, caused it: repeating the same request can't help.
    pub fn is_permanent(&self) -> bool {
        use Error as E;
        matches!(
            self,
            E::Setup { .. }
                | E::InvalidUrl { .. }
                | E::InvalidRequest { .. }
                | E::Refused { .. }
                | E::Guard { .. }
                | E::TooLarge { .. }
        )
    }

    pub(super) fn guard(url: &Url, denial: Denial) -> Self {
        Self::Guard {
            origin: origin(url),
            denial,
        }
    }

    pub(super) fn timeout(url: &Url, phase: Phase) -> Self {
        Self::Timeout {
            origin: origin(url),
            phase,
        }
    }

    pub(super) fn too_large(url: &Url, limit: u64) -> Self {
        Self::TooLarge {
            origin: origin(url),
            limit,
        }
    }

    pub(super) fn protocol(url: &Url, reason: impl fmt::Display) -> Self {
        Self::Protocol {
            origin: origin(url),
            reason: safe(reason),
        }
    }

    pub(super) fn cut(url: &Url, reason: impl fmt::Display) -> Self {
        Self::Cut {
            origin: origin(url),
            reason: safe(reason),
        }
    }

    pub(super) fn connect(url: &Url, reason: impl fmt::Display) -> Self {
        Self::Connect {
            origin: origin(url),
            reason: safe(reason),
        }
    }

    pub(super) fn tls(url: &Url, reason: impl fmt::Display) -> Self {
        Self::Tls {
            origin: origin(url),
            reason: safe(reason),
        }
    }

    pub(super) fn dns(url: &Url, reason: impl fmt::Display) -> Self {
        Self::Dns {
            origin: origin(url),
            reason: safe(reason),
        }
    }

    pub(super) fn upload(url: &Url, reason: impl fmt::Display) -> Self {
        Self::Upload {
            origin: origin(url),
            reason: safe(reason),
        }
    }

    pub(super) fn invalid_request(reason: impl Into<String>) -> Self {
        Self::InvalidRequest {
            reason: reason.into(),
        }
    }
}

impl fmt::Display for Phase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Connect => "accept a connection",
            Self::Head => "begin its response",
            Self::Idle => "send more",
            Self::Total => "finish",
            Self::Send => "take a message",
        })
    }
}

/// `scheme://host:port`: all of a URL that may be shown.
pub(super) fn origin(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or(0);
    format!("{}://{}:{port}", url.scheme(), url.host_str().unwrap_or("?"))
}

/// Shortens foreign words and takes out what could forge a log line or drive a terminal.
pub(super) fn safe(text: impl fmt::Display) -> String {
    let text = text.to_string();
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(MAX_ERROR_REASON)
        .collect()
}

/// The chain of causes of an error, its own first. Looks into what an `io::Error` wraps, which `source` skips.
pub(super) fn causes<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    std::iter::successors(Some(error), |error| {
        let error: &'a (dyn StdError + 'static) = *error;
        match error.downcast_ref::<io::Error>() {
            Some(wrapper) => wrapper
                .get_ref()
                .map(|inner| inner as &'a (dyn StdError + 'static)),
            None => error.source(),
        }
    })
}

/// The text of the last cause. Only the outermost errors of the libraries hold URLs.
pub(super) fn root_cause(error: &(dyn StdError + 'static)) -> String {
    causes(error)
        .last()
        .map(|cause| cause.to_string())
        .unwrap_or_default()
}
