//! How findings look: for people by severity with what to do, for machines as JSON.
use super::output;
use crate::checkup::{Finding, Severity, Summary};
use anstyle::AnsiColor;

/// Prints findings for people, the worst first, and a line with their numbers. Remarks are shown with `all` only.
pub(super) fn show(title: &str, findings: &[Finding], all: bool) {
    anstream::println!("{title}");
    let mut hidden = 0;
    for finding in findings {
        if finding.severity == Severity::Info && !all {
            hidden += 1;
            continue;
        }
        let colour = match finding.severity {
            Severity::Critical => AnsiColor::Red,
            Severity::Warn => AnsiColor::Yellow,
            Severity::Info => AnsiColor::Cyan,
        };
        let word = output::coloured(finding.severity.word(), colour);
        anstream::println!("\n{word} {} [{}]", clean(&finding.title), finding.id);
        if !finding.detail.is_empty() {
            anstream::println!("  {}", clean(&finding.detail));
        }
        if !finding.remediation.is_empty() {
            let by_itself = if finding.mend.is_some() {
                " (--fix does it)"
            } else {
                ""
            };
            anstream::println!("  → {}{by_itself}", clean(&finding.remediation));
        }
    }
    anstream::println!("\n{}", summary(&Summary::of(findings)));
    if hidden > 0 {
        anstream::println!("The remarks are shown with --verbose.");
    }
}

/// `1 critical · 2 warn · 3 info`
pub(super) fn summary(summary: &Summary) -> String {
    let Summary { critical, warn, info } = summary;
    format!("{critical} critical · {warn} warn · {info} info")
}

/// Text of files and plugins may hold anything; a terminal is shown letters only.
fn clean(text: &str) -> String {
    let flat = text.replace('\n', "; ");
    flat.chars().filter(|c| !c.is_control()).collect()
}
