//! The outcomes of all tests, for people and for machines.
//!
//! The JSON is stable: `version` grows when a field changes its meaning or goes away; new fields may come at any time.
use crate::{Category, Outcome, Status};
use anstyle::{AnsiColor, Style};
use openclaw_plugin_api::Manifest;
use serde::{Deserialize, Serialize};
use std::{fmt::Write, path::PathBuf, time::Duration};

/// Version of the JSON.
const VERSION: u32 = 1;

/// What the kit found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// Version of this record, 1.
    pub version: u32,
    /// Version of the kit.
    pub kit: String,
    /// The plugin's file.
    pub library: PathBuf,
    /// The plugin's id; empty if its manifest can't be read.
    pub plugin: String,
    /// The plugin's version.
    pub plugin_version: String,
    /// What randomness followed from: `--reproduce <seed>` asks the same again.
    pub seed: u64,
    /// No test failed or crashed.
    pub passed: bool,
    /// How many ended how.
    pub summary: Summary,
    /// Milliseconds, all tests together.
    pub duration_ms: u64,
    /// Every test, in the kit's order.
    pub tests: Vec<Outcome>,
}

/// How many tests ended how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Summary {
    /// [`Status::Success`]
    pub passed: usize,
    /// [`Status::Warning`]
    pub warnings: usize,
    /// [`Status::Failed`]
    pub failed: usize,
    /// [`Status::Crashed`]
    pub crashed: usize,
    /// [`Status::Skipped`]
    pub skipped: usize,
}

// === impl Report ===

impl Report {
    pub(crate) fn new(
        library: PathBuf,
        manifest: Option<&Manifest>,
        seed: u64,
        tests: Vec<Outcome>,
        duration: Duration,
    ) -> Self {
        let summary = Summary::of(&tests);
        Self {
            version: VERSION,
            kit: env!("CARGO_PKG_VERSION").to_owned(),
            library,
            plugin: manifest.map(|m| m.id.clone()).unwrap_or_default(),
            plugin_version: manifest.map(|m| m.version.clone()).unwrap_or_default(),
            seed,
            passed: summary.failed + summary.crashed == 0,
            summary,
            duration_ms: u64::try_from(duration.as_millis()).unwrap_or(u64::MAX),
            tests,
        }
    }

    /// 0 when the plugin passed, else 1.
    pub fn exit_code(&self) -> u8 {
        u8::from(!self.passed)
    }

    /// For people, by category, with the reason of whatever did not simply pass.
    pub fn text(&self, colour: bool) -> String {
        let mut out = String::new();
        let mut current: Option<Category> = None;
        for test in &self.tests {
            if current != Some(test.category) {
                current = Some(test.category);
                let _ = writeln!(
                    out,
                    "{}",
                    paint(test.category.as_str(), Style::new().bold(), colour)
                );
            }
            write_test(&mut out, test, colour);
        }
        let s = &self.summary;
        let _ = writeln!(
            out,
            "\n{}: {} passed, {} failed, {} warnings, {} skipped in {:.1} s",
            if self.plugin.is_empty() {
                self.library.to_string_lossy()
            } else {
                self.plugin.as_str().into()
            },
            s.passed,
            s.failed + s.crashed,
            s.warnings,
            s.skipped,
            Duration::from_millis(self.duration_ms).as_secs_f64(),
        );
        if !self.passed {
            let _ = writeln!(
                out,
                "again with the same questions: openclaw plugins check --reproduce {} {}",
                self.seed,
                self.library.display()
            );
        }
        out
    }
}

fn write_test(out: &mut String, test: &Outcome, colour: bool) {
    let (word, hue) = match test.status {
        Status::Success => ("ok", AnsiColor::Green),
        Status::Warning => ("warning", AnsiColor::Yellow),
        Status::Failed => ("FAILED", AnsiColor::Red),
        Status::Crashed => ("CRASHED", AnsiColor::Red),
        Status::Skipped => ("skipped", AnsiColor::BrightBlack),
    };
    let word = paint(
        &format!("{word:<7}"),
        Style::new().fg_color(Some(hue.into())),
        colour,
    );
    let _ = writeln!(out, "  {word}  {:<28}  {}", test.test, test.description);
    let margin = " ".repeat(11);
    if !test.message.is_empty() {
        let _ = writeln!(out, "{margin}{}", test.message);
    }
    if !test.doing.is_empty() {
        let _ = writeln!(out, "{margin}while {}", test.doing);
    }
}

fn paint(text: &str, style: Style, colour: bool) -> String {
    if colour {
        format!("{style}{text}{style:#}")
    } else {
        text.to_owned()
    }
}

// === impl Summary ===

impl Summary {
    fn of(tests: &[Outcome]) -> Self {
        let count = |status| tests.iter().filter(|test| test.status == status).count();
        Self {
            passed: count(Status::Success),
            warnings: count(Status::Warning),
            failed: count(Status::Failed),
            crashed: count(Status::Crashed),
            skipped: count(Status::Skipped),
        }
    }
}

#[cfg(test)]
mod unit {
    use super::*;

    fn outcome(status: Status, message: &str) -> Outcome {
        Outcome {
            test: "start-twice".into(),
            category: Category::Lifecycle,
            description: "a second start is answered".into(),
            status,
            message: message.into(),
            doing: if status.is_bad() {
                "starting".into()
            } else {
                String::new()
            },
            duration_ms: 3,
        }
    }

    fn report(tests: Vec<Outcome>) -> Report {
        Report::new("/lib.so".into(), None, 42, tests, Duration::from_millis(1_500))
    }

    #[test]
    fn a_crash_fails_the_plugin_and_says_how_to_see_it_again() {
        let report = report(vec![
            outcome(Status::Success, ""),
            outcome(Status::Crashed, "signal 11"),
        ]);
        assert_eq!((report.passed, report.exit_code()), (false, 1));
        let text = report.text(false);
        assert!(
            text.contains("/lib.so: 1 passed, 1 failed, 0 warnings, 0 skipped in 1.5 s"),
            "{text}"
        );
        assert!(
            text.contains("signal 11") && text.contains("while starting"),
            "{text}"
        );
        assert!(
            text.contains("--reproduce 42 /lib.so") && !text.contains('\x1b'),
            "{text}"
        );
    }

    #[test]
    fn warnings_and_skips_pass() {
        let report = report(vec![
            outcome(Status::Warning, "slow"),
            outcome(Status::Skipped, "none"),
        ]);
        assert_eq!((report.passed, report.exit_code()), (true, 0));
        assert!(report.text(true).contains('\x1b'));
    }

    #[test]
    fn the_json_is_read_back() {
        let report = report(vec![outcome(Status::Failed, "no")]);
        let json = serde_json::to_value(&report).expect("a report is JSON");
        assert_eq!(
            (json["version"].as_u64(), json["tests"][0]["status"].as_str()),
            (Some(1), Some("failed"))
        );
        assert_eq!(serde_json::from_value::<Report>(json).expect("read back"), report);
    }
}
