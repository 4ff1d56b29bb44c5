//! Who is at the other end: the socket's peer, or the client that a trusted proxy names.
//!
//! Invariants: a forwarding header counts only if the socket's peer is a trusted PROXY, and then the right-most hop that
//! isn't trusted wins; a request that carries such a header is never taken for a local one, whoever sent it.
use axum::http::HeaderMap;
use std::{
    net::{IpAddr, Ipv6Addr},
    str::FromStr,
};

use super::limits::MAX_FORWARDED_HOPS;

/// Headers, beside all of `x-forwarded-…`, that proxies and tunnels add and that no client of ours sends.
const RELAY_HEADERS: [&str; 6] = [
    "forwarded",
    "x-real-ip",
    "via",
    "cf-connecting-ip",
    "fly-client-ip",
    "true-client-ip",
];

/// The client of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    address: IpAddr,
    relayed: bool,
    proxy: Option<IpAddr>,
}

/// A network of addresses, like `10.0.0.0/8`; a lone address is a network of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Network {
    address: IpAddr,
    prefix: u8,
}

/// The text is no network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is not a network: write an IP address, or address/prefix like 10.0.0.0/8")]
pub struct NetworkError(String);

// === impl Peer ===

impl Peer {
    /// The client of a request that came from `remote` with these headers.
    pub fn of(remote: IpAddr, headers: &HeaderMap, trusted: &[Network]) -> Self {
        let remote = remote.to_canonical();
        let relayed = headers.keys().any(|name| is_of_a_proxy(name.as_str()));
        let is_trusted = |address: &IpAddr| trusted.iter().any(|network| network.contains(*address));
        let proxy = Some(remote).filter(is_trusted);
        if !relayed || proxy.is_none() {
            return Self {
                address: remote,
                relayed,
                proxy,
            };
        }
        let hops = hops(headers);
        let client = hops
            .iter()
            .rev()
            .take(MAX_FORWARDED_HOPS)
            .map_while(|hop| parse_hop(hop));
        let mut address = remote;
        for hop in client {
            address = hop;
            if !is_trusted(&hop) {
                break;
            }
        }
        Self {
            address,
            relayed,
            proxy,
        }
    }

    /// Its address; an IPv4 address in IPv6 clothes is an IPv4 address.
    pub fn address(&self) -> IpAddr {
        self.address
    }

    /// Is it a program on this machine that talks to us directly?
    pub fn is_local(&self) -> bool {
        !self.relayed && self.address.is_loopback()
    }

    /// The trusted proxy that the socket leads to, if it is one.
    pub fn proxy(&self) -> Option<IpAddr> {
        self.proxy
    }

    /// What one client can easily change is left out: of an IPv6 address only the first 64 bits remain.
    pub fn network(&self) -> IpAddr {
        match self.address {
            IpAddr::V4(_) => self.address,
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        }
    }
}

/// Does only who passes a request on write this header?
fn is_of_a_proxy(name: &str) -> bool {
    name.starts_with("x-forwarded-") || RELAY_HEADERS.contains(&name)
}

/// The hops that the headers name, the nearest one last.
fn hops(headers: &HeaderMap) -> Vec<String> {
    let list = |name: &str| -> Vec<String> {
        let values = headers
            .get_all(name)
            .iter()
            .filter_map(|value| value.to_str().ok());
        values
            .flat_map(|value| value.split(','))
            .map(|hop| hop.trim().to_owned())
            .collect()
    };
    let forwarded = list("x-forwarded-for");
    if !forwarded.is_empty() {
        return forwarded;
    }
    let standard = list("forwarded");
    if !standard.is_empty() {
        let node = |hop: &String| {
            let pair = hop.split(';').find_map(|pair| {
                let (name, value) = pair.trim().split_once('=')?;
                name.eq_ignore_ascii_case("for")
                    .then(|| value.trim_matches('"').to_owned())
            });
            pair.unwrap_or_default()
        };
        return standard.iter().map(node).collect();
    }
    list("x-real-ip")
}

/// `1.2.3.4`, `1.2.3.4:5`, `::1`, `[::1]`, `[::1]:5`, each with or without a zone.
fn parse_hop(hop: &str) -> Option<IpAddr> {
    let bare = match hop.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.0,
        None if hop.matches(':').count() == 1 => hop.split_once(':')?.0,
        None => hop,
    };
    let bare = bare.split_once('%').map_or(bare, |(address, _zone)| address);
    bare.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

// === impl Network ===

impl Network {
    /// Is the address in it?
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let ignored = 32 - u32::from(self.prefix.min(32));
                (u64::from(ours.to_bits() ^ theirs.to_bits()) >> ignored) == 0
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let ignored = 128 - u32::from(self.prefix.min(128));
                (ours.to_bits() ^ theirs.to_bits())
                    .checked_shr(ignored)
                    .unwrap_or(0)
                    == 0
            }
            _ => false,
        }
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let wrong = || NetworkError(text.chars().take(64).collect());
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let widest = if address.is_ipv4() { 32 } else { 128 };
        let prefix = match prefix {
            Some(prefix) => prefix
                .parse()
                .ok()
                .filter(|prefix| *prefix <= widest)
                .ok_or_else(wrong)?,
            None => widest,
        };
        Ok(Self { address, prefix })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(remote: &str, headers: &[(&'static str, &str)], trusted: &[&str]) -> (String, bool) {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let trusted: Vec<Network> = trusted.iter().map(|network| network.parse().unwrap()).collect();
        let peer = Peer::of(remote.parse().unwrap(), &map, &trusted);
        (peer.address().to_string(), peer.is_local())
    }

    #[test]
    fn a_forwarding_header_counts_only_from_a_trusted_proxy() {
        const XFF: &str = "x-forwarded-for";
        const PROXY: &[&str] = &["127.0.0.1", "10.0.0.0/8"];
        type Case = (
            &'static str,
            &'static [(&'static str, &'static str)],
            &'static [&'static str],
            &'static str,
            bool,
        );
        let table: &[Case] = &[
            ("127.0.0.1", &[], &[], "127.0.0.1", true),
            ("::ffff:127.0.0.1", &[], &[], "127.0.0.1", true),
            ("192.0.2.1", &[], &[], "192.0.2.1", false),
            // untrusted: the claim is ignored, the locality gone
            ("127.0.0.1", &[(XFF, "8.8.8.8")], &[], "127.0.0.1", false),
            (
                "127.0.0.1",
                &[("x-real-ip", "127.0.0.1")],
                &[],
                "127.0.0.1",
                false,
            ),
            // whatever a proxy adds says that there is one
            (
                "127.0.0.1",
                &[("x-forwarded-port", "443")],
                &[],
                "127.0.0.1",
                false,
            ),
            ("127.0.0.1", &[("via", "1.1 edge")], &[], "127.0.0.1", false),
            (
                "127.0.0.1",
                &[("cf-connecting-ip", "8.8.8.8")],
                &[],
                "127.0.0.1",
                false,
            ),
            ("127.0.0.1", &[("x-forwarding", "1")], &[], "127.0.0.1", true),
            // trusted: the right-most hop that isn't ours
            ("127.0.0.1", &[(XFF, "8.8.8.8")], PROXY, "8.8.8.8", false),
            (
                "127.0.0.1",
                &[(XFF, "1.1.1.1, 8.8.8.8, 10.1.1.1")],
                PROXY,
                "8.8.8.8",
                false,
            ),
            (
                "127.0.0.1",
                &[(XFF, "1.1.1.1"), (XFF, "9.9.9.9:443")],
                PROXY,
                "9.9.9.9",
                false,
            ),
            (
                "127.0.0.1",
                &[(XFF, "spoofed, 127.0.0.1")],
                PROXY,
                "127.0.0.1",
                false,
            ),
            (
                "127.0.0.1",
                &[("forwarded", "for=\"[2001:db8::1%eth0]:80\";proto=https")],
                PROXY,
                "2001:db8::1",
                false,
            ),
            ("127.0.0.1", &[("x-real-ip", "8.8.4.4")], PROXY, "8.8.4.4", false),
        ];
        for (remote, headers, trusted, address, local) in table {
            let expected = ((*address).to_owned(), *local);
            assert_eq!(
                peer(remote, headers, trusted),
                expected,
                "{remote} {headers:?} {trusted:?}"
            );
        }
    }

    #[test]
    fn one_client_is_one_network() {
        let network = |address: &str| {
            Peer::of(address.parse().unwrap(), &HeaderMap::new(), &[])
                .network()
                .to_string()
        };
        assert_eq!(network("::ffff:192.0.2.7"), network("192.0.2.7"));
        assert_eq!(network("2001:db8::1"), network("2001:db8:0:0:ffff::9"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
    }

    #[test]
    fn networks_parse_and_contain() {
        let contains = |network: &str, address: &str| {
            network
                .parse::<Network>()
                .unwrap()
                .contains(address.parse().unwrap())
        };
        assert!(contains("0.0.0.0/0", "8.8.8.8") && contains("::/0", "2001:db8::1"));
        assert!(contains("10.0.0.0/8", "::ffff:10.9.9.9") && !contains("10.0.0.0/8", "11.0.0.1"));
        assert!(!contains("0.0.0.0/0", "2001:db8::1"));
        for wrong in ["", "10.0.0.0/33", "::/129", "host", "10.0.0.0/-1"] {
            assert!(wrong.parse::<Network>().is_err(), "{wrong}");
        }
    }
}
