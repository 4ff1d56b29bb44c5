//! What was, or would be, taken over; what was left out and where; and what has no equivalent here.
use serde::Serialize;
use std::path::{Path, PathBuf};

/// Rows that were left out and are named; the others are counted.
const MAX_SKIPPED: usize = 200;
/// Things without an equivalent that are named.
const MAX_MISSING: usize = 200;

/// What came of it.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The installation.
    pub from: PathBuf,
    /// It was done; else this is what would be.
    pub applied: bool,
    /// What was taken over.
    pub taken: Counts,
    /// What was taken over before and is the same there.
    pub unchanged: Counts,
    /// By agent.
    pub agents: Vec<AgentReport>,
    /// What is used where it lies.
    pub in_place: Vec<String>,
    /// What could not be read, and what has no place here.
    pub skipped: Vec<Skipped>,
    /// How many more were left out.
    pub skipped_more: u64,
    /// What stayed there because it went on here, or the like.
    pub kept_apart: Vec<String>,
    /// What has no equivalent here.
    pub no_equivalent: Vec<String>,
    /// What to do next.
    pub next: Vec<String>,
}

/// How much.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Counts {
    /// Conversations that go on.
    pub conversations: u64,
    /// Transcripts, those of conversations that began anew included.
    pub transcripts: u64,
    /// Messages in them.
    pub messages: u64,
    /// People who were let in.
    pub people: u64,
    /// Jobs.
    pub jobs: u64,
    /// Files with keys or rules.
    pub files: u64,
}

/// One agent's conversations.
#[derive(Debug, Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AgentReport {
    /// Its id.
    pub id: String,
    /// `jsonl`, `sqlite`, or both.
    pub forms: Vec<&'static str>,
    /// Its conversations.
    pub conversations: u64,
    /// Its transcripts.
    pub transcripts: u64,
}

/// Something that was left out.
#[derive(Debug, Clone, Serialize)]
pub struct Skipped {
    /// Where it is: a file and a line, or a database and a row.
    pub place: String,
    /// Why.
    pub why: String,
}

// === impl Report ===

impl Report {
    pub(super) fn new(from: &Path) -> Self {
        Self {
            from: from.to_owned(),
            ..Self::default()
        }
    }

    /// Something is left out.
    pub(super) fn skipped(&mut self, place: impl Into<String>, why: &str) {
        if self.skipped.len() >= MAX_SKIPPED {
            self.skipped_more += 1;
            return;
        }
        let (place, why) = (place.into(), why.to_owned());
        self.skipped.push(Skipped { place, why });
    }

    /// Something has no equivalent.
    pub(super) fn missing(&mut self, what: impl Into<String>) {
        let what = what.into();
        if self.no_equivalent.len() < MAX_MISSING && !self.no_equivalent.contains(&what) {
            self.no_equivalent.push(what);
        }
    }
}
