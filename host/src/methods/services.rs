//! How the services of plugins say that they are doing.
//!
//! A plugin that runs and can't do all of its work is degraded: it is named, and the gateway is ready all the same.
//! Invariant: a service that does not answer holds nobody up, and is no news.
use crate::app::Gateway;
use futures_util::future::join_all;
use openclaw_plugin_api::{Health, ids};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

/// Time for a service to say how it is doing.
const PATIENCE: Duration = Duration::from_secs(1);

/// Plugins that don't serve, or not all of what they should, with the reason.
pub(super) async fn degraded(gateway: &Gateway) -> Value {
    let offered = gateway.registry.offered("service/1");
    let asking = offered.iter().map(|(plugin, service)| async move {
        let asked = plugin.call::<Health>(ids::service::HEALTH, &service.id, &());
        let health = timeout(PATIENCE, asked).await.ok()?.ok()?;
        (!health.ok).then(|| (plugin.id().to_owned(), health.problem))
    });
    let ailing = join_all(asking).await.into_iter().flatten();
    let all = gateway.registry.problems().into_iter().chain(ailing);
    all.map(|(id, why)| json!({ "id": id, "error": why })).collect()
}
