//! What the host's own tools work with. The toolbox belongs to the desk, so it holds nothing that holds it.
use crate::agent::{Desk, Inbox, Lanes};
use std::sync::{Arc, Weak};

/// What a tool of the host works with.
#[derive(Debug, Clone)]
pub struct Bench {
    /// Where turns are worked on: plugins, journal, configuration, outbox.
    pub desk: Arc<Desk>,
    /// The lanes of conversations.
    pub lanes: Arc<Lanes>,
    /// What comes in on its way to an agent.
    pub inbox: Arc<Inbox>,
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
    /// Has the desk's tools work with this from now on.
    pub fn open(&self) {
        self.desk.tools.open(Near {
            desk: Arc::downgrade(&self.desk),
            lanes: Arc::downgrade(&self.lanes),
            inbox: Arc::downgrade(&self.inbox),
        });
    }
}

// === impl Near ===

impl Near {
    pub(super) fn bench(&self) -> Option<Bench> {
        Some(Bench {
            desk: self.desk.upgrade()?,
            lanes: self.lanes.upgrade()?,
            inbox: self.inbox.upgrade()?,
        })
    }
}
