//! An installation of OpenClaw: which agents it has, what is used where it lies, and what has no equivalent here.
use super::{Report, Wish, database::Database, stores};
use crate::{
    config::Paths,
    journal::{Journal, JournalError},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Agents of one installation.
const MAX_AGENTS: usize = 1_000;
/// Entries of its folder that are looked at.
const MAX_ENTRIES: usize = 1_000;

/// What is read, used as it is, or of no use to anybody but the program that made it.
const KNOWN: &[&str] = &[
    "agents",
    "cache",
    "completions",
    "config-journal-fingerprint.key",
    "credentials",
    "cron",
    "exec-approvals.json",
    "gateway.lock",
    "logs",
    "media",
    "plugin-skills",
    "plugins",
    "session-sqlite-migration-runs",
    "skills",
    "state",
    "tmp",
    "update-check.json",
    "wizard",
];

/// What has no equivalent, and what to do about it.
const FOREIGN: &[(&str, &str)] = &[
    (
        "browser",
        "a browser that agents steer is no part of this gateway",
    ),
    ("canvas", "pages that agents draw are no part of this gateway"),
    ("devices", "devices pair again: `openclaw devices list`"),
    (
        "extensions",
        "plugins written for OpenClaw do not run here: `openclaw plugins list` shows what does",
    ),
    ("hooks", "programs that run at events are no part of this gateway"),
    (
        "identity",
        "this gateway has an identity of its own; nodes and devices pair again",
    ),
    (
        "memory",
        "the search index over memory is not used; the files in the workspace are",
    ),
    ("nodes", "nodes pair again: `openclaw nodes list`"),
    (
        "sessions",
        "conversations of before agents had folders; OpenClaw's own `doctor` moves them into agents/",
    ),
    (
        "npm",
        "plugins written for OpenClaw do not run here: `openclaw plugins list` shows what does",
    ),
];

/// Its folder.
#[derive(Debug)]
pub(super) struct Installation {
    pub(super) folder: PathBuf,
    /// It is our state directory, too.
    pub(super) in_place: bool,
}

// === impl Installation ===

impl Installation {
    /// None: there is none.
    pub(super) fn find(folder: &Path, paths: &Paths) -> Option<Self> {
        let known = ["agents", "credentials", "cron", "state"];
        let there = known.iter().any(|name| folder.join(name).is_dir());
        let same = |a: &Path, b: &Path| a.canonicalize().ok() == b.canonicalize().ok();
        there.then(|| Self {
            folder: folder.to_owned(),
            in_place: same(folder, &paths.state_dir),
        })
    }

    /// Ids of its agents, as their folders are called.
    pub(super) fn agents(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.join("agents"))
            .into_iter()
            .flatten()
            .flatten();
        let mut agents: Vec<_> = entries
            .filter(|entry| entry.path().is_dir())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .take(MAX_AGENTS)
            .collect();
        agents.sort_unstable();
        agents
    }

    /// An agent's folder.
    pub(super) fn agent(&self, id: &str) -> PathBuf {
        self.folder.join("agents").join(id)
    }

    /// What the operator should know beside what was taken over.
    pub(super) fn remarks(&self, wish: &Wish<'_>, report: &mut Report) {
        let agents = wish.config.agents();
        for agent in &report.agents.clone() {
            if agents.get(&agent.id).is_none() {
                report.missing(format!(
                    "agent \"{}\" has conversations and is not in agents of the configuration: nobody answers them",
                    agent.id
                ));
            }
        }
        if wish.config.value()["session"]["store"].is_string() {
            report.missing(
                "session.store names another place of conversations; only agents/<id> of the state directory is read",
            );
        }
        self.places(wish, report);
        let entries = fs::read_dir(&self.folder)
            .into_iter()
            .flatten()
            .flatten()
            .take(MAX_ENTRIES);
        let mut names: Vec<_> = entries
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.sort_unstable();
        for name in names {
            if let Some(why) = foreign(&name) {
                report.missing(format!("{}: {why}", self.folder.join(&name).display()));
            }
        }
        let sure = if report.applied {
            "start the gateway: `openclaw gateway`"
        } else {
            "do it: `openclaw migrate --apply`"
        };
        report.next.push(sure.to_owned());
        if report.applied {
            report.next.push(
                "let OpenClaw's own gateway stay off: two of them would answer the same messages".to_owned(),
            );
        }
    }

    fn places(&self, wish: &Wish<'_>, report: &mut Report) {
        let (config, folder) = (&wish.paths.config_file, &self.folder);
        if config.is_file() {
            report
                .in_place
                .push(format!("configuration {}", config.display()));
        } else if folder.join("openclaw.json").is_file() {
            let there = folder.join("openclaw.json");
            report.next.push(format!(
                "take the configuration over: `cp {} {}`",
                there.display(),
                config.display()
            ));
        }
        for agent in &wish.config.agents().agents {
            let workspace = agent.workspace(wish.paths);
            if workspace.is_dir() {
                report
                    .in_place
                    .push(format!("workspace of {} {}", agent.id, workspace.display()));
            }
        }
        if !self.in_place {
            for name in ["workspace", "skills", "exec-approvals.json"] {
                let there = folder.join(name);
                if there.exists() && !wish.paths.state_dir.join(name).exists() {
                    let (there, here) = (there.display(), wish.paths.state_dir.display());
                    report
                        .next
                        .push(format!("take {name} over: `cp -r {there} {here}/`"));
                }
            }
            return;
        }
        for name in ["credentials", "skills", "exec-approvals.json"] {
            if folder.join(name).exists() {
                report.in_place.push(folder.join(name).display().to_string());
            }
        }
    }
}

fn foreign(name: &str) -> Option<&'static str> {
    let ours = name.starts_with("openclaw.json")
        || name.starts_with("state.db")
        || name.starts_with("workspace")
        || name.starts_with('.')
        || name.starts_with("exec-approvals")
        || KNOWN.contains(&name);
    if ours {
        return None;
    }
    let known = FOREIGN.iter().find(|(foreign, _)| *foreign == name);
    Some(known.map_or(
        "state of a channel or another part of OpenClaw; it is not taken over, and channels log in again",
        |(_, why)| why,
    ))
}

/// Devices have keys that the other gateway gave them.
pub(super) fn devices(database: &Database, report: &mut Report) {
    let paired = database
        .rows("device_pairing_paired", "device_id")
        .unwrap_or_default()
        .len();
    if paired > 0 {
        report.missing(format!(
            "devices that were paired ({paired}): they pair again, `openclaw devices list`"
        ));
    }
}

/// What to say at a start where there is something to take over and nobody ever did.
pub fn pending(paths: &Paths, journal: &Journal) -> Result<Option<String>, JournalError> {
    let Some(installation) = Installation::find(&paths.state_dir, paths) else {
        return Ok(None);
    };
    let agents = installation.agents();
    let has_any = agents
        .iter()
        .any(|agent| stores::has_any(&installation.agent(agent)));
    if !has_any || journal.import_has_run()? {
        return Ok(None);
    }
    let folder = paths.state_dir.display();
    Ok(Some(format!(
        "{folder} has conversations of OpenClaw that this gateway does not know yet; `openclaw migrate` shows what would be \
         taken over"
    )))
}
