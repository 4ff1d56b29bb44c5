//! Waits before another try.
use std::{
    collections::hash_map::RandomState,
    hash::{BuildHasher, Hasher},
    time::Duration,
};

/// Growing waits, all of them random: clients that lost their service at the same moment don't come back at the same one.
///
/// Each is anywhere between nothing and a bound, which doubles with each try from `first` to `longest`.
///
/// ```
/// use openclaw_plugin_api::Backoff;
/// use std::time::Duration;
///
/// let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
/// assert!(backoff.next_wait() <= Duration::from_secs(1));
/// assert!(backoff.next_wait() <= Duration::from_secs(2));
/// assert_eq!(backoff.tries(), 2);
/// ```
#[derive(Debug)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    tries: u32,
}

impl Backoff {
    /// Nothing has failed yet.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self {
            first,
            longest,
            tries: 0,
        }
    }

    /// It works again: the next wait is the first.
    pub fn reset(&mut self) {
        self.tries = 0;
    }

    /// How often it failed in a row.
    pub fn tries(&self) -> u32 {
        self.tries
    }

    /// The next wait.
    pub fn next_wait(&mut self) -> Duration {
        let bound = self
            .first
            .saturating_mul(1 << self.tries.min(16))
            .min(self.longest);
        self.tries = self.tries.saturating_add(1);
        random_part(bound)
    }
}

/// Anything between nothing and the whole.
pub fn random_part(whole: Duration) -> Duration {
    // seeded by the system, and different each time
    let random = RandomState::new().build_hasher().finish();
    let share = u32::try_from(random % 10_000).unwrap_or_default();
    whole.mul_f64(f64::from(share) / 10_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_stay_below_a_bound_that_grows_to_the_longest() {
        let mut backoff = Backoff::new(Duration::from_secs(1), Duration::from_secs(30));
        for bound in [1, 2, 4, 8, 16, 30, 30] {
            assert!(backoff.next_wait() <= Duration::from_secs(bound));
        }
        assert_eq!(backoff.tries(), 7);
        backoff.reset();
        assert!(backoff.next_wait() <= Duration::from_secs(1));
    }

    #[test]
    fn parts_differ_and_even_the_longest_has_one() {
        let parts: std::collections::HashSet<_> =
            (0..50).map(|_| random_part(Duration::from_secs(1000))).collect();
        assert!(parts.len() > 10, "{parts:?}");
        assert!(random_part(Duration::from_secs(u64::MAX / 4)) < Duration::from_secs(u64::MAX / 4));
    }
}
