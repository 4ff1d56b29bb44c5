//! Commands in a container, where the operator asks for it: the engine's command line.
//!
//! Each command has a container of its own, gone with the command; what lasts is its folder.
use crate::{
    config::{Access, Config, ContainerMode, Containers, Scope},
    rules::{self, Search},
};
use openclaw_plugin_api::ToolOrigin;
use std::{
    io,
    path::{Path, PathBuf},
};

/// OpenClaw's own image.
const IMAGE: &str = "openclaw-sandbox:bookworm-slim";
/// Where a container has its folder.
const FOLDER: &str = "/workspace";
/// Most processes of a container.
const PROCESSES: u32 = 256;
/// Engines, the first that there is.
const ENGINES: [&str; 2] = ["docker", "podman"];

/// How a command is run in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// The engine's program.
    pub engine: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
    /// Takes the container away.
    pub removal: Vec<String>,
}

/// What a command is and where it wants to run.
#[derive(Debug, Clone, Copy)]
pub struct Inside<'a> {
    /// A text for a shell.
    pub text: &'a str,
    /// The agent's workspace.
    pub workspace: &'a Path,
    /// The folder that was asked for.
    pub folder: &'a Path,
    /// It gets a terminal.
    pub terminal: bool,
    /// Variables of the call.
    pub env: &'a [(String, String)],
}

/// The container for a command; none if this conversation uses none. An error if it should and there is no engine.
pub fn container(
    config: &Config,
    origin: &ToolOrigin,
    inside: Inside<'_>,
    search: Search<'_>,
    name: &str,
) -> Result<Option<Container>, String> {
    let all = &config.agents.defaults.sandbox;
    let own = rules::agent(&config.agents, &origin.agent_id).map(|agent| &agent.sandbox);
    let mode = own
        .and_then(|own| own.mode)
        .or(all.mode)
        .unwrap_or(ContainerMode::Off);
    let is_main = origin.session_key == format!("agent:{}:main", origin.agent_id);
    if mode == ContainerMode::Off || mode == ContainerMode::NonMain && is_main {
        return Ok(None);
    }
    let engine = engine(all, search)?;
    let shared = shared_folder(all, own, inside.workspace, origin)
        .map_err(|e| format!("the container's folder can't be made: {e}"))?;
    let docker = &all.docker;
    let name = format!(
        "{}{name}",
        docker.container_prefix.as_deref().unwrap_or("openclaw-sbx-")
    );
    let mut args: Vec<String> = ["run", "--rm", "--init", "--interactive", "--name", &name]
        .map(str::to_owned)
        .into();
    if inside.terminal {
        args.push("--tty".into());
    }
    fences(docker, &mut args);
    let workdir = docker.workdir.as_deref().unwrap_or(FOLDER);
    let mut bind = |from: &Path, to: &str, how: &str| {
        args.extend(["--volume".to_owned(), format!("{}:{to}:{how}", from.display())]);
    };
    let access = own.and_then(|own| own.workspace_access).or(all.workspace_access);
    match access.unwrap_or(Access::None) {
        Access::None => bind(&shared, workdir, "rw"),
        Access::Ro => {
            bind(&shared, workdir, "rw");
            bind(inside.workspace, "/agent", "ro");
        }
        Access::Rw => bind(inside.workspace, workdir, "rw"),
    }
    for more in &docker.binds {
        args.extend(["--volume".to_owned(), more.clone()]);
    }
    let below = inside
        .folder
        .strip_prefix(inside.workspace)
        .unwrap_or(Path::new(""));
    let folder = match access {
        Some(Access::Rw) => Path::new(workdir).join(below),
        _ => workdir.into(),
    };
    args.extend(["--workdir".to_owned(), folder.display().to_string()]);
    let env = docker
        .env
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()));
    for (name, value) in env.chain(
        inside
            .env
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str())),
    ) {
        args.extend(["--env".to_owned(), format!("{name}={value}")]);
    }
    args.push(docker.image.clone().unwrap_or_else(|| IMAGE.to_owned()));
    args.extend(["/bin/sh".to_owned(), "-c".to_owned(), inside.text.to_owned()]);
    let removal = [engine.display().to_string(), "rm".into(), "--force".into(), name];
    Ok(Some(Container {
        engine,
        args,
        removal: removal.into(),
    }))
}

fn engine(all: &Containers, search: Search<'_>) -> Result<PathBuf, String> {
    let named = all.docker.engine.as_deref();
    let mut names = named
        .into_iter()
        .chain(ENGINES.into_iter().filter(|_| named.is_none()));
    names
        .find_map(|name| search.find(name))
        .map(|program| program.found)
        .ok_or_else(|| {
            "this conversation's commands run in containers (agents.defaults.sandbox.mode), and there is no docker and no \
             podman; install one, or set the mode to off"
                .to_owned()
        })
}

/// What keeps a container from everything but its folder.
fn fences(docker: &crate::config::Docker, args: &mut Vec<String>) {
    let mut set = |option: &str, value: &str| args.extend([option.to_owned(), value.to_owned()]);
    set("--network", docker.network.as_deref().unwrap_or("none"));
    set("--security-opt", "no-new-privileges");
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
    if let Some(memory) = &docker.memory {
        set("--memory", memory);
    }
    if let Some(cpus) = docker.cpus {
        set("--cpus", &cpus.to_string());
    }
    if docker.read_only_root.unwrap_or(true) {
        args.push("--read-only".into());
    }
}

/// The folder of a command's container, made if it is missing.
fn shared_folder(
    all: &Containers,
    own: Option<&Containers>,
    workspace: &Path,
    origin: &ToolOrigin,
) -> io::Result<PathBuf> {
    let root = own
        .and_then(|own| own.workspace_root.as_ref())
        .or(all.workspace_root.as_ref());
    let beside = workspace.parent().unwrap_or(workspace).join("sandboxes");
    let root = root.map_or(beside, PathBuf::from);
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '-'
        }
    };
    let scope = own
        .and_then(|own| own.scope)
        .or(all.scope)
        .unwrap_or(Scope::Agent);
    let name = match scope {
        Scope::Session => origin.session_key.clone(),
        // no key of a conversation has these names
        Scope::Agent => format!("agents-{}", origin.agent_id),
        Scope::Shared => "shared".to_owned(),
    };
    let folder = root.join(name.chars().take(128).map(plain).collect::<String>());
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}
