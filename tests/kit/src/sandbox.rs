//! Every test in a process of its own: start it, wait, and tell how it ended.
//!
//! The child is the same program with `--one`. Its outcome comes by file, because its standard streams belong to the
//! plugin; what it was doing is in the same file and outlives it.
use crate::{Case, Lab, Outcome, Report, Status, Test, journal, rng, run_one, tests};
use serde_json::Value;
use std::{
    io,
    path::{Path, PathBuf},
    process::{ExitStatus, Stdio},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
    runtime::Builder,
    task::JoinSet,
    time::timeout,
};

/// How long one test may take.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);
/// What is kept of a child's standard error: its end. Bytes.
const MAX_STDERR: usize = 2_048;
/// How long the end of a child's standard error is waited for when a process of the plugin's keeps it open.
const STDERR_DEADLINE: Duration = Duration::from_millis(500);

/// Which tests, and how.
#[derive(Debug, Clone)]
pub struct Options {
    /// The program whose `plugins check --one` comes to [`run_one`].
    pub program: PathBuf,
    /// Only the test of this name; if there is none, those whose name contains it or whose category it is.
    pub filter: Option<String>,
    /// What randomness follows from; None: chosen, and named in the report.
    pub seed: Option<u64>,
    /// How many tests at once.
    pub jobs: usize,
    /// How long one test may take.
    pub timeout: Duration,
    /// Everything in this process, one after the other: for a debugger. A crash takes it down.
    pub in_process: bool,
    /// The plugin's configuration; None: the smallest that its schema allows.
    pub config: Option<Value>,
}

/// Why the kit can't run.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// The filter names nothing.
    #[error("no test is called \"{filter}\"; `openclaw plugins check --list` shows all")]
    NoTest {
        /// What was asked for.
        filter: String,
    },
    /// The plugin's file can't be found.
    #[error("can't find the library {path}: {source}; build it first")]
    NoLibrary {
        /// The path.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No folder for the results, or no runtime.
    #[error("can't prepare the tests: {0}; check the temporary folder and the limits of this user")]
    Prepare(#[from] io::Error),
}

impl Options {
    /// All tests, as many at once as there are processors.
    pub fn new(program: impl Into<PathBuf>) -> Self {
        Self {
            program: program.into(),
            filter: None,
            seed: None,
            jobs: thread::available_parallelism().map_or(1, usize::from),
            timeout: DEFAULT_TIMEOUT,
            in_process: false,
            config: None,
        }
    }
}

/// Runs the kit and gives the report. `progress` hears of every test when it has ended, in any order. Call it from a
/// thread without a runtime.
pub fn run(
    lab: &Arc<dyn Lab>,
    library: &Path,
    options: &Options,
    progress: &mut dyn FnMut(&Outcome),
) -> Result<Report, RunError> {
    let library = library.canonicalize().map_err(|source| RunError::NoLibrary {
        path: library.to_owned(),
        source,
    })?;
    let filter = options.filter.as_deref().unwrap_or_default();
    let chosen = tests::chosen(filter);
    if chosen.is_empty() {
        return Err(RunError::NoTest {
            filter: filter.to_owned(),
        });
    }
    let begun = Instant::now();
    let seed = options.seed.unwrap_or_else(rng::fresh_seed);
    let case = |test: &Test| Case {
        library: library.clone(),
        test: test.name.to_owned(),
        seed,
        config: options.config.clone(),
        result_file: None,
    };
    let outcomes = if options.in_process {
        let run = |test: &&Test| {
            let outcome = run_one(lab.clone(), &case(test));
            progress(&outcome);
            outcome
        };
        chosen.iter().map(run).collect()
    } else {
        let cases = chosen.iter().map(|test| (*test, case(test))).collect();
        Builder::new_current_thread()
            .enable_all()
            .build()?
            .block_on(run_all(cases, options, progress))?
    };
    let manifest = lab.manifest(&library).ok();
    Ok(Report::new(
        library,
        manifest.as_ref(),
        seed,
        outcomes,
        begun.elapsed(),
    ))
}

async fn run_all(
    cases: Vec<(&'static Test, Case)>,
    options: &Options,
    progress: &mut dyn FnMut(&Outcome),
) -> io::Result<Vec<Outcome>> {
    let folder = tempfile::tempdir()?;
    let mut waiting = cases.into_iter().enumerate();
    let mut running = JoinSet::new();
    let mut done = Vec::new();
    loop {
        while running.len() < options.jobs.max(1) {
            let Some((at, (test, mut case))) = waiting.next() else {
                break;
            };
            case.result_file = Some(folder.path().join(test.name));
            let (program, limit) = (options.program.clone(), options.timeout);
            running.spawn(async move { (at, child(&program, test, &case, limit).await) });
        }
        let Some(ended) = running.join_next().await else {
            break;
        };
        let (at, outcome) = ended.map_err(io::Error::other)?;
        progress(&outcome);
        done.push((at, outcome));
    }
    done.sort_by_key(|(at, _)| *at);
    Ok(done.into_iter().map(|(_, outcome)| outcome).collect())
}

/// Runs one test in a child.
async fn child(program: &Path, test: &Test, case: &Case, limit: Duration) -> Outcome {
    let begun = Instant::now();
    let file = case.result_file.clone().unwrap_or_default();
    let mut command = Command::new(program);
    command.args([
        "plugins",
        "check",
        "--one",
        test.name,
        "--seed",
        &case.seed.to_string(),
        "--result-file",
    ]);
    command.arg(&file);
    if let Some(config) = &case.config {
        command.arg("--config").arg(config.to_string());
    }
    command.arg(&case.library);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let ended = match command.spawn() {
        Ok(child) => wait(child, limit).await,
        Err(e) => Err(format!("can't start {}: {e}", program.display())),
    };
    let record = journal::read(&file);
    let (status, message) = match (ended, record.outcome) {
        (Ok(_), Some(outcome)) => return outcome,
        (Ok(Some((exit, stderr))), None) => (Status::Crashed, how_it_ended(exit, &stderr)),
        (Ok(None), None) => (
            Status::Failed,
            format!("it did not end within {} s", limit.as_secs()),
        ),
        (Err(why), _) => (Status::Failed, why),
    };
    Outcome {
        test: test.name.to_owned(),
        category: test.category,
        description: test.description.to_owned(),
        status,
        message,
        doing: record.doing,
        duration_ms: u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX),
    }
}

/// Waits for a child: how it ended and the end of its standard error, or `None` when it had to be killed.
async fn wait(
    mut child: tokio::process::Child,
    limit: Duration,
) -> Result<Option<(ExitStatus, String)>, String> {
    let stderr = child.stderr.take().map(|stderr| tokio::spawn(tail(stderr)));
    let exit = match timeout(limit, child.wait()).await {
        Ok(exit) => exit.map_err(|e| format!("can't wait for the test's process: {e}"))?,
        Err(_) => {
            let _ = child.kill().await;
            return Ok(None);
        }
    };
    let text = match stderr {
        Some(stderr) => timeout(STDERR_DEADLINE, stderr).await.ok().and_then(Result::ok),
        None => None,
    };
    Ok(Some((exit, text.unwrap_or_default())))
}

/// The end of a stream; all of it is read, so that its writer never waits.
async fn tail(mut stream: impl AsyncRead + Unpin) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 4_096];
    while let Ok(n @ 1..) = stream.read(&mut buffer).await {
        kept.extend_from_slice(&buffer[..n]);
        kept.drain(..kept.len().saturating_sub(MAX_STDERR));
    }
    String::from_utf8_lossy(&kept).trim().to_owned()
}

fn how_it_ended(exit: ExitStatus, stderr: &str) -> String {
    let how = match (signal(exit), exit.code()) {
        (Some(signal), _) => format!("the process was ended by {}", signal_name(signal)),
        (None, Some(code)) => format!("the plugin ended the process with exit code {code}"),
        (None, None) => "the process ended".to_owned(),
    };
    // What follows a panic's message is its backtrace.
    let line = stderr
        .lines()
        .rfind(|line| !line.starts_with(' ') && !line.starts_with("note:"));
    match line {
        Some(line) => format!("{how}; its last words: {line}"),
        None => how,
    }
}

#[cfg(unix)]
fn signal(exit: ExitStatus) -> Option<i32> {
    use std::os::unix::process::ExitStatusExt;
    exit.signal()
}

#[cfg(not(unix))]
fn signal(_: ExitStatus) -> Option<i32> {
    None
}

fn signal_name(signal: i32) -> String {
    let name = match signal {
        4 => "illegal instruction",
        6 => "abort",
        7 => "bus error",
        8 => "arithmetic error",
        9 => "kill, perhaps for want of memory",
        11 => "segmentation fault, or stack overflow",
        31 => "forbidden system call",
        _ => return format!("signal {signal}"),
    };
    format!("signal {signal} ({name})")
}
