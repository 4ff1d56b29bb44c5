//! Events that agents are to hear of.
//!
//! Invariant: an event is claimed by the first turn of its conversation and heard in that turn only, also if that turn is
//! begun again.
use super::{Journal, JournalError};
use rusqlite::{Connection, params};

/// Events that wait for one conversation; the oldest makes room.
const EVENTS: u32 = 20;
/// How long an event is kept that a turn has claimed, or that no turn ever asked for, milliseconds.
const KEEP_EVENTS: i64 = 7 * 24 * 3_600_000;

/// An event that a conversation is to hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SystemEvent {
    /// The conversation.
    pub session: String,
    /// What happened.
    pub text: String,
    /// When, milliseconds since 1970.
    pub created_ms: i64,
}

impl Journal {
    /// A conversation is to hear of something at its next turn.
    pub fn system_event(&self, event: &SystemEvent) -> Result<(), JournalError> {
        self.write(|c| note(c, event))
    }

    /// Does a conversation have events to hear of that no turn has claimed?
    pub fn has_system_events(&self, session: &str) -> Result<bool, JournalError> {
        self.read(|c| {
            c.prepare_cached("SELECT EXISTS (SELECT 1 FROM system_event WHERE session = ?1 AND turn = '')")?
                .query_row([session], |row| row.get(0))
        })
    }

    /// What waits for the next turn of a conversation, oldest first.
    pub fn waiting_system_events(&self, session: &str) -> Result<Vec<String>, JournalError> {
        self.read(|c| {
            c.prepare_cached("SELECT text FROM system_event WHERE session = ?1 AND turn = '' ORDER BY id")?
                .query_map([session], |row| row.get(0))?
                .collect()
        })
    }

    /// What a turn is to hear of, oldest first: what waits is its own from now on.
    pub fn claim_system_events(&self, session: &str, turn: &str) -> Result<Vec<SystemEvent>, JournalError> {
        let any = self.read(|c| {
            c.prepare_cached(
                "SELECT EXISTS (SELECT 1 FROM system_event WHERE session = ?1 AND turn IN ('', ?2))",
            )?
            .query_row([session, turn], |row| row.get::<_, bool>(0))
        })?;
        // most turns have none, and a look costs less than a write
        if !any {
            return Ok(Vec::new());
        }
        self.write(|c| {
            c.execute(
                "UPDATE system_event SET turn = ?2 WHERE session = ?1 AND turn = ''",
                [session, turn],
            )?;
            let found = "SELECT session, text, created_ms FROM system_event WHERE session = ?1 AND turn = ?2
                         ORDER BY id";
            c.prepare_cached(found)?
                .query_map([session, turn], |row| {
                    Ok(SystemEvent {
                        session: row.get(0)?,
                        text: row.get(1)?,
                        created_ms: row.get(2)?,
                    })
                })?
                .collect()
        })
    }
}

pub(super) fn note(c: &Connection, event: &SystemEvent) -> rusqlite::Result<()> {
    c.execute(
        "DELETE FROM system_event WHERE created_ms < ?1",
        [event.created_ms - KEEP_EVENTS],
    )?;
    c.execute(
        "INSERT INTO system_event (session, text, created_ms) VALUES (?1, ?2, ?3)",
        params![event.session, event.text, event.created_ms],
    )?;
    c.execute(
        "DELETE FROM system_event WHERE session = ?1 AND turn = '' AND id NOT IN (
             SELECT id FROM system_event WHERE session = ?1 AND turn = '' ORDER BY id DESC LIMIT ?2)",
        params![event.session, EVENTS],
    )
    .map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: String, at: i64) -> SystemEvent {
        SystemEvent {
            session: "s".into(),
            text,
            created_ms: at,
        }
    }

    #[test]
    fn an_event_is_heard_in_one_turn_however_often_that_is_begun() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(&folder.path().join("state.db")).expect("created");
        for n in 0..i64::from(EVENTS) + 2 {
            journal.system_event(&event(n.to_string(), n)).expect("written");
        }
        assert!(journal.has_system_events("s").expect("read"));
        let waiting = || journal.waiting_system_events("s").expect("read");
        assert_eq!((waiting().len(), waiting()[0].as_str()), (EVENTS as usize, "2"));
        assert_eq!(journal.waiting_system_events("other").expect("read"), [""; 0]);
        let claim = |turn| journal.claim_system_events("s", turn).expect("claimed");
        let first = claim("t1");
        assert_eq!((first.len(), first[0].text.as_str()), (EVENTS as usize, "2"));
        assert_eq!(claim("t2"), []);
        assert_eq!(claim("t1"), first, "begun again");
        assert!(!journal.has_system_events("s").expect("read") && waiting().is_empty());
    }
}
