//! Steps of a task, each timed. On a terminal a step is one line that moves, and its output is shown only if it
//! fails; elsewhere (CI, pipes) each step has a line and its output is passed through, so a log is never silent.
//!
//! Everything goes to stderr: stdout belongs to a task's result.
use crate::error::{Error, Result, command_line};
use indicatif::{ProgressBar, ProgressStyle};
use std::{
    io::{self, BufRead as _, BufReader, IsTerminal as _, Read, Write as _},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};

/// How often the line of the running step is redrawn.
const TICK: Duration = Duration::from_millis(120);

/// The steps of one task.
pub(crate) struct Progress {
    total: usize,
    begun: usize,
    terminal: bool,
}

/// One step that is running.
pub(crate) struct Step {
    name: String,
    label: String,
    started: Instant,
    bar: Option<ProgressBar>,
}

impl Progress {
    /// A task of `total` steps.
    pub(crate) fn new(total: usize) -> Self {
        Self {
            total,
            begun: 0,
            terminal: io::stderr().is_terminal(),
        }
    }

    /// Begins the next step.
    pub(crate) fn step(&mut self, name: &str) -> Step {
        let label = self.label(name);
        let bar = self.terminal.then(|| {
            let style = ProgressStyle::with_template("{prefix} {spinner} {elapsed} {wide_msg:.dim}")
                .expect("the template is a constant that a test has drawn");
            let bar = ProgressBar::new_spinner()
                .with_style(style)
                .with_prefix(label.clone());
            bar.enable_steady_tick(TICK);
            bar
        });
        if bar.is_none() {
            eprintln!("{label} ...");
        }
        Step {
            name: name.to_owned(),
            label,
            started: Instant::now(),
            bar,
        }
    }

    /// Says that a step is left out, and why.
    pub(crate) fn skip(&mut self, name: &str, why: &str) {
        let label = self.label(name);
        eprintln!("{label} skipped: {why}");
    }

    fn label(&mut self, name: &str) -> String {
        self.begun += 1;
        format!("[{}/{}] {name}", self.begun, self.total)
    }
}

impl Step {
    /// Says what the step is at.
    pub(crate) fn say(&self, what: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(what.to_owned()),
            None => eprintln!("      {what}"),
        }
    }

    /// Runs a program that must succeed.
    pub(crate) fn run(&self, command: &mut Command) -> Result<()> {
        self.execute(command, false).map(drop)
    }

    /// Runs a program that must succeed, and returns what it printed; if it fails, that is shown.
    pub(crate) fn read(&self, command: &mut Command) -> Result<Vec<u8>> {
        self.execute(command, true)
    }

    /// Ends the step well.
    pub(crate) fn done(self) {
        let seconds = self.started.elapsed().as_secs_f32();
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        eprintln!("{} ok ({seconds:.1} s)", self.label);
    }

    /// Ends the step without having done it, or not all of it, and says why.
    pub(crate) fn skipped(self, why: &str) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
        eprintln!("{} skipped: {why}", self.label);
    }

    /// Leaves the screen to a program that is run in the foreground and ends the output.
    pub(crate) fn leave(self) {
        if let Some(bar) = self.bar {
            bar.finish_and_clear();
            eprintln!("{}", self.label);
        }
    }

    fn execute(&self, command: &mut Command, keep_stdout: bool) -> Result<Vec<u8>> {
        let quiet = self.bar.is_some();
        command.stdin(Stdio::null());
        command.stdout(if quiet || keep_stdout {
            Stdio::piped()
        } else {
            // what this program prints itself may be for machines
            Stdio::from(io::stderr())
        });
        command.stderr(if quiet { Stdio::piped() } else { Stdio::inherit() });
        if quiet {
            command.env("CARGO_TERM_COLOR", "always");
        }
        let mut child = command.spawn().map_err(Error::spawn(command))?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        let bar = self.bar.clone();
        // Both pipes are read at once: a program that fills the unread one would wait for ever.
        let errors = thread::spawn(move || stderr.map(|pipe| follow(pipe, bar.as_ref())).unwrap_or_default());
        let mut printed = Vec::new();
        if let Some(mut pipe) = stdout {
            pipe.read_to_end(&mut printed).map_err(Error::spawn(command))?;
        }
        let status = child.wait().map_err(Error::spawn(command))?;
        let errors = errors
            .join()
            .expect("the reader of a pipe has nothing that can panic");
        if status.success() {
            return Ok(printed);
        }
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
            let _ = io::stderr().write_all(&errors);
        }
        let _ = io::stderr().write_all(&printed);
        Err(Error::Step {
            step: self.name.clone(),
            command: command_line(command),
            status,
        })
    }
}

/// Reads a pipe to its end, shows its newest line, and keeps everything for the case of a failure.
fn follow(pipe: impl Read, bar: Option<&ProgressBar>) -> Vec<u8> {
    let mut pipe = BufReader::new(pipe);
    let (mut all, mut begin) = (Vec::new(), 0);
    while pipe.read_until(b'\n', &mut all).is_ok_and(|read| read > 0) {
        let line = String::from_utf8_lossy(&all[begin..]);
        if let Some(bar) = bar.filter(|_| !line.trim().is_empty()) {
            bar.set_message(line.trim().to_owned());
        }
        begin = all.len();
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn on_terminal() -> Step {
        Progress {
            total: 1,
            begun: 0,
            terminal: true,
        }
        .step("unit test")
    }

    #[test]
    fn the_output_of_a_program_is_returned() {
        let step = on_terminal();
        let printed = step.read(Command::new("rustc").arg("--version")).unwrap();
        assert!(printed.starts_with(b"rustc "));
        step.done();
    }

    #[test]
    fn a_failed_program_stops_the_step_and_is_named() {
        let error = on_terminal()
            .run(Command::new("rustc").arg("--no-such-flag"))
            .unwrap_err();
        let text = error.to_string();
        assert!(
            text.contains("step `unit test` failed: `rustc --no-such-flag`"),
            "{text}"
        );
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = on_terminal()
            .run(&mut Command::new("no-such-program-here"))
            .unwrap_err();
        assert!(matches!(error, Error::Spawn { ref command, .. } if command == "no-such-program-here"));
    }

    #[test]
    fn everything_is_kept_line_by_line() {
        assert_eq!(follow(&b"one\n\ntwo"[..], None), b"one\n\ntwo");
    }
}
