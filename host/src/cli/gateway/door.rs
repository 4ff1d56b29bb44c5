//! Where the gateway listens and who gets in: flags before environment before configuration, and no open door by
//! accident.
use super::Run;
use crate::{
    cli::{Failure, address, setting::Setting},
    clock::Clock,
    config::{AuthMethod, BindMode, Config, Env, GatewayConfig, GatewayMode},
    gateway::{
        Attempts, Auth, Events, MIN_SECRET, NodePolicy, Options, PagePlace, Policy, ProxyAuth, Rules,
        is_placeholder,
    },
    http::server::{Network, Sites},
};
use openclaw_plugin_api::Secret;
use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    path::Path,
    time::Duration,
};

/// How to listen. Beyond this machine only with a secret that the operator chose. The setting is as the flags say then.
pub(super) fn door(args: &Run, env: &Env, setting: &mut Setting) -> Result<Options, Failure> {
    let auth = &mut setting.config.gateway.auth;
    auth.mode = args.auth.or(auth.mode);
    let setting = &*setting;
    let config = &setting.config.gateway;
    if config.mode == Some(GatewayMode::Remote) {
        return Err(Failure::config(
            "gateway.mode is \"remote\": this machine uses a gateway elsewhere; set it to \"local\" to run one here",
        ));
    }
    let ip = ip(
        args.bind.or(config.bind).unwrap_or(BindMode::Loopback),
        config.custom_bind_host,
    )?;
    let port = address::port(args.port, env, setting)?;
    let given = (args.token.as_deref(), args.password.as_deref());
    let (token, password) = address::secrets(given, env, setting);
    if config.auth.mode == Some(AuthMethod::Password) && password.is_none() {
        return Err(Failure::config(
            "gateway.auth.mode is \"password\" and there is none: set OPENCLAW_GATEWAY_PASSWORD or gateway.auth.password",
        ));
    }
    for (name, secret) in [("token", &token), ("password", &password)] {
        secret.as_ref().map_or(Ok(()), |secret| check(name, secret, ip))?;
    }
    let proxy = proxy(config)?;
    if !ip.is_loopback() && token.is_none() && password.is_none() && proxy.is_none() {
        return Err(Failure::config(format_args!(
            "refusing to listen on {ip} without a secret: set OPENCLAW_GATEWAY_TOKEN (or gateway.auth.token, or \
             gateway.auth.password), or listen on this machine only with --bind loopback"
        )));
    }
    let token = match (token, &password) {
        (None, None) if address::makes_token(setting) => Some(address::make_token(setting)?),
        (token, _) => token,
    };
    Ok(Options {
        bind: addresses(ip, port),
        auth: Auth {
            token,
            password,
            proxy,
        },
        rules: rules(&setting.config)?,
        page: PagePlace::below(config.control_ui.base_path.as_deref().unwrap_or("/")),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        events: Events::default(),
        clock: Clock::system(),
    })
}

/// Who may come in, as far as that can change while the gateway runs.
pub(super) fn rules(config: &Config) -> Result<Rules, Failure> {
    let config = &config.gateway;
    let proxies = config.trusted_proxies.iter().map(|text| text.parse::<Network>());
    let proxies: Result<Vec<_>, _> = proxies.collect();
    Ok(Rules {
        sites: Sites {
            origins: config.control_ui.allowed_origins.clone(),
            hosts: Vec::new(),
            host_header_fallback: config.control_ui.dangerously_allow_host_header_origin_fallback,
        },
        trusted_proxies: proxies.map_err(|e| Failure::config(format_args!("gateway.trustedProxies: {e}")))?,
        policy: policy(config),
        commands: NodePolicy {
            allow: config.nodes.allowed().to_vec(),
            deny: config.nodes.denied().to_vec(),
        },
    })
}

/// Whom a proxy may vouch for, if that is the mode. A proxy that anybody could be is refused.
pub(super) fn proxy(config: &GatewayConfig) -> Result<Option<ProxyAuth>, Failure> {
    if config.auth.mode != Some(AuthMethod::TrustedProxy) {
        return Ok(None);
    }
    let proxy = config.auth.trusted_proxy.clone().unwrap_or_default();
    if config.trusted_proxies.is_empty() {
        return Err(Failure::config(
            "gateway.auth.mode is \"trusted-proxy\" and no proxy is trusted: set gateway.trustedProxies to its address",
        ));
    }
    if proxy.user_header.trim().is_empty() {
        return Err(Failure::config(
            "gateway.auth.mode is \"trusted-proxy\": name the header with the user in gateway.auth.trustedProxy.userHeader",
        ));
    }
    Ok(Some(ProxyAuth {
        user_header: proxy.user_header.trim().to_ascii_lowercase(),
        required_headers: proxy.required_headers,
        allow_users: proxy.allow_users,
        allow_loopback: proxy.allow_loopback,
    }))
}

/// What the owner allows.
fn policy(config: &GatewayConfig) -> Policy {
    let (usual, limit) = (Attempts::default(), &config.auth.rate_limit);
    Policy {
        auto_approve_local: config.nodes.pairing.auto_approve_local.unwrap_or(true),
        pages_without_device: config.control_ui.dangerously_disable_device_auth,
        pages: config.control_ui.enabled != Some(false),
        attempts: Attempts {
            most: limit.max_attempts.map_or(usual.most, |most| most as usize),
            window: limit.window_ms.map_or(usual.window, Duration::from_millis),
            lockout: limit.lockout_ms.map_or(usual.lockout, Duration::from_millis),
            exempt_loopback: limit.exempt_loopback.unwrap_or(usual.exempt_loopback),
        },
    }
}

/// A secret that is none lets everybody in, so it is refused wherever it comes from.
pub(in crate::cli) fn check(name: &str, secret: &Secret, ip: IpAddr) -> Result<(), Failure> {
    let text = secret.expose().trim();
    if text.is_empty() || is_placeholder(text) {
        return Err(Failure::config(format_args!(
            "the gateway's {name} is a placeholder; make one with `openssl rand -hex 24`"
        )));
    }
    if text.chars().count() >= MIN_SECRET {
        return Ok(());
    }
    if !ip.is_loopback() {
        return Err(Failure::config(format_args!(
            "the gateway's {name} has fewer than {MIN_SECRET} characters, and others can reach {ip}; make a longer one with \
             `openssl rand -hex 24`"
        )));
    }
    tracing::warn!(target: "openclaw::gateway", "the gateway's {name} is short; `openssl rand -hex 24` makes a better one");
    Ok(())
}

/// The address that a mode means on this machine.
pub(in crate::cli) fn ip(bind: BindMode, custom: Option<IpAddr>) -> Result<IpAddr, Failure> {
    let any = IpAddr::from(Ipv4Addr::UNSPECIFIED);
    let here = IpAddr::from(Ipv4Addr::LOCALHOST);
    Ok(match bind {
        BindMode::Loopback => here,
        BindMode::Lan => any,
        BindMode::Auto if in_container() => any,
        BindMode::Auto => here,
        BindMode::Tailnet => tailnet().map_or(here, IpAddr::from),
        BindMode::Custom => custom
            .ok_or_else(|| Failure::config("--bind custom needs an address in gateway.customBindHost"))?,
    })
}

/// Everywhere means everywhere: private networks of clouds speak IPv6 only.
fn addresses(ip: IpAddr, port: u16) -> Vec<SocketAddr> {
    let mut addresses = vec![SocketAddr::new(ip, port)];
    let has_v6 =
        || std::fs::read_to_string("/proc/net/if_inet6").is_ok_and(|interfaces| !interfaces.is_empty());
    if ip == IpAddr::from(Ipv4Addr::UNSPECIFIED) && has_v6() {
        addresses.push(SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), port));
    }
    addresses
}

/// Inside of a container, this machine alone is nobody.
pub(in crate::cli) fn in_container() -> bool {
    ["/.dockerenv", "/run/.containerenv"]
        .iter()
        .any(|mark| Path::new(mark).exists())
}

/// This machine's address in a tailnet, as the kernel's routing table has it.
fn tailnet() -> Option<Ipv4Addr> {
    let table = std::fs::read_to_string("/proc/net/fib_trie").ok()?;
    local_addresses(&table).find(|address| {
        let [a, b, ..] = address.octets();
        a == 100 && (64..128).contains(&b)
    })
}

fn local_addresses(table: &str) -> impl Iterator<Item = Ipv4Addr> {
    let lines: Vec<&str> = table.lines().map(str::trim).collect();
    let found: Vec<_> = lines
        .windows(2)
        .filter(|pair| pair[1] == "/32 host LOCAL")
        .filter_map(|pair| pair[0].trim_start_matches("|-- ").parse().ok())
        .collect();
    found.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read_from_the_routing_table() {
        let table = "  +-- 0.0.0.0/0\n     |-- 100.101.1.2\n        /32 host LOCAL\n     |-- 10.0.0.0\n        /24 link UNICAST\n";
        assert_eq!(
            local_addresses(table).collect::<Vec<_>>(),
            [Ipv4Addr::new(100, 101, 1, 2)]
        );
    }

    #[test]
    fn a_placeholder_is_no_secret_and_a_short_one_stays_at_home() {
        let (here, away) = (
            IpAddr::from(Ipv4Addr::LOCALHOST),
            IpAddr::from(Ipv4Addr::UNSPECIFIED),
        );
        let refused = |secret: &str, ip| check("token", &Secret::new(secret), ip).is_err();
        for placeholder in ["", " ", "undefined", "ChangeMe"] {
            assert!(refused(placeholder, here), "{placeholder}");
        }
        assert!(!refused("short", here) && refused("short", away));
        assert!(!refused("0123456789abcdef", away));
    }
}
