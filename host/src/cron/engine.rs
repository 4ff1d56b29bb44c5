//! The jobs: kept, changed, and begun when they are due.
//!
//! Whatever reads a job and writes it again does so under one lock, so no change is lost to another. Nothing here
//! sleeps but [`Cron::run`], which sleeps until the next job is due by the injected clock.
use super::{
    job::{Job, State},
    outcome::Record,
    webhook::Webhook,
};
use crate::{
    agent::{Desk, Inbox},
    gateway::random::uuid,
    heartbeat::Heart,
    journal::{CronJob, CronRun, JobThen, Journal, JournalError, RunState},
};
use openclaw_plugin_api::{Error, ErrorKind};
use serde_json::{Value, json};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::sync::{Mutex, Notify, broadcast};

/// Jobs that there may be.
pub const MAX_JOBS: usize = 1_000;
/// Runs that somebody asked for and that wait.
const MAX_QUEUED: usize = 100;
/// Events that a slow listener may fall behind by.
const NEWS: usize = 256;
/// Longest sleep: the time of day may be set anew meanwhile.
const MAX_SLEEP: Duration = Duration::from_secs(60);

/// Something that happened to a job, as clients are told: the payload of the event `cron`.
pub type Changed = Value;

/// Why something can't be done with a job.
#[derive(Debug, thiserror::Error)]
pub enum CronError {
    /// There is no such job.
    #[error("cron job not found: {0}; see `openclaw cron list`")]
    NotFound(String),
    /// It can't be carried out.
    #[error("{0}")]
    Invalid(String),
    /// There are too many.
    #[error("there are {MAX_JOBS} jobs already; remove one with `openclaw cron rm`")]
    Full,
    /// Somebody else changed it.
    #[error("cron job {0} was changed meanwhile; look at it again and repeat the change")]
    Stale(String),
    /// The journal can't be used.
    #[error(transparent)]
    Journal(#[from] JournalError),
    /// The run can't be begun now.
    #[error("{0}")]
    Refused(Error),
}

impl From<Error> for CronError {
    fn from(error: Error) -> Self {
        Self::Refused(error)
    }
}

/// The jobs of a gateway.
pub struct Cron {
    pub(super) desk: Arc<Desk>,
    pub(super) inbox: Arc<Inbox>,
    pub(super) heart: Arc<Heart>,
    pub(super) webhook: Webhook,
    /// The environment says that jobs don't run.
    off: bool,
    work: Mutex<()>,
    news: broadcast::Sender<Changed>,
    moved: Notify,
    asked: AtomicU64,
}

/// How the jobs are, all in all.
#[derive(Debug, Clone, PartialEq)]
pub struct Listing {
    /// They run.
    pub enabled: bool,
    /// All of them.
    pub jobs: Vec<Job>,
    /// When the next one is due.
    pub next_ms: Option<i64>,
}

impl Cron {
    /// The jobs of the journal at the desk. Nothing runs before [`Cron::recover`] and [`Cron::tick`].
    pub fn new(
        desk: Arc<Desk>,
        inbox: Arc<Inbox>,
        heart: Arc<Heart>,
        webhook: Webhook,
        off: bool,
    ) -> Arc<Self> {
        Arc::new(Self {
            desk,
            inbox,
            heart,
            webhook,
            off,
            work: Mutex::new(()),
            news: broadcast::channel(NEWS).0,
            moved: Notify::new(),
            asked: AtomicU64::new(0),
        })
    }

    /// What happens from now on.
    pub fn watch(&self) -> broadcast::Receiver<Changed> {
        self.news.subscribe()
    }

    /// All jobs.
    pub async fn list(&self) -> Result<Listing, CronError> {
        let (jobs, next_ms) = self.journal(|j| Ok((j.cron_jobs()?, j.cron_next()?))).await?;
        Ok(Listing {
            enabled: self.is_on(),
            jobs: jobs.iter().filter_map(read).collect(),
            next_ms: next_ms.filter(|_| self.is_on()),
        })
    }

    /// One job.
    pub async fn get(&self, id: &str) -> Result<Job, CronError> {
        let wanted = id.to_owned();
        let found = self.journal(move |j| j.cron_job(&wanted)).await?;
        found
            .as_ref()
            .and_then(read)
            .ok_or_else(|| CronError::NotFound(id.to_owned()))
    }

    /// A new job, with an id and times of its own.
    pub async fn add(&self, mut job: Job) -> Result<Job, CronError> {
        let _work = self.work.lock().await;
        let now = self.now();
        job.id = uuid();
        (job.created_at_ms, job.updated_at_ms, job.state) = (now, now, State::default());
        if let super::Schedule::Every { anchor_ms, .. } = &mut job.schedule {
            anchor_ms.get_or_insert(now);
        }
        job.check(now).map_err(CronError::Invalid)?;
        if self.journal(Journal::cron_jobs).await?.len() >= MAX_JOBS {
            return Err(CronError::Full);
        }
        job.plan(now);
        self.put(&job).await?;
        self.told("added", &job);
        Ok(job)
    }

    /// Changes a job. `revision` is the one that the change was made for, if that matters.
    pub async fn update(
        &self,
        id: &str,
        revision: Option<&str>,
        change: impl FnOnce(&mut Job) -> Result<(), String>,
    ) -> Result<Job, CronError> {
        let _work = self.work.lock().await;
        let mut job = self.get(id).await?;
        if revision.is_some_and(|revision| revision != job.revision()) {
            return Err(CronError::Stale(id.to_owned()));
        }
        let (before, now) = (job.clone(), self.now());
        change(&mut job).map_err(CronError::Invalid)?;
        job.check(now).map_err(CronError::Invalid)?;
        job.updated_at_ms = now;
        if job.schedule != before.schedule || job.enabled != before.enabled {
            job.state.consecutive_errors = Some(0).filter(|_| job.state.consecutive_errors.is_some());
            job.plan(now);
        }
        self.put(&job).await?;
        self.told("updated", &job);
        Ok(job)
    }

    /// Removes a job. A run that has begun goes on to its end.
    pub async fn remove(&self, id: &str) -> Result<(), CronError> {
        let _work = self.work.lock().await;
        let wanted = id.to_owned();
        if !self.journal(move |j| j.cron_remove(&wanted)).await? {
            return Err(CronError::NotFound(id.to_owned()));
        }
        self.moved.notify_one();
        let _ = self.news.send(json!({ "jobId": id, "action": "removed" }));
        Ok(())
    }

    /// A run that somebody asks for: it begins as soon as there is a place. None: the job runs already.
    pub async fn ask(&self, id: &str) -> Result<Option<String>, CronError> {
        let _work = self.work.lock().await;
        let job = self.get(id).await?;
        let open = self.journal(Journal::cron_open_runs).await?;
        if job.state.running_at_ms.is_some() || open.iter().any(|run| run.job == id) {
            return Ok(None);
        }
        if open.len() >= MAX_QUEUED {
            let text = format!("{MAX_QUEUED} runs are waiting; try again later");
            return Err(Error::new(ErrorKind::Overloaded, text).into());
        }
        let (now, number) = (self.now(), self.asked.fetch_add(1, Ordering::Relaxed) + 1);
        let run_id = format!("manual:{id}:{now}:{number}");
        let run = CronRun {
            id: run_id.clone(),
            job: id.to_owned(),
            state: RunState::Queued,
            record: json!(Record::of(&job, &run_id, now)).to_string(),
            at_ms: now,
        };
        self.journal(move |j| j.cron_step(&run, &JobThen::Same, None))
            .await?;
        self.moved.notify_one();
        Ok(Some(run_id))
    }

    /// Runs that have ended, the newest first, and how many there are.
    pub async fn runs(
        &self,
        of: Option<&str>,
        limit: u32,
        offset: u32,
    ) -> Result<(Vec<Record>, u64), CronError> {
        let of = of.map(str::to_owned);
        let (runs, total) = self
            .journal(move |j| j.cron_runs(of.as_deref(), limit, offset))
            .await?;
        let records = runs
            .iter()
            .filter_map(|run| serde_json::from_str(&run.record).ok());
        Ok((records.collect(), total))
    }

    /// Begins what is due and what was asked for, as far as there are places. Gives when to look again.
    pub async fn tick(self: &Arc<Self>) -> Result<Option<i64>, CronError> {
        let _work = self.work.lock().await;
        let places = self.desk.config().cron.places();
        let open = self.journal(Journal::cron_open_runs).await?;
        let running = open.iter().filter(|run| run.state == RunState::Running).count();
        let mut free = places.saturating_sub(running);
        // what a person asks for is done also where nothing is done by itself
        for run in open.into_iter().filter(|run| run.state == RunState::Queued) {
            if free == 0 {
                return Ok(None);
            }
            free -= 1;
            self.begin_queued(run).await?;
        }
        if !self.is_on() {
            return Ok(None);
        }
        let (now, limit) = (self.now(), u32::try_from(free).unwrap_or(u32::MAX));
        for row in self.journal(move |j| j.cron_due(now, limit)).await? {
            match read(&row) {
                Some(job) => self.begin_due(job, now).await?,
                None => self.set_aside(row).await?,
            }
        }
        let next = self.journal(Journal::cron_next).await?;
        // one that is due and has no place begins at the end of another
        Ok(next.filter(|next| *next > now))
    }

    /// Works until the gateway ends.
    pub async fn run(self: Arc<Self>) {
        loop {
            let next = self.tick().await.unwrap_or_else(|error| {
                tracing::error!(target: "openclaw::cron", %error, "jobs are looked at again later");
                None
            });
            let wait = next.map_or(MAX_SLEEP, |next| {
                let ms = u64::try_from(next - self.now()).unwrap_or(0);
                Duration::from_millis(ms).min(MAX_SLEEP)
            });
            tokio::select! {
                () = self.moved.notified() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    async fn begin_due(self: &Arc<Self>, job: Job, now: i64) -> Result<(), CronError> {
        let due = job.state.next_run_at_ms.unwrap_or(now);
        let run_id = format!("cron:{}:{due}", job.id);
        self.begin(job, &run_id).await
    }

    async fn begin_queued(self: &Arc<Self>, run: CronRun) -> Result<(), CronError> {
        match self.get(&run.job).await {
            Ok(job) => self.begin(job, &run.id).await,
            Err(CronError::NotFound(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// A job that a later gateway wrote is not begun over and over.
    async fn set_aside(&self, mut row: CronJob) -> Result<(), CronError> {
        tracing::error!(target: "openclaw::cron", job = row.id, "the job can't be read and is off; remove it with `openclaw cron rm`");
        row.due_ms = None;
        self.journal(move |j| j.cron_put(&row)).await
    }

    /// Jobs run by themselves.
    pub fn is_on(&self) -> bool {
        !self.off && self.desk.config().cron.is_on()
    }

    /// Where jobs run.
    pub fn desk(&self) -> &Arc<Desk> {
        &self.desk
    }

    pub(super) fn now(&self) -> i64 {
        self.desk.clock.now_ms()
    }

    pub(super) async fn put(&self, job: &Job) -> Result<(), CronError> {
        let row = row(job);
        self.journal(move |j| j.cron_put(&row)).await?;
        self.moved.notify_one();
        Ok(())
    }

    pub(super) async fn journal<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Journal) -> Result<T, JournalError> + Send + 'static,
    ) -> Result<T, CronError> {
        Ok(self.desk.journal.run(work).await?)
    }

    pub(super) async fn lock(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.work.lock().await
    }

    /// Somebody may be waiting for a place.
    pub(super) fn moved(&self) {
        self.moved.notify_one();
    }

    pub(super) fn told(&self, action: &str, job: &Job) {
        self.say(json!({
            "jobId": job.id, "action": action, "job": job, "nextRunAtMs": job.state.next_run_at_ms,
        }));
    }

    pub(super) fn say(&self, mut news: Changed) {
        if let Some(news) = news.as_object_mut() {
            news.retain(|_, value| !value.is_null());
        }
        // nobody listening is fine
        let _ = self.news.send(news);
    }
}

pub(super) fn read(row: &CronJob) -> Option<Job> {
    serde_json::from_str(&row.job).ok()
}

pub(super) fn row(job: &Job) -> CronJob {
    CronJob {
        id: job.id.clone(),
        job: json!(job).to_string(),
        due_ms: job.due(),
        created_ms: job.created_at_ms,
    }
}

impl std::fmt::Debug for Cron {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Cron")
            .field("off", &self.off)
            .finish_non_exhaustive()
    }
}
