//! Makes a conversation shorter when it does not fit.
use super::{
    asker::Models,
    tokens::Window,
    turn::{History, Turn},
};
use crate::models::Served;
use openclaw_plugin_api::{Error, ErrorKind, Result};

/// Not yet.
pub(super) async fn shorten(_: &Models, _: &Turn, _: &mut History, _: &Served, _: Window) -> Result<()> {
    Err(Error::new(
        ErrorKind::ContextOverflow,
        "the conversation does not fit into the model's window",
    ))
}
