//! Judges one webhook: did the carrier send it?
use super::{address::Address, sign};
use crate::{
    clock::Clock,
    config::TunnelKind,
    reach::Reach,
    settings::{Credentials, Settings},
};
use openclaw_plugin_api::{Error, ErrorKind, HttpCall, Result};
use ring::digest;
use std::{borrow::Cow, net::IpAddr, sync::Arc};
use url::{Url, form_urlencoded};

/// Headers by which a request shows that it went through a proxy.
const FORWARDED: [&str; 5] = [
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
];

/// Judges webhooks.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    settings: Arc<Settings>,
    reach: Reach,
    clock: Clock,
}

/// A webhook of which it is known who sent it.
#[derive(Debug)]
pub(crate) struct Verified {
    key: String,
    url: String,
    query: String,
    params: Vec<(String, String)>,
    body: Vec<u8>,
}

// === impl Verified ===

impl Verified {
    /// The same for each telling of the same thing, made of nothing but what is signed.
    pub(crate) fn key(&self) -> &str {
        &self.key
    }

    /// The webhook's address as the carrier called it, without its query.
    pub(crate) fn webhook(&self) -> &str {
        self.url.split('?').next().unwrap_or_default()
    }

    /// A field of the form; the first, if there are several.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        let found = self.params.iter().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_str())
    }

    /// A field of the query; the first, if there are several.
    pub(crate) fn query(&self, name: &str) -> Option<Cow<'_, str>> {
        let found = form_urlencoded::parse(self.query.as_bytes()).find(|(key, _)| key == name);
        found.map(|(_, value)| value)
    }

    pub(crate) fn body(&self) -> &[u8] {
        &self.body
    }

    /// For tests of what is behind the gate.
    #[cfg(test)]
    pub(crate) fn made_up(key: &str, query: &str, params: &[(&str, &str)], body: &[u8]) -> Self {
        let params = params
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect();
        Self {
            key: key.to_owned(),
            url: "https://voice.example.com/voice/webhook".to_owned(),
            query: query.to_owned(),
            params,
            body: body.to_vec(),
        }
    }
}

// === impl Gate ===

impl Gate {
    pub(crate) fn new(settings: Arc<Settings>, reach: Reach, clock: Clock) -> Self {
        Self {
            settings,
            reach,
            clock,
        }
    }

    /// May this request send its body? Who brings no signature has sent it in vain.
    pub(crate) fn check(&self, head: &HttpCall) -> Result<()> {
        let has = |name: &str| head.header(name).is_some_and(|value| !value.is_empty());
        match &self.settings.credentials {
            Credentials::Twilio { .. } if has(sign::TWILIO) => Ok(()),
            Credentials::Twilio { .. } => Err(refused("Missing X-Twilio-Signature header")),
            Credentials::Telnyx { .. } if !has(sign::TELNYX) => Err(refused("missing signature header")),
            Credentials::Telnyx { .. } if !has(sign::TELNYX_TIME) => Err(refused("missing timestamp header")),
            Credentials::Telnyx { .. } => Ok(()),
            Credentials::Plivo { .. } => {
                let v3 = has(sign::PLIVO_V3) && has(sign::PLIVO_V3_NONCE);
                let v2 = has(sign::PLIVO_V2) && has(sign::PLIVO_V2_NONCE);
                (v3 || v2)
                    .then_some(())
                    .ok_or_else(|| refused("missing X-Plivo-Signature headers"))
            }
            Credentials::Mock => from_here(head),
        }
    }

    /// Did the carrier send this?
    pub(crate) fn verify(&self, call: &HttpCall) -> Result<Verified> {
        self.check(call)?;
        let address = self.address(call);
        let form = || {
            form_urlencoded::parse(&call.body)
                .into_owned()
                .collect::<Vec<_>>()
        };
        let (key, params) = match &self.settings.credentials {
            Credentials::Twilio { auth_token, .. } => {
                let params = form();
                let signature = call.header(sign::TWILIO).unwrap_or_default();
                let key = sign::twilio(auth_token, &address, &call.query, &params, &call.body, signature)?;
                (key, params)
            }
            Credentials::Telnyx { public_key, .. } => {
                let header = |name| call.header(name).unwrap_or_default();
                let (signature, time) = (header(sign::TELNYX), header(sign::TELNYX_TIME));
                let now = self.clock.now() / 1000;
                (
                    sign::telnyx(public_key, signature, time, now, &call.body)?,
                    Vec::new(),
                )
            }
            Credentials::Plivo { auth_token, .. } => {
                let params = form();
                (sign::plivo(auth_token, &address, call, &params)?, params)
            }
            // each is its own: two alike may both be meant
            Credentials::Mock => (
                format!("{}-{}", call.request_id, crate::clock::uuid()),
                Vec::new(),
            ),
        };
        Ok(Verified {
            key,
            url: address.url(&call.query),
            query: call.query.clone(),
            params,
            body: call.body.clone(),
        })
    }

    /// The address that the carrier called.
    fn address(&self, call: &HttpCall) -> Address {
        if let Some(known) = self.reach.known() {
            return Address::known(&known, call);
        }
        let security = &self.settings.config.webhook_security;
        let trusts = self.trusts(call);
        let allowed = &security.allowed_hosts;
        // the plugin sees its own path, wherever the operator moved it
        Address::of_request(call, self.reach.path(), trusts, allowed)
    }

    /// Do this request's forwarding headers count?
    fn trusts(&self, call: &HttpCall) -> bool {
        let config = &self.settings.config;
        let security = &config.webhook_security;
        let peer: Option<IpAddr> = call.peer.parse::<IpAddr>().ok().map(|peer| peer.to_canonical());
        let bind = config.serve.bind.as_deref().unwrap_or("127.0.0.1");
        let tunnelled = config.tunnel.allow_ngrok_free_tier_loopback_bypass
            && config.tunnel.provider == TunnelKind::Ngrok
            && matches!(bind, "127.0.0.1" | "::1" | "localhost")
            && peer.is_some_and(|peer| peer.is_loopback());
        let wanted = !security.allowed_hosts.is_empty() || security.trust_forwarding_headers || tunnelled;
        let proxies = &security.trusted_proxy_ips;
        let listed = |proxy: &String| proxy.trim().parse::<IpAddr>().ok().map(|ip| ip.to_canonical()) == peer;
        wanted && (proxies.is_empty() || peer.is_some() && proxies.iter().any(listed))
    }
}

/// A carrier that does not exist is played by somebody on this machine, and not by a proxy on it.
fn from_here(head: &HttpCall) -> Result<()> {
    let peer = head.peer.parse::<IpAddr>().map(|peer| peer.to_canonical());
    let forwarded = FORWARDED.iter().any(|name| head.header(name).is_some());
    match peer {
        Ok(peer) if peer.is_loopback() && !forwarded => Ok(()),
        _ => Err(refused("the mock carrier is played on this machine only")),
    }
}

pub(super) fn refused(why: impl std::fmt::Display) -> Error {
    Error::new(ErrorKind::Auth, why)
}

/// SHA-256 of pieces with their lengths, as hex: no two lists of pieces have the same.
pub(super) fn fingerprint(pieces: &[&[u8]]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for piece in pieces {
        context.update(&(piece.len() as u64).to_be_bytes());
        context.update(piece);
    }
    hex(context.finish().as_ref())
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [crate::clock::hex(byte >> 4), crate::clock::hex(byte & 0x0f)])
        .collect()
}

/// An address for the log: without what it carries.
pub(super) fn told(url: &str) -> String {
    let Ok(mut url) = Url::parse(url) else {
        return "an address that is none".to_owned();
    };
    let keys: Vec<String> = url.query_pairs().map(|(key, _)| key.into_owned()).collect();
    url.set_fragment(None);
    url.set_query(None);
    let _ = url.set_username("");
    let _ = url.set_password(None);
    let query: Vec<_> = keys.iter().take(8).map(|key| format!("{key}=…")).collect();
    match query.is_empty() {
        true => url.to_string(),
        false => format!("{url}?{}", query.join("&")),
    }
}
