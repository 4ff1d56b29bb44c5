//! One test in this process: where the child of [`crate::run`] comes to.
use crate::{
    Category, Lab, Outcome, Status, Test,
    bench::{Bench, Remarks},
    journal::Journal,
    outcome::{Stop, Verdict},
    tests::find,
};
use serde_json::Value;
use std::{
    any::Any,
    path::PathBuf,
    sync::Arc,
    thread,
    time::{Duration, Instant},
};
use tokio::runtime::Builder;

/// How the kit's own threads begin their names, so that a plugin's can be told from them. A thread's name has at most
/// 15 bytes.
pub(crate) const THREAD_PREFIX: &str = "kit-";
/// Threads that poll the plugin.
const WORKERS: usize = 4;
/// How long a test's own threads may take to end.
const SHUTDOWN: Duration = Duration::from_secs(1);

/// One test of one plugin.
#[derive(Debug, Clone)]
pub struct Case {
    /// The plugin.
    pub library: PathBuf,
    /// Name of the test.
    pub test: String,
    /// What randomness follows from.
    pub seed: u64,
    /// The plugin's configuration; None: the smallest that its schema allows.
    pub config: Option<Value>,
    /// Where the steps and the outcome are written, if anywhere.
    pub result_file: Option<PathBuf>,
}

/// Runs one test in this process and writes its outcome where [`Case::result_file`] says. Call it from a thread without
/// a runtime, in a process that does nothing else: the plugin may end it.
pub fn run_one(lab: Arc<dyn Lab>, case: &Case) -> Outcome {
    let begun = Instant::now();
    let Some(test) = find(&case.test) else {
        let why = format!("there is no test \"{}\"; `--list` shows all", case.test);
        return outcome(case, None, Status::Skipped, why, String::new(), Duration::ZERO);
    };
    let journal = match Journal::new(case.result_file.as_deref()) {
        Ok(journal) => Arc::new(journal),
        Err(e) => {
            let why = format!("the result file can't be written: {e}");
            return outcome(
                case,
                Some(test),
                Status::Failed,
                why,
                String::new(),
                begun.elapsed(),
            );
        }
    };
    let (verdict, remarks) = judge(lab, case, test, &journal);
    let (status, message) = match verdict {
        Ok(()) if remarks.warnings.is_empty() => (Status::Success, remarks.notes.join("; ")),
        Ok(()) => (Status::Warning, remarks.warnings.join("; ")),
        Err(Stop::Failed(why)) => (Status::Failed, why),
        Err(Stop::Skipped(why)) => (Status::Skipped, why),
    };
    let doing = if status.is_bad() {
        journal.last()
    } else {
        String::new()
    };
    let outcome = outcome(case, Some(test), status, message, doing, begun.elapsed());
    journal.finish(&outcome);
    outcome
}

fn outcome(
    case: &Case,
    test: Option<&Test>,
    status: Status,
    message: String,
    doing: String,
    duration: Duration,
) -> Outcome {
    Outcome {
        test: case.test.clone(),
        category: test.map_or(Category::Manifest, |test| test.category),
        description: test.map(|test| test.description.to_owned()).unwrap_or_default(),
        status,
        message,
        doing,
        duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
    }
}

/// Runs the test on a thread and runtimes of its own, so that neither the caller's nor what a test before it left
/// behind matters.
fn judge(lab: Arc<dyn Lab>, case: &Case, test: &'static Test, journal: &Arc<Journal>) -> (Verdict, Remarks) {
    let (case, journal) = (case.clone(), journal.clone());
    let work = move || -> (Verdict, Remarks) {
        let pool = Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name(format!("{THREAD_PREFIX}worker"))
            .enable_all()
            .build();
        // The test has a runtime without any code of the plugin, so that deadlines fire whatever the plugin blocks.
        let own = Builder::new_current_thread().enable_all().build();
        let (pool, own) = match (pool, own) {
            (Ok(pool), Ok(own)) => (pool, own),
            (Err(e), _) | (_, Err(e)) => {
                return (
                    Err(Stop::failed(format_args!("no runtime: {e}"))),
                    Remarks::default(),
                );
            }
        };
        let bench = Bench::new(lab, &case, journal, pool.handle().clone());
        let verdict = own.block_on(test.run(&bench));
        let remarks = bench.remarks();
        // What the next test finds in the process must not be this one's. A thread that the plugin blocks must not keep
        // the outcome back.
        pool.shutdown_timeout(SHUTDOWN);
        (verdict, remarks)
    };
    let thread = thread::Builder::new()
        .name(format!("{THREAD_PREFIX}main"))
        .spawn(work);
    let joined = thread.map(thread::JoinHandle::join);
    match joined {
        Ok(Ok(done)) => done,
        Ok(Err(payload)) => (Err(Stop::failed(panic_text(&*payload))), Remarks::default()),
        Err(e) => (
            Err(Stop::failed(format_args!("no thread can be started: {e}"))),
            Remarks::default(),
        ),
    }
}

fn panic_text(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<String>().map(String::as_str);
    let text = text
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("without a message");
    format!("the test itself panicked: {text}")
}
