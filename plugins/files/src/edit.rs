//! Replacing parts of a text that occur exactly once. Bytes that no edit names stay as they are, line ends among them.
use std::ops::Range;

/// Most lines that are named where a text occurs several times.
const MAX_NAMED: usize = 8;

/// One replacement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// What is there.
    pub old: String,
    /// What is to be there.
    pub new: String,
}

/// What came of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Edited {
    /// The new text.
    pub text: String,
    /// Line of the first change, from 1.
    pub first_line: usize,
    /// What was taken away and added, line by line.
    pub diff: String,
}

/// Carries out all changes, each found in the text as it is now; or none, with the reason.
pub fn apply(text: &str, changes: &[Change]) -> Result<Edited, String> {
    let mut places = Vec::new();
    for (n, change) in changes.iter().enumerate() {
        let which = match changes.len() {
            1 => "oldText".to_owned(),
            _ => format!("edits[{n}].oldText"),
        };
        let (range, new) = place(text, change, &which)?;
        places.push((range, new, which));
    }
    places.sort_by_key(|(range, ..)| range.start);
    if let Some(pair) = places.windows(2).find(|pair| pair[0].0.end > pair[1].0.start) {
        return Err(format!(
            "{} and {} overlap; make one edit of them",
            pair[0].2, pair[1].2
        ));
    }
    let mut edited = Edited {
        text: String::with_capacity(text.len()),
        first_line: places.first().map_or(1, |(range, ..)| line_of(text, range.start)),
        diff: String::new(),
    };
    let mut at = 0;
    for (range, new, _) in &places {
        edited.text.push_str(&text[at..range.start]);
        edited.text.push_str(new);
        edited.diff.push_str(&diff(text, range, new));
        at = range.end;
    }
    edited.text.push_str(&text[at..]);
    if edited.text == text {
        return Err("old and new text are the same".to_owned());
    }
    Ok(edited)
}

/// Where it is, and what goes there.
fn place(text: &str, change: &Change, which: &str) -> Result<(Range<usize>, String), String> {
    if change.old.is_empty() {
        return Err(format!(
            "{which} is empty; to make or replace a whole file use write"
        ));
    }
    let crlf = |text: &str| text.replace("\r\n", "\n").replace('\n', "\r\n");
    if let Some(range) = once(text, &change.old, which)? {
        // a part of a line says nothing of how lines end here
        let new = match !change.old.contains('\n') && ends_with_crlf(text, range.end) {
            true => crlf(&change.new),
            false => change.new.clone(),
        };
        return Ok((range, new));
    }
    // the file may end its lines otherwise than models do
    if text.contains("\r\n")
        && let Some(range) = once(text, &crlf(&change.old), which)?
    {
        return Ok((range, crlf(&change.new)));
    }
    Err(match similar(text, &change.old) {
        Some(line) => format!(
            "{which} does not occur, but line {line} differs from it only in white space; read the file and copy the text \
             exactly"
        ),
        None => format!("{which} does not occur; read the file and copy the text exactly"),
    })
}

/// Does the line in which this is end so? One without an end is like the one above it.
fn ends_with_crlf(text: &str, at: usize) -> bool {
    let end = text[at..].find('\n').map(|end| at + end);
    let end = end.or_else(|| text[..at].rfind('\n'));
    end.is_some_and(|end| text[..end].ends_with('\r'))
}

fn once(text: &str, old: &str, which: &str) -> Result<Option<Range<usize>>, String> {
    let mut found = text.match_indices(old);
    let Some((start, _)) = found.next() else {
        return Ok(None);
    };
    // overlapping ones count too: "aa" is in "aaa" twice
    let step = text[start..].chars().next().map_or(1, char::len_utf8);
    if text[start + step..].contains(old) {
        let lines: Vec<_> = text
            .match_indices(old)
            .take(MAX_NAMED)
            .map(|(at, _)| line_of(text, at).to_string())
            .collect();
        return Err(format!(
            "{which} occurs more than once (lines {}); add lines around it until it is the only one",
            lines.join(", ")
        ));
    }
    Ok(Some(start..start + old.len()))
}

/// A line where the text stands with other white space.
fn similar(text: &str, old: &str) -> Option<usize> {
    let bare = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let wanted: Vec<_> = old.lines().map(bare).collect();
    let first = wanted.iter().position(|line| !line.is_empty())?;
    let wanted = &wanted[first..];
    let lines: Vec<_> = text.lines().map(bare).collect();
    let at = lines.windows(wanted.len()).position(|window| window == wanted)?;
    Some(at + 1)
}

fn line_of(text: &str, at: usize) -> usize {
    text[..at].matches('\n').count() + 1
}

fn diff(text: &str, range: &Range<usize>, new: &str) -> String {
    let mut diff = format!("@@ line {} @@\n", line_of(text, range.start));
    let mut add = |sign: char, text: &str| {
        for line in text.lines() {
            diff.push(sign);
            diff.push_str(line);
            diff.push('\n');
        }
    };
    add('-', &text[range.clone()]);
    add('+', new);
    diff
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(text: &str, pairs: &[(&str, &str)]) -> Result<Edited, String> {
        let change = |(old, new): &(&str, &str)| Change {
            old: (*old).to_owned(),
            new: (*new).to_owned(),
        };
        apply(text, &pairs.iter().map(change).collect::<Vec<_>>())
    }

    #[test]
    fn one_place_is_changed_and_told() {
        let edited = edit("a\nb\nc\n", &[("b\n", "B\nB\n")]).expect("fits");
        assert_eq!((edited.text.as_str(), edited.first_line), ("a\nB\nB\nc\n", 2));
        assert_eq!(edited.diff, "@@ line 2 @@\n-b\n+B\n+B\n");
    }

    #[test]
    fn several_edits_see_the_same_text() {
        assert_eq!(edit("ab", &[("b", "a"), ("a", "b")]).expect("fits").text, "ba");
        let overlap = edit("abc", &[("ab", "x"), ("bc", "y")]).expect_err("overlap");
        assert!(overlap.contains("overlap"), "{overlap}");
    }

    #[test]
    fn what_does_not_fit_is_explained() {
        let why = |text, old| edit(text, &[(old, "n")]).expect_err("does not fit");
        assert!(why("x\ny\nx\n", "x").contains("lines 1, 3"));
        assert!(why("aaa", "aa").contains("more than once"));
        assert!(why("if  x {\n\ty\n", "if x {\n    y").contains("line 1"));
        assert!(why("a", "b").contains("does not occur"));
        assert!(why("a", "").contains("write"));
        assert!(edit("a", &[("a", "a")]).is_err());
    }

    #[test]
    fn line_ends_of_the_file_are_kept() {
        let edited = edit("one\r\ntwo\r\nthree\n", &[("one\ntwo", "1\n2")]).expect("fits");
        assert_eq!(edited.text, "1\r\n2\r\nthree\n");
        // one line that becomes several
        for (before, old, expected) in [
            ("one\r\ntwo\n", "one", "1\r\n2\r\ntwo\n"),
            ("one\r\ntwo\n", "two", "one\r\n1\n2\n"),
            ("one\r\ntwo", "two", "one\r\n1\r\n2"),
            ("one", "one", "1\n2"),
        ] {
            let edited = edit(before, &[(old, "1\n2")]).expect("fits");
            assert_eq!(edited.text, expected, "{before:?}");
        }
    }
}
