//! The thread that works on the journal for async code, one thing after the other.
//!
//! The database takes one at a time anyway. One thread that stays awake under load costs less than many that take turns:
//! fewer switches, nobody waits for a lock, and one heap instead of one for each.
use std::panic::{AssertUnwindSafe, catch_unwind};
use tokio::sync::{mpsc, oneshot};

/// Things that wait to be done; whoever brings one more waits.
const WAITING: usize = 1024;

type Work = Box<dyn FnOnce() + Send>;

pub(super) struct Worker {
    queue: mpsc::Sender<Work>,
}

impl Worker {
    /// It ends with this handle. Without a thread, all work fails.
    pub(super) fn start() -> Self {
        let (queue, mut work) = mpsc::channel::<Work>(WAITING);
        let thread = std::thread::Builder::new().name("journal-work".into());
        let started = thread.spawn(move || {
            while let Some(next) = work.blocking_recv() {
                // whoever waits for it sees that it has not come to its end
                let _ = catch_unwind(AssertUnwindSafe(next));
            }
        });
        if let Err(error) = started {
            tracing::error!(target: "openclaw::journal", %error, "the thread for it could not be started");
        }
        Self { queue }
    }

    /// Runs work to its end, even if nobody waits for it any more. None: it panicked, or there is no thread.
    pub(super) async fn run<T: Send + 'static>(
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

    #[tokio::test]
    async fn work_that_panics_fails_alone() {
        let worker = Worker::start();
        let failed: Option<()> = worker.run(|| panic!("on purpose")).await;
        assert_eq!((failed, worker.run(|| 7).await), (None, Some(7)));
    }

    #[tokio::test]
    async fn work_is_done_in_its_order_and_for_nobody_too() {
        let worker = Worker::start();
        let (tx, mut seen) = mpsc::channel(2);
        let first = tx.clone();
        tokio::select! {
            biased;
            _ = worker.run(move || first.blocking_send(1)) => {}
            // it was looked at once, and nobody waits for it any more
            () = std::future::ready(()) => {}
        }
        worker.run(move || tx.blocking_send(2)).await;
        assert_eq!((seen.recv().await, seen.recv().await), (Some(1), Some(2)));
    }
}
