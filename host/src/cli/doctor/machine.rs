//! Facts about the machine: database and disk, means to confine, container engines, the service.
use super::gather::Gathered;
use crate::{
    backup,
    checkup::{DatabaseFacts, MachineFacts},
    cli::gateway::{door, service},
    clock::Clock,
    config::{Env, Paths},
    journal,
    plugins::settings::Isolation,
};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Programs that run containers.
const ENGINES: [&str; 2] = ["docker", "podman"];
/// What the kernel says of its security modules.
const MODULES: &str = "/sys/kernel/security/lsm";

/// Looks at the database. `thorough` takes longer on a large one.
pub(super) fn database(paths: &Paths, thorough: bool) -> DatabaseFacts {
    let state = &paths.state_dir;
    let path = state.join("state.db");
    let size = |path: &Path| fs::metadata(path).map_or(0, |metadata| metadata.len());
    let disk = rustix::fs::statvfs(state.as_path()).ok();
    let names = fs::read_dir(state).into_iter().flatten().flatten();
    let names = names.filter_map(|entry| entry.file_name().into_string().ok());
    let aside = names.filter(|name| {
        name.starts_with("state.db.damaged-") && !name.ends_with("-wal") && !name.ends_with("-shm")
    });
    let mut facts = DatabaseFacts {
        path: path.display().to_string(),
        exists: path.is_file(),
        bytes: size(&path),
        log_bytes: size(&state.join("state.db-wal")),
        free: disk
            .as_ref()
            .map(|disk| disk.f_bavail.saturating_mul(disk.f_frsize)),
        // some file systems have no fixed number of files, and say 0 of 0
        free_files: disk
            .as_ref()
            .filter(|disk| disk.f_files > 0)
            .map(|disk| disk.f_favail),
        set_aside: aside.map(|name| state.join(name).display().to_string()).collect(),
        broken_restore: backup::is_broken_off(paths),
        now_ms: Clock::system().now_ms(),
        ..DatabaseFacts::default()
    };
    if facts.exists {
        match journal::look(&path, thorough) {
            Ok(seen) => {
                facts.version = (seen.version, seen.known);
                facts.damage = seen.damage;
                facts.newest_ms = seen.newest_ms;
            }
            Err(error) => facts.unreadable = Some(error.to_string()),
        }
    }
    facts
}

/// Looks at the machine.
pub(super) fn machine(env: &Env, gathered: &Gathered) -> MachineFacts {
    let setting = &gathered.setting;
    let value = gathered.ground.value();
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let on = setting.assembly.specs.iter().filter(|spec| spec.reason.is_on());
    let isolated = on.filter(|spec| spec.settings.isolation == Isolation::Process);
    MachineFacts {
        landlock: has_landlock(),
        seccomp: status.lines().any(|line| line.starts_with("Seccomp:")),
        isolated: isolated.map(|spec| spec.manifest.id.clone()).collect(),
        wants_containers: wants_containers(value),
        engine: engine(env),
        root: rustix::process::geteuid().is_root() && !door::in_container(),
        service: service::facts(env, setting),
    }
}

/// Where the list of modules can't be read (a container without securityfs), a kernel that knows the call is taken at
/// its word: what really holds is said when a plugin starts.
fn has_landlock() -> bool {
    match fs::read_to_string(MODULES) {
        Ok(modules) => modules.trim().split(',').any(|module| module == "landlock"),
        Err(_) => landlock_is_known(),
    }
}

fn landlock_is_known() -> bool {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
    let mut parts = release
        .split(['.', '-'])
        .filter_map(|part| part.parse::<u32>().ok());
    (parts.next().unwrap_or(0), parts.next().unwrap_or(0)) >= (5, 13)
}

fn wants_containers(value: &Value) -> bool {
    let agents = &value["agents"];
    let list = agents["list"].as_array().into_iter().flatten();
    let entries = agents["entries"]
        .as_object()
        .into_iter()
        .flat_map(|map| map.values());
    let mut all = std::iter::once(&agents["defaults"]).chain(list).chain(entries);
    all.any(|agent| matches!(agent["sandbox"]["mode"].as_str(), Some("all" | "non-main")))
}

fn engine(env: &Env) -> Option<String> {
    let path = env.var("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(path).collect();
    let mut candidates = ENGINES
        .iter()
        .flat_map(|name| folders.iter().map(move |folder| folder.join(name)));
    candidates
        .find(|path| path.is_file())
        .map(|path| path.display().to_string())
}
