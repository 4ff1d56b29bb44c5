//! What containers are made of, as an engine's arguments.
use crate::config::{Docker, Id, Lines, Ulimit};

/// Most processes of a container.
const PROCESSES: u32 = 256;
/// Names of sockets that command an engine, and with it the whole machine.
const SOCKETS: [&str; 3] = ["docker.sock", "podman.sock", "containerd.sock"];

/// What an agent sets for itself over what is set for all.
pub(super) fn merged(own: &Docker, all: &Docker) -> Docker {
    macro_rules! first {
        ($($field:ident),*; $($map:ident),*; $($list:ident),*) => {
            Docker {
                $($field: own.$field.clone().or_else(|| all.$field.clone()),)*
                $($map: all.$map.clone().into_iter().chain(own.$map.clone()).collect(),)*
                $($list: [all.$list.clone(), own.$list.clone()].concat(),)*
            }
        };
    }
    first!(
        engine, image, container_prefix, workdir, read_only_root, tmpfs, network, user, cap_drop, pids_limit, memory,
        memory_swap, cpus, gpus, seccomp_profile, apparmor_profile, setup_command;
        env, ulimits;
        dns, extra_hosts, binds
    )
}

/// Why this would be no fence at all.
pub(super) fn open_gate(docker: &Docker) -> Option<String> {
    let network = docker.network.as_deref().unwrap_or_default();
    if network == "host" || network.starts_with("container:") {
        return Some(format!(
            "sandbox.docker.network {network} has no network of its own"
        ));
    }
    let profiles = [&docker.seccomp_profile, &docker.apparmor_profile];
    if profiles
        .into_iter()
        .flatten()
        .any(|profile| profile == "unconfined")
    {
        return Some("a profile of sandbox.docker is unconfined".to_owned());
    }
    let from = |bind: &&String| bind.split(':').next().unwrap_or_default().to_owned();
    let engine = |bind: &&String| SOCKETS.iter().any(|socket| from(bind).ends_with(socket));
    let bind = docker
        .binds
        .iter()
        .find(|bind| engine(bind) || from(bind) == "/")?;
    Some(format!(
        "sandbox.docker.binds has {bind}, which opens the whole machine"
    ))
}

/// What keeps a container from everything but its folder.
pub(super) fn fences(docker: &Docker, args: &mut Vec<String>) {
    let mut set = |option: &str, value: &str| args.extend([option.to_owned(), value.to_owned()]);
    set("--network", docker.network.as_deref().unwrap_or("none"));
    set("--security-opt", "no-new-privileges");
    if let Some(profile) = &docker.seccomp_profile {
        set("--security-opt", &format!("seccomp={profile}"));
    }
    if let Some(profile) = &docker.apparmor_profile {
        set("--security-opt", &format!("apparmor={profile}"));
    }
    let all = vec!["ALL".to_owned()];
    for capability in docker.cap_drop.as_ref().unwrap_or(&all) {
        set("--cap-drop", capability);
    }
    let usual = ["/tmp", "/var/tmp", "/run"].map(str::to_owned).to_vec();
    for folder in docker.tmpfs.as_ref().unwrap_or(&usual) {
        set("--tmpfs", folder);
    }
    set(
        "--pids-limit",
        &docker.pids_limit.unwrap_or(PROCESSES).to_string(),
    );
    let own = format!(
        "{}:{}",
        rustix::process::getuid().as_raw(),
        rustix::process::getgid().as_raw()
    );
    set("--user", docker.user.as_deref().unwrap_or(&own));
    for (option, amount) in [
        ("--memory", &docker.memory),
        ("--memory-swap", &docker.memory_swap),
    ] {
        if let Some(amount) = amount.as_ref().map(Id::text) {
            set(option, &amount);
        }
    }
    if let Some(cpus) = docker.cpus {
        set("--cpus", &cpus.to_string());
    }
    if let Some(gpus) = &docker.gpus {
        set("--gpus", gpus);
    }
    for (name, limit) in &docker.ulimits {
        set("--ulimit", &format!("{name}={}", limit_of(limit)));
    }
    for server in &docker.dns {
        set("--dns", server);
    }
    for host in &docker.extra_hosts {
        set("--add-host", host);
    }
    if docker.read_only_root.unwrap_or(true) {
        args.push("--read-only".into());
    }
}

/// What is run in a container once it is made.
pub(super) fn setup(docker: &Docker) -> Option<String> {
    let text = match docker.setup_command.as_ref()? {
        Lines::One(line) => line.clone(),
        Lines::All(lines) => lines.join("\n"),
    };
    (!text.trim().is_empty()).then_some(text)
}

fn limit_of(limit: &Ulimit) -> String {
    match limit {
        Ulimit::One(one) => one.text(),
        Ulimit::Both { soft, hard } => format!("{soft}:{hard}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn docker(value: Value) -> Docker {
        serde_json::from_value(value).expect("valid")
    }

    #[test]
    fn an_agents_own_word_wins_and_lists_add_up() {
        let all = docker(
            json!({ "image": "a", "memory": "1g", "env": { "A": "1", "B": "1" }, "binds": ["/a:/a:ro"] }),
        );
        let own = docker(json!({ "image": "b", "env": { "B": "2" }, "binds": ["/b:/b"] }));
        let both = merged(&own, &all);
        assert_eq!(both.image.as_deref(), Some("b"));
        assert_eq!(both.memory, Some(Id::Text("1g".into())));
        assert_eq!((both.env["A"].as_str(), both.env["B"].as_str()), ("1", "2"));
        assert_eq!(both.binds, ["/a:/a:ro", "/b:/b"]);
    }

    #[test]
    fn what_would_be_no_fence_is_refused() {
        for open in [
            json!({ "network": "host" }),
            json!({ "network": "container:other" }),
            json!({ "seccompProfile": "unconfined" }),
            json!({ "apparmorProfile": "unconfined" }),
            json!({ "binds": ["/var/run/docker.sock:/var/run/docker.sock"] }),
            json!({ "binds": ["/:/host:ro"] }),
        ] {
            assert!(open_gate(&docker(open.clone())).is_some(), "{open}");
        }
        let fine = json!({ "network": "bridge", "binds": ["/srv/data:/data:ro"], "seccompProfile": "/etc/profile.json" });
        assert_eq!(open_gate(&docker(fine)), None);
    }

    #[test]
    fn every_limit_is_told_to_the_engine() {
        let mut args = Vec::new();
        let limits = json!({
            "memory": 1024, "memorySwap": "2g", "ulimits": { "nofile": { "soft": 1, "hard": 2 }, "nproc": 64 },
            "dns": ["1.1.1.1"], "extraHosts": ["a:10.0.0.1"], "gpus": "all", "apparmorProfile": "mine",
        });
        fences(&docker(limits), &mut args);
        let args = args.join(" ");
        for expected in [
            "--memory 1024",
            "--memory-swap 2g",
            "--ulimit nofile=1:2",
            "--ulimit nproc=64",
            "--dns 1.1.1.1",
            "--add-host a:10.0.0.1",
            "--gpus all",
            "--security-opt apparmor=mine",
            "--network none",
        ] {
            assert!(args.contains(expected), "{expected} is missing in {args}");
        }
    }
}
