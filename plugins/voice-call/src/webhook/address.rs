//! The address that a carrier signed: it called a public one, and we see a local one.
//!
//! Invariant: where the public address is known, nothing that the request says of itself counts.
use openclaw_plugin_api::HttpCall;
use url::{Host, Url};

/// Headers that may say by which name a proxy was called, in the order in which they count.
const NAMED: [&str; 3] = ["x-forwarded-host", "x-original-host", "ngrok-forwarded-host"];

/// An address without its query, and the ports with which it may have been signed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Address {
    scheme: String,
    /// IPv6 in brackets.
    host: String,
    path: String,
    /// The first is the one that is expected.
    ports: Vec<Option<u16>>,
}

// === impl Address ===

impl Address {
    /// The public address is known.
    pub(super) fn known(url: &Url, call: &HttpCall) -> Self {
        Self {
            scheme: url.scheme().to_owned(),
            host: url.host_str().unwrap_or_default().to_owned(),
            path: url.path().to_owned(),
            ports: ports(url.port(), call),
        }
    }

    /// It is made of what the request says, as far as that is believed.
    pub(super) fn of_request(call: &HttpCall, path: &str, trusts: bool, allowed: &[String]) -> Self {
        let proto = call.header("x-forwarded-proto").filter(|_| trusts);
        let scheme = proto
            .filter(|proto| matches!(*proto, "http" | "https"))
            .unwrap_or("https");
        let forwarded = || {
            let named = NAMED.iter().filter_map(|name| name_of(call.header(name)?));
            named
                .into_iter()
                .find(|name| allowed.is_empty() || allowed.iter().any(|a| name_of(a).as_ref() == Some(name)))
        };
        let host = trusts.then(forwarded).flatten();
        let host = host.or_else(|| name_of(call.header("host")?));
        let host = host.or_else(|| Url::parse(&call.url).ok()?.host_str().map(str::to_owned));
        Self {
            scheme: scheme.to_owned(),
            host: host.unwrap_or_default(),
            path: path.to_owned(),
            ports: ports(None, call),
        }
    }

    /// The address that is expected, with a query.
    pub(super) fn url(&self, query: &str) -> String {
        self.with_port(self.ports[0], query)
    }

    /// All addresses that may have been signed: carriers disagree with themselves about ports.
    pub(super) fn urls(&self, query: &str) -> impl Iterator<Item = String> {
        self.ports.iter().map(move |port| self.with_port(*port, query))
    }

    fn with_port(&self, port: Option<u16>, query: &str) -> String {
        let port = port.map(|port| format!(":{port}")).unwrap_or_default();
        let mark = if query.is_empty() { "" } else { "?" };
        format!("{}://{}{port}{}{mark}{query}", self.scheme, self.host, self.path)
    }
}

/// The ports with which the address may have been signed: the one that is known, none, the scheme's own, the one that
/// the request names.
fn ports(known: Option<u16>, call: &HttpCall) -> Vec<Option<u16>> {
    let named = call.header("host").and_then(port_of);
    let mut ports = vec![known];
    for port in [None, named] {
        if !ports.contains(&port) {
            ports.push(port);
        }
    }
    ports
}

fn port_of(host: &str) -> Option<u16> {
    let (_, port) = host.rsplit_once(':')?;
    port.parse().ok()
}

/// The name in a header, if it is one: the first of a list, without its port, in lower case.
fn name_of(value: &str) -> Option<String> {
    let value = value.split(',').next()?.trim();
    if value.contains('@') {
        return None;
    }
    if let Some(rest) = value.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let fine = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        let address: std::net::Ipv6Addr = address.parse().ok().filter(|_| fine)?;
        return Some(format!("[{address}]"));
    }
    let name = match value.split_once(':') {
        Some((name, port)) if is_port(port) => name,
        Some(_) => return None,
        None => value,
    };
    let name = name.to_ascii_lowercase();
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let fine = name.len() <= 253 && name.split('.').all(label);
    fine.then_some(name).filter(|name| Host::parse(name).is_ok())
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.parse::<u16>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)]) -> HttpCall {
        let headers = headers
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        HttpCall {
            headers,
            url: "http://127.0.0.1:18789/voice/webhook?a=b".into(),
            ..HttpCall::default()
        }
    }

    fn of(headers: &[(&str, &str)], trusts: bool, allowed: &[&str]) -> String {
        let allowed: Vec<_> = allowed.iter().map(|&host| host.to_owned()).collect();
        Address::of_request(&request(headers), "/voice/webhook", trusts, &allowed).url("a=b")
    }

    #[test]
    fn forwarded_names_count_only_where_they_are_trusted_and_allowed() {
        let local = ("host", "127.0.0.1:18789");
        let evil = ("x-forwarded-host", "evil.example");
        let good = ("x-original-host", "Voice.Example.com:8443");
        let to = |host: &str| format!("https://{host}/voice/webhook?a=b");
        for (headers, trusts, allowed, expected) in [
            (vec![local, evil], false, vec![], to("127.0.0.1")),
            (vec![local, evil], true, vec![], to("evil.example")),
            (
                vec![local, evil],
                true,
                vec!["voice.example.com"],
                to("127.0.0.1"),
            ),
            (
                vec![local, evil, good],
                true,
                vec!["VOICE.example.com:443"],
                to("voice.example.com"),
            ),
            (
                vec![local, ("ngrok-forwarded-host", "a.ngrok.app")],
                true,
                vec![],
                to("a.ngrok.app"),
            ),
            (
                vec![local, ("x-forwarded-host", "a.example, b.example")],
                true,
                vec![],
                to("a.example"),
            ),
            (
                vec![local, ("x-forwarded-host", "me@a.example")],
                true,
                vec![],
                to("127.0.0.1"),
            ),
            (
                vec![local, ("x-forwarded-host", "a_b.example")],
                true,
                vec![],
                to("127.0.0.1"),
            ),
            (
                vec![local, ("x-forwarded-host", "a.example/path")],
                true,
                vec![],
                to("127.0.0.1"),
            ),
            (
                vec![local, ("x-forwarded-host", "")],
                true,
                vec![],
                to("127.0.0.1"),
            ),
            (
                vec![("host", "[2001:DB8::1]:443")],
                false,
                vec![],
                to("[2001:db8::1]"),
            ),
            (vec![("host", "[::1")], false, vec![], to("127.0.0.1")),
            (vec![], false, vec![], to("127.0.0.1")),
            (
                vec![local, ("x-forwarded-proto", "http")],
                false,
                vec![],
                to("127.0.0.1"),
            ),
        ] {
            assert_eq!(
                of(&headers, trusts, &allowed),
                expected,
                "{headers:?} {trusts} {allowed:?}"
            );
        }
        let http = of(&[local, ("x-forwarded-proto", "http")], true, &[]);
        assert_eq!(http, "http://127.0.0.1/voice/webhook?a=b");
        let odd = of(&[local, ("x-forwarded-proto", "HTTP")], true, &[]);
        assert!(odd.starts_with("https:"), "{odd}");
    }

    #[test]
    fn a_known_address_is_kept_but_for_the_query() {
        let known = Url::parse("https://voice.example.com:8443/base/hook").expect("an address");
        let call = request(&[("host", "127.0.0.1:18789"), ("x-forwarded-host", "evil.example")]);
        let address = Address::known(&known, &call);
        let urls: Vec<_> = address.urls("a=b").collect();
        assert_eq!(
            urls,
            [
                "https://voice.example.com:8443/base/hook?a=b",
                "https://voice.example.com/base/hook?a=b",
                "https://voice.example.com:18789/base/hook?a=b",
            ]
        );
    }
}
