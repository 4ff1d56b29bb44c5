//! `plugins.list` and `plugins.reload`: the plugins of this process, as they are now.
use super::Reread;
use crate::{
    app::Gateway,
    gateway::{Failure, Method, Scope},
};
use serde_json::{Value, json};

pub(super) fn methods() -> Vec<Method> {
    vec![
        Method::new("plugins.list", Scope::Read),
        Method::new("plugins.reload", Scope::Admin),
    ]
}

/// Every plugin with its state, counters and process.
pub(super) fn list(gateway: &Gateway) -> Value {
    json!({ "plugins": gateway.registry.views(), "lostThreads": gateway.lost_threads() })
}

/// Which run and which don't.
pub(super) fn health(gateway: &Gateway) -> Value {
    let views = gateway.registry.views();
    let loaded: Vec<_> = views
        .iter()
        .filter(|p| p.status == "loaded")
        .map(|p| p.id.as_str())
        .collect();
    let errors: Vec<_> = views
        .iter()
        .filter(|p| !p.error.is_empty())
        .map(|p| json!({ "id": p.id, "origin": p.origin, "failurePhase": p.failed_at, "error": p.error }))
        .collect();
    json!({ "loaded": loaded, "errors": errors })
}

/// Reads the file and the settings of one plugin again and puts a new instance in the place of the old one.
pub(super) async fn reload(gateway: &Gateway, reread: &Reread, params: &Value) -> Result<Value, Failure> {
    let id = params["id"]
        .as_str()
        .ok_or_else(|| Failure::params("plugins.reload", "\"id\" must be a string"))?;
    let (reread, asked) = (reread.clone(), id.to_owned());
    let spec = tokio::task::spawn_blocking(move || reread(&asked)).await;
    let spec = spec.unwrap_or_else(|ended| Err(format!("reading plugin {id} anew ended: {ended}")));
    let spec = spec.map_err(Failure::invalid)?;
    let view = gateway.registry.reload(id, Some(spec)).await;
    let view = view.map_err(Failure::unavailable)?;
    Ok(json!({ "plugin": view }))
}
