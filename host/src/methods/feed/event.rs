//! Events on their way to clients.
use serde_json::{Value, json};

/// Who is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    /// Everybody.
    All,
    /// Those who show tools.
    ToolWatchers,
    /// The client that asked for the run.
    Sender,
}

/// An event on its way to clients.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Event {
    pub(super) name: &'static str,
    pub(super) payload: Value,
    pub(super) to: To,
}

/// An event of the chat.
pub(super) fn chat(payload: Value) -> Event {
    Event {
        name: "chat",
        payload,
        to: To::All,
    }
}

/// An answer as far as it is written.
pub(super) fn message(text: &str, now_ms: i64) -> Value {
    json!({ "role": "assistant", "content": [{ "type": "text", "text": text }], "timestamp": now_ms })
}

/// A text that has grown, or become another one.
pub(super) fn grown(before: &str, now: &str) -> Value {
    match now.strip_prefix(before) {
        Some(more) => json!({ "text": now, "delta": more }),
        None => json!({ "text": now, "delta": now, "replace": true }),
    }
}
