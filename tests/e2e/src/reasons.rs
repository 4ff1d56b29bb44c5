//! Why differences are right: a list of reasons, each with the differences that it explains.
//!
//! The file is read line by line. `## ` begins a reason, in words. Each other line is a pattern, in which `*` stands for
//! anything; one that begins with `~ ` explains a difference that depends on timing and need not come. `# ` is a comment.
//!
//! Invariant: a difference without a reason is a fault, and so is a pattern that explains nothing.

/// Read reasons.
#[derive(Debug, Default)]
pub struct Reasons {
    patterns: Vec<Pattern>,
    faults: Vec<String>,
}

#[derive(Debug)]
struct Pattern {
    text: String,
    /// It need not come.
    is_timing: bool,
}

// === impl Reasons ===

impl Reasons {
    /// Reads a file of reasons.
    pub fn parse(text: &str) -> Self {
        let mut reasons = Self::default();
        let mut has_reason = false;
        for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
            if let Some(reason) = line.strip_prefix("##") {
                has_reason = !reason.trim().is_empty();
            } else if line.starts_with('#') {
                // for people
            } else if has_reason {
                let (text, is_timing) = match line.strip_prefix("~ ") {
                    Some(text) => (text, true),
                    None => (line, false),
                };
                let text = text.to_owned();
                reasons.patterns.push(Pattern { text, is_timing });
            } else {
                reasons.faults.push(format!("stands below no reason: {line}"));
            }
        }
        reasons
    }

    /// What is wrong: differences that nothing explains, and explanations of nothing.
    pub fn judge(&self, differences: &[String]) -> Vec<String> {
        let explains = |pattern: &Pattern, line: &String| is_like(line, &pattern.text);
        let unknown = differences
            .iter()
            .filter(|line| !self.patterns.iter().any(|pattern| explains(pattern, line)));
        let unused = self
            .patterns
            .iter()
            .filter(|pattern| !pattern.is_timing && !differences.iter().any(|line| explains(pattern, line)));
        let mut faults = self.faults.clone();
        faults.extend(unknown.map(|line| format!("has no reason: {line}")));
        faults.extend(unused.map(|pattern| format!("explains nothing any more: {}", pattern.text)));
        faults
    }
}

/// Does the text look like this, where `*` is anything?
fn is_like(text: &str, pattern: &str) -> bool {
    match pattern.split_once('*') {
        None => text == pattern,
        Some((head, tail)) => text.strip_prefix(head).is_some_and(|rest| {
            // every place where the rest of the pattern may begin
            let starts = rest.char_indices().map(|(at, _)| at).chain([rest.len()]);
            starts.into_iter().any(|at| is_like(&rest[at..], tail))
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_is_anything() {
        for (text, pattern, like) in [
            ("a: lacks .b", "a: lacks .b", true),
            ("a: lacks .b.c", "a: lacks .b", false),
            ("a: lacks .b.c", "a: lacks .b*", true),
            ("status: adds .x", "*: adds .x", true),
            ("a: lacks .b.c.d", "a*.b*.d", true),
            ("a: lacks .b.c.e", "a*.b*.d", false),
        ] {
            assert_eq!(is_like(text, pattern), like, "{text} {pattern}");
        }
    }

    #[test]
    fn what_has_no_reason_and_what_explains_nothing_are_faults() {
        let reasons = Reasons::parse("# all\n## not here\na: lacks .x*\n~ order: *\n");
        let said = |lines: &[&str]| lines.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert!(reasons.judge(&said(&["a: lacks .xy"])).is_empty());
        assert_eq!(
            reasons.judge(&said(&["a: lacks .xy", "a: lacks .z"])),
            ["has no reason: a: lacks .z"]
        );
        assert_eq!(reasons.judge(&[]), ["explains nothing any more: a: lacks .x*"]);
        let wrong = Reasons::parse("a: lacks .x\n").judge(&said(&["a: lacks .x"]));
        assert_eq!(wrong.len(), 2, "a pattern without a reason explains nothing");
    }
}
