//! From gateway events to the host's. It decides nothing about who may write.
use crate::account::Connection;
use serde_json::Value;
use std::sync::Arc;

/// One event of the gateway that goes to the host.
#[derive(Debug)]
pub(crate) struct Event {
    /// Its name.
    pub(crate) name: String,
    pub(crate) data: Value,
    /// Session and number: the same for every time that Discord tells it.
    pub(crate) stamp: String,
}

impl Event {
    /// Discord wants an answer within three seconds.
    pub(crate) fn is_urgent(&self) -> bool {
        self.name == "INTERACTION_CREATE"
    }
}

/// Does the host want to know of events of this name?
pub(crate) fn is_for_the_host(_name: &str) -> bool {
    false
}

/// Which events are kept in order with which.
pub(crate) fn lane_of(_event: &Event) -> String {
    String::new()
}

/// Hands over what an event becomes. Returns when the host has it.
pub(crate) async fn deliver(_connection: &Arc<Connection>, _event: Event) {}
