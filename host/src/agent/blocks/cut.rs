//! Where a part of a growing text ends. Pure; it looks no further than the part may be long.
use crate::{
    agent::chunk::{
        Unit,
        fence::{self, Fence},
        window,
    },
    config::BreakPreference,
};

/// How large a part is, characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::agent) struct Size {
    /// At the least.
    pub(in crate::agent) min: usize,
    /// At the most.
    pub(in crate::agent) max: usize,
    /// Where it ends best.
    pub(in crate::agent) prefers: BreakPreference,
}

/// A place where a text may end, the best last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// Between words, or lines of code.
    Word,
    Sentence,
    Line,
    Paragraph,
}

/// The last places of each kind: those that leave at least the smallest part, and others.
#[derive(Debug, Default)]
struct Places {
    large: [Option<usize>; 4],
    small: [Option<usize>; 4],
}

/// How much of the text is one part, bytes. `open` is the fenced block that the text begins in. None: it may still grow.
/// `line_start`: it begins with a line and not within one.
pub(super) fn end_of_part(text: &str, open: Option<Fence>, line_start: bool, size: &Size) -> Option<usize> {
    let wanted = match size.prefers {
        BreakPreference::Paragraph => Kind::Paragraph,
        BreakPreference::Newline => Kind::Line,
        BreakPreference::Sentence => Kind::Sentence,
    };
    let mut places = Places::default();
    let (mut fence, mut line, mut said) = (open, 0, false);
    let mut chars = text.char_indices().enumerate().peekable();
    while let Some((count, (at, c))) = chars.next() {
        if count > size.max {
            return Some(
                places
                    .best()
                    .unwrap_or_else(|| window(text, size.max, Unit::Chars)),
            );
        }
        if c == '\n' {
            if line > 0 || line_start {
                fence = fence::after_line(&text[line..at], fence);
            }
            line = at + 1;
        }
        let next = chars.peek().map(|(_, (_, c))| *c);
        if let Some(kind) = kind(text, at, c, next).filter(|_| said) {
            let kind = if fence.is_some() { Kind::Word } else { kind };
            if count >= size.min && kind >= wanted {
                return Some(at);
            }
            places.note(kind, at, count >= size.min);
        }
        said |= !c.is_whitespace();
    }
    None
}

/// What a reader sees end at this white space.
fn kind(text: &str, at: usize, c: char, next: Option<char>) -> Option<Kind> {
    if !c.is_whitespace() {
        return None;
    }
    if c == '\n' {
        // a line that may turn out to be followed by an empty one is not yet known for what it is
        return Some(match next? {
            '\n' => Kind::Paragraph,
            _ => Kind::Line,
        });
    }
    let before = text[..at].trim_end_matches(['"', '\'', ')', '*', '_', '”']);
    let ends = before.ends_with(['.', '!', '?', '…', '。', '！', '？']);
    Some(if ends { Kind::Sentence } else { Kind::Word })
}

// === impl Places ===

impl Places {
    fn note(&mut self, kind: Kind, at: usize, is_large: bool) {
        let places = if is_large {
            &mut self.large
        } else {
            &mut self.small
        };
        places[kind as usize] = Some(at);
    }

    fn best(&self) -> Option<usize> {
        let mut all = self.large.iter().rev().chain(self.small.iter().rev());
        all.find_map(|place| *place)
    }
}
