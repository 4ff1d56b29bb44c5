//! What was said, as a turn begins with it, and the run that answers it.
use super::{
    about::About,
    asker::FOR_PERSON,
    client,
    desk::Desk,
    job::{EventJob, Job, Steering},
    live::{End, Run, Source},
    pictures, standing,
    turn::Joined,
};
use crate::{config::Agent, models::ModelRef};
use openclaw_plugin_api::{Content, Error, ErrorKind, Message, Role};
use std::sync::Arc;

/// What the journal notes when a turn begins.
pub(super) struct Begin<'a> {
    pub(super) rows: Vec<i64>,
    pub(super) turn_id: String,
    pub(super) steering: &'a Steering,
}

impl<'a> Begin<'a> {
    pub(super) fn of(jobs: &[EventJob], steering: &'a Steering) -> Self {
        let rows: Vec<i64> = jobs.iter().flat_map(|job| job.rows.iter().copied()).collect();
        let turn_id = turn_id(jobs);
        Self {
            rows,
            turn_id,
            steering,
        }
    }
}

/// What a person said, with the pictures that came with it.
pub(super) fn input(job: &EventJob) -> Message {
    let mut content = vec![Content::text(left_out(job) + &job.text)];
    content.extend(pictures::parts(&job.event.attachments, pictures::MAX_PICTURE));
    Message {
        role: Role::User,
        content,
        ..Message::default()
    }
}

/// What messages said that got no turn of their own, in a line each.
fn left_out(job: &EventJob) -> String {
    let left = &job.left_out;
    if left.lines.is_empty() {
        return String::new();
    }
    let more = if left.more > 0 {
        format!(" (and {} before them)", left.more)
    } else {
        String::new()
    };
    let lines: Vec<_> = left.lines.iter().map(|line| format!("- {line}")).collect();
    format!(
        "[Messages that were left out because too many waited{more}]\n{}\n\n",
        lines.join("\n")
    )
}

/// A message that joins a running turn: a run of its own it has no more.
pub(super) fn join(desk: &Desk, key: &str, job: Job) -> Joined {
    match job {
        Job::Event(job) => {
            job.runs().for_each(|run| desk.live.end(run, End::Merged));
            let policy = standing::of_job(desk, key, &job);
            (input(&job), about(&job), job.rows, policy)
        }
        Job::Run(job) => (
            Message::text(Role::User, &job.run.text),
            About::default(),
            Vec::new(),
            standing::of_run(desk, &job.run),
        ),
    }
}

/// What is known of a message beside its words.
pub(super) fn about(job: &EventJob) -> About {
    let event = &job.event;
    match &job.ask {
        Some(ask) => ask.about(event),
        None => About {
            idempotency_key: format!("{}:{}:user", job.channel, event.event_id),
            sender_id: event.sender.id.clone(),
            sender_name: event.sender.name.clone(),
            sender_is_owner: job.from_owner,
            channel: job.channel.clone(),
            said_ms: event.timestamp_ms,
            ..About::default()
        },
    }
}

/// The turn that answers these; an earlier process may have named it.
fn turn_id(jobs: &[EventJob]) -> String {
    let Some(first) = jobs.first() else {
        return String::new();
    };
    match (first.turn.as_str(), &first.ask) {
        ("", Some(ask)) => format!("run-{}", ask.run_id),
        ("", None) => format!("event-{}", first.rows.first().copied().unwrap_or_default()),
        (turn, _) => turn.to_owned(),
    }
}

/// The run that answers these, as clients know it.
pub(super) fn run_of(jobs: &[EventJob]) -> String {
    client::run_id(&turn_id(jobs)).to_owned()
}

/// The run that answers these, for whoever watches. What came with the first has no run of its own.
pub(super) fn watched(desk: &Desk, key: &str, agent: &str, jobs: &[EventJob]) -> Arc<Run> {
    let source = match jobs.first().and_then(|job| job.ask.as_ref()) {
        Some(_) => Source::Client,
        None => Source::Channel,
    };
    let id = run_of(jobs);
    let (run, _) = desk.live.open(&id, key, agent, source);
    let others = jobs.iter().flat_map(EventJob::runs);
    for other in others.filter(|other| **other != id) {
        desk.live.end(other, End::Merged);
    }
    run
}

/// Notes at a run which model it is going to ask: the one that somebody chose for it, else the agent's first.
pub(super) async fn wants(desk: &Desk, agent: &Agent, job: &EventJob, run: &Run) {
    let asked = job.ask.as_ref().and_then(|ask| ask.model(agent));
    let usual = || agent.model.primary.clone();
    let chosen = match asked.or_else(|| job.settings.model()).or_else(usual) {
        Some(chosen) => chosen,
        None => desk.asker.usual().await,
    };
    if let Some(model) = ModelRef::parse(agent.reference(&chosen)) {
        run.wants(&model.provider, &model.model);
    }
}

/// What a person is told of a failure: what to do, and nothing of the machine's inside.
pub(super) fn apology(error: &Error) -> String {
    let told = error.detail().get(FOR_PERSON).and_then(|text| text.as_str());
    let usual = match error.kind() {
        ErrorKind::Timeout => "⚠️ The answer took too long. Please try again, or ask for something smaller.",
        ErrorKind::NotFound | ErrorKind::Config | ErrorKind::Closed => {
            "⚠️ No model can answer now. The operator finds the reason in the gateway's log."
        }
        _ => {
            "⚠️ Something went wrong and this was not answered. The operator finds the reason in the gateway's log."
        }
    };
    told.unwrap_or(usual).to_owned()
}
