//! Messages of the gateway, both ways.
use crate::wire::tolerant::record;
use openclaw_plugin_api::Secret;
use serde_json::{Value, json};

/// Operations.
pub(crate) mod op {
    pub(crate) const DISPATCH: u64 = 0;
    pub(crate) const HEARTBEAT: u64 = 1;
    pub(crate) const IDENTIFY: u64 = 2;
    pub(crate) const PRESENCE: u64 = 3;
    pub(crate) const RESUME: u64 = 6;
    pub(crate) const RECONNECT: u64 = 7;
    pub(crate) const INVALID_SESSION: u64 = 9;
    pub(crate) const HELLO: u64 = 10;
    pub(crate) const ACK: u64 = 11;
}

/// Servers of more members send only those who are online; the bot needs none of them.
const LARGE: u64 = 50;

record! {
    /// One message.
    Frame {
        op: u64,
        d: Value,
        s: Option<u64>,
        t: Option<String>,
    }
}

/// What a session is asked for with.
pub(crate) struct Identify<'a> {
    pub(crate) token: &'a Secret,
    pub(crate) intents: u64,
    pub(crate) shard: (u64, u64),
    pub(crate) presence: Option<Value>,
}

impl Identify<'_> {
    /// The message. It has the token in it.
    pub(crate) fn to_text(&self) -> String {
        let mut data = json!({
            "token": self.token.expose(),
            "properties": { "os": std::env::consts::OS, "browser": "openclaw", "device": "openclaw" },
            "compress": false,
            "large_threshold": LARGE,
            "shard": [self.shard.0, self.shard.1],
            "intents": self.intents,
        });
        if let Some(presence) = &self.presence {
            data["presence"] = presence.clone();
        }
        message(op::IDENTIFY, data)
    }
}

/// Takes a session up. The text has the token in it.
pub(crate) fn resume(token: &Secret, session_id: &str, seq: u64) -> String {
    message(
        op::RESUME,
        json!({ "token": token.expose(), "session_id": session_id, "seq": seq }),
    )
}

/// A sign of life, with what was settled last.
pub(crate) fn heartbeat(seq: Option<u64>) -> String {
    message(op::HEARTBEAT, json!(seq))
}

/// What the bot is shown to be doing.
pub(crate) fn presence(presence: Value) -> String {
    message(op::PRESENCE, presence)
}

fn message(op: u64, data: Value) -> String {
    json!({ "op": op, "d": data }).to_string()
}
