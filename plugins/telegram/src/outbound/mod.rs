//! From the host's orders to requests.
mod act;
mod actions;
mod attach;
mod progress;
mod render;
mod request;
mod send;
mod table;
mod target;
mod writer;

pub(crate) use act::{activity, delete, edit, react};
pub(crate) use actions::{NAMES as ACTIONS, perform};
pub(crate) use send::send;
