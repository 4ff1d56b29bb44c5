//! Carries out what findings say can be mended: in one step for the configuration, file by file for permissions.
use crate::{
    backup,
    checkup::{Finding, Mend},
    cli::{
        Failure,
        config::{Place, edit},
        gateway::lock::Lock,
    },
    clock::Clock,
    config::{Edit, Env},
};
use serde_json::{Value, json};
use std::{
    fs,
    io::{self, BufRead, IsTerminal, Write},
    os::unix::fs::PermissionsExt,
    path::Path,
};

/// What became of one mend.
#[derive(Debug)]
pub(in crate::cli) struct Mended {
    what: String,
    /// Why it was not done.
    pub(super) error: Option<String>,
}

/// Mends all that can be, after asking unless `silent`.
pub(in crate::cli) fn all(findings: &[Finding], env: &Env, silent: bool) -> Result<Vec<Mended>, Failure> {
    let mends: Vec<_> = findings
        .iter()
        .filter_map(|finding| Some((finding, finding.mend.as_ref()?)))
        .collect();
    if mends.is_empty() || !(silent || agreed(&mends)?) {
        return Ok(Vec::new());
    }
    let place = Place::of(env)?;
    let mut done = Vec::new();
    let mut edits: Vec<Edit> = Vec::new();
    for (finding, mend) in mends {
        match mend {
            Mend::Edits(some) => edits.extend(some.clone()),
            Mend::Mode { path, mode } => {
                let what = format!("chmod {mode:o} {}", path.display());
                done.push(Mended::of(what, narrow(path, *mode)));
            }
            Mend::StateDir => {
                let made = place.paths.prepare_state_dir();
                done.push(Mended::of(finding.title.clone(), made));
            }
            Mend::FinishRestore => {
                let finished = Lock::for_command(&place.paths, Clock::system().now_ms())
                    .and_then(|_lock| backup::finish(&place.paths).map_err(Failure::new));
                done.push(Mended::of(finding.title.clone(), finished));
            }
        }
    }
    if !edits.is_empty() {
        // all in one step, so that what was there before is the newest copy beside the file
        let keys: Vec<_> = edits.iter().map(|edit| edit.path().to_string()).collect();
        let file = place.paths.config_file.display();
        let what = format!(
            "rewrote {} in {file}; the old content is {file}.bak",
            keys.join(", ")
        );
        done.push(Mended::of(what, edit::apply(&edits, &place)));
    }
    Ok(done)
}

/// Takes away what others may do; never gives anything.
fn narrow(path: &Path, mode: u32) -> io::Result<()> {
    let metadata = fs::metadata(path)?;
    let now = metadata.permissions().mode();
    fs::set_permissions(path, fs::Permissions::from_mode(now & mode))
}

fn agreed(mends: &[(&Finding, &Mend)]) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Ok(true);
    }
    for (finding, _) in mends {
        anstream::println!("{}: {}", finding.title, finding.remediation);
    }
    anstream::print!("Mend {} of these? [y/N] ", mends.len());
    let asked = io::stdout().flush();
    asked.map_err(|e| Failure::io("ask", e))?;
    let mut answer = String::new();
    let read = io::stdin().lock().read_line(&mut answer);
    read.map_err(|e| Failure::io("read the answer", e))?;
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

// === impl Mended ===

impl Mended {
    fn of<T, E: std::fmt::Display>(what: String, outcome: Result<T, E>) -> Self {
        Self {
            what,
            error: outcome.err().map(|error| error.to_string()),
        }
    }

    /// Tells people.
    pub(in crate::cli) fn say(&self) {
        match &self.error {
            None => anstream::println!("mended: {}", self.what),
            Some(why) => anstream::println!("not mended: {}: {why}", self.what),
        }
    }

    /// Tells machines.
    pub(in crate::cli) fn json(all: &[Self]) -> Value {
        let rows = all
            .iter()
            .map(|one| json!({"ok": one.error.is_none(), "action": one.what, "error": one.error}));
        json!({"ok": all.iter().all(|one| one.error.is_none()), "actions": rows.collect::<Vec<_>>()})
    }
}
