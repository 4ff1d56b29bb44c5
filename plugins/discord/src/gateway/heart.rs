//! Signs of life: when the next one is due, and whether the last one was answered.
use crate::clock;
use futures_util::future::BoxFuture;
use openclaw_plugin_api::{Host, random_part};
use std::{
    pin::Pin,
    task::{Context, Poll},
    time::{Duration, Instant},
};

/// Shortest time between two signs of life; below that Discord's word is not believed.
const LEAST: Duration = Duration::from_secs(1);

/// The heartbeat of one connection.
pub(crate) struct Heart {
    host: Host,
    interval: Duration,
    next: BoxFuture<'static, ()>,
    /// When the last one was sent that has no answer.
    open: Option<Instant>,
}

impl Heart {
    /// The first sign of life is due at a random time within the interval, so that bots that come back together don't
    /// stay together.
    pub(crate) fn new(host: &Host, interval: Duration) -> Self {
        let interval = interval.max(LEAST);
        Self {
            host: host.clone(),
            interval,
            next: sleep(host, random_part(interval)),
            open: None,
        }
    }

    /// The next one is due.
    pub(crate) fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.next).poll(cx)
    }

    /// Was the last one never answered?
    pub(crate) fn is_unanswered(&self) -> bool {
        self.open.is_some()
    }

    /// One is sent now. The time of an older one that is open is kept.
    pub(crate) fn sent(&mut self) {
        self.next = sleep(&self.host, self.interval);
        self.open.get_or_insert_with(clock::now);
    }

    /// The answer: how long it took, if one was open.
    pub(crate) fn answered(&mut self) -> Option<Duration> {
        self.open
            .take()
            .map(|sent| clock::now().saturating_duration_since(sent))
    }
}

fn sleep(host: &Host, time: Duration) -> BoxFuture<'static, ()> {
    let host = host.clone();
    Box::pin(async move { host.sleep(time).await })
}
