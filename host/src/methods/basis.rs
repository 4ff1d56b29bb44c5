//! What answers about conversations and models are made of.
use crate::{
    agent::{Survey, live::Live},
    app::Gateway,
    config::{Agent, Agents, Config, Paths},
    gateway::Failure,
};
use std::sync::Arc;

/// What is known of a running gateway, or of one that does not run.
pub(super) struct Basis<'a> {
    pub(super) config: Arc<Config>,
    pub(super) survey: Arc<Survey>,
    pub(super) paths: &'a Paths,
    /// None: nothing runs.
    pub(super) live: Option<&'a Live>,
    pub(super) now_ms: i64,
}

// === impl Basis ===

impl<'a> Basis<'a> {
    /// A running gateway's.
    pub(super) fn of(gateway: &'a Gateway) -> Self {
        let desk = gateway.desk();
        Self {
            config: desk.config(),
            survey: desk.asker.survey(),
            paths: gateway.paths(),
            live: Some(&desk.live),
            now_ms: gateway.now_ms(),
        }
    }
}

/// The agent that somebody means, the default one if nobody is named.
pub(super) fn agent<'a>(agents: &'a Agents, id: Option<&str>) -> Result<&'a Agent, Failure> {
    let Some(id) = id else {
        return Ok(agents.default_agent());
    };
    let unknown = || Failure::invalid(format!("unknown agent id \"{id}\"; see agents in openclaw.json"));
    agents.get(id).ok_or_else(unknown)
}
