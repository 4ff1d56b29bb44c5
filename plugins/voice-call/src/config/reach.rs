//! How carriers reach the gateway.
use openclaw_plugin_api::setting::Token;
use schemars::JsonSchema;
use serde::Deserialize;

/// Where webhooks arrive.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Serve {
    /// Port of a listener beside the gateway's own port, which serves the webhook in any case.
    pub port: Option<u16>,
    /// Address of that listener; 127.0.0.1 if nothing is said.
    pub bind: Option<String>,
    /// Path of the webhook; `/voice/webhook` if nothing is said.
    #[schemars(regex(pattern = r"^/[A-Za-z0-9._~/-]*$"))]
    pub path: Option<String>,
}

/// A way in from outside.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Tunnel {
    /// Which.
    pub provider: TunnelKind,
    /// `NGROK_AUTHTOKEN` if nothing is said.
    pub ngrok_auth_token: Token,
    /// A name that stays the same; `NGROK_DOMAIN` if nothing is said.
    pub ngrok_domain: Option<String>,
    /// Where ngrok's service is, `host:port`, for an ingress of your own (`connect_url` of ngrok's agent); ngrok's own if
    /// nothing is said.
    pub ngrok_connect_url: Option<String>,
    /// The authorities that vouch for that service, as PEM; those that ngrok uses if nothing is said.
    pub ngrok_connect_cas: Option<String>,
    /// Believe the forwarding headers of a tunnel on this machine. Signatures are checked in any case.
    pub allow_ngrok_free_tier_loopback_bypass: bool,
}

/// Which tunnel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum TunnelKind {
    /// None.
    #[default]
    None,
    /// ngrok.
    Ngrok,
    /// `tailscale serve`: reaches this tailnet only.
    TailscaleServe,
    /// `tailscale funnel`.
    TailscaleFunnel,
}

/// A way in through Tailscale.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct Tailscale {
    /// Which.
    pub mode: TailscaleMode,
    /// Path of the webhook on the tailnet's name; that of `serve.path` if nothing is said.
    #[schemars(regex(pattern = r"^/[A-Za-z0-9._~/-]*$"))]
    pub path: Option<String>,
    /// Port on the tailnet's name; 443 if nothing is said. A funnel has 443, 8443 and 10000.
    pub port: Option<u16>,
}

/// Which way through Tailscale.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum TailscaleMode {
    /// None.
    #[default]
    Off,
    /// This tailnet only.
    Serve,
    /// Everybody.
    Funnel,
}

/// Whose word counts for the address that a carrier called.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(deny_unknown_fields)]
pub struct WebhookSecurity {
    /// Names that a forwarding header may give.
    pub allowed_hosts: Vec<String>,
    /// Believe forwarding headers, whatever name they give.
    pub trust_forwarding_headers: bool,
    /// Proxies whose forwarding headers count; any if the list is empty.
    #[serde(rename = "trustedProxyIPs")]
    pub trusted_proxy_ips: Vec<String>,
}
