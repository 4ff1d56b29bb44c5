//! What the gateway keeps: one SQLite database in the state directory.
//!
//! Invariants. What was committed survives a killed process; what was committed *and* [`Journal::synced`] survives a
//! power cut, and only that is acknowledged to a platform. An event is taken once. A reply is in the outbox, in the
//! same transaction that ends its turn, before anything is sent. The schema has a version and only ever moves forward;
//! a database of a newer gateway is refused, never touched; a damaged one is set aside and said so. No SQL stands
//! outside this folder.
mod branch;
mod cron;
mod device;
mod group;
mod health;
mod import;
mod inbox;
mod kv;
mod look;
mod media;
mod node;
mod open;
mod outbox;
mod pairing;
mod past;
mod schema;
mod session;
mod sync;
mod system_event;
mod transcript;
mod worker;

pub use branch::{Branch, Current, Cut, MAX_BRANCHES, Recast};
pub use cron::{CronJob, CronRun, JobThen, RunState};
pub use device::{DEVICE_REQUEST_MS, Device, DeviceFacts, DeviceRequest, DeviceRole, MAX_TOKENS};
pub use group::Groups;
pub use health::Trouble;
pub use import::{Imported, Taken};
pub use inbox::{Accepted, Pending, Settled};
pub use look::{Glance, Seen, copy, glance, look, missing_media};
pub use media::StoredMedia;
pub use node::{Node, NodeRequest, Surface};
pub use outbox::{Counts, Delivery, End, NewDelivery, Outcome, SendState};
pub use pairing::{Approved, LIFETIME_MS, MAX_PENDING, PairingRequest, Peer, Requested, Stranger};
pub use past::EventState;
pub use session::{Cost, NewSession, Session, SessionUsage};
pub use system_event::SystemEvent;
pub use transcript::{Entry, EntryKind};

use health::Health;
use rusqlite::{Connection, TransactionBehavior};
use std::{
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};
use sync::Syncer;
use worker::Worker;

/// Called at each labelled step, so that a test can end the process exactly there.
pub type Steps = Arc<dyn Fn(&'static str) + Send + Sync>;

/// Why the journal can't do what it is asked.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    /// Made by a later release.
    #[error("{} has version {found}, this gateway knows {known}; run the newer gateway again", path.display())]
    Newer {
        /// The database.
        path: PathBuf,
        /// Its version.
        found: i64,
        /// The newest version that this gateway knows.
        known: i64,
    },
    /// SQLite says no.
    #[error("the journal {} failed: {source}; check the disk and its free space", path.display())]
    Sqlite {
        /// The database.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
    /// The disk did not take what was written.
    #[error("the journal {} can't be brought to the disk: {why}", path.display())]
    Sync {
        /// The database.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// The work itself broke off: a fault of the gateway's.
    #[error("work on the journal {} broke off: {why}; please report it", path.display())]
    BrokeOff {
        /// The database.
        path: PathBuf,
        /// What is known of it.
        why: String,
    },
}

impl JournalError {
    /// It passes when the disk can write again; the same work may succeed then.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Sqlite { source, .. } => health::is_passing(source),
            Self::Sync { .. } => true,
            Self::Newer { .. } | Self::BrokeOff { .. } => false,
        }
    }
}

/// The journal. Its functions take the time of a page write, not of a sync; async code calls them by [`Journal::run`].
#[derive(Clone)]
pub struct Journal {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    connection: Mutex<Connection>,
    worker: Worker,
    syncer: Syncer,
    health: Arc<Health>,
    set_aside: Option<PathBuf>,
    steps: Option<Steps>,
    /// Its end is the journal's.
    owner: bool,
}

impl Journal {
    /// Opens or creates the database, brings an older one up to date, and sets a damaged one aside.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        Self::open_with(path, None)
    }

    /// The same, telling `steps` of each labelled step.
    pub fn open_with(path: &Path, steps: Option<Steps>) -> Result<Self, JournalError> {
        open::open(path).map(|opened| Self::new(path, opened, steps, true))
    }

    /// Opens the database beside a gateway that may be running, for a command. Neither the gateway's next start nor a
    /// damaged database is this one's matter.
    pub fn open_beside(path: &Path) -> Result<Self, JournalError> {
        open::open_beside(path).map(|opened| Self::new(path, opened, None, false))
    }

    fn new(path: &Path, opened: open::Opened, steps: Option<Steps>, owner: bool) -> Self {
        let health = Arc::new(Health::default());
        Self {
            inner: Arc::new(Inner {
                path: path.to_owned(),
                connection: Mutex::new(opened.connection),
                worker: Worker::start(),
                syncer: Syncer::start(path, health.clone()),
                health,
                set_aside: opened.set_aside,
                steps,
                owner,
            }),
        }
    }

    /// Where the damaged database went that this one took the place of.
    pub fn set_aside(&self) -> Option<&Path> {
        self.inner.set_aside.as_deref()
    }

    /// What keeps the journal from writing now.
    pub fn trouble(&self) -> Option<Trouble> {
        self.inner.health.trouble()
    }

    /// Runs short work of the journal for async code, in the order in which it comes: here if nobody else is at it, else
    /// on the journal's thread.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let journal = self.clone();
        let done = self.inner.worker.run(move || work(&journal)).await;
        done.unwrap_or_else(|| Err(self.broke_off()))
    }

    /// The same for work that takes longer, which is always done on the journal's thread.
    pub async fn run_aside<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Self) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, JournalError> {
        let journal = self.clone();
        let done = self.inner.worker.run_aside(move || work(&journal)).await;
        done.unwrap_or_else(|| Err(self.broke_off()))
    }

    fn broke_off(&self) -> JournalError {
        JournalError::BrokeOff {
            path: self.inner.path.clone(),
            why: "the work on it was broken off; see the log".into(),
        }
    }

    /// Waits until everything that is committed by now is on the disk. Many wait for one sync.
    pub async fn synced(&self) -> Result<(), JournalError> {
        self.step("synced.before");
        let synced = self
            .inner
            .syncer
            .synced()
            .await
            .map_err(|why| JournalError::Sync {
                path: self.inner.path.clone(),
                why,
            });
        self.step("synced.after");
        synced
    }

    /// Tries to write nothing of importance, so that trouble that has passed is noticed.
    pub fn probe(&self, now_ms: i64) {
        let _ = self.write(|c| c.execute("UPDATE meta SET probed_ms = ?1", [now_ms]));
    }

    /// From now on nothing can be written, as on a full disk, or it can again.
    #[cfg(test)]
    pub(crate) fn fill(&self, full: bool) {
        let set = self.read(|c| c.pragma_update(None, "query_only", full));
        set.expect("a connection can be told");
    }

    /// One write, in a transaction of its own.
    fn write<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, JournalError> {
        let mut connection = self
            .inner
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        // at once, for one that looks before it writes could not go on if a command wrote in between
        let begun = connection.transaction_with_behavior(TransactionBehavior::Immediate);
        let done = begun.and_then(|transaction| {
            let value = work(&transaction)?;
            transaction.commit()?;
            Ok(value)
        });
        if self.inner.syncer.wants_restart()
            && let Err(error) = open::restart_log(&connection)
        {
            tracing::warn!(target: "openclaw::journal", %error, "the log could not begin anew");
        }
        drop(connection);
        self.inner.health.wrote(&done);
        self.inner.syncer.committed();
        done.map_err(self.failed())
    }

    /// One look.
    fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, JournalError> {
        let connection = self
            .inner
            .connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        work(&connection).map_err(self.failed())
    }

    fn step(&self, label: &'static str) {
        if let Some(steps) = &self.inner.steps {
            steps(label);
        }
    }

    fn failed(&self) -> impl FnOnce(rusqlite::Error) -> JournalError + '_ {
        |source| JournalError::Sqlite {
            path: self.inner.path.clone(),
            source,
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        let connection = self.connection.get_mut().unwrap_or_else(PoisonError::into_inner);
        if self.owner {
            // where it can't be noted, the next start looks at every page
            let _ = connection.execute("UPDATE meta SET open = 0", []);
        }
    }
}

impl std::fmt::Debug for Journal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Journal").field(&self.inner.path).finish()
    }
}

#[cfg(test)]
mod tests;
