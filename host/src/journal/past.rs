//! Transcripts for people: page by page, by message, and all of them for counting. Each look is short, so that a long
//! history holds up no turn.
use super::{
    Journal, JournalError, Session, Settled,
    session::{SESSION_COLUMNS, session},
    transcript::{COLUMNS, Entry, entry, last_place},
};
use rusqlite::{OptionalExtension, params};

/// What became of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventState {
    /// It waits, or is being answered.
    Open,
    /// It was dealt with.
    Settled,
}

impl Journal {
    /// What became of an event. None: it never came, or is forgotten.
    pub fn event_state(
        &self,
        channel: &str,
        account: &str,
        event_id: &str,
    ) -> Result<Option<EventState>, JournalError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT settled_ms IS NULL FROM inbox WHERE channel = ?1 AND account = ?2 AND event_id = ?3",
            )?
            .query_row(params![channel, account, event_id], |row| {
                Ok(match row.get(0)? {
                    true => EventState::Open,
                    false => EventState::Settled,
                })
            })
            .optional()
        })
    }

    /// How an event was dealt with. None: it waits, never came, or is forgotten.
    pub fn event_end(
        &self,
        channel: &str,
        account: &str,
        event_id: &str,
    ) -> Result<Option<Settled>, JournalError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT state, note FROM inbox
                 WHERE channel = ?1 AND account = ?2 AND event_id = ?3 AND settled_ms IS NOT NULL",
            )?
            .query_row(params![channel, account, event_id], |row| {
                let (state, note): (String, String) = (row.get(0)?, row.get(1)?);
                Ok(match state.as_str() {
                    "failed" => Settled::Failed(note),
                    "dropped" => Settled::Dropped(note),
                    _ => Settled::Done,
                })
            })
            .optional()
        })
    }

    /// Entries of a transcript, oldest first: as many as `limit`, before the last `skip` ones.
    pub fn page(&self, session_id: &str, skip: u32, limit: u32) -> Result<Vec<Entry>, JournalError> {
        self.read(|c| {
            let sql = format!(
                "SELECT {COLUMNS} FROM transcript WHERE session_id = ?1 ORDER BY seq DESC LIMIT ?2 OFFSET ?3"
            );
            let mut statement = c.prepare_cached(&sql)?;
            let rows = statement.query_map(params![session_id, limit, skip], entry)?;
            let mut found: Vec<_> = rows.collect::<rusqlite::Result<_>>()?;
            found.reverse();
            Ok(found)
        })
    }

    /// What a turn wrote, and into which transcript. None: it wrote nothing, or is forgotten.
    pub fn written_by(&self, turn: &str) -> Result<Option<(String, Vec<Entry>)>, JournalError> {
        let transcript = self.read(|c| {
            c.prepare_cached(
                // branches have copies: the one that goes on is meant
                "SELECT session_id FROM transcript WHERE turn = ?1
                 ORDER BY EXISTS (SELECT 1 FROM session WHERE session.session_id = transcript.session_id) DESC,
                          created_ms DESC LIMIT 1",
            )?
            .query_row([turn], |row| row.get::<_, String>(0))
            .optional()
        })?;
        match transcript {
            Some(id) => {
                let entries = self.turn(&id, turn)?;
                Ok(Some((id, entries)))
            }
            None => Ok(None),
        }
    }

    /// Entries of a transcript behind a place, oldest first.
    pub fn behind(&self, session_id: &str, seq: i64, limit: u32) -> Result<Vec<Entry>, JournalError> {
        self.read(|c| {
            let sql = format!(
                "SELECT {COLUMNS} FROM transcript WHERE session_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3"
            );
            let mut statement = c.prepare_cached(&sql)?;
            let rows = statement.query_map(params![session_id, seq, limit], entry)?;
            rows.collect()
        })
    }

    /// How many entries a transcript has.
    pub fn length(&self, session_id: &str) -> Result<u64, JournalError> {
        self.read(|c| {
            c.prepare_cached("SELECT count(*) FROM transcript WHERE session_id = ?1")?
                .query_row([session_id], |row| row.get(0))
        })
    }

    /// The place of the last entry of a transcript; 0 if there is none.
    pub fn last_place(&self, session_id: &str) -> Result<i64, JournalError> {
        self.read(|c| last_place(c, session_id))
    }

    /// Ids of all transcripts, those of conversations that began anew included.
    pub fn transcripts(&self) -> Result<Vec<String>, JournalError> {
        self.read(|c| {
            // from one to the next: the rows in between are not looked at
            let mut statement = c.prepare_cached(
                "WITH RECURSIVE one(id) AS (
                     SELECT min(session_id) FROM transcript
                     UNION ALL
                     SELECT (SELECT min(session_id) FROM transcript WHERE session_id > one.id) FROM one
                     WHERE one.id IS NOT NULL)
                 SELECT id FROM one WHERE id IS NOT NULL",
            )?;
            let rows = statement.query_map([], |row| row.get(0))?;
            rows.collect()
        })
    }

    /// The conversation that has this transcript now.
    pub fn session_of(&self, session_id: &str) -> Result<Option<Session>, JournalError> {
        self.read(|c| {
            let sql = format!("SELECT {SESSION_COLUMNS} FROM session WHERE session_id = ?1");
            c.prepare_cached(&sql)?
                .query_row([session_id], session)
                .optional()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::journal::EntryKind;

    fn journal() -> (tempfile::TempDir, Journal) {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(&folder.path().join("state.db")).expect("a journal");
        (folder, journal)
    }

    fn seqs(entries: &[Entry]) -> Vec<i64> {
        entries.iter().map(|entry| entry.seq).collect()
    }

    #[test]
    fn a_transcript_is_read_from_both_ends() {
        let (_folder, journal) = journal();
        let entries: Vec<_> = (0..5)
            .map(|n| Entry::new("t", EntryKind::Message, n.to_string(), 1))
            .collect();
        journal.append("b", &entries, 1).expect("written");
        journal.append("a", &entries[..1], 1).expect("written");
        assert_eq!(seqs(&journal.page("b", 0, 2).expect("read")), [4, 5]);
        assert_eq!(seqs(&journal.page("b", 4, 2).expect("read")), [1]);
        assert_eq!(seqs(&journal.behind("b", 2, 2).expect("read")), [3, 4]);
        assert_eq!(journal.length("b").expect("read"), 5);
        assert_eq!(journal.last_place("b").expect("read"), 5);
        assert_eq!(journal.transcripts().expect("read"), ["a", "b"]);
    }

    #[test]
    fn an_event_is_open_until_it_is_settled() {
        let (_folder, journal) = journal();
        assert_eq!(journal.event_state("c", "", "1").expect("read"), None);
        let taken = journal.accept("c", "", "1", b"{}", 1).expect("written");
        let crate::journal::Accepted::New(row) = taken else {
            panic!("it is new")
        };
        assert_eq!(
            journal.event_state("c", "", "1").expect("read"),
            Some(EventState::Open)
        );
        journal
            .settle(&[row], &crate::journal::Settled::Done, 2)
            .expect("written");
        assert_eq!(
            journal.event_state("c", "", "1").expect("read"),
            Some(EventState::Settled)
        );
    }
}
