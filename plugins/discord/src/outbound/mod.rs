//! From the host's replies to Discord's requests.
use crate::account::Connection;
use openclaw_plugin_api::{Activity, Edit, Error, MessageTarget, Outbound, React, Receipt, Result};
use std::sync::Arc;

pub(crate) async fn send(_: &Arc<Connection>, _: Outbound) -> Result<Receipt> {
    Err(Error::unsupported("discord: this build can't send"))
}

pub(crate) async fn edit(_: &Arc<Connection>, _: Edit) -> Result<Receipt> {
    Err(Error::unsupported("discord: this build can't edit"))
}

pub(crate) async fn delete(_: &Arc<Connection>, _: &MessageTarget) -> Result<()> {
    Err(Error::unsupported("discord: this build can't delete"))
}

pub(crate) async fn react(_: &Arc<Connection>, _: &React) -> Result<()> {
    Err(Error::unsupported("discord: this build can't react"))
}

pub(crate) async fn activity(_: &Arc<Connection>, _: &Activity) -> Result<()> {
    Err(Error::unsupported("discord: this build can't show activity"))
}
