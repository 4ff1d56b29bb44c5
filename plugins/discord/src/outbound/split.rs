//! Cuts a text into messages by length and by lines. A block of code that is cut is closed and opened again.
//!
//! Invariant: no message is longer than the limit, and nothing is lost but white space at the cuts.
use unicode_segmentation::UnicodeSegmentation;

/// Longest text of a message, as Discord counts at most: in UTF-16 units.
pub(super) const LIMIT: usize = 2000;
/// Least lines of a message that are taken: a block of code needs two for itself.
const LEAST_LINES: usize = 4;
/// Longest line that opens a block and is repeated; a longer one is repeated without its language.
const MAX_OPENING: usize = 80;

/// A block of code that is open.
#[derive(Debug, Clone)]
struct Fence {
    mark: String,
    opening: String,
}

struct Splitter {
    done: Vec<String>,
    current: String,
    units: usize,
    lines: usize,
    limit: usize,
    max_lines: usize,
    fence: Option<Fence>,
    /// What was written last only opens a block again.
    is_reopened: bool,
}

/// The messages of a text, none of them empty. `max_lines` 0: as many as there are.
pub(super) fn split(text: &str, limit: usize, max_lines: usize) -> Vec<String> {
    let mut splitter = Splitter {
        done: Vec::new(),
        current: String::new(),
        units: 0,
        lines: 0,
        limit,
        max_lines: match max_lines {
            0 => usize::MAX,
            lines => lines.max(LEAST_LINES),
        },
        fence: None,
        is_reopened: false,
    };
    for line in text.lines() {
        splitter.line(line);
    }
    splitter.cut();
    splitter.done
}

/// Length as Discord counts at most.
pub(super) fn units(text: &str) -> usize {
    text.encode_utf16().count()
}

impl Splitter {
    fn line(&mut self, line: &str) {
        let before = self.fence.clone();
        let after = after(line, before.clone());
        // A line that closes a block fits wherever the block does: room is kept for it.
        if before.is_some() && after.is_none() {
            self.push(line);
            self.fence = None;
            return;
        }
        if before.is_none()
            && after.is_some()
            && !self.has_room(units(line) + units(&fence_mark(&after)) + 2, 3)
        {
            self.cut();
        }
        let mut rest = line;
        loop {
            let closing = after
                .as_ref()
                .or(before.as_ref())
                .map_or(0, |fence| units(&fence.mark) + 1);
            if self.has_room(units(rest) + closing, 1 + usize::from(closing > 0)) {
                self.push(rest);
                break;
            }
            if !self.current.is_empty() && !self.is_reopened {
                self.cut();
                continue;
            }
            let room = self.limit.saturating_sub(self.units + closing + 1);
            let head = head(rest, room);
            self.push(&rest[..head]);
            rest = rest[head..].trim_start_matches(' ');
            if rest.is_empty() {
                break;
            }
            self.cut();
        }
        self.fence = after;
    }

    fn has_room(&self, units: usize, lines: usize) -> bool {
        let newline = usize::from(!self.current.is_empty());
        self.units + newline + units <= self.limit && self.lines.saturating_add(lines) <= self.max_lines
    }

    fn push(&mut self, line: &str) {
        // Blank lines at the beginning of a message say nothing.
        if self.current.is_empty() && line.trim().is_empty() {
            return;
        }
        if !self.current.is_empty() {
            self.current.push('\n');
            self.units += 1;
        }
        self.current += line;
        self.units += units(line);
        self.lines += 1;
        self.is_reopened = false;
    }

    /// Ends this message and begins the next in the same block.
    fn cut(&mut self) {
        let fence = self.fence.clone();
        let mut text = std::mem::take(&mut self.current);
        (self.units, self.lines) = (0, 0);
        if self.is_reopened {
            text.clear();
        }
        self.is_reopened = false;
        if let Some(fence) = &fence
            && !text.is_empty()
        {
            text = format!("{}\n{}", text.trim_end_matches('\n'), fence.mark);
        }
        let text = text.trim_end();
        if !text.is_empty() {
            self.done.push(text.to_owned());
        }
        if let Some(fence) = fence {
            self.push(&fence.opening);
            self.is_reopened = true;
        }
    }
}

fn fence_mark(fence: &Option<Fence>) -> String {
    fence.as_ref().map(|fence| fence.mark.clone()).unwrap_or_default()
}

/// The block that is open after a line.
fn after(line: &str, open: Option<Fence>) -> Option<Fence> {
    let body = line.trim_end().trim_start_matches(' ');
    let indent = line.trim_end().len() - body.len();
    let Some(mark) = body.chars().next().filter(|c| matches!(c, '`' | '~')) else {
        return open;
    };
    let width = body.chars().take_while(|c| *c == mark).count();
    let rest = &body[width..];
    if width < 3 || indent > 3 {
        return open;
    }
    match open {
        Some(fence) => {
            let closes = rest.is_empty() && fence.mark.starts_with(mark) && width >= fence.mark.len();
            (!closes).then_some(fence)
        }
        None if mark == '`' && rest.contains('`') => None,
        None => {
            let mark = body[..width].to_owned();
            let opening = if units(body) <= MAX_OPENING {
                body.to_owned()
            } else {
                mark.clone()
            };
            Some(Fence { mark, opening })
        }
    }
}

/// How much of a line has room: up to a space, or else up to where a reader sees a new character. Never nothing.
fn head(line: &str, room: usize) -> usize {
    let (mut used, mut fits, mut space) = (0, 0, None);
    for (at, grapheme) in line.grapheme_indices(true) {
        used += units(grapheme);
        if used > room {
            break;
        }
        fits = at + grapheme.len();
        if grapheme == " " {
            space = Some(fits);
        }
    }
    if fits == line.len() {
        return fits;
    }
    match space.filter(|at| *at * 2 > fits) {
        Some(at) => at,
        None if fits > 0 => fits,
        // One character that is itself too long.
        None => part(line, room),
    }
}

fn part(line: &str, room: usize) -> usize {
    let (mut used, mut end) = (0, 0);
    for c in line.chars() {
        used += c.len_utf16();
        if used > room && end > 0 {
            break;
        }
        end += c.len_utf8();
    }
    end
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything that was said, without what was added or lost at the cuts.
    fn said(text: &str) -> String {
        text.chars().filter(|c| !c.is_whitespace() && *c != '`').collect()
    }

    #[test]
    fn short_texts_are_one_message() {
        for text in ["a", "```\nx\n```", "a\n\nb"] {
            assert_eq!(split(text, LIMIT, 17), [text]);
        }
        assert!(split(" \n\n", LIMIT, 17).is_empty());
    }

    #[test]
    fn tall_texts_are_cut_between_lines_and_blocks_are_closed() {
        let text = format!("intro\n```rust\n{}```\nend", "let x = 1;\n".repeat(40));
        let chunks = split(&text, LIMIT, 17);
        assert!(chunks.len() >= 3, "{chunks:#?}");
        for chunk in &chunks {
            assert!(chunk.lines().count() <= 17, "{chunk}");
            assert_eq!(chunk.matches("```").count() % 2, 0, "{chunk}");
        }
        assert!(chunks[1].starts_with("```rust\nlet x"));
        let joined: Vec<_> = chunks
            .iter()
            .flat_map(|c| c.lines())
            .filter(|l| l.contains("let"))
            .collect();
        assert_eq!(joined.len(), 40);
    }

    #[test]
    fn nothing_is_lost_and_limits_are_kept() {
        let texts = [
            "word ".repeat(1000),
            "x".repeat(5000),
            "👨‍👩‍👧‍👦".repeat(400),
            format!("```\n{}\n```", "y".repeat(3000)),
            format!("a\n~~~~{}\n{}\n~~~~\nb", "l".repeat(200), "z z\n".repeat(900)),
            format!("```\n{}", "open\n".repeat(900)),
            "e\u{301}\u{302}".repeat(900),
            "\u{301}".repeat(3000),
            "line\n\n\n\n".repeat(700),
        ];
        for text in &texts {
            for (limit, lines) in [(2000, 0), (2000, 17), (60, 5), (2000, 1)] {
                let chunks = split(text, limit, lines);
                for chunk in &chunks {
                    assert!(
                        units(chunk) <= limit && !chunk.trim().is_empty(),
                        "{limit} {chunk:?}"
                    );
                }
                if !text.contains("~~~~") {
                    assert_eq!(said(&chunks.concat()), said(text), "{limit} {lines}");
                }
            }
        }
    }
}
