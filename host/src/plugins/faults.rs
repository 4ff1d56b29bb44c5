//! What a plugin has done wrong lately, and how long it is set aside for that.
use std::{collections::VecDeque, time::Duration};
use tokio::time::Instant;

/// Faults within [`WINDOW`] that set a plugin aside.
pub(super) const MAX_FAULTS: usize = 5;
/// How long a fault counts.
const WINDOW: Duration = Duration::from_secs(60);
/// First time that a plugin is set aside for; doubles each time.
const BACKOFF: Duration = Duration::from_secs(1);
/// Longest time that a plugin is set aside for.
const MAX_BACKOFF: Duration = Duration::from_secs(300);
/// A plugin that ran this long is as good as new.
const STABLE: Duration = Duration::from_secs(300);

/// The faults of one plugin.
#[derive(Debug, Default)]
pub(super) struct Faults {
    recent: VecDeque<Instant>,
    quarantines: u32,
    running_since: Option<Instant>,
}

// === impl Faults ===

impl Faults {
    /// One more; gives how many there are lately.
    pub(super) fn count(&mut self) -> usize {
        let now = Instant::now();
        self.recent.retain(|fault| now.duration_since(*fault) < WINDOW);
        self.recent.push_back(now);
        self.recent.len()
    }

    /// Forgets them: what comes next begins without any.
    pub(super) fn clear(&mut self) {
        self.recent.clear();
    }

    /// An instance runs from now on.
    pub(super) fn runs(&mut self) {
        self.running_since = Some(Instant::now());
    }

    /// The plugin is set aside now; gives for how long: longer each time, unless it ran well in between.
    pub(super) fn quarantine(&mut self) -> Duration {
        let since = self.running_since.take();
        if since.is_some_and(|since| since.elapsed() > STABLE) {
            self.quarantines = 0;
        }
        let wait = BACKOFF.saturating_mul(2_u32.saturating_pow(self.quarantines));
        self.quarantines = self.quarantines.saturating_add(1);
        self.recent.clear();
        wait.min(MAX_BACKOFF)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::advance;

    #[tokio::test(start_paused = true)]
    async fn old_faults_do_not_count() {
        let mut faults = Faults::default();
        assert_eq!((faults.count(), faults.count()), (1, 2));
        advance(WINDOW).await;
        assert_eq!(faults.count(), 1);
        faults.clear();
        assert_eq!(faults.count(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn a_plugin_is_set_aside_longer_each_time_unless_it_ran_well() {
        let mut faults = Faults::default();
        assert_eq!([faults.quarantine(), faults.quarantine()], [BACKOFF, 2 * BACKOFF]);
        faults.runs();
        assert_eq!(faults.quarantine(), 4 * BACKOFF, "it ran for no time");
        for _ in 0..64 {
            faults.quarantine();
        }
        assert_eq!(faults.quarantine(), MAX_BACKOFF);
        faults.runs();
        advance(STABLE + BACKOFF).await;
        assert_eq!(faults.quarantine(), BACKOFF);
    }
}
