//! What the host's own tools work with. The toolbox belongs to the desk, so it holds nothing that holds it.
use super::Rights;
use crate::agent::{Desk, Inbox, Lanes, policy::Permits};
use openclaw_plugin_api::{Error, ErrorKind, Result};
use serde_json::Value;
use std::{
    sync::{Arc, Weak},
    time::Duration,
};

/// How long a tool waits for a gateway that starts.
const START: Duration = Duration::from_secs(20);

/// What a tool of the host works with.
#[derive(Debug, Clone)]
pub struct Bench {
    /// Where turns are worked on: plugins, journal, configuration, outbox.
    pub desk: Arc<Desk>,
    /// The lanes of conversations.
    pub lanes: Arc<Lanes>,
    /// What comes in on its way to an agent.
    pub inbox: Arc<Inbox>,
    /// What the turn may use that the tool is called in.
    pub permits: Permits,
    /// The model that asks, `provider/model`; empty where none does.
    pub model: String,
}

/// The same, as long as the gateway runs.
#[derive(Debug)]
pub struct Near {
    desk: Weak<Desk>,
    lanes: Weak<Lanes>,
    inbox: Weak<Inbox>,
}

// === impl Bench ===

impl Bench {
    /// Asks the gateway for something; a turn that was taken up at the start may be ahead of it.
    pub(super) async fn ask(&self, method: &'static str, params: Value) -> Result<Value> {
        let starting = || Error::new(ErrorKind::Closed, "the gateway is still starting; try again");
        let front = tokio::time::timeout(START, self.desk.tools.front.wait()).await;
        front.map_err(|_| starting())?.ask(method, params).await
    }

    /// The folder of an agent's files.
    pub(super) fn workspace(&self, agent: &str) -> String {
        let config = self.desk.config();
        let agents = config.agents();
        let agent = agents.get(agent).unwrap_or_else(|| agents.default_agent());
        agent.workspace(&self.desk.paths).display().to_string()
    }
}

// === impl Near ===

impl Near {
    /// Has a desk's tools work with this from now on.
    pub fn open(desk: &Arc<Desk>, lanes: &Arc<Lanes>, inbox: &Arc<Inbox>) {
        desk.tools.open(Self {
            desk: Arc::downgrade(desk),
            lanes: Arc::downgrade(lanes),
            inbox: Arc::downgrade(inbox),
        });
    }

    pub(super) fn bench(&self, rights: Rights<'_>) -> Option<Bench> {
        Some(Bench {
            desk: self.desk.upgrade()?,
            lanes: self.lanes.upgrade()?,
            inbox: self.inbox.upgrade()?,
            permits: rights.permits.clone(),
            model: rights.model.to_owned(),
        })
    }
}
