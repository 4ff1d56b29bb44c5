//! How carriers reach the gateway: the public address of the webhook, as far as it is known.
use crate::{
    config::{Config, InboundPolicy},
    settings::{Credentials, Settings},
};
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    sync::{Arc, Mutex, PoisonError},
};
use url::{Host, Url};

/// What an operator can do about an address that carriers can't reach.
pub(crate) const REMEDIES: &str = "either set tunnel.provider to \"ngrok\" or \"tailscale-funnel\", or set publicUrl to the \
     https address that leads here, or make calls out only: provider \"twilio\", inboundPolicy \"disabled\" and \
     outbound.defaultMode \"notify\" need no webhook";

/// The public address of the webhook. Tunnels change it while calls go on.
#[derive(Debug, Clone)]
pub(crate) struct Reach(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    /// Named by the operator.
    public: Option<Url>,
    /// Opened by a tunnel.
    tunnel: Mutex<Option<Url>>,
    /// The first name that forwarding headers may give.
    forwarded: Option<Url>,
    path: String,
    /// Path at the far end of a tunnel.
    tunnel_path: String,
}

// === impl Reach ===

impl Reach {
    pub(crate) fn new(settings: &Settings) -> Self {
        let config = &settings.config;
        let path = config.webhook_path().into_owned();
        let first = config.webhook_security.allowed_hosts.first();
        let forwarded = first.and_then(|host| Url::parse(&format!("https://{}{path}", host.trim())).ok());
        Self(Arc::new(Inner {
            public: settings.public_url.clone(),
            tunnel: Mutex::default(),
            forwarded: forwarded.filter(|_| !config.expects_tunnel()),
            path,
            tunnel_path: config.tunnel_path().into_owned(),
        }))
    }

    /// The address that signatures are checked against, where it is known. Then nothing that a request says of itself
    /// counts.
    pub(crate) fn known(&self) -> Option<Url> {
        let tunnel = || {
            self.0
                .tunnel
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .clone()
        };
        self.0.public.clone().or_else(tunnel)
    }

    /// The address that carriers are told to call.
    pub(crate) fn webhook(&self) -> Option<String> {
        self.known()
            .or_else(|| self.0.forwarded.clone())
            .map(String::from)
    }

    /// A tunnel leads here from this address on, `https://name`; or does not any more.
    pub(crate) fn tunnelled(&self, base: Option<&Url>) {
        let url = base.map(|base| {
            let mut url = base.clone();
            url.set_path(&self.0.tunnel_path);
            url.set_query(None);
            url.set_fragment(None);
            url
        });
        *self.0.tunnel.lock().unwrap_or_else(PoisonError::into_inner) = url;
    }

    /// Path of the webhook, as carriers call it.
    pub(crate) fn path(&self) -> &str {
        &self.0.path
    }
}

/// Why a carrier that has to call us can't; `None`: it can, or need not.
pub(crate) fn refusal(settings: &Settings) -> Option<String> {
    let config = &settings.config;
    let name = match settings.credentials {
        Credentials::Twilio { .. } => "twilio",
        Credentials::Telnyx { .. } => "telnyx",
        Credentials::Plivo { .. } => "plivo",
        Credentials::Mock => return None,
    };
    let why = match &settings.public_url {
        Some(url) if is_private(url) => format!(
            "publicUrl leads to {}, which only this network reaches",
            host(url)
        ),
        Some(_) => return None,
        None if config.expects_tunnel() || is_forwarded(config) => return None,
        None if name == "twilio" && is_outbound_only(config) => return None,
        None => "none is known".to_owned(),
    };
    Some(format!(
        "{name} requires a publicly reachable webhook URL, and {why}: {REMEDIES}"
    ))
}

/// Does a proxy of the operator's say by which name it was called?
fn is_forwarded(config: &Config) -> bool {
    let security = &config.webhook_security;
    !security.allowed_hosts.is_empty() || security.trust_forwarding_headers
}

/// Are calls made out only, each of them a message and no conversation?
pub(crate) fn is_outbound_only(config: &Config) -> bool {
    config.inbound_policy == InboundPolicy::Disabled && !config.streaming.enabled && !config.realtime.enabled
}

fn host(url: &Url) -> &str {
    url.host_str().unwrap_or_default()
}

/// Does the address lead to this machine or this network only?
pub(crate) fn is_private(url: &Url) -> bool {
    match url.host() {
        None => true,
        Some(Host::Domain(name)) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost") || name.ends_with(".local")
        }
        Some(Host::Ipv4(address)) => is_private_v4(address),
        Some(Host::Ipv6(address)) => is_private_v6(address),
    }
}

fn is_private_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    address.is_loopback()
        || address.is_private()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_broadcast()
        || a == 0
        // carriers' own networks behind their translation
        || a == 100 && (64..128).contains(&b)
}

fn is_private_v6(address: Ipv6Addr) -> bool {
    if let IpAddr::V4(inner) = IpAddr::V6(address).to_canonical() {
        return is_private_v4(inner);
    }
    address.is_loopback()
        || address.is_unspecified()
        || address.is_unique_local()
        || address.is_unicast_link_local()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_this_network_are_told_apart() {
        for (url, private) in [
            ("https://voice.example.com/", false),
            ("https://8.8.8.8/", false),
            ("https://100.63.0.1/", false),
            ("https://100.128.0.1/", false),
            ("https://172.32.0.1/", false),
            ("https://[2001:4860:4860::8888]/", false),
            ("http://localhost:3334/", true),
            ("http://LOCALHOST./", true),
            ("http://a.localhost/", true),
            ("http://nas.local/", true),
            ("http://127.8.9.1/", true),
            ("http://2130706433/", true),
            ("http://0.0.0.0/", true),
            ("http://10.1.2.3/", true),
            ("http://172.16.0.1/", true),
            ("http://192.168.1.1/", true),
            ("http://169.254.1.1/", true),
            ("http://100.64.0.1/", true),
            ("http://[::1]/", true),
            ("http://[::]/", true),
            ("http://[fd00::1]/", true),
            ("http://[fe80::1]/", true),
            ("http://[::ffff:10.0.0.1]/", true),
        ] {
            assert_eq!(
                is_private(&Url::parse(url).expect("an address")),
                private,
                "{url}"
            );
        }
    }
}
