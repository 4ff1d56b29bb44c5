//! What is told of tools that an agent uses: to a chat that asked for it with `/verbose`, and of a call to whoever
//! watches. Pure: calls and answers in, lines out. What looks like a secret is hidden, and a line is short.
use super::commands::Verbose;
use crate::observe::redact as hide;
use openclaw_plugin_api::{Content, ToolOutput};
use serde_json::Value;
use std::{collections::HashMap, fmt::Write as _};

/// Longest summary of what a tool was given, characters.
const MAX_GIVEN: usize = 120;
/// Most of an answer that is shown, characters.
const MAX_ANSWER: usize = 1_500;
/// Longest word of a failure, characters.
const MAX_WHY: usize = 300;
/// Calls that are remembered.
const MAX_CALLS: usize = 64;
/// What says most of a call, the best first.
const TELLING: [&str; 13] = [
    "command",
    "path",
    "file_path",
    "url",
    "query",
    "action",
    "pattern",
    "target",
    "task",
    "text",
    "message",
    "name",
    "id",
];

/// The calls that run.
#[derive(Debug, Default)]
pub(super) struct Uses(HashMap<String, String>);

/// What is said when a tool has ended; `used` is the line of its beginning.
pub(super) fn ended(verbose: Verbose, used: &str, output: &ToolOutput) -> Option<String> {
    let texts = output.content.iter().filter_map(Content::as_text);
    let text = hide(texts.collect::<Vec<_>>().join("\n").trim());
    match (verbose, output.is_error) {
        (Verbose::Off, _) | (Verbose::On, false) => None,
        (Verbose::On, true) => {
            let why = text.lines().next().unwrap_or_default();
            Some(format!("⚠️ {used} failed: {}", short(why, MAX_WHY)))
        }
        (Verbose::Full, is_error) => {
            let mark = if is_error { "⚠️" } else { "📄" };
            if text.is_empty() {
                return Some(format!("{mark} {used}: nothing"));
            }
            let fence = "`".repeat(longest_run(&text).max(2) + 1);
            Some(format!(
                "{mark} {used}\n{fence}\n{}\n{fence}",
                short(&text, MAX_ANSWER)
            ))
        }
    }
}

// === impl Uses ===

impl Uses {
    /// A tool begins: what is said of it.
    pub(super) fn began(&mut self, id: &str, name: &str, arguments: &Value) -> String {
        let used = match about(arguments, MAX_GIVEN) {
            given if given.is_empty() => name.to_owned(),
            given => format!("{name}: {given}"),
        };
        if self.0.len() < MAX_CALLS {
            self.0.insert(id.to_owned(), name.to_owned());
        }
        format!("🛠️ {used}")
    }

    /// It has ended: what it is called.
    pub(super) fn ended(&mut self, id: &str) -> String {
        self.0.remove(id).unwrap_or_else(|| "tool".to_owned())
    }
}

/// What a call is about, in a line of so many characters; empty if nothing tells.
pub fn about(arguments: &Value, most: usize) -> String {
    let said = TELLING.iter().filter_map(|key| {
        let value = arguments.get(key)?;
        value.as_str().filter(|text| !text.trim().is_empty())
    });
    let mut said = said.take(2);
    let mut line = said.next().map(str::to_owned).unwrap_or_default();
    if let Some(more) = said.next() {
        let _ = write!(line, " · {more}");
    }
    let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
    short(&hide(&line), most)
}

fn short(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}

fn longest_run(text: &str) -> usize {
    text.split(|c| c != '`').map(str::len).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn output(text: &str, is_error: bool) -> ToolOutput {
        ToolOutput {
            content: vec![Content::text(text)],
            is_error,
            ..ToolOutput::default()
        }
    }

    #[test]
    fn a_call_is_a_line() {
        let mut uses = Uses::default();
        let line = uses.began("1", "exec", &json!({"command": "ls\n  -la", "yieldMs": 5}));
        assert_eq!(line, "🛠️ exec: ls -la");
        assert_eq!(uses.began("2", "list", &json!({})), "🛠️ list");
        let long = uses.began("3", "web", &json!({"url": "x".repeat(500)}));
        assert_eq!(long.chars().count(), "🛠️ web: ".chars().count() + MAX_GIVEN + 1);
        assert_eq!(
            [uses.ended("1"), uses.ended("2"), uses.ended("9")],
            ["exec", "list", "tool"]
        );
    }

    #[test]
    fn answers_are_shown_to_who_wants_all() {
        assert_eq!(ended(Verbose::Off, "exec", &output("x", true)), None);
        assert_eq!(ended(Verbose::On, "exec", &output("x", false)), None);
        let failed = ended(Verbose::On, "exec", &output("no such file\nmore", true));
        assert_eq!(failed.as_deref(), Some("⚠️ exec failed: no such file"));
        let full = ended(Verbose::Full, "exec", &output("a ```b``` c", false)).expect("shown");
        assert_eq!(full, "📄 exec\n````\na ```b``` c\n````");
        let long = ended(Verbose::Full, "exec", &output(&"y".repeat(9_000), false)).expect("shown");
        assert!(long.chars().count() < MAX_ANSWER + 50);
    }

    #[test]
    fn secrets_are_hidden() {
        let secret = format!("sk-ant-{}", "a1B2c3D4".repeat(6));
        let line = Uses::default().began("1", "exec", &json!({"command": format!("curl -H {secret}")}));
        assert!(!line.contains(&secret) && line.contains("curl"), "{line}");
    }
}
