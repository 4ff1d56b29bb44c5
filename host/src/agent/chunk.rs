//! Cuts a text into messages that fit a platform's limit.
//!
//! It doesn't know Markdown beyond fenced blocks. Whatever it cuts, it loses and repeats nothing but white space at
//! the cuts, and what a reader sees as one character stays in one piece.
pub(super) mod fence;
mod tall;

use fence::Fence;
use unicode_segmentation::UnicodeSegmentation;

/// What a platform counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Unit {
    /// Unicode scalar values.
    #[default]
    Chars,
    /// UTF-16 code units: an emoji counts two or more.
    Utf16,
}

/// Where to cut.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Mode {
    /// As late as possible.
    #[default]
    Length,
    /// At every blank line, and within a paragraph as late as possible.
    Newline,
}

/// How long a message may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Most units of one message. 0: no limit.
    pub limit: usize,
    /// What the platform counts.
    pub unit: Unit,
    /// Where to cut.
    pub mode: Mode,
    /// Most lines of one message. 0: as many as there are.
    pub lines: usize,
}

/// One message before it is put together: what was cut from the text, and the lines around it that keep a fenced
/// block whole.
#[derive(Debug, Default, PartialEq)]
struct Piece<'a> {
    opening: Option<String>,
    body: &'a str,
    closing: Option<String>,
}

/// The text in messages of at most [`Limits::limit`], none of them empty.
pub fn chunk(text: &str, limits: &Limits) -> Vec<String> {
    let parts = match limits.mode {
        Mode::Length => vec![text],
        Mode::Newline => paragraphs(text),
    };
    let pieces = parts.into_iter().flat_map(|part| pieces(part, limits));
    pieces
        .flat_map(|piece| tall::cut(piece.join(), limits.lines))
        .collect()
}

/// How long a text is in a unit.
pub fn length(text: &str, unit: Unit) -> usize {
    match unit {
        Unit::Chars => text.chars().count(),
        Unit::Utf16 => text.encode_utf16().count(),
    }
}

// === impl Limits ===

impl Default for Limits {
    fn default() -> Self {
        Self {
            limit: 4000,
            unit: Unit::default(),
            mode: Mode::default(),
            lines: 0,
        }
    }
}

// === impl Piece ===

impl Piece<'_> {
    fn join(self) -> String {
        let opening = self.opening.map(|line| line + "\n").unwrap_or_default();
        let closing = self.closing.map(|line| format!("\n{line}")).unwrap_or_default();
        format!("{opening}{}{closing}", self.body)
    }
}

/// The text at its blank lines, those in fenced blocks excepted.
fn paragraphs(text: &str) -> Vec<&str> {
    let (mut parts, mut start, mut at, mut open) = (Vec::new(), 0, 0, None);
    for line in text.split_inclusive('\n') {
        if line.trim().is_empty() && open.is_none() {
            parts.push(&text[start..at]);
            start = at + line.len();
        }
        open = fence::after_line(line, open);
        at += line.len();
    }
    parts.push(&text[start..]);
    parts.retain(|part| !part.trim().is_empty());
    parts
}

fn pieces<'a>(text: &'a str, limits: &Limits) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    let (mut rest, mut open, mut line_start) = (text, None::<Fence>, true);
    loop {
        // Blank lines between two messages say nothing; the indentation of the first line does.
        if open.is_none() && line_start {
            rest = without_blank_lines(rest);
        }
        if rest.trim().is_empty() {
            return pieces;
        }
        // A limit that is hardly wider than the fence itself has no room for it.
        let opening = open
            .as_ref()
            .filter(|fence| around(fence, limits.unit) * 2 <= limits.limit);
        let opening = opening.map(|fence| fence.opening.clone());
        let used = opening.as_ref().map_or(0, |line| length(line, limits.unit) + 1);
        let budget = limits.limit.saturating_sub(used);
        if limits.limit == 0 || fits(rest, budget, limits.unit) {
            let body = if open.is_some() { rest } else { rest.trim_end() };
            pieces.push(Piece {
                opening,
                body,
                closing: None,
            });
            return pieces;
        }
        let mut cut = find_cut(rest, budget, limits.unit, open.as_ref(), line_start);
        let mut after = fence::after_text(&rest[..cut], open.clone(), line_start);
        let mut closing = None;
        if let Some(fence) = after
            .clone()
            .filter(|fence| around(fence, limits.unit) * 2 <= limits.limit)
        {
            let closed = length(&fence.closing, limits.unit) + 1;
            cut = find_cut(
                rest,
                budget.saturating_sub(closed),
                limits.unit,
                open.as_ref(),
                line_start,
            );
            after = fence::after_text(&rest[..cut], open, line_start);
            closing = after.as_ref().map(|fence| fence.closing.clone());
        }
        let body = &rest[..cut];
        let body = if after.is_some() { body } else { body.trim_end() };
        if !body.trim().is_empty() {
            pieces.push(Piece {
                opening,
                body,
                closing,
            });
        }
        rest = &rest[cut..];
        line_start = rest.starts_with('\n') || rest.starts_with("\r\n");
        rest = without_break(rest);
        open = after;
    }
}

/// What a fence costs in a message that begins and ends in it.
fn around(fence: &Fence, unit: Unit) -> usize {
    length(&fence.opening, unit) + length(&fence.closing, unit) + 2
}

fn fits(text: &str, budget: usize, unit: Unit) -> bool {
    // Each unit is at most four bytes, so most long texts are not counted at all.
    text.len() <= budget || (text.len() <= budget.saturating_mul(4) && length(text, unit) <= budget)
}

fn without_blank_lines(mut text: &str) -> &str {
    while let Some((line, rest)) = text.split_once('\n').filter(|(line, _)| line.trim().is_empty()) {
        debug_assert!(line.len() < text.len());
        text = rest;
    }
    text
}

/// Without the one break at which it was cut.
fn without_break(text: &str) -> &str {
    let mut chars = text.chars();
    match chars.next() {
        Some('\r') if chars.as_str().starts_with('\n') => &chars.as_str()[1..],
        Some(c) if c.is_whitespace() => chars.as_str(),
        _ => text,
    }
}

/// Where to cut a text that doesn't fit: the offset of the break, or of the first character that has no room. Never 0.
fn find_cut(text: &str, budget: usize, unit: Unit, open: Option<&Fence>, line_start: bool) -> usize {
    let window = window(text, budget, unit);
    // The break itself needs no room: one that follows the window counts.
    let seen = text[window..]
        .chars()
        .next()
        .map_or(window, |c| window + c.len_utf8());
    let mut best = Breaks::default();
    let (mut depth, mut said, mut blank) = (0_u32, false, false);
    let mut state = open.cloned();
    let mut in_code = open.is_some();
    let mut line = 0;
    for (at, c) in text[..seen].char_indices() {
        if c == '\n' {
            if line > 0 || line_start {
                state = fence::after_line(&text[line..at], state);
                in_code = state.is_some();
            }
            depth = if blank { 0 } else { depth };
            line = at + 1;
        }
        blank = c == '\n' || (blank && c.is_whitespace());
        if c.is_whitespace() && said {
            best.note(at, c == '\n', depth == 0 || in_code);
        }
        said |= !c.is_whitespace();
        match c {
            '(' => depth += 1,
            ')' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    best.choose().unwrap_or(window)
}

/// The last places of each kind at which a text may be cut.
#[derive(Debug, Default)]
struct Breaks {
    newline: Option<usize>,
    space: Option<usize>,
    inner_newline: Option<usize>,
    inner_space: Option<usize>,
}

// === impl Breaks ===

impl Breaks {
    fn note(&mut self, at: usize, newline: bool, outside: bool) {
        let kind = match (newline, outside) {
            (true, true) => &mut self.newline,
            (false, true) => &mut self.space,
            (true, false) => &mut self.inner_newline,
            (false, false) => &mut self.inner_space,
        };
        *kind = Some(at);
    }

    fn choose(&self) -> Option<usize> {
        self.newline
            .or(self.space)
            .or(self.inner_newline)
            .or(self.inner_space)
    }
}

/// The longest beginning that has room and ends between two characters as readers see them. Never empty.
pub(super) fn window(text: &str, budget: usize, unit: Unit) -> usize {
    let mut used = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        used += length(grapheme, unit);
        if used > budget {
            return if at > 0 {
                at
            } else {
                part_of(grapheme, budget, unit)
            };
        }
    }
    text.len()
}

/// How much of one character that is itself too long has room; at least its first scalar.
fn part_of(grapheme: &str, budget: usize, unit: Unit) -> usize {
    let mut used = 0;
    for (at, c) in grapheme.char_indices() {
        used += length(c.encode_utf8(&mut [0; 4]), unit);
        if used > budget && at > 0 {
            return at;
        }
    }
    grapheme.len()
}

#[cfg(test)]
mod tests;
