//! Turns for somebody who waits for their end: a plugin, or a client of the gateway.
use super::{
    about::{self, About},
    briefing::Occasion,
    commands::{SessionSettings, thinking_word, wished_thinking},
    compaction::{self, Policy, Pruning, Shortening, Summariser},
    desk::Desk,
    envelope, heard,
    job::{Job, RunJob, Steering},
    live::{End, Run, Source},
    overheard, pictures,
    policy::Permits,
    standing,
    turn::{self, Turn, TurnEvents, TurnOutcome, Workbench},
};
use crate::{
    config::{Agent, Config},
    gateway::random::uuid,
    journal::{self, Cost, Entry, EntryKind, Journal, JournalError, Session, SessionUsage, Settled},
};
use openclaw_plugin_api::{AgentRun, Content, Error, ErrorKind, Message, Result, Role, ToolOrigin};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::watch,
    time::{Instant, timeout_at},
};

/// A request with everything that it left open: agent, conversation, id.
pub(super) fn complete(mut run: AgentRun, config: &Config) -> AgentRun {
    let agents = config.agents();
    let agent = agents.get(&run.agent_id).filter(|_| !run.agent_id.is_empty());
    run.agent_id = agent.unwrap_or_else(|| agents.default_agent()).id.clone();
    run.session_key = match run.session_key.as_str() {
        "" => format!("agent:{}:main", run.agent_id),
        key => key.to_lowercase(),
    };
    if run.idempotency_key.is_empty() {
        run.idempotency_key = uuid();
    }
    run
}

/// Runs it and tells whoever waits.
pub(super) async fn serve(desk: &Desk, job: RunJob, stop: watch::Receiver<bool>, steering: &Steering) {
    let mut done = job.done;
    let (key, agent) = (&job.run.session_key, &job.run.agent_id);
    let id = job.run.idempotency_key.clone();
    let (watched, _) = desk.live.open(&id, key, agent, Source::Caller);
    let guard = Watch { desk, id: &id };
    let events = TurnEvents::new(job.events.clone(), Some(watched.clone()));
    let outcome = tokio::select! {
        // nobody waits any more: the turn is not wanted
        () = done.closed() => Err(Error::new(ErrorKind::Cancelled, "nobody waits for it any more")),
        outcome = turn::unless_stopped(stop, run(desk, &job.run, &events, steering)) => outcome,
    };
    let end = match &outcome {
        Ok(outcome) => End::Answered {
            text: outcome.text.clone(),
            usage: outcome.usage,
        },
        Err(error) => {
            let turn = format!("run-{}", job.run.idempotency_key);
            let (note, failed) = failure(&watched, &turn, heard::apology(error), error);
            let stopped = error.kind() == ErrorKind::Cancelled;
            let entries = if stopped {
                partial(&watched, &turn)
            } else {
                vec![note]
            };
            append(desk, watched.session_id(), entries).await;
            if stopped { End::Aborted } else { failed }
        }
    };
    watched.wrote();
    desk.live.end(&id, end);
    drop(guard);
    let _ = done.send(outcome);
}

/// Adds what no turn adds to a conversation. That it can't is no reason to fail once more.
async fn append(desk: &Desk, session_id: String, entries: Vec<Entry>) {
    if session_id.is_empty() || entries.is_empty() {
        return;
    }
    let now = desk.clock.now_ms();
    let written = desk.journal.run(move |j| j.append(&session_id, &entries, now));
    if let Err(error) = written.await {
        tracing::warn!(target: "openclaw::agent", %error, "the end of a turn is not in its conversation");
    }
}

/// Ends a run that breaks off.
struct Watch<'a> {
    desk: &'a Desk,
    id: &'a str,
}

impl Drop for Watch<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let text = "the gateway broke off while it worked on this; please report it";
            let error = Error::new(ErrorKind::Internal, text);
            let message = heard::apology(&error);
            self.desk.live.end(self.id, End::Failed { message, error });
        }
    }
}

/// The end of a turn that gave no answer: the note of it for the conversation, and what watchers are told.
pub(super) fn failure(run: &Run, turn: &str, message: String, error: &Error) -> (Entry, End) {
    let (provider, model) = run.model();
    let about = About {
        idempotency_key: format!("{}:assistant", run.id),
        provider,
        model,
        stop_reason: "error".to_owned(),
        error: message.clone(),
        ..About::default()
    };
    let said = match run.unfinished() {
        text if text.trim().is_empty() => Message {
            role: Role::Assistant,
            ..Message::default()
        },
        text => Message::text(Role::Assistant, text),
    };
    let note = about::entry(turn, EntryKind::Note, &said, &about);
    let error = error.clone();
    (note, End::Failed { message, error })
}

/// What was seen of an answer that somebody stopped.
pub(super) fn partial(run: &Run, turn: &str) -> Vec<Entry> {
    let text = run.unfinished();
    if text.trim().is_empty() {
        return Vec::new();
    }
    let about = About {
        idempotency_key: format!("{}:assistant", run.id),
        aborted_by: run.stopped_by().to_owned(),
        ..About::own()
    };
    let said = Message::text(Role::Assistant, text);
    vec![about::entry(turn, EntryKind::Message, &said, &about)]
}

async fn run(desk: &Desk, run: &AgentRun, events: &TurnEvents, steering: &Steering) -> Result<TurnOutcome> {
    let config = desk.config();
    let agents = config.agents();
    let agent = agents
        .get(&run.agent_id)
        .unwrap_or_else(|| agents.default_agent());
    let session = desk
        .session(&run.session_key, &agent.id)
        .await
        .map_err(unusable)?;
    let _place = desk.place().await;
    let settings: SessionSettings = serde_json::from_str(&session.settings).unwrap_or_default();
    let id = format!("run-{}", run.idempotency_key);
    let mut turn = turn_of(desk, agent, &session.session_id, id).await;
    let wished = wished_thinking(&run.thinking).map_err(Error::invalid)?;
    let wished = wished.or(settings.thinking_level);
    turn.thinking = wished.unwrap_or(turn.thinking);
    let asked = Some(run.model.clone()).filter(|model| !model.is_empty());
    if let Some(chosen) = asked.or_else(|| settings.model()) {
        turn.models = vec![chosen];
    }
    turn.profile = settings.auth_profile_override.clone().unwrap_or_default();
    turn.idle = idle(desk, &session);
    let policy = standing::with_inherited(standing::of_run(desk, run), &settings);
    turn.permits = Permits::new(policy, desk.tools.all());
    let tools = turn.permits.offered(&turn.models[0]);
    let occasion = Occasion {
        session_key: &run.session_key,
        model: &turn.models[0],
        default_model: agent.model.primary.as_deref().unwrap_or(DEFAULT_MODEL),
        channel: "",
        thinking: thinking_word(turn.thinking),
        chat_prompt: "",
        extra: &run.system,
        tools: &tools,
    };
    turn.system = desk.briefings.build(desk, agent, occasion).await;
    turn.input = said(run);
    overheard::tell(desk, &run.session_key, &turn.id, &mut turn.input).await;
    turn.callers_tools = run.tools.iter().cloned().map(Arc::new).collect();
    turn.max_tokens = run.max_tokens.or(turn.max_tokens);
    // known of what is answered; what comes before it is the caller's own
    turn.about = vec![About::default(); turn.input.len().saturating_sub(1)];
    turn.about.push(About {
        idempotency_key: format!("{}:user", run.idempotency_key),
        sender_id: run.sender_id.clone(),
        sender_is_owner: run.sender_id.is_empty(),
        ..About::default()
    });
    turn.origin = ToolOrigin {
        agent_id: agent.id.clone(),
        session_key: run.session_key.clone(),
        sender_is_owner: run.sender_id.is_empty(),
        sender_id: run.sender_id.clone(),
        workspace_dir: agent.workspace(&desk.paths).display().to_string(),
        ..ToolOrigin::default()
    };
    let bench = Workbench {
        tools: &desk.tools,
        journal: &desk.journal,
        clock: &desk.clock,
        asker: &*desk.asker,
        steering,
        joins: &|job: Job| {
            let policy = standing::of(desk, &run.session_key, &job);
            let message = Message::text(Role::User, joined_text(job));
            (message, About::default(), Vec::new(), policy)
        },
    };
    let outcome = run_limited(&bench, &mut turn, events).await?;
    let ending = ending(desk, &run.session_key, &session.session_id, &outcome);
    desk.journal.run(move |j| ending(j)).await.map_err(unusable)?;
    Ok(outcome)
}

/// What every turn of an agent has in common.
pub(super) async fn turn_of(desk: &Desk, agent: &Agent, session_id: &str, id: String) -> Turn {
    let primary = match &agent.model.primary {
        Some(primary) => primary.clone(),
        None => desk.asker.usual().await,
    };
    let fallbacks = agent.model.fallbacks.iter().flatten().map(String::as_str);
    let models = std::iter::once(primary.as_str()).chain(fallbacks);
    let shortening = Policy::of(&agent.compaction);
    Turn {
        id,
        session_id: session_id.to_owned(),
        models: models
            .map(|written| agent.reference(written).to_owned())
            .collect(),
        thinking: agent.thinking.map(|level| level.into()).unwrap_or_default(),
        history: shortening.read_back(agent.settings.context_tokens),
        context_cap: agent.settings.context_tokens,
        reserve_floor: agent.compaction.reserve_tokens_floor,
        shortening,
        summariser: summariser(agent),
        pruning: Pruning::of(&agent.settings.context_pruning),
        limit: agent.timeout,
        watches_loops: desk.config().tools.loop_detection.enabled != Some(false),
        ..Turn::default()
    }
}

fn summariser(agent: &Agent) -> Summariser {
    let mut summariser = Summariser::of(&agent.compaction);
    let written = summariser.model.as_ref();
    summariser.model = written.map(|written| agent.reference(written).to_owned());
    summariser
}

/// How long ago the last request of a conversation was.
pub(super) fn idle(desk: &Desk, session: &Session) -> Duration {
    let ms = desk.clock.now_ms().saturating_sub(session.updated_ms);
    Duration::from_millis(u64::try_from(ms).unwrap_or(0))
}

/// Makes a conversation shorter because somebody asked for it. Gives its length and the window.
pub(super) async fn compact(
    desk: &Desk,
    agent: &Agent,
    session: &Session,
    instructions: Option<String>,
) -> Result<Option<(u64, u64)>> {
    let mut turn = turn_of(desk, agent, &session.session_id, format!("compact-{}", uuid())).await;
    turn.origin.agent_id.clone_from(&agent.id);
    let mut history = turn::read(&desk.journal, &session.session_id, turn.history)
        .await
        .map_err(unusable)?;
    let (served, window) = desk.asker.first(&turn).await?;
    let (summarising, window) = desk.asker.summarising(&turn, &served, window).await;
    let how = Shortening {
        policy: Policy::of(&agent.compaction),
        window,
        instructions: instructions.as_deref(),
    };
    let ask = |request| compaction::ask(&desk.asker, &turn, &summarising, request);
    let Some(done) = compaction::summarise(&mut history, &how, ask).await? else {
        return Ok(None);
    };
    let entry = turn::compaction(&turn.id, &history, done.tokens_before);
    let (key, id, now) = (
        session.key.clone(),
        session.session_id.clone(),
        desk.clock.now_ms(),
    );
    desk.journal
        .run(move |j| j.compact(&key, &id, &entry, now))
        .await
        .map_err(unusable)?;
    Ok(Some((done.tokens_after, window.total)))
}

/// The model that answers when the configuration names none; it needs no account.
pub const DEFAULT_MODEL: &str = "demo/echo";

/// Runs the turn, as long as it may take. Its models know when it ends.
pub(super) async fn run_limited(
    bench: &Workbench<'_>,
    turn: &mut Turn,
    events: &TurnEvents,
) -> Result<TurnOutcome> {
    let Some(limit) = turn.limit else {
        return turn::run(bench, turn, events).await;
    };
    let ends = Instant::now() + limit;
    turn.ends = Some(ends);
    let ran = timeout_at(ends, turn::run(bench, turn, events)).await;
    ran.unwrap_or_else(|_| {
        let text = format!("the turn took longer than {limit:?}; see agents.defaults.timeoutSeconds");
        Err(Error::new(ErrorKind::Timeout, text))
    })
}

/// How the end of a turn is written that sends nobody a reply: its last words and what it has cost, in one go.
pub(super) fn ending(
    desk: &Desk,
    key: &str,
    session_id: &str,
    outcome: &TurnOutcome,
) -> impl Fn(&Journal) -> std::result::Result<(), JournalError> + Send + Sync + Clone + 'static {
    let (key, session_id, now) = (key.to_owned(), session_id.to_owned(), desk.clock.now_ms());
    let (entries, model, usage) = (outcome.entries.clone(), outcome.model.clone(), usage(outcome));
    move |journal| {
        let cost = Cost {
            key: &key,
            usage,
            model: &model,
        };
        let end = journal::End {
            session_id: &session_id,
            entries: &entries,
            cost: Some(cost),
        };
        journal.end_turn(&[], &Settled::Done, &[], &end, now).map(drop)
    }
}

/// What a turn adds to what its conversation has cost.
pub(super) fn usage(outcome: &TurnOutcome) -> SessionUsage {
    SessionUsage {
        input: outcome.usage.input + outcome.usage.cache_read + outcome.usage.cache_write,
        output: outcome.usage.output,
        context: outcome.context,
        cost: outcome.usage.cost,
    }
}

/// What somebody asks, with the files that came with it.
fn said(run: &AgentRun) -> Vec<Message> {
    let mut messages = match run.messages.as_slice() {
        [] => vec![Message::text(Role::User, &run.text)],
        messages => messages.to_vec(),
    };
    if let Some(last) = messages.last_mut().filter(|_| !run.attachments.is_empty()) {
        last.content
            .push(Content::text(envelope::attachments(&run.attachments)));
        last.content
            .extend(pictures::parts(&run.attachments, pictures::MAX_PICTURE));
    }
    messages
}

fn joined_text(job: Job) -> String {
    match job {
        Job::Event(job) => job.text,
        Job::Run(job) => job.run.text,
    }
}

fn unusable(error: JournalError) -> Error {
    Error::new(ErrorKind::Overloaded, error)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cron::tests::Lab;
    use serde_json::json;

    #[tokio::test]
    async fn a_turn_reads_more_of_its_conversation_than_any_window_takes() {
        for defaults in [json!({}), json!({ "contextTokens": 50_000 })] {
            let lab = Lab::new();
            let gateway = lab.start(json!({ "agents": { "defaults": defaults } })).await;
            let agents = gateway.desk().config().agents();
            let turn = turn_of(gateway.desk(), agents.default_agent(), "s", "t".into()).await;
            assert!(turn.history > 1_500_000, "{} with {defaults}", turn.history);
        }
    }
}
