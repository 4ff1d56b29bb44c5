//! An HTTP proxy, and the tunnel through it that WebSockets use.
//!
//! `reqwest` opens its own tunnels. Credentials are kept apart from the address, and neither is printed.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use url::Url;

use super::error::{Error, Result, origin};
use super::limits::MAX_CONNECT_HEAD;

/// An HTTP proxy: `http://[user:password@]host:port`.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    url: Url,
    authorization: Option<String>,
}

impl Proxy {
    /// Parses a proxy's URL; credentials in it are sent as basic authorisation.
    pub fn parse(text: &str) -> Result<Self> {
        const REASON: &str = "a proxy is http://[user:password@]host:port";
        let invalid = || Error::InvalidUrl { reason: REASON };
        let mut url = Url::parse(text).map_err(|_| invalid())?;
        if url.scheme() != "http" || !url.has_host() || url.path() != "/" || url.query().is_some() {
            return Err(invalid());
        }
        let authorization = (!url.username().is_empty() || url.password().is_some()).then(|| {
            let mut pair: Vec<u8> = percent_decode_str(url.username()).collect();
            pair.push(b':');
            pair.extend(percent_decode_str(url.password().unwrap_or_default()));
            format!("Basic {}", STANDARD.encode(pair))
        });
        url.set_username("")
            .and_then(|()| url.set_password(None))
            .map_err(|()| invalid())?;
        Ok(Self { url, authorization })
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    pub(super) fn for_reqwest(&self) -> Result<reqwest::Proxy> {
        let setup = |reason: &str| Error::Setup {
            reason: format!("proxy {}: {reason}", origin(&self.url)),
        };
        let proxy = reqwest::Proxy::all(self.url.clone()).map_err(|_| setup("its URL is not usable"))?;
        match &self.authorization {
            None => Ok(proxy),
            Some(value) => {
                let mut value = reqwest::header::HeaderValue::from_str(value)
                    .map_err(|_| setup("its credentials are not usable in a header"))?;
                value.set_sensitive(true);
                Ok(proxy.custom_http_auth(value))
            }
        }
    }

    /// Asks the proxy, over an open connection, for a tunnel to the URL's host.
    pub(super) async fn tunnel(&self, stream: &mut TcpStream, target: &Url) -> Result<()> {
        let host = target.host_str().unwrap_or_default();
        let port = target.port_or_known_default().unwrap_or(0);
        let mut request = format!("CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n");
        if let Some(value) = &self.authorization {
            request.push_str(&format!("Proxy-Authorization: {value}\r\n"));
        }
        request.push_str("\r\n");
        let cut = |error| Error::cut(&self.url, error);
        stream.write_all(request.as_bytes()).await.map_err(cut)?;
        // byte by byte: what follows the head belongs to the tunnel, and the head is short
        let mut head = Vec::with_capacity(256);
        while !head.ends_with(b"\r\n\r\n") {
            if head.len() == MAX_CONNECT_HEAD {
                return Err(Error::too_large(&self.url, MAX_CONNECT_HEAD as u64));
            }
            head.push(stream.read_u8().await.map_err(cut)?);
        }
        let status = std::str::from_utf8(&head)
            .ok()
            .and_then(|head| head.split(' ').nth(1))
            .unwrap_or_default();
        match status.parse::<u16>() {
            Ok(200..=299) => Ok(()),
            Ok(status) => Err(Error::connect(
                &self.url,
                format_args!("the proxy answered status {status}"),
            )),
            Err(_) => Err(Error::protocol(&self.url, "the proxy's answer is not HTTP")),
        }
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({})", origin(&self.url))
    }
}
