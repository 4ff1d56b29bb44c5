//! Where a change belongs in a file: exactly there, or where only white space differs.
use super::Hunk;

/// The new text of a file, or why the changes don't fit.
pub fn fit(text: &str, hunks: &[Hunk]) -> Result<String, String> {
    let crlf = text.contains("\r\n");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let mut from = 0;
    for (n, hunk) in hunks.iter().enumerate() {
        let at = place(&lines, hunk, from).map_err(|why| format!("change {} does not fit: {why}", n + 1))?;
        lines.splice(at..at + hunk.old.len(), hunk.new.iter().cloned());
        from = at + hunk.new.len();
    }
    if lines.is_empty() {
        return Ok(String::new());
    }
    let end = if crlf { "\r\n" } else { "\n" };
    let mut text = lines.join(end);
    text.push_str(end);
    Ok(text)
}

fn place(lines: &[String], hunk: &Hunk, from: usize) -> Result<usize, String> {
    let mut from = from;
    if !hunk.anchor.is_empty() {
        let anchor = std::slice::from_ref(&hunk.anchor);
        from = find(lines, anchor, from)
            .ok_or_else(|| format!("there is no line `{}`; read the file again", hunk.anchor))?
            + 1;
    }
    if hunk.old.is_empty() {
        // new lines go below their anchor, or to the end
        return Ok(if hunk.anchor.is_empty() || hunk.at_end {
            lines.len()
        } else {
            from
        });
    }
    if hunk.at_end {
        let at = lines.len().saturating_sub(hunk.old.len()).max(from);
        if find(lines, &hunk.old, at) == Some(at) {
            return Ok(at);
        }
    }
    find(lines, &hunk.old, from).ok_or_else(|| {
        format!(
            "its lines, from `{}` on, are not in the file in this order; read the file again",
            hunk.old[0]
        )
    })
}

/// The strictest reading that fits wins.
fn find(lines: &[String], wanted: &[String], from: usize) -> Option<usize> {
    let readings: [fn(&str) -> &str; 3] = [|line| line, str::trim_end, str::trim];
    let lines = lines.get(from..)?;
    readings.iter().find_map(|reading| {
        lines
            .windows(wanted.len())
            .position(|window| window.iter().zip(wanted).all(|(a, b)| reading(a) == reading(b)))
            .map(|at| at + from)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hunk(anchor: &str, old: &[&str], new: &[&str]) -> Hunk {
        let own = |lines: &[&str]| lines.iter().map(|&line| line.to_owned()).collect();
        Hunk {
            anchor: anchor.to_owned(),
            old: own(old),
            new: own(new),
            at_end: false,
        }
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
