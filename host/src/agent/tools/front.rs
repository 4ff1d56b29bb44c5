//! The gateway's own methods, as far as agents may ask for them.
//!
//! The agent is no client: it has no scopes. What it may ask for is this list; everything else does not exist for it.
use futures_util::future::BoxFuture;
use openclaw_plugin_api::Result;
use serde_json::Value;

/// What tools ask the gateway for. What is not here is refused, whoever asks.
pub const ASKED: &[&str] = &[
    "config.get",
    "config.patch",
    "config.schema.lookup",
    "cron.add",
    "cron.get",
    "cron.list",
    "cron.remove",
    "cron.run",
    "cron.runs",
    "cron.status",
    "cron.update",
    "status",
    "wake",
];

/// Whoever answers.
pub trait Front: Send + Sync {
    /// Does what a tool asks for; `method` is one of [`ASKED`].
    fn ask(&self, method: &'static str, params: Value) -> BoxFuture<'_, Result<Value>>;
}
