//! One thing that was found: what, how bad, why, and what to do about it. The only form that checks speak in.
use crate::config::Edit;
use serde::{Serialize, Serializer};
use std::path::PathBuf;

/// How bad it is; the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// It does not work, or somebody gets in.
    Critical,
    /// It may come to that.
    Warn,
    /// Good to know.
    Info,
}

/// Something that was found.
#[derive(Debug, Clone, Serialize)]
pub struct Finding {
    /// What it is, in a word that stays: scripts look for it.
    #[serde(rename = "checkId")]
    pub id: String,
    /// How bad it is.
    pub severity: Severity,
    /// What, in a few words.
    pub title: String,
    /// Where and why.
    pub detail: String,
    /// A command, or what to write.
    pub remediation: String,
    /// What `--fix` does about it.
    #[serde(rename = "fixable", serialize_with = "is_some")]
    pub mend: Option<Mend>,
}

/// How something can be mended without asking what the operator wants.
#[derive(Debug, Clone)]
pub enum Mend {
    /// Access to a file or folder is taken away from others.
    Mode {
        /// The file.
        path: PathBuf,
        /// What it may have at most.
        mode: u32,
    },
    /// The configuration says the same in another form, or something stricter.
    Edits(Vec<Edit>),
    /// The state directory is made.
    StateDir,
    /// A restore that was broken off is brought to its end.
    FinishRestore,
}

/// How many there are of each.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Summary {
    /// [`Severity::Critical`]
    pub critical: usize,
    /// [`Severity::Warn`]
    pub warn: usize,
    /// [`Severity::Info`]
    pub info: usize,
}

// === impl Severity ===

impl Severity {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warn => "warn",
            Self::Info => "info",
        }
    }
}

// === impl Finding ===

impl Finding {
    /// Something of this severity.
    pub fn new(severity: Severity, id: impl Into<String>, title: impl Into<String>) -> Self {
        Self {
            id: id.into(),
            severity,
            title: title.into(),
            detail: String::new(),
            remediation: String::new(),
            mend: None,
        }
    }

    /// Something that does not work, or lets somebody in.
    pub fn critical(id: impl Into<String>, title: impl Into<String>) -> Self {
        Self::new(Severity::Critical, id, title)
    }

    /// Something that may come to that.
    pub fn warn(id: impl Into<String>, title: impl Into<String>) -> Self {
        Self::new(Severity::Warn, id, title)
    }

    /// Something that is good to know.
    pub fn info(id: impl Into<String>, title: impl Into<String>) -> Self {
        Self::new(Severity::Info, id, title)
    }

    /// Where and why.
    #[must_use]
    pub fn because(mut self, detail: impl Into<String>) -> Self {
        self.detail = detail.into();
        self
    }

    /// What to do.
    #[must_use]
    pub fn remedy(mut self, remediation: impl Into<String>) -> Self {
        self.remediation = remediation.into();
        self
    }

    /// What `--fix` does.
    #[must_use]
    pub fn mended_by(mut self, mend: Mend) -> Self {
        self.mend = Some(mend);
        self
    }
}

// === impl Summary ===

impl Summary {
    /// Counts them.
    pub fn of(findings: &[Finding]) -> Self {
        let count = |severity| findings.iter().filter(|f| f.severity == severity).count();
        Self {
            critical: count(Severity::Critical),
            warn: count(Severity::Warn),
            info: count(Severity::Info),
        }
    }
}

/// The worst first; else in the order in which they were found.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by_key(|finding| finding.severity);
}

fn is_some<S: Serializer>(mend: &Option<Mend>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_bool(mend.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shape_for_machines_is_the_one_that_scripts_know() {
        let finding = Finding::warn("a.b", "title")
            .because("why")
            .remedy("what")
            .mended_by(Mend::StateDir);
        assert_eq!(
            serde_json::to_value(&finding).expect("JSON"),
            serde_json::json!({"checkId": "a.b", "severity": "warn", "title": "title", "detail": "why",
                "remediation": "what", "fixable": true})
        );
        let mut all = [Finding::info("c", ""), finding, Finding::critical("d", "")];
        sort(&mut all);
        assert_eq!(
            all.iter().map(|f| f.id.as_str()).collect::<Vec<_>>(),
            ["d", "a.b", "c"]
        );
        assert_eq!(
            Summary::of(&all),
            Summary {
                critical: 1,
                warn: 1,
                info: 1
            }
        );
    }
}
