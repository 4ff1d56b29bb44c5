//! One run of a job, from its beginning to its end, also over the end of a process in between.
use super::{
    engine::{Cron, CronError, read, row},
    job::{DeliveryMode, Job, Payload, WakeMode},
    outcome::{Delivered, Outcome, Record},
    place,
};
use crate::{
    agent::{
        Ask, CLIENTS,
        commands::{QueueMode, thinking_from_word},
        live::{Run, Source},
        reply::{self, Occasion, Reply},
    },
    gateway::random::uuid,
    heartbeat::Cause,
    journal::{CronRun, EventState, JobThen, Outcome as Sent, RunState, SystemEvent},
    route::Delivery,
};
use serde_json::json;
use std::{sync::Arc, time::Duration};

/// How long the end of a run waits for its answer to arrive where it goes.
const PATIENCE: Duration = Duration::from_secs(10);
/// What is said of a run that wants a chat where there is none.
const NOWHERE: &str =
    "there is no chat to deliver to: nobody has written to the agent yet; name one with --channel and --to";

const BRIEFING: &str = "You were started by a schedule; nobody waits in this conversation. Do what is asked and answer \
with the result alone: the gateway brings your answer to where it belongs, so don't send it yourself. If there is \
nothing worth saying, answer NO_REPLY.";

impl Cron {
    /// A run begins. It is in the journal with its job before anything of it has consequences.
    pub(super) async fn begin(self: &Arc<Self>, mut job: Job, run_id: &str) -> Result<(), CronError> {
        let now = self.now();
        job.begin(now);
        let record = Record::of(&job, run_id, now);
        let run = open_run(&record, now);
        let then = JobThen::Changed(row(&job));
        self.journal(move |j| j.cron_step(&run, &then, None)).await?;
        self.say(
            json!({ "jobId": job.id, "action": "started", "job": job, "runAtMs": now, "runId": run_id }),
        );
        self.go(job, record).await;
        Ok(())
    }

    /// Takes up the runs that an earlier process left. To be called before anything of the inbox is.
    pub async fn recover(self: &Arc<Self>) -> Result<(), CronError> {
        let _work = self.lock().await;
        let mut runs = self.journal(crate::journal::Journal::cron_open_runs).await?;
        runs.retain(|run| run.state == RunState::Running);
        for run in runs {
            let Ok(record) = serde_json::from_str::<Record>(&run.record) else {
                continue;
            };
            let id = run.job.clone();
            let job = self.journal(move |j| j.cron_job(&id)).await?;
            match job.as_ref().and_then(read) {
                Some(job) => self.take_up(job, record).await?,
                // whoever removed it does not want its end
                None => {
                    let over = CronRun {
                        state: RunState::Ended,
                        ..run
                    };
                    self.journal(move |j| j.cron_step(&over, &JobThen::Same, None))
                        .await?;
                }
            }
        }
        if self.desk.config().cron.skip_missed_jobs == Some(true) {
            self.leave_out().await?;
        }
        Ok(())
    }

    async fn take_up(self: &Arc<Self>, job: Job, record: Record) -> Result<(), CronError> {
        let id = record.run_id.clone();
        let state = self.journal(move |j| j.event_state(CLIENTS, "", &id)).await?;
        match state {
            None => self.go(job, record).await,
            Some(EventState::Open) => {
                let (run, _) =
                    self.desk
                        .live
                        .open(&record.run_id, &job.session(), &job.agent_id, Source::Client);
                self.follow(job, record, run);
            }
            Some(EventState::Settled) => {
                let (key, turn) = (job.session(), format!("run-{}", record.run_id));
                let read = move |j: &crate::journal::Journal| {
                    let id = j
                        .find_session(&key)?
                        .map(|session| session.session_id)
                        .unwrap_or_default();
                    Ok((j.turn(&id, &turn)?, id))
                };
                let (entries, id) = self.journal(read).await?;
                let outcome = Outcome::read(&entries, &id);
                let cron = self.clone();
                tokio::spawn(async move { cron.ended(job, record, outcome).await });
            }
        }
        Ok(())
    }

    /// What was missed is not done.
    async fn leave_out(&self) -> Result<(), CronError> {
        let now = self.now();
        for found in self.journal(move |j| j.cron_due(now, u32::MAX)).await? {
            let Some(mut job) = read(&found) else { continue };
            if job.schedule.is_once() {
                job.enabled = false;
                job.state.last_status = Some(super::Status::Skipped);
            }
            job.plan(now);
            self.put(&job).await?;
        }
        Ok(())
    }

    /// Does what the job says. What can't be begun ends at once.
    async fn go(self: &Arc<Self>, job: Job, mut record: Record) {
        record.session_key = Some(job.session());
        match &job.payload {
            Payload::SystemEvent { text } => {
                let (cron, text) = (self.clone(), text.clone());
                tokio::spawn(async move { cron.tell(job, record, text).await });
            }
            Payload::AgentTurn { .. } => match self.start(&job, &record).await {
                Ok(run) => self.follow(job, record, run),
                Err(error) => {
                    let outcome = Outcome {
                        error: Some(error.to_string()),
                        ..Outcome::default()
                    };
                    self.end_now(job, record, outcome, Delivered::NotRequested, None)
                        .await;
                }
            },
        }
    }

    /// The agent hears of something; where it is to hear at once, it is woken.
    async fn tell(self: &Arc<Self>, job: Job, record: Record, text: String) {
        let event = SystemEvent {
            session: job.session(),
            text: text.clone(),
            created_ms: self.now(),
        };
        let outcome = Outcome {
            text,
            ..Outcome::default()
        };
        let delivered = self.webhook_now(&job, &record, &outcome).await;
        let (agent, wake) = (job.agent_id.clone(), job.wake_mode);
        let work = self.lock().await;
        self.end_now(job, record, outcome, delivered, Some(event)).await;
        drop(work);
        if wake == WakeMode::Now {
            self.heart.wake(&agent, Cause::Event);
        }
    }

    /// Asks the agent, as a client would.
    async fn start(&self, job: &Job, record: &Record) -> Result<Arc<Run>, CronError> {
        let Payload::AgentTurn {
            message,
            model,
            thinking,
            timeout_seconds,
        } = &job.payload
        else {
            return Err(CronError::Invalid("the job asks nothing".to_owned()));
        };
        let key = job.session();
        if job.is_isolated() {
            let (key, agent, now) = (key.clone(), job.agent_id.clone(), self.now());
            self.journal(move |j| {
                j.session(&key, &agent, &uuid(), now)?;
                j.reset_session(&key, &uuid(), now)
            })
            .await?;
        }
        let ask = Ask {
            run_id: record.run_id.clone(),
            session_key: key.clone(),
            agent_id: job.agent_id.clone(),
            thinking: thinking.as_deref().and_then(thinking_from_word),
            model: model.clone().unwrap_or_default(),
            timeout_ms: timeout_seconds.map_or(0, |seconds| (seconds.max(0.0) * 1000.0) as u64),
            deliver: self.chat(job).await?,
            // it stops nothing that somebody said, and its answer is for nobody else
            queue_mode: Some(QueueMode::Followup),
            plain: true,
            owner: true,
            sender_id: "cron".to_owned(),
            client: json!({ "id": "cron", "jobId": job.id }),
            system: BRIEFING.to_owned(),
            ..Ask::default()
        };
        let text = format!("[cron:{} {}] {message}", job.id, job.name);
        Ok(ask.begin(&self.desk, &self.inbox, text).await?)
    }

    /// Where the answer goes, if it goes to a chat and there is one.
    async fn chat(&self, job: &Job) -> Result<Option<Delivery>, CronError> {
        match &job.delivery {
            Some(wanted) if wanted.mode == DeliveryMode::Announce => {
                Ok(place::chat(&self.desk, &job.agent_id, wanted).await?)
            }
            _ => Ok(None),
        }
    }

    fn follow(self: &Arc<Self>, job: Job, record: Record, run: Arc<Run>) {
        let cron = self.clone();
        tokio::spawn(async move {
            run.ended().await;
            cron.ended(job, record, Outcome::of(&run)).await;
        });
    }

    /// The agent has answered.
    async fn ended(self: &Arc<Self>, job: Job, record: Record, outcome: Outcome) {
        let delivered = match job.delivery_mode() {
            DeliveryMode::None => Delivered::NotRequested,
            DeliveryMode::Webhook => self.webhook_now(&job, &record, &outcome).await,
            DeliveryMode::Announce => self.announced(&record, &outcome).await,
        };
        let _work = self.lock().await;
        self.end_now(job, record, outcome, delivered, None).await;
    }

    /// What became of an answer that goes to a chat. It was put into the outbox with the end of its turn.
    pub(super) async fn announced(&self, record: &Record, outcome: &Outcome) -> Delivered {
        if outcome.elsewhere {
            return Delivered::Unknown;
        }
        if outcome.error.is_some() {
            return Delivered::No("there was no answer".to_owned());
        }
        let turn = format!("run-{}", record.run_id);
        let rows = match self.journal(move |j| j.posted(&turn)).await {
            Ok(rows) => rows,
            Err(error) => return Delivered::No(error.to_string()),
        };
        let speaks = matches!(reply::parse(&outcome.text, Occasion::Message), Reply::Send(_));
        if rows.is_empty() && speaks {
            return Delivered::No(NOWHERE.to_owned());
        }
        for row in rows {
            match self.desk.outbox.settled(row, PATIENCE).await {
                Ok(Some(Sent::Sent(_))) => {}
                Ok(Some(Sent::Failed(why))) => return Delivered::No(why),
                Ok(_) => return Delivered::Unknown,
                Err(error) => return Delivered::No(error.to_string()),
            }
        }
        Delivered::Yes
    }

    async fn webhook_now(&self, job: &Job, record: &Record, outcome: &Outcome) -> Delivered {
        let delivery = job
            .delivery
            .as_ref()
            .filter(|delivery| delivery.mode == DeliveryMode::Webhook);
        let Some(url) = delivery.and_then(|delivery| delivery.to.as_deref()) else {
            return Delivered::NotRequested;
        };
        let mut told = record.clone();
        told.finish(outcome, &Delivered::NotRequested, true, self.now());
        let config = self.desk.config();
        let token = config
            .cron
            .webhook_token
            .as_ref()
            .and_then(|token| token.secret());
        let private = config.cron.webhook_ssrf_policy.dangerously_allow_private_network;
        let posted = self
            .webhook
            .post(url, token, private, &record.run_id, &json!(told))
            .await;
        match posted {
            Ok(()) => Delivered::Yes,
            Err(why) => Delivered::No(why),
        }
    }

    /// The end of a run, its job and what is to be heard of it, in one write.
    async fn end_now(
        &self,
        begun: Job,
        mut record: Record,
        outcome: Outcome,
        delivered: Delivered,
        event: Option<SystemEvent>,
    ) {
        let now = self.now();
        let best_effort = begun
            .delivery
            .as_ref()
            .is_some_and(|delivery| delivery.best_effort == Some(true));
        let status = record.finish(&outcome, &delivered, best_effort, now);
        // it may have been changed or removed meanwhile
        let id = begun.id.clone();
        let found = self.desk.insist(move |j| j.cron_job(&id)).await.unwrap_or_else(|error| {
            tracing::error!(target: "openclaw::cron", job = begun.id, %error, "a job whose run has ended can't be read");
            None
        });
        let job = found.as_ref().and_then(read).map(|mut job| {
            let error = record.error.clone();
            let over = job.end_of(&begun.schedule, status, error, record.run_at_ms, now);
            job.state.last_delivered = Some(record.delivered);
            job.state.last_delivery_status = Some(record.delivery_status.clone());
            job.state.last_delivery_error = record.delivery_error.clone();
            (job, over)
        });
        record.next_run_at_ms = job.as_ref().and_then(|(job, _)| job.state.next_run_at_ms);
        let then = match &job {
            None => JobThen::Same,
            Some((_, true)) => JobThen::Gone,
            Some((job, false)) => JobThen::Changed(row(job)),
        };
        let run = CronRun {
            state: RunState::Ended,
            ..open_run(&record, now)
        };
        // a run that is not noted as ended keeps its place from all others
        let noted = self
            .desk
            .insist(move |j| j.cron_step(&run, &then, event.as_ref()));
        if let Err(error) = noted.await {
            // the next start finds it open and ends it
            tracing::error!(target: "openclaw::cron", job = begun.id, %error, "the end of a run is not noted");
        }
        if let Some(error) = &record.error {
            tracing::warn!(target: "openclaw::cron", job = begun.id, name = begun.name, "failed: {error}");
        }
        let mut news = json!(record);
        news["job"] = json!(job.as_ref().map(|(job, _)| job));
        self.say(news);
        if let Some((job, true)) = &job {
            self.say(json!({ "jobId": job.id, "action": "removed" }));
        }
        self.moved();
    }
}

fn open_run(record: &Record, now_ms: i64) -> CronRun {
    CronRun {
        id: record.run_id.clone(),
        job: record.job_id.clone(),
        state: RunState::Running,
        record: json!(record).to_string(),
        at_ms: now_ms,
    }
}
