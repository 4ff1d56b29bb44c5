//! Whether plugins are being replaced to fit a configuration: what needs both waits until they belong together.
//!
//! The wait has an end: a plugin that is replaced waits in turn for what it is asked, and that may be what waits here.
use std::time::Duration;
use tokio::{sync::watch, time::timeout};

/// Longest wait: shorter than a plugin has to finish its calls.
const PATIENCE: Duration = Duration::from_secs(8);

/// Changes that are under way.
#[derive(Debug)]
pub struct Settling(watch::Sender<usize>);

/// A change that is under way until this is dropped.
#[derive(Debug)]
pub struct Unsettled<'a>(&'a Settling);

impl Default for Settling {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Settling {
    /// A change begins.
    pub fn begin(&self) -> Unsettled<'_> {
        self.0.send_modify(|changes| *changes += 1);
        Unsettled(self)
    }

    /// Waits until none is under way.
    pub async fn settled(&self) {
        let mut changes = self.0.subscribe();
        if timeout(PATIENCE, changes.wait_for(|changes| *changes == 0))
            .await
            .is_err()
        {
            tracing::debug!(target: "openclaw::plugins", "plugins are still being replaced; what waited goes on");
        }
    }
}

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        self.0.0.send_modify(|changes| *changes -= 1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    #[tokio::test(start_paused = true)]
    async fn what_waits_goes_on_at_the_end_of_the_last_change_or_of_its_patience() {
        let settling = Settling::default();
        assert!(settling.settled().now_or_never().is_some());
        let (first, second) = (settling.begin(), settling.begin());
        let mut waiting = Box::pin(settling.settled());
        assert!((&mut waiting).now_or_never().is_none());
        drop(first);
        assert!((&mut waiting).now_or_never().is_none());
        drop(second);
        waiting.await;
        let _stuck = settling.begin();
        settling.settled().await;
    }
}
