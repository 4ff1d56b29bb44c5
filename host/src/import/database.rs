//! A database of OpenClaw's, read and never changed: not even the files that SQLite keeps beside one that is open.
//!
//! One whose last writes are in its log is copied to a folder of ours first, for a log can't be read without writing
//! beside it.
use super::rows::{Row, unpacked};
use rusqlite::{Connection, OpenFlags, OptionalExtension, types::ValueRef};
use std::{
    ffi::OsString,
    fs, io,
    path::{Path, PathBuf},
};

/// An open database.
#[derive(Debug)]
pub(super) struct Database {
    connection: Connection,
    path: PathBuf,
    /// Goes with it.
    _copy: Option<tempfile::TempDir>,
}

impl Database {
    /// Opens it. `folder` is where a copy may be made.
    pub(super) fn open(path: &Path, folder: &Path) -> Result<Self, String> {
        let failed = |why: String| format!("{}: {why}", path.display());
        let log = beside(path, "-wal");
        let has_log = fs::metadata(&log).is_ok_and(|log| log.len() > 0);
        let copy = has_log
            .then(|| copied(path, &log, folder))
            .transpose()
            .map_err(|error| failed(format!("it can't be copied for reading: {error}")))?;
        let opened = match &copy {
            Some((_, copy)) => Connection::open(copy),
            None => {
                let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_URI;
                Connection::open_with_flags(uri(path), flags)
            }
        };
        let connection = opened.map_err(|error| failed(error.to_string()))?;
        connection
            .pragma_update(None, "query_only", true)
            .and_then(|()| connection.query_row("SELECT count(*) FROM sqlite_master", [], |_| Ok(())))
            .map_err(|error| failed(error.to_string()))?;
        Ok(Self {
            connection,
            path: path.to_owned(),
            _copy: copy.map(|(folder, _)| folder),
        })
    }

    /// The original.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// All rows of a question as texts; none if there is no such table.
    pub(super) fn rows(&self, table: &str, columns: &str) -> Result<Vec<Vec<String>>, String> {
        let mut all = Vec::new();
        self.each(table, columns, &mut |row| all.push(row))?;
        Ok(all)
    }

    /// The same one by one, for rows that are long.
    pub(super) fn each(
        &self,
        table: &str,
        columns: &str,
        take: &mut dyn FnMut(Vec<String>),
    ) -> Result<(), String> {
        if !self.has(table)? {
            return Ok(());
        }
        let mut read = || {
            let mut statement = self
                .connection
                .prepare(&format!("SELECT {columns} FROM {table}"))?;
            let count = statement.column_count();
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                take(
                    (0..count)
                        .map(|at| row.get_ref(at).map(text))
                        .collect::<rusqlite::Result<_>>()?,
                );
            }
            Ok(())
        };
        read().map_err(|error| self.failed(&error))
    }

    fn has(&self, table: &str) -> Result<bool, String> {
        self.connection
            .query_row(
                "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?1",
                [table],
                |_| Ok(()),
            )
            .optional()
            .map(|found| found.is_some())
            .map_err(|error| self.failed(&error))
    }

    /// The events of a transcript, in their order.
    pub(super) fn events(
        &self,
        session_id: &str,
        take: &mut dyn FnMut(u64, Row<'_>) -> Result<(), String>,
    ) -> Result<(), String> {
        let read = |error: rusqlite::Error| self.failed(&error);
        let packed = self
            .connection
            .prepare("SELECT event_zstd FROM transcript_events LIMIT 0")
            .is_ok();
        let packed = if packed { "event_zstd" } else { "NULL" };
        let sql = format!(
            "SELECT seq, event_json, {packed} FROM transcript_events WHERE session_id = ?1 ORDER BY seq"
        );
        let mut statement = self.connection.prepare_cached(&sql).map_err(read)?;
        let mut rows = statement.query([session_id]).map_err(read)?;
        while let Some(row) = rows.next().map_err(read)? {
            let number = row.get::<_, i64>(0).map_err(read)?.unsigned_abs();
            match (row.get_ref(1).map_err(read)?, row.get_ref(2).map_err(read)?) {
                (ValueRef::Text(bytes), _) => match std::str::from_utf8(bytes) {
                    Ok(text) => take(number, Ok(text.trim()))?,
                    Err(_) => take(number, Err("the event is no UTF-8"))?,
                },
                (_, ValueRef::Blob(bytes)) => match unpacked(bytes) {
                    Ok(text) => take(number, Ok(text.trim()))?,
                    Err(why) => take(
                        number,
                        Err(&format!("the compressed event can't be read ({why})")),
                    )?,
                },
                _ => take(number, Err("the event is empty"))?,
            }
        }
        Ok(())
    }

    fn failed(&self, error: &rusqlite::Error) -> String {
        format!("{}: {error}", self.path.display())
    }
}

fn text(value: ValueRef<'_>) -> String {
    match value {
        ValueRef::Null => String::new(),
        ValueRef::Integer(number) => number.to_string(),
        ValueRef::Real(number) => number.to_string(),
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Nobody else writes it while it is open: without a log it can be read as a plain file.
fn uri(path: &Path) -> String {
    let bytes = path.as_os_str().as_encoded_bytes();
    let escaped = percent_encoding::percent_encode(bytes, percent_encoding::NON_ALPHANUMERIC).to_string();
    format!("file:{}?immutable=1", escaped.replace("%2F", "/"))
}

fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn copied(path: &Path, log: &Path, folder: &Path) -> io::Result<(tempfile::TempDir, PathBuf)> {
    let folder = tempfile::Builder::new().prefix(".import-").tempdir_in(folder)?;
    let copy = folder.path().join("copy.sqlite");
    fs::copy(path, &copy)?;
    fs::copy(log, beside(&copy, "-wal"))?;
    Ok((folder, copy))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reading_changes_nothing_whether_or_not_there_is_a_log() {
        for logged in [false, true] {
            let folder = tempfile::tempdir().expect("a folder");
            let ours = tempfile::tempdir().expect("a folder");
            let path = folder.path().join("a b?.sqlite");
            let writer = Connection::open(&path).expect("opened");
            writer.pragma_update(None, "journal_mode", "WAL").expect("set");
            writer
                .execute_batch("CREATE TABLE t (a, b); INSERT INTO t VALUES (1, 'x'), (2, NULL);")
                .expect("written");
            if !logged {
                writer.close().expect("closed");
            } else {
                // as a killed process leaves it
                std::mem::forget(writer);
            }
            let files = |folder: &Path| {
                let entries = fs::read_dir(folder).expect("a folder").flatten();
                let mut all: Vec<_> = entries
                    .map(|entry| (entry.file_name(), fs::read(entry.path()).expect("read")))
                    .collect();
                all.sort();
                all
            };
            let before = files(folder.path());
            let database = Database::open(&path, ours.path()).expect("opened");
            let rows = database.rows("t", "a, b").expect("read");
            assert_eq!(
                rows,
                [["1".to_owned(), "x".to_owned()], ["2".to_owned(), String::new()]]
            );
            assert_eq!(
                database.rows("absent", "a").expect("read"),
                Vec::<Vec<String>>::new()
            );
            drop(database);
            assert_eq!(files(folder.path()), before);
            assert!(files(ours.path()).is_empty(), "the copy is gone");
        }
    }
}
