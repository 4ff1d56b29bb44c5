//! The memory tier of `cargo xtask test`: valgrind over the ABI and over living plugins.
//!
//! The compiler can't see across the boundary, so this looks at it from below: the tests of `plugin-api`, and groups of
//! the conformance kit with every bundled plugin and the loopback channel. A wrong access or memory that nothing points
//! to any more fails the step. Groups that measure their own process (`calls`, `resources`) are left out: under valgrind
//! they would measure valgrind.
use crate::{
    artifacts,
    error::Result,
    progress::{Progress, Step},
    workspace::Workspace,
};
use std::{
    num::NonZero,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{Mutex, PoisonError},
    thread,
};

const NAME: &str = "memory";
const TOOL: &str = "valgrind";
const INSTALL: &str = "apt-get install valgrind";
/// What the boundary's own tests are part of.
const PACKAGE: &str = "openclaw-plugin-api";
/// Groups of the kit that mean the same under valgrind.
const GROUPS: [&str; 5] = ["manifest", "lifecycle", "concurrency", "cancellation", "faults"];
/// Seconds for one test of the kit; valgrind makes them some thirty times slower.
const KIT_TIMEOUT: &str = "300";

/// Runs the tier, or says why it is left out.
pub(crate) fn run(
    workspace: &Workspace,
    program: &Path,
    libraries: &[PathBuf],
    progress: &mut Progress,
) -> Result<()> {
    if !is_installed() {
        let why = format!("memory errors and leaks were not looked for, install the tool with `{INSTALL}`");
        progress.skip(NAME, &why);
        return Ok(());
    }
    let step = progress.step(NAME);
    for test in artifacts::tests(workspace, &step, PACKAGE)? {
        step.say(&test.name);
        // One after the other: valgrind runs one thread at a time anyway.
        step.run(valgrind(&test.file).arg("--test-threads=1"))?;
    }
    kits(&step, program, libraries)?;
    step.done();
    Ok(())
}

/// Every group with every library. Valgrind keeps one processor busy, so there are as many at once as processors.
fn kits(step: &Step, program: &Path, libraries: &[PathBuf]) -> Result<()> {
    let all = libraries
        .iter()
        .flat_map(|library| GROUPS.map(|group| (library, group)));
    let rest = Mutex::new(all);
    let next = || rest.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work = || {
        while let Some((library, group)) = next() {
            kit(step, program, library, group).inspect_err(|_| while next().is_some() {})?;
        }
        Ok(())
    };
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| {
        let workers: Vec<_> = (0..workers).map(|_| scope.spawn(work)).collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().expect("a worker has nothing that can panic"))
    })
}

fn kit(step: &Step, program: &Path, library: &Path, group: &str) -> Result<()> {
    let name = library.file_stem().unwrap_or_default().to_string_lossy();
    let mut command = valgrind(program);
    command
        .args(["plugins", "check", "--in-process", "--filter", group])
        .args(["--timeout", KIT_TIMEOUT])
        .arg(library);
    // shown only if it fails: what several print at once nobody can read
    step.read(&mut command)?;
    step.say(&format!("{name}: {group}"));
    Ok(())
}

/// A program under valgrind: any error and any memory that is definitely lost is a failure.
fn valgrind(program: &Path) -> Command {
    let mut command = Command::new(TOOL);
    command
        .args(["--quiet", "--error-exitcode=97", "--num-callers=30"])
        .args(["--leak-check=full", "--show-leak-kinds=definite"])
        .arg("--errors-for-leak-kinds=definite")
        .arg(program);
    command
}

fn is_installed() -> bool {
    let mut command = Command::new(TOOL);
    command
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}
