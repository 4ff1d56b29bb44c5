//! One run: what it has said so far, and how it ended.
use super::{Step, ears::Ears};
use crate::clock::Clock;
use openclaw_plugin_api::{AgentEvent, Content, Error, StopReason, Thinking, ToolOutput, Usage};
use serde_json::Value;
use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicBool, Ordering},
};
use tokio::sync::watch;

/// Most of a tool's answer that watchers are shown, bytes; the transcript has all of it.
const MAX_SHOWN: usize = 32 << 10;

/// Who began a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A client that writes in a conversation.
    Client,
    /// A message of a channel.
    Channel,
    /// Somebody who waits for its end: a client's `agent`, or a plugin.
    Caller,
}

/// How a run ended.
#[derive(Debug, Clone)]
pub enum End {
    /// With an answer.
    Answered {
        /// The whole answer.
        text: String,
        /// What it cost.
        usage: Usage,
    },
    /// Without one.
    Failed {
        /// For the person who waits.
        message: String,
        /// What went wrong.
        error: Error,
    },
    /// Somebody stopped it; see [`Run::stopped_by`].
    Aborted,
    /// What it was about was answered by another run.
    Merged,
    /// A command was carried out. The transcript's row, as clients see it.
    Told {
        /// What was said.
        text: String,
    },
}

/// What a run has said of the message that is being written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Written {
    /// The how-manieth message it is, from 1.
    pub number: usize,
    /// Its text.
    pub text: String,
    /// The thought before it.
    pub thought: String,
    /// The messages before it.
    pub before: Vec<String>,
}

/// One run.
#[derive(Debug)]
pub struct Run {
    /// Its id, as clients know it.
    pub id: String,
    /// Its conversation.
    pub session_key: String,
    /// Its agent.
    pub agent_id: String,
    /// Who began it.
    pub source: Source,
    ears: Arc<Ears>,
    clock: Clock,
    opened_ms: i64,
    state: Mutex<State>,
    /// Somebody was told that there is more, and has not looked yet.
    told: AtomicBool,
    ended: watch::Sender<bool>,
}

#[derive(Debug, Default)]
struct State {
    session_id: String,
    began_ms: Option<i64>,
    ended_ms: Option<i64>,
    model: (String, String),
    /// The model that was to be asked.
    wanted: Option<(String, String)>,
    thinking: Option<Thinking>,
    /// Answers of the model, and what the last one cost.
    answers: (u32, Usage),
    written: Written,
    tools: Vec<String>,
    stop: StopReason,
    stopped_by: Option<&'static str>,
    sent_by: String,
    how: Option<End>,
}

// === impl Run ===

impl Run {
    pub(super) fn new(
        id: &str,
        session_key: &str,
        agent_id: &str,
        source: Source,
        ears: Arc<Ears>,
        clock: Clock,
    ) -> Self {
        Self {
            id: id.to_owned(),
            session_key: session_key.to_owned(),
            agent_id: agent_id.to_owned(),
            source,
            ears,
            opened_ms: clock.now_ms(),
            clock,
            state: Mutex::default(),
            told: AtomicBool::new(false),
            ended: watch::channel(false).0,
        }
    }

    /// Notes what a turn tells whoever asked for it.
    pub fn hear(self: &Arc<Self>, event: &AgentEvent) {
        match event {
            AgentEvent::Text { text } => self.grow(|written| written.text.push_str(text)),
            AgentEvent::Thinking { text } => self.grow(|written| written.thought.push_str(text)),
            AgentEvent::ToolStarted { id, name, arguments } => self.tell(Step::ToolBegan {
                id: id.clone(),
                name: name.clone(),
                arguments: arguments.clone(),
            }),
            AgentEvent::ToolEnded { id, output } => self.tell(Step::ToolEnded {
                id: id.clone(),
                output: shown(output),
            }),
            _ => {}
        }
    }

    /// Somebody asked for it.
    pub(super) fn opened(self: &Arc<Self>) {
        self.tell(Step::Opened);
    }

    /// Who asked for it knows that it is taken.
    pub fn acked(self: &Arc<Self>) {
        self.tell(Step::Acked);
    }

    /// It is being prepared.
    pub fn phase(self: &Arc<Self>, phase: &'static str) {
        self.tell(Step::Phase(phase));
    }

    /// A tool waits for the operator's answer, or has it.
    pub fn approval(self: &Arc<Self>, waits: bool, id: &str, call: &str) {
        self.tell(Step::Approval {
            waits,
            id: id.to_owned(),
            call: call.to_owned(),
        });
    }

    /// The turn begins.
    pub fn began(self: &Arc<Self>, session_id: &str) {
        {
            let mut state = self.state();
            session_id.clone_into(&mut state.session_id);
            state.began_ms = Some(self.clock.now_ms());
        }
        self.tell(Step::Began);
    }

    /// The model that is going to be asked.
    pub fn wants(&self, provider: &str, model: &str) {
        self.state().wanted = Some((provider.to_owned(), model.to_owned()));
    }

    /// How hard it is going to think.
    pub fn thinks(&self, level: Thinking) {
        self.state().thinking = Some(level);
    }

    /// A model is asked.
    pub fn asks(self: &Arc<Self>, provider: &str, model: &str) {
        {
            let mut state = self.state();
            state.model = (provider.to_owned(), model.to_owned());
            let asked = state.model.clone();
            state.wanted.get_or_insert(asked);
            state.written.number += 1;
            state.written.text.clear();
            state.written.thought.clear();
        }
        self.tell(Step::Asks {
            provider: provider.to_owned(),
            model: model.to_owned(),
        });
    }

    /// A model has said a whole message.
    pub fn said(self: &Arc<Self>, usage: Usage, stop: StopReason, calls: bool) {
        let text = {
            let mut state = self.state();
            state.stop = stop;
            state.answers = (state.answers.0 + 1, usage);
            let text = std::mem::take(&mut state.written.text);
            if !text.trim().is_empty() {
                state.written.before.push(text.clone());
            }
            text
        };
        self.tell(Step::Said { text, calls, usage });
    }

    /// A tool was run to a good end.
    pub fn used(&self, tool: &str) {
        let mut state = self.state();
        if !state.tools.iter().any(|known| known == tool) {
            state.tools.push(tool.to_owned());
        }
    }

    /// The conversation is being made shorter, or was.
    pub fn compacting(self: &Arc<Self>, on: bool) {
        self.tell(Step::Compacting(on));
    }

    /// There is more in the transcript.
    pub fn wrote(self: &Arc<Self>) {
        self.tell(Step::Wrote);
    }

    /// The connection of the client that asked for it.
    pub(super) fn sent_by(&self, connection: &str) {
        connection.clone_into(&mut self.state().sent_by);
    }

    /// The connection of the client that asked for it; empty if nobody is known.
    pub fn sender(&self) -> String {
        self.state().sent_by.clone()
    }

    /// Why it is being stopped; the first reason counts.
    pub fn stopping(&self, why: &'static str) {
        self.state().stopped_by.get_or_insert(why);
    }

    /// Why it was stopped.
    pub fn stopped_by(&self) -> &'static str {
        self.state().stopped_by.unwrap_or("stop")
    }

    /// It ended without anybody having stopped it.
    pub fn stopped_by_nobody(&self) -> bool {
        self.state().stopped_by.is_none()
    }

    /// What it has written of the message that is being written. The next growth is told again.
    pub fn written(&self) -> Written {
        self.told.store(false, Ordering::Release);
        self.state().written.clone()
    }

    /// All that it has said so far, message by message.
    pub fn text(&self) -> String {
        let state = self.state();
        let last = std::iter::once(&state.written.text);
        let all = state.written.before.iter().chain(last);
        let said: Vec<_> = all
            .map(String::as_str)
            .filter(|text| !text.trim().is_empty())
            .collect();
        said.join("\n\n")
    }

    /// What it has said of the message that was being written when it ended.
    pub fn unfinished(&self) -> String {
        self.state().written.text.clone()
    }

    /// The transcript that it belongs to; empty before it began.
    pub fn session_id(&self) -> String {
        self.state().session_id.clone()
    }

    /// The model that was asked last: provider and id.
    pub fn model(&self) -> (String, String) {
        self.state().model.clone()
    }

    /// The model that was to be asked: another one may have answered.
    pub fn wanted(&self) -> (String, String) {
        let state = self.state();
        state.wanted.clone().unwrap_or_else(|| state.model.clone())
    }

    /// How hard it thinks. None: nobody asks a model in it, or not yet.
    pub fn thinking(&self) -> Option<Thinking> {
        self.state().thinking
    }

    /// How often a model answered, and what the last answer cost.
    pub fn answers(&self) -> (u32, Usage) {
        self.state().answers
    }

    /// Why its model stopped.
    pub fn stop(&self) -> StopReason {
        self.state().stop
    }

    /// The tools that did their work.
    pub fn tools(&self) -> Vec<String> {
        self.state().tools.clone()
    }

    /// When somebody asked for it, milliseconds since 1970.
    pub fn opened_ms(&self) -> i64 {
        self.opened_ms
    }

    /// When its turn began, milliseconds since 1970. None: it waits.
    pub fn began_ms(&self) -> Option<i64> {
        self.state().began_ms
    }

    /// When it ended, milliseconds since 1970.
    pub fn ended_ms(&self) -> Option<i64> {
        self.state().ended_ms
    }

    /// How it ended, if it has.
    pub fn how(&self) -> Option<End> {
        self.state().how.clone()
    }

    /// Waits for its end.
    pub async fn ended(&self) {
        // the sender is here, so waiting can't fail
        let _ = self.ended.subscribe().wait_for(|ended| *ended).await;
    }

    pub(super) fn end(self: &Arc<Self>, end: End, now_ms: i64) {
        {
            let mut state = self.state();
            state.ended_ms = Some(now_ms);
            state.how = Some(end);
        }
        self.tell(Step::Ended);
        self.ended.send_replace(true);
    }

    fn grow(self: &Arc<Self>, work: impl FnOnce(&mut Written)) {
        work(&mut self.state().written);
        if !self.told.swap(true, Ordering::AcqRel) {
            self.tell(Step::Grew);
        }
    }

    fn tell(self: &Arc<Self>, step: Step) {
        self.ears.tell(self, step);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A tool's answer, cut to what is shown.
fn shown(output: &ToolOutput) -> ToolOutput {
    let mut left = MAX_SHOWN;
    let mut content = Vec::new();
    for part in &output.content {
        if let Content::Text { text } = part {
            let end = text.floor_char_boundary(left);
            content.push(Content::text(&text[..end]));
            left -= end;
        }
    }
    let details = match output.details.to_string().len() <= MAX_SHOWN {
        true => output.details.clone(),
        false => Value::Null,
    };
    ToolOutput {
        content,
        details,
        is_error: output.is_error,
    }
}
