//! Texts as lines of a terminal.
//!
//! Invariants: no line is wider than it may be; nothing in a text can move the terminal's cursor or turn its direction.
use ratatui::{
    style::{Modifier, Style},
    text::{Line, Span},
};
use unicode_segmentation::UnicodeSegmentation;

/// Most lines of one text; the rest is said to be left out.
const MAX_LINES: usize = 5_000;

/// How wide a text is on a terminal.
pub(super) fn width(text: &str) -> usize {
    Span::raw(text).width()
}

/// A text without what would move the cursor or turn the direction of writing.
pub(super) fn plain(text: &str) -> String {
    let harmless = |c: &char| {
        *c == '\n'
            || !c.is_control()
                && !matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{200e}' | '\u{200f}')
    };
    text.replace('\t', "    ").chars().filter(harmless).collect()
}

/// The lines of a text.
pub(super) fn wrap(text: &str, columns: usize) -> Vec<String> {
    let columns = columns.max(1);
    let mut lines = Vec::new();
    for line in plain(text).split('\n') {
        if lines.len() >= MAX_LINES {
            lines.push("…".to_owned());
            break;
        }
        wrap_line(line, columns, &mut lines);
    }
    lines
}

fn wrap_line(line: &str, columns: usize, lines: &mut Vec<String>) {
    let (mut current, mut used) = (String::new(), 0);
    for word in line.split_word_bounds() {
        let wide = width(word);
        if used + wide <= columns {
            current.push_str(word);
            used += wide;
            continue;
        }
        if !current.trim().is_empty() {
            lines.push(current.trim_end().to_owned());
            (current, used) = (String::new(), 0);
            if word.trim().is_empty() {
                continue;
            }
        }
        for piece in word.graphemes(true) {
            let wide = width(piece);
            if used + wide > columns && !current.is_empty() {
                lines.push(std::mem::take(&mut current));
                used = 0;
            }
            // what is wider than the whole terminal can't be shown
            if wide <= columns {
                current.push_str(piece);
                used += wide;
            }
        }
    }
    lines.push(current);
}

/// An agent's words: headings and code look different from the rest.
pub(super) fn styled(text: &str, columns: usize, base: Style) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let mut code = false;
    for line in text.split('\n') {
        let fence = line.trim_start().starts_with("```");
        let style = if fence || code {
            base.add_modifier(Modifier::DIM)
        } else if line.starts_with('#') && line.trim_start_matches('#').starts_with(' ') {
            base.add_modifier(Modifier::BOLD)
        } else {
            base
        };
        code ^= fence;
        lines.extend(
            wrap(line, columns)
                .into_iter()
                .map(|line| Line::styled(line, style)),
        );
        if lines.len() >= MAX_LINES {
            lines.push(Line::from("…"));
            break;
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn words_stay_whole_where_they_can() {
        assert_eq!(wrap("one two three", 8), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij", 4), ["abcd", "efgh", "ij"]);
        assert_eq!(wrap("a\n\nb", 4), ["a", "", "b"]);
        assert_eq!(wrap("日本語", 4), ["日本", "語"]);
        assert_eq!(wrap("", 4), [""]);
    }

    #[test]
    fn nothing_moves_the_cursor() {
        assert_eq!(plain("a\u{1b}[2J\u{202e}b\rc\td"), "a[2Jbc    d");
    }

    #[test]
    fn code_and_headings_look_different() {
        let lines = styled("# Head\ntext\n```\ncode\n```\nend", 20, Style::new());
        let dim: Vec<_> = lines
            .iter()
            .map(|line| line.style.add_modifier.contains(Modifier::DIM))
            .collect();
        assert_eq!(dim, [false, false, true, true, true, false]);
        assert!(lines[0].style.add_modifier.contains(Modifier::BOLD));
    }

    proptest! {
        #[test]
        fn no_line_is_too_wide(text in "\\PC{0,80}", columns in 1_usize..30) {
            for line in wrap(&text, columns) {
                prop_assert!(width(&line) <= columns, "{line:?}");
            }
        }
    }
}
