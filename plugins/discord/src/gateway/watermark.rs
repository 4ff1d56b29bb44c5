//! Which events of a session are settled.
//!
//! Discord forgets what lies at or below the number that it is told, so only what the host has, and everything before
//! it, counts as told. Invariant: the mark never passes an event that is under way.
use std::collections::BTreeMap;

/// Events above the mark that are remembered. Beyond that the gap below them is given up: it never comes.
const MAX_AHEAD: usize = 8192;

/// The numbers of one session. They begin at 1.
#[derive(Debug, Default)]
pub(crate) struct Watermark {
    mark: u64,
    /// Seen above the mark, and whether it is settled.
    ahead: BTreeMap<u64, bool>,
}

impl Watermark {
    /// Everything up to this number is settled.
    pub(crate) fn new(mark: u64) -> Self {
        Self {
            mark,
            ahead: BTreeMap::new(),
        }
    }

    /// The number up to which everything is settled.
    pub(crate) fn mark(&self) -> u64 {
        self.mark
    }

    /// Takes note of an event; false if it was seen before.
    pub(crate) fn see(&mut self, number: u64) -> bool {
        if number <= self.mark || self.ahead.contains_key(&number) {
            return false;
        }
        self.ahead.insert(number, false);
        if self.ahead.len() > MAX_AHEAD {
            self.give_up_the_gap();
        }
        true
    }

    /// The host has the event, or nobody needs it.
    pub(crate) fn settle(&mut self, number: u64) {
        if let Some(settled) = self.ahead.get_mut(&number) {
            *settled = true;
            self.advance();
        }
    }

    fn advance(&mut self) {
        while let Some(entry) = self.ahead.first_entry() {
            if *entry.key() != self.mark + 1 || !*entry.get() {
                return;
            }
            self.mark = *entry.key();
            entry.remove();
        }
    }

    fn give_up_the_gap(&mut self) {
        if let Some((&first, _)) = self.ahead.first_key_value() {
            self.mark = first - 1;
            self.advance();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mark_waits_for_what_is_under_way_and_for_what_has_not_come() {
        let mut numbers = Watermark::new(0);
        assert!([1, 2, 3, 5].into_iter().all(|n| numbers.see(n)));
        assert!(!numbers.see(3), "a repeat");
        numbers.settle(2);
        numbers.settle(3);
        assert_eq!(numbers.mark(), 0);
        numbers.settle(1);
        numbers.settle(5);
        assert_eq!(numbers.mark(), 3, "4 has not come");
        assert!(numbers.see(4), "it comes late");
        numbers.settle(4);
        assert_eq!(numbers.mark(), 5);
        assert!(!numbers.see(5));
    }

    #[test]
    fn a_gap_that_never_closes_does_not_grow_for_ever() {
        let mut numbers = Watermark::new(7);
        for n in 0..=MAX_AHEAD as u64 {
            numbers.see(100 + n);
            numbers.settle(100 + n);
        }
        assert_eq!(numbers.mark(), 100 + MAX_AHEAD as u64);
        assert!(numbers.ahead.len() <= 1);
    }
}
