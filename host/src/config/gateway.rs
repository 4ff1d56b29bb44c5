//! `gateway`: where it listens, who may connect, and what it offers over HTTP.
use super::{agents::words, secrets::SecretInput};
use schemars::JsonSchema;
use serde::Deserialize;
use std::net::IpAddr;

/// The port if nobody names one.
pub const DEFAULT_PORT: u16 = 18789;

/// `gateway`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayConfig {
    /// The port. Default: 18789.
    #[schemars(range(min = 1))]
    pub port: Option<u16>,
    /// Does the gateway run here, or do commands speak to one elsewhere? Default: `local`.
    pub mode: Option<GatewayMode>,
    /// Who can reach it. Default: `loopback`; in a container `auto` is every network.
    pub bind: Option<BindMode>,
    /// The address for `bind: "custom"`.
    pub custom_bind_host: Option<IpAddr>,
    /// Who may connect.
    pub auth: GatewayAuth,
    /// Addresses, or networks like `10.0.0.0/8`, of proxies whose headers about the client are believed.
    pub trusted_proxies: Vec<String>,
    /// Is the header `X-Real-IP` of a trusted proxy believed if `X-Forwarded-For` is absent? Default: false.
    pub allow_real_ip_fallback: bool,
    /// The page for browsers.
    pub control_ui: ControlUiConfig,
    /// The gateway elsewhere, for `mode: "remote"`.
    pub remote: RemoteConfig,
    /// What it does when the file changes.
    pub reload: ReloadConfig,
    /// What it offers over HTTP.
    pub http: HttpConfig,
    /// Devices that do what they are asked.
    pub nodes: NodesConfig,
}

words! {
    /// Where the gateway runs.
    GatewayMode {
        /// Here.
        Local = "local",
        /// Elsewhere; commands speak to it.
        Remote = "remote",
    }
    /// Who can reach the gateway.
    BindMode {
        /// As fits: this machine, or every network in a container.
        Auto = "auto",
        /// This machine.
        Loopback = "loopback",
        /// Every network that this machine is in.
        Lan = "lan",
        /// The private network of the machine's VPN.
        Tailnet = "tailnet",
        /// The address in `customBindHost`.
        Custom = "custom",
    }
    /// How a client shows who it is.
    AuthMethod {
        /// Not at all; only on this machine.
        None = "none",
        /// By a token.
        Token = "token",
        /// By a password.
        Password = "password",
        /// By what a trusted proxy says.
        TrustedProxy = "trusted-proxy",
    }
    /// What happens when the file changes.
    ReloadMode {
        /// Nothing.
        Off = "off",
        /// What can change while it runs does; a restart is asked for by the rest.
        Hybrid = "hybrid",
        /// The same as `hybrid`; of February 2026.
        Hot = "hot",
        /// The same as `hybrid`; of February 2026.
        Restart = "restart",
    }
}

/// `gateway.auth`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct GatewayAuth {
    /// How a client shows who it is. Default: what is set, the token first.
    pub mode: Option<AuthMethod>,
    /// The token. `OPENCLAW_GATEWAY_TOKEN` wins.
    pub token: Option<SecretInput>,
    /// The password. `OPENCLAW_GATEWAY_PASSWORD` wins.
    pub password: Option<SecretInput>,
    /// How many wrong tries there may be.
    pub rate_limit: RateLimitConfig,
    /// Whom a trusted proxy may vouch for, with `mode: "trusted-proxy"`.
    pub trusted_proxy: Option<TrustedProxyConfig>,
}

/// `gateway.auth.trustedProxy`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct TrustedProxyConfig {
    /// Header with the name of the user.
    pub user_header: String,
    /// Headers that have to be there too.
    pub required_headers: Vec<String>,
    /// Users that are let in. Default: all that the proxy lets through.
    pub allow_users: Vec<String>,
    /// May the proxy be on this machine? Then any program here can pretend to be it. Default: false.
    pub allow_loopback: bool,
}

/// `gateway.nodes`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct NodesConfig {
    /// How devices are let in.
    pub pairing: NodePairingConfig,
    /// What they may be asked.
    pub commands: NodeCommandsConfig,
    /// Like `gateway.nodes.commands.allow`; of February 2026.
    pub allow_commands: Option<Vec<String>>,
    /// Like `gateway.nodes.commands.deny`; of February 2026.
    pub deny_commands: Option<Vec<String>>,
}

/// `gateway.nodes.pairing`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct NodePairingConfig {
    /// Are devices on this machine let in without a question, if they bring the secret? Default: true.
    pub auto_approve_local: Option<bool>,
}

/// `gateway.nodes.commands`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct NodeCommandsConfig {
    /// Delicate commands, such as `camera.snap`, that nodes may be sent.
    pub allow: Option<Vec<String>>,
    /// Commands that they may not be sent.
    pub deny: Option<Vec<String>>,
}

/// `gateway.auth.rateLimit`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct RateLimitConfig {
    /// Wrong tries of one address before it is locked out. Default: 10.
    #[schemars(range(min = 1, max = 100_000))]
    pub max_attempts: Option<u32>,
    /// How long a try counts, milliseconds. Default: 60,000.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub window_ms: Option<u64>,
    /// How long the lock lasts, milliseconds. Default: 300,000.
    #[schemars(range(min = 1, max = 86_400_000))]
    pub lockout_ms: Option<u64>,
    /// Is this machine exempt? Default: true.
    pub exempt_loopback: Option<bool>,
}

/// `gateway.controlUi`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ControlUiConfig {
    /// Is there a page? Default: true.
    pub enabled: Option<bool>,
    /// The path that it is served below. Default: `/`.
    #[schemars(regex(pattern = "^/"))]
    pub base_path: Option<String>,
    /// Accepted, without effect: a folder with another page than the built-in one.
    pub root: Option<String>,
    /// Other pages that may connect, like `https://gateway.example:8443`; `*` stands for all.
    pub allowed_origins: Vec<String>,
    /// Also accept pages whose address equals the header `Host`; only safe if a proxy checks it. Default: false.
    pub dangerously_allow_host_header_origin_fallback: bool,
    /// Let pages in without a paired device. Default: false.
    pub dangerously_disable_device_auth: bool,
}

/// `gateway.remote`
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct RemoteConfig {
    /// Its address, `ws://…` or `wss://…`.
    #[schemars(regex(pattern = "^wss?://"))]
    pub url: Option<String>,
    /// Its token.
    pub token: Option<SecretInput>,
    /// Its password.
    pub password: Option<SecretInput>,
}

/// `gateway.reload`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct ReloadConfig {
    /// What happens when the file changes: with `off` nothing until the next start; the others apply it, by a restart where
    /// it takes one. Default: `hybrid`.
    pub mode: Option<ReloadMode>,
    /// How long the file must be quiet before it is read, milliseconds. Default: 500.
    #[schemars(range(max = 60_000))]
    pub debounce_ms: Option<u64>,
}

/// `gateway.http`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct HttpConfig {
    /// Interfaces for other programs.
    pub endpoints: EndpointsConfig,
}

/// `gateway.http.endpoints`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct EndpointsConfig {
    /// `POST /v1/chat/completions`
    pub chat_completions: EndpointConfig,
    /// `POST /v1/responses`
    pub responses: EndpointConfig,
}

/// `gateway.http.endpoints.<name>`
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase", deny_unknown_fields)]
pub struct EndpointConfig {
    /// Is it there? Default: false.
    pub enabled: bool,
}

// === impl NodesConfig ===

impl NodesConfig {
    /// Delicate commands that nodes may be sent. The newer key wins.
    pub fn allowed(&self) -> &[String] {
        let allowed = self.commands.allow.as_ref().or(self.allow_commands.as_ref());
        allowed.map_or(&[], Vec::as_slice)
    }

    /// Commands that they may not be sent. The newer key wins.
    pub fn denied(&self) -> &[String] {
        let denied = self.commands.deny.as_ref().or(self.deny_commands.as_ref());
        denied.map_or(&[], Vec::as_slice)
    }
}

// === impl GatewayConfig ===

impl GatewayConfig {
    /// The port to listen on.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(DEFAULT_PORT)
    }
}

// === impl ReloadConfig ===

impl ReloadConfig {
    /// Are changes of the file applied?
    pub fn is_on(&self) -> bool {
        self.mode != Some(ReloadMode::Off)
    }
}
