//! How much of what the other side sent may be here at once, over all of its calls and streams.
//!
//! A plugin's process may fill its own memory, and the system ends it; it must not fill the gateway's.
use super::open::Side;
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

/// Bytes of calls that are being served and of chunks that their readers have not taken.
pub(super) const MAX_HELD: usize = 256 << 20;

/// What may still come in.
#[derive(Debug)]
pub(super) struct Budget(Arc<AtomicUsize>);

/// Bytes that came in; dropping it makes room.
#[derive(Debug)]
pub(super) struct Held {
    left: Arc<AtomicUsize>,
    bytes: usize,
}

impl Budget {
    pub(super) fn of(side: Side) -> Self {
        Self::new(match side {
            Side::Host => MAX_HELD,
            Side::Child => usize::MAX,
        })
    }

    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(bytes)))
    }

    /// None: there is no room for so many.
    pub(super) fn take(&self, bytes: usize) -> Option<Held> {
        let taken = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            left.checked_sub(bytes)
        });
        taken.ok().map(|_| Held {
            left: self.0.clone(),
            bytes,
        })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.left.fetch_add(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_let_go_makes_room_again() {
        let budget = Budget::new(10);
        let most = budget.take(10).expect("all of it");
        assert!(budget.take(1).is_none());
        drop(most);
        assert!(budget.take(1).is_some());
    }
}
