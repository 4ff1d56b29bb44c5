//! The schema, as steps from each version to the next. A step that was released is never changed.

/// Version of the schema, in `user_version`.
pub(super) const VERSION: i64 = STEPS.len() as i64;

/// Each step brings the schema from its index to the next version.
pub(super) const STEPS: [&str; 9] = [
    "
    CREATE TABLE plugin_kv (
        plugin TEXT NOT NULL, key TEXT NOT NULL, value BLOB NOT NULL, expires_ms INTEGER,
        PRIMARY KEY (plugin, key)) WITHOUT ROWID;
    CREATE INDEX plugin_kv_expiry ON plugin_kv (expires_ms) WHERE expires_ms IS NOT NULL;
    CREATE TABLE media (
        id TEXT PRIMARY KEY, plugin TEXT NOT NULL, mime_type TEXT NOT NULL, file_name TEXT NOT NULL,
        size INTEGER NOT NULL, sha256 TEXT NOT NULL, created_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE TABLE inbox (
        id INTEGER PRIMARY KEY, channel TEXT NOT NULL, account TEXT NOT NULL, event_id TEXT NOT NULL,
        event BLOB NOT NULL, received_ms INTEGER NOT NULL, settled_ms INTEGER,
        UNIQUE (channel, account, event_id));
    CREATE INDEX inbox_pending ON inbox (id) WHERE settled_ms IS NULL;
",
    // the way of an event through the gateway, and what it leaves behind
    "
    ALTER TABLE inbox ADD COLUMN state TEXT NOT NULL DEFAULT 'waiting';
    ALTER TABLE inbox ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE inbox ADD COLUMN note TEXT NOT NULL DEFAULT '';
    ALTER TABLE inbox ADD COLUMN preview TEXT NOT NULL DEFAULT '';
    UPDATE inbox SET state = 'done' WHERE settled_ms IS NOT NULL;
    CREATE INDEX inbox_failed ON inbox (id) WHERE state = 'failed';
    CREATE INDEX inbox_settled ON inbox (settled_ms) WHERE settled_ms IS NOT NULL;
    CREATE TABLE outbox (
        id INTEGER PRIMARY KEY, inbox INTEGER, lane TEXT NOT NULL, channel TEXT NOT NULL, body TEXT NOT NULL,
        state TEXT NOT NULL DEFAULT 'pending', attempts INTEGER NOT NULL DEFAULT 0, due_ms INTEGER NOT NULL,
        repeated INTEGER NOT NULL DEFAULT 0, note TEXT NOT NULL DEFAULT '', receipt TEXT NOT NULL DEFAULT '',
        created_ms INTEGER NOT NULL, settled_ms INTEGER);
    CREATE INDEX outbox_open ON outbox (lane, id) WHERE settled_ms IS NULL;
    CREATE INDEX outbox_inbox ON outbox (inbox);
    CREATE INDEX outbox_settled ON outbox (settled_ms) WHERE settled_ms IS NOT NULL;
    CREATE TABLE session (
        key TEXT PRIMARY KEY, session_id TEXT NOT NULL, agent TEXT NOT NULL, settings TEXT NOT NULL DEFAULT '{}',
        route TEXT NOT NULL DEFAULT '{}', input INTEGER NOT NULL DEFAULT 0, output INTEGER NOT NULL DEFAULT 0,
        context INTEGER NOT NULL DEFAULT 0, cost REAL NOT NULL DEFAULT 0, compactions INTEGER NOT NULL DEFAULT 0,
        model TEXT NOT NULL DEFAULT '', created_ms INTEGER NOT NULL, updated_ms INTEGER NOT NULL) WITHOUT ROWID;
    CREATE INDEX session_updated ON session (updated_ms);
    CREATE TABLE transcript (
        session_id TEXT NOT NULL, seq INTEGER NOT NULL, turn TEXT NOT NULL, kind TEXT NOT NULL, body TEXT NOT NULL,
        tokens INTEGER NOT NULL, created_ms INTEGER NOT NULL, PRIMARY KEY (session_id, seq)) WITHOUT ROWID;
    CREATE INDEX transcript_turn ON transcript (turn);
",
    super::pairing::SCHEMA,
    // messages that somebody may ask for twice
    "
    ALTER TABLE outbox ADD COLUMN key TEXT NOT NULL DEFAULT '';
    CREATE UNIQUE INDEX outbox_key ON outbox (key) WHERE key <> '';
",
    super::device::SCHEMA,
    super::node::SCHEMA,
    super::cron::SCHEMA,
    super::import::SCHEMA,
    super::branch::SCHEMA,
];
