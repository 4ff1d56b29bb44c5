//! What was taken over from an OpenClaw installation, and how: so that nothing is taken over twice, and nothing of what
//! was said here since is lost.
//!
//! Invariants: a transcript is seen by nobody until it is whole, for its conversation is made with its end; one that was
//! left half taken over begins anew; a conversation that went on here is never replaced.
use super::{
    Journal, JournalError, Session, StoredMedia,
    cron::put,
    transcript::{Entry, EntryKind, last_place},
};
use rusqlite::{Connection, OptionalExtension, params};

/// The table.
pub(super) const SCHEMA: &str = "
    CREATE TABLE import (
        kind TEXT NOT NULL, id TEXT NOT NULL, mark TEXT NOT NULL, done INTEGER NOT NULL, place INTEGER NOT NULL,
        at_ms INTEGER NOT NULL, PRIMARY KEY (kind, id)) WITHOUT ROWID;
";

/// How records of transcripts are named.
const TRANSCRIPT: &str = "transcript";

/// A record of something that was taken over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Imported {
    /// What it was like there; another mark is another content.
    pub mark: String,
    /// All of it was taken over.
    pub done: bool,
    /// Of a transcript: its last place when it was.
    pub place: i64,
}

/// What became of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    /// It goes on here.
    Yes,
    /// Another one has begun here under its key; the transcript stays under its own id.
    KeyInUse,
}

impl Journal {
    /// The record of something, if it was taken over.
    pub fn imported(&self, kind: &str, id: &str) -> Result<Option<Imported>, JournalError> {
        self.read(|c| record(c, kind, id))
    }

    /// Notes that something was taken over.
    pub fn import_note(&self, kind: &str, id: &str, mark: &str, now_ms: i64) -> Result<(), JournalError> {
        self.write(|c| note(c, kind, id, &done(mark, 0), now_ms))
    }

    /// Whether an installation was ever taken over.
    pub fn import_has_run(&self) -> Result<bool, JournalError> {
        self.read(|c| {
            c.prepare_cached("SELECT 1 FROM import WHERE kind = 'run'")?
                .exists([])
        })
    }

    /// Whether a transcript that was taken over is still as it was then.
    pub fn import_is_untouched(&self, id: &str) -> Result<bool, JournalError> {
        self.read(|c| is_untouched(c, id))
    }

    /// Begins to take a transcript over; what an earlier try left goes.
    pub fn import_begin(&self, id: &str, now_ms: i64) -> Result<(), JournalError> {
        self.write(|c| {
            let begun = Imported {
                mark: String::new(),
                done: false,
                place: 0,
            };
            note(c, TRANSCRIPT, id, &begun, now_ms)?;
            // its parts are `<id>.<number>`, and `/` comes behind `.`
            c.execute(
                "DELETE FROM transcript WHERE session_id = ?1 OR (session_id > ?1 || '.' AND session_id < ?1 || '/')",
                [id],
            )
            .map(drop)
        })
    }

    /// Writes a piece of a transcript; entries have their places and times.
    pub fn import_entries(&self, session_id: &str, entries: &[Entry]) -> Result<(), JournalError> {
        self.write(|c| {
            let mut insert = c.prepare_cached(
                "INSERT INTO transcript (session_id, seq, turn, kind, body, tokens, created_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?;
            for entry in entries {
                insert.execute(params![
                    session_id,
                    entry.seq,
                    entry.turn,
                    EntryKind::as_str(entry.kind),
                    entry.body,
                    entry.tokens,
                    entry.created_ms
                ])?;
            }
            Ok(())
        })
    }

    /// Ends it: the transcript is whole, and its conversation goes on with it if it is one.
    pub fn import_end(
        &self,
        id: &str,
        mark: &str,
        session: Option<&Session>,
        now_ms: i64,
    ) -> Result<Taken, JournalError> {
        self.write(|c| {
            let taken = match session {
                Some(session) if !may_take(c, session)? => Taken::KeyInUse,
                Some(session) => {
                    take(c, session)?;
                    Taken::Yes
                }
                None => Taken::Yes,
            };
            note(c, TRANSCRIPT, id, &done(mark, last_place(c, id)?), now_ms)?;
            Ok(taken)
        })
    }

    /// Makes or points a conversation to a transcript that was taken over before.
    pub fn import_session(&self, session: &Session) -> Result<Taken, JournalError> {
        self.write(|c| {
            if !may_take(c, session)? {
                return Ok(Taken::KeyInUse);
            }
            take(c, session)?;
            Ok(Taken::Yes)
        })
    }

    /// Lets somebody in who was let in there; once, so that taking it back holds.
    pub fn import_allowed(
        &self,
        channel: &str,
        account: &str,
        sender: &str,
        now_ms: i64,
    ) -> Result<bool, JournalError> {
        let id = format!("{channel}\n{account}\n{sender}");
        self.write(|c| {
            if record(c, "allowed", &id)?.is_some() {
                return Ok(false);
            }
            note(c, "allowed", &id, &done("", 0), now_ms)?;
            let added = c.execute(
                "INSERT OR IGNORE INTO pairing_allowed VALUES (?1, ?2, ?3, ?4)",
                params![channel, account, sender, now_ms],
            )?;
            Ok(added > 0)
        })
    }

    /// Takes a job over; once, so that removing it holds. False: it was before, or one with its id is here.
    pub fn import_job(&self, job: &super::CronJob, now_ms: i64) -> Result<bool, JournalError> {
        self.write(|c| {
            if record(c, "job", &job.id)?.is_some() {
                return Ok(false);
            }
            note(c, "job", &job.id, &done("", 0), now_ms)?;
            let known = c
                .prepare("SELECT 1 FROM cron_job WHERE id = ?1")?
                .exists([&job.id])?;
            if !known {
                put(c, job)?;
            }
            Ok(!known)
        })
    }

    /// Records a file of the store; one that is known stays.
    pub fn import_media(&self, stored: &StoredMedia, now_ms: i64) -> Result<(), JournalError> {
        let media = &stored.media;
        let size = i64::try_from(media.size).unwrap_or(i64::MAX);
        self.write(|c| {
            c.prepare_cached(
                "INSERT OR IGNORE INTO media (id, plugin, mime_type, file_name, size, sha256, created_ms)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
            )?
            .execute(params![
                media.id,
                stored.plugin,
                media.mime_type,
                media.file_name,
                size,
                media.sha256,
                now_ms
            ])
            .map(drop)
        })
    }
}

fn done(mark: &str, place: i64) -> Imported {
    Imported {
        mark: mark.to_owned(),
        done: true,
        place,
    }
}

fn record(c: &Connection, kind: &str, id: &str) -> rusqlite::Result<Option<Imported>> {
    c.prepare_cached("SELECT mark, done, place FROM import WHERE kind = ?1 AND id = ?2")?
        .query_row([kind, id], |row| {
            Ok(Imported {
                mark: row.get(0)?,
                done: row.get(1)?,
                place: row.get(2)?,
            })
        })
        .optional()
}

fn note(c: &Connection, kind: &str, id: &str, record: &Imported, now_ms: i64) -> rusqlite::Result<()> {
    c.prepare_cached("INSERT OR REPLACE INTO import VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?
        .execute(params![kind, id, record.mark, record.done, record.place, now_ms])
        .map(drop)
}

fn is_untouched(c: &Connection, id: &str) -> rusqlite::Result<bool> {
    let Some(record) = record(c, TRANSCRIPT, id)? else {
        return Ok(false);
    };
    Ok(!record.done || record.place == last_place(c, id)?)
}

/// A key is free if nothing was said under it here since.
fn may_take(c: &Connection, session: &Session) -> rusqlite::Result<bool> {
    let current: Option<String> = c
        .prepare_cached("SELECT session_id FROM session WHERE key = ?1")?
        .query_row([&session.key], |row| row.get(0))
        .optional()?;
    let Some(current) = current else {
        return Ok(true);
    };
    Ok(current == session.session_id || last_place(c, &current)? == 0 || is_untouched(c, &current)?)
}

fn take(c: &Connection, session: &Session) -> rusqlite::Result<()> {
    c.prepare_cached(
        "INSERT OR REPLACE INTO session (key, session_id, agent, settings, route, input, output, context, cost,
                                         compactions, model, created_ms, updated_ms)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
    )?
    .execute(params![
        session.key,
        session.session_id,
        session.agent,
        session.settings,
        session.route,
        session.usage.input,
        session.usage.output,
        session.usage.context,
        session.usage.cost,
        session.compactions,
        session.model,
        session.created_ms,
        session.updated_ms
    ])
    .map(drop)
}
