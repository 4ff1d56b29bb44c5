//! Nodes: what a device of role `node` may be asked to do, and what it asks to be allowed.
//!
//! Invariant: the commands of a node change only by [`Journal::node_admit`]; requests are bounded.
use super::{
    DeviceFacts, Journal, JournalError,
    device::{DEVICE_REQUEST_MS, json, parsed},
};
use rusqlite::{OptionalExtension, Row, params};
use serde::{Deserialize, Serialize};

/// The tables.
pub(super) const SCHEMA: &str = "
    CREATE TABLE node (
        id TEXT PRIMARY KEY, facts TEXT NOT NULL, surface TEXT NOT NULL, name TEXT NOT NULL DEFAULT '',
        created_ms INTEGER NOT NULL, approved_ms INTEGER NOT NULL, seen_ms INTEGER NOT NULL,
        seen_reason TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE node_request (
        id TEXT PRIMARY KEY, node TEXT NOT NULL UNIQUE, facts TEXT NOT NULL, surface TEXT NOT NULL,
        created_ms INTEGER NOT NULL) WITHOUT ROWID;
";

/// Requests that wait; the oldest makes room.
const MAX_REQUESTS: i64 = 64;

/// What a node offers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Surface {
    /// Kinds of things that it can do.
    pub caps: Vec<String>,
    /// Commands that it can be sent.
    pub commands: Vec<String>,
}

/// A node that is let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its device.
    pub id: String,
    /// What it says about itself.
    pub facts: DeviceFacts,
    /// What it was allowed to offer.
    pub surface: Surface,
    /// Name that the owner gave it; empty if none.
    pub name: String,
    /// When it asked first, milliseconds since 1970.
    pub created_ms: i64,
    /// When it was let in last.
    pub approved_ms: i64,
    /// When it was here last.
    pub seen_ms: i64,
    /// Why it was.
    pub seen_reason: String,
}

/// A node that asks to be allowed what it offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NodeRequest {
    /// What approves it.
    pub id: String,
    /// Its device.
    pub node: String,
    /// What it says about itself.
    pub facts: DeviceFacts,
    /// What it offers.
    pub surface: Surface,
    /// When it asked first.
    pub created_ms: i64,
}

impl Journal {
    /// A node that is let in.
    pub fn node(&self, id: &str) -> Result<Option<Node>, JournalError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT * FROM node WHERE id = ?1")?
                .query_row([id], node_of)
                .optional()
        })
    }

    /// All nodes that are let in, oldest first.
    pub fn nodes(&self) -> Result<Vec<Node>, JournalError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT * FROM node ORDER BY created_ms, id")?
                .query_map([], node_of)?
                .collect()
        })
    }

    /// Allows a node what it asked for.
    pub fn node_admit(&self, request: &NodeRequest, now_ms: i64) -> Result<(), JournalError> {
        self.write(|transaction| {
            transaction.execute("DELETE FROM node_request WHERE node = ?1", [&request.node])?;
            transaction
                .execute(
                    "INSERT INTO node (id, facts, surface, created_ms, approved_ms, seen_ms, seen_reason)
                     VALUES (?1, ?2, ?3, ?4, ?5, ?5, 'paired')
                     ON CONFLICT (id) DO UPDATE SET facts = ?2, surface = ?3, approved_ms = ?5",
                    params![
                        request.node,
                        json(&request.facts),
                        json(&request.surface),
                        request.created_ms,
                        now_ms
                    ],
                )
                .map(drop)
        })
    }

    /// Notes that a node asks. A request of the same node takes this one's wishes, and keeps its id only if they are the
    /// same: whoever has seen it must not allow something else by it.
    pub fn node_request(&self, request: &NodeRequest) -> Result<NodeRequest, JournalError> {
        self.write(|transaction| {
            let surplus = "DELETE FROM node_request WHERE created_ms <= ?1 OR id NOT IN (
                SELECT id FROM node_request ORDER BY created_ms DESC LIMIT ?2)";
            transaction.execute(
                surplus,
                params![request.created_ms - DEVICE_REQUEST_MS, MAX_REQUESTS - 1],
            )?;
            transaction.execute(
                "INSERT INTO node_request VALUES (?1, ?2, ?3, ?4, ?5)
                 ON CONFLICT (node) DO UPDATE SET facts = ?3, surface = ?4,
                     id = CASE WHEN surface = ?4 THEN id ELSE ?1 END",
                params![
                    request.id,
                    request.node,
                    json(&request.facts),
                    json(&request.surface),
                    request.created_ms
                ],
            )?;
            let found = "SELECT * FROM node_request WHERE node = ?1";
            transaction.query_row(found, [&request.node], request_of)
        })
    }

    /// Requests that wait, oldest first.
    pub fn node_requests(&self, now_ms: i64) -> Result<Vec<NodeRequest>, JournalError> {
        self.read(|connection| {
            connection
                .prepare_cached("SELECT * FROM node_request WHERE created_ms > ?1 ORDER BY created_ms, id")?
                .query_map([now_ms - DEVICE_REQUEST_MS], request_of)?
                .collect()
        })
    }

    /// Ends a request, and says what it was.
    pub fn node_request_end(&self, id: &str, now_ms: i64) -> Result<Option<NodeRequest>, JournalError> {
        self.write(|transaction| {
            transaction
                .prepare_cached("DELETE FROM node_request WHERE id = ?1 AND created_ms > ?2 RETURNING *")?
                .query_row(params![id, now_ms - DEVICE_REQUEST_MS], request_of)
                .optional()
        })
    }

    /// Takes back what a node was allowed, and ends its request. Says whether there was anything.
    pub fn node_forget(&self, id: &str) -> Result<bool, JournalError> {
        self.write(|transaction| {
            let asked = transaction.execute("DELETE FROM node_request WHERE node = ?1", [id])?;
            let allowed = transaction.execute("DELETE FROM node WHERE id = ?1", [id])?;
            Ok(asked + allowed > 0)
        })
    }

    /// Names a node. Says whether there is one.
    pub fn node_name(&self, id: &str, name: &str) -> Result<bool, JournalError> {
        self.write(|transaction| {
            transaction
                .execute("UPDATE node SET name = ?2 WHERE id = ?1", [id, name])
                .map(|changed| changed > 0)
        })
    }

    /// Notes that a node is here.
    pub fn node_seen(&self, id: &str, reason: &str, now_ms: i64) -> Result<(), JournalError> {
        self.write(|transaction| {
            let seen = "UPDATE node SET seen_ms = ?3, seen_reason = ?2 WHERE id = ?1";
            transaction.execute(seen, params![id, reason, now_ms]).map(drop)
        })
    }
}

fn node_of(row: &Row<'_>) -> rusqlite::Result<Node> {
    Ok(Node {
        id: row.get("id")?,
        facts: parsed(row, "facts")?,
        surface: parsed(row, "surface")?,
        name: row.get("name")?,
        created_ms: row.get("created_ms")?,
        approved_ms: row.get("approved_ms")?,
        seen_ms: row.get("seen_ms")?,
        seen_reason: row.get("seen_reason")?,
    })
}

fn request_of(row: &Row<'_>) -> rusqlite::Result<NodeRequest> {
    Ok(NodeRequest {
        id: row.get("id")?,
        node: row.get("node")?,
        facts: parsed(row, "facts")?,
        surface: parsed(row, "surface")?,
        created_ms: row.get("created_ms")?,
    })
}
