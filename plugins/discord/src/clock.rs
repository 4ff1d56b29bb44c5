//! The time that deadlines and rate limits are counted in. It never goes backwards and stands for no date.
use std::time::Instant;

/// Now. Under test it is the runtime's clock, which can be paused.
pub(crate) fn now() -> Instant {
    #[cfg(not(test))]
    return Instant::now();
    #[cfg(test)]
    return tokio::time::Instant::now().into_std();
}
