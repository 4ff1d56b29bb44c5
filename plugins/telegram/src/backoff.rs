//! Growing waits with a random part, so that many bots that lost their service don't come back at the same moment.
use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    time::Duration,
};

/// Waits that double from `first` to `longest`.
#[derive(Debug)]
pub(crate) struct Backoff {
    first: Duration,
    longest: Duration,
    tries: u32,
    /// Seeded by the system once for each process.
    random: RandomState,
}

impl Backoff {
    pub(crate) fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            tries: 0,
            random: RandomState::new(),
        }
    }

    /// It works again: the next wait is the first.
    pub(crate) fn reset(&mut self) {
        self.tries = 0;
    }

    /// How often it failed in a row.
    pub(crate) fn tries(&self) -> u32 {
        self.tries
    }

    /// The next wait: half of it fixed, half random.
    pub(crate) fn next_wait(&mut self) -> Duration {
        let whole = self
            .first
            .saturating_mul(1 << self.tries.min(16))
            .min(self.longest);
        self.tries += 1;
        let mut hasher = self.random.build_hasher();
        hasher.write_u32(self.tries);
        let share = u32::try_from(hasher.finish() % 1000).unwrap_or_default();
        whole / 2 + whole / 2 * share / 1000
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_the_longest_and_begin_anew() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        for expected in [1, 2, 4, 8, 16, 30, 30] {
            let (wait, whole) = (backoff.next_wait(), Duration::from_secs(expected));
            assert!(wait >= whole / 2 && wait <= whole, "{wait:?} of {whole:?}");
        }
        backoff.reset();
        assert!(backoff.next_wait() <= Duration::from_secs(1));
    }
}
