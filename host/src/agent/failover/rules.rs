//! What follows from a fault: numbers and decisions, without any waiting.
use openclaw_plugin_api::ErrorKind;
use std::time::Duration;

/// The first pause before the same is asked again.
const FIRST: Duration = Duration::from_millis(500);
/// The longest pause that is not asked for.
const LONGEST: Duration = Duration::from_secs(30);

/// How long a run may take and how often it asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// The whole run.
    pub total: Duration,
    /// Time in which one model is asked again, if there is nothing else to ask.
    pub window: Duration,
    /// The same, if there is something else.
    pub window_with_others: Duration,
    /// How often the last one is asked again.
    pub retries: u32,
    /// How often one that has others behind it is asked again.
    pub retries_with_others: u32,
}

/// What to do after a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The same again, after a pause.
    Retry,
    /// The same model with the next key.
    NextCredential,
    /// The next model.
    NextModel,
    /// Nothing: no other model would do better, or nobody waits any more.
    Stop,
    /// The conversation has to become shorter first.
    Compact,
}

// === impl Budget ===

impl Budget {
    /// The usual numbers, in the time that a turn may take.
    pub fn of(total: Duration) -> Self {
        Self {
            total,
            window: Duration::from_secs(90),
            window_with_others: Duration::from_secs(10),
            retries: 8,
            retries_with_others: 2,
        }
    }

    /// How often the same is asked again after a fault of this kind.
    pub(super) fn retries(&self, kind: ErrorKind, others: bool) -> u32 {
        match kind {
            // a plugin that was replaced meanwhile deserves one more chance, not eight
            ErrorKind::Panic | ErrorKind::Closed => 1,
            // each of these has already cost the longest wait there is
            ErrorKind::Timeout if others => 0,
            ErrorKind::Timeout => 1,
            _ if others => self.retries_with_others,
            // what a vendor counts is given back soon, so this is worth more patience than a fault
            ErrorKind::RateLimited => self.retries + 1,
            _ => self.retries,
        }
    }
}

/// What to do after a fault of this kind. `keys`: the model can be asked with another key.
pub fn step(kind: ErrorKind, keys: bool) -> Step {
    match kind {
        ErrorKind::ContextOverflow => Step::Compact,
        ErrorKind::InvalidInput | ErrorKind::Rejected | ErrorKind::Refused | ErrorKind::Cancelled => {
            Step::Stop
        }
        ErrorKind::Auth | ErrorKind::Billing | ErrorKind::RateLimited if keys => Step::NextCredential,
        ErrorKind::Auth | ErrorKind::Billing => Step::NextModel,
        ErrorKind::RateLimited
        | ErrorKind::Overloaded
        | ErrorKind::Timeout
        | ErrorKind::Server
        | ErrorKind::Network
        | ErrorKind::Panic
        | ErrorKind::Closed => Step::Retry,
        // a model that is not there, a plugin that lacks something, and whatever a later version tells
        _ => Step::NextModel,
    }
}

/// The pause before the same is asked again: it doubles, `jitter` (0 to 1) takes up to half of it away, and what the
/// vendor asks for is the least.
pub(super) fn pause(before: u32, jitter: f64, asked: Option<Duration>) -> Duration {
    let factor = 1_u32.checked_shl(before).unwrap_or(u32::MAX);
    let whole = FIRST.saturating_mul(factor).min(LONGEST);
    whole
        .mul_f64(1.0 - jitter.clamp(0.0, 1.0) / 2.0)
        .max(asked.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_to_a_limit_and_a_vendors_wish_is_the_least() {
        let ms = |before, jitter, asked| {
            let asked = Some(asked).filter(|ms| *ms > 0).map(Duration::from_millis);
            pause(before, jitter, asked).as_millis()
        };
        assert_eq!(
            [0, 1, 2, 6, 40].map(|n| ms(n, 0.0, 0)),
            [500, 1000, 2000, 30_000, 30_000]
        );
        assert_eq!((ms(1, 1.0, 0), ms(1, 0.5, 0)), (500, 750));
        assert_eq!((ms(0, 0.0, 45_000), ms(2, 0.0, 10)), (45_000, 2000));
    }

    #[test]
    fn every_kind_has_its_step() {
        use ErrorKind as K;
        for (kind, alone, with_keys) in [
            (K::Auth, Step::NextModel, Step::NextCredential),
            (K::Billing, Step::NextModel, Step::NextCredential),
            (K::RateLimited, Step::Retry, Step::NextCredential),
            (K::Overloaded, Step::Retry, Step::Retry),
            (K::Timeout, Step::Retry, Step::Retry),
            (K::Server, Step::Retry, Step::Retry),
            (K::Network, Step::Retry, Step::Retry),
            (K::Panic, Step::Retry, Step::Retry),
            (K::NotFound, Step::NextModel, Step::NextModel),
            (K::Config, Step::NextModel, Step::NextModel),
            (K::Internal, Step::NextModel, Step::NextModel),
            (K::InvalidInput, Step::Stop, Step::Stop),
            (K::Rejected, Step::Stop, Step::Stop),
            (K::Refused, Step::Stop, Step::Stop),
            (K::Cancelled, Step::Stop, Step::Stop),
            (K::ContextOverflow, Step::Compact, Step::Compact),
        ] {
            assert_eq!(
                (step(kind, false), step(kind, true)),
                (alone, with_keys),
                "{kind}"
            );
        }
    }
}
