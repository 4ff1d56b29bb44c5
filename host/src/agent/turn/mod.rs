//! One turn: ask the model, run the tools that it asks for, ask again, until it has said what it has to say.
//!
//! A turn writes what happens into the transcript as it happens, all but its last message: that one belongs to whoever
//! ends the turn, in one transaction with the reply.
mod ask;
mod guard;
mod memory;
mod outputs;
mod spec;
mod tools;

pub use ask::{Answer, Asker, Failed, attempt};
pub use memory::{History, compaction, entry, read, shortened};
pub use spec::{Turn, TurnOutcome};
use tools::Terms;

use super::{
    about::{self, About},
    asker::FOR_PERSON,
    blocks::Told,
    collect::Wish,
    job::Steering,
    live::Run as Watched,
    policy::{self as agent_policy, Permits},
    tools::Toolbox,
};
use crate::{
    clock::Clock,
    journal::{Entry, EntryKind, Journal, JournalError},
};
use openclaw_plugin_api::{AgentEvent, Error, ErrorKind, Message, Result, StopReason, ToolSpec};
use std::sync::Arc;
use tokio::sync::{mpsc, watch};

/// How often a model may ask for tools in one turn.
const MAX_ROUNDS: usize = 50;

/// Who asked for a turn, and hears what happens in it. Nobody has to listen.
pub type Listener = mpsc::Sender<AgentEvent>;

/// Where a turn tells what happens.
#[derive(Debug, Clone)]
pub struct TurnEvents {
    listener: Listener,
    /// The run, as clients of the gateway watch it.
    pub run: Option<Arc<Watched>>,
}

/// A message that joins a turn: as the model sees it, what is known of it, the rows that it stands for, and what its
/// sender may have the turn do.
pub type Joined = (Message, About, Vec<i64>, agent_policy::Policy);

/// What a turn works with.
pub struct Workbench<'a> {
    /// What its model can do.
    pub tools: &'a Toolbox,
    /// What is kept.
    pub journal: &'a Journal,
    /// The time of day.
    pub clock: &'a Clock,
    /// Asks models.
    pub asker: &'a dyn Asker,
    /// Messages that join on the way.
    pub steering: &'a Steering,
    /// How a message that joins is shown to the model, and the rows that it stands for.
    pub joins: &'a (dyn Fn(super::job::Job) -> Joined + Send + Sync),
}

/// Runs a turn until its model has nothing more to ask for.
pub async fn run(bench: &Workbench<'_>, turn: &Turn, events: &TurnEvents) -> Result<TurnOutcome> {
    Run::new(bench, turn, events).go().await
}

/// Works until `stop` turns true. What a turn waits for before it begins can be stopped too.
pub async fn unless_stopped<T>(
    stop: watch::Receiver<bool>,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    tokio::select! {
        biased;
        () = stopped(stop) => Err(Error::new(ErrorKind::Cancelled, "the turn was stopped")),
        outcome = work => outcome,
    }
}

/// Waits until somebody stops the turn.
pub async fn stopped(mut stop: watch::Receiver<bool>) {
    // a sender that is gone never stops anything
    if stop.wait_for(|stop| *stop).await.is_err() {
        std::future::pending::<()>().await;
    }
}

struct Run<'a> {
    bench: &'a Workbench<'a>,
    turn: &'a Turn,
    events: &'a TurnEvents,
    history: History,
    terms: Terms,
    tools: Vec<Arc<ToolSpec>>,
    record: tools::Record,
    outcome: TurnOutcome,
    told: Told,
}

impl<'a> Run<'a> {
    fn new(bench: &'a Workbench<'a>, turn: &'a Turn, events: &'a TurnEvents) -> Self {
        Self {
            bench,
            turn,
            events,
            history: History::default(),
            tools: offered(&turn.permits, turn),
            terms: Terms {
                permits: turn.permits.clone(),
                model: turn.models.first().cloned().unwrap_or_default(),
            },
            record: tools::Record::new(turn.watches_loops, turn.origin.workspace_dir.clone().into()),
            outcome: TurnOutcome::default(),
            told: Told::default(),
        }
    }

    async fn go(mut self) -> Result<TurnOutcome> {
        let started = AgentEvent::Started {
            run_id: self.turn.id.clone(),
        };
        if let Some(run) = &self.events.run {
            run.began(&self.turn.session_id);
            run.phase("starting_model");
        }
        self.tell(started).await;
        self.remember().await?;
        for _ in 0..MAX_ROUNDS {
            let answer = self.ask().await?;
            let calls = answer.calls;
            self.told.say(answer.message.plain_text());
            // whoever has joined meanwhile is answered in the same turn
            if calls.is_empty() && !self.bench.steering.has_some() {
                return Ok(self.finish(&answer.message, &answer.about, answer.stop).await);
            }
            if self.hand_over(&calls).await {
                return Ok(self.finish(&answer.message, &answer.about, answer.stop).await);
            }
            if calls.is_empty() {
                self.events.gap().await;
            }
            let said = about::entry(&self.turn.id, EntryKind::Message, &answer.message, &answer.about);
            self.put(&[answer.message], vec![said], Vec::new()).await?;
            for batch in tools::batches(calls, &self.tools) {
                let results = hands(self.bench, self.turn, self.events, &self.terms)
                    .run(batch, &mut self.record)
                    .await;
                self.write(&results).await?;
            }
            if let Some(why) = self.record.over() {
                let told = format!("⚠️ I stopped because I was going round in circles: {why}.");
                return Err(Error::new(ErrorKind::Refused, why).with(FOR_PERSON, told));
            }
            self.take_joining().await?;
        }
        let text = format!("the model asked for tools {MAX_ROUNDS} times in one turn without an answer");
        Err(Error::new(ErrorKind::Refused, text))
    }

    /// Tells the caller which of its own tools the model wants. Others that it wants beside them are not run: the caller
    /// begins the next turn, and the model sees what is still open.
    async fn hand_over(&self, calls: &[Wish]) -> bool {
        let mut any = false;
        for call in calls {
            let of_caller = |tool: &Arc<ToolSpec>| tool.name == call.name;
            if self.turn.callers_tools.iter().any(of_caller) {
                any = true;
                let wanted = AgentEvent::ToolStarted {
                    id: call.id.clone(),
                    name: call.name.clone(),
                    arguments: call.arguments.clone().unwrap_or_default(),
                };
                self.tell(wanted).await;
            }
        }
        any
    }

    /// Reads the conversation. A turn that was interrupted goes on with what it had; a new one begins with its input.
    async fn remember(&mut self) -> Result<()> {
        let (journal, turn) = (self.bench.journal, self.turn);
        if !turn.resumed {
            return self.begin().await;
        }
        self.history = read(journal, &turn.session_id, turn.history)
            .await
            .map_err(unusable)?;
        let entries = memory::of_turn(journal, &turn.session_id, &turn.id).await;
        let (begun, told) = entries
            .map(|entries| (memory::messages(&entries), Told::of(&entries)))
            .map_err(unusable)?;
        if begun.is_empty() {
            let entries = self.input();
            return self.put(&turn.input, entries, Vec::new()).await;
        }
        self.told = told;
        self.record.recall(&begun);
        for (id, name, arguments) in memory::open_calls(&begun) {
            let call = tools::Interrupted { id, name, arguments };
            let result = hands(self.bench, self.turn, self.events, &self.terms)
                .resume(call, &self.tools, &mut self.record)
                .await;
            self.write(&[result]).await?;
        }
        let mended = self.told.mend();
        if !mended.is_empty() {
            self.write(&mended).await?;
        }
        Ok(())
    }

    /// Reads the conversation and adds the input, in one go.
    async fn begin(&mut self) -> Result<()> {
        let (id, budget, now) = (
            self.turn.session_id.clone(),
            self.turn.history,
            self.bench.clock.now_ms(),
        );
        let entries = self.input();
        let tokens = tokens_of(&entries);
        let begun = self
            .bench
            .journal
            .run(move |j| j.tail_and_append(&id, budget, &entries, now));
        self.history = History::of(&begun.await.map_err(unusable)?);
        self.history.tokens += tokens;
        self.history.messages.extend_from_slice(&self.turn.input);
        self.events.wrote();
        Ok(())
    }

    async fn ask(&mut self) -> Result<ask::Answer> {
        let (before, tokens) = (self.history.summary.clone(), self.history.tokens);
        let (turn, history, tools) = (self.turn, &mut self.history, &self.tools);
        let answer = self.bench.asker.ask(turn, history, tools, self.events).await?;
        if self.history.summary != before {
            self.shortened(tokens).await?;
        }
        let (sum, more) = (&mut self.outcome.usage, &answer.usage);
        sum.input += more.input;
        sum.output += more.output;
        sum.cache_read += more.cache_read;
        sum.cache_write += more.cache_write;
        sum.cost += more.cost;
        self.outcome.context = more.input + more.cache_read + more.cache_write + more.output;
        self.outcome.model.clone_from(&answer.model);
        self.terms.model.clone_from(&answer.model);
        self.outcome.notices.extend(answer.notices.iter().cloned());
        Ok(answer)
    }

    /// The history was summarised on the way: the next turn begins with the summary.
    async fn shortened(&mut self, tokens_before: u64) -> Result<()> {
        let entry = compaction(&self.turn.id, &self.history, tokens_before);
        let (key, id) = (self.turn.origin.session_key.clone(), self.turn.session_id.clone());
        let now = self.bench.clock.now_ms();
        let written = self
            .bench
            .journal
            .run(move |j| j.compact(&key, &id, &entry, now))
            .await;
        written.map_err(unusable)?;
        if self.turn.summariser.tell {
            self.outcome
                .notices
                .push("🧹 The older part of this conversation was summarised.".into());
        }
        Ok(())
    }

    async fn take_joining(&mut self) -> Result<()> {
        for job in self.bench.steering.admit() {
            let (message, about, rows, policy) = (self.bench.joins)(job);
            self.terms.permits.meet(&policy);
            self.tools = offered(&self.terms.permits, self.turn);
            let said = about::entry(&self.turn.id, EntryKind::Message, &message, &about);
            self.put(&[message], vec![said], rows).await?;
        }
        Ok(())
    }

    /// Adds to the conversation, durably.
    async fn write(&mut self, messages: &[Message]) -> Result<()> {
        let entries = messages.iter().map(|message| entry(&self.turn.id, message));
        self.put(messages, entries.collect(), Vec::new()).await
    }

    /// Adds to the conversation; events that it says belong to this turn from now on.
    async fn put(&mut self, messages: &[Message], entries: Vec<Entry>, rows: Vec<i64>) -> Result<()> {
        self.history.tokens += tokens_of(&entries);
        self.history.messages.extend_from_slice(messages);
        let (id, now) = (self.turn.session_id.clone(), self.bench.clock.now_ms());
        let turn = self.turn.id.clone();
        let written = self
            .bench
            .journal
            .run(move |j| j.join(&rows, &turn, &id, &entries, now))
            .await;
        self.events.wrote();
        written.map_err(unusable)
    }

    /// What the turn begins with.
    fn input(&self) -> Vec<Entry> {
        let unknown = About::default();
        let known = self.turn.about.iter().chain(std::iter::repeat(&unknown));
        let input = self.turn.input.iter().zip(known);
        let entries =
            input.map(|(message, about)| about::entry(&self.turn.id, EntryKind::Message, message, about));
        entries.collect()
    }

    async fn finish(mut self, last: &Message, about: &About, stop: StopReason) -> TurnOutcome {
        self.outcome.text = self.told.text();
        self.outcome.stop = stop;
        self.outcome.entries = vec![about::entry(&self.turn.id, EntryKind::Message, last, about)];
        let done = AgentEvent::Done {
            text: self.outcome.text.clone(),
            usage: self.outcome.usage,
            model: self.outcome.model.clone(),
            stop,
        };
        self.tell(done).await;
        self.outcome
    }

    async fn tell(&self, event: AgentEvent) {
        tell(self.events, event).await;
    }
}

fn hands<'h>(
    bench: &'h Workbench<'_>,
    turn: &'h Turn,
    events: &'h TurnEvents,
    terms: &'h Terms,
) -> tools::Hands<'h> {
    tools::Hands {
        toolbox: bench.tools,
        origin: &turn.origin,
        events,
        terms,
    }
}

/// The tools that one of its models may use, and the caller's own in front of those of the same name.
fn offered(permits: &Permits, turn: &Turn) -> Vec<Arc<ToolSpec>> {
    let others = permits.offered_to_any(&turn.models);
    let mut tools = turn.callers_tools.clone();
    let hidden = |tool: &Arc<ToolSpec>| turn.callers_tools.iter().any(|own| own.name == tool.name);
    tools.extend(others.into_iter().filter(|tool| !hidden(tool)));
    tools
}

/// Nobody listening is fine.
pub(super) async fn tell(events: &TurnEvents, event: AgentEvent) {
    if let Some(run) = &events.run {
        run.hear(&event);
    }
    let _ = events.listener.send(event).await;
}

impl TurnEvents {
    /// For a turn that somebody asked for and that clients may watch.
    pub fn new(listener: Listener, run: Option<Arc<Watched>>) -> Self {
        Self { listener, run }
    }

    /// Another message of the model follows what it has written, for whoever listens to its words.
    async fn gap(&self) {
        let text = "\n\n".to_owned();
        let _ = self.listener.send(AgentEvent::Text { text }).await;
    }

    /// There is more in the transcript.
    fn wrote(&self) {
        if let Some(run) = &self.run {
            run.wrote();
        }
    }
}

fn tokens_of(entries: &[Entry]) -> u64 {
    entries.iter().map(|entry| u64::from(entry.tokens)).sum()
}

fn unusable(error: JournalError) -> Error {
    Error::new(ErrorKind::Overloaded, error)
}
