//! The end of the log file, for whoever asks the gateway. A cursor is a place in the file.
use std::{
    fs::File,
    io::{self, Read as _, Seek as _, SeekFrom},
    path::Path,
};

/// Some lines of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct FileTail {
    /// The lines, without newlines.
    pub lines: Vec<String>,
    /// What to ask with for the lines after these.
    pub cursor: u64,
    /// Size of the file.
    pub size: u64,
    /// Lines between the caller's cursor and these are left out.
    pub truncated: bool,
    /// The caller's cursor is of another file: these are the last lines of this one.
    pub reset: bool,
    /// Bytes between the caller's cursor and these lines.
    pub skipped: u64,
}

/// The lines after a cursor, or the last ones: the newest `limit` of them that fit into `bytes`.
pub fn tail_of(path: &Path, cursor: Option<u64>, limit: usize, bytes: u64) -> io::Result<FileTail> {
    let mut file = File::open(path)?;
    let size = file.metadata()?.len();
    let from = match cursor {
        Some(cursor) if cursor <= size && begins_a_line(&mut file, cursor)? => Some(cursor),
        _ => None,
    };
    let reset = cursor.is_some() && from.is_none();
    let earliest = size.saturating_sub(bytes);
    let start = from.unwrap_or(0).max(earliest);
    file.seek(SeekFrom::Start(start))?;
    let mut content = Vec::new();
    file.take(size - start).read_to_end(&mut content)?;
    // a line that is cut at either end is left out
    let head = if start == 0 || from == Some(start) {
        0
    } else {
        content
            .iter()
            .position(|byte| *byte == b'\n')
            .map_or(content.len(), |at| at + 1)
    };
    let end = content
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(head, |at| at + 1)
        .max(head);
    let text = String::from_utf8_lossy(&content[head..end]);
    let mut lines: Vec<&str> = text.lines().collect();
    let dropped = lines.len().saturating_sub(limit);
    let lost: usize = lines.drain(..dropped).map(|line| line.len() + 1).sum();
    let offset = |at: usize| start + u64::try_from(at).unwrap_or(0);
    let skipped = from.map_or(0, |from| offset(head + lost) - from);
    Ok(FileTail {
        lines: lines.into_iter().map(str::to_owned).collect(),
        cursor: offset(end),
        size,
        truncated: skipped > 0,
        reset,
        skipped,
    })
}

fn begins_a_line(file: &mut File, at: u64) -> io::Result<bool> {
    let Some(before) = at.checked_sub(1) else {
        return Ok(true);
    };
    let mut byte = [0];
    file.seek(SeekFrom::Start(before))?;
    file.read_exact(&mut byte)?;
    Ok(byte == *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, io::Write as _};

    #[test]
    fn a_cursor_goes_on_where_the_last_look_ended() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("x.log");
        fs::write(&path, "one\ntwo\nthree\n").expect("written");
        let first = tail_of(&path, None, 2, 1_000).expect("readable");
        assert_eq!(
            (first.lines.as_slice(), first.cursor, first.truncated),
            (["two".to_owned(), "three".to_owned()].as_slice(), 14, false)
        );
        let mut file = fs::File::options().append(true).open(&path).expect("there");
        file.write_all(b"four\nfi").expect("written");
        let next = tail_of(&path, Some(first.cursor), 9, 1_000).expect("readable");
        assert_eq!(
            (next.lines.as_slice(), next.cursor, next.size),
            (["four".to_owned()].as_slice(), 19, 21),
            "what is not finished waits"
        );
        let short = tail_of(&path, Some(0), 9, 8).expect("readable");
        assert_eq!(
            (short.lines.as_slice(), short.truncated, short.skipped),
            (["four".to_owned()].as_slice(), true, 14)
        );
        for other in [Some(99), Some(2)] {
            let reset = tail_of(&path, other, 9, 1_000).expect("readable");
            assert!(reset.reset && reset.lines.len() == 4, "a cursor of another file");
        }
    }
}
