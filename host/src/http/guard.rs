//! The first half of the address guard: which URLs are accepted at all, before any name is resolved.
//!
//! The second half, the check of each resolved address, is in `dns`, where a connection takes its addresses from; so
//! there is no moment between check and use. A URL leaves here canonical: numeric hosts in dotted form, names in
//! ASCII without a trailing dot, no credentials, no fragment.

use std::net::IpAddr;

use url::{Host, Url};

use super::address::AddressClass;
use super::error::{Denial, Error, Result};
use super::limits::MAX_URL_BYTES;

/// Names that lead to this machine, its network or its cloud's metadata, by themselves or as a suffix.
const LOCAL_NAMES: [&str; 7] = [
    "localhost",
    "local",
    "internal",
    "home.arpa",
    "localdomain",
    "metadata",
    "instance-data",
];

/// Services that act on bytes which an HTTP request can carry.
const FOREIGN_PORTS: [u16; 14] = [0, 21, 22, 23, 25, 53, 110, 119, 143, 465, 587, 993, 995, 6667];

/// Kind of connection that a URL is meant for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    /// http and https.
    Http,
    /// ws and wss.
    WebSocket,
}

/// Parses and canonicalises a URL.
pub(super) fn parse(text: &str, scheme: Scheme) -> Result<Url> {
    if text.len() > MAX_URL_BYTES {
        return Err(Error::InvalidUrl {
            reason: "it is longer than 16 KiB",
        });
    }
    let url = Url::parse(text).map_err(|_| Error::InvalidUrl {
        reason: "it is not a URL",
    })?;
    canonical(url, scheme)
}

/// Canonicalises a parsed URL; also for the target of a redirect.
pub(super) fn canonical(mut url: Url, scheme: Scheme) -> Result<Url> {
    let known = match scheme {
        Scheme::Http => matches!(url.scheme(), "http" | "https"),
        Scheme::WebSocket => matches!(url.scheme(), "ws" | "wss"),
    };
    if !known {
        return Err(Error::InvalidUrl {
            reason: "its scheme is not supported here",
        });
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Error::InvalidUrl {
            reason: "it holds credentials; put them into a header",
        });
    }
    if let Some(Host::Domain(name)) = url.host() {
        let bare = name.strip_suffix('.').unwrap_or(name);
        if bare.is_empty() || bare.split('.').any(str::is_empty) {
            return Err(Error::InvalidUrl {
                reason: "its host has an empty label",
            });
        }
        if bare.len() != name.len() {
            let bare = bare.to_owned();
            url.set_host(Some(&bare)).map_err(|_| Error::InvalidUrl {
                reason: "its host is not a name",
            })?;
        }
    }
    url.set_fragment(None);
    Ok(url)
}

/// Checks what a guarded URL says by itself: port, reserved names, and addresses written out.
pub(super) fn check(url: &Url, allow_private: bool) -> Result<()> {
    let port = url.port_or_known_default().unwrap_or(0);
    if FOREIGN_PORTS.contains(&port) {
        return Err(Error::guard(url, Denial::Port(port)));
    }
    match literal(url) {
        Some(address) => check_address(address, allow_private).map_err(|denial| Error::guard(url, denial)),
        None if is_local_name(url.host_str().unwrap_or_default(), allow_private) => {
            Err(Error::guard(url, Denial::Name))
        }
        None => Ok(()),
    }
}

/// Checks one address that a guarded URL leads to.
pub(super) fn check_address(address: IpAddr, allow_private: bool) -> Result<(), Denial> {
    let class = AddressClass::of(address);
    if class.is_allowed(allow_private) {
        Ok(())
    } else {
        Err(Denial::Address(class))
    }
}

/// The address that a URL has in place of a name.
pub(super) fn literal(url: &Url) -> Option<IpAddr> {
    match url.host()? {
        Host::Ipv4(v4) => Some(IpAddr::V4(v4)),
        Host::Ipv6(v6) => Some(IpAddr::V6(v6)),
        Host::Domain(_) => None,
    }
}

fn is_local_name(name: &str, allow_private: bool) -> bool {
    if name == "metadata.google.internal" || name == "instance-data.ec2.internal" || name == "metadata" {
        return true;
    }
    !allow_private
        && LOCAL_NAMES.iter().any(|local| {
            name.strip_suffix(local)
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
}
