//! Which web pages and which host names may reach the listener.
//!
//! A browser attaches `Origin` to every WebSocket that a page opens, so an origin that isn't ours is a foreign page; and
//! a page that rebinds its own name to this machine betrays itself by its `Host`.
//!
//! Invariants: an origin is compared as a whole and byte by byte (scheme, host and port: no case folding, no suffix
//! rules); a host is an IP address, `localhost`, a name below `.local` or `.ts.net`, or a configured one.
use axum::http::uri::Authority;
use std::net::IpAddr;

/// The rule.
#[derive(Debug, Clone, Default)]
pub struct Sites {
    /// Origins that may connect, like `https://gateway.example:8443`. `*` stands for all.
    pub origins: Vec<String>,
    /// Host names that the gateway answers to, beside the ones that are always its own.
    pub hosts: Vec<String>,
    /// Accept every origin whose authority equals `Host`: only safe if a proxy in front checks `Host`.
    pub host_header_fallback: bool,
}

/// What a `Host` header names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HostKind {
    /// This machine or a private network.
    Near,
    /// An address in the internet.
    Public,
    /// A name.
    Name,
}

impl Sites {
    /// Adds the origins of a page that this gateway serves on `port` to a browser on the same machine.
    pub fn add_own(&mut self, port: u16) {
        let own = ["localhost", "127.0.0.1", "[::1]"].map(|host| format!("http://{host}:{port}"));
        self.origins.extend(own);
    }

    /// Does the gateway answer to this `Host`?
    pub fn host_allowed(&self, host: &str) -> bool {
        let Some((name, kind)) = parse_host(host) else {
            return false;
        };
        let listed = |list: &[String]| list.iter().any(|known| known == host || *known == name);
        let of_origin = |origin: &String| origin.split_once("://").is_some_and(|(_, rest)| rest == host);
        kind != HostKind::Name || listed(&self.hosts) || self.origins.iter().any(of_origin)
    }

    /// Does this `Host` name the machine itself?
    pub fn is_loopback(host: &str) -> bool {
        parse_host(host).is_some_and(|(name, _)| is_loopback(&name))
    }

    /// May a page of this origin connect through this `Host`?
    pub fn origin_allowed(&self, origin: &str, host: &str) -> bool {
        if self
            .origins
            .iter()
            .any(|allowed| allowed == origin || allowed == "*")
        {
            return true;
        }
        let same = ["http://", "https://"]
            .iter()
            .any(|scheme| origin.strip_prefix(scheme) == Some(host));
        let Some((name, kind)) = parse_host(host) else {
            return false;
        };
        let near = kind == HostKind::Near && !is_loopback(&name);
        same && (near || self.host_header_fallback)
    }
}

/// The host without its port, and what it is. `None`: not an authority, or one with a user's name.
fn parse_host(host: &str) -> Option<(String, HostKind)> {
    let authority: Authority = host.parse().ok()?;
    if host.contains('@') {
        return None;
    }
    let name = authority.host().trim_start_matches('[').trim_end_matches(']');
    let kind = match name.parse::<IpAddr>() {
        Ok(address) if is_private(address.to_canonical()) => HostKind::Near,
        Ok(_) => HostKind::Public,
        Err(_) if name == "localhost" => HostKind::Near,
        Err(_) if name.ends_with(".local") || name.ends_with(".ts.net") => HostKind::Near,
        Err(_) => HostKind::Name,
    };
    Some((name.to_owned(), kind))
}

fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let shared = v4.octets()[0] == 100 && v4.octets()[1] & 0xc0 == 64;
            v4.is_loopback() || v4.is_private() || v4.is_link_local() || shared
        }
        IpAddr::V6(v6) => v6.is_loopback() || v6.is_unique_local() || v6.is_unicast_link_local(),
    }
}

/// Pages on this machine are not one site: each port is another program's, so there the list decides.
fn is_loopback(name: &str) -> bool {
    name == "localhost"
        || name
            .parse::<IpAddr>()
            .is_ok_and(|address| address.to_canonical().is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sites() -> Sites {
        let mut sites = Sites {
            origins: vec!["https://desk.example".into()],
            ..Sites::default()
        };
        sites.add_own(18789);
        sites
    }

    #[test]
    fn origins_are_compared_exactly() {
        let table = [
            ("http://localhost:18789", "localhost:18789", true),
            ("http://127.0.0.1:18789", "localhost:18789", true),
            ("http://[::1]:18789", "[::1]:18789", true),
            ("https://desk.example", "desk.example", true),
            ("http://192.168.1.5:18789", "192.168.1.5:18789", true),
            ("http://host.tail.ts.net:18789", "host.tail.ts.net:18789", true),
            ("http://localhost:3000", "localhost:18789", false),
            ("http://localhost:3000", "localhost:3000", false),
            ("HTTP://LOCALHOST:18789", "localhost:18789", false),
            ("http://localhost.:18789", "localhost:18789", false),
            ("http://evil-localhost:18789", "localhost:18789", false),
            ("http://localhost:18789.evil.example", "localhost:18789", false),
            ("https://desk.example.evil", "desk.example", false),
            ("http://desk.example", "desk.example", false),
            ("http://192.168.1.6:18789", "192.168.1.5:18789", false),
            ("https://evil.example", "evil.example", false),
            ("http://8.8.8.8:18789", "8.8.8.8:18789", false),
            ("null", "localhost:18789", false),
            ("", "localhost:18789", false),
        ];
        for (origin, host, allowed) in table {
            assert_eq!(
                sites().origin_allowed(origin, host),
                allowed,
                "{origin} at {host}"
            );
        }
        let open = Sites {
            host_header_fallback: true,
            ..Sites::default()
        };
        assert!(open.origin_allowed("https://x.example", "x.example"));
        assert!(!open.origin_allowed("https://y.example", "x.example"));
    }

    #[test]
    fn a_rebound_name_is_refused() {
        let table = [
            ("localhost:18789", true),
            ("127.0.0.1", true),
            ("[::1]:18789", true),
            ("8.8.8.8:18789", true),
            ("mac.local:18789", true),
            ("desk.example", true),
            ("localhost.:18789", false),
            ("rebind.example:18789", false),
            ("127.0.0.1.rebind.example", false),
            ("user@localhost", false),
            ("desk.example:81", false),
            ("", false),
        ];
        for (host, allowed) in table {
            assert_eq!(sites().host_allowed(host), allowed, "{host}");
        }
        let named = Sites {
            hosts: vec!["nas".into()],
            ..Sites::default()
        };
        assert!(named.host_allowed("nas:18789"));
    }
}
