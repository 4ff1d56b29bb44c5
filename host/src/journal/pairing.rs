//! Who asked to be let in, and who was: by channel, account and sender.
//!
//! Invariants: at most [`MAX_PENDING`] requests wait for one account of one channel; a request ends after
//! [`LIFETIME_MS`]; a code is good for one approval. Safe beside another process on the same database.
use super::{Journal, JournalError};
use rusqlite::{Connection, OptionalExtension, params};

/// The tables.
pub(super) const SCHEMA: &str = "
    CREATE TABLE pairing_requests (
        channel TEXT NOT NULL, account TEXT NOT NULL, sender TEXT NOT NULL, code TEXT NOT NULL, name TEXT NOT NULL,
        event_id TEXT NOT NULL, created_ms INTEGER NOT NULL, last_seen_ms INTEGER NOT NULL,
        PRIMARY KEY (channel, account, sender), UNIQUE (channel, code)) WITHOUT ROWID;
    CREATE TABLE pairing_allowed (
        channel TEXT NOT NULL, account TEXT NOT NULL, sender TEXT NOT NULL, approved_ms INTEGER NOT NULL,
        PRIMARY KEY (channel, account, sender)) WITHOUT ROWID;
";

/// Requests that wait for one account of one channel.
pub const MAX_PENDING: i64 = 3;
/// How long a request waits.
pub const LIFETIME_MS: i64 = 60 * 60 * 1000;
/// Longest name that is kept, bytes.
const MAX_NAME: usize = 256;
/// Tries to find a code that is free.
const TRIES: usize = 8;

/// Somebody on one account of a channel, by stable id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer<'a> {
    /// Channel.
    pub channel: &'a str,
    /// Account that received the message.
    pub account: &'a str,
    /// Who wrote.
    pub sender: &'a str,
}

/// Who asks to be let in, besides the id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stranger<'a> {
    /// Display name; untrusted.
    pub name: &'a str,
    /// The event by which they ask.
    pub event_id: &'a str,
}

/// A request that waits.
#[derive(Clone, PartialEq, Eq)]
pub struct PairingRequest {
    /// Channel.
    pub channel: String,
    /// Account.
    pub account: String,
    /// Who asks.
    pub sender: String,
    /// What approves it.
    pub code: String,
    /// Display name; untrusted.
    pub name: String,
    /// When it was made, milliseconds since 1970.
    pub created_ms: i64,
    /// When its sender last wrote.
    pub last_seen_ms: i64,
}

/// What became of a wish to be let in.
#[derive(Clone, PartialEq, Eq)]
pub enum Requested {
    /// It waits now.
    Created {
        /// What approves it.
        code: String,
    },
    /// It was waiting already.
    Known,
    /// Too many wait.
    Full,
}

/// What an approval changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approved {
    /// Channel.
    pub channel: String,
    /// Account.
    pub account: String,
    /// Who is let in.
    pub sender: String,
    /// Nobody had been let in before, on any channel.
    pub first: bool,
}

impl Journal {
    /// Notes that somebody asks to be let in. `code` makes codes. The same event has the same answer again.
    pub fn pairing_request(
        &self,
        peer: &Peer<'_>,
        stranger: &Stranger<'_>,
        code: &mut dyn FnMut() -> String,
        now_ms: i64,
    ) -> Result<Requested, JournalError> {
        self.write(|transaction| {
            forget_expired(transaction, now_ms)?;
            let whose = params![peer.channel, peer.account, peer.sender, now_ms];
            transaction.execute(
                "UPDATE pairing_requests SET last_seen_ms = ?4 WHERE channel = ?1 AND account = ?2 AND sender = ?3",
                whose,
            )?;
            let known: Option<(String, String)> = transaction
                .query_row(
                    "SELECT code, event_id FROM pairing_requests WHERE channel = ?1 AND account = ?2 AND sender = ?3",
                    [peer.channel, peer.account, peer.sender],
                    |row| Ok((row.get(0)?, row.get(1)?)),
                )
                .optional()?;
            if let Some((code, event_id)) = known {
                let again = !event_id.is_empty() && event_id == stranger.event_id;
                return Ok(if again { Requested::Created { code } } else { Requested::Known });
            }
            let waiting: i64 = transaction.query_row(
                "SELECT count(*) FROM pairing_requests WHERE channel = ?1 AND account = ?2",
                [peer.channel, peer.account],
                |row| row.get(0),
            )?;
            if waiting >= MAX_PENDING {
                return Ok(Requested::Full);
            }
            let name = &stranger.name[..stranger.name.floor_char_boundary(MAX_NAME)];
            for _ in 0..TRIES {
                let code = code();
                let row = params![
                    peer.channel,
                    peer.account,
                    peer.sender,
                    code,
                    name,
                    stranger.event_id,
                    now_ms
                ];
                let made = transaction.execute(
                    "INSERT OR IGNORE INTO pairing_requests VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)",
                    row,
                )?;
                if made > 0 {
                    return Ok(Requested::Created { code });
                }
            }
            Ok(Requested::Full)
        })
    }

    /// Requests that wait, oldest first; of all channels and accounts, or of one.
    pub fn pairing_requests(
        &self,
        channel: Option<&str>,
        account: Option<&str>,
        now_ms: i64,
    ) -> Result<Vec<PairingRequest>, JournalError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT channel, account, sender, code, name, created_ms, last_seen_ms FROM pairing_requests
                 WHERE (?1 IS NULL OR channel = ?1) AND (?2 IS NULL OR account = ?2) AND created_ms > ?3
                 ORDER BY created_ms, channel, account, sender LIMIT 1000",
            )?;
            let rows = statement.query_map(params![channel, account, now_ms - LIFETIME_MS], |row| {
                Ok(PairingRequest {
                    channel: row.get(0)?,
                    account: row.get(1)?,
                    sender: row.get(2)?,
                    code: row.get(3)?,
                    name: row.get(4)?,
                    created_ms: row.get(5)?,
                    last_seen_ms: row.get(6)?,
                })
            })?;
            rows.collect()
        })
    }

    /// Lets somebody in for good, and ends the request if there is one. Says whether nobody had been let in before.
    pub fn pairing_allow(&self, peer: &Peer<'_>, now_ms: i64) -> Result<bool, JournalError> {
        self.write(|transaction| {
            let whose = [peer.channel, peer.account, peer.sender];
            // a write comes first, so that another process can't come between the look and the change
            transaction.execute(
                "DELETE FROM pairing_requests WHERE channel = ?1 AND account = ?2 AND sender = ?3",
                whose,
            )?;
            let first = !transaction
                .prepare("SELECT 1 FROM pairing_allowed LIMIT 1")?
                .exists([])?;
            transaction.execute(
                "INSERT OR IGNORE INTO pairing_allowed VALUES (?1, ?2, ?3, ?4)",
                params![peer.channel, peer.account, peer.sender, now_ms],
            )?;
            Ok(first)
        })
    }

    /// Lets in whom a code belongs to, once; in any case of letters. `None`: no request that waits has it.
    pub fn pairing_approve(
        &self,
        channel: &str,
        account: Option<&str>,
        code: &str,
        now_ms: i64,
    ) -> Result<Option<Approved>, JournalError> {
        let code = code.trim().to_ascii_uppercase();
        let found: Option<(String, String)> = self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT account, sender FROM pairing_requests
                 WHERE channel = ?1 AND code = ?2 AND (?3 IS NULL OR account = ?3) AND created_ms > ?4",
            )?;
            let which = params![channel, code, account, now_ms - LIFETIME_MS];
            statement
                .query_row(which, |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })?;
        let Some((account, sender)) = found else {
            return Ok(None);
        };
        let peer = Peer {
            channel,
            account: &account,
            sender: &sender,
        };
        let first = self.pairing_allow(&peer, now_ms)?;
        let channel = channel.to_owned();
        Ok(Some(Approved {
            channel,
            account,
            sender,
            first,
        }))
    }

    /// Whether somebody was let in.
    pub fn pairing_is_allowed(&self, peer: &Peer<'_>) -> Result<bool, JournalError> {
        self.read(|connection| {
            connection
                .prepare_cached(
                    "SELECT 1 FROM pairing_allowed WHERE channel = ?1 AND account = ?2 AND sender = ?3",
                )?
                .exists([peer.channel, peer.account, peer.sender])
        })
    }

    /// Who was let in on one account of a channel.
    pub fn pairing_allowed(&self, channel: &str, account: &str) -> Result<Vec<String>, JournalError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT sender FROM pairing_allowed WHERE channel = ?1 AND account = ?2 ORDER BY sender LIMIT 10000",
            )?;
            let rows = statement.query_map([channel, account], |row| row.get(0))?;
            rows.collect()
        })
    }

    /// Forgets that somebody asks to be let in, and says whether he did.
    pub fn pairing_dismiss(&self, peer: &Peer<'_>) -> Result<bool, JournalError> {
        self.write(|transaction| {
            let changed = transaction.execute(
                "DELETE FROM pairing_requests WHERE channel = ?1 AND account = ?2 AND sender = ?3",
                [peer.channel, peer.account, peer.sender],
            )?;
            Ok(changed > 0)
        })
    }

    /// Takes an approval back, and says whether there was one.
    pub fn pairing_revoke(&self, peer: &Peer<'_>) -> Result<bool, JournalError> {
        self.write(|transaction| {
            let changed = transaction.execute(
                "DELETE FROM pairing_allowed WHERE channel = ?1 AND account = ?2 AND sender = ?3",
                [peer.channel, peer.account, peer.sender],
            )?;
            Ok(changed > 0)
        })
    }
}

fn forget_expired(transaction: &Connection, now_ms: i64) -> rusqlite::Result<()> {
    transaction
        .execute(
            "DELETE FROM pairing_requests WHERE created_ms <= ?1",
            [now_ms - LIFETIME_MS],
        )
        .map(drop)
}

/// Without the code, which is a key.
impl std::fmt::Debug for PairingRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PairingRequest")
            .field("channel", &self.channel)
            .field("account", &self.account)
            .field("sender", &self.sender)
            .finish_non_exhaustive()
    }
}

/// Without the code, which is a key.
impl std::fmt::Debug for Requested {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Created { .. } => "Created",
            Self::Known => "Known",
            Self::Full => "Full",
        })
    }
}
