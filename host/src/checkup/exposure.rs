//! Who can reach the gateway, and what lets them in: bind, secrets, proxies, the page for browsers.
use super::{Finding, Ground, PluginFacts, Severity, access};
use crate::{
    config::AuthMethod,
    gateway::{MIN_SECRET, is_placeholder},
};
use openclaw_plugin_api::Secret;
use serde_json::Value;

/// Shortest secret that nobody guesses, characters.
const STRONG: usize = 24;
/// Wrong tries a minute that are still a limit.
const MANY_TRIES: u32 = 100;
/// Commands of devices that see, hear or speak for their owner.
const DANGEROUS: [&str; 8] = [
    "camera",
    "screen",
    "audio",
    "sms",
    "contacts",
    "calendar",
    "location",
    "system.run",
];

/// Judges the gateway's door.
pub fn exposure(ground: &Ground) -> Vec<Finding> {
    let mut findings = door(ground);
    findings.extend(secrets(ground));
    findings.extend(proxies(ground));
    findings.extend(page(ground));
    findings.extend(devices(ground));
    findings
}

fn door(ground: &Ground) -> Vec<Finding> {
    let auth = &ground.config.gateway.auth;
    let mut findings = Vec::new();
    let has_secret = ground.token.is_some() || ground.password.is_some() || ground.unfetched;
    let by_proxy = auth.mode == Some(AuthMethod::TrustedProxy);
    let open = auth.mode == Some(AuthMethod::None);
    if ground.exposed && !by_proxy && (open || !has_secret) {
        findings.push(
            Finding::critical("gateway.bind_no_auth", "others can reach the gateway, and there is no secret")
                .because("gateway.bind lets other machines connect, and neither a token nor a password is set; the gateway \
                          refuses to start like this")
                .remedy("set OPENCLAW_GATEWAY_TOKEN to what `openssl rand -hex 24` prints, or: openclaw config set \
                         gateway.bind loopback"),
        );
    } else if open {
        findings.push(
            Finding::critical("gateway.loopback_no_auth", "the gateway lets in whoever is on this machine")
                .because("gateway.auth.mode is \"none\": every program and every user of this machine is the operator, and \
                          through a proxy everybody is")
                .remedy("openclaw config unset gateway.auth.mode"),
        );
    }
    let http = &ground.config.gateway.http.endpoints;
    if open && (http.chat_completions.enabled || http.responses.enabled) {
        findings.push(
            Finding::critical("gateway.http.no_auth", "the HTTP interfaces ask for no secret")
                .because("gateway.http.endpoints are on while gateway.auth.mode is \"none\"")
                .remedy("openclaw config unset gateway.auth.mode"),
        );
    }
    let tries = auth.rate_limit.max_attempts.unwrap_or(0);
    if ground.exposed && tries > MANY_TRIES {
        findings.push(
            Finding::warn("gateway.auth_no_rate_limit", "wrong secrets can be tried fast")
                .because(format!(
                    "gateway.auth.rateLimit.maxAttempts is {tries}, and others can reach the gateway"
                ))
                .remedy("openclaw config unset gateway.auth.rateLimit.maxAttempts"),
        );
    }
    findings
}

fn secrets(ground: &Ground) -> Vec<Finding> {
    let judged = [("token", &ground.token), ("password", &ground.password)];
    let judged = judged
        .into_iter()
        .filter_map(|(name, secret)| weak(name, secret.as_ref()?, ground.exposed));
    judged.collect()
}

fn weak(name: &str, secret: &Secret, exposed: bool) -> Option<Finding> {
    let text = secret.expose().trim();
    let length = text.chars().count();
    let variable = format!("OPENCLAW_GATEWAY_{}", name.to_uppercase());
    let remedy = format!("set {variable}, or gateway.auth.{name}, to what `openssl rand -hex 24` prints");
    if is_placeholder(text) {
        return Some(
            Finding::critical(format!("gateway.{name}_placeholder"), format!("the gateway's {name} is a placeholder"))
                .because("it is a word out of an example, which everybody tries first; the gateway refuses to start with it")
                .remedy(remedy),
        );
    }
    let same = text.chars().all(|c| text.starts_with(c));
    if length >= STRONG && !same {
        return None;
    }
    let severity = if exposed && (length < MIN_SECRET || same) {
        Severity::Critical
    } else {
        Severity::Warn
    };
    Some(
        Finding::new(
            severity,
            format!("gateway.{name}_too_short"),
            format!("the gateway's {name} is weak"),
        )
        .because(format!(
            "it has {length} characters; {STRONG} or more that are random can't be guessed"
        ))
        .remedy(remedy),
    )
}

fn proxies(ground: &Ground) -> Vec<Finding> {
    let gateway = &ground.config.gateway;
    let mut findings = Vec::new();
    let mut add =
        |finding: Finding, why: &str, remedy: &str| findings.push(finding.because(why).remedy(remedy));
    let wide = gateway.trusted_proxies.iter().any(|network| {
        let bits = network
            .split_once('/')
            .and_then(|(_, bits)| bits.parse::<u8>().ok());
        bits.is_some_and(|bits| bits < 8)
    });
    if wide {
        add(
            Finding::critical(
                "gateway.trusted_proxies_wide",
                "nearly everybody counts as a trusted proxy",
            ),
            "an entry of gateway.trustedProxies is a network of more than 16 million addresses; whoever is in it can claim \
             to be anybody",
            "name the proxy's own address in gateway.trustedProxies",
        );
    }
    if gateway.allow_real_ip_fallback {
        let severity = if ground.exposed {
            Severity::Critical
        } else {
            Severity::Warn
        };
        add(
            Finding::new(
                severity,
                "gateway.real_ip_fallback_enabled",
                "X-Real-IP is believed",
            ),
            "a proxy that passes this header on lets its visitors choose their address",
            "openclaw config unset gateway.allowRealIpFallback",
        );
    }
    if gateway.auth.mode == Some(AuthMethod::TrustedProxy) {
        let proxy = gateway.auth.trusted_proxy.clone().unwrap_or_default();
        if gateway.trusted_proxies.is_empty() {
            add(
                Finding::critical(
                    "gateway.trusted_proxy_no_proxies",
                    "no proxy is trusted to say who somebody is",
                ),
                "gateway.auth.mode is \"trusted-proxy\" and gateway.trustedProxies is empty; the gateway does not start",
                "set gateway.trustedProxies to the proxy's address",
            );
        }
        if proxy.user_header.trim().is_empty() {
            add(
                Finding::critical(
                    "gateway.trusted_proxy_no_user_header",
                    "no header says who somebody is",
                ),
                "gateway.auth.mode is \"trusted-proxy\" and gateway.auth.trustedProxy.userHeader is empty",
                "name the proxy's header in gateway.auth.trustedProxy.userHeader",
            );
        }
        if proxy.allow_users.is_empty() {
            add(
                Finding::warn(
                    "gateway.trusted_proxy_no_allowlist",
                    "everybody whom the proxy knows is the operator",
                ),
                "gateway.auth.trustedProxy.allowUsers is empty",
                "name the operators in gateway.auth.trustedProxy.allowUsers",
            );
        }
        if proxy.allow_loopback {
            add(
                Finding::warn(
                    "gateway.trusted_proxy_allow_loopback",
                    "programs of this machine can pretend to be the proxy",
                ),
                "gateway.auth.trustedProxy.allowLoopback is on",
                "openclaw config unset gateway.auth.trustedProxy.allowLoopback",
            );
        }
        add(
            Finding::warn(
                "gateway.trusted_proxy_auth",
                "the proxy alone decides who gets in",
            ),
            "gateway.auth.mode is \"trusted-proxy\": a fault of the proxy is one of the gateway",
            "make sure that nobody reaches the gateway but through the proxy, and that it removes the headers that visitors send",
        );
    } else if gateway.trusted_proxies.is_empty() && !ground.exposed {
        add(
            Finding::info("gateway.trusted_proxies_missing", "no proxy is trusted"),
            "gateway.trustedProxies is empty. That is right without a proxy; behind one, all visitors look like this machine",
            "if a proxy stands before the gateway, set gateway.trustedProxies to its address",
        );
    }
    findings
}

fn page(ground: &Ground) -> Vec<Finding> {
    let page = &ground.config.gateway.control_ui;
    if page.enabled == Some(false) {
        return Vec::new();
    }
    let by_exposure = if ground.exposed {
        Severity::Critical
    } else {
        Severity::Warn
    };
    let mut findings = Vec::new();
    if page.allowed_origins.iter().any(|origin| origin == "*") {
        findings.push(
            Finding::new(
                by_exposure,
                "gateway.control_ui.allowed_origins_wildcard",
                "pages of every site may connect",
            )
            .because(
                "gateway.controlUi.allowedOrigins has \"*\", so any page that the operator opens can try",
            )
            .remedy("name the gateway's own addresses in gateway.controlUi.allowedOrigins"),
        );
    }
    let fallback = page.dangerously_allow_host_header_origin_fallback;
    if fallback {
        findings.push(
            Finding::new(
                by_exposure,
                "gateway.control_ui.host_header_origin_fallback",
                "the header Host decides which pages may connect",
            )
            .because("a site can give its own name the address of this machine and is let through")
            .remedy("openclaw config unset gateway.controlUi.dangerouslyAllowHostHeaderOriginFallback"),
        );
    }
    if page.dangerously_disable_device_auth {
        findings.push(
            Finding::critical("gateway.control_ui.device_auth_disabled", "browsers get in without being paired")
                .because("gateway.controlUi.dangerouslyDisableDeviceAuth is on: who has the token is the operator, from any device")
                .remedy("openclaw config unset gateway.controlUi.dangerouslyDisableDeviceAuth"),
        );
    }
    if ground.exposed && page.allowed_origins.is_empty() && !fallback {
        findings.push(
            Finding::warn("gateway.control_ui.allowed_origins_required", "the page works on this machine only")
                .because("others can reach the gateway, and gateway.controlUi.allowedOrigins names no address; browsers elsewhere are refused")
                .remedy("name the page's addresses: openclaw config set gateway.controlUi.allowedOrigins '[\"https://…\"]'"),
        );
    }
    findings
}

fn devices(ground: &Ground) -> Option<Finding> {
    let allowed = ground.config.gateway.nodes.allowed();
    let risky: Vec<_> = allowed
        .iter()
        .filter(|name| DANGEROUS.iter().any(|known| name.starts_with(known)))
        .map(String::as_str)
        .collect();
    (!risky.is_empty()).then(|| {
        Finding::warn(
            "gateway.nodes.allow_commands_dangerous",
            "agents may use eyes and ears of devices",
        )
        .because(format!("gateway.nodes.commands.allow has {}", risky.join(", ")))
        .remedy("take out what no agent needs")
    })
}

/// What there is to attack, in one line.
pub(super) fn surface(ground: &Ground, plugins: &[PluginFacts]) -> Finding {
    let value = ground.value();
    let open = access::open_places(value);
    let on = |flag: bool| if flag { "on" } else { "off" };
    let exec = value["tools"]["exec"]["host"].as_str().unwrap_or("sandbox");
    let foreign = plugins
        .iter()
        .filter(|plugin| plugin.is_on && !plugin.bundled)
        .count();
    Finding::info("summary.attack_surface", "what there is to attack").because(format!(
        "reachable by {}; open to strangers: {}; hooks {}; commands run in: {exec}; elevated tools {}; plugins on: {}, \
         {foreign} of them from elsewhere",
        if ground.exposed { "other machines" } else { "this machine only" },
        if open.is_empty() { "nothing".to_owned() } else { open.join(", ") },
        on(value["hooks"]["enabled"] == true),
        on(elevated(value)),
        plugins.iter().filter(|plugin| plugin.is_on).count(),
    ))
}

/// May anybody leave the sandbox by asking for it?
pub(super) fn elevated(value: &Value) -> bool {
    let tools = &value["tools"]["elevated"];
    let named = tools["allowFrom"].as_object().is_some_and(|map| !map.is_empty());
    tools["enabled"] != false && named
}
