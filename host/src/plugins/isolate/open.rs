//! The table of open calls of both sides, and their bounds.
use super::{
    peer::{Failure, Outcome, PeerError},
    stream::{Credit, Inlet},
};
use openclaw_plugin_api::abi::Fault;
use std::{collections::HashMap, sync::Arc};
use tokio::{sync::oneshot, task::AbortHandle};

/// Calls that may be open at once in each direction.
pub(super) const MAX_CALLS: usize = 1024;
/// Calls of the other side that are tolerated: it may learn of the end of one before we have noted it.
pub(super) const MAX_SERVED: usize = 2 * MAX_CALLS;

/// Which end this is. It decides the parity of ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The gateway.
    Host,
    /// The plugin's process.
    Child,
}

/// Calls that are open.
#[derive(Default)]
pub(super) struct Open {
    pub(super) closed: bool,
    pub(super) calls: HashMap<u32, Entry>,
    /// How many of them are ours.
    ours: usize,
    last: u32,
}

/// One open call of either side. It is over when all three parts are.
pub(super) struct Entry {
    pub(super) role: Role,
    /// The stream that this side writes.
    pub(super) outlet: Option<Arc<Credit>>,
    /// The stream that this side reads.
    pub(super) inlet: Option<Inlet>,
}

pub(super) enum Role {
    Waiting(oneshot::Sender<Outcome>),
    Serving(AbortHandle),
    Answered,
}

// === impl Open ===

impl Open {
    pub(super) fn add(&mut self, side: Side, entry: Entry) -> Result<u32, Failure> {
        if self.closed {
            return Err(Failure::Gone);
        }
        if self.ours >= MAX_CALLS {
            let text = format_args!("more than {MAX_CALLS} calls to this process are open; try again later")
                .to_string();
            return Err(Failure::Fault(Fault::new("overloaded", text)));
        }
        let id = loop {
            self.last = self.last.wrapping_add(2);
            let id = self.last | side.parity();
            if !self.calls.contains_key(&id) {
                break id;
            }
        };
        self.ours += 1;
        self.calls.insert(id, entry);
        Ok(id)
    }

    pub(super) fn check_new(&self, side: Side, id: u32) -> Result<(), PeerError> {
        if side.owns(id) || self.calls.contains_key(&id) {
            return Err(PeerError::Id { id });
        }
        if self.calls.len() - self.ours.min(self.calls.len()) >= MAX_SERVED {
            return Err(PeerError::Calls);
        }
        Ok(())
    }

    pub(super) fn remove(&mut self, side: Side, id: u32) -> Option<Entry> {
        let entry = self.calls.remove(&id)?;
        if side.owns(id) {
            self.ours -= 1;
        }
        Some(entry)
    }

    pub(super) fn forget_if_over(&mut self, side: Side, id: u32) {
        if self.calls.get(&id).is_some_and(Entry::is_over) {
            self.remove(side, id);
        }
    }
}

// === impl Entry ===

impl Entry {
    fn is_over(&self) -> bool {
        matches!(self.role, Role::Answered) && self.outlet.is_none() && self.inlet.is_none()
    }

    /// Ends all three parts. Whoever waits for the outcome sees that its sender is gone.
    pub(super) fn abort(self) {
        if let Role::Serving(task) = self.role {
            task.abort();
        }
        self.outlet.into_iter().for_each(|credit| credit.stop());
        self.inlet.into_iter().for_each(|inlet| inlet.close());
    }
}

// === impl Side ===

impl Side {
    fn parity(self) -> u32 {
        match self {
            Self::Host => 1,
            Self::Child => 0,
        }
    }

    pub(super) fn owns(self, id: u32) -> bool {
        id & 1 == self.parity()
    }
}
