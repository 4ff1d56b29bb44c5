//! What a caller asks for, and the rules it is held to before anything is sent.
//!
//! Headers that decide where a request goes or where its body ends are the client's, not the caller's: a `Host` of the
//! caller's choice would lead past its permitted hosts.

use std::error::Error as StdError;
use std::fmt;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use reqwest::Method;
use reqwest::header::{CONTENT_LENGTH, HeaderMap, HeaderName, HeaderValue};

use super::error::{Error, Result};
use super::limits;
use super::proxy::Proxy;

/// Who chose a URL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The caller itself or its operator.
    Trusted,
    /// A message, a model or a tool: the address guard applies.
    Untrusted,
}

/// A body that is produced while it is sent. An error of the stream aborts the request.
pub type BodyStream = Pin<Box<dyn Stream<Item = Result<Bytes, Box<dyn StdError + Send + Sync>>> + Send>>;

/// Body of a request.
#[derive(Default)]
pub enum Body {
    /// No body.
    #[default]
    None,
    /// The body as a whole.
    Bytes(Bytes),
    /// The body in pieces; such a request can't be repeated for a redirect.
    Stream(BodyStream),
}

/// One HTTP request. Its `Debug` shows neither URL nor headers.
pub struct Request {
    /// Method, such as `GET`.
    pub method: String,
    /// Absolute URL, http or https.
    pub url: String,
    /// Who chose the URL.
    pub origin: Origin,
    /// Headers, in order.
    pub headers: Vec<(String, Vec<u8>)>,
    /// Body.
    pub body: Body,
    /// Time to the head of the final response. Default: 60 seconds.
    pub deadline: Duration,
    /// Pause permitted between two chunks of the response; `None` waits as long as `total` permits. Default: 30 seconds.
    pub idle_timeout: Option<Duration>,
    /// Time for the whole exchange. Default: unlimited; at most 300 seconds for an untrusted URL.
    pub total: Option<Duration>,
    /// Bytes of the response's body, on the wire and decoded. Default: 32 MiB.
    pub max_response_bytes: u64,
    /// Redirects to follow; 0 returns the redirect itself. Default: 3; at most 10, for an untrusted URL 3.
    pub redirects: u8,
    /// Whether to accept a compressed response and decode it. Default: yes. A request with an `Accept-Encoding` of its
    /// own gets the body as it came.
    pub decompress: bool,
    /// Proxy to use instead of the client's.
    pub proxy: Option<Proxy>,
}

impl Request {
    /// A request with the defaults.
    pub fn new(method: impl Into<String>, url: impl Into<String>, origin: Origin) -> Self {
        Self {
            method: method.into(),
            url: url.into(),
            origin,
            headers: Vec::new(),
            body: Body::None,
            deadline: limits::DEFAULT_HEAD_DEADLINE,
            idle_timeout: Some(limits::DEFAULT_IDLE_TIMEOUT),
            total: None,
            max_response_bytes: limits::DEFAULT_RESPONSE_BYTES,
            redirects: limits::DEFAULT_REDIRECTS,
            decompress: true,
            proxy: None,
        }
    }

    /// Redirects that are followed, after the maximum for the URL's origin.
    pub(super) fn redirect_limit(&self) -> u8 {
        self.redirects.min(match self.origin {
            Origin::Trusted => limits::MAX_REDIRECTS,
            Origin::Untrusted => limits::MAX_UNTRUSTED_REDIRECTS,
        })
    }

    /// Time for the exchange, after the maximum for the URL's origin.
    pub(super) fn total_limit(&self) -> Option<Duration> {
        match self.origin {
            Origin::Trusted => self.total,
            Origin::Untrusted => Some(self.total.map_or(limits::MAX_UNTRUSTED_TOTAL, |total| {
                total.min(limits::MAX_UNTRUSTED_TOTAL)
            })),
        }
    }

    pub(super) fn method(&self) -> Result<Method> {
        match Method::from_bytes(self.method.as_bytes()) {
            Ok(method) if method != Method::CONNECT => Ok(method),
            _ => Err(Error::invalid_request(
                "the method is not one that HTTP requests have",
            )),
        }
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("origin", &self.origin)
            .field("body", &self.body)
            .field("deadline", &self.deadline)
            .field("redirects", &self.redirects)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Bytes(bytes) => write!(f, "Bytes({})", bytes.len()),
            Self::Stream(_) => f.write_str("Stream"),
        }
    }
}

/// Checks and converts headers. `streamed` says that the body is a stream, whose length only the caller can know.
pub(super) fn headers(pairs: &[(String, Vec<u8>)], streamed: bool) -> Result<HeaderMap> {
    let bytes: usize = pairs.iter().map(|(name, value)| name.len() + value.len()).sum();
    if pairs.len() > limits::MAX_REQUEST_HEADERS || bytes > limits::MAX_REQUEST_HEADER_BYTES {
        return Err(Error::invalid_request("more than 100 headers or 64 KiB of them"));
    }
    let mut map = HeaderMap::with_capacity(pairs.len());
    for (name, value) in pairs {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| {
            Error::invalid_request("a header's name holds characters that HTTP does not permit")
        })?;
        if is_reserved(&name) && !(name == CONTENT_LENGTH && streamed) {
            return Err(Error::invalid_request(format!(
                "the header {name} is set by the client"
            )));
        }
        let mut value = HeaderValue::from_bytes(value).map_err(|_| {
            Error::invalid_request(format!("the value of header {name} is not permitted by HTTP"))
        })?;
        value.set_sensitive(true);
        map.append(name, value);
    }
    Ok(map)
}

fn is_reserved(name: &HeaderName) -> bool {
    const RESERVED: [&str; 10] = [
        "connection",
        "content-length",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
    ];
    RESERVED.contains(&name.as_str()) || (name.as_str().starts_with("sec-websocket-"))
}
