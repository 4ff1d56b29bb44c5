//! Cuts a message that fits a platform's limit but is taller than people want to read at once.
//!
//! It cuts between lines only. A fenced block that is cut is closed, and opened again in the next message, so that no part
//! is longer than the whole was.
use super::fence::{self, Fence};

/// Least lines of a message that are taken: a block needs two for itself.
const LEAST: usize = 4;

/// The text in messages of at most so many lines. 0: as many as there are.
pub(super) fn cut(text: String, max_lines: usize) -> Vec<String> {
    let max = max_lines.max(LEAST);
    if max_lines == 0 || text.lines().count() <= max {
        return vec![text];
    }
    let (mut parts, mut lines, mut open) = (Vec::new(), Vec::<String>::new(), None::<Fence>);
    for line in text.lines() {
        let after = fence::after_line(line, open.clone());
        let ends = open.is_some() && after.is_none();
        let kept = usize::from(after.is_some());
        if !ends && lines.len() + 1 + kept > max {
            finish(&mut parts, &mut lines, open.as_ref());
            lines.extend(open.as_ref().map(|fence| fence.opening.clone()));
        }
        // blank lines between two messages say nothing
        if !lines.is_empty() || !line.trim().is_empty() {
            lines.push(line.to_owned());
        }
        open = after;
    }
    // whatever is open here was open in the text, or its last line closed it
    finish(&mut parts, &mut lines, None);
    parts
}

fn finish(parts: &mut Vec<String>, lines: &mut Vec<String>, open: Option<&Fence>) {
    lines.extend(open.map(|fence| fence.closing.clone()));
    let part = std::mem::take(lines).join("\n");
    let part = part.trim_end();
    if !part.is_empty() {
        parts.push(part.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tall_messages_are_cut_and_blocks_are_whole() {
        let text = format!("intro\n```rust\n{}```\nend", "x\n".repeat(30));
        let parts = cut(text.clone(), 10);
        assert_eq!(parts.concat().matches('x').count(), 30);
        for part in &parts {
            assert!(part.lines().count() <= 10 && part.len() <= text.len(), "{part}");
            assert_eq!(part.matches("```").count(), 2, "{part}");
        }
        assert!(parts[1].starts_with("```rust\nx"));
        assert_eq!(cut(text.clone(), 0), [text]);
    }

    #[test]
    fn nothing_is_lost_between_parts() {
        let text = (0..50).map(|n| format!("line {n}\n\n")).collect::<String>();
        let joined = cut(text.clone(), 7).join("\n");
        let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(words(&joined), words(&text));
    }
}
