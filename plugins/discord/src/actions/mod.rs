//! What the agent's message tool can do besides answering.
use crate::account::Connection;
use openclaw_plugin_api::{Action, Error, Result};
use serde_json::Value;
use std::sync::Arc;

/// Every action.
pub(crate) const NAMES: &[&str] = &[];

pub(crate) async fn run(_: &Arc<Connection>, action: Action) -> Result<Value> {
    Err(Error::unsupported(format_args!(
        "discord: this build has no action \"{}\"",
        action.name
    )))
}
