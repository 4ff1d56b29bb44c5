//! From a copy that was judged to an instance, in this process or in one of its own. Here code of the plugin runs first.
use super::{Workshop, environment};
use crate::plugins::{
    confined,
    link::{Link, Local},
    load,
    pool::Owner,
    services::Context,
    settings::{Isolation, Settings},
    start_error::StartError,
};
use openclaw_plugin_api::{Error, Registrations, abi::host_object};
use std::{path::Path, sync::Arc, time::Duration};

/// An instance where the operator wants it. If there is none, what it had begun ends too: its tasks would live on, with all
/// that a plugin may ask of its host.
pub(super) async fn instance(
    workshop: &Workshop,
    path: &Path,
    id: &str,
    settings: &Settings,
    owner: &Arc<Owner>,
    context: &Arc<Context>,
) -> Result<(Box<dyn Link>, Registrations), StartError> {
    let made = match settings.isolation {
        Isolation::None => local(workshop, path, id, settings, owner, context).await,
        Isolation::Process => confined::spawn(workshop, path, id, settings, context).await,
    };
    made.inspect_err(|_| context.close())
}

async fn local(
    workshop: &Workshop,
    path: &Path,
    id: &str,
    settings: &Settings,
    serving: &Arc<Owner>,
    context: &Arc<Context>,
) -> Result<(Box<dyn Link>, Registrations), StartError> {
    let limit = settings.deadlines.start;
    let timeout = |what| StartError::Timeout {
        id: id.to_owned(),
        what,
        limit,
    };
    let failed = |why: Error| StartError::Create {
        id: id.to_owned(),
        why: why.to_string(),
    };
    let path = path.to_owned();
    let owner = &starting(serving, limit);
    let opening = workshop.pool.run(owner, move || load::open(&path));
    let opened = tokio::time::timeout(limit, opening)
        .await
        .map_err(|_| timeout("open"))?;
    let root = opened.ok_or_else(|| timeout("open"))??;
    let (instance, config, host) = (
        id.to_owned(),
        settings.config.to_string(),
        host_object(context.clone()),
    );
    let creating = workshop.pool.run(owner, move || {
        let created = root.create(host, &instance, &config, &environment(false));
        let (handle, registered) = created.map_err(|fault| Error::from_fault(&fault))?;
        // read here, where code of the plugin may run: if it can't be, the handle goes
        let registrations: Registrations = serde_json::from_str(&registered)?;
        Ok::<_, Error>((handle, registrations))
    });
    let created = tokio::time::timeout(limit, creating)
        .await
        .map_err(|_| timeout("create its instance"))?;
    let (handle, registrations) = created
        .ok_or_else(|| timeout("create its instance"))?
        .map_err(failed)?;
    let link = Local::new(handle, workshop.pool.clone(), serving.clone());
    Ok((Box::new(link), registrations))
}

/// Opening and creating may take as long as the start may; that they are stuck then is told by the start's deadline.
fn starting(owner: &Owner, limit: Duration) -> Arc<Owner> {
    let ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
    Arc::new(Owner {
        plugin: owner.plugin,
        stuck_after_ms: ms,
        on_stuck: Box::new(|| {}),
    })
}
