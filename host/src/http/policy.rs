//! What one caller may reach, and what it has used.
//!
//! Invariant: an empty list permits nothing. Patterns are parsed once, by the rules that URLs are parsed by, so that
//! `0x7f.1`, `127.0.0.1` and `EXAMPLE.org.` can't be told apart by writing them differently.

use std::sync::atomic::{AtomicU64, Ordering};

use url::{Host, Url};

use super::error::{Error, Result};
use super::limits::MAX_HOST_PATTERNS;

/// Outbound permissions and counters of one caller.
#[derive(Debug)]
pub struct Egress {
    caller: Box<str>,
    patterns: Vec<Pattern>,
    allow_private: bool,
    counters: Counters,
}

/// Use of the network by one caller, since its [`Egress`] was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests and WebSocket handshakes, refused ones included; a redirect does not count again.
    pub requests: u64,
    /// Bytes of bodies and messages received, as they came over the wire.
    pub bytes_in: u64,
    /// Bytes of bodies and messages sent.
    pub bytes_out: u64,
    /// Exchanges that failed, by policy, network or peer.
    pub errors: u64,
}

/// A host pattern is malformed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PatternError {
    /// The text is neither a host nor a wildcard.
    #[error(
        "host pattern {0:?} is none of host, *.domain and *, each with an optional :port; correct or remove it"
    )]
    Malformed(String),
    /// The list is longer than a caller can need.
    #[error("more than {MAX_HOST_PATTERNS} host patterns; use *.domain to join some")]
    TooMany,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Pattern {
    host: HostPattern,
    port: Option<u16>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum HostPattern {
    Any,
    Exact(Host<String>),
    /// A suffix with its leading dot.
    Below(String),
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    requests: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
    errors: AtomicU64,
}

// === impl Egress ===

impl Egress {
    /// Permissions of `caller` from host patterns: `host`, `*.domain` (below it, not itself) or `*`, each with an optional
    /// `:port`. Without a port every port is meant.
    pub fn new<'a>(
        caller: &str,
        patterns: impl IntoIterator<Item = &'a str>,
        allow_private: bool,
    ) -> Result<Self, PatternError> {
        let patterns = patterns
            .into_iter()
            .map(Pattern::parse)
            .collect::<Result<Vec<_>, _>>()?;
        if patterns.len() > MAX_HOST_PATTERNS {
            return Err(PatternError::TooMany);
        }
        Ok(Self {
            caller: caller.into(),
            patterns,
            allow_private,
            counters: Counters::default(),
        })
    }

    /// Whether guarded requests of this caller may reach private networks.
    pub fn allow_private(&self) -> bool {
        self.allow_private
    }

    /// What the caller has used so far.
    pub fn counts(&self) -> Counts {
        let Counters {
            requests,
            bytes_in,
            bytes_out,
            errors,
        } = &self.counters;
        let [requests, bytes_in, bytes_out, errors] =
            [requests, bytes_in, bytes_out, errors].map(|counter| counter.load(Ordering::Relaxed));
        Counts {
            requests,
            bytes_in,
            bytes_out,
            errors,
        }
    }

    /// Fails unless a pattern covers the URL's host and port.
    pub(super) fn check(&self, url: &Url) -> Result<()> {
        if self.patterns.iter().any(|pattern| pattern.covers(url)) {
            return Ok(());
        }
        let host = url.host_str().unwrap_or_default();
        let host = url
            .port()
            .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        Err(Error::Refused {
            caller: self.caller.clone(),
            host,
        })
    }

    /// Whether a pattern other than `*` covers the URL: then the operator or the manifest meant this host.
    pub(super) fn names(&self, url: &Url) -> bool {
        self.patterns
            .iter()
            .any(|pattern| pattern.host != HostPattern::Any && pattern.covers(url))
    }

    pub(super) fn count_request(&self) {
        self.counters.requests.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn count_in(&self, bytes: usize) {
        self.counters.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(super) fn count_out(&self, bytes: usize) {
        self.counters.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts a failure on its way out.
    pub(super) fn count_error(&self, error: Error) -> Error {
        self.counters.errors.fetch_add(1, Ordering::Relaxed);
        error
    }
}

// === impl Pattern ===

impl Pattern {
    fn parse(text: &str) -> Result<Self, PatternError> {
        let malformed = || PatternError::Malformed(text.to_owned());
        // the last colon starts a port, unless it stands inside an IPv6 address
        let (host, port) = match text.rsplit_once(':') {
            Some((host, port)) if !port.ends_with(']') => (
                host,
                Some(
                    port.parse::<u16>()
                        .ok()
                        .filter(|port| *port != 0)
                        .ok_or_else(malformed)?,
                ),
            ),
            _ => (text, None),
        };
        let host = match host.strip_prefix('*') {
            Some("") => HostPattern::Any,
            Some(below) => match below.strip_prefix('.').map(parse_host) {
                Some(Some(Host::Domain(domain))) => HostPattern::Below(format!(".{domain}")),
                _ => return Err(malformed()),
            },
            None => HostPattern::Exact(parse_host(host).ok_or_else(malformed)?),
        };
        Ok(Self { host, port })
    }

    fn covers(&self, url: &Url) -> bool {
        if self.port.is_some() && self.port != url.port_or_known_default() {
            return false;
        }
        match (&self.host, url.host()) {
            (_, None) => false,
            (HostPattern::Any, Some(_)) => true,
            (HostPattern::Exact(expected), Some(host)) => expected.as_ref_str() == host,
            (HostPattern::Below(suffix), Some(Host::Domain(name))) => name.ends_with(suffix.as_str()),
            (HostPattern::Below(_), Some(_)) => false,
        }
    }
}

trait AsRefStr {
    fn as_ref_str(&self) -> Host<&str>;
}

impl AsRefStr for Host<String> {
    fn as_ref_str(&self) -> Host<&str> {
        match self {
            Host::Domain(name) => Host::Domain(name),
            Host::Ipv4(v4) => Host::Ipv4(*v4),
            Host::Ipv6(v6) => Host::Ipv6(*v6),
        }
    }
}

fn parse_host(text: &str) -> Option<Host<String>> {
    let text = text.strip_suffix('.').unwrap_or(text);
    match Host::parse(text).ok()? {
        Host::Domain(name) if name.contains('*') || name.split('.').any(str::is_empty) => None,
        host => Some(host),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn permits(patterns: &[&str], url: &str) -> bool {
        let egress = Egress::new("weather", patterns.iter().copied(), false).expect("patterns");
        egress.check(&url.parse().expect("a URL")).is_ok()
    }

    #[test]
    fn nothing_is_permitted_by_default_and_everything_by_a_star() {
        assert!(!permits(&[], "https://example.org/"));
        assert!(permits(&["*"], "https://example.org/"));
        assert!(permits(&["*:443"], "https://example.org/") && !permits(&["*:443"], "http://example.org/"));
    }

    #[test]
    fn patterns_match_whole_labels_and_ports() {
        assert!(permits(&["*.example.org"], "https://a.b.example.org/"));
        for url in [
            "https://example.org/",
            "https://badexample.org/",
            "https://example.org.evil.net/",
            "https://1.2.3.4/",
        ] {
            assert!(!permits(&["*.example.org"], url), "{url}");
        }
        assert!(permits(&["example.org:8443"], "wss://example.org:8443/"));
        assert!(!permits(&["example.org:8443"], "https://example.org/"));
        assert!(permits(&["EXAMPLE.org."], "https://example.org/"));
        assert!(permits(&["bücher.example"], "https://xn--bcher-kva.example/"));
        assert!(permits(&["0x7f.1"], "http://2130706433/"));
        assert!(permits(&["[::1]:80"], "http://[0:0::1]/") && permits(&["[::1]"], "http://[::1]:9/"));
    }

    #[test]
    fn malformed_patterns_are_refused() {
        for text in [
            "",
            "*example.org",
            "a.*.org",
            "*.",
            "*.1.2.3.4",
            "a..b",
            "host:0",
            "host:99999",
            "host:",
            "http://a",
            "a/b",
        ] {
            assert!(Egress::new("weather", [text], false).is_err(), "{text}");
        }
    }

    #[test]
    fn a_refusal_says_what_to_add_where() {
        let egress = Egress::new("weather", ["api.example.org"], false).expect("patterns");
        let error = egress
            .check(&"https://evil.net:8443/token?key=secret".parse().expect("a URL"))
            .expect_err("refused");
        let text = error.to_string();
        assert!(
            text.contains("evil.net:8443") && text.contains("plugins.entries.weather.permissions.hosts"),
            "{text}"
        );
        assert!(!text.contains("token") && !text.contains("secret"), "{text}");
    }
}
