//! Devices that asked to be let in and those that were, their roles, and the hashes of their tokens.
//!
//! It decides nothing: whether a device may have a role is the gateway's matter.
//!
//! Invariants: a token is kept as a hash only; a role has at most [`token::MAX_TOKENS`] of them, and none once it is revoked;
//! requests and devices are bounded.
mod token;

pub use token::MAX_TOKENS;

use super::{Journal, JournalError};
use rusqlite::{Connection, OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

/// The tables.
pub(super) const SCHEMA: &str = "
    CREATE TABLE device (
        id TEXT PRIMARY KEY, public_key TEXT NOT NULL, facts TEXT NOT NULL, label TEXT NOT NULL DEFAULT '',
        approved_via TEXT NOT NULL, created_ms INTEGER NOT NULL, approved_ms INTEGER NOT NULL,
        seen_ms INTEGER NOT NULL, seen_reason TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE device_role (
        device TEXT NOT NULL, role TEXT NOT NULL, scopes TEXT NOT NULL, created_ms INTEGER NOT NULL,
        rotated_ms INTEGER, revoked_ms INTEGER, PRIMARY KEY (device, role)) WITHOUT ROWID;
    CREATE TABLE device_token (
        hash BLOB PRIMARY KEY, device TEXT NOT NULL, role TEXT NOT NULL, issued_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX device_token_owner ON device_token (device, role, issued_ms);
    CREATE TABLE device_request (
        id TEXT PRIMARY KEY, device TEXT NOT NULL, role TEXT NOT NULL, public_key TEXT NOT NULL, facts TEXT NOT NULL,
        scopes TEXT NOT NULL, repair INTEGER NOT NULL, created_ms INTEGER NOT NULL,
        UNIQUE (device, role)) WITHOUT ROWID;
";

/// Requests that wait; the oldest makes room.
const MAX_REQUESTS: i64 = 64;
/// Devices that are let in; one more is refused.
const MAX_DEVICES: i64 = 1024;
/// How long a request waits.
pub const DEVICE_REQUEST_MS: i64 = 60 * 60 * 1000;

/// What a device says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct DeviceFacts {
    /// Name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Operating system.
    pub platform: String,
    /// Kind of device.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub device_family: Option<String>,
    /// Program.
    pub client_id: String,
    /// How the program is used.
    pub client_mode: String,
    /// Version of the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// A device that is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Device {
    /// Hash of its public key.
    pub id: String,
    /// Its public key, base64url.
    pub public_key: String,
    /// What it says about itself.
    pub facts: DeviceFacts,
    /// Name that the owner gave it; empty if none.
    pub label: String,
    /// Who let it in: `silent` or `owner`.
    pub approved_via: String,
    /// When it asked first, milliseconds since 1970.
    pub created_ms: i64,
    /// When it was let in last.
    pub approved_ms: i64,
    /// When it was here last.
    pub seen_ms: i64,
    /// Why it was.
    pub seen_reason: String,
    /// What it may be, by name.
    pub roles: Vec<DeviceRole>,
}

/// A role of a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRole {
    /// `operator` or `node`.
    pub role: String,
    /// Names of the scopes that it holds.
    pub scopes: Vec<String>,
    /// When it got the role.
    pub created_ms: i64,
    /// When its tokens were replaced.
    pub rotated_ms: Option<i64>,
    /// When its tokens were taken away.
    pub revoked_ms: Option<i64>,
}

/// A device that asks to be let in, or to be more than it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRequest {
    /// What approves it.
    pub id: String,
    /// Hash of its public key.
    pub device: String,
    /// Its public key.
    pub public_key: String,
    /// What it says about itself.
    pub facts: DeviceFacts,
    /// What it asks to be.
    pub role: String,
    /// Which scopes it asks for.
    pub scopes: Vec<String>,
    /// Is the device known already?
    pub repair: bool,
    /// When it asked first.
    pub created_ms: i64,
}

impl Journal {
    /// A device that is let in.
    pub fn device(&self, id: &str) -> Result<Option<Device>, JournalError> {
        self.read(|connection| {
            let found = connection
                .prepare_cached("SELECT * FROM device WHERE id = ?1")?
                .query_row([id], device_of)
                .optional()?;
            found.map(|device| with_roles(connection, device)).transpose()
        })
    }

    /// All devices that are let in, oldest first.
    pub fn devices(&self) -> Result<Vec<Device>, JournalError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached("SELECT * FROM device ORDER BY created_ms, id")?;
            let devices: Vec<Device> = statement.query_map([], device_of)?.collect::<Result<_, _>>()?;
            let devices = devices.into_iter();
            devices.map(|device| with_roles(connection, device)).collect()
        })
    }

    /// Lets a device in, or widens what it is; ends its request. `false`: there are too many.
    pub fn device_admit(
        &self,
        request: &DeviceRequest,
        via: &str,
        now_ms: i64,
    ) -> Result<bool, JournalError> {
        self.write(|transaction| {
            transaction.execute(
                "DELETE FROM device_request WHERE device = ?1 AND role = ?2",
                [&request.device, &request.role],
            )?;
            let count: i64 = transaction.query_row(
                "SELECT count(*) FROM device WHERE id <> ?1",
                [&request.device],
                |row| row.get(0),
            )?;
            if count >= MAX_DEVICES {
                return Ok(false);
            }
            transaction.execute(
                "INSERT INTO device (id, public_key, facts, approved_via, created_ms, approved_ms, seen_ms, seen_reason)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?6, 'paired')
                 ON CONFLICT (id) DO UPDATE SET facts = ?3, approved_via = ?4, approved_ms = ?6",
                params![
                    request.device,
                    request.public_key,
                    json(&request.facts),
                    via,
                    request.created_ms,
                    now_ms
                ],
            )?;
            transaction.execute(
                "INSERT INTO device_role (device, role, scopes, created_ms) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (device, role) DO UPDATE SET scopes = ?3",
                params![request.device, request.role, json(&request.scopes), now_ms],
            )?;
            Ok(true)
        })
    }

    /// Notes that a device asks. A request of the same device for the same role takes this one's wishes. It keeps its id
    /// only if they are the same: whoever has seen it must not approve something else by it.
    pub fn device_request(&self, request: &DeviceRequest) -> Result<DeviceRequest, JournalError> {
        self.write(|transaction| {
            forget_requests(transaction, request.created_ms)?;
            transaction.execute(
                "INSERT INTO device_request VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
                 ON CONFLICT (device, role) DO UPDATE SET facts = ?5, scopes = ?6, repair = ?7,
                     id = CASE WHEN scopes = ?6 AND repair = ?7 THEN id ELSE ?1 END",
                params![
                    request.id,
                    request.device,
                    request.role,
                    request.public_key,
                    json(&request.facts),
                    json(&request.scopes),
                    request.repair,
                    request.created_ms
                ],
            )?;
            transaction.query_row(
                "SELECT * FROM device_request WHERE device = ?1 AND role = ?2",
                [&request.device, &request.role],
                request_of,
            )
        })
    }

    /// Requests that wait, oldest first.
    pub fn device_requests(&self, now_ms: i64) -> Result<Vec<DeviceRequest>, JournalError> {
        self.read(|connection| {
            let mut statement = connection.prepare_cached(
                "SELECT * FROM device_request WHERE created_ms > ?1 ORDER BY created_ms, id",
            )?;
            statement
                .query_map([now_ms - DEVICE_REQUEST_MS], request_of)?
                .collect()
        })
    }

    /// Ends a request, and says what it was.
    pub fn device_request_end(&self, id: &str, now_ms: i64) -> Result<Option<DeviceRequest>, JournalError> {
        self.write(|transaction| {
            forget_requests(transaction, now_ms)?;
            let mut statement =
                transaction.prepare_cached("DELETE FROM device_request WHERE id = ?1 RETURNING *")?;
            statement.query_row([id], request_of).optional()
        })
    }

    /// Forgets a device, its roles, tokens and requests, and what it is as a node. Says whether there was one.
    pub fn device_forget(&self, id: &str) -> Result<bool, JournalError> {
        self.write(|transaction| {
            for (table, column) in [
                ("device_role", "device"),
                ("device_token", "device"),
                ("device_request", "device"),
                ("node", "id"),
                ("node_request", "node"),
            ] {
                transaction.execute(&format!("DELETE FROM {table} WHERE {column} = ?1"), [id])?;
            }
            transaction
                .execute("DELETE FROM device WHERE id = ?1", [id])
                .map(|n| n > 0)
        })
    }

    /// Names a device. Says whether there is one.
    pub fn device_label(&self, id: &str, label: &str) -> Result<bool, JournalError> {
        self.write(|transaction| {
            transaction
                .execute("UPDATE device SET label = ?2 WHERE id = ?1", [id, label])
                .map(|changed| changed > 0)
        })
    }

    /// Notes that a device is here.
    pub fn device_seen(&self, id: &str, reason: &str, now_ms: i64) -> Result<(), JournalError> {
        self.write(|transaction| {
            let seen = "UPDATE device SET seen_ms = ?3, seen_reason = ?2 WHERE id = ?1";
            transaction.execute(seen, params![id, reason, now_ms]).map(drop)
        })
    }
}

fn forget_requests(transaction: &Connection, now_ms: i64) -> rusqlite::Result<()> {
    let old = "DELETE FROM device_request WHERE created_ms <= ?1";
    transaction.execute(old, [now_ms - DEVICE_REQUEST_MS])?;
    let surplus = "DELETE FROM device_request WHERE id NOT IN (
        SELECT id FROM device_request ORDER BY created_ms DESC LIMIT ?1)";
    transaction.execute(surplus, [MAX_REQUESTS - 1]).map(drop)
}

fn with_roles(connection: &Connection, device: Device) -> rusqlite::Result<Device> {
    let mut statement =
        connection.prepare_cached("SELECT * FROM device_role WHERE device = ?1 ORDER BY role")?;
    let roles = statement.query_map([&device.id], |row| {
        Ok(DeviceRole {
            role: row.get("role")?,
            scopes: parsed(row, "scopes")?,
            created_ms: row.get("created_ms")?,
            rotated_ms: row.get("rotated_ms")?,
            revoked_ms: row.get("revoked_ms")?,
        })
    })?;
    let roles = roles.collect::<Result<_, _>>()?;
    Ok(Device { roles, ..device })
}

fn device_of(row: &Row<'_>) -> rusqlite::Result<Device> {
    Ok(Device {
        id: row.get("id")?,
        public_key: row.get("public_key")?,
        facts: parsed(row, "facts")?,
        label: row.get("label")?,
        approved_via: row.get("approved_via")?,
        created_ms: row.get("created_ms")?,
        approved_ms: row.get("approved_ms")?,
        seen_ms: row.get("seen_ms")?,
        seen_reason: row.get("seen_reason")?,
        roles: Vec::new(),
    })
}

fn request_of(row: &Row<'_>) -> rusqlite::Result<DeviceRequest> {
    Ok(DeviceRequest {
        id: row.get("id")?,
        device: row.get("device")?,
        public_key: row.get("public_key")?,
        facts: parsed(row, "facts")?,
        role: row.get("role")?,
        scopes: parsed(row, "scopes")?,
        repair: row.get("repair")?,
        created_ms: row.get("created_ms")?,
    })
}

/// A value of a column that holds JSON.
pub(super) fn parsed<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: &str) -> rusqlite::Result<T> {
    let text: String = row.get(column)?;
    serde_json::from_str(&text).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, error.into())
    })
}

/// A value for such a column.
pub(super) fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts and lists of texts serialise")
}
