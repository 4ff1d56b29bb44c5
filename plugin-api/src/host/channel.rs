//! What a channel tells its host: what happened, and how it is doing.
use super::host_ids;
use crate::{ChannelStatus, ErrorKind, Host, Inbound, Result};
use std::time::Duration;

/// Bounds of the wait before the host is asked again who may write.
const AGAIN: (Duration, Duration) = (Duration::from_millis(250), Duration::from_secs(15));
/// Times that a host is asked again that is only starting, or already stopping: some 30 seconds.
const STARTING: u32 = 8;

/// What a host's failure to say who may write means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Silence {
    /// It passes, and nobody knows when: a full disk, too much at once.
    Passes,
    /// A host that starts says so, and so does one that stops.
    Unclear,
    /// The same question will have the same answer.
    Lasts,
}

/// A channel's way in; given to [`crate::Channel::start`].
#[derive(Debug, Clone)]
pub struct ChannelHost {
    host: Host,
    id: &'static str,
}

impl ChannelHost {
    pub(super) fn new(host: Host, id: &'static str) -> Self {
        Self { host, id }
    }

    /// Hands over one event. When this returns, the host has it for good: the platform may be told so, and a second
    /// event with the same id has no effect. An error means that the host doesn't have it; try again later.
    pub async fn inbound(&self, event: &Inbound) -> Result<()> {
        self.host.call(host_ids::INBOUND, self.id, event).await
    }

    /// May the sender of this event write there, as it looks now? For work that is only worth it then, such as fetching
    /// files. It has no effect, and [`ChannelHost::inbound`] judges anew. A host of an earlier release always says yes.
    pub async fn admits(&self, event: &Inbound) -> Result<bool> {
        match self.host.serves(host_ids::ADMITS) {
            true => self.host.call(host_ids::ADMITS, self.id, event).await,
            false => Ok(true),
        }
    }

    /// The same for what must not be done for strangers. A host that can't say for a while is asked until it can. One that
    /// never will, because it stops, or can't judge this event, admits nobody: hand the event over without what depended on
    /// it, and [`ChannelHost::inbound`] says what becomes of it.
    pub async fn admits_surely(&self, event: &Inbound) -> bool {
        let (mut wait, mut tries) = (AGAIN.0, 0);
        loop {
            let error = match self.admits(event).await {
                Ok(admits) => return admits,
                Err(error) => error,
            };
            match Silence::of(error.kind()) {
                Silence::Passes => {}
                Silence::Unclear if tries < STARTING => tries += 1,
                Silence::Unclear | Silence::Lasts => {
                    tracing::warn!(%error, event = event.event_id, "the host does not say who may write; nobody may");
                    return false;
                }
            }
            tracing::debug!(%error, "the host can't say who may write; it is asked again");
            self.host.sleep(wait).await;
            wait = wait.saturating_mul(2).min(AGAIN.1);
        }
    }

    /// Says how an account is doing. Once when it breaks and once when it is back, not in between.
    pub async fn status(&self, status: &ChannelStatus) -> Result<()> {
        self.host.call(host_ids::CHANNEL_STATUS, self.id, status).await
    }

    /// The host.
    pub fn host(&self) -> &Host {
        &self.host
    }
}

impl Silence {
    fn of(kind: ErrorKind) -> Self {
        match kind {
            kind if kind.is_transient() => Self::Passes,
            ErrorKind::Closed | ErrorKind::Cancelled | ErrorKind::Internal | ErrorKind::Unknown => {
                Self::Unclear
            }
            _ => Self::Lasts,
        }
    }
}

#[cfg(all(test, feature = "testing"))]
mod tests {
    use super::*;
    use crate::{Error, testing::TestHost};
    use tokio::time::{Instant, timeout};

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    fn channel(host: &TestHost) -> ChannelHost {
        host.channel("demo")
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_will_never_say_admits_nobody_and_holds_nobody_up() {
        for kind in [
            ErrorKind::InvalidInput,
            ErrorKind::Unsupported,
            ErrorKind::UnknownMethod,
            ErrorKind::NotFound,
            ErrorKind::Config,
            ErrorKind::Auth,
            ErrorKind::Billing,
            ErrorKind::Rejected,
            ErrorKind::Refused,
            ErrorKind::Panic,
            ErrorKind::ContextOverflow,
        ] {
            let host = TestHost::new();
            host.fail_questions(Some(Error::new(kind, "no")));
            let begin = Instant::now();
            assert!(!channel(&host).admits_surely(&Inbound::default()).await, "{kind}");
            assert!(begin.elapsed().is_zero(), "{kind}: it is asked once");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_starts_is_waited_for_and_one_that_stops_not_for_ever() {
        for kind in [
            ErrorKind::Closed,
            ErrorKind::Cancelled,
            ErrorKind::Internal,
            ErrorKind::Unknown,
        ] {
            let host = TestHost::new();
            host.fail_questions(Some(Error::new(kind, "not now")));
            let (asking, nobody) = (channel(&host), Inbound::default());
            let waiting = tokio::spawn(async move { asking.admits_surely(&nobody).await });
            tokio::time::sleep(Duration::from_secs(10)).await;
            assert!(!waiting.is_finished(), "{kind}: it may be starting");
            host.fail_questions(None);
            assert!(waiting.await.expect("it does not panic"), "{kind}");
            host.fail_questions(Some(Error::new(kind, "not any more")));
            let begin = Instant::now();
            assert!(!channel(&host).admits_surely(&Inbound::default()).await, "{kind}");
            assert!(begin.elapsed() < Duration::from_secs(120), "{kind}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_whose_disk_is_full_is_asked_until_it_can_say() {
        for kind in [
            ErrorKind::Overloaded,
            ErrorKind::Timeout,
            ErrorKind::RateLimited,
            ErrorKind::Server,
            ErrorKind::Network,
        ] {
            let host = TestHost::new();
            host.fail_questions(Some(Error::new(kind, "not now")));
            let (asking, nobody) = (channel(&host), Inbound::default());
            let mut waiting = tokio::spawn(async move { asking.admits_surely(&nobody).await });
            assert!(timeout(DAY, &mut waiting).await.is_err(), "{kind}");
            host.fail_questions(None);
            assert!(waiting.await.expect("it does not panic"), "{kind}");
        }
    }
}
