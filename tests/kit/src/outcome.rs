//! What a test can end with.
use serde::{Deserialize, Serialize};
use std::fmt;

/// What a test ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// The plugin keeps the rule.
    Success,
    /// It keeps the rule, but somebody should look at something.
    Warning,
    /// It breaks the rule, or gave no answer in time.
    Failed,
    /// It ended the process.
    Crashed,
    /// The test does not apply to this plugin, or could not be begun.
    Skipped,
}

/// What a test looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Category {
    /// The file and what it says of itself.
    Manifest,
    /// Its configuration.
    Config,
    /// Making, starting, stopping and destroying it.
    Lifecycle,
    /// What it answers.
    Calls,
    /// Many calls at once.
    Concurrency,
    /// Callers and readers that go away.
    Cancellation,
    /// A host that fails.
    Faults,
    /// Memory, threads, files, logs, and the state of the process.
    Resources,
    /// What channels do besides.
    Channel,
}

/// One test and what it ended with.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    /// Name of the test.
    pub test: String,
    /// What it looks at.
    pub category: Category,
    /// The rule.
    pub description: String,
    /// What it ended with.
    pub status: Status,
    /// Why; for [`Status::Success`] what was measured, or empty.
    pub message: String,
    /// The last thing that was begun before it failed or crashed; otherwise empty.
    pub doing: String,
    /// Milliseconds.
    pub duration_ms: u64,
}

/// What a test function ends with when it does not pass.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Stop {
    Failed(String),
    Skipped(String),
}

pub(crate) type Verdict<T = ()> = Result<T, Stop>;

impl Status {
    /// Does the plugin break a rule?
    pub fn is_bad(self) -> bool {
        matches!(self, Self::Failed | Self::Crashed)
    }

    /// The word for people and machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Warning => "warning",
            Self::Failed => "failed",
            Self::Crashed => "crashed",
            Self::Skipped => "skipped",
        }
    }
}

impl Category {
    /// The word for people and machines.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manifest => "manifest",
            Self::Config => "config",
            Self::Lifecycle => "lifecycle",
            Self::Calls => "calls",
            Self::Concurrency => "concurrency",
            Self::Cancellation => "cancellation",
            Self::Faults => "faults",
            Self::Resources => "resources",
            Self::Channel => "channel",
        }
    }
}

impl Stop {
    pub(crate) fn failed(why: impl fmt::Display) -> Self {
        Self::Failed(why.to_string())
    }

    pub(crate) fn skipped(why: impl fmt::Display) -> Self {
        Self::Skipped(why.to_string())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Display for Category {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}
