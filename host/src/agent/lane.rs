//! The lane of a conversation: one turn at a time, and what comes in meanwhile waits its turn or joins the one that
//! runs, as the queue mode says.
//!
//! A lane is a task that lives as long as it has something to do. What waits in it is in the journal too, or has a
//! caller who waits; so a lane that ends with the process loses nothing.
use super::{
    job::{Job, Place, Steering},
    queue::{Queue, QueueRules},
};
use crate::config::QueueMode;
use futures_util::future::BoxFuture;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError, Weak},
    time::Duration,
};
use tokio::{
    sync::{mpsc, oneshot, watch},
    task::JoinHandle,
    time::Instant,
};

/// Things that wait to be taken in by a lane; whoever brings one more waits.
const INTAKE: usize = 64;
/// How long a lane stays without work.
const LINGER: Duration = Duration::from_secs(60);

/// What does the work of a lane.
pub trait Worker: Send + Sync + 'static {
    /// Runs one turn for these jobs, and settles each of them whatever happens. `stop` turns true when the turn is to
    /// end early. What comes by `steering` and was not used is given back.
    fn turn(
        self: Arc<Self>,
        key: String,
        jobs: Vec<Job>,
        stop: watch::Receiver<bool>,
        steering: Arc<Steering>,
    ) -> BoxFuture<'static, ()>;

    /// Settles jobs that get no turn.
    fn discard(self: Arc<Self>, jobs: Vec<Job>, why: &'static str) -> BoxFuture<'static, ()>;

    /// How a conversation queues what comes in while a turn runs.
    fn rules(self: Arc<Self>, key: String) -> BoxFuture<'static, QueueRules>;
}

/// Something for a lane to do.
pub enum Work {
    /// A turn.
    Job(Box<Job>),
    /// Something between turns: a reset, a compaction.
    Between(BoxFuture<'static, ()>),
    /// End the turn and forget what waits. Told how many that were.
    Stop(oneshot::Sender<usize>),
}

/// All lanes.
pub struct Lanes {
    worker: Arc<dyn Worker>,
    open: Mutex<HashMap<String, mpsc::Sender<Work>>>,
}

// === impl Lanes ===

impl Lanes {
    /// No lanes yet.
    pub fn new(worker: Arc<dyn Worker>) -> Arc<Self> {
        Arc::new(Self {
            worker,
            open: Mutex::default(),
        })
    }

    /// Gives a lane something to do, waiting for room.
    pub async fn put(self: &Arc<Self>, key: &str, work: Work) {
        let mut work = work;
        // a lane may end just now: then a new one takes its place
        while let Err(mpsc::error::SendError(back)) = self.lane(key).send(work).await {
            work = back;
        }
    }

    /// Ends what runs in a lane and forgets what waits; says how many that were.
    pub async fn stop(self: &Arc<Self>, key: &str) -> usize {
        let running = self
            .open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(key);
        if !running {
            return 0;
        }
        let (done, count) = oneshot::channel();
        self.put(key, Work::Stop(done)).await;
        count.await.unwrap_or(0)
    }

    /// Is something done in a lane, or was until a minute ago?
    pub fn is_open(&self, key: &str) -> bool {
        self.open
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .contains_key(key)
    }

    fn lane(self: &Arc<Self>, key: &str) -> mpsc::Sender<Work> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(lane) = open.get(key).filter(|lane| !lane.is_closed()) {
            return lane.clone();
        }
        let (intake, work) = mpsc::channel(INTAKE);
        open.insert(key.to_owned(), intake.clone());
        let lane = Lane {
            key: key.to_owned(),
            lanes: Arc::downgrade(self),
            worker: self.worker.clone(),
            work,
            queue: Queue::default(),
            between: Vec::new(),
            running: None,
            ready_at: Instant::now(),
        };
        tokio::spawn(lane.live());
        intake
    }
}

impl std::fmt::Debug for Lanes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let open = self.open.lock().unwrap_or_else(PoisonError::into_inner).len();
        f.debug_struct("Lanes")
            .field("open", &open)
            .finish_non_exhaustive()
    }
}

struct Lane {
    key: String,
    lanes: Weak<Lanes>,
    worker: Arc<dyn Worker>,
    work: mpsc::Receiver<Work>,
    queue: Queue,
    between: Vec<BoxFuture<'static, ()>>,
    running: Option<Running>,
    /// What waits is not begun before, so that what belongs together comes together.
    ready_at: Instant,
}

struct Running {
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
    steering: Arc<Steering>,
    /// Only what comes from there can join it or end it: the answer goes nowhere else.
    place: Option<Place>,
}

enum Next {
    Work(Option<Work>),
    Ended,
    Ready,
    Idle,
}

// === impl Lane ===

impl Lane {
    async fn live(mut self) {
        loop {
            match self.next().await {
                Next::Work(Some(work)) => self.take(work).await,
                Next::Work(None) => return,
                Next::Ended => self.ended().await,
                Next::Ready => self.begin().await,
                Next::Idle if self.leave() => return,
                Next::Idle => {}
            }
        }
    }

    async fn next(&mut self) -> Next {
        let (busy, waiting) = (self.running.is_some(), !self.queue.is_empty());
        let between = !busy && !self.between.is_empty();
        if between {
            return Next::Ready;
        }
        let ready_at = self.ready_at;
        let running = self.running.as_mut();
        tokio::select! {
            biased;
            work = self.work.recv() => Next::Work(work),
            () = async { if let Some(running) = running { let _ = (&mut running.task).await; } }, if busy => Next::Ended,
            () = tokio::time::sleep_until(ready_at), if waiting && !busy => Next::Ready,
            () = tokio::time::sleep(LINGER), if !busy && !waiting => Next::Idle,
        }
    }

    async fn take(&mut self, work: Work) {
        match work {
            Work::Between(work) => self.between.push(work),
            Work::Stop(done) => {
                let count = self.stop().await;
                // whoever asked may have gone
                let _ = done.send(count);
            }
            Work::Job(job) => self.enqueue(*job).await,
        }
    }

    async fn enqueue(&mut self, job: Job) {
        if self.running.is_none() && self.queue.is_empty() {
            self.ready_at = Instant::now() + job.debounce();
            self.queue.put_back(vec![job]);
            return;
        }
        let rules = self.worker.clone().rules(self.key.clone()).await;
        let Some(running) = &self.running else {
            self.ready_at = Instant::now() + job.debounce();
            let over = self.queue.push(job, &rules);
            return self.discard(over).await;
        };
        let joins = job.is_event() && job.place() == running.place;
        match rules.mode {
            QueueMode::Interrupt if joins => {
                running.stop.send_replace(true);
            }
            QueueMode::Steer if joins => match running.steering.offer(job) {
                Ok(()) => return,
                Err(job) => {
                    let over = self.queue.push(*job, &rules);
                    return self.discard(over).await;
                }
            },
            _ => {}
        }
        let over = self.queue.push(job, &rules);
        self.discard(over).await;
    }

    async fn discard(&mut self, jobs: Vec<Job>) {
        if !jobs.is_empty() {
            self.worker
                .clone()
                .discard(jobs, "the queue of the conversation was full")
                .await;
        }
    }

    async fn stop(&mut self) -> usize {
        let mut waiting = self.queue.clear();
        let mut count = waiting.len();
        if let Some(running) = &self.running {
            waiting.extend(running.steering.drain());
            running.stop.send_replace(true);
            count += 1;
        }
        if !waiting.is_empty() {
            self.worker.clone().discard(waiting, "stopped").await;
        }
        count
    }

    async fn ended(&mut self) {
        let Some(running) = self.running.take() else {
            return;
        };
        // what was to join the turn and came too late gets one of its own
        let late = running.steering.close();
        if late.is_empty() && self.queue.is_empty() {
            return;
        }
        let rules = self.worker.clone().rules(self.key.clone()).await;
        self.ready_at = Instant::now() + rules.debounce;
        self.queue.put_back(late);
    }

    async fn begin(&mut self) {
        for work in std::mem::take(&mut self.between) {
            work.await;
        }
        if self.queue.is_empty() {
            return;
        }
        let jobs = match self.queue.only() {
            Some(job) => vec![job],
            None => {
                let rules = self.worker.clone().rules(self.key.clone()).await;
                self.queue.batch(&rules)
            }
        };
        let place = jobs.first().and_then(Job::place);
        let (stop, stopped) = watch::channel(false);
        let steering = Arc::<Steering>::default();
        let turn = self
            .worker
            .clone()
            .turn(self.key.clone(), jobs, stopped, steering.clone());
        self.running = Some(Running {
            task: tokio::spawn(turn),
            stop,
            steering,
            place,
        });
    }

    /// False: something has come in meanwhile.
    fn leave(&mut self) -> bool {
        let Some(lanes) = self.lanes.upgrade() else {
            return true;
        };
        let mut open = lanes.open.lock().unwrap_or_else(PoisonError::into_inner);
        // whoever got a sender before this line finds the intake closed and makes a new lane
        self.work.close();
        open.remove(&self.key);
        drop(open);
        match self.work.try_recv() {
            Err(_) => true,
            Ok(work) => {
                let (key, lanes) = (self.key.clone(), lanes);
                let mut rest = vec![work];
                while let Ok(more) = self.work.try_recv() {
                    rest.push(more);
                }
                tokio::spawn(async move {
                    for work in rest {
                        lanes.put(&key, work).await;
                    }
                });
                true
            }
        }
    }
}
