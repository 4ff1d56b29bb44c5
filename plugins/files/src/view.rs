//! A part of a text file that fits into a conversation, and a word on what is left.
use std::io::{self, BufRead};

/// Most lines of one answer.
pub const MAX_LINES: usize = 2000;
/// Most bytes of one answer.
pub const MAX_BYTES: usize = 50 << 10;
/// How far a file is looked through for its number of lines. Bytes.
const MAX_SCAN: u64 = 64 << 20;

/// A part of a text.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct View {
    /// The lines.
    pub text: String,
    /// Number of the first of them, from 1.
    pub first: usize,
    /// How many.
    pub count: usize,
    /// How many there are in the whole file; as far as was looked, if `scanned` is false.
    pub total: usize,
    /// The whole file was looked through.
    pub scanned: bool,
    /// The last line is cut.
    pub cut: bool,
}

/// Lines from `offset` (from 1) on, at most `limit`.
pub fn view(mut file: impl BufRead, offset: usize, limit: usize) -> io::Result<View> {
    let mut view = View {
        first: offset,
        ..View::default()
    };
    let (mut bytes, mut open, mut seen) = (Vec::new(), true, 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        // of a line that is longer than an answer, no more is kept than fits
        let (read, ended) = next_line(&mut file, &mut line)?;
        if read == 0 {
            view.scanned = true;
            break;
        }
        view.total += 1;
        seen += read;
        if view.total >= offset && open {
            open = view.count < limit && take(&mut view, &mut bytes, &line);
        }
        if !ended {
            view.scanned = true;
            break;
        }
        if seen > MAX_SCAN {
            break;
        }
    }
    view.text = String::from_utf8_lossy(&bytes).into_owned();
    Ok(view)
}

impl View {
    /// What is not shown, and how to see it; none if all is shown.
    pub fn rest(&self) -> Option<String> {
        let next = self.first + self.count;
        if self.cut {
            return Some(format!(
                "[line {} is longer than {MAX_BYTES} bytes and cut here; its rest can't be shown]",
                self.first
            ));
        }
        let all = if self.scanned { "" } else { "at least " };
        (next <= self.total).then(|| {
            format!(
                "[lines {} to {} of {all}{} shown; go on with offset={next}]",
                self.first,
                next - 1,
                self.total
            )
        })
    }
}

/// Adds a line if it fits; a first line that does not is cut.
fn take(view: &mut View, bytes: &mut Vec<u8>, line: &[u8]) -> bool {
    if bytes.len() + line.len() <= MAX_BYTES {
        bytes.extend_from_slice(line);
        view.count += 1;
        return true;
    }
    if view.count == 0 {
        let mut end = MAX_BYTES;
        while end > 0 && (line[end] & 0xc0) == 0x80 {
            end -= 1;
        }
        bytes.extend_from_slice(&line[..end]);
        view.count = 1;
        view.cut = true;
    }
    false
}

/// Reads a line with its end, and keeps at most a little more of it than an answer has. How long it is, and whether it
/// had an end.
fn next_line(file: &mut impl BufRead, kept: &mut Vec<u8>) -> io::Result<(u64, bool)> {
    let mut length = 0;
    loop {
        let chunk = file.fill_buf()?;
        if chunk.is_empty() {
            return Ok((length, false));
        }
        let end = chunk.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(chunk.len(), |end| end + 1);
        let room = (MAX_BYTES + 1).saturating_sub(kept.len()).min(used);
        kept.extend_from_slice(&chunk[..room]);
        file.consume(used);
        length += used as u64;
        if end.is_some() {
            return Ok((length, true));
        }
        if length > MAX_SCAN {
            return Ok((length, false));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str, offset: usize, limit: usize) -> View {
        view(text.as_bytes(), offset, limit).expect("memory can be read")
    }

    #[test]
    fn a_small_file_is_shown_as_it_is() {
        let all = of("a\r\nb\n", 1, MAX_LINES);
        assert_eq!((all.text.as_str(), all.total, all.rest()), ("a\r\nb\n", 2, None));
        assert_eq!(of("", 1, 10).rest(), None);
        assert_eq!(of("no end", 1, 10).text, "no end");
    }

    #[test]
    fn what_is_left_is_told() {
        let text: String = (1..=3000).map(|n| format!("{n}\n")).collect();
        let first = of(&text, 1, MAX_LINES);
        assert_eq!(
            first.rest().as_deref(),
            Some("[lines 1 to 2000 of 3000 shown; go on with offset=2001]")
        );
        let second = of(&text, 2001, MAX_LINES);
        assert_eq!((second.count, second.rest()), (1000, None));
        assert_eq!(of(&text, 5, 2).text, "5\n6\n");
        assert_eq!(of(&text, 4000, 2).count, 0);
    }

    #[test]
    fn bytes_are_bounded_and_lines_stay_whole() {
        let line = format!("{}\n", "x".repeat(999));
        let view = of(&line.repeat(100), 1, MAX_LINES);
        assert_eq!((view.count, view.text.len()), (51, 51_000));
        assert!(view.rest().is_some_and(|rest| rest.contains("offset=52")));
    }

    #[test]
    fn a_line_without_end_is_cut_between_characters() {
        let view = of(&"é".repeat(MAX_BYTES), 1, MAX_LINES);
        assert_eq!((view.cut, view.text.len()), (true, MAX_BYTES));
        assert!(!view.text.contains('\u{fffd}'));
        let odd = of(&format!("x{}", "é".repeat(MAX_BYTES)), 1, 1);
        assert_eq!((odd.cut, odd.text.len()), (true, MAX_BYTES - 1));
    }
}
