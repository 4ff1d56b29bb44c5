//! Chance in tests that kill at any time: which times these are can be said, and had again.
//!
//! `OPENCLAW_CRASH_ROUNDS` says how often a test kills at a random time, `OPENCLAW_CRASH_SEED` which times these are.

/// Rounds with one home. A home that lives on for thousands has conversations so long that the test measures these.
const ROUNDS_OF_A_HOME: usize = 60;
/// Between the seeds of two homes; the lowest bit of a seed has no meaning.
const NEXT: u64 = 2;

/// Numbers that nobody chose.
#[derive(Debug)]
pub struct Chance(u64);

/// How often a test kills at a random time: so often, or with `OPENCLAW_TEST_LONG` so often, as the parts for each home.
pub fn rounds(short: usize, long: usize) -> Vec<usize> {
    let wanted = std::env::var("OPENCLAW_CRASH_ROUNDS").ok();
    let usual = match std::env::var_os("OPENCLAW_TEST_LONG") {
        Some(_) => long,
        None => short,
    };
    parts(wanted.and_then(|rounds| rounds.parse().ok()).unwrap_or(usual))
}

fn parts(rounds: usize) -> Vec<usize> {
    let begins = (0..rounds).step_by(ROUNDS_OF_A_HOME);
    begins.map(|begin| ROUNDS_OF_A_HOME.min(rounds - begin)).collect()
}

// === impl Chance ===

impl Chance {
    /// The chance of the `n`th home, counted from 0. It prints how to have it again.
    pub fn new(n: usize) -> Self {
        let seed = std::env::var("OPENCLAW_CRASH_SEED").ok();
        let seed = seed.and_then(|seed| seed.parse().ok());
        let seed = seed.unwrap_or_else(|| u64::from(std::process::id()));
        let seed = seed.wrapping_add(NEXT * n as u64);
        println!("OPENCLAW_CRASH_SEED={seed} repeats the times of this home as the first one's");
        Self(seed | 1)
    }

    /// A number below this one.
    pub fn below(&mut self, limit: u64) -> u64 {
        // xorshift: good enough to be unlucky with
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_round_has_a_home() {
        assert_eq!(parts(0), [0; 0]);
        assert_eq!(parts(20), [20]);
        assert_eq!(parts(130), [60, 60, 10]);
    }
}
