//! Events of channels: taken once, kept until they are dealt with.
use super::{Journal, JournalError};
use rusqlite::params;

/// Events that one look at the waiting ones gives at most.
const MAX_PENDING: i64 = 10_000;

/// An event that waits.
#[derive(Debug, Clone, PartialEq)]
pub struct Pending {
    /// Row.
    pub id: i64,
    /// Channel id.
    pub channel: String,
    /// The event, JSON.
    pub event: Vec<u8>,
}

impl Journal {
    /// Takes an event, durably. `None`: it was taken before, so it has no effect.
    pub fn accept(
        &self,
        channel: &str,
        account: &str,
        event_id: &str,
        event: &[u8],
        now_ms: i64,
    ) -> Result<Option<i64>, JournalError> {
        let connection = self.lock();
        connection
            .prepare_cached(
                "INSERT INTO inbox (channel, account, event_id, event, received_ms) VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT DO NOTHING",
            )
            .and_then(|mut statement| statement.execute(params![channel, account, event_id, event, now_ms]))
            .map(|changed| (changed > 0).then(|| connection.last_insert_rowid()))
            .map_err(self.failed())
    }

    /// An event is dealt with. Its id stays, so that a repeat has no effect; its text goes.
    pub fn settle(&self, id: i64, now_ms: i64) -> Result<(), JournalError> {
        self.lock()
            .prepare_cached("UPDATE inbox SET settled_ms = ?2, event = x'' WHERE id = ?1")
            .and_then(|mut statement| statement.execute(params![id, now_ms]))
            .map_err(self.failed())
            .map(drop)
    }

    /// Events that were taken and not dealt with, oldest first.
    pub fn pending(&self) -> Result<Vec<Pending>, JournalError> {
        let connection = self.lock();
        let read = || -> rusqlite::Result<Vec<Pending>> {
            let mut statement = connection.prepare_cached(
                "SELECT id, channel, event FROM inbox WHERE settled_ms IS NULL ORDER BY id LIMIT ?1",
            )?;
            let rows = statement.query_map([MAX_PENDING], |row| {
                Ok(Pending {
                    id: row.get(0)?,
                    channel: row.get(1)?,
                    event: row.get(2)?,
                })
            })?;
            rows.collect()
        };
        read().map_err(self.failed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_event_is_taken_once_and_waits_until_it_is_settled() {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(&folder.path().join("state.db")).expect("created");
        let id = journal
            .accept("c", "a", "1", b"{}", 5)
            .expect("written")
            .expect("new");
        assert_eq!(journal.accept("c", "a", "1", b"{}", 6).expect("written"), None);
        assert!(
            journal
                .accept("c", "b", "1", b"{}", 6)
                .expect("written")
                .is_some(),
            "another account"
        );
        assert_eq!(journal.pending().expect("read").len(), 2);
        journal.settle(id, 7).expect("settled");
        assert_eq!(journal.pending().expect("read").len(), 1);
        assert_eq!(
            journal.accept("c", "a", "1", b"{}", 8).expect("written"),
            None,
            "still known"
        );
    }
}
