//! Brings commits to the disk, on a thread of its own: acknowledgements wait for it, replies don't.
//!
//! A sync of the write-ahead log covers every commit before it, so all that wait are served by one. The same thread
//! moves the log into the database now and then; the writer only moves the rest of one that has grown long.
use super::{health::Health, open::LOG_LIMIT};
use rusqlite::Connection;
use std::{
    fs::File,
    path::{Path, PathBuf},
    sync::{
        Arc, Condvar, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
};
use tokio::sync::oneshot;

/// Commits after which the log is moved into the database.
const CHECKPOINT_EVERY: u64 = 1000;

/// Frames of a log that is long: as many as it may keep room for when it begins anew.
const LONG: i64 = LOG_LIMIT / 4096;

type Waiter = oneshot::Sender<Result<(), String>>;

pub(super) struct Syncer {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
    commits: AtomicU64,
    /// The log has grown long. Under load something new is always in it by the time when the rest has been moved, and a
    /// log of which anything is left goes on growing, with the index of it that is in memory.
    long: AtomicBool,
}

/// Who waits: as many as there are events being accepted, which the inbox bounds.
#[derive(Default)]
struct Queue {
    waiting: Vec<Waiter>,
    checkpoint: bool,
    stop: bool,
}

impl Syncer {
    pub(super) fn start(path: &Path, health: Arc<Health>) -> Self {
        let shared = Arc::new(Shared::default());
        let (own, path) = (shared.clone(), path.to_owned());
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || Disk::new(path, health).serve(&own));
        Self {
            shared,
            // without a thread, every wait fails and nothing is acknowledged
            thread: thread.ok(),
        }
    }

    /// One more commit is in the log.
    pub(super) fn committed(&self) {
        let commits = self.shared.commits.fetch_add(1, Ordering::Relaxed) + 1;
        if commits.is_multiple_of(CHECKPOINT_EVERY) {
            self.shared
                .queue
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .checkpoint = true;
            self.shared.wake.notify_one();
        }
    }

    /// Whether the writer should now move what is left of the log, which is little, so that it begins anew.
    pub(super) fn wants_restart(&self) -> bool {
        self.shared.long.swap(false, Ordering::Relaxed)
    }

    #[cfg(test)]
    pub(super) fn want_restart(&self) {
        self.shared.long.store(true, Ordering::Relaxed);
    }

    /// Waits for a sync that begins after this call.
    pub(super) async fn synced(&self) -> Result<(), String> {
        let (done, outcome) = oneshot::channel();
        if self.thread.is_none() {
            return Err("the thread for it could not be started".into());
        }
        self.shared
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .waiting
            .push(done);
        self.shared.wake.notify_one();
        outcome
            .await
            .unwrap_or_else(|_| Err("the journal is closed".into()))
    }
}

impl Drop for Syncer {
    fn drop(&mut self) {
        self.shared
            .queue
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .stop = true;
        self.shared.wake.notify_one();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

struct Disk {
    path: PathBuf,
    log: Option<File>,
    health: Arc<Health>,
}

impl Disk {
    fn new(path: PathBuf, health: Arc<Health>) -> Self {
        Self {
            path,
            log: None,
            health,
        }
    }

    fn serve(mut self, shared: &Shared) {
        loop {
            let mut queue = shared.queue.lock().unwrap_or_else(PoisonError::into_inner);
            while queue.waiting.is_empty() && !queue.checkpoint && !queue.stop {
                queue = shared.wake.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            let (waiting, checkpoint) = (std::mem::take(&mut queue.waiting), queue.checkpoint);
            let stop = queue.stop;
            queue.checkpoint = false;
            drop(queue);
            if !waiting.is_empty() {
                let synced = self.sync();
                for waiter in waiting {
                    // whoever stopped waiting is not told
                    let _ = waiter.send(synced.clone());
                }
            }
            if checkpoint {
                shared.long.store(self.checkpoint() > LONG, Ordering::Relaxed);
            }
            if stop {
                return;
            }
        }
    }

    fn sync(&mut self) -> Result<(), String> {
        if let Some(trouble) = self.health.trouble() {
            return Err(trouble.why);
        }
        let done = self.log().and_then(|log| log.sync_data());
        done.map_err(|error| {
            // what a failed sync has lost stays lost though the next one succeeds, so this is not forgotten
            let lasting = error.kind() != std::io::ErrorKind::StorageFull;
            self.health.broke(error.to_string(), lasting);
            error.to_string()
        })
    }

    fn log(&mut self) -> std::io::Result<&File> {
        if self.log.is_none() {
            let mut name = self.path.clone().into_os_string();
            name.push("-wal");
            let log = File::open(PathBuf::from(name))?;
            if let Some(folder) = self.path.parent() {
                File::open(folder)?.sync_all()?;
            }
            self.log = Some(log);
        }
        self.log
            .as_ref()
            .ok_or_else(|| std::io::ErrorKind::NotFound.into())
    }

    /// Moves what it can without holding anybody up. Gives the frames of the log.
    fn checkpoint(&self) -> i64 {
        let moved = Connection::open(&self.path)
            .and_then(|c| c.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |row| row.get(1)));
        moved.unwrap_or_else(|error| {
            tracing::warn!(target: "openclaw::journal", %error, "the log could not be moved into the database");
            0
        })
    }
}
