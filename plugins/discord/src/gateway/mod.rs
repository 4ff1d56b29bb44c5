//! The gateway: where events come from.
use crate::account::Connection;
use futures_channel::oneshot;
use openclaw_plugin_api::{ChannelStatus, Inbound, Result};
use std::sync::Arc;

/// How an account is doing.
#[derive(Debug, Default)]
pub(crate) struct Status;

/// The life of an account. Ends when it is stopped, or when only an operator can help.
pub(crate) async fn run(_connection: Arc<Connection>, stopped: oneshot::Receiver<()>) {
    let _ = stopped.await;
}

pub(crate) async fn hand_over(connection: &Connection, event: &Inbound) {
    let _ = connection.host.inbound(event).await;
}

pub(crate) async fn probe(connection: &Connection) -> Result<ChannelStatus> {
    Ok(ChannelStatus {
        account_id: connection.id.clone(),
        ..ChannelStatus::default()
    })
}
