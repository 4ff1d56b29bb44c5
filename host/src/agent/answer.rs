//! From events of a channel to a reply in the outbox, in one transaction with the end of their turn.
//!
//! Each event that comes in here is settled, whatever happens: answered, or failed with a word to the person.
mod aloud;
mod broken;
mod spoken;

use super::{
    briefing::Occasion,
    client::{self, Ask},
    commands::thinking_word,
    compose::{Composition, in_place},
    desk::Desk,
    flush::flush,
    heard::{Begin, about, apology, input, join, run_of, wants, watched},
    job::{EventJob, Steering},
    live::{End, Run},
    overheard, post,
    request::{self, DEFAULT_MODEL, run_limited, turn_of, usage},
    settle::DONE,
    standing,
    turn::{self, Turn, TurnEvents, TurnOutcome, Workbench},
};
use crate::{
    access::chat_prompt,
    config::{Agent, ChannelPolicy, Config},
    deliver::{Body, Seen, follow, lane_of, message_to},
    gateway::random::uuid,
    journal::{
        self, Cost, Entry, Journal, JournalError, NewDelivery, NewSession, Session, SessionUsage, Settled,
    },
};
use futures_util::FutureExt;
use openclaw_plugin_api::{ChannelInfo, Error, ErrorKind, InboundKind, Result, ToolOrigin};
use spoken::Spoken;
use std::{sync::Arc, time::Duration};
use tokio::sync::{mpsc, watch};

/// How often a turn is begun for the same events: it ended the process each time before.
const MAX_ATTEMPTS: u32 = 3;
/// Events of a turn that the chat's picture of it may fall behind by.
const TURN_EVENTS: usize = 64;

/// Answers events that belong together.
pub(super) async fn events(
    desk: &Desk,
    key: &str,
    jobs: Vec<EventJob>,
    stop: watch::Receiver<bool>,
    steering: &Steering,
) {
    let Some((channel, event)) = jobs.last().map(|job| (job.channel.clone(), job.event.clone())) else {
        return;
    };
    let mut rows: Vec<i64> = jobs.iter().flat_map(|job| job.rows.iter().copied()).collect();
    let (run_id, is_client) = (run_of(&jobs), channel == client::CLIENTS);
    let turn = std::panic::AssertUnwindSafe(answer(desk, key, jobs, stop, steering)).catch_unwind();
    let why = match turn.await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => error.to_string(),
        Err(_) => "the gateway broke off while it worked on this; please report it".to_owned(),
    };
    tracing::error!(target: "openclaw::agent", session = key, why, "not answered");
    rows.extend(steering.joined());
    let id = format!("event-{}:broken", rows.first().copied().unwrap_or_default());
    let error = Error::new(ErrorKind::Internal, &why);
    let text = apology(&error);
    let end = End::Failed {
        message: text.clone(),
        error,
    };
    desk.live.end(&run_id, end);
    let lane = lane_of(&channel, &event);
    let (replies, now) = (
        [Body::new(message_to(&event, text, id)).to(&lane, &channel)],
        desk.clock.now_ms(),
    );
    let replies = replies.into_iter().filter(|_| !is_client).collect::<Vec<_>>();
    let (all, how) = (rows.clone(), Settled::Failed(why));
    let failed = how.clone();
    match desk
        .insist(move |j| j.reply(&rows, &how, &replies, "", &[], now))
        .await
    {
        Ok(_) => desk.outbox.wake(&lane),
        Err(_) => desk.settle(all, failed).await,
    }
}

async fn answer(
    desk: &Desk,
    key: &str,
    jobs: Vec<EventJob>,
    stop: watch::Receiver<bool>,
    steering: &Steering,
) -> std::result::Result<(), JournalError> {
    let config = desk.config();
    let agents = config.agents();
    let agent = agents
        .get(&jobs[0].agent_id)
        .unwrap_or_else(|| agents.default_agent());
    let begin = Begin::of(&jobs, steering);
    let (id, name, now) = (key.to_owned(), agent.id.clone(), desk.clock.now_ms());
    let (rows, turn) = (begin.rows.clone(), begin.turn_id.clone());
    let (session, attempts) = desk
        .insist(move |j| {
            let conversation = NewSession {
                key: &id,
                agent: &name,
                id: &uuid(),
            };
            j.begin_in(&conversation, &rows, &turn, now)
        })
        .await?;
    if attempts == 0 {
        tracing::warn!(target: "openclaw::agent", session = key, rows = ?begin.rows, "dealt with already");
        let runs = jobs.iter().flat_map(EventJob::runs);
        runs.for_each(|run| desk.live.end(run, End::Merged));
        return Ok(());
    }
    let case = Case::new(desk, key, &config, agent, session, begin, jobs);
    if attempts > MAX_ATTEMPTS {
        let text = format!("the gateway ended {MAX_ATTEMPTS} times while it worked on this");
        return case
            .failed(
                &Error::new(ErrorKind::Internal, text),
                Seen::default(),
                Spoken::default(),
            )
            .await;
    }
    case.work(attempts > 1, stop).await
}

/// Events that get one answer.
struct Case<'a> {
    desk: &'a Desk,
    key: &'a str,
    config: &'a Config,
    agent: &'a Agent,
    policy: Arc<ChannelPolicy>,
    info: Arc<ChannelInfo>,
    session: Session,
    rows: Vec<i64>,
    turn_id: String,
    jobs: Vec<EventJob>,
    steering: &'a Steering,
    run: Arc<Run>,
}

impl<'a> Case<'a> {
    fn new(
        desk: &'a Desk,
        key: &'a str,
        config: &'a Config,
        agent: &'a Agent,
        session: Session,
        begin: Begin<'a>,
        jobs: Vec<EventJob>,
    ) -> Self {
        let (channel, account) = (&jobs[0].channel, jobs[0].event.account_id.as_str());
        let account = if account.is_empty() { "default" } else { account };
        // what the gate could not read let nobody in
        let policy = config.channel_policy(channel, account).unwrap_or_default();
        let info = desk.registry.channel_info(channel);
        let run = watched(desk, key, &agent.id, &jobs);
        Self {
            desk,
            key,
            config,
            agent,
            policy,
            info,
            session,
            rows: begin.rows,
            turn_id: begin.turn_id,
            jobs,
            steering: begin.steering,
            run,
        }
    }

    async fn work(self, resumed: bool, stop: watch::Receiver<bool>) -> std::result::Result<(), JournalError> {
        let told = self.told_before(resumed).await?;
        let (listener, heard) = mpsc::channel(TURN_EVENTS);
        let events = TurnEvents::new(listener, Some(self.run.clone()));
        let (heard, aloud) = self.aloud(&told, heard, stop.clone());
        let presence = follow(
            self.desk.registry.clone(),
            self.desk.journal.clone(),
            self.place(),
            heard,
        );
        let turn = async {
            let outcome = turn::unless_stopped(stop.clone(), self.run(resumed, &events)).await;
            drop(events);
            outcome
        };
        let (outcome, seen, spoken) = tokio::join!(turn, presence, aloud);
        match outcome {
            Ok(outcome) => self.answered(outcome, seen, spoken).await,
            // only what somebody stopped: a call that was cancelled for another reason is a failure
            Err(error) if error.kind() == ErrorKind::Cancelled && *stop.borrow() => self.stopped().await,
            Err(error) => self.failed(&error, seen, spoken).await,
        }
    }

    async fn run(&self, resumed: bool, events: &TurnEvents) -> Result<TurnOutcome> {
        wants(self.desk, self.agent, self.last(), &self.run).await;
        self.run.phase("preparing_workspace");
        let _place = self.desk.place().await;
        let bench = Workbench {
            tools: &self.desk.tools,
            journal: &self.desk.journal,
            clock: &self.desk.clock,
            asker: &*self.desk.asker,
            steering: self.steering,
            joins: &|job| join(self.desk, self.key, job),
        };
        self.run.phase("preparing_context");
        let mut turn = self.turn(resumed).await;
        run_limited(&bench, &mut turn, events).await
    }

    /// The events that the turn began with, and those that joined it.
    fn all_rows(&self) -> Vec<i64> {
        let mut rows = self.rows.clone();
        rows.extend(self.steering.joined());
        rows
    }

    async fn turn(&self, resumed: bool) -> Turn {
        let last = self.last();
        let mut turn = turn_of(
            self.desk,
            self.agent,
            &self.session.session_id,
            self.turn_id.clone(),
        )
        .await;
        turn.resumed = resumed;
        turn.idle = request::idle(self.desk, &self.session);
        let wish = last.ask.as_ref().and_then(|ask| ask.thinking);
        turn.thinking = wish.or(last.settings.thinking_level).unwrap_or(turn.thinking);
        self.run.thinks(turn.thinking);
        let most = last.ask.as_ref().map_or(0, |ask| ask.timeout_ms);
        let most = (most > 0).then(|| Duration::from_millis(most));
        turn.limit = turn.limit.into_iter().chain(most).min();
        let asked = last.ask.as_ref().and_then(|ask| ask.model(self.agent));
        if let Some(chosen) = asked.or_else(|| last.settings.model()) {
            // what somebody chose is answered by nobody else
            turn.models = vec![chosen];
        }
        turn.profile = last.settings.auth_profile_override.clone().unwrap_or_default();
        turn.input = self.jobs.iter().map(input).collect();
        overheard::tell(self.desk, self.key, &self.turn_id, &mut turn.input).await;
        turn.about = self.jobs.iter().map(about).collect();
        turn.origin = ToolOrigin {
            agent_id: self.agent.id.clone(),
            session_key: self.key.to_owned(),
            channel: last.channel.clone(),
            account_id: last.event.account_id.clone(),
            chat_id: last.event.chat.id.clone(),
            sender_id: last.event.sender.id.clone(),
            sender_is_owner: self.jobs.iter().all(|job| job.from_owner),
            workspace_dir: self.agent.workspace(&self.desk.paths).display().to_string(),
            ..ToolOrigin::default()
        };
        turn.permits = standing::of_events(self.desk, self.key, &self.jobs);
        let tools = turn.permits.offered(&turn.models[0]);
        let chat_prompt = chat_prompt(&self.policy, &last.event);
        let occasion = Occasion {
            chat_prompt: &chat_prompt,
            session_key: self.key,
            model: &turn.models[0],
            default_model: self.agent.model.primary.as_deref().unwrap_or(DEFAULT_MODEL),
            channel: &last.channel,
            thinking: thinking_word(turn.thinking),
            extra: last.ask.as_ref().map_or("", |ask| &ask.system),
            tools: &tools,
        };
        turn.system = self.desk.briefings.build(self.desk, self.agent, occasion).await;
        turn
    }

    /// The message that the reply refers to.
    fn last(&self) -> &EventJob {
        self.jobs.last().expect("a case has at least one job")
    }

    async fn answered(
        self,
        outcome: TurnOutcome,
        seen: Seen,
        spoken: Spoken,
    ) -> std::result::Result<(), JournalError> {
        let replies = match &self.last().ask {
            Some(ask) => self.deliveries(ask, &outcome).await,
            None => {
                let before = (spoken.out.as_str(), spoken.parts);
                let mut answer = self.composition().answer(&outcome, before).await;
                if answer.is_empty() && spoken.parts == 0 && self.last().event.kind == InboundKind::Command {
                    answer = self.composition().plain(DONE);
                }
                self.addressed(&in_place(answer, &seen.shown))
            }
        };
        let end = End::Answered {
            text: outcome.text.clone(),
            usage: outcome.usage,
        };
        let (context, cost) = (outcome.context, Some((usage(&outcome), outcome.model)));
        self.commit(replies, outcome.entries, cost, Settled::Done).await?;
        self.run.wrote();
        self.desk.live.end(&self.run.id, end);
        flush(self.desk, self.agent, self.key, context).await;
        Ok(())
    }

    /// The messages that bring the answer to a chat, if the client wants that.
    async fn deliveries(&self, ask: &Ask, outcome: &TurnOutcome) -> Vec<NewDelivery> {
        match &ask.deliver {
            Some(to) => {
                post::answer(
                    self.desk,
                    self.agent,
                    outcome,
                    to,
                    (&self.turn_id, ask.occasion()),
                )
                .await
            }
            None => Vec::new(),
        }
    }

    fn addressed(&self, replies: &[Body]) -> Vec<NewDelivery> {
        let last = self.last();
        let lane = lane_of(&last.channel, &last.event);
        replies.iter().map(|body| body.to(&lane, &last.channel)).collect()
    }

    fn composition(&self) -> Composition<'_> {
        Composition {
            desk: self.desk,
            config: self.config,
            agent: self.agent,
            policy: &self.policy,
            info: &self.info,
            job: self.last(),
            key: &self.turn_id,
        }
    }

    async fn commit(
        &self,
        replies: Vec<NewDelivery>,
        entries: Vec<Entry>,
        cost: Option<(SessionUsage, String)>,
        how: Settled,
    ) -> std::result::Result<(), JournalError> {
        let (key, rows) = (self.key.to_owned(), self.all_rows());
        let (id, now) = (self.session.session_id.clone(), self.desk.clock.now_ms());
        let end = move |j: &Journal| {
            let end = journal::End {
                session_id: &id,
                entries: &entries,
                cost: cost.as_ref().map(|(usage, model)| Cost {
                    key: &key,
                    usage: *usage,
                    model,
                }),
            };
            j.end_turn(&rows, &how, &replies, &end, now)
        };
        for delivery in &self.desk.insist(end).await? {
            self.desk.outbox.wake(&delivery.lane);
        }
        Ok(())
    }
}
