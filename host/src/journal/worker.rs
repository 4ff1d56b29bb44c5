//! Work on the journal for async code, one thing after the other.
//!
//! The database takes one at a time anyway. What finds nobody else at it is done where it is asked for: each way to
//! another thread and back is two switches, and a message has nine of them, a third of its processor time. Whoever finds
//! somebody at it leaves the work to one thread, which stays awake under load. So a slow disk holds up one of the
//! threads of async code at most, never all of them.
use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, PoisonError},
};
use tokio::sync::{mpsc, oneshot};

/// Things that wait to be done; whoever brings one more waits.
const WAITING: usize = 1024;

type Work = Box<dyn FnOnce() + Send>;

pub(super) struct Worker {
    queue: mpsc::Sender<Work>,
    /// Held by whoever is at it.
    turn: Arc<Mutex<()>>,
}

impl Worker {
    /// It ends with this handle. Without a thread, what can't be done at once fails.
    pub(super) fn start() -> Self {
        let (queue, mut work) = mpsc::channel::<Work>(WAITING);
        let turn = Arc::<Mutex<()>>::default();
        let thread = std::thread::Builder::new().name("journal-work".into());
        let theirs = turn.clone();
        let started = thread.spawn(move || {
            while let Some(next) = work.blocking_recv() {
                let _turn = theirs.lock().unwrap_or_else(PoisonError::into_inner);
                // whoever waits for it sees that it has not come to its end
                let _ = catch_unwind(AssertUnwindSafe(next));
            }
        });
        if let Err(error) = started {
            tracing::error!(target: "openclaw::journal", %error, "the thread for it could not be started");
        }
        Self { queue, turn }
    }

    /// Runs short work to its end, even if nobody waits for it any more: here and now if nobody else is at it. None: it
    /// panicked, or there is no thread.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        // what waits comes first
        let waits = self.queue.capacity() < WAITING;
        match self.turn.try_lock() {
            Ok(_turn) if !waits => return catch_unwind(AssertUnwindSafe(work)).ok(),
            _ => {}
        }
        self.run_aside(work).await
    }

    /// The same for work that takes longer: always on the thread.
    pub(super) async fn run_aside<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Option<T> {
        let (done, outcome) = oneshot::channel();
        let work = move || {
            // whoever brought it may have gone
            let _ = done.send(work());
        };
        self.queue.send(Box::new(work)).await.ok()?;
        outcome.await.ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread::current;

    #[tokio::test]
    async fn work_that_panics_fails_alone() {
        let worker = Worker::start();
        let failed: Option<()> = worker.run(|| panic!("on purpose")).await;
        let aside: Option<()> = worker.run_aside(|| panic!("on purpose")).await;
        assert_eq!((failed, aside, worker.run(|| 7).await), (None, None, Some(7)));
    }

    #[tokio::test]
    async fn work_is_done_here_unless_somebody_is_at_it() {
        let worker = Worker::start();
        let here = current().id();
        assert_eq!(worker.run(|| current().id()).await, Some(here));
        let turn = worker.turn.clone();
        let (held, told) = oneshot::channel();
        let (release, released) = std::sync::mpsc::sync_channel::<()>(1);
        let holder = std::thread::spawn(move || {
            let _turn = turn.lock();
            let _ = held.send(());
            released.recv()
        });
        told.await.expect("it is held");
        let waiting = worker.run(|| current().id());
        let (elsewhere, ()) = tokio::join!(waiting, async { drop(release) });
        assert!(elsewhere.is_some_and(|thread| thread != here));
        let _ = holder.join();
    }

    #[tokio::test]
    async fn work_is_done_in_its_order_and_for_nobody_too() {
        let worker = Worker::start();
        let (tx, mut seen) = mpsc::channel(2);
        let first = tx.clone();
        tokio::select! {
            biased;
            _ = worker.run_aside(move || first.blocking_send(1)) => {}
            // it was looked at once, and nobody waits for it any more
            () = std::future::ready(()) => {}
        }
        worker.run_aside(move || tx.blocking_send(2)).await;
        assert_eq!((seen.recv().await, seen.recv().await), (Some(1), Some(2)));
    }
}
