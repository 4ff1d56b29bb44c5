//! What the gateway keeps: one SQLite database in the state directory.
//!
//! Invariants: a commit that something outside was told of is synced before it is told (`synchronous = FULL`); the
//! schema has a version and only ever moves forward; a database of a newer gateway is refused, never touched. No SQL
//! stands outside this folder.
mod inbox;
mod kv;
mod media;

pub use inbox::Pending;
pub use media::StoredMedia;

use rusqlite::Connection;
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

/// Version of the schema, in `user_version`.
const VERSION: i64 = 1;
/// How long a write waits for another process.
const BUSY: Duration = Duration::from_secs(5);

/// Each step brings the schema from its index to the next version.
const STEPS: [&str; VERSION as usize] = ["
    CREATE TABLE plugin_kv (
        plugin TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, expires_ms INTEGER,
        PRIMARY KEY (plugin, key)) WITHOUT ROWID;
    CREATE INDEX plugin_kv_expiry ON plugin_kv (expires_ms) WHERE expires_ms IS NOT NULL;
    CREATE TABLE media (
        id TEXT PRIMARY KEY, plugin TEXT NOT NULL, mime_type TEXT NOT NULL, file_name TEXT NOT NULL,
        size INTEGER NOT NULL, sha256 TEXT NOT NULL, created_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE inbox (
        id INTEGER PRIMARY KEY, channel TEXT NOT NULL, account TEXT NOT NULL, event_id TEXT NOT NULL,
        event BLOB NOT NULL, received_ms INTEGER NOT NULL, settled_ms INTEGER,
        UNIQUE (channel, account, event_id));
    CREATE INDEX inbox_pending ON inbox (id) WHERE settled_ms IS NULL;
"];

/// Why the journal can't do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Made by a later release.
    #[error("{} has version {found}, this gateway knows {VERSION}; run the newer gateway again", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
    },
    /// SQLite says no.
    #[error("the journal {} failed: {source}; check the disk and its free space", path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
}

/// The journal. Its functions block for as long as the disk needs, so they are called off the async threads.
#[derive(Debug, Clone)]
pub struct Journal {
    path: Arc<Path>,
    connection: Arc<Mutex<Connection>>,
}

impl Journal {
    /// Opens or creates the database, and brings an older one up to date.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let failed = |source| JournalError::Sqlite {
            path: path.into(),
            source,
        };
        let mut connection = Connection::open(path).map_err(failed)?;
        connection.busy_timeout(BUSY).map_err(failed)?;
        connection
            .pragma_update(None, "journal_mode", "WAL")
            .map_err(failed)?;
        connection
            .pragma_update(None, "synchronous", "FULL")
            .map_err(failed)?;
        let found: i64 = connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .map_err(failed)?;
        if found > VERSION {
            return Err(JournalError::Newer {
                path: path.into(),
                found,
            });
        }
        let transaction = connection.transaction().map_err(failed)?;
        for step in STEPS.iter().skip(usize::try_from(found).unwrap_or(0)) {
            transaction.execute_batch(step).map_err(failed)?;
        }
        transaction
            .pragma_update(None, "user_version", VERSION)
            .map_err(failed)?;
        transaction.commit().map_err(failed)?;
        Ok(Self {
            path: path.into(),
            connection: Arc::new(Mutex::new(connection)),
        })
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        self.connection.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn failed(&self) -> impl FnOnce(rusqlite::Error) -> JournalError + '_ {
        |source| JournalError::Sqlite {
            path: self.path.to_path_buf(),
            source,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_database_of_a_newer_gateway_is_refused_untouched() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.db");
        drop(Journal::open(&path).expect("created"));
        let connection = Connection::open(&path).expect("opened");
        connection
            .pragma_update(None, "user_version", VERSION + 1)
            .expect("set");
        drop(connection);
        let error = Journal::open(&path).expect_err("newer");
        assert!(
            error.to_string().contains("run the newer gateway again"),
            "{error}"
        );
    }

    #[test]
    fn opening_twice_keeps_what_is_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.db");
        Journal::open(&path)
            .expect("created")
            .put("p", "k", b"v", None, 0)
            .expect("stored");
        let again = Journal::open(&path).expect("opened");
        assert_eq!(
            again.get("p", "k", 0).expect("read").as_deref(),
            Some(b"v".as_slice())
        );
    }
}
