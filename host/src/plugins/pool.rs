//! The executor on which the futures of in-process plugins are polled: a few threads of their own, so that code of a
//! plugin that blocks can't stall a socket of the gateway.
//!
//! Every thread takes its work from one queue and holds nothing but the task that it polls, so a thread that a plugin
//! blocks costs nobody else anything: it is given up, another takes its place, and it ends when the plugin lets go of
//! it. How many may be lost is bounded; beyond it, work waits.
//!
//! The queue has no bound of its own, because it can't refuse a waker. It is bounded by what is in it: a task stands in
//! it at most once, and the tasks are the calls of each instance (`MAX_IN_FLIGHT` in `generation`), its background tasks
//! (`MAX_TASKS` in `services::context`), and the few that open, create and drop it. A cancelled task stands there until a
//! thread takes it. Should every thread be stuck and no more be replaced, nobody does; then calls time out, and plugins
//! are set aside for their timeouts, so that few are added.
use super::blame;
use std::{
    collections::VecDeque,
    future::Future,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc, Condvar, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// Threads that may be blocked by plugins before no more are replaced.
const MAX_LOST: usize = 16;
/// A poll longer than this is worth a line in the log.
const SLOW_POLL: Duration = Duration::from_millis(50);
/// How often stuck threads are looked for.
const WATCH: Duration = Duration::from_millis(25);
/// Stack of a thread: authors may recurse, and only what is touched costs memory. Bytes.
const STACK: usize = 2 << 20;

/// On whose behalf a task is polled.
pub struct Owner {
    /// Plugin id.
    pub plugin: &'static str,
    /// A single poll longer than this means that the thread is stuck. Milliseconds.
    pub stuck_after_ms: u64,
    /// Told once for every thread that is given up because of this owner.
    pub on_stuck: Box<dyn Fn() + Send + Sync>,
}

/// Threads that poll plugins.
#[derive(Clone)]
pub struct Pool {
    shared: Arc<Shared>,
    _closer: Arc<Closer>,
}

/// Ends the threads when the last handle is gone; they themselves hold the rest alive.
struct Closer(Arc<Shared>);

/// A task's result in the future. Dropping it cancels the task.
pub type Task<T> = async_task::FallibleTask<T, Arc<Owner>>;
type Runnable = async_task::Runnable<Arc<Owner>>;

struct Shared {
    queue: Mutex<Queue>,
    ready: Condvar,
    workers: Mutex<Vec<Arc<Worker>>>,
    target: usize,
    lost: AtomicU64,
}

#[derive(Default)]
struct Queue {
    tasks: VecDeque<Runnable>,
    /// Threads that wait for one.
    idle: usize,
    closed: bool,
}

/// What one thread is doing, for the watcher.
struct Worker {
    polling: Mutex<Option<(Arc<Owner>, Instant)>>,
    given_up: AtomicBool,
}

// === impl Pool ===

impl Pool {
    /// Starts the threads.
    pub fn new(threads: usize) -> Self {
        let shared = Arc::new(Shared {
            queue: Mutex::default(),
            ready: Condvar::new(),
            workers: Mutex::default(),
            target: threads.max(1),
            lost: AtomicU64::new(0),
        });
        for _ in 0..shared.target {
            shared.add_worker();
        }
        let watched = shared.clone();
        spawn_thread("plugin-watch", move || watch(&watched));
        Self {
            _closer: Arc::new(Closer(shared.clone())),
            shared,
        }
    }

    /// Polls a future on these threads.
    pub fn spawn<F>(&self, owner: &Arc<Owner>, future: F) -> Task<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: Send + 'static,
    {
        let queue = Arc::downgrade(&self.shared);
        let schedule = move |task| {
            if let Some(shared) = queue.upgrade() {
                shared.push(task);
            }
        };
        let (task, handle) = async_task::Builder::new()
            .metadata(owner.clone())
            .spawn(|_| future, schedule);
        task.schedule();
        handle.fallible()
    }

    /// Runs a function on these threads. It can't be cancelled, only given up.
    pub fn run<T: Send + 'static>(
        &self,
        owner: &Arc<Owner>,
        f: impl FnOnce() -> T + Send + 'static,
    ) -> Task<T> {
        self.spawn(owner, async move { f() })
    }

    /// Threads that plugins have blocked and that have not come back.
    pub fn lost(&self) -> u64 {
        self.shared.lost.load(Ordering::Relaxed)
    }

    /// Threads that are ready for work or doing it.
    pub fn threads(&self) -> usize {
        lock(&self.shared.workers).len()
    }
}

impl std::fmt::Debug for Pool {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pool")
            .field("lost", &self.lost())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Owner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Owner")
            .field("plugin", &self.plugin)
            .finish_non_exhaustive()
    }
}

// === impl Shared ===

impl Shared {
    fn push(&self, task: Runnable) {
        let mut queue = lock(&self.queue);
        if queue.closed {
            return;
        }
        queue.tasks.push_back(task);
        // a call into the system is saved where nobody waits, and a thread that wakes finds the queue free
        let waited_for = queue.idle > 0;
        drop(queue);
        if waited_for {
            self.ready.notify_one();
        }
    }

    fn add_worker(self: &Arc<Self>) {
        let worker = Arc::new(Worker {
            polling: Mutex::new(None),
            given_up: AtomicBool::new(false),
        });
        lock(&self.workers).push(worker.clone());
        let shared = self.clone();
        spawn_thread("plugin-poll", move || worker.run(&shared));
    }

    /// The next task; `None` when the pool is closed.
    fn next(&self) -> Option<Runnable> {
        let mut queue = lock(&self.queue);
        loop {
            if let Some(task) = queue.tasks.pop_front() {
                return Some(task);
            }
            if queue.closed {
                return None;
            }
            queue.idle += 1;
            queue = self.ready.wait(queue).unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }

    /// Gives up threads that are stuck, as long as there may be more.
    fn replace_stuck(self: &Arc<Self>) {
        let workers: Vec<_> = lock(&self.workers).clone();
        for worker in workers {
            let stuck = match &*lock(&worker.polling) {
                Some((owner, since)) => {
                    let limit = Duration::from_millis(owner.stuck_after_ms);
                    (since.elapsed() > limit).then(|| owner.clone())
                }
                None => None,
            };
            let Some(owner) = stuck else { continue };
            if self.lost.load(Ordering::Relaxed) >= MAX_LOST as u64 {
                continue;
            }
            worker.given_up.store(true, Ordering::Relaxed);
            self.lost.fetch_add(1, Ordering::Relaxed);
            lock(&self.workers).retain(|other| !Arc::ptr_eq(other, &worker));
            self.add_worker();
            tracing::error!(
                plugin = owner.plugin,
                "a thread is stuck in code of this plugin and was given up"
            );
            (owner.on_stuck)();
        }
    }
}

impl Drop for Closer {
    fn drop(&mut self) {
        let left = {
            let mut queue = lock(&self.0.queue);
            queue.closed = true;
            std::mem::take(&mut queue.tasks)
        };
        self.0.ready.notify_all();
        drop(left);
    }
}

// === impl Worker ===

impl Worker {
    fn run(self: Arc<Self>, shared: &Shared) {
        while let Some(task) = shared.next() {
            self.poll(task);
            if self.given_up.load(Ordering::Relaxed) {
                shared.lost.fetch_sub(1, Ordering::Relaxed);
                return;
            }
        }
    }

    fn poll(&self, task: Runnable) {
        let owner = task.metadata().clone();
        let begin = Instant::now();
        *lock(&self.polling) = Some((owner.clone(), begin));
        // Futures of plugins are caught one by one; this keeps a thread alive if something else in a task panics.
        let _ = catch_unwind(AssertUnwindSafe(|| blame::running(owner.plugin, || task.run())));
        *lock(&self.polling) = None;
        let time = begin.elapsed();
        if time > SLOW_POLL && !self.given_up.load(Ordering::Relaxed) {
            let ms = u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            tracing::warn!(
                plugin = owner.plugin,
                ms,
                "this plugin blocked a thread; long work belongs on its own"
            );
        }
    }
}

fn watch(shared: &Arc<Shared>) {
    while !lock(&shared.queue).closed {
        shared.replace_stuck();
        thread::park_timeout(WATCH);
    }
}

fn spawn_thread(name: &str, f: impl FnOnce() + Send + 'static) {
    let thread = thread::Builder::new()
        .name(name.to_owned())
        .stack_size(STACK)
        .spawn(f);
    if let Err(error) = thread {
        tracing::error!(%error, "can't start a thread for plugins");
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn owner(stuck_after_ms: u64) -> (Arc<Owner>, mpsc::Receiver<()>) {
        let (tx, rx) = mpsc::sync_channel(8);
        let tx = Mutex::new(tx);
        let owner = Owner {
            plugin: "test",
            stuck_after_ms,
            on_stuck: Box::new(move || {
                let _ = lock(&tx).send(());
            }),
        };
        (Arc::new(owner), rx)
    }

    #[tokio::test]
    async fn results_come_back_and_a_dropped_task_is_cancelled() {
        let pool = Pool::new(1);
        let (owner, _) = owner(10_000);
        assert_eq!(pool.spawn(&owner, async { 7 }).await, Some(7));
        let (dropped_tx, dropped) = tokio::sync::oneshot::channel::<()>();
        let task = pool.spawn(&owner, async move {
            let _held = dropped_tx;
            std::future::pending::<()>().await;
        });
        drop(task);
        assert!(dropped.await.is_err(), "what the task held is gone");
    }

    #[tokio::test]
    async fn a_panic_costs_no_thread() {
        let pool = Pool::new(1);
        let (owner, _) = owner(10_000);
        assert_eq!(
            pool.run(&owner, || panic!("on purpose")).await.map(|(): ()| ()),
            None
        );
        assert_eq!(pool.run(&owner, || 1).await, Some(1));
    }

    #[tokio::test]
    async fn a_stuck_thread_is_given_up_and_replaced_until_it_returns() {
        let pool = Pool::new(1);
        let (owner, stuck) = owner(1);
        let (release, blocked) = mpsc::sync_channel::<()>(1);
        let stuck_task = pool.run(&owner, move || blocked.recv().is_err());
        let told = tokio::task::spawn_blocking(move || stuck.recv_timeout(Duration::from_secs(20))).await;
        assert_eq!(told.expect("the waiting thread ends"), Ok(()));
        assert_eq!((pool.lost(), pool.threads()), (1, 1));
        assert_eq!(pool.run(&owner, || 2).await, Some(2), "the replacement works");
        drop(release);
        assert_eq!(stuck_task.await, Some(true));
        while pool.lost() > 0 {
            tokio::task::yield_now().await;
        }
    }
}
