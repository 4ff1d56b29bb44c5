//! Branches: conversations that went more than one way. Each way is a transcript of its own, one of them goes on.
//!
//! A branch begins with a copy of what it has in common with the one that it left, so that reading it costs what reading
//! any other transcript does. How much of it is copied is noted, so that nothing is counted twice.
use super::{
    Journal, JournalError, NewSession,
    session::find_or_make,
    transcript::{EntryKind, last_place},
};
use rusqlite::{Connection, OptionalExtension, params};

pub(super) const SCHEMA: &str = "
    CREATE TABLE branch (session_id TEXT PRIMARY KEY, root TEXT NOT NULL, copied INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX branch_root ON branch (root);
    CREATE INDEX session_transcript ON session (session_id);
";

/// Branches of one conversation at most: each is a copy of a past.
pub const MAX_BRANCHES: usize = 64;

/// One way that a conversation went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// Its transcript.
    pub session_id: String,
    /// The place of its last entry.
    pub last: i64,
    /// Messages in it, those that it has in common with others included.
    pub messages: u64,
    /// When something was last said in it, milliseconds since 1970.
    pub updated_ms: i64,
}

/// A conversation whose past is to be changed, as who asks has read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Current {
    /// Key of the conversation.
    pub key: String,
    /// Its transcript.
    pub session_id: String,
    /// The place of the last entry.
    pub last: i64,
}

/// Where a transcript is cut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// Id of the transcript that begins with what stands before.
    pub session_id: String,
    /// The first entry that isn't in it.
    pub before: i64,
    /// What a request with that past had in it, tokens.
    pub context: u64,
}

/// What came of changing a conversation's past.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recast {
    /// It is done.
    Done,
    /// Something was said, or the past was changed, since it was read: nothing was done.
    Changed,
    /// It has as many branches as there may be: nothing was done.
    Full,
    /// It has no such branch: nothing was done.
    Missing,
}

impl Journal {
    /// The branches of the conversation that has this transcript, without those in which nothing was said. One that
    /// never parted has one.
    pub fn branches(&self, session_id: &str) -> Result<Vec<Branch>, JournalError> {
        self.read(|c| {
            let ids = match root(c, session_id)? {
                Some(root) => family(c, &root)?,
                None => vec![session_id.to_owned()],
            };
            let found = ids.into_iter().map(|id| branch(c, id));
            let found = found.collect::<rusqlite::Result<Vec<_>>>()?;
            Ok(found.into_iter().filter(|branch| branch.last > 0).collect())
        })
    }

    /// A conversation goes back to before an entry. What was said from there on stays as a branch.
    pub fn rewind(&self, current: &Current, cut: &Cut, now_ms: i64) -> Result<Recast, JournalError> {
        self.write(|c| {
            if !is_as_read(c, current)? {
                return Ok(Recast::Changed);
            }
            let root = root(c, &current.session_id)?.unwrap_or_else(|| current.session_id.clone());
            if family(c, &root)?.len() >= MAX_BRANCHES {
                return Ok(Recast::Full);
            }
            enrol(c, &current.session_id, &root, 0)?;
            copy(c, &current.session_id, cut)?;
            enrol(c, &cut.session_id, &root, cut.before - 1)?;
            go_on_with(c, &current.key, &cut.session_id, cut.context, now_ms)?;
            forget_if_bare(c, &current.session_id)?;
            Ok(Recast::Done)
        })
    }

    /// A conversation goes on with another of its branches.
    pub fn switch_branch(
        &self,
        current: &Current,
        to: &str,
        context: u64,
        now_ms: i64,
    ) -> Result<Recast, JournalError> {
        self.write(|c| {
            if !is_as_read(c, current)? {
                return Ok(Recast::Changed);
            }
            let (from, other) = (root(c, &current.session_id)?, root(c, to)?);
            if from.is_none() || from != other || to == current.session_id {
                return Ok(Recast::Missing);
            }
            go_on_with(c, &current.key, to, context, now_ms)?;
            forget_if_bare(c, &current.session_id)?;
            Ok(Recast::Done)
        })
    }

    /// A conversation of its own begins with what stands before an entry of another one.
    pub fn fork(
        &self,
        from: &str,
        cut: &Cut,
        (key, agent, settings): (&str, &str, &str),
        now_ms: i64,
    ) -> Result<(), JournalError> {
        self.write(|c| {
            let new = NewSession {
                key,
                agent,
                id: &cut.session_id,
            };
            find_or_make(c, &new, now_ms)?;
            c.execute(
                "UPDATE session SET settings = ?2 WHERE key = ?1",
                params![key, settings],
            )?;
            copy(c, from, cut)?;
            enrol(c, &cut.session_id, &cut.session_id, cut.before - 1)?;
            go_on_with(c, key, &cut.session_id, cut.context, now_ms)
        })
    }

    /// How many entries at the beginning of a transcript are copies of another one's.
    pub fn copied(&self, session_id: &str) -> Result<i64, JournalError> {
        self.read(|c| copied(c, session_id))
    }
}

/// Forgets all that was said in any branch of a conversation.
pub(super) fn forget_all(c: &Connection, session_id: &str) -> rusqlite::Result<()> {
    let ids = match root(c, session_id)? {
        Some(root) => family(c, &root)?,
        None => vec![session_id.to_owned()],
    };
    ids.iter().try_for_each(|id| forget(c, id))
}

fn root(c: &Connection, session_id: &str) -> rusqlite::Result<Option<String>> {
    c.prepare_cached("SELECT root FROM branch WHERE session_id = ?1")?
        .query_row([session_id], |row| row.get(0))
        .optional()
}

fn family(c: &Connection, root: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = c.prepare_cached("SELECT session_id FROM branch WHERE root = ?1")?;
    let rows = statement.query_map([root], |row| row.get(0))?;
    rows.collect()
}

fn branch(c: &Connection, session_id: String) -> rusqlite::Result<Branch> {
    let (last, updated_ms) = c
        .prepare_cached(
            "SELECT seq, created_ms FROM transcript WHERE session_id = ?1 ORDER BY seq DESC LIMIT 1",
        )?
        .query_row([&session_id], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()?
        .unwrap_or_default();
    let messages = c
        .prepare_cached("SELECT count(*) FROM transcript WHERE session_id = ?1 AND kind = ?2")?
        .query_row(params![session_id, EntryKind::Message.as_str()], |row| row.get(0))?;
    Ok(Branch {
        session_id,
        last,
        messages,
        updated_ms,
    })
}

fn copied(c: &Connection, session_id: &str) -> rusqlite::Result<i64> {
    c.prepare_cached("SELECT copied FROM branch WHERE session_id = ?1")?
        .query_row([session_id], |row| row.get(0))
        .optional()
        .map(Option::unwrap_or_default)
}

fn is_as_read(c: &Connection, current: &Current) -> rusqlite::Result<bool> {
    let now: Option<String> = c
        .prepare_cached("SELECT session_id FROM session WHERE key = ?1")?
        .query_row([&current.key], |row| row.get(0))
        .optional()?;
    Ok(now.as_ref() == Some(&current.session_id) && last_place(c, &current.session_id)? == current.last)
}

fn enrol(c: &Connection, session_id: &str, root: &str, copied: i64) -> rusqlite::Result<()> {
    c.prepare_cached(
        "INSERT INTO branch (session_id, root, copied) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING",
    )?
    .execute(params![session_id, root, copied])
    .map(drop)
}

fn copy(c: &Connection, from: &str, cut: &Cut) -> rusqlite::Result<()> {
    c.prepare_cached(
        "INSERT INTO transcript (session_id, seq, turn, kind, body, tokens, created_ms)
         SELECT ?2, seq, turn, kind, body, tokens, created_ms FROM transcript WHERE session_id = ?1 AND seq < ?3",
    )?
    .execute(params![from, cut.session_id, cut.before])
    .map(drop)
}

fn go_on_with(
    c: &Connection,
    key: &str,
    session_id: &str,
    context: u64,
    now_ms: i64,
) -> rusqlite::Result<()> {
    c.prepare_cached(
        "UPDATE session SET session_id = ?2, context = ?3, updated_ms = ?4,
                            compactions = (SELECT count(*) FROM transcript WHERE session_id = ?2 AND kind = ?5)
         WHERE key = ?1",
    )?
    .execute(params![
        key,
        session_id,
        context,
        now_ms,
        EntryKind::Compaction.as_str()
    ])
    .map(drop)
}

/// A branch to which nothing was added is the beginning of another one, and goes. The first one of a conversation stays:
/// where that is a fork, what it begins with may be nowhere else any more.
fn forget_if_bare(c: &Connection, session_id: &str) -> rusqlite::Result<()> {
    let is_first = root(c, session_id)?.as_deref() == Some(session_id);
    match !is_first && last_place(c, session_id)? <= copied(c, session_id)? {
        true => forget(c, session_id),
        false => Ok(()),
    }
}

fn forget(c: &Connection, session_id: &str) -> rusqlite::Result<()> {
    c.execute("DELETE FROM transcript WHERE session_id = ?1", [session_id])?;
    c.execute("DELETE FROM branch WHERE session_id = ?1", [session_id])
        .map(drop)
}

#[cfg(test)]
mod tests;
