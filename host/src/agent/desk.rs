//! Where turns are worked on: everything that they need, and the rule of how many run at once.
use super::{
    answer,
    asker::Models,
    briefing::Briefings,
    commands::{self, QueueSettings, SessionSettings, wished_thinking},
    enclosure::Enclosures,
    job::{EventJob, Job, RunJob, Steering},
    lane::{Lanes, Work, Worker},
    live::{End, Live},
    places::Places,
    queue::QueueRules,
    request,
    tools::Toolbox,
    turn::{Listener, TurnOutcome},
};
use crate::{
    approvals::Approvals,
    clock::Clock,
    config::{Config, Paths, QueueDrop, QueueMode},
    deliver::Outbox,
    gateway::random::uuid,
    journal::{Journal, JournalError, Session, Settled},
    models::Snapshot,
    plugins::registry::Registry,
    route::Delivery,
    skills::Skills,
};
use futures_util::future::BoxFuture;
use openclaw_plugin_api::{AgentRun, Error, ErrorKind, Result};
use std::{sync::Arc, time::Duration};
use tokio::sync::{OwnedSemaphorePermit, oneshot, watch};

/// How long to wait when the journal can't be used.
pub(super) const JOURNAL_WAIT: Duration = Duration::from_secs(5);

/// What turns are worked on with.
pub struct Desk {
    /// Plugins.
    pub registry: Arc<Registry>,
    /// What is kept.
    pub journal: Journal,
    /// The time of day.
    pub clock: Clock,
    /// Replies on their way.
    pub outbox: Arc<Outbox>,
    /// The configuration as it is now.
    pub config: watch::Receiver<Arc<Config>>,
    /// Places of files.
    pub paths: Paths,
    /// Asks models.
    pub asker: Arc<Models>,
    /// What agents are told ahead of conversations.
    pub briefings: Briefings,
    /// Files of answers.
    pub enclosures: Enclosures,
    /// Instructions for special work that agents find.
    pub skills: Skills,
    /// What the operator is asked.
    pub approvals: Arc<Approvals>,
    /// What agents can do.
    pub tools: Toolbox,
    /// Turns that run at once.
    pub turns: Places,
    /// Runs that are under way, for whoever watches.
    pub live: Live,
}

impl Desk {
    /// Where the journal has which keys and models rest.
    pub const RESTING: (&str, &str) = ("host:models", "resting");

    /// The configuration as it is now.
    pub fn config(&self) -> Arc<Config> {
        self.config.borrow().clone()
    }

    /// The configuration is another one.
    pub fn reconfigured(&self) {
        self.turns.resize(self.config().agents().max_concurrent);
    }

    /// Keeps which keys and models rest, if that has changed: the next process must not try them at once.
    pub async fn keep_resting(&self) {
        let Some(resting) = self.asker.resting() else {
            return;
        };
        let (value, now) = (
            serde_json::to_vec(&resting).unwrap_or_default(),
            self.clock.now_ms(),
        );
        let kept = self
            .journal
            .run(move |j| j.put(Self::RESTING.0, Self::RESTING.1, &value, None, now));
        if let Err(error) = kept.await {
            tracing::warn!(target: "openclaw::models", %error, "which keys rest is not kept");
        }
    }

    /// What rested when the last process ended.
    pub fn resting_before(journal: &Journal, now_ms: i64) -> Snapshot {
        let kept = journal
            .get(Self::RESTING.0, Self::RESTING.1, now_ms)
            .ok()
            .flatten();
        kept.and_then(|value| serde_json::from_slice(&value).ok())
            .unwrap_or_default()
    }

    /// A conversation, made if there is none.
    pub async fn session(&self, key: &str, agent: &str) -> std::result::Result<Session, JournalError> {
        let (key, agent, now) = (key.to_owned(), agent.to_owned(), self.clock.now_ms());
        self.journal
            .run(move |j| j.session(&key, &agent, &uuid(), now))
            .await
    }

    /// Ends what runs in a conversation, drops what waits, and does something with it while nothing runs.
    pub async fn between<T: Send + 'static>(
        self: &Arc<Self>,
        lanes: &Arc<Lanes>,
        key: &str,
        work: impl FnOnce(Arc<Self>, String) -> BoxFuture<'static, T> + Send + 'static,
    ) -> Option<T> {
        lanes.stop(key).await;
        self.in_turn(lanes, key, work).await
    }

    /// Does something with a conversation when what it is doing, and what waits before this, is done.
    pub async fn in_turn<T: Send + 'static>(
        self: &Arc<Self>,
        lanes: &Arc<Lanes>,
        key: &str,
        work: impl FnOnce(Arc<Self>, String) -> BoxFuture<'static, T> + Send + 'static,
    ) -> Option<T> {
        let (desk, name) = (self.clone(), key.to_owned());
        let (done, ended) = oneshot::channel();
        let work = Work::Between(Box::pin(async move {
            // whoever asked may have gone
            let _ = done.send(work(desk, name).await);
        }));
        lanes.put(key, work).await;
        ended.await.ok()
    }

    /// A conversation begins anew.
    pub async fn begin_anew(self: &Arc<Self>, lanes: &Arc<Lanes>, key: &str) -> Result<()> {
        let reset = |desk: Arc<Self>, key: String| -> BoxFuture<'static, Result<()>> {
            Box::pin(async move {
                let now = desk.clock.now_ms();
                let reset = desk.insist(move |j| j.reset_session(&key, &uuid(), now)).await;
                reset.map_err(|error| Error::new(ErrorKind::Internal, error))
            })
        };
        let gone = || Error::new(ErrorKind::Closed, "the gateway is ending; try again");
        self.between(lanes, key, reset).await.ok_or_else(gone)?
    }

    /// A conversation becomes shorter, between its turns. Gives how long it is then, tokens; none if there was nothing
    /// to shorten.
    pub async fn compact(
        self: &Arc<Self>,
        lanes: &Arc<Lanes>,
        key: &str,
        agent: &str,
    ) -> Result<Option<u64>> {
        let agent = agent.to_owned();
        let work = move |desk: Arc<Self>, key: String| -> BoxFuture<'static, Result<Option<u64>>> {
            Box::pin(async move {
                let config = desk.config();
                let agents = config.agents();
                let agent = agents.get(&agent).unwrap_or_else(|| agents.default_agent());
                let session = desk.session(&key, &agent.id).await;
                let session = session.map_err(|error| Error::new(ErrorKind::Overloaded, error))?;
                let done = request::compact(&desk, agent, &session, None).await?;
                Ok(done.map(|(tokens, _)| tokens))
            })
        };
        let gone = || Error::new(ErrorKind::Closed, "the gateway is ending; try again");
        self.between(lanes, key, work).await.ok_or_else(gone)?
    }

    /// Waits for one of the places of turns.
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        self.turns.take().await
    }

    /// Does something with the journal until the disk takes it: what a turn has brought about must not be lost to a
    /// full disk. What no waiting would mend is an error at once.
    pub(crate) async fn insist<T: Send + 'static>(
        &self,
        work: impl Fn(&Journal) -> std::result::Result<T, JournalError> + Send + Sync + Clone + 'static,
    ) -> std::result::Result<T, JournalError> {
        loop {
            let work = work.clone();
            match self.journal.run(move |j| work(j)).await {
                Err(error) if error.is_passing() => {
                    tracing::error!(target: "openclaw::agent", %error, "trying again");
                    tokio::time::sleep(JOURNAL_WAIT).await;
                }
                outcome => return outcome,
            }
        }
    }

    pub(super) async fn settle(&self, rows: Vec<i64>, how: Settled) {
        let now = self.clock.now_ms();
        let (all, what) = (rows.clone(), how.clone());
        if let Err(error) = self.insist(move |j| j.settle(&rows, &how, now)).await {
            tracing::error!(target: "openclaw::agent", rows = ?all, how = ?what, %error, "not settled; taken up again at the next start");
        }
    }

    /// Runs a turn for somebody who waits for its end.
    pub async fn run(&self, lanes: &Arc<Lanes>, run: AgentRun, events: Listener) -> Result<TurnOutcome> {
        wished_thinking(&run.thinking).map_err(Error::invalid)?;
        let (done, outcome) = oneshot::channel();
        let run = request::complete(run, &self.config());
        let key = run.session_key.clone();
        let job = Job::Run(Box::new(RunJob { run, events, done }));
        lanes.put(&key, Work::Job(Box::new(job))).await;
        let gone = || Error::new(ErrorKind::Cancelled, "the turn was stopped");
        outcome.await.map_err(|_| gone())?
    }
}

impl Worker for Desk {
    fn turn(
        self: Arc<Self>,
        key: String,
        jobs: Vec<Job>,
        stop: watch::Receiver<bool>,
        steering: Arc<Steering>,
    ) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            self.registry.settling.settled().await;
            let mut events: Vec<EventJob> = Vec::new();
            for job in jobs {
                match job {
                    Job::Event(job) => events.push(*job),
                    Job::Run(job) => request::serve(&self, *job, stop.clone(), &steering).await,
                }
            }
            if !events.is_empty() {
                answer::events(&self, &key, events, stop, &steering).await;
            }
        })
    }

    fn discard(self: Arc<Self>, jobs: Vec<Job>, why: &'static str) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            for job in jobs {
                match job {
                    Job::Event(job) => {
                        let how = Settled::Dropped(why.to_owned());
                        self.settle(job.rows.clone(), how).await;
                        job.runs().for_each(|run| self.live.end(run, End::Aborted));
                    }
                    Job::Run(job) => {
                        // whoever waits may have gone
                        let _ = job.done.send(Err(Error::new(ErrorKind::Cancelled, why)));
                    }
                }
            }
        })
    }

    fn rules(self: Arc<Self>, key: String) -> BoxFuture<'static, QueueRules> {
        Box::pin(async move {
            let session = self.journal.run(move |j| j.find_session(&key)).await;
            let session = session.ok().flatten();
            let route = session
                .as_ref()
                .map(|session| session.route.as_str())
                .unwrap_or_default();
            let route: Option<Delivery> = serde_json::from_str(route).ok();
            let channel = route.map(|route| route.channel).unwrap_or_default();
            let settings = session
                .as_ref()
                .map(|session| session.settings.as_str())
                .unwrap_or_default();
            let settings: SessionSettings = serde_json::from_str(settings).unwrap_or_default();
            let queue = settings.queue(queue_settings(&self.config(), &channel));
            QueueRules {
                mode: queue_mode(queue.mode),
                cap: usize::try_from(queue.cap).unwrap_or(usize::MAX),
                drop: match queue.drop {
                    commands::QueueDrop::Summarize => QueueDrop::Summarize,
                    commands::QueueDrop::Old => QueueDrop::Old,
                    commands::QueueDrop::New => QueueDrop::New,
                },
                debounce: Duration::from_millis(queue.debounce_ms),
            }
        })
    }
}

/// What somebody set, as the configuration writes it.
pub(super) fn queue_mode(set: commands::QueueMode) -> QueueMode {
    match set {
        commands::QueueMode::Steer => QueueMode::Steer,
        commands::QueueMode::Followup => QueueMode::Followup,
        commands::QueueMode::Collect => QueueMode::Collect,
        commands::QueueMode::Interrupt => QueueMode::Interrupt,
    }
}

/// How the configuration wants a channel's conversations to queue.
pub fn queue_settings(config: &Config, channel: &str) -> QueueSettings {
    let queue = &config.messages.queue;
    QueueSettings {
        mode: match queue.mode(channel) {
            QueueMode::Followup => commands::QueueMode::Followup,
            QueueMode::Collect => commands::QueueMode::Collect,
            QueueMode::Interrupt => commands::QueueMode::Interrupt,
            _ => commands::QueueMode::Steer,
        },
        debounce_ms: u64::try_from(queue.debounce(channel).as_millis()).unwrap_or(u64::MAX),
        cap: u32::try_from(queue.cap()).unwrap_or(u32::MAX),
        drop: match queue.drop() {
            QueueDrop::Summarize => commands::QueueDrop::Summarize,
            QueueDrop::Old => commands::QueueDrop::Old,
            QueueDrop::New => commands::QueueDrop::New,
        },
    }
}

impl std::fmt::Debug for Desk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}
