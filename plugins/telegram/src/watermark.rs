//! How far Telegram may forget: below the first update that the host doesn't have yet.
//!
//! Invariant: [`Watermark::offset`] never exceeds the id of an update that was seen and not settled.
use std::collections::BTreeSet;

/// Which updates were seen, and which of them the host has.
#[derive(Debug, Default)]
pub(crate) struct Watermark {
    /// Everything below is settled.
    next: i64,
    pending: BTreeSet<i64>,
    /// Settled, but not below the first that is pending.
    settled: BTreeSet<i64>,
}

impl Watermark {
    pub(crate) fn new(next: i64) -> Self {
        Self {
            next,
            ..Self::default()
        }
    }

    /// Takes note of an update. False: it was seen before.
    pub(crate) fn see(&mut self, id: i64) -> bool {
        if self.settled.contains(&id) {
            return false;
        }
        // Ids may begin anew after a quiet week, so a low one is not an old one.
        self.pending.insert(id)
    }

    /// The host has the update, or nobody needs it.
    pub(crate) fn settle(&mut self, id: i64) {
        self.pending.remove(&id);
        self.settled.insert(id);
        match self.pending.first() {
            // What is below is not asked for again.
            Some(first) => self.settled = self.settled.split_off(first),
            None => {
                self.next = self.settled.last().map_or(self.next, |last| last + 1);
                self.settled.clear();
            }
        }
    }

    /// Is the update known to be settled?
    pub(crate) fn has(&self, id: i64) -> bool {
        self.settled.contains(&id)
    }

    /// What to ask for: everything from the first update that is not settled.
    pub(crate) fn offset(&self) -> i64 {
        self.pending.first().copied().unwrap_or(self.next)
    }

    /// How many updates were seen and are not settled.
    pub(crate) fn open(&self) -> usize {
        self.pending.len()
    }

    pub(crate) fn is_settled(&self) -> bool {
        self.pending.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_waits_for_the_slowest() {
        let mut mark = Watermark::new(5);
        assert_eq!(mark.offset(), 5);
        assert!(mark.see(7) && mark.see(8) && mark.see(10), "gaps are normal");
        assert!(!mark.see(8), "seen");
        mark.settle(8);
        mark.settle(10);
        assert_eq!(mark.offset(), 7);
        assert!(
            !mark.see(8) && !mark.see(10),
            "settled ones come again until the first is"
        );
        mark.settle(7);
        assert_eq!((mark.offset(), mark.is_settled()), (11, true));
    }

    #[test]
    fn ids_may_begin_anew() {
        let mut mark = Watermark::new(1_000);
        assert!(mark.see(3));
        assert_eq!(mark.offset(), 3);
        mark.settle(3);
        assert_eq!(mark.offset(), 4);
    }
}
