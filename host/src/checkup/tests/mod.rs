//! The audit as a whole: a good installation, and one for each thing that is bad.
use super::*;
use serde_json::json;

const STRONG: &str = "0123456789abcdef0123456789abcdef";

fn ground(value: Value) -> Ground {
    let config = Config::from_value(value.clone()).expect("valid");
    let secret =
        |secret: &Option<crate::config::SecretInput>| secret.as_ref().and_then(|s| s.secret().cloned());
    let gateway = &config.gateway;
    Ground {
        written: Written(value),
        bind: gateway.bind,
        exposed: gateway.bind == Some(BindMode::Lan),
        token: secret(&gateway.auth.token),
        password: secret(&gateway.auth.password),
        config,
        ..Ground::default()
    }
}

fn found(value: Value) -> Vec<(String, Severity)> {
    let findings = audit(&ground(value), &[]);
    for finding in &findings {
        let text = serde_json::to_string(finding).expect("JSON");
        assert!(!text.contains(STRONG), "a secret is shown: {text}");
        let lead = !finding.remediation.is_empty() || finding.severity == Severity::Info;
        assert!(
            !finding.title.is_empty() && !finding.detail.is_empty() && lead,
            "{finding:?}"
        );
    }
    findings.into_iter().map(|f| (f.id, f.severity)).collect()
}

fn has(value: Value, id: &str, severity: Severity) {
    let all = found(value.clone());
    assert!(
        all.contains(&(id.to_owned(), severity)),
        "{id} is missing for {value}: {all:?}"
    );
}

#[test]
fn a_good_one_has_nothing_but_remarks() {
    let value = json!({"gateway": {"mode": "local", "auth": {"token": {"source": "env", "id": "T"}}},
        "channels": {"irc": {"dmPolicy": "pairing", "groupPolicy": "allowlist", "groups": {"1": {}}}}});
    let all = found(value);
    assert!(
        all.iter().all(|(_, severity)| *severity == Severity::Info),
        "{all:?}"
    );
    assert!(all.iter().any(|(id, _)| id == "summary.attack_surface"));
}

#[test]
fn the_door() {
    use Severity::{Critical, Info, Warn};
    let lan = |rest: Value| {
        let mut gateway = json!({"bind": "lan"});
        gateway
            .as_object_mut()
            .expect("an object")
            .extend(rest.as_object().expect("an object").clone());
        json!({ "gateway": gateway })
    };
    has(lan(json!({})), "gateway.bind_no_auth", Critical);
    has(
        lan(json!({"auth": {"mode": "none", "token": STRONG}})),
        "gateway.bind_no_auth",
        Critical,
    );
    has(
        lan(json!({"auth": {"token": "short"}})),
        "gateway.token_too_short",
        Critical,
    );
    has(
        lan(json!({"auth": {"password": "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}})),
        "gateway.password_too_short",
        Critical,
    );
    has(
        json!({"gateway": {"auth": {"token": "0123456789abcdef"}}}),
        "gateway.token_too_short",
        Warn,
    );
    has(
        json!({"gateway": {"auth": {"token": "changeme"}}}),
        "gateway.token_placeholder",
        Critical,
    );
    has(
        json!({"gateway": {"auth": {"mode": "none"}}}),
        "gateway.loopback_no_auth",
        Critical,
    );
    has(json!({}), "gateway.trusted_proxies_missing", Info);
    let token = json!({"token": STRONG});
    for (key, value, id, severity) in [
        (
            "trustedProxies",
            json!(["0.0.0.0/0"]),
            "gateway.trusted_proxies_wide",
            Critical,
        ),
        (
            "allowRealIpFallback",
            json!(true),
            "gateway.real_ip_fallback_enabled",
            Critical,
        ),
        (
            "controlUi",
            json!({"allowedOrigins": ["*"]}),
            "gateway.control_ui.allowed_origins_wildcard",
            Critical,
        ),
        (
            "controlUi",
            json!({}),
            "gateway.control_ui.allowed_origins_required",
            Warn,
        ),
        (
            "controlUi",
            json!({"dangerouslyDisableDeviceAuth": true}),
            "gateway.control_ui.device_auth_disabled",
            Critical,
        ),
        (
            "controlUi",
            json!({"dangerouslyAllowHostHeaderOriginFallback": true}),
            "gateway.control_ui.host_header_origin_fallback",
            Critical,
        ),
        (
            "nodes",
            json!({"commands": {"allow": ["camera.snap"]}}),
            "gateway.nodes.allow_commands_dangerous",
            Warn,
        ),
    ] {
        let mut rest = json!({ "auth": token });
        rest[key] = value;
        has(lan(rest), id, severity);
    }
    let proxy = json!({"auth": {"mode": "trusted-proxy", "trustedProxy": {"allowLoopback": true}}});
    for id in [
        "gateway.trusted_proxy_no_proxies",
        "gateway.trusted_proxy_no_user_header",
    ] {
        has(lan(proxy.clone()), id, Critical);
    }
    for id in [
        "gateway.trusted_proxy_no_allowlist",
        "gateway.trusted_proxy_allow_loopback",
        "gateway.trusted_proxy_auth",
    ] {
        has(lan(proxy.clone()), id, Warn);
    }
}

#[test]
fn who_may_write() {
    use Severity::{Critical, Warn};
    let irc = |block: Value| json!({"channels": {"irc": block}});
    has(
        irc(json!({"dmPolicy": "open", "allowFrom": ["*"]})),
        "channels.irc.dm.open",
        Critical,
    );
    has(
        irc(json!({"dm": {"policy": "open", "allowFrom": ["*"]}})),
        "channels.irc.dm.open",
        Critical,
    );
    has(
        irc(json!({"dmPolicy": "open"})),
        "channels.irc.dm.open_invalid",
        Warn,
    );
    has(
        irc(json!({"allowFrom": ["*"]})),
        "channels.irc.allow_from_wildcard",
        Critical,
    );
    has(
        irc(json!({"groupPolicy": "open"})),
        "channels.irc.groups.open",
        Critical,
    );
    has(
        irc(json!({"accounts": {"a": {"groupPolicy": "open"}}})),
        "channels.irc/a.groups.open",
        Critical,
    );
    has(
        irc(json!({"groupAllowFrom": ["*"]})),
        "channels.irc.group_allow_from_wildcard",
        Warn,
    );
    has(
        irc(json!({"dangerouslyAllowNameMatching": true})),
        "channels.irc.name_matching",
        Warn,
    );
    has(
        irc(json!({"groupPolicy": "open"})),
        "channels.dm.scope_main_multiuser",
        Warn,
    );
    let defaults = json!({"channels": {"defaults": {"groupPolicy": "open"}, "irc": {}}});
    has(defaults.clone(), "channels.defaults.groups.open", Warn);
    has(defaults, "channels.irc.groups.open", Critical);
    // who is off is no danger
    let off = found(irc(
        json!({"enabled": false, "dmPolicy": "open", "allowFrom": ["*"]}),
    ));
    assert!(off.iter().all(|(id, _)| !id.starts_with("channels.")), "{off:?}");
}

#[test]
fn the_mends_of_policies_close_them() {
    let value = json!({"logging": {"redactSensitive": "off"}, "channels": {"defaults": {"groupPolicy": "open"},
        "irc": {"groupPolicy": "open", "accounts": {"a": {"groupPolicy": "open"}}}}});
    let edits: Vec<_> = audit(&ground(value.clone()), &[])
        .into_iter()
        .filter_map(|finding| match finding.mend {
            Some(Mend::Edits(edits)) => Some(edits),
            _ => None,
        })
        .flatten()
        .collect();
    let text = crate::config::apply(&value.to_string(), &edits).expect("edited");
    let after = found(serde_json::from_str(&text).expect("JSON"));
    let left = |(id, _): &(String, Severity)| id.contains("groups.open") || id == "logging.redact_off";
    assert!(!after.iter().any(left), "{after:?}");
}

#[test]
fn tools_hooks_and_secrets() {
    use Severity::{Critical, Info, Warn};
    let open = json!({"irc": {"dmPolicy": "open", "allowFrom": ["*"], "groupPolicy": "open"}});
    let exec = json!({"exec": {"host": "gateway", "security": "full", "ask": "off"}});
    has(
        json!({ "tools": exec }),
        "tools.exec.security_full_configured",
        Critical,
    );
    has(
        json!({"tools": {"exec": {"host": "gateway", "ask": "off"}}}),
        "tools.exec.ask_off",
        Warn,
    );
    has(
        json!({"tools": {"exec": {"safeBins": ["jq", "python3"]}}}),
        "tools.exec.safe_bins_interpreter_unprofiled",
        Warn,
    );
    has(
        json!({"tools": exec, "channels": open}),
        "security.exposure.open_channels_with_exec",
        Critical,
    );
    has(
        json!({ "channels": open }),
        "security.exposure.open_channels_with_tools",
        Critical,
    );
    let limited = found(json!({"channels": open, "tools": {"profile": "messaging"}}));
    assert!(
        !limited
            .iter()
            .any(|(id, _)| id == "security.exposure.open_channels_with_tools")
    );
    let elevated = json!({"elevated": {"allowFrom": {"irc": ["1"]}}});
    has(
        json!({"channels": open, "tools": elevated}),
        "security.exposure.open_groups_with_elevated",
        Critical,
    );
    let sandbox = |sandbox: Value| json!({"agents": {"defaults": {"sandbox": sandbox}}});
    has(
        sandbox(json!({"docker": {"image": "x"}})),
        "sandbox.docker_config_mode_off",
        Warn,
    );
    has(
        sandbox(json!({"mode": "all", "docker": {"network": "host"}})),
        "sandbox.dangerous_network_mode",
        Critical,
    );
    has(
        sandbox(json!({"docker": {"binds": ["/var/run/docker.sock:/x"]}})),
        "sandbox.dangerous_bind_mount",
        Critical,
    );
    has(
        sandbox(json!({"docker": {"binds": ["a:/x"]}})),
        "sandbox.bind_mount_non_absolute",
        Warn,
    );
    let hooks = |rest: Value| {
        let mut hooks = json!({"enabled": true});
        hooks
            .as_object_mut()
            .expect("an object")
            .extend(rest.as_object().expect("an object").clone());
        json!({"hooks": hooks, "gateway": {"auth": {"token": STRONG}}})
    };
    has(
        hooks(json!({ "token": STRONG })),
        "hooks.token_reuse_gateway_token",
        Critical,
    );
    has(hooks(json!({})), "hooks.token_missing", Critical);
    has(hooks(json!({"token": "x"})), "hooks.token_too_short", Warn);
    has(hooks(json!({"path": "/"})), "hooks.path_root", Critical);
    has(
        hooks(json!({"allowRequestSessionKey": true})),
        "hooks.request_session_key_prefixes_missing",
        Warn,
    );
    has(
        json!({"gateway": {"auth": {"password": STRONG}}}),
        "config.secrets.gateway_password_in_config",
        Warn,
    );
    has(
        json!({"gateway": {"auth": {"token": STRONG}}}),
        "config.secrets.plain_text",
        Info,
    );
    has(
        json!({"logging": {"redactSensitive": "off"}}),
        "logging.redact_off",
        Warn,
    );
    let mut ground = ground(json!({"channels": {"irc": {"botToken": STRONG}}}));
    ground.files.push(FileFact {
        kind: FileKind::Config,
        path: "/s/openclaw.json".into(),
        mode: 0o644,
        foreign: None,
        is_link: false,
        is_dir: false,
    });
    let all = audit(&ground, &[]);
    let plain = all
        .iter()
        .find(|f| f.id == "config.secrets.plain_text")
        .expect("found");
    assert_eq!(plain.severity, Critical);
    assert!(plain.detail.contains("channels.irc.botToken") && plain.detail.contains("/s/openclaw.json"));
}

#[test]
fn secrets_are_found_by_name_and_references_are_none() {
    let value = json!({"a": {"token": "x", "apiKey": "${KEY}", "password": {"source": "env", "id": "P"}},
        "list": [{"botToken": "y", "tokens": 5}], "maxTokens": 100, "token": ""});
    let paths: Vec<_> = written_secrets(&value).iter().map(ToString::to_string).collect();
    assert_eq!(paths, ["a.token", "list[0].botToken"]);
}

#[test]
fn plugins_from_elsewhere() {
    let mut plugin = PluginFacts {
        id: "x".into(),
        path: "/p/x.so".into(),
        is_on: true,
        loose: true,
        ..PluginFacts::default()
    };
    let ids = |plugins: &[PluginFacts], value: Value| {
        let found = extensions(plugins, &value);
        found.into_iter().map(|finding| finding.id).collect::<Vec<_>>()
    };
    assert_eq!(
        ids(std::slice::from_ref(&plugin), json!({})),
        [
            "plugins.installs_missing_integrity",
            "plugins.loose_path",
            "plugins.not_isolated",
            "plugins.extensions_no_allowlist"
        ]
    );
    (plugin.pinned, plugin.isolated, plugin.loose) = (true, true, false);
    let allow = json!({"plugins": {"allow": ["x"]}});
    assert!(ids(std::slice::from_ref(&plugin), allow.clone()).is_empty());
    plugin.faults.push("it is for another machine".into());
    let found = extensions(std::slice::from_ref(&plugin), &allow);
    assert_eq!(
        (found[0].id.as_str(), found[0].severity),
        ("plugins.fault", Severity::Critical)
    );
    plugin.is_on = false;
    assert_eq!(extensions(&[plugin], &allow)[0].severity, Severity::Info);
}
