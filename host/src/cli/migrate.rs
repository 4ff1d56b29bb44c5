//! `openclaw migrate`: takes conversations, people, jobs and keys of an OpenClaw installation over. Without `--apply` it
//! only says what it would do, and writes nothing anywhere.
use super::{Failure, gateway::lock::Lock, output};
use crate::{
    clock::Clock,
    config::{Config, ConfigError, Env, IncludeError, Loaded, Paths},
    import::{self, Counts, Progress, Report, Wish},
    journal::{self, Journal},
};
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    io::IsTerminal as _,
    path::{Path, PathBuf},
    time::Duration,
};

/// Things of one sort that are shown to people; JSON has all of them.
const SHOWN: usize = 20;
/// The database in the state directory.
const JOURNAL: &str = "state.db";

/// Takes conversations, people, jobs and keys over from OpenClaw; without --apply it only says what it would do
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The state directory of OpenClaw [default: the one of this gateway]
    #[arg(long, value_name = "DIR")]
    from: Option<PathBuf>,
    /// Only say what would be done: what happens anyway
    #[arg(long, conflicts_with = "apply")]
    dry_run: bool,
    /// Do it. Nothing of OpenClaw's is changed
    #[arg(long)]
    apply: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(args: &Args, env: &Env) -> Result<(), Failure> {
    let paths = Paths::resolve(env).map_err(Failure::config)?;
    let from = args
        .from
        .as_ref()
        .map_or_else(|| paths.state_dir.clone(), |from| paths.expand(from));
    let now_ms = Clock::system().now_ms();
    let (config, fault) = configuration(&paths, env);
    let store = if args.apply {
        Store::real(&paths, now_ms)?
    } else {
        Store::copy(&paths)?
    };
    let wish = Wish {
        from: &from,
        paths: &paths,
        config: &config,
        apply: args.apply,
        scratch: store.scratch(&paths),
        now_ms,
    };
    let bar = bar(args.json);
    let mut report = import::run(&wish, store.journal.as_ref(), &mut |progress| {
        show(&bar, progress)
    })
    .map_err(Failure::new)?;
    bar.finish_and_clear();
    store.synced()?;
    report.no_equivalent.extend(fault);
    if args.json {
        return output::json(&report);
    }
    tell(&report);
    Ok(())
}

/// The configuration where it lies, and what of it has no equivalent. One that can't be read is a finding, not an end.
fn configuration(paths: &Paths, env: &Env) -> (Config, Vec<String>) {
    let file = paths.config_file.display();
    match Loaded::read_without_secrets(paths, env) {
        Ok(loaded) => {
            let setting = super::setting::Setting::of(loaded.config.clone(), env).ok();
            let warnings = loaded.warnings.clone();
            let warnings = match &setting {
                Some(setting) => setting.unread(warnings),
                None => warnings,
            };
            let mut all: Vec<_> = warnings
                .iter()
                .map(|problem| format!("configuration: {problem}"))
                .collect();
            if let Some(setting) = setting {
                let absent = setting.assembly.absent.iter();
                all.extend(
                    absent
                        .map(|absent| format!("{}: no plugin here offers it ({})", absent.what, absent.key)),
                );
            }
            (loaded.config, all)
        }
        Err(ConfigError::Include(IncludeError::Missing(_))) => (Config::default(), Vec::new()),
        Err(error) => {
            let text = format!("configuration {file}: {error}; run `openclaw doctor`");
            (Config::default(), vec![text])
        }
    }
}

/// Where it is written to.
struct Store {
    journal: Option<Journal>,
    /// Goes with it.
    folder: Option<tempfile::TempDir>,
    _lock: Option<Lock>,
}

// === impl Store ===

impl Store {
    /// The journal itself, which no gateway has.
    fn real(paths: &Paths, now_ms: i64) -> Result<Self, Failure> {
        paths.prepare_state_dir().map_err(Failure::config)?;
        let lock = Lock::for_command(paths, now_ms)?;
        let journal = Journal::open(&paths.state_dir.join(JOURNAL)).map_err(Failure::new)?;
        Ok(Self {
            journal: Some(journal),
            folder: None,
            _lock: Some(lock),
        })
    }

    /// A copy, for a look that changes nothing.
    fn copy(paths: &Paths) -> Result<Self, Failure> {
        let failed = |error| Failure::io("copy the journal for a look at it", error);
        let folder = tempfile::tempdir().map_err(failed)?;
        let copy = folder.path().join(JOURNAL);
        let real = paths.state_dir.join(JOURNAL);
        let journal = if real.is_file() {
            // as it is at one moment: a gateway may write meanwhile
            journal::copy(&real, &copy).map_err(Failure::new)?;
            Some(Journal::open_beside(&copy).map_err(Failure::new)?)
        } else {
            None
        };
        Ok(Self {
            journal,
            folder: Some(folder),
            _lock: None,
        })
    }

    fn scratch<'a>(&'a self, paths: &'a Paths) -> &'a Path {
        self.folder
            .as_ref()
            .map_or(paths.state_dir.as_path(), tempfile::TempDir::path)
    }

    /// Waits until what was written is on the disk.
    fn synced(&self) -> Result<(), Failure> {
        let (Some(journal), None) = (&self.journal, &self.folder) else {
            return Ok(());
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::io("start the runtime", error))?;
        runtime.block_on(journal.synced()).map_err(Failure::new)
    }
}

fn bar(json: bool) -> ProgressBar {
    if json || !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let bar = ProgressBar::new(0);
    let style = ProgressStyle::with_template("{spinner} {msg} [{bar:30}] {pos}/{len}");
    bar.set_style(style.expect("the template is valid"));
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}

fn show(bar: &ProgressBar, progress: Progress<'_>) {
    bar.set_length(progress.of as u64);
    bar.set_position(progress.done as u64);
    bar.set_message(format!("{}, {} MB", progress.agent, progress.bytes >> 20));
}

fn tell(report: &Report) {
    let from = report.from.display();
    if report.applied {
        anstream::println!("Taken over from {from}:");
    } else {
        anstream::println!("Would be taken over from {from} (nothing was changed):");
    }
    counts(&report.taken);
    if report.unchanged != Counts::default() {
        anstream::println!("\nThe same as when it was taken over before:");
        counts(&report.unchanged);
    }
    if !report.agents.is_empty() {
        let mut table = output::table(&["AGENT", "FORM", "CONVERSATIONS", "TRANSCRIPTS"]);
        for agent in &report.agents {
            let numbers = [agent.conversations, agent.transcripts].map(|number| number.to_string());
            table.add_row(
                [agent.id.clone(), agent.forms.join(", ")]
                    .into_iter()
                    .chain(numbers),
            );
        }
        anstream::println!("\n{table}");
    }
    list("Used where it lies:", &report.in_place, 0);
    let skipped: Vec<_> = report
        .skipped
        .iter()
        .map(|row| format!("{}: {}", row.place, row.why))
        .collect();
    list("Left out:", &skipped, report.skipped_more);
    list("Left as it is here:", &report.kept_apart, 0);
    list("Has no equivalent here:", &report.no_equivalent, 0);
    list("Next:", &report.next, 0);
}

fn counts(counts: &Counts) {
    let all = [
        (counts.conversations, "conversation", "conversations"),
        (counts.transcripts, "transcript", "transcripts"),
        (counts.messages, "message", "messages"),
        (counts.people, "person who was let in", "people who were let in"),
        (counts.jobs, "job", "jobs"),
        (counts.files, "file of keys or rules", "files of keys and rules"),
    ];
    for (count, one, more) in all.into_iter().filter(|(count, ..)| *count > 0) {
        anstream::println!("  {count} {}", if count == 1 { one } else { more });
    }
    if *counts == Counts::default() {
        anstream::println!("  nothing");
    }
}

fn list(title: &str, lines: &[String], more: u64) {
    if lines.is_empty() {
        return;
    }
    anstream::println!("\n{title}");
    for line in lines.iter().take(SHOWN) {
        let line: String = line.chars().filter(|c| !c.is_control()).collect();
        anstream::println!("  {line}");
    }
    let more = more + lines.len().saturating_sub(SHOWN) as u64;
    if more > 0 {
        anstream::println!("  and {more} more; --json names them");
    }
}
