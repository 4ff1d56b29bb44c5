//! `sessions.*`: which conversations there are, what was said in them, what is set in them, and their ends.
mod count;
mod life;
mod list;
pub(super) mod message;
mod patch;
pub(super) mod row;
mod subscribe;
mod usage;

pub(super) use life::{abort, compact, create, delete, reset};
pub(super) use list::{describe, get, list, preview, resolve, whole};
pub(super) use patch::patch;
pub(super) use subscribe::subscribe;
pub(super) use usage::{cost, logs, status, timeseries, usage};

use super::journal;
use crate::{
    app::Gateway,
    gateway::{Failure, Method, Scope},
    journal::Session,
};
use serde_json::{Value, json};

pub(super) fn methods() -> Vec<Method> {
    let read = [
        "sessions.list",
        "sessions.get",
        "sessions.describe",
        "sessions.preview",
        "sessions.resolve",
        "sessions.subscribe",
        "sessions.unsubscribe",
        "sessions.messages.subscribe",
        "sessions.messages.unsubscribe",
        "sessions.groups.list",
        "sessions.usage",
        "sessions.usage.timeseries",
        "sessions.usage.logs",
        "usage.cost",
        "usage.status",
    ];
    let write = [
        "sessions.create",
        "sessions.send",
        "sessions.steer",
        "sessions.abort",
        "sessions.groups.defaults",
    ];
    let admin = [
        "sessions.patch",
        "sessions.reset",
        "sessions.delete",
        "sessions.compact",
    ];
    let rows = |names: &[&'static str], scope| {
        let rows = names.iter().map(|name| Method::new(*name, scope));
        rows.collect::<Vec<_>>()
    };
    [
        rows(&read, Scope::Read),
        rows(&write, Scope::Write),
        rows(&admin, Scope::Admin),
    ]
    .concat()
}

/// Groups of conversations: people make none here yet, and so there are none.
pub(super) fn groups() -> Value {
    json!({ "groups": [], "sectionOrder": [] })
}

/// What new conversations of a group begin with: there are no groups.
pub(super) fn group_defaults() -> Value {
    json!({ "defaults": [] })
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
