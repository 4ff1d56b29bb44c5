//! What a test is doing, on disk before it does it: a crash takes the process, not the record.
//!
//! The file holds one JSON object a line: `{"doing": …}` for every step, `{"outcome": …}` at the end.
use crate::Outcome;
use serde::{Deserialize, Serialize};
use std::{
    fmt,
    fs::{self, File},
    io::{self, Write},
    path::Path,
    sync::{Mutex, PoisonError},
};

/// Steps that are recorded; a test has fewer, and a file must not grow for ever.
const MAX_STEPS: usize = 50_000;
/// Longest text of a step, characters.
const MAX_TEXT: usize = 300;

/// Writes steps.
#[derive(Debug, Default)]
pub(crate) struct Journal(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    file: Option<File>,
    steps: usize,
    last: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Line {
    Doing(String),
    Outcome(Box<Outcome>),
}

/// What the file of another process says.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Record {
    pub(crate) doing: String,
    pub(crate) outcome: Option<Outcome>,
}

impl Journal {
    /// Writes to a file, or only remembers.
    pub(crate) fn new(path: Option<&Path>) -> io::Result<Self> {
        let file = path.map(File::create).transpose()?;
        Ok(Self(Mutex::new(State {
            file,
            ..State::default()
        })))
    }

    /// From here on the test does this.
    pub(crate) fn doing(&self, what: impl fmt::Display) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let what: String = what.to_string().chars().take(MAX_TEXT).collect();
        // Thousands of equal calls are one step.
        if state.last == what {
            return;
        }
        state.last = what;
        state.steps += 1;
        if state.steps <= MAX_STEPS {
            let line = Line::Doing(state.last.clone());
            state.write(&line);
        }
    }

    /// The last step.
    pub(crate) fn last(&self) -> String {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).last.clone()
    }

    /// The end.
    pub(crate) fn finish(&self, outcome: &Outcome) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.write(&Line::Outcome(Box::new(outcome.clone())));
    }
}

impl State {
    fn write(&mut self, line: &Line) {
        let Some(file) = &mut self.file else { return };
        let mut text = serde_json::to_string(line).unwrap_or_default();
        text.push('\n');
        // One write, no buffer of our own: what was written outlives the process. A full disk costs only the record.
        let _ = file.write_all(text.as_bytes());
    }
}

/// Reads the file of a process that has ended. A last line that is cut off is ignored.
pub(crate) fn read(path: &Path) -> Record {
    let mut record = Record::default();
    for line in fs::read_to_string(path).unwrap_or_default().lines() {
        match serde_json::from_str(line) {
            Ok(Line::Doing(doing)) => record.doing = doing,
            Ok(Line::Outcome(outcome)) => record.outcome = Some(*outcome),
            Err(_) => {}
        }
    }
    record
}

#[cfg(test)]
mod unit {
    use super::*;

    #[test]
    fn the_last_step_survives_a_cut_line() {
        let folder = tempfile::tempdir().expect("a folder for the test");
        let path = folder.path().join("result");
        let journal = Journal::new(Some(&path)).expect("the folder can be written");
        journal.doing("one");
        journal.doing("two");
        fs::OpenOptions::new()
            .append(true)
            .open(&path)
            .and_then(|mut f| f.write_all(b"{\"doi"))
            .expect("written");
        assert_eq!(
            read(&path),
            Record {
                doing: "two".into(),
                outcome: None
            }
        );
    }
}
