//! `sessions.*`: which conversations there are, what was said in them, what is set in them, and their ends.
mod branches;
mod count;
mod groups;
mod life;
mod list;
pub(super) mod message;
mod patch;
pub(super) mod row;
mod subscribe;
mod usage;

pub(super) use branches::call as branch;
pub(super) use groups::call as group;
pub(super) use life::{abort, compact, create, delete, reset};
pub(super) use list::{MAX_LIMIT, describe, get, list, list_of, preview, resolve, whole};
pub(super) use patch::patch;
pub(super) use subscribe::subscribe;
pub(super) use usage::{cost, logs, status, timeseries, usage};

use super::journal;
use crate::{
    app::Gateway,
    gateway::{Failure, Method, Scope},
    journal::Session,
};

pub(super) fn methods() -> Vec<Method> {
    let row = Method::new;
    let (read, write, admin) = (Scope::Read, Scope::Write, Scope::Admin);
    vec![
        row("sessions.list", read).with::<list::List>(),
        // its key has two names, of which a schema knows one
        row("sessions.get", read),
        row("sessions.describe", read).with::<list::Describe>(),
        row("sessions.preview", read).with::<list::Preview>(),
        row("sessions.resolve", read).with::<list::Resolve>(),
        row("sessions.subscribe", read),
        row("sessions.unsubscribe", read),
        row("sessions.messages.subscribe", read).with::<subscribe::Messages>(),
        row("sessions.messages.unsubscribe", read).with::<subscribe::Messages>(),
        row("sessions.groups.list", read),
        row("sessions.branches.list", read).with::<branches::List>(),
        row("sessions.usage", read).with::<usage::Params>(),
        row("sessions.usage.timeseries", read).with::<usage::One>(),
        row("sessions.usage.logs", read).with::<usage::One>(),
        row("usage.cost", read).with::<usage::Params>(),
        row("usage.status", read),
        row("sessions.create", write).with::<life::Create>(),
        row("sessions.send", write),
        row("sessions.steer", write),
        row("sessions.abort", write).with::<life::Abort>(),
        row("sessions.groups.defaults", write),
        row("sessions.groups.put", write).with::<groups::Put>(),
        row("sessions.groups.rename", write).with::<groups::Rename>(),
        row("sessions.groups.delete", write).with::<groups::Delete>(),
        row("sessions.fork", write).with::<branches::At>(),
        // a patch takes keys that programs add
        row("sessions.patch", admin),
        row("sessions.reset", admin).with::<life::Reset>(),
        row("sessions.delete", admin).with::<life::Delete>(),
        row("sessions.rewind", admin).with::<branches::At>(),
        row("sessions.branches.switch", admin).with::<branches::Switch>(),
        row("sessions.compact", admin).with::<life::Compact>(),
    ]
}

/// A conversation, if there is one.
pub(super) async fn find(gateway: &Gateway, key: &str) -> Result<Option<Session>, Failure> {
    let key = key.to_lowercase();
    journal(gateway.desk(), move |j| j.find_session(&key)).await
}

/// A conversation that there has to be.
pub(super) async fn existing(gateway: &Gateway, key: &str) -> Result<Session, Failure> {
    let session = find(gateway, key).await?;
    session.ok_or_else(|| Failure::invalid(format!("No session found: {key}")))
}
