//! Words by which people call an agent without the platform's own mention.
use regex::{Regex, RegexBuilder};

/// Most patterns of one agent.
const MAX_PATTERNS: usize = 50;
/// Memory that one pattern may take, compiled.
const MAX_SIZE: usize = 1 << 18;

/// The words by which one agent is called. Empty: only the platform's mention counts.
#[derive(Debug, Clone, Default)]
pub struct MentionPatterns(Vec<Regex>);

/// A pattern that can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("mention pattern {position} can't be used: {reason}; look-around and references don't exist here")]
pub struct PatternError {
    /// Its position in the list.
    pub position: usize,
    /// Why.
    pub reason: String,
}

impl MentionPatterns {
    /// Patterns as an operator writes them (`agents…groupChat.mentionPatterns`): regular expressions, in any case. What
    /// can't be used is left out and told.
    pub fn new<S: AsRef<str>>(patterns: &[S]) -> (Self, Vec<PatternError>) {
        let (mut usable, mut errors) = (Vec::new(), Vec::new());
        for (position, pattern) in patterns.iter().enumerate() {
            let compiled = if position < MAX_PATTERNS {
                compile(pattern.as_ref())
            } else {
                Err(format!("only {MAX_PATTERNS} patterns are used"))
            };
            match compiled {
                Ok(regex) => usable.push(regex),
                Err(reason) => errors.push(PatternError { position, reason }),
            }
        }
        (Self(usable), errors)
    }

    /// The patterns of an agent that has a name and an emoji and no patterns of its own.
    pub fn of_identity(name: &str, emoji: &str) -> Self {
        let words: Vec<_> = name.split_whitespace().map(regex::escape).collect();
        let name = (!words.is_empty()).then(|| format!(r"(?:^|\W)@?{}(?:\W|$)", words.join(r"\s+")));
        let emoji = Some(regex::escape(emoji.trim())).filter(|emoji| !emoji.is_empty());
        let patterns: Vec<_> = name.into_iter().chain(emoji).collect();
        Self::new(&patterns).0
    }

    /// Whether the text calls the agent.
    pub fn matches(&self, text: &str) -> bool {
        // invisible characters between the letters of a name must not hide it
        let visible: String = text.chars().filter(|c| !is_invisible(*c)).collect();
        self.0.iter().any(|pattern| pattern.is_match(&visible))
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

fn compile(pattern: &str) -> Result<Regex, String> {
    if pattern.trim().is_empty() {
        return Err("it is empty".into());
    }
    RegexBuilder::new(pattern)
        .case_insensitive(true)
        .size_limit(MAX_SIZE)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => "it is too big".into(),
            error => error.to_string().lines().last().unwrap_or_default().to_owned(),
        })
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_call_and_parts_of_words_do_not() {
        let ann = MentionPatterns::of_identity("Ann Lee", "🦞");
        for (text, calls) in [
            ("hey ann  lee!", true),
            ("@Ann Lee", true),
            ("an\u{200b}n lee", true),
            ("🦞?", true),
            ("joann lee", false),
            ("ann leed", false),
            ("", false),
        ] {
            assert_eq!(ann.matches(text), calls, "{text}");
        }
        assert!(MentionPatterns::of_identity(" ", "").is_empty());
        assert!(
            MentionPatterns::of_identity("a.b (", "").matches("a.b ( x")
                && !MentionPatterns::of_identity("a.b", "").matches("axb")
        );
    }

    #[test]
    fn bad_patterns_are_told_and_the_others_work() {
        let (patterns, errors) = MentionPatterns::new(&[r"\bbot\b", "(?=x)", "", "(a{1000}){1000}"]);
        assert!(patterns.matches("BOT, hi") && !patterns.matches("robot"));
        assert_eq!(errors.iter().map(|e| e.position).collect::<Vec<_>>(), [1, 2, 3]);
        let many = vec!["x"; MAX_PATTERNS + 1];
        assert_eq!(MentionPatterns::new(&many).1.len(), 1);
    }
}
