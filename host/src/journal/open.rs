//! From a path to a database that can be used: created, brought up to date, or set aside.
use super::{
    JournalError,
    schema::{STEPS, VERSION},
};
use rusqlite::{Connection, ErrorCode, OptionalExtension, config::DbConfig};
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

/// How long a write waits for another process.
const BUSY: Duration = Duration::from_secs(5);
/// Statements that stay prepared: all that a message needs on its way, and the rest of them too.
const STATEMENTS: usize = 64;
/// What the write-ahead log shrinks to when it starts over, bytes.
pub(super) const LOG_LIMIT: i64 = 32 << 20;

pub(super) struct Opened {
    pub(super) connection: Connection,
    pub(super) set_aside: Option<PathBuf>,
}

pub(super) fn open(path: &Path) -> Result<Opened, JournalError> {
    match try_open(path, true) {
        Err(JournalError::Sqlite { source, .. }) if is_damage(&source) => {
            let aside = set_aside(path).map_err(|e| JournalError::Sync {
                path: path.into(),
                why: format!("it is damaged ({source}) and can't be set aside: {e}"),
            })?;
            tracing::error!(
                target: "openclaw::journal",
                "{} is damaged ({source}); it is now {}, and a new one begins: conversations and waiting messages are in \
                 the old one",
                path.display(),
                aside.display()
            );
            try_open(path, true).map(|connection| Opened {
                connection,
                set_aside: Some(aside),
            })
        }
        other => other.map(|connection| Opened {
            connection,
            set_aside: None,
        }),
    }
}

pub(super) fn open_beside(path: &Path) -> Result<Opened, JournalError> {
    try_open(path, false).map(|connection| Opened {
        connection,
        set_aside: None,
    })
}

fn try_open(path: &Path, owner: bool) -> Result<Connection, JournalError> {
    let failed = |source| JournalError::Sqlite {
        path: path.into(),
        source,
    };
    let mut connection = Connection::open(path).map_err(failed)?;
    connection.busy_timeout(BUSY).map_err(failed)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // without it a statement whose plan could depend on a value is prepared anew for each value
    let stable = connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true);
    stable.map_err(failed)?;
    let found = version(&connection).map_err(failed)?;
    if found > VERSION {
        return Err(JournalError::Newer {
            path: path.into(),
            found,
            known: VERSION,
        });
    }
    prepare(&mut connection, found, owner).map_err(failed)?;
    Ok(connection)
}

/// Moves what is left of the log into the database, so that the next write begins it anew. Whoever reads beside this
/// gateway is not waited for: then it is for another time.
pub(super) fn restart_log(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(Duration::ZERO)?;
    let moved = connection.query_row("PRAGMA wal_checkpoint(RESTART)", [], |_| Ok(()));
    connection.busy_timeout(BUSY)?;
    moved
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn prepare(connection: &mut Connection, found: i64, owner: bool) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "WAL")?;
    // commits reach the system at once and the disk by the syncer, which also moves the log into the database
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", LOG_LIMIT)?;
    let transaction = connection.transaction()?;
    for step in STEPS.iter().skip(usize::try_from(found).unwrap_or(0)) {
        transaction.execute_batch(step)?;
    }
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.execute_batch(
        "CREATE TABLE IF NOT EXISTS meta (open INTEGER NOT NULL, probed_ms INTEGER NOT NULL)",
    )?;
    let open: Option<i64> = transaction
        .query_row("SELECT open FROM meta", [], |row| row.get(0))
        .optional()?;
    match open {
        _ if !owner => {}
        None => drop(transaction.execute("INSERT INTO meta VALUES (1, 0)", [])?),
        Some(0) => drop(transaction.execute("UPDATE meta SET open = 1", [])?),
        // the last end was none: look at every page before anything is built on them
        Some(_) => check(&transaction)?,
    }
    transaction.commit()
}

fn check(connection: &Connection) -> rusqlite::Result<()> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        return Ok(());
    }
    let code = rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_CORRUPT);
    Err(rusqlite::Error::SqliteFailure(code, Some(verdict)))
}

fn is_damage(error: &rusqlite::Error) -> bool {
    matches!(
        error.sqlite_error_code(),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
    )
}

/// Moves the database and what belongs to it out of the way, under a name that says when.
fn set_aside(path: &Path) -> std::io::Result<PathBuf> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let stamp = format!(".damaged-{}", now.as_secs());
    let with = |suffix: &str| {
        let mut name = OsString::from(path);
        name.push(suffix);
        PathBuf::from(name)
    };
    let aside = with(&stamp);
    std::fs::rename(path, &aside)?;
    for part in ["-wal", "-shm"] {
        match std::fs::rename(with(part), with(&format!("{stamp}{part}"))) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
    }
    Ok(aside)
}
