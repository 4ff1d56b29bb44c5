//! The hashes of the tokens of devices.
use super::{DeviceRole, json};
use crate::journal::{Journal, JournalError};
use rusqlite::{Connection, OptionalExtension, params};

/// Tokens of one role of a device that are good at once: each of its programs may hold its own.
pub const MAX_TOKENS: i64 = 3;

impl Journal {
    /// Gives a role one more token; the oldest one too many ends.
    pub fn device_token_add(
        &self,
        device: &str,
        role: &str,
        hash: &[u8; 32],
        now_ms: i64,
    ) -> Result<(), JournalError> {
        self.write(|transaction| add_token(transaction, device, role, hash, now_ms))
    }

    /// Replaces all tokens of a role by one, and its scopes. Says whether there is such a role.
    pub fn device_token_replace(
        &self,
        device: &str,
        role: &DeviceRole,
        hash: &[u8; 32],
        now_ms: i64,
    ) -> Result<bool, JournalError> {
        self.write(|transaction| {
            drop_tokens(transaction, device, &role.role)?;
            let changed = transaction.execute(
                "UPDATE device_role SET scopes = ?3, rotated_ms = ?4, revoked_ms = NULL WHERE device = ?1 AND role = ?2",
                params![device, role.role, json(&role.scopes), now_ms],
            )?;
            if changed > 0 {
                add_token(transaction, device, &role.role, hash, now_ms)?;
            }
            Ok(changed > 0)
        })
    }

    /// Takes all tokens of a role away. Says whether there is such a role.
    pub fn device_token_revoke(&self, device: &str, role: &str, now_ms: i64) -> Result<bool, JournalError> {
        self.write(|transaction| {
            drop_tokens(transaction, device, role)?;
            let changed = transaction.execute(
                "UPDATE device_role SET revoked_ms = ?3 WHERE device = ?1 AND role = ?2",
                params![device, role, now_ms],
            )?;
            Ok(changed > 0)
        })
    }

    /// Whose token it is: the device and its role.
    pub fn device_of_token(&self, hash: &[u8; 32]) -> Result<Option<(String, String)>, JournalError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT device, role FROM device_token WHERE hash = ?1")?
                .query_row([hash], |row| Ok((row.get(0)?, row.get(1)?)))
                .optional()
        })
    }
}

fn add_token(
    transaction: &Connection,
    device: &str,
    role: &str,
    hash: &[u8; 32],
    now_ms: i64,
) -> rusqlite::Result<()> {
    transaction.execute(
        "UPDATE device_role SET revoked_ms = NULL WHERE device = ?1 AND role = ?2",
        [device, role],
    )?;
    transaction.execute(
        "INSERT OR REPLACE INTO device_token VALUES (?1, ?2, ?3, ?4)",
        params![hash, device, role, now_ms],
    )?;
    transaction.execute(
        "DELETE FROM device_token WHERE device = ?1 AND role = ?2 AND hash NOT IN (
            SELECT hash FROM device_token WHERE device = ?1 AND role = ?2
            ORDER BY hash = ?4 DESC, issued_ms DESC LIMIT ?3)",
        params![device, role, MAX_TOKENS, hash],
    )?;
    Ok(())
}

fn drop_tokens(transaction: &Connection, device: &str, role: &str) -> rusqlite::Result<()> {
    let which = "DELETE FROM device_token WHERE device = ?1 AND role = ?2";
    transaction.execute(which, [device, role]).map(drop)
}
