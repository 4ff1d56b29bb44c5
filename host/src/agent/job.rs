//! One thing that an agent is to answer: an event of a channel, or a request of a plugin or a client.
use super::{
    client::{Ask, Terms},
    commands::SessionSettings,
    turn::{Listener, TurnOutcome},
};
use crate::config::QueueMode;
use openclaw_plugin_api::{AgentRun, Inbound, Result};
use std::{
    sync::{Mutex, PoisonError},
    time::Duration,
};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

/// Messages that may wait to join a running turn.
const MAX_STEERING: usize = 20;

/// One thing to answer.
#[derive(Debug)]
pub enum Job {
    /// An event of a channel. It stands in the journal.
    Event(Box<EventJob>),
    /// A request whose caller waits.
    Run(Box<RunJob>),
}

/// An event of a channel that is to be answered.
#[derive(Debug)]
pub struct EventJob {
    /// Its row in the journal, and those of the messages that it inherited.
    pub rows: Vec<i64>,
    /// The turn that an earlier process began for it; empty if none did.
    pub turn: String,
    /// The message that shows the beginning of the answer; empty if there is none.
    pub preview: String,
    /// Agent that answers.
    pub agent_id: String,
    /// Channel id.
    pub channel: String,
    /// What happened.
    pub event: Inbound,
    /// What the model is to see of it.
    pub text: String,
    /// What is set for it: in its conversation, and in itself.
    pub settings: SessionSettings,
    /// The sender is the operator.
    pub from_owner: bool,
    /// The operator knows the sender.
    pub from_known: bool,
    /// How long to wait for more of the same sender.
    pub debounce: Duration,
    /// What messages said that got no turn of their own.
    pub left_out: LeftOut,
    /// What a client asks beside the words. None: it came by a channel.
    pub ask: Option<Box<Ask>>,
    /// Runs of clients that it stands for beside its own.
    pub heir_of: Vec<String>,
    /// Its place among the events that wait; bounds how many there are.
    pub place: Option<OwnedSemaphorePermit>,
}

/// Where an answer goes. Conversations may have several such places.
#[derive(Debug, PartialEq, Eq)]
struct Place {
    channel: String,
    account: String,
    chat: String,
    thread: String,
}

/// What one answer can serve.
#[derive(Debug, PartialEq)]
struct Purpose {
    place: Place,
    terms: Terms,
}

/// A request whose caller waits.
#[derive(Debug)]
pub struct RunJob {
    /// What is asked.
    pub run: AgentRun,
    /// Where the turn tells what happens.
    pub events: Listener,
    /// Told how it ended.
    pub done: oneshot::Sender<Result<TurnOutcome>>,
}

/// What messages said that got no turn of their own.
#[derive(Debug, Default)]
pub struct LeftOut {
    /// Their beginnings, oldest first.
    pub lines: Vec<String>,
    /// How many more there were.
    pub more: usize,
}

/// Messages that join a running turn before the model is asked again.
///
/// Only those that its answer serves: of the same place, on the same terms, and of nobody with fewer rights than the turn
/// has. What has joined is settled with the turn, however that ends.
#[derive(Debug)]
pub struct Steering {
    purpose: Option<Purpose>,
    /// The turn, if an earlier process began it.
    turn: String,
    from_owner: bool,
    steered: Mutex<Steered>,
}

#[derive(Debug, Default)]
struct Steered {
    closed: bool,
    waiting: Vec<Job>,
    joined: Vec<i64>,
}

// === impl Job ===

impl Job {
    /// It came from a channel.
    pub fn is_event(&self) -> bool {
        matches!(self, Self::Event(_))
    }

    /// The turn that an earlier process began for it; empty if none did.
    pub fn turn(&self) -> &str {
        match self {
            Self::Event(job) => &job.turn,
            Self::Run(_) => "",
        }
    }

    /// The id of its run, as clients know it.
    pub fn run_id(&self) -> Option<&str> {
        match self {
            Self::Event(job) => job.ask.as_ref().map(|ask| ask.run_id.as_str()),
            Self::Run(job) => Some(&job.run.idempotency_key),
        }
    }

    /// What becomes of it while a turn runs. None: as its conversation has it.
    pub(super) fn queue_mode(&self) -> Option<QueueMode> {
        match self {
            Self::Event(job) => job.ask.as_ref()?.queue_mode.map(super::desk::queue_mode),
            Self::Run(_) => None,
        }
    }

    /// How long to wait for more of the same sender before it is begun.
    pub(super) fn debounce(&self) -> Duration {
        match self {
            Self::Event(job) => job.debounce,
            Self::Run(_) => Duration::ZERO,
        }
    }

    /// One answer may serve both: they come from the same place on the same terms, and neither began without the other.
    pub(super) fn goes_with(&self, next: &Self) -> bool {
        let purpose = self.purpose();
        purpose.is_some() && self.turn() == next.turn() && purpose == next.purpose()
    }

    /// It came from the same place, and earlier.
    pub(super) fn is_before(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Event(a), Self::Event(b)) => {
                a.rows.last() < b.rows.last() && self.place() == other.place()
            }
            _ => false,
        }
    }

    /// Where its answer goes. None: to a caller who waits.
    fn place(&self) -> Option<Place> {
        let Self::Event(job) = self else { return None };
        let chat = &job.event.chat;
        Some(Place {
            channel: job.channel.clone(),
            account: job.event.account_id.clone(),
            chat: chat.id.clone(),
            thread: chat.thread_id.clone(),
        })
    }

    fn purpose(&self) -> Option<Purpose> {
        let Self::Event(job) = self else { return None };
        Some(Purpose {
            place: self.place()?,
            terms: job.ask.as_ref().map(|ask| ask.terms()).unwrap_or_default(),
        })
    }

    fn is_from_owner(&self) -> bool {
        matches!(self, Self::Event(job) if job.from_owner)
    }

    /// They are parts of what one sender said in one go.
    pub(super) fn is_debounced_with(&self, next: &Self) -> bool {
        match (self, next) {
            (Self::Event(a), Self::Event(b)) => {
                !a.debounce.is_zero() && !b.debounce.is_zero() && a.event.sender.id == b.event.sender.id
            }
            _ => false,
        }
    }

    /// Takes over what another one said and stands for, in short.
    pub(super) fn inherit(&mut self, older: Self, chars: usize, lines: usize) {
        let (Self::Event(heir), Self::Event(older)) = (self, older) else {
            return;
        };
        let mut all = older.left_out.lines;
        let line = older.text.lines().next().unwrap_or_default();
        all.push(line.chars().take(chars).collect());
        all.append(&mut heir.left_out.lines);
        let over = all.len().saturating_sub(lines);
        all.drain(..over);
        heir.left_out.lines = all;
        heir.left_out.more += older.left_out.more + over;
        let mut rows = older.rows;
        rows.append(&mut heir.rows);
        heir.rows = rows;
        heir.heir_of.extend(older.ask.map(|ask| ask.run_id));
        heir.heir_of.extend(older.heir_of);
    }
}

impl EventJob {
    /// The runs of clients that it stands for.
    pub fn runs(&self) -> impl Iterator<Item = &String> {
        self.ask.iter().map(|ask| &ask.run_id).chain(&self.heir_of)
    }
}

// === impl Steering ===

impl Steering {
    /// For a turn that answers these.
    pub(super) fn of(jobs: &[Job]) -> Self {
        Self {
            purpose: jobs.first().and_then(Job::purpose),
            turn: jobs.first().map(|job| job.turn().to_owned()).unwrap_or_default(),
            from_owner: jobs.iter().all(Job::is_from_owner),
            steered: Mutex::default(),
        }
    }

    /// Its answer goes to where the message came from, and is what that asks for.
    pub(super) fn serves(&self, job: &Job) -> bool {
        self.purpose.is_some() && self.purpose == job.purpose()
    }

    /// An earlier process answered the message in this very turn.
    pub(super) fn had(&self, job: &Job) -> bool {
        !self.turn.is_empty() && self.turn == job.turn()
    }

    /// The turn can answer the message: it serves it, and it is of nobody with fewer rights.
    pub(super) fn belongs(&self, job: &Job) -> bool {
        self.serves(job) && (job.is_from_owner() || !self.from_owner)
    }

    /// Offers a message to the running turn. Given back when it does not belong there or to a turn that was begun
    /// elsewhere, when it is too late, or when there are too many.
    pub(super) fn offer(&self, job: Job) -> std::result::Result<(), Box<Job>> {
        let belongs = self.belongs(&job) && (job.turn().is_empty() || self.had(&job));
        let mut steered = self.steered();
        if !belongs || steered.closed || steered.waiting.len() >= MAX_STEERING {
            return Err(Box::new(job));
        }
        steered.waiting.push(job);
        Ok(())
    }

    /// Does somebody wait to join?
    pub fn has_some(&self) -> bool {
        !self.steered().waiting.is_empty()
    }

    /// Lets in what came since the last look.
    pub fn admit(&self) -> Vec<Job> {
        let mut steered = self.steered();
        let jobs = std::mem::take(&mut steered.waiting);
        for job in &jobs {
            if let Job::Event(job) = job {
                steered.joined.extend(&job.rows);
            }
        }
        jobs
    }

    /// Rows of the events that were let in.
    pub fn joined(&self) -> Vec<i64> {
        self.steered().joined.clone()
    }

    /// Takes back one that was not let in yet.
    pub(super) fn withdraw_one(&self, run_id: &str) -> Option<Job> {
        let mut steered = self.steered();
        let at = steered
            .waiting
            .iter()
            .position(|job| job.run_id() == Some(run_id))?;
        Some(steered.waiting.remove(at))
    }

    /// Takes back what was not let in yet.
    pub(super) fn withdraw(&self) -> Vec<Job> {
        std::mem::take(&mut self.steered().waiting)
    }

    /// Nothing joins any more. Gives what was not used.
    pub(super) fn close(&self) -> Vec<Job> {
        let mut steered = self.steered();
        steered.closed = true;
        std::mem::take(&mut steered.waiting)
    }

    fn steered(&self) -> std::sync::MutexGuard<'_, Steered> {
        self.steered.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
pub(in crate::agent) mod tests;
