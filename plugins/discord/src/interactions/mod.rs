//! Slash commands, buttons, menus and forms.
use crate::account::Connection;
use serde_json::Value;
use std::sync::Arc;

/// Takes one INTERACTION_CREATE. Returns when the host has what there is to have.
pub(crate) async fn handle(connection: &Arc<Connection>, _interaction: Value) {
    tracing::warn!(account = connection.id, "this build takes no interactions");
}

/// Registers the commands that the host wants. Called once after each login.
pub(crate) async fn register(connection: &Arc<Connection>) {
    tracing::debug!(account = connection.id, "this build registers no commands");
}
