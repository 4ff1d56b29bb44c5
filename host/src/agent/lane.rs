//! The lane of a conversation: one turn at a time, and what comes in meanwhile waits its turn or joins the one that
//! runs, as the queue mode says.
//!
//! A lane is a task that lives as long as it has something to do. What waits in it is in the journal too, or has a
//! caller who waits; so a lane that ends with the process loses nothing.
use super::{
    job::{Job, Steering},
    queue::{Queue, QueueRules},
};
use crate::config::QueueMode;
use futures_util::future::BoxFuture;
use std::{
    collections::{HashMap, VecDeque},
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
    /// Something between turns: a reset, a compaction. Turns wait for its end.
    Between(BoxFuture<'static, ()>),
    /// End the turn and forget what waits. Told how many that were.
    Stop(oneshot::Sender<usize>),
    /// End one run, whether it works or waits. Told whether it was there.
    End(String, oneshot::Sender<bool>),
}

/// All lanes.
pub struct Lanes {
    worker: Arc<dyn Worker>,
    open: Mutex<HashMap<String, mpsc::Sender<Work>>>,
    ended: watch::Sender<bool>,
}

// === impl Lanes ===

impl Lanes {
    /// No lanes yet.
    pub fn new(worker: Arc<dyn Worker>) -> Arc<Self> {
        Arc::new(Self {
            worker,
            open: Mutex::default(),
            ended: watch::channel(false).0,
        })
    }

    /// Breaks off what runs and begins nothing more, without settling anything: the next process takes it up.
    pub fn end(&self) {
        self.ended.send_replace(true);
    }

    /// Gives a lane something to do, waiting for room.
    pub async fn put(self: &Arc<Self>, key: &str, work: Work) {
        let mut work = work;
        // a lane may end just now: then a new one takes its place
        while !*self.ended.borrow() {
            match self.lane(key).send(work).await {
                Ok(()) => return,
                Err(mpsc::error::SendError(back)) => work = back,
            }
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

    /// Ends one run of a lane; says whether it was there.
    pub async fn end_run(self: &Arc<Self>, key: &str, run_id: &str) -> bool {
        if !self.is_open(key) {
            return false;
        }
        let (done, found) = oneshot::channel();
        self.put(key, Work::End(run_id.to_owned(), done)).await;
        found.await.unwrap_or(false)
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
            between: VecDeque::new(),
            ended: self.ended.subscribe(),
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
    between: VecDeque<BoxFuture<'static, ()>>,
    ended: watch::Receiver<bool>,
    running: Option<Running>,
    /// What waits is not begun before, so that what belongs together comes together.
    ready_at: Instant,
}

struct Running {
    task: JoinHandle<()>,
    stop: watch::Sender<bool>,
    steering: Arc<Steering>,
    is_turn: bool,
    /// Its runs, as clients know them.
    runs: Vec<String>,
}

enum Next {
    Work(Option<Work>),
    Halted,
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
                Next::Halted => return self.running.iter().for_each(|running| running.task.abort()),
                Next::Ended => self.ended().await,
                Next::Ready => self.begin().await,
                Next::Idle if self.leave() => return,
                Next::Idle => {}
            }
        }
    }

    async fn next(&mut self) -> Next {
        let (busy, waiting) = (self.running.is_some(), !self.queue.is_empty());
        let between = !self.between.is_empty();
        let ready_at = if between { Instant::now() } else { self.ready_at };
        let waiting = waiting || between;
        let ended = &mut self.ended;
        let running = self.running.as_mut();
        tokio::select! {
            biased;
            Ok(_) = ended.wait_for(|ended| *ended) => Next::Halted,
            work = self.work.recv() => Next::Work(work),
            () = async { if let Some(running) = running { let _ = (&mut running.task).await; } }, if busy => Next::Ended,
            () = tokio::time::sleep_until(ready_at), if waiting && !busy => Next::Ready,
            () = tokio::time::sleep(LINGER), if !busy && !waiting => Next::Idle,
        }
    }

    async fn take(&mut self, work: Work) {
        match work {
            Work::Between(work) => self.between.push_back(work),
            Work::Stop(done) => {
                let count = self.stop().await;
                // whoever asked may have gone
                let _ = done.send(count);
            }
            Work::End(run_id, done) => {
                let found = self.end_run(&run_id).await;
                let _ = done.send(found);
            }
            Work::Job(job) => {
                self.enqueue(*job).await;
                tracing::debug!(target: "openclaw::lane", session = self.key, "a message is in the lane");
            }
        }
    }

    async fn enqueue(&mut self, job: Job) {
        if self.running.is_none() && self.queue.is_empty() {
            self.ready_at = Instant::now() + job.debounce();
            return self.queue.put_back(vec![job]);
        }
        let rules = self.worker.clone().rules(self.key.clone()).await;
        let rest = match &self.running {
            Some(running) => join(running, &self.queue, job, &rules),
            None => {
                self.wait_for_more_than(&job);
                Some(job)
            }
        };
        if let Some(job) = rest {
            let over = self.queue.push(job, &rules);
            self.discard(over).await;
        }
    }

    /// Another chat's message does not cut short what the first that waits is waiting for.
    fn wait_for_more_than(&mut self, job: &Job) {
        let at = Instant::now() + job.debounce();
        self.ready_at = match self.queue.first() {
            Some(first) if !first.goes_with(job) => self.ready_at.max(at),
            _ => at,
        };
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
            waiting.extend(running.steering.withdraw());
            running.stop.send_replace(true);
            count += usize::from(running.is_turn);
        }
        if !waiting.is_empty() {
            self.worker.clone().discard(waiting, "stopped").await;
        }
        count
    }

    async fn end_run(&mut self, run_id: &str) -> bool {
        let running = self.running.as_ref();
        if let Some(running) = running.filter(|running| running.runs.iter().any(|run| run == run_id)) {
            running.stop.send_replace(true);
            return true;
        }
        let steered = running.and_then(|running| running.steering.withdraw_one(run_id));
        let Some(job) = steered.or_else(|| self.queue.take(run_id)) else {
            return false;
        };
        self.worker.clone().discard(vec![job], "stopped").await;
        true
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
        if let Some(work) = self.between.pop_front() {
            return self.run(Steering::of(&[]), None, |_, _| work);
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
        let (worker, key) = (self.worker.clone(), self.key.clone());
        let steering = Steering::of(&jobs);
        let runs = jobs.iter().filter_map(Job::run_id).map(str::to_owned).collect();
        self.run(steering, Some(runs), |stop, steering| {
            worker.turn(key, jobs, stop, steering)
        });
    }

    /// Runs something that has the conversation for itself.
    fn run(
        &mut self,
        steering: Steering,
        runs: Option<Vec<String>>,
        work: impl FnOnce(watch::Receiver<bool>, Arc<Steering>) -> BoxFuture<'static, ()>,
    ) {
        let (stop, stopped) = watch::channel(false);
        let steering = Arc::new(steering);
        self.running = Some(Running {
            task: tokio::spawn(work(stopped, steering.clone())),
            stop,
            steering,
            is_turn: runs.is_some(),
            runs: runs.unwrap_or_default(),
        });
    }

    /// False: something has come in meanwhile, or somebody is about to bring something.
    fn leave(&self) -> bool {
        let Some(lanes) = self.lanes.upgrade() else {
            return true;
        };
        let mut open = lanes.open.lock().unwrap_or_else(PoisonError::into_inner);
        // senders are given out under this lock only; whoever has one beside the map's is about to bring something
        let unused = self.work.sender_strong_count() == 1 && self.work.is_empty();
        if unused {
            open.remove(&self.key);
        }
        unused
    }
}

/// A message meets a turn that runs: it joins it or ends it, as its mode says. Gives it back if it has to wait.
fn join(running: &Running, queue: &Queue, job: Job, rules: &QueueRules) -> Option<Job> {
    let mode = |job: &Job| job.queue_mode().unwrap_or(rules.mode);
    let steering = &running.steering;
    let joins = match mode(&job) {
        // an earlier process had it in this turn
        _ if steering.had(&job) => true,
        QueueMode::Interrupt if steering.serves(&job) => {
            running.stop.send_replace(true);
            false
        }
        // nobody overtakes whoever wants to join too and has to wait
        QueueMode::Steer => !queue.any(|older| mode(older) == QueueMode::Steer && steering.belongs(older)),
        _ => false,
    };
    if joins {
        steering.offer(job).err().map(|back| *back)
    } else {
        Some(job)
    }
}

#[cfg(test)]
mod tests;
