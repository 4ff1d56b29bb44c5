//! Finds texts in lines, and says where. Matchers only: which text is forbidden where is a rule's business.
use std::fmt::{self, Display};

/// What comes before an absolute path where it isn't the tail of a longer or relative one.
const PATH_CHARS: [char; 5] = ['/', '.', '-', '_', '~'];

/// A place that breaks a rule.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Finding {
    /// The file, from the repository's root.
    pub file: String,
    /// The line, from one.
    pub line: usize,
    /// What is wrong there.
    pub what: String,
}

impl Finding {
    /// A finding at a line.
    #[must_use]
    pub fn new(file: &str, line: usize, what: String) -> Self {
        Self {
            file: file.to_owned(),
            line,
            what,
        }
    }
}

impl Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.file, self.line, self.what)
    }
}

/// Fails the test if anything was found; the message has every place and the rule.
///
/// # Panics
/// If there are findings.
pub fn report(rule: &str, findings: &[Finding]) {
    let places = findings
        .iter()
        .map(|finding| format!("\n  {finding}"))
        .collect::<String>();
    assert!(
        findings.is_empty(),
        "{} against the rule: {rule}{places}\n",
        findings.len()
    );
}

/// Whether a line has this word: not as a part of a longer name.
#[must_use]
pub fn word(line: &str, word: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word)
        .any(|(at, _)| !line[..at].ends_with(is_name) && !line[at + word.len()..].starts_with(is_name))
}

/// Whether a line has this lower-case text in any case, also as a part of a longer name.
#[must_use]
pub fn any_case(line: &str, text: &str) -> bool {
    line.to_lowercase().contains(text)
}

/// Whether a line has a path that begins with this folder (`/folder/`, both slashes given).
#[must_use]
pub fn absolute_path(line: &str, folder: &str) -> bool {
    let inside = |c: char| c.is_alphanumeric() || PATH_CHARS.contains(&c);
    line.match_indices(folder)
        .any(|(at, _)| !line[..at].ends_with(inside))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_stands_alone() {
        assert!(word("    unsafe { x }", "unsafe"));
        assert!(word("unsafe(link_section)", "unsafe"));
        assert!(word("unsafe_code; unsafe", "unsafe"));
        assert!(!word("unsafe_code", "unsafe"));
        assert!(!word("is_unsafe not_unsafely", "unsafe"));
    }

    #[test]
    fn names_are_found_in_every_case_and_inside_others() {
        assert!(any_case("struct TeleGramClient", "telegram"));
        assert!(!any_case("openclaw", "openai"));
    }

    #[test]
    fn absolute_paths_are_not_the_tails_of_others() {
        for hit in ["cd /tree/main", "\"/tree/x\"", "file:/tree/", "=/tree/"] {
            assert!(absolute_path(hit, "/tree/"), "{hit}");
        }
        for miss in [
            "src/tree/x.rs",
            "../tree/",
            "~/tree/",
            "/tree",
            "/treetop/",
            "a-b/tree/",
        ] {
            assert!(!absolute_path(miss, "/tree/"), "{miss}");
        }
    }

    #[test]
    #[should_panic(expected = "a/b.rs:7: it is blue")]
    fn a_report_names_the_place() {
        report(
            "nothing is blue",
            &[Finding {
                file: "a/b.rs".into(),
                line: 7,
                what: "it is blue".into(),
            }],
        );
    }

    #[test]
    fn an_empty_report_is_good() {
        report("nothing is blue", &[]);
    }
}
