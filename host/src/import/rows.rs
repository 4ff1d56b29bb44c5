//! Rows of a transcript, one after the other, from either form: lines of a file, or rows of a database.
//!
//! One row is in memory at a time, and none is longer than [`MAX_ROW`]. A row that can't be read is told and left out;
//! the same rows come again at a second reading.
use super::database::Database;
use std::{
    fs::File,
    io::{self, BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

/// Longest row, bytes.
pub(super) const MAX_ROW: u64 = 64 << 20;

/// Where a transcript is.
#[derive(Debug, Clone)]
pub(super) enum Origin<'a> {
    /// A file with a row in each line.
    File(PathBuf),
    /// A database with many transcripts.
    Database {
        /// The database.
        database: &'a Database,
        /// Which of them.
        session_id: String,
    },
}

/// A row, or why there is none.
pub(super) type Row<'a> = Result<&'a str, &'a str>;

// === impl Origin ===

impl Origin<'_> {
    /// Gives all rows to `take`, each with its number: that of the line, or that in the database.
    pub(super) fn each(
        &self,
        take: &mut dyn FnMut(u64, Row<'_>) -> Result<(), String>,
    ) -> Result<(), String> {
        match self {
            Self::File(path) => {
                let file = File::open(path).map_err(|error| format!("{}: {error}", path.display()))?;
                lines(&mut BufReader::new(file), take).map_err(|error| match error {
                    LineError::Read(error) => format!("{}: {error}", path.display()),
                    LineError::Taken(error) => error,
                })
            }
            Self::Database { database, session_id } => database.events(session_id, take),
        }
    }

    /// What to call a row of it.
    pub(super) fn place(&self, number: u64) -> String {
        match self {
            Self::File(path) => format!("{}:{number}", path.display()),
            Self::Database { database, session_id } => {
                format!("{}, {session_id}, row {number}", database.path().display())
            }
        }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        match self {
            Self::File(path) => path,
            Self::Database { database, .. } => database.path(),
        }
    }
}

enum LineError {
    Read(io::Error),
    Taken(String),
}

fn lines(
    from: &mut impl BufRead,
    take: &mut dyn FnMut(u64, Row<'_>) -> Result<(), String>,
) -> Result<(), LineError> {
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let read = from
            .take(MAX_ROW)
            .read_until(b'\n', &mut line)
            .map_err(LineError::Read)?;
        if read == 0 {
            break;
        }
        let whole = line.last() == Some(&b'\n') || (read as u64) < MAX_ROW;
        if !whole {
            skip_line(from).map_err(LineError::Read)?;
            take(number, Err("the line is too long")).map_err(LineError::Taken)?;
            continue;
        }
        match std::str::from_utf8(&line).map(str::trim) {
            Ok("") => {}
            Ok(text) => take(number, Ok(text)).map_err(LineError::Taken)?,
            Err(_) => take(number, Err("the line is no UTF-8")).map_err(LineError::Taken)?,
        }
    }
    Ok(())
}

fn skip_line(from: &mut impl BufRead) -> io::Result<()> {
    loop {
        let buffer = from.fill_buf()?;
        if buffer.is_empty() {
            return Ok(());
        }
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let used = end.map_or(buffer.len(), |at| at + 1);
        from.consume(used);
        if end.is_some() {
            return Ok(());
        }
    }
}

/// Reads what is compressed, as long as it may be.
pub(super) fn unpacked(bytes: &[u8]) -> Result<String, String> {
    let decoder = ruzstd::decoding::StreamingDecoder::new(bytes).map_err(|error| error.to_string())?;
    let mut text = String::new();
    let read = decoder.take(MAX_ROW).read_to_string(&mut text);
    match read {
        Ok(length) if (length as u64) < MAX_ROW => Ok(text),
        Ok(_) => Err("it is too long".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_come_with_their_numbers_and_broken_ones_are_told() {
        let mut seen = Vec::new();
        let text = b"{\"a\":1}\r\n\n\xff\xfe\nlast".as_slice();
        let done = lines(&mut BufReader::with_capacity(4, text), &mut |number, row| {
            seen.push((number, row.map(str::to_owned).map_err(str::to_owned)));
            Ok(())
        });
        assert!(done.is_ok());
        assert_eq!(
            seen,
            [
                (1, Ok("{\"a\":1}".to_owned())),
                (3, Err("the line is no UTF-8".to_owned())),
                (4, Ok("last".to_owned())),
            ]
        );
    }

    #[test]
    fn a_line_without_an_end_is_left_behind() {
        let mut from = BufReader::with_capacity(4, b"0123456789\nnext\n".as_slice());
        skip_line(&mut from).expect("read");
        let mut rest = String::new();
        from.read_to_string(&mut rest).expect("read");
        assert_eq!(rest, "next\n");
    }
}
