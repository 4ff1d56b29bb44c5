//! Events of channels: taken once, kept until they are dealt with, and after that as an id that makes a repeat void.
use super::{
    Entry, Journal, JournalError, Session,
    session::{self, NewSession},
    transcript,
};
use rusqlite::{Connection, OptionalExtension, ToSql, params};

/// How long the id of a settled event is kept, milliseconds: longer than any platform repeats one.
const KEEP_SETTLED: i64 = 7 * 24 * 3_600_000;
/// How long a failed event is kept with its text, milliseconds.
const KEEP_FAILED: i64 = 30 * 24 * 3_600_000;

/// What became of an event that was handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Accepted {
    /// It is new, and has this row.
    New(i64),
    /// It was taken before.
    Known,
}

/// An event that waits.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// Row.
    pub id: i64,
    /// Channel id.
    pub channel: String,
    /// The event, JSON.
    pub event: Vec<u8>,
    /// How often its turn began.
    pub attempts: u32,
    /// Its turn, if one began; events of one turn belong together.
    pub turn: String,
    /// The message that showed the beginning of the answer, JSON; empty if there is none.
    pub preview: String,
}

/// How an event ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settled {
    /// It was answered, or needs no answer.
    Done,
    /// Policy dropped it.
    Dropped(String),
    /// It could not be answered; its text is kept for the operator.
    Failed(String),
}

impl Journal {
    /// Takes an event. Committed when this returns, and on the disk after [`Journal::synced`].
    pub fn accept(
        &self,
        channel: &str,
        account: &str,
        event_id: &str,
        event: &[u8],
        now_ms: i64,
    ) -> Result<Accepted, JournalError> {
        self.step("accept.before");
        let taken = self.write(|c| {
            let changed = c
                .prepare_cached(
                    "INSERT INTO inbox (channel, account, event_id, event, received_ms) VALUES (?1, ?2, ?3, ?4, ?5)
                     ON CONFLICT DO NOTHING",
                )?
                .execute(params![channel, account, event_id, event, now_ms])?;
            Ok(match changed {
                0 => Accepted::Known,
                _ => Accepted::New(c.last_insert_rowid()),
            })
        });
        self.step("accept.after");
        taken
    }

    /// The turn of some events begins; says for the how-manieth time. They stay together from now on.
    pub fn begin(&self, rows: &[i64], turn: &str) -> Result<u32, JournalError> {
        let begun = self.write(|c| begin(c, rows, turn));
        self.step("begin.after");
        begun
    }

    /// The same, with the conversation of the turn, made if there is none.
    pub fn begin_in(
        &self,
        conversation: &NewSession<'_>,
        rows: &[i64],
        turn: &str,
        now_ms: i64,
    ) -> Result<(Session, u32), JournalError> {
        let begun = self.write(|c| {
            let session = session::find_or_make(c, conversation, now_ms)?;
            Ok((session, begin(c, rows, turn)?))
        });
        self.step("begin.after");
        begun
    }

    /// An event joins a turn that runs: what it says stands in the transcript, and they stay together from now on.
    pub fn join(
        &self,
        rows: &[i64],
        turn: &str,
        session_id: &str,
        entries: &[Entry],
        now_ms: i64,
    ) -> Result<(), JournalError> {
        self.step("append.before");
        let joined = self.write(|c| {
            begin(c, rows, turn)?;
            transcript::append(c, session_id, entries, now_ms)
        });
        self.step("append.after");
        joined
    }

    /// Notes the message that shows the beginning of the answer, so that a later run goes on with it.
    pub fn preview(&self, row: i64, preview: &str) -> Result<(), JournalError> {
        self.write(|c| {
            c.prepare_cached("UPDATE inbox SET preview = ?2 WHERE id = ?1")?
                .execute(params![row, preview])
                .map(drop)
        })
    }

    /// Events are dealt with.
    pub fn settle(&self, rows: &[i64], how: &Settled, now_ms: i64) -> Result<(), JournalError> {
        self.step("settle.before");
        let settled = self.write(|c| rows.iter().try_for_each(|row| settle(c, *row, how, now_ms)));
        self.step("settle.after");
        settled
    }

    /// Events whose turn began and that were not dealt with, those of one turn together, oldest turn first. They come
    /// first at a start: what they have left in the transcript is its end.
    pub fn begun(&self, limit: u32) -> Result<Vec<Pending>, JournalError> {
        let which = "note <> '' ORDER BY min(id) OVER (PARTITION BY note), id LIMIT ?1";
        self.waiting(which, params![limit])
    }

    /// Events that were taken and whose turn did not begin, oldest first, beginning after a row.
    pub fn pending(&self, after: i64, limit: u32) -> Result<Vec<Pending>, JournalError> {
        self.waiting(
            "note = '' AND id > ?1 ORDER BY id LIMIT ?2",
            params![after, limit],
        )
    }

    fn waiting(&self, which: &str, params: &[&dyn ToSql]) -> Result<Vec<Pending>, JournalError> {
        self.read(|c| {
            let sql = format!(
                "SELECT id, channel, event, attempts, note, preview FROM inbox WHERE settled_ms IS NULL AND {which}"
            );
            let mut statement = c.prepare_cached(&sql)?;
            let rows = statement.query_map(params, |row| {
                Ok(Pending {
                    id: row.get(0)?,
                    channel: row.get(1)?,
                    event: row.get(2)?,
                    attempts: row.get(3)?,
                    turn: row.get(4)?,
                    preview: row.get(5)?,
                })
            })?;
            rows.collect()
        })
    }

    /// How many events wait, and how many have failed.
    pub fn inbox_counts(&self) -> Result<(u64, u64), JournalError> {
        self.read(|c| {
            let count = |sql: &str| c.prepare_cached(sql)?.query_row([], |row| row.get::<_, u64>(0));
            Ok((
                count("SELECT count(*) FROM inbox WHERE settled_ms IS NULL")?,
                count("SELECT count(*) FROM inbox WHERE state = 'failed'")?,
            ))
        })
    }

    /// Events that failed, newest first: channel, reason, when.
    pub fn failures(&self, limit: u32) -> Result<Vec<(String, String, i64)>, JournalError> {
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT channel, note, settled_ms FROM inbox WHERE state = 'failed' ORDER BY id DESC LIMIT ?1",
            )?;
            let rows = statement.query_map([limit], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
            rows.collect()
        })
    }

    /// Forgets what nobody needs any more. Called now and then.
    pub fn sweep(&self, now_ms: i64) -> Result<(), JournalError> {
        self.write(|c| {
            let (settled, failed) = (now_ms - KEEP_SETTLED, now_ms - KEEP_FAILED);
            c.execute(
                // the newest row stays, so that no id is given twice: ids are keys of replies
                "DELETE FROM inbox WHERE (settled_ms < ?1 AND state <> 'failed' OR settled_ms < ?2)
                                     AND id < (SELECT max(id) FROM inbox)",
                [settled, failed],
            )?;
            c.execute(
                "DELETE FROM outbox WHERE settled_ms < ?1 AND state = 'sent' OR settled_ms < ?2",
                [settled, failed],
            )?;
            c.execute(
                "DELETE FROM plugin_kv WHERE expires_ms IS NOT NULL AND expires_ms <= ?1",
                [now_ms],
            )
            .map(drop)
        })
    }
}

pub(super) fn begin(c: &Connection, rows: &[i64], turn: &str) -> rusqlite::Result<u32> {
    let mut most = 0;
    for row in rows {
        let attempts: Option<u32> = c
            .prepare_cached(
                "UPDATE inbox SET attempts = attempts + 1, note = ?2 WHERE id = ?1 AND settled_ms IS NULL
                 RETURNING attempts",
            )?
            .query_row(params![row, turn], |r| r.get(0))
            .optional()?;
        most = most.max(attempts.unwrap_or(0));
    }
    Ok(most)
}

pub(super) fn settle(c: &Connection, row: i64, how: &Settled, now_ms: i64) -> rusqlite::Result<()> {
    let (state, note) = match how {
        Settled::Done => ("done", ""),
        Settled::Dropped(why) => ("dropped", why.as_str()),
        Settled::Failed(why) => ("failed", why.as_str()),
    };
    c.prepare_cached(
        "UPDATE inbox SET settled_ms = ?2, state = ?3, note = ?4, preview = '',
                          event = CASE ?3 WHEN 'failed' THEN event ELSE x'' END
         WHERE id = ?1 AND settled_ms IS NULL",
    )?
    .execute(params![row, now_ms, state, note])
    .map(drop)
}
