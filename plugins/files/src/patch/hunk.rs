//! Where a change belongs in a file, exactly there or where only white space differs; and how its lines end.
//!
//! What a change does not touch stays as it is, byte for byte. A new line ends as the line in whose place it is, or else as
//! the one above it; a file whose last line has no end goes on like that.
use super::{Hunk, Sign};

/// What some editors begin a file with. Nobody sees it, so hardly a patch has it.
const BOM: &str = "\u{feff}";

/// A line of a file, and how it ends: not at all where the file does.
#[derive(Clone, Copy)]
struct Line<'t> {
    text: &'t str,
    end: &'t str,
}

/// The new text of a file, or why the changes don't fit.
pub fn fit(text: &str, hunks: &[Hunk]) -> Result<String, String> {
    let (bom, text) = text.split_at(if text.starts_with(BOM) { BOM.len() } else { 0 });
    let mut fitted = bom.to_owned();
    let before: Vec<_> = text.split_inclusive('\n').map(Line::of).collect();
    let usual = before
        .first()
        .map(|line| line.end)
        .filter(|end| !end.is_empty())
        .unwrap_or("\n");
    let (mut after, mut from) = (Vec::new(), 0);
    for (n, hunk) in hunks.iter().enumerate() {
        let at = place(&before, hunk, from).map_err(|why| format!("change {} does not fit: {why}", n + 1))?;
        after.extend_from_slice(&before[from..at]);
        from = at + carry_out(hunk, &before[at..], usual, &mut after);
    }
    after.extend_from_slice(&before[from..]);
    let last = after.len().saturating_sub(1);
    let mut above = usual;
    for (n, line) in after.into_iter().enumerate() {
        // what was the last line may be no longer
        let end = if line.end.is_empty() && n < last {
            above
        } else {
            line.end
        };
        fitted.push_str(match fitted == BOM {
            true => line.text.trim_start_matches(BOM),
            false => line.text,
        });
        fitted.push_str(end);
        above = end;
    }
    Ok(fitted)
}

/// Puts what becomes of the lines that are `there` below what comes before them. How many of them it was.
fn carry_out<'t>(hunk: &'t Hunk, there: &[Line<'t>], usual: &'t str, after: &mut Vec<Line<'t>>) -> usize {
    let mut at = 0;
    let is_kept = |(sign, _): &(Sign, String)| *sign == Sign::Keep;
    for run in hunk.lines.chunk_by(|one, next| is_kept(one) == is_kept(next)) {
        let old = run.iter().filter(|(sign, _)| *sign != Sign::Add).count();
        let taken = &there[at..at + old];
        at += old;
        if run.first().is_some_and(is_kept) {
            // as they are in the file: those of the patch may have other white space
            after.extend_from_slice(taken);
            continue;
        }
        let new = run.iter().filter(|(sign, _)| *sign == Sign::Add);
        for (n, (_, text)) in new.enumerate() {
            let neighbour = taken.get(n).or(after.last());
            let end = neighbour.map_or(usual, |line| line.end);
            after.push(Line { text, end });
        }
    }
    at
}

fn place(lines: &[Line<'_>], hunk: &Hunk, from: usize) -> Result<usize, String> {
    let mut from = from;
    if !hunk.anchor.is_empty() {
        from = find(lines, &[&hunk.anchor], from)
            .ok_or_else(|| format!("there is no line `{}`; read the file again", hunk.anchor))?
            + 1;
    }
    let old = hunk.old();
    let Some(first) = old.first() else {
        // new lines go below their anchor, or to the end
        return Ok(if hunk.anchor.is_empty() || hunk.at_end {
            lines.len()
        } else {
            from
        });
    };
    if hunk.at_end {
        let at = lines.len().saturating_sub(old.len()).max(from);
        if find(lines, &old, at) == Some(at) {
            return Ok(at);
        }
    }
    find(lines, &old, from).ok_or_else(|| {
        format!("its lines, from `{first}` on, are not in the file in this order; read the file again")
    })
}

/// The strictest reading that fits wins.
fn find(lines: &[Line<'_>], wanted: &[&str], from: usize) -> Option<usize> {
    let readings: [fn(&str) -> &str; 3] = [
        |line| line,
        str::trim_end,
        |line| line.trim_start_matches(BOM).trim(),
    ];
    let lines = lines.get(from..)?;
    readings.iter().find_map(|reading| {
        lines
            .windows(wanted.len())
            .position(|window| {
                let mut pairs = window.iter().zip(wanted);
                pairs.all(|(line, wanted)| reading(line.text) == reading(wanted))
            })
            .map(|at| at + from)
    })
}

// === impl Line ===

impl<'t> Line<'t> {
    /// Of what it is with its end.
    fn of(whole: &'t str) -> Self {
        let text = whole.strip_suffix('\n').unwrap_or(whole);
        let text = match text.strip_suffix('\r') {
            Some(short) if text.len() < whole.len() => short,
            _ => text,
        };
        Self {
            text,
            end: &whole[text.len()..],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hunk(anchor: &str, old: &[&str], new: &[&str]) -> Hunk {
        let signed =
            |sign, lines: &[&str]| -> Vec<_> { lines.iter().map(|&line| (sign, line.to_owned())).collect() };
        Hunk {
            anchor: anchor.to_owned(),
            lines: [signed(Sign::Drop, old), signed(Sign::Add, new)].concat(),
            at_end: false,
        }
    }

    /// Carries out one change, written as in a patch.
    fn changed(text: &str, change: &[&str]) -> String {
        let sign = |line: &str| match &line[..1] {
            "-" => Sign::Drop,
            "+" => Sign::Add,
            _ => Sign::Keep,
        };
        let lines = change.iter().map(|line| (sign(line), line[1..].to_owned()));
        let hunk = Hunk {
            lines: lines.collect(),
            ..Hunk::default()
        };
        fit(text, &[hunk]).expect("fits")
    }

    #[test]
    fn anchors_and_order_decide_between_equal_lines() {
        let text = "a\nx\nb\nx\n";
        assert_eq!(
            fit(text, &[hunk("b", &["x"], &["y"])]).expect("fits"),
            "a\nx\nb\ny\n"
        );
        let twice = [hunk("", &["x"], &["1"]), hunk("", &["x"], &["2"])];
        assert_eq!(fit(text, &twice).expect("fits"), "a\n1\nb\n2\n");
    }

    #[test]
    fn exact_beats_loose_and_line_ends_stay() {
        assert_eq!(
            fit("  x\nx\n", &[hunk("", &["x"], &["y"])]).expect("fits"),
            "  x\ny\n"
        );
        assert_eq!(
            fit("x \r\ny\r\n", &[hunk("", &["x"], &["z"])]).expect("fits"),
            "z\r\ny\r\n"
        );
    }

    #[test]
    fn each_line_keeps_its_own_end_and_a_new_one_has_its_neighbours() {
        let mixed = "a\nb\r\nc\nd\r\n";
        for (change, expected) in [
            // what it replaces, what is above it, and what the file begins with
            (&["-b", "+B"][..], "a\nB\r\nc\nd\r\n"),
            (&["+B", "-b"], "a\nB\r\nc\nd\r\n"),
            (&["-b", "-c", "+B", "+C"], "a\nB\r\nC\nd\r\n"),
            (&["-c", "+C", "+D"], "a\nb\r\nC\nD\nd\r\n"),
            (&[" b", "+new"], "a\nb\r\nnew\r\nc\nd\r\n"),
            (&[" c", "+new", " d"], "a\nb\r\nc\nnew\nd\r\n"),
            (&["+new", " a"], "new\na\nb\r\nc\nd\r\n"),
            (&["+new"], "a\nb\r\nc\nd\r\nnew\r\n"),
        ] {
            assert_eq!(changed(mixed, change), expected, "{change:?}");
        }
        assert_eq!(changed("a\r\nb\n", &["+new", " a"]), "new\r\na\r\nb\n");
        // one of them says nothing of the others
        assert_eq!(changed("a\r\nb\nc\n", &["-c", "+C"]), "a\r\nb\nC\n");
        assert_eq!(fit("a\r\nb\nc", &[]).expect("fits"), "a\r\nb\nc");
    }

    #[test]
    fn how_a_file_begins_and_ends_stays() {
        for (before, change, expected) in [
            ("", &["+a", "+b"][..], "a\nb\n"),
            ("a", &["-a", "+b"], "b"),
            ("a", &[" a", "+b"], "a\nb"),
            ("a", &["+b", " a"], "b\na"),
            ("a\r\nb", &["-b", "+B", "+C"], "a\r\nB\r\nC"),
            ("a\r\nb\nc", &["-a", "+A"], "A\r\nb\nc"),
            ("a\nb", &["-b"], "a\n"),
            ("a", &["-a"], ""),
            ("\r\n", &["-", "+a"], "a\r\n"),
            ("a\r", &["-a", "+b"], "b"),
            ("\u{feff}a\nb\n", &["-a", "+A"], "\u{feff}A\nb\n"),
            ("\u{feff}a\n", &["+new", " a"], "\u{feff}new\na\n"),
            ("\u{feff}a\n", &["-\u{feff}a", "+\u{feff}A"], "\u{feff}A\n"),
            ("\u{feff}\na\n", &["-a"], "\u{feff}\n"),
        ] {
            assert_eq!(changed(before, change), expected, "{before:?} {change:?}");
        }
    }

    #[test]
    fn lines_that_stay_are_the_files_own() {
        let text = "\tx  \n\ty\n";
        assert_eq!(changed(text, &["     x", "-    y", "+\tz"]), "\tx  \n\tz\n");
    }

    #[test]
    fn additions_and_ends() {
        assert_eq!(fit("a\n", &[hunk("", &[], &["b"])]).expect("fits"), "a\nb\n");
        assert_eq!(
            fit("a\nc\n", &[hunk("a", &[], &["b"])]).expect("fits"),
            "a\nb\nc\n"
        );
        let mut last = hunk("", &["x"], &["y"]);
        last.at_end = true;
        assert_eq!(fit("x\nx\n", &[last]).expect("fits"), "x\ny\n");
        assert_eq!(fit("x\n", &[hunk("", &["x"], &[])]).expect("fits"), "");
    }

    #[test]
    fn what_does_not_fit_is_explained() {
        assert!(
            fit("a\n", &[hunk("b", &["a"], &[])])
                .expect_err("no anchor")
                .contains("`b`")
        );
        assert!(
            fit("a\n", &[hunk("", &["z"], &[])])
                .expect_err("no line")
                .contains("`z`")
        );
    }
}
