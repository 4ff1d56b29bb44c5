//! What was said in conversations, in order. Read from its end, so that a long one costs what a short one does.
use super::{Journal, JournalError};
use rusqlite::{Connection, Row, params};

/// One thing that was said or happened.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Place in the transcript, from 1; given when it is written.
    pub seq: i64,
    /// The turn that it belongs to.
    pub turn: String,
    /// What it is.
    pub kind: EntryKind,
    /// Its record, JSON.
    pub body: String,
    /// How long it is for a model, tokens.
    pub tokens: u32,
    /// When it was written, milliseconds since 1970.
    pub created_ms: i64,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EntryKind {
    /// A message of a person, a model or a tool.
    Message,
    /// A summary that stands for everything before it, and the first entry that is kept beside it.
    Compaction,
    /// Something for people that no model sees.
    Note,
}

impl Entry {
    /// An entry that is not written yet.
    pub fn new(turn: &str, kind: EntryKind, body: String, tokens: u32) -> Self {
        Self {
            seq: 0,
            turn: turn.to_owned(),
            kind,
            body,
            tokens,
            created_ms: 0,
        }
    }
}

impl EntryKind {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Compaction => "compaction",
            Self::Note => "note",
        }
    }
}

pub(super) const COLUMNS: &str = "seq, turn, kind, body, tokens, created_ms";

impl Journal {
    /// Adds entries at the end.
    pub fn append(&self, session_id: &str, entries: &[Entry], now_ms: i64) -> Result<(), JournalError> {
        self.step("append.before");
        let written = self.write(|c| append(c, session_id, entries, now_ms));
        self.step("append.after");
        written
    }

    /// Adds a compaction, and counts it.
    pub fn compact(
        &self,
        key: &str,
        session_id: &str,
        entry: &Entry,
        now_ms: i64,
    ) -> Result<(), JournalError> {
        self.write(|c| {
            append(c, session_id, std::slice::from_ref(entry), now_ms)?;
            c.execute(
                "UPDATE session SET compactions = compactions + 1 WHERE key = ?1",
                [key],
            )
            .map(drop)
        })
    }

    /// The end of a transcript, oldest first: entries from `first` on, as many as fit into `tokens`, back to the last
    /// compaction. The newest entry is there whatever its length.
    pub fn tail(&self, session_id: &str, first: i64, tokens: u64) -> Result<Vec<Entry>, JournalError> {
        self.read(|c| tail(c, session_id, first, tokens))
    }

    /// The end of a transcript as by [`Journal::tail`], and then what is added to it.
    pub fn tail_and_append(
        &self,
        session_id: &str,
        tokens: u64,
        entries: &[Entry],
        now_ms: i64,
    ) -> Result<Vec<Entry>, JournalError> {
        self.step("append.before");
        let before = self.write(|c| {
            let before = tail(c, session_id, 0, tokens)?;
            append(c, session_id, entries, now_ms)?;
            Ok(before)
        });
        self.step("append.after");
        before
    }

    /// What a turn has written so far, oldest first.
    pub fn turn(&self, session_id: &str, turn: &str) -> Result<Vec<Entry>, JournalError> {
        self.read(|c| {
            let sql =
                format!("SELECT {COLUMNS} FROM transcript WHERE turn = ?2 AND session_id = ?1 ORDER BY seq");
            let mut statement = c.prepare_cached(&sql)?;
            let rows = statement.query_map(params![session_id, turn], entry)?;
            rows.collect()
        })
    }

    /// The last entries, oldest first, for people.
    pub fn history(&self, session_id: &str, limit: u32) -> Result<Vec<Entry>, JournalError> {
        self.read(|c| {
            let sql =
                format!("SELECT {COLUMNS} FROM transcript WHERE session_id = ?1 ORDER BY seq DESC LIMIT ?2");
            let mut statement = c.prepare_cached(&sql)?;
            let rows = statement.query_map(params![session_id, limit], entry)?;
            let mut found: Vec<_> = rows.collect::<rusqlite::Result<_>>()?;
            found.reverse();
            Ok(found)
        })
    }
}

fn tail(c: &Connection, session_id: &str, first: i64, tokens: u64) -> rusqlite::Result<Vec<Entry>> {
    let sql =
        format!("SELECT {COLUMNS} FROM transcript WHERE session_id = ?1 AND seq >= ?2 ORDER BY seq DESC");
    let mut statement = c.prepare_cached(&sql)?;
    let mut rows = statement.query(params![session_id, first])?;
    let (mut found, mut sum) = (Vec::new(), 0);
    while let Some(row) = rows.next()? {
        let entry = entry(row)?;
        sum += u64::from(entry.tokens);
        if sum > tokens && !found.is_empty() {
            break;
        }
        let last = entry.kind == EntryKind::Compaction;
        found.push(entry);
        if last {
            break;
        }
    }
    found.reverse();
    Ok(found)
}

pub(super) fn append(
    c: &Connection,
    session_id: &str,
    entries: &[Entry],
    now_ms: i64,
) -> rusqlite::Result<()> {
    for entry in entries {
        c.prepare_cached(
            "INSERT INTO transcript (session_id, seq, turn, kind, body, tokens, created_ms)
             VALUES (?1, (SELECT coalesce(max(seq), 0) + 1 FROM transcript WHERE session_id = ?1), ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute(params![
            session_id,
            entry.turn,
            entry.kind.as_str(),
            entry.body,
            entry.tokens,
            now_ms
        ])?;
    }
    Ok(())
}

pub(super) fn last_place(c: &Connection, session_id: &str) -> rusqlite::Result<i64> {
    c.prepare_cached("SELECT coalesce(max(seq), 0) FROM transcript WHERE session_id = ?1")?
        .query_row([session_id], |row| row.get(0))
}

pub(super) fn entry(row: &Row<'_>) -> rusqlite::Result<Entry> {
    let kind: String = row.get(2)?;
    Ok(Entry {
        seq: row.get(0)?,
        turn: row.get(1)?,
        kind: match kind.as_str() {
            "message" => EntryKind::Message,
            "compaction" => EntryKind::Compaction,
            _ => EntryKind::Note,
        },
        body: row.get(3)?,
        tokens: row.get(4)?,
        created_ms: row.get(5)?,
    })
}
