//! What a reset removes. It looks and removes nothing; the list is what is shown, and what is gone afterwards.
//!
//! Invariant: nothing outside of the state directory is on it but the configuration file with its copies, and workspaces
//! that the configuration names; never a folder that holds the home, the state directory or the current folder.
use crate::config::{Config, Paths, last_good};
use serde::Serialize;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// How much is removed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, clap::ValueEnum)]
pub(super) enum Scope {
    /// openclaw.json and its copies
    Config,
    /// Also secrets, devices, pairings, conversations and files of them
    #[value(name = "config+creds+sessions")]
    Sessions,
    /// Everything: the whole state directory, and the workspaces
    Full,
}

/// What is removed, and what stays though somebody may think otherwise.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Plan {
    /// Files and folders with all that is in them.
    pub(super) remove: Vec<PathBuf>,
    /// What is not touched, and why.
    pub(super) keep: Vec<String>,
}

/// Files and folders in the state directory that are secrets, conversations, or follow from them.
const SESSIONS: [&str; 18] = [
    // a restore that was broken off would bring all of it back
    ".restore",
    "secrets.json",
    "gateway.token",
    "gateway.env",
    "device.key",
    "dashboard.html",
    "exec-approvals.json",
    "config-fingerprint.key",
    "credentials",
    "devices",
    "identity",
    "oauth",
    "media",
    "cron",
    "logs",
    "state.db",
    "state.db-wal",
    "state.db-shm",
];
/// How names begin of a damaged journal that was set aside, and of the whole state as it was before a restore.
const ASIDE: [&str; 2] = ["state.db.damaged-", "before-restore-"];
/// What an agent has besides its workspace.
const OF_AGENT: [&str; 2] = ["sessions", "agent"];

/// What this scope removes of what is there.
pub(super) fn plan(scope: Scope, paths: &Paths, config: &Config, here: &Path) -> Plan {
    let mut plan = Plan::default();
    plan.config(paths);
    if scope >= Scope::Sessions {
        plan.sessions(&paths.state_dir);
    }
    if scope == Scope::Full {
        plan.state(paths, here);
        plan.workspaces(paths, config, here, false);
    }
    plan.tidied()
}

/// What goes with the state, the workspaces, or both.
pub(super) fn plan_of(state: bool, workspaces: bool, paths: &Paths, config: &Config, here: &Path) -> Plan {
    if state && workspaces {
        return plan(Scope::Full, paths, config, here);
    }
    let mut plan = Plan::default();
    if state {
        plan.config(paths);
        plan.sessions(&paths.state_dir);
        plan.around_workspaces(paths, config, here);
    }
    if workspaces {
        plan.workspaces(paths, config, here, true);
    }
    plan.tidied()
}

impl Plan {
    fn add(&mut self, path: PathBuf) {
        // a link itself is there, wherever it leads
        if fs::symlink_metadata(&path).is_ok() {
            self.remove.push(path);
        }
    }

    fn config(&mut self, paths: &Paths) {
        let file = &paths.config_file;
        self.add(file.clone());
        self.add(last_good(paths));
        for age in 0..16 {
            let mut copy = file.as_os_str().to_owned();
            copy.push(".bak");
            if age > 0 {
                copy.push(format!(".{age}"));
            }
            self.add(copy.into());
        }
    }

    fn sessions(&mut self, state: &Path) {
        for name in SESSIONS {
            self.add(state.join(name));
        }
        for entry in entries(state) {
            let name = entry
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            if ASIDE.iter().any(|start| name.starts_with(start)) {
                self.add(entry);
            }
        }
        for agent in entries(&state.join("agents")) {
            for name in OF_AGENT {
                self.add(agent.join(name));
            }
        }
    }

    fn state(&mut self, paths: &Paths, here: &Path) {
        match precious(&paths.state_dir, paths, here) {
            Some(why) => self.keep.push(format!("{}: {why}", paths.state_dir.display())),
            None => {
                // where it is a link, what it leads to is told and goes as well
                self.add(real(&paths.state_dir));
                self.add(paths.state_dir.clone());
            }
        }
    }

    /// What is in the state directory, but what holds a workspace or lies in one.
    fn around_workspaces(&mut self, paths: &Paths, config: &Config, here: &Path) {
        if let Some(why) = precious(&paths.state_dir, paths, here) {
            self.keep.push(format!("{}: {why}", paths.state_dir.display()));
            return;
        }
        let state = real(&paths.state_dir);
        let agents = &config.agents().agents;
        let folders: Vec<_> = agents.iter().map(|agent| real(&agent.workspace(paths))).collect();
        for entry in entries(&state) {
            let inner = real(&entry);
            let meets = |folder: &&PathBuf| folder.starts_with(&inner) || inner.starts_with(folder);
            match folders.iter().find(meets) {
                None => self.add(entry),
                Some(folder) => self.keep.push(format!("{}: a workspace", folder.display())),
            }
        }
    }

    /// The workspaces, with `inner` those in the state directory too.
    fn workspaces(&mut self, paths: &Paths, config: &Config, here: &Path, inner: bool) {
        for agent in &config.agents().agents {
            let folder = agent.workspace(paths);
            if !inner && real(&folder).starts_with(real(&paths.state_dir)) {
                continue;
            }
            let holds_state = real(&paths.state_dir).starts_with(real(&folder));
            // `/usr` and its like are nobody's workspace
            let is_system = real(&folder).components().count() < 3;
            let why = precious(&folder, paths, here)
                .or_else(|| holds_state.then_some("the state directory is in it"))
                .or_else(|| is_system.then_some("it lies directly below the root of all files"));
            match why {
                Some(why) => self.keep.push(format!("{}: {why}", folder.display())),
                None => self.add(folder),
            }
        }
    }

    /// In order, each once, and without what lies in a folder that goes: that need not be told.
    fn tidied(mut self) -> Self {
        self.keep.dedup();
        self.remove.sort();
        self.remove.dedup();
        let all = self.remove.clone();
        let is_inside = |path: &Path| all.iter().any(|other| other != path && path.starts_with(other));
        self.remove.retain(|path| !is_inside(path));
        self
    }
}

/// Why a folder must stay, if it must.
fn precious(folder: &Path, paths: &Paths, here: &Path) -> Option<&'static str> {
    let holds = |inner: &Path| real(inner).starts_with(real(folder));
    if paths.home.as_deref().is_some_and(holds) {
        return Some("your home is in it");
    }
    holds(here).then_some("you are in it")
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    // a folder that is a link may lead anywhere
    let is_folder = fs::symlink_metadata(folder).is_ok_and(|metadata| metadata.is_dir());
    let entries = is_folder.then(|| fs::read_dir(folder).ok()).flatten();
    entries
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .collect()
}

fn real(path: &Path) -> PathBuf {
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    struct Home {
        folder: tempfile::TempDir,
        paths: Paths,
    }

    impl Home {
        fn new(files: &[&str]) -> Self {
            let folder = tempfile::tempdir().expect("a folder");
            let state_dir = folder.path().join("home/.openclaw");
            for file in files {
                let path = folder.path().join("home").join(file);
                fs::create_dir_all(path.parent().expect("a folder")).expect("made");
                fs::write(path, "").expect("written");
            }
            let paths = Paths {
                config_file: state_dir.join("openclaw.json"),
                home: Some(folder.path().join("home")),
                state_dir,
                include_roots: Vec::new(),
            };
            Self { folder, paths }
        }

        fn plan(&self, scope: Scope, config: serde_json::Value) -> (Vec<String>, Vec<String>) {
            let config = Config::from_value(config).expect("valid");
            let plan = plan(scope, &self.paths, &config, Path::new("/nowhere"));
            let home = self.folder.path().join("home");
            let short = |path: &PathBuf| path.strip_prefix(&home).unwrap_or(path).display().to_string();
            (plan.remove.iter().map(short).collect(), plan.keep)
        }
    }

    const FILES: [&str; 9] = [
        ".openclaw/openclaw.json",
        ".openclaw/openclaw.json.bak.2",
        ".openclaw/secrets.json",
        ".openclaw/state.db",
        ".openclaw/agents/main/sessions/a.jsonl",
        ".openclaw/plugins/x.so",
        ".openclaw/workspace/AGENTS.md",
        "work/notes.md",
        "precious",
    ];

    #[test]
    fn each_scope_removes_what_it_says_and_no_more() {
        let home = Home::new(&FILES);
        let of = |scope| home.plan(scope, json!({})).0;
        let config = [".openclaw/openclaw.json", ".openclaw/openclaw.json.bak.2"];
        assert_eq!(of(Scope::Config), config);
        let sessions = [
            ".openclaw/agents/main/sessions",
            config[0],
            config[1],
            ".openclaw/secrets.json",
            ".openclaw/state.db",
        ];
        assert_eq!(of(Scope::Sessions), sessions);
        assert_eq!(of(Scope::Full), [".openclaw"]);
    }

    #[test]
    fn what_a_restore_kept_of_the_state_goes_with_the_secrets() {
        let home = Home::new(&[
            ".openclaw/before-restore-20260101T000000Z/secrets.json",
            ".openclaw/.restore/plan.json",
        ]);
        let (remove, _) = home.plan(Scope::Sessions, json!({}));
        let kept = [".openclaw/.restore", ".openclaw/before-restore-20260101T000000Z"];
        assert_eq!(remove, kept);
        assert!(home.plan(Scope::Config, json!({})).0.is_empty());
    }

    #[test]
    fn workspaces_that_are_named_go_with_all_of_it_and_nothing_precious_does() {
        let home = Home::new(&FILES);
        let workspace = |folder: &str| {
            home.plan(
                Scope::Full,
                json!({"agents": {"defaults": {"workspace": folder}}}),
            )
        };
        assert_eq!(workspace("~/work").0, [".openclaw", "work"]);
        for folder in ["~", "/", "~/.openclaw/.."] {
            let (remove, keep) = workspace(folder);
            assert_eq!(remove, [".openclaw"], "{folder}");
            assert!(keep[0].contains("home"), "{keep:?}");
        }
        let (remove, keep) = workspace("/usr");
        assert_eq!(remove, [".openclaw"]);
        assert!(keep[0].contains("/usr"), "{keep:?}");
        let here = home.paths.state_dir.join("workspace");
        let in_it = plan(Scope::Full, &home.paths, &Config::default(), &here);
        assert!(in_it.keep[0].contains("you are in it") && !in_it.remove.contains(&home.paths.state_dir));
    }

    #[test]
    fn a_state_directory_that_is_a_link_goes_with_its_content() {
        let home = Home::new(&["disk/state.db"]);
        let (disk, link) = (home.folder.path().join("home/disk"), &home.paths.state_dir);
        std::os::unix::fs::symlink(&disk, link).expect("linked");
        assert_eq!(home.plan(Scope::Full, json!({})).0, [".openclaw", "disk"]);
    }

    #[test]
    fn a_link_is_removed_and_not_what_it_leads_to() {
        let home = Home::new(&FILES);
        let other = home.folder.path().join("other");
        fs::create_dir_all(other.join("x/sessions")).expect("made");
        fs::remove_dir_all(home.paths.state_dir.join("agents")).expect("removed");
        std::os::unix::fs::symlink(&other, home.paths.state_dir.join("agents")).expect("linked");
        let (remove, _) = home.plan(Scope::Sessions, json!({}));
        assert!(!remove.iter().any(|path| path.contains("agents")), "{remove:?}");
    }
}
