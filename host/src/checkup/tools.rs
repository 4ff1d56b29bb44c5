//! What agents can do, and whether strangers can make them do it.
use super::{
    Finding, Ground, Severity,
    access::{has_open_groups, open_places},
    exposure::elevated,
};
use crate::config::JsonPath;
use serde_json::Value;

/// Programs that run what they are told.
const INTERPRETERS: [&str; 14] = [
    "sh", "bash", "zsh", "python", "python3", "node", "deno", "bun", "perl", "ruby", "php", "lua", "awk",
    "env",
];
/// Deepest flag that is looked for.
const MAX_DEPTH: usize = 32;

/// One agent, or what holds for all.
struct Scope<'v> {
    path: JsonPath,
    tools: &'v Value,
    sandbox: &'v Value,
}

/// Judges tools.
pub(super) fn tools(ground: &Ground) -> Vec<Finding> {
    let value = ground.value();
    let mut findings = Vec::new();
    let scopes = scopes(value);
    for scope in &scopes {
        findings.extend(exec(scope));
        findings.extend(sandbox(scope));
    }
    findings.extend(strangers(value, &scopes));
    let minimal = value["tools"]["profile"] == "minimal";
    let overriding = scopes.iter().skip(1).filter(|scope| {
        scope.tools["profile"]
            .as_str()
            .is_some_and(|profile| profile != "minimal")
    });
    if minimal {
        findings.extend(overriding.map(|scope| {
            Finding::warn(
                "tools.profile_minimal_overridden",
                "an agent has more tools than tools.profile says",
            )
            .because(format!("{}.tools.profile is not \"minimal\"", scope.path))
            .remedy(format!("openclaw config unset '{}.tools.profile'", scope.path))
        }));
    }
    let mut flags = Vec::new();
    dangerous(value, &JsonPath::root(), MAX_DEPTH, &mut flags);
    if !flags.is_empty() {
        findings.push(
            Finding::warn(
                "config.insecure_or_dangerous_flags",
                "settings that say themselves that they are dangerous",
            )
            .because(format!("on: {}", flags.join(", ")))
            .remedy("openclaw config unset <key> for each that is not needed"),
        );
    }
    findings
}

/// What holds for all, then each agent.
fn scopes(value: &Value) -> Vec<Scope<'_>> {
    let agents = JsonPath::root().key("agents");
    let mut scopes = vec![Scope {
        path: agents.key("defaults"),
        tools: &value["tools"],
        sandbox: &value["agents"]["defaults"]["sandbox"],
    }];
    let own = |path: JsonPath, agent| {
        let agent: &Value = agent;
        Scope {
            path,
            tools: &agent["tools"],
            sandbox: &agent["sandbox"],
        }
    };
    for (n, agent) in value["agents"]["list"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        scopes.push(own(agents.key("list").index(n), agent));
    }
    for (id, agent) in value["agents"]["entries"].as_object().into_iter().flatten() {
        scopes.push(own(agents.key("entries").key(id), agent));
    }
    scopes
}

/// Where the scope's settings of tools stand, for people.
fn home(scope: &Scope<'_>) -> String {
    match scope.path.to_string().as_str() {
        "agents.defaults" => "tools".to_owned(),
        path => format!("{path}.tools"),
    }
}

fn exec(scope: &Scope<'_>) -> Vec<Finding> {
    let (exec, home) = (&scope.tools["exec"], home(scope));
    let mut findings = Vec::new();
    let full = exec["security"] == "full" || exec["mode"] == "full";
    let unasked = exec["ask"] == "off" || exec["mode"] == "full" || (exec["ask"].is_null() && full);
    let outside = matches!(exec["host"].as_str(), Some("gateway" | "auto" | "node"));
    if full {
        let severity = if outside && unasked {
            Severity::Critical
        } else {
            Severity::Warn
        };
        let place = if outside {
            "outside of the sandbox"
        } else {
            "in the sandbox, and outside where a call may leave it"
        };
        findings.push(
            Finding::new(
                severity,
                "tools.exec.security_full_configured",
                "agents may run any command",
            )
            .because(format!("{home}.exec lets every command run {place}"))
            .remedy(format!("openclaw config set '{home}.exec.security' allowlist")),
        );
    }
    if exec["ask"] == "off" && outside && !full {
        findings.push(
            Finding::warn("tools.exec.ask_off", "nobody is asked before a command runs")
                .because(format!(
                    "{home}.exec.ask is \"off\" and commands run outside of the sandbox"
                ))
                .remedy(format!("openclaw config set '{home}.exec.ask' on-miss")),
        );
    }
    let bins: Vec<_> = exec["safeBins"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .collect();
    let risky: Vec<_> = bins
        .into_iter()
        .filter(|bin| INTERPRETERS.contains(bin))
        .collect();
    if !risky.is_empty() {
        findings.push(
            Finding::warn(
                "tools.exec.safe_bins_interpreter_unprofiled",
                "programs that run anything count as harmless",
            )
            .because(format!("{home}.exec.safeBins has {}", risky.join(", ")))
            .remedy("take them out; a rule for one command does the same with less"),
        );
    }
    findings
}

fn sandbox(scope: &Scope<'_>) -> Vec<Finding> {
    let (sandbox, path) = (scope.sandbox, &scope.path);
    let docker = &sandbox["docker"];
    let mut findings = Vec::new();
    let off = matches!(sandbox["mode"].as_str(), None | Some("off"));
    if off && docker.as_object().is_some_and(|docker| !docker.is_empty()) {
        findings.push(
            Finding::warn(
                "sandbox.docker_config_mode_off",
                "containers are described and not used",
            )
            .because(format!(
                "{path}.sandbox.docker is set, and {path}.sandbox.mode is off"
            ))
            .remedy(format!("openclaw config set '{path}.sandbox.mode' all")),
        );
    }
    let network = docker["network"].as_str().unwrap_or("none");
    if network == "host" || network.starts_with("container:") {
        findings.push(
            Finding::critical(
                "sandbox.dangerous_network_mode",
                "containers share a network with what they are kept from",
            )
            .because(format!("{path}.sandbox.docker.network is \"{network}\""))
            .remedy(format!(
                "openclaw config set '{path}.sandbox.docker.network' none"
            )),
        );
    }
    for (key, id) in [
        ("seccompProfile", "sandbox.dangerous_seccomp_profile"),
        ("apparmorProfile", "sandbox.dangerous_apparmor_profile"),
    ] {
        if docker[key] == "unconfined" {
            findings.push(
                Finding::critical(id, "containers are not confined")
                    .because(format!("{path}.sandbox.docker.{key} is \"unconfined\""))
                    .remedy(format!("openclaw config unset '{path}.sandbox.docker.{key}'")),
            );
        }
    }
    for bind in docker["binds"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
    {
        let source = bind.split(':').next().unwrap_or_default();
        let system = [
            "/etc", "/root", "/proc", "/sys", "/dev", "/boot", "/run", "/var/run",
        ];
        let inside = |folder: &&str| source == *folder || source.starts_with(&format!("{folder}/"));
        if source == "/" || source.ends_with("docker.sock") || system.iter().any(inside) {
            findings.push(
                Finding::critical(
                    "sandbox.dangerous_bind_mount",
                    "containers see the system's own files",
                )
                .because(format!("{path}.sandbox.docker.binds has {source}"))
                .remedy("bind only folders of the work itself"),
            );
        } else if !source.starts_with(['/', '~']) {
            findings.push(
                Finding::warn(
                    "sandbox.bind_mount_non_absolute",
                    "a folder for containers has no fixed place",
                )
                .because(format!(
                    "{path}.sandbox.docker.binds has the relative path {source}"
                ))
                .remedy("write an absolute path"),
            );
        }
    }
    findings
}

/// Can somebody whom nobody chose make an agent do something beyond answering?
fn strangers(value: &Value, scopes: &[Scope<'_>]) -> Vec<Finding> {
    let open = open_places(value);
    if open.is_empty() {
        return Vec::new();
    }
    let places = open.join(", ");
    let mut findings = Vec::new();
    let outside = scopes.iter().find(|scope| {
        matches!(
            scope.tools["exec"]["host"].as_str(),
            Some("gateway" | "auto" | "node")
        )
    });
    if let Some(scope) = outside {
        let full = scope.tools["exec"]["security"] == "full" || scope.tools["exec"]["mode"] == "full";
        let severity = if full { Severity::Critical } else { Severity::Warn };
        findings.push(
            Finding::new(
                severity,
                "security.exposure.open_channels_with_exec",
                "strangers reach an agent that runs commands on this machine",
            )
            .because(format!(
                "open: {places}; {}.exec.host leads out of the sandbox",
                home(scope)
            ))
            .remedy("close the places, or: openclaw config set tools.exec.host sandbox"),
        );
    }
    if has_open_groups(value) && elevated(value) {
        findings.push(
            Finding::critical("security.exposure.open_groups_with_elevated", "groups are open and commands may leave the sandbox")
                .because("tools.elevated.allowFrom names people who speak in the same groups as strangers, whose words the agent reads too")
                .remedy("openclaw config set tools.elevated.enabled false, or close the groups"),
        );
    }
    let all = &value["tools"];
    let for_all = &all["toolsBySender"]["*"];
    let limited = matches!(all["profile"].as_str(), Some("minimal" | "messaging"))
        || all["allow"].is_array()
        || for_all["allow"].is_array()
        || for_all["deny"].as_array().is_some_and(|deny| !deny.is_empty());
    if !limited {
        findings.push(
            Finding::critical("security.exposure.open_channels_with_tools", "strangers reach an agent with all its tools")
                .because(format!("open: {places}; neither tools.profile, tools.allow nor tools.toolsBySender[\"*\"] takes any away"))
                .remedy("openclaw config set 'tools.toolsBySender[\"*\"]' '{deny: [\"group:runtime\", \"group:fs\", \"group:automation\", \"gateway\"]}'"),
        );
    }
    findings
}

/// Switches that are on and whose names warn of them.
fn dangerous(value: &Value, at: &JsonPath, depth: usize, found: &mut Vec<String>) {
    if depth == 0 {
        return;
    }
    match value {
        Value::Object(map) => {
            for (key, inner) in map {
                let warns = ["dangerously", "allowUnsafe", "allowInsecure"];
                if inner == true && warns.iter().any(|start| key.starts_with(start)) {
                    found.push(at.key(key).to_string());
                }
                dangerous(inner, &at.key(key), depth - 1, found);
            }
        }
        Value::Array(items) => {
            for (n, inner) in items.iter().enumerate() {
                dangerous(inner, &at.index(n), depth - 1, found);
            }
        }
        _ => {}
    }
}
