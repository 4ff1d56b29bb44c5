//! The connection of one server, and how long it is left alone after it failed.
use crate::connection::Connection;
use std::{sync::Arc, time::Duration};
use tokio::time::Instant;

/// A connection that lived so long counts as one that worked.
const STEADY: Duration = Duration::from_secs(10);
/// Longest pause between two tries to connect.
const MAX_PAUSE: Duration = Duration::from_secs(60);

/// The connection of a server, and how the last tries went.
pub(super) struct State {
    /// The connection that there is.
    pub(super) connection: Option<Arc<Connection>>,
    /// Tries that failed, one after the other.
    failures: u32,
    /// When it may be tried again.
    pub(super) not_before: Option<Instant>,
    /// When it was used last.
    pub(super) used: Instant,
}

// === impl State ===

impl State {
    pub(super) fn new() -> Self {
        Self {
            connection: None,
            failures: 0,
            not_before: None,
            used: Instant::now(),
        }
    }

    /// Ends what is left of a server that ended by itself.
    pub(super) fn bury(&mut self, name: &str) {
        let Some(connection) = self.connection.take() else {
            return;
        };
        tracing::warn!(
            server = name,
            "a server has ended; it is started anew when it is needed"
        );
        connection.kill();
        if connection.since.elapsed() >= STEADY {
            self.failures = 0;
        } else {
            self.failed();
        }
    }

    /// How long it is left alone from now on.
    pub(super) fn rest(&self) -> Duration {
        let wait = |then: Instant| then.saturating_duration_since(Instant::now());
        self.not_before.map_or(Duration::ZERO, wait)
    }

    /// Tries that failed, one after the other.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// The next try waits: twice as long each time, and by chance anything up to that.
    pub(super) fn failed(&mut self) {
        let longest = Duration::from_millis(500 << self.failures.min(7)).min(MAX_PAUSE);
        self.failures = self.failures.saturating_add(1);
        let mut random = [0; 4];
        let _ = getrandom::fill(&mut random);
        let part = f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX);
        self.not_before = Some(Instant::now() + longest.mul_f64(part));
    }
}
