//! Commands in a container, where the operator asks for it: which container, and the engine's command lines.
//!
//! A container is shared as `sandbox.scope` says, and lasts; what a command leaves running in it ends with the command.
//! Invariant: two that may not share a container have different names of containers and of folders.
use super::docker::{fences, merged, open_gate, setup};
use crate::{
    config::{Access, Config, ContainerMode, Containers, Docker, Prune, Scope},
    rules::{self, Search},
};
use openclaw_plugin_api::ToolOrigin;
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::{
    io,
    path::{Path, PathBuf},
};

/// OpenClaw's own image.
const IMAGE: &str = "openclaw-sandbox:bookworm-slim";
/// Where a container has its folder.
const FOLDER: &str = "/workspace";
/// The variable by which the processes of a command are known.
const MARK: &str = "OPENCLAW_EXEC";
/// Ends every process that has the mark, as often as there are new ones.
const ENDING: &str = r#"for round in 1 2 3 4 5; do
  found=
  for each in /proc/[0-9]*; do
    if { tr '\0' '\n' < "$each/environ" | grep -qx "OPENCLAW_EXEC=$1"; } 2>/dev/null; then
      kill -9 "${each#/proc/}" 2>/dev/null && found=yes
    fi
  done
  [ -n "$found" ] || break
done"#;
/// Engines, the first that there is.
const ENGINES: [&str; 2] = ["docker", "podman"];

/// How a command is run in a container.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container {
    /// The engine's program.
    pub engine: PathBuf,
    /// The container's name. What is set for it is part of the name: with other settings, its setup among them, it is another
    /// container.
    pub name: String,
    /// Arguments that make it.
    pub create: Vec<String>,
    /// What is run in it then, for a shell.
    pub setup: Option<String>,
    /// Arguments that run the command in it.
    pub exec: Vec<String>,
    /// Arguments that end what the command has left in it.
    pub ending: Vec<String>,
    /// When it is taken away.
    pub prune: Prune,
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

/// The container for a command, whose processes get this mark; none if this conversation uses none. An error if it should and there is no engine.
pub fn container(
    config: &Config,
    origin: &ToolOrigin,
    inside: Inside<'_>,
    search: Search<'_>,
    mark: &str,
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
    let scope = own
        .and_then(|own| own.scope)
        .or(all.scope)
        .unwrap_or(Scope::Agent);
    let docker = match own.filter(|_| scope != Scope::Shared) {
        Some(own) => merged(&own.docker, &all.docker),
        None => all.docker.clone(),
    };
    if let Some(why) = open_gate(&docker) {
        return Err(format!(
            "this conversation's commands run in containers, and {why}"
        ));
    }
    let engine = engine(&docker, search)?;
    let (who, folder) = match scope {
        // two keys may differ only in what does not fit into a name
        Scope::Session => {
            let key = &origin.session_key;
            (key.clone(), format!("{}-{}", plain(key, 128), hash(key)))
        }
        Scope::Agent => {
            let who = format!("agents-{}", origin.agent_id);
            (who.clone(), plain(&who, 128))
        }
        Scope::Shared => ("shared".to_owned(), "shared".to_owned()),
    };
    let shared = shared_folder(all, own, inside.workspace, &folder)
        .map_err(|e| format!("the container's folder can't be made: {e}"))?;
    let access = own.and_then(|own| own.workspace_access).or(all.workspace_access);
    let made = made_of(&docker, access.unwrap_or(Access::None), inside.workspace, &shared);
    let prefix = docker.container_prefix.as_deref().unwrap_or("openclaw-sbx-");
    let setup = setup(&docker);
    let name = format!(
        "{prefix}{}-{}",
        plain(&who, 40),
        hash(&(&who, &engine, &made, &setup))
    );
    let mut create = [
        "create",
        "--init",
        "--name",
        &name,
        "--label",
        "openclaw.sandbox=1",
    ]
    .map(str::to_owned)
    .to_vec();
    create.extend(made);
    let workdir = docker.workdir.as_deref().unwrap_or(FOLDER);
    let below = inside
        .folder
        .strip_prefix(inside.workspace)
        .unwrap_or(Path::new(""));
    let folder = match access {
        Some(Access::Rw) => Path::new(workdir).join(below),
        _ => workdir.into(),
    };
    let mut exec = ["exec", "--interactive"].map(str::to_owned).to_vec();
    exec.extend(inside.terminal.then(|| "--tty".to_owned()));
    exec.extend(["--workdir".to_owned(), folder.display().to_string()]);
    exec.extend(["--env".to_owned(), format!("{MARK}={mark}")]);
    for (name, value) in inside.env {
        exec.extend(["--env".to_owned(), format!("{name}={value}")]);
    }
    exec.extend([&name, "/bin/sh", "-c", inside.text].map(str::to_owned));
    let ending = ["exec", &name, "/bin/sh", "-c", ENDING, "sh", mark];
    let own_prune = own.map(|own| own.prune).unwrap_or_default();
    Ok(Some(Container {
        engine,
        setup,
        create,
        exec,
        ending: ending.map(str::to_owned).to_vec(),
        prune: Prune {
            idle_hours: own_prune.idle_hours.or(all.prune.idle_hours),
            max_age_days: own_prune.max_age_days.or(all.prune.max_age_days),
        },
        name,
    }))
}

/// What a container is made of: everything but its name.
fn made_of(docker: &Docker, access: Access, workspace: &Path, shared: &Path) -> Vec<String> {
    let mut args = Vec::new();
    fences(docker, &mut args);
    let workdir = docker.workdir.as_deref().unwrap_or(FOLDER);
    let mut bind = |from: &Path, to: &str, how: &str| {
        args.extend(["--volume".to_owned(), format!("{}:{to}:{how}", from.display())]);
    };
    match access {
        Access::None => bind(shared, workdir, "rw"),
        Access::Ro => {
            bind(shared, workdir, "rw");
            bind(workspace, "/agent", "ro");
        }
        Access::Rw => bind(workspace, workdir, "rw"),
    }
    for more in &docker.binds {
        args.extend(["--volume".to_owned(), more.clone()]);
    }
    args.extend(["--workdir".to_owned(), workdir.to_owned()]);
    for (name, value) in &docker.env {
        args.extend(["--env".to_owned(), format!("{name}={value}")]);
    }
    args.push(docker.image.clone().unwrap_or_else(|| IMAGE.to_owned()));
    args.extend(["sleep", "infinity"].map(str::to_owned));
    args
}

fn engine(docker: &Docker, search: Search<'_>) -> Result<PathBuf, String> {
    let named = docker.engine.as_deref();
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

/// The folder of a container, made if it is missing.
fn shared_folder(
    all: &Containers,
    own: Option<&Containers>,
    workspace: &Path,
    name: &str,
) -> io::Result<PathBuf> {
    let root = own
        .and_then(|own| own.workspace_root.as_ref())
        .or(all.workspace_root.as_ref());
    let beside = workspace.parent().unwrap_or(workspace).join("sandboxes");
    let root = root.map_or(beside, PathBuf::from);
    let folder = root.join(name);
    std::fs::create_dir_all(&folder)?;
    Ok(folder)
}

/// Fit for names of folders and containers.
fn plain(text: &str, most: usize) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let all = text.chars().take(most);
    all.map(|c| if fits(c) { c } else { '-' }).collect()
}

/// Short, another one for anything else, and the same in every version of this program.
fn hash(of: &impl Serialize) -> String {
    let text = serde_json::to_vec(of).unwrap_or_default();
    let digest = Sha256::digest(text);
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn what_a_command_left_is_ended_and_nothing_else() {
        let run = |mark: &str| {
            let mut command = Command::new("/bin/sh");
            command
                .args(["-c", "echo up; sleep 600 & sleep 600"])
                .env(MARK, mark);
            let mut child = command.stdout(Stdio::piped()).spawn().expect("it starts");
            let mut up = [0; 3];
            io::Read::read_exact(child.stdout.as_mut().expect("a pipe"), &mut up).expect("it is up");
            child
        };
        let id = format!("mark-{}", std::process::id());
        let (mut left, mut other) = (run(&id), run(&format!("{id}-other")));
        let ended = Command::new("/bin/sh").args(["-c", ENDING, "sh", &id]).status();
        assert!(ended.expect("it runs").success());
        // both of its processes have the pipe
        let mut rest = String::new();
        let pipe = left.stdout.as_mut().expect("a pipe");
        io::Read::read_to_string(pipe, &mut rest).expect("nobody holds the pipe any more");
        assert!(!left.wait().expect("it ended").success());
        assert!(other.try_wait().expect("a state").is_none());
        let ended = Command::new("/bin/sh")
            .args(["-c", ENDING, "sh", &format!("{id}-other")])
            .status();
        assert!(ended.expect("it runs").success());
        other.wait().expect("it ended");
    }
}
