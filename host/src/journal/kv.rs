//! Bytes by key, for plugins: each has a space of its own, and values may have an end.
use super::{Journal, JournalError};
use rusqlite::{OptionalExtension, params};

/// Keys that one listing gives at most.
const MAX_KEYS: i64 = 10_000;

impl Journal {
    /// A value that has not expired.
    pub fn get(&self, plugin: &str, key: &str, now_ms: i64) -> Result<Option<Vec<u8>>, JournalError> {
        self.read(|c| {
            c.prepare_cached(
                "SELECT value FROM plugin_kv WHERE plugin = ?1 AND key = ?2 AND (expires_ms IS NULL OR expires_ms > ?3)",
            )?
            .query_row(params![plugin, key, now_ms], |row| row.get(0))
            .optional()
        })
    }

    /// Sets a value.
    pub fn put(
        &self,
        plugin: &str,
        key: &str,
        value: &[u8],
        ttl_ms: Option<i64>,
        now_ms: i64,
    ) -> Result<(), JournalError> {
        let expires = ttl_ms.map(|ttl| now_ms.saturating_add(ttl));
        self.write(|c| {
            c.prepare_cached(
                "INSERT OR REPLACE INTO plugin_kv (plugin, key, value, expires_ms) VALUES (?1, ?2, ?3, ?4)",
            )?
            .execute(params![plugin, key, value, expires])
            .map(drop)
        })
    }

    /// Sets a value if the key is free, and says whether it was. An expired value makes way.
    pub fn add(
        &self,
        plugin: &str,
        key: &str,
        value: &[u8],
        ttl_ms: Option<i64>,
        now_ms: i64,
    ) -> Result<bool, JournalError> {
        let expires = ttl_ms.map(|ttl| now_ms.saturating_add(ttl));
        self.write(|c| {
            c.prepare_cached(
                "INSERT INTO plugin_kv (plugin, key, value, expires_ms) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT DO UPDATE SET value = excluded.value, expires_ms = excluded.expires_ms
                 WHERE plugin_kv.expires_ms IS NOT NULL AND plugin_kv.expires_ms <= ?5",
            )?
            .execute(params![plugin, key, value, expires, now_ms])
            .map(|changed| changed > 0)
        })
    }

    /// Removes a value.
    pub fn delete(&self, plugin: &str, key: &str) -> Result<(), JournalError> {
        self.write(|c| {
            c.prepare_cached("DELETE FROM plugin_kv WHERE plugin = ?1 AND key = ?2")?
                .execute(params![plugin, key])
                .map(drop)
        })
    }

    /// Keys that begin with a prefix, sorted.
    pub fn keys(&self, plugin: &str, prefix: &str, now_ms: i64) -> Result<Vec<String>, JournalError> {
        self.read(|c| {
            let mut statement = c.prepare_cached(
                "SELECT key FROM plugin_kv WHERE plugin = ?1 AND substr(key, 1, length(?2)) = ?2
                 AND (expires_ms IS NULL OR expires_ms > ?3) ORDER BY key LIMIT ?4",
            )?;
            let rows = statement.query_map(params![plugin, prefix, now_ms, MAX_KEYS], |row| row.get(0))?;
            rows.collect()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn journal() -> (tempfile::TempDir, Journal) {
        let folder = tempfile::tempdir().expect("a folder");
        let journal = Journal::open(&folder.path().join("state.db")).expect("created");
        (folder, journal)
    }

    #[test]
    fn plugins_do_not_see_each_other() {
        let (_folder, journal) = journal();
        journal.put("a", "k", b"1", None, 0).expect("stored");
        assert_eq!(journal.get("b", "k", 0).expect("read"), None);
        assert_eq!(journal.keys("b", "", 0).expect("read"), [""; 0]);
        journal.delete("b", "k").expect("deleted nothing");
        assert_eq!(
            journal.get("a", "k", 0).expect("read").as_deref(),
            Some(b"1".as_slice())
        );
    }

    #[test]
    fn values_end_when_they_should() {
        let (_folder, journal) = journal();
        assert!(journal.add("a", "k", b"1", Some(10), 100).expect("stored"));
        assert!(!journal.add("a", "k", b"2", Some(10), 109).expect("taken"));
        assert_eq!(
            journal.get("a", "k", 109).expect("read").as_deref(),
            Some(b"1".as_slice())
        );
        assert_eq!(journal.get("a", "k", 110).expect("read"), None);
        assert!(journal.add("a", "k", b"3", None, 110).expect("free again"));
        journal.sweep(1_000_000).expect("swept");
        assert!(journal.get("a", "k", 1_000_001).expect("read").is_some());
    }

    #[test]
    fn a_prefix_is_taken_literally() {
        let (_folder, journal) = journal();
        for key in ["a%", "a%b", "ab", "b"] {
            journal.put("p", key, b"", None, 0).expect("stored");
        }
        assert_eq!(journal.keys("p", "a%", 0).expect("read"), ["a%", "a%b"]);
    }
}
