//! The database looked at and copied beside a gateway that may be running: for people who ask how it is, and for backups.
//!
//! Neither brings an older database up to date, sets a damaged one aside or creates one.
use super::{
    JournalError, Session,
    schema::VERSION,
    session::{SESSION_COLUMNS, session},
};
use rusqlite::{Connection, OpenFlags, OptionalExtension, config::DbConfig, params};
use std::{path::Path, time::Duration};

/// How long a look waits for another process.
const BUSY: Duration = Duration::from_secs(5);
/// The first version with conversations.
const WITH_SESSIONS: i64 = 2;

/// What a look sees.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Its version.
    pub version: i64,
    /// The newest version that this program knows.
    pub known: i64,
    /// What is wrong with its pages.
    pub damage: Option<String>,
    /// The newest time that stands in it.
    pub newest_ms: Option<i64>,
}

/// What commands show of it where no gateway runs.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Glance {
    /// Conversations, the last used first.
    pub sessions: Vec<Session>,
    /// What is kept at the place that was asked for.
    pub kept: Option<Vec<u8>>,
}

/// Reads conversations, and what the gateway keeps under a name and a key. Without a database there is nothing. It is
/// neither locked nor written to, whoever has it open.
pub fn glance(path: &Path, limit: u32, (name, key): (&str, &str)) -> Result<Glance, JournalError> {
    if !path.exists() {
        return Ok(Glance::default());
    }
    let (connection, failed) = (open(path)?, failed(path));
    // not even the log is moved into it at the end
    connection
        .set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)
        .map_err(&failed)?;
    connection
        .pragma_update(None, "query_only", true)
        .map_err(&failed)?;
    let found: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(&failed)?;
    if found > VERSION {
        return Err(JournalError::Newer {
            path: path.into(),
            found,
            known: VERSION,
        });
    }
    if found < WITH_SESSIONS {
        return Ok(Glance::default());
    }
    let sql = format!("SELECT {SESSION_COLUMNS} FROM session ORDER BY updated_ms DESC, key LIMIT ?1");
    let mut statement = connection.prepare(&sql).map_err(&failed)?;
    let rows = statement.query_map([limit], session).map_err(&failed)?;
    let sessions = rows.collect::<Result<Vec<_>, _>>().map_err(&failed)?;
    let kept = connection.query_row(
        "SELECT value FROM plugin_kv WHERE plugin = ?1 AND key = ?2",
        params![name, key],
        |row| row.get(0),
    );
    Ok(Glance {
        sessions,
        kept: kept.optional().map_err(&failed)?,
    })
}

/// Looks at every page; with `thorough`, also whether each index has what its table has.
pub fn look(path: &Path, thorough: bool) -> Result<Seen, JournalError> {
    let failed = failed(path);
    let connection = open(path)?;
    let version: i64 = connection
        .pragma_query_value(None, "user_version", |row| row.get(0))
        .map_err(&failed)?;
    let check = if thorough {
        "PRAGMA integrity_check(1)"
    } else {
        "PRAGMA quick_check(1)"
    };
    let verdict: String = connection
        .query_row(check, [], |row| row.get(0))
        .map_err(&failed)?;
    let newest = |sql: &str| -> Result<Option<i64>, JournalError> {
        let found = connection.query_row(sql, [], |row| row.get::<_, Option<i64>>(0));
        found.optional().map(Option::flatten).map_err(&failed)
    };
    let newest_ms = if (WITH_SESSIONS..=VERSION).contains(&version) && verdict == "ok" {
        let session = newest("SELECT max(updated_ms) FROM session")?;
        session.max(newest("SELECT received_ms FROM inbox ORDER BY id DESC LIMIT 1")?)
    } else {
        None
    };
    Ok(Seen {
        version,
        known: VERSION,
        damage: (verdict != "ok").then_some(verdict),
        newest_ms,
    })
}

/// Copies the database as it is at one moment to a file that is not there yet, whoever writes meanwhile.
pub fn copy(path: &Path, to: &Path) -> Result<(), JournalError> {
    let connection = open(path)?;
    let text = to.to_string_lossy();
    let copied = connection.execute("VACUUM INTO ?1", [text.as_ref()]);
    copied.map(drop).map_err(failed(path))
}

/// How many files of messages the database names that `has` does not know.
pub fn missing_media(path: &Path, has: impl Fn(&str) -> bool) -> Result<u64, JournalError> {
    let (connection, failed) = (open(path)?, failed(path));
    let mut statement = connection.prepare("SELECT id FROM media").map_err(&failed)?;
    let mut rows = statement.query([]).map_err(&failed)?;
    let mut missing = 0;
    while let Some(row) = rows.next().map_err(&failed)? {
        let id: String = row.get(0).map_err(&failed)?;
        missing += u64::from(!has(&id));
    }
    Ok(missing)
}

fn open(path: &Path) -> Result<Connection, JournalError> {
    // without `CREATE`; writing, for a log that a killed process left has to be read in
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let opened = Connection::open_with_flags(path, flags);
    let opened = opened.and_then(|connection| connection.busy_timeout(BUSY).map(|()| connection));
    opened.map_err(failed(path))
}

fn failed(path: &Path) -> impl Fn(rusqlite::Error) -> JournalError + '_ {
    |source| JournalError::Sqlite {
        path: path.into(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::Journal;

    #[test]
    fn a_copy_has_what_was_committed_while_the_gateway_goes_on() {
        let folder = tempfile::tempdir().expect("a folder");
        let (path, to) = (folder.path().join("state.db"), folder.path().join("copy.db"));
        let journal = Journal::open(&path).expect("opened");
        journal.put("p", "k", b"before", None, 1).expect("written");
        copy(&path, &to).expect("copied");
        journal.put("p", "k", b"after", None, 1).expect("written");
        let seen = look(&path, false).expect("a look");
        assert_eq!((seen.version, seen.damage.as_deref()), (VERSION, None));
        let copied = Journal::open_beside(&to).expect("opened");
        assert_eq!(
            copied.get("p", "k", 1).expect("read").as_deref(),
            Some(&b"before"[..])
        );
        copy(&path, &to).expect_err("nothing is overwritten");
    }

    #[test]
    fn a_glance_changes_nothing_and_waits_for_nobody() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.db");
        let at = ("host", "k");
        assert_eq!(glance(&path, 10, at).expect("nothing"), Glance::default());
        assert!(!path.exists());
        let journal = Journal::open(&path).expect("opened");
        for (key, now_ms) in [("agent:main:a", 1), ("agent:main:b", 2)] {
            journal.session(key, "main", key, now_ms).expect("made");
        }
        journal.put("host", "k", b"kept", None, 1).expect("written");
        // somebody writes at this moment, and does not end
        let writer = open(&path).expect("opened");
        writer.execute_batch("BEGIN IMMEDIATE").expect("a lock");
        let seen = glance(&path, 1, at).expect("a glance");
        let keys: Vec<_> = seen.sessions.iter().map(|session| session.key.as_str()).collect();
        assert_eq!((keys, seen.kept), (vec!["agent:main:b"], Some(b"kept".to_vec())));
        writer.execute_batch("ROLLBACK").expect("it ends");
        writer
            .pragma_update(None, "user_version", VERSION + 1)
            .expect("written");
        let newer = glance(&path, 1, at).expect_err("it is none that is known");
        assert!(matches!(newer, JournalError::Newer { .. }), "{newer}");
        writer.execute_batch("PRAGMA user_version = 1").expect("written");
        assert_eq!(glance(&path, 1, at).expect("an old one"), Glance::default());
        let version: i64 = writer
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .expect("read");
        assert_eq!(version, 1, "it is not brought up to date");
    }

    #[test]
    fn nothing_is_made_and_damage_is_told() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("state.db");
        look(&path, true).expect_err("there is none");
        assert!(!path.exists());
        std::fs::write(
            &path,
            "this is no database, but long enough to look like one ".repeat(40),
        )
        .expect("written");
        look(&path, true).expect_err("it is none");
        std::fs::remove_file(&path).expect("removed");
        drop(Journal::open(&path).expect("opened"));
        let mut bytes = std::fs::read(&path).expect("read");
        let page = bytes.len() / 2;
        bytes[page..page + 4096].fill(0xff);
        std::fs::write(&path, bytes).expect("written");
        let told = match look(&path, true) {
            Ok(seen) => seen.damage.is_some(),
            Err(_) => true,
        };
        assert!(told);
    }
}
