//! From the text of a patch to its parts.
use super::{Hunk, Part, Sign};

/// Largest patch, bytes.
const MAX_BYTES: usize = 4 << 20;
/// Most files of one patch.
const MAX_PARTS: usize = 200;

/// The parts, or why it is no patch.
pub fn parse(text: &str) -> Result<Vec<Part>, String> {
    if text.len() > MAX_BYTES {
        return Err(format!("it is longer than {MAX_BYTES} bytes; make several calls"));
    }
    let mut lines = text
        .trim()
        .lines()
        .map(|line| line.strip_suffix('\r').unwrap_or(line))
        .peekable();
    if lines.next().map(str::trim) != Some("*** Begin Patch") {
        return Err("its first line is not `*** Begin Patch`".to_owned());
    }
    let mut parts: Vec<Part> = Vec::new();
    loop {
        let line = lines.next().ok_or("its last line is not `*** End Patch`")?;
        if line.trim() == "*** End Patch" {
            break;
        }
        if parts.len() == MAX_PARTS {
            return Err(format!("it has more than {MAX_PARTS} files; make several calls"));
        }
        let path = |rest: &str| named(rest, line);
        let mut body = || {
            let mut body = Vec::new();
            while let Some(line) = lines.next_if(|line| !is_head(line)) {
                body.push(line);
            }
            body
        };
        if let Some(rest) = line.strip_prefix("*** Add File:") {
            let path = path(rest)?;
            let text = added(&path, &body())?;
            parts.push(Part::Add { path, text });
        } else if let Some(rest) = line.strip_prefix("*** Delete File:") {
            let path = path(rest)?;
            parts.push(Part::Delete { path });
        } else if let Some(rest) = line.strip_prefix("*** Update File:") {
            let path = path(rest)?;
            parts.push(updated(path, &body())?);
        } else if !line.trim().is_empty() {
            return Err(format!(
                "`{line}` is where `*** Add File:`, `*** Update File:` or `*** Delete File:` should be"
            ));
        }
    }
    if parts.is_empty() {
        return Err("it changes nothing".to_owned());
    }
    Ok(parts)
}

fn is_head(line: &str) -> bool {
    ["*** Add File:", "*** Delete File:", "*** Update File:"]
        .iter()
        .any(|head| line.starts_with(head))
        || line.trim() == "*** End Patch"
}

fn named(rest: &str, line: &str) -> Result<String, String> {
    match rest.trim() {
        "" => Err(format!("`{line}` names no file")),
        path => Ok(path.to_owned()),
    }
}

fn added(path: &str, body: &[&str]) -> Result<String, String> {
    let mut text = String::new();
    for line in body {
        let line = line
            .strip_prefix('+')
            .ok_or_else(|| format!("a line of the new file {path} does not begin with `+`: `{line}`"))?;
        text.push_str(line);
        text.push('\n');
    }
    Ok(text)
}

fn updated(path: String, body: &[&str]) -> Result<Part, String> {
    let (mut moved, mut hunks) = (None, Vec::new());
    let mut hunk: Option<Hunk> = None;
    for line in body {
        if let Some(rest) = line.strip_prefix("*** Move to:") {
            moved = Some(named(rest, line)?);
        } else if line.trim() == "*** End of File" {
            hunk.get_or_insert_default().at_end = true;
        } else if let Some(anchor) = line.strip_prefix("@@") {
            hunks.extend(hunk.take());
            let anchor = anchor.strip_prefix(' ').unwrap_or(anchor);
            hunk = Some(Hunk {
                anchor: anchor.to_owned(),
                ..Hunk::default()
            });
        } else {
            let hunk = hunk.get_or_insert_default();
            let (sign, line) = match line.split_at_checked(1) {
                Some(("-", line)) => (Sign::Drop, line),
                Some(("+", line)) => (Sign::Add, line),
                Some((" ", line)) => (Sign::Keep, line),
                // an empty line that lost its space
                None => (Sign::Keep, ""),
                Some(_) => {
                    return Err(format!(
                        "a line of {path} begins with none of `+`, `-`, ` `: `{line}`"
                    ));
                }
            };
            hunk.lines.push((sign, line.to_owned()));
        }
    }
    hunks.extend(hunk);
    hunks.retain(|hunk| !hunk.lines.is_empty());
    if hunks.is_empty() && moved.is_none() {
        return Err(format!("it says nothing about how {path} changes"));
    }
    Ok(Part::Update { path, moved, hunks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds_of_parts() {
        let text = "*** Begin Patch\n*** Add File: a.txt\n+one\n+two\n*** Delete File: b\n*** Update File: c\n\
                    *** Move to: d\n@@ fn main\n keep\n-old\n+new\n@@\n+last\n*** End of File\n*** End Patch\n";
        let parts = parse(text).expect("a patch");
        assert_eq!(
            parts[0],
            Part::Add {
                path: "a.txt".into(),
                text: "one\ntwo\n".into()
            }
        );
        assert_eq!(parts[1], Part::Delete { path: "b".into() });
        let Part::Update { moved, hunks, .. } = &parts[2] else {
            panic!("{parts:?}")
        };
        assert_eq!(moved.as_deref(), Some("d"));
        assert_eq!(
            (hunks.len(), hunks[0].anchor.as_str(), hunks[1].at_end),
            (2, "fn main", true)
        );
        let lines = [(Sign::Keep, "keep"), (Sign::Drop, "old"), (Sign::Add, "new")];
        assert_eq!(hunks[0].lines, lines.map(|(sign, line)| (sign, line.to_owned())));
    }

    #[test]
    fn what_is_no_patch_is_explained() {
        for (text, why) in [
            ("", "Begin Patch"),
            ("*** Begin Patch\n", "End Patch"),
            ("*** Begin Patch\n*** End Patch", "nothing"),
            ("*** Begin Patch\nhello\n*** End Patch", "hello"),
            ("*** Begin Patch\n*** Add File: \n*** End Patch", "no file"),
            ("*** Begin Patch\n*** Add File: a\nx\n*** End Patch", "`+`"),
            (
                "*** Begin Patch\n*** Update File: a\n?x\n*** End Patch",
                "none of",
            ),
            (
                "*** Begin Patch\n*** Update File: a\n*** End Patch",
                "says nothing",
            ),
        ] {
            let error = parse(text).expect_err(text);
            assert!(error.contains(why), "{text:?}: {error}");
        }
    }
}
