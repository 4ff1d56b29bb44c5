//! What the terminal chat knows, and how it changes. Nothing here does I/O: what is to be done is given back.
use super::{
    editor::Editor,
    picker::Picker,
    transcript::{Entry, Sent, Transcript},
};
use crate::gateway::random::uuid;
use ratatui::crossterm::event::KeyEvent;
use serde_json::{Value, json};
use std::collections::VecDeque;

/// Messages that the gateway has not taken yet.
const MAX_WAITING: usize = 32;
/// Runs that are known to have ended.
const MAX_OVER: usize = 64;
/// Messages of a history.
const HISTORY: usize = 200;

/// The whole state.
#[derive(Debug, Default)]
pub(super) struct State {
    /// The conversation, as the gateway calls it once it has answered.
    pub(super) session: String,
    pub(super) link: Link,
    pub(super) transcript: Transcript,
    pub(super) editor: Editor,
    pub(super) picker: Option<Picker>,
    /// A line above the input, until the next key.
    pub(super) notice: Option<String>,
    /// Runs of this conversation that go on.
    pub(super) running: Vec<String>,
    /// Runs that have ended: the answer to their message may come after that.
    over: VecDeque<String>,
    /// The first line that is shown. None: the newest are.
    pub(super) top: Option<usize>,
    /// What was drawn last.
    pub(super) drawn: Drawn,
    pub(super) model: String,
    /// How hard to think; empty: as the conversation has it.
    pub(super) thinking: String,
    pub(super) deliver: bool,
    pub(super) shows_thoughts: bool,
    /// Moves what turns.
    pub(super) ticks: usize,
    /// What was said and not yet taken.
    pub(super) waiting: VecDeque<Waiting>,
    /// Said when the connection is there for the first time.
    pub(super) first: Option<String>,
    /// Ctrl+C was pressed: once more ends the program.
    pub(super) leaving: bool,
}

/// How much of a conversation there was, and how much of it had room.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Drawn {
    pub(super) lines: usize,
    pub(super) height: usize,
}

/// A message that the gateway has not taken yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) session: String,
    pub(super) run: String,
    pub(super) text: String,
}

/// How the connection is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) enum Link {
    /// It is being made.
    #[default]
    Connecting,
    /// It is there.
    Up,
    /// It is gone, and why; it is made again.
    Down(String),
}

/// What happens.
#[derive(Debug)]
pub(super) enum Msg {
    Key(KeyEvent),
    Paste(String),
    /// The window is another size, or something turns.
    Tick,
    /// The connection is there.
    Up,
    /// The connection is gone.
    Down(String),
    /// The gateway tells something.
    Event(String, Value),
    /// The gateway has answered.
    Answer(Ask, Result<Value, String>),
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Effect {
    /// Ask the gateway.
    Call(Ask, &'static str, Value),
    /// End.
    Quit,
}

/// What the gateway was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Ask {
    /// What was said.
    History,
    /// To answer a message of this run.
    Send(String),
    /// Which conversations or models there are.
    List,
    /// Another conversation.
    Open,
    /// Something that is said when it is done.
    Change(String),
}

impl State {
    /// A chat in this conversation.
    pub(super) fn new(session: String) -> Self {
        Self {
            session,
            ..Self::default()
        }
    }

    /// Is an answer under way?
    pub(super) fn is_busy(&self) -> bool {
        !self.running.is_empty() || !self.waiting.is_empty()
    }

    /// Says something to the agent.
    pub(super) fn say(&mut self, text: String) -> Vec<Effect> {
        if self.waiting.len() >= MAX_WAITING {
            self.notice =
                Some("too many messages wait for the gateway; try again when it answers".to_owned());
            self.editor.insert(&text);
            return Vec::new();
        }
        let run = uuid();
        self.transcript.push(Entry::Person {
            run: run.clone(),
            text: text.clone(),
            sent: Sent::Waiting,
        });
        self.top = None;
        let waiting = Waiting {
            session: self.session.clone(),
            run,
            text,
        };
        let effects = match self.link {
            Link::Up => vec![self.send(&waiting)],
            // it is sent when the connection is there
            _ => Vec::new(),
        };
        self.waiting.push_back(waiting);
        effects
    }

    fn send(&self, Waiting { session, run, text }: &Waiting) -> Effect {
        let mut params = json!({ "sessionKey": session, "message": text, "idempotencyKey": run });
        if self.deliver {
            params["deliver"] = json!(true);
        }
        if !self.thinking.is_empty() {
            params["thinking"] = json!(self.thinking);
        }
        Effect::Call(Ask::Send(run.to_owned()), "chat.send", params)
    }

    /// A run has ended.
    pub(super) fn ended(&mut self, run: &str) {
        self.running.retain(|known| known != run);
        self.over.push_back(run.to_owned());
        if self.over.len() > MAX_OVER {
            self.over.pop_front();
        }
    }

    /// Asks for what was said.
    pub(super) fn read(&self) -> Effect {
        let params = json!({ "sessionKey": self.session, "limit": HISTORY });
        Effect::Call(Ask::History, "chat.history", params)
    }

    /// The connection is there, for the first time or again.
    pub(super) fn up(&mut self) -> Vec<Effect> {
        self.link = Link::Up;
        self.notice = None;
        // those that go on tell of themselves
        self.running.clear();
        let mut effects = vec![self.read()];
        // the gateway knows those that it took already by their run
        effects.extend(self.waiting.iter().map(|waiting| self.send(waiting)));
        if let Some(first) = self.first.take() {
            effects.extend(self.say(first));
        }
        effects
    }

    /// The gateway has answered a question of this program.
    pub(super) fn answered(&mut self, ask: Ask, outcome: Result<Value, String>) -> Vec<Effect> {
        match (ask, outcome) {
            (Ask::History, Ok(history)) => self.history(&history),
            (Ask::Send(run), outcome) => self.sent(&run, outcome),
            (Ask::List, Ok(answer)) => {
                if let Some(picker) = &mut self.picker {
                    picker.fill(&answer);
                }
            }
            (Ask::Open, Ok(answer)) => {
                if let Some(key) = answer["key"].as_str() {
                    return self.open(key.to_owned());
                }
            }
            (Ask::Change(done), Ok(_)) => {
                self.notice = Some(done);
                return vec![self.read()];
            }
            (Ask::List, Err(why)) => {
                self.picker = None;
                self.notice = Some(why);
            }
            (_, Err(why)) => self.notice = Some(why),
        }
        Vec::new()
    }

    /// Goes to another conversation.
    pub(super) fn open(&mut self, session: String) -> Vec<Effect> {
        self.session = session;
        self.transcript = Transcript::default();
        self.running.clear();
        self.top = None;
        self.model.clear();
        vec![self.read()]
    }

    fn history(&mut self, history: &Value) {
        let key = history["sessionKey"].as_str().unwrap_or(&self.session).to_owned();
        if !same(&self.session, &key) {
            // an answer for a conversation that was left
            return;
        }
        self.session = key;
        let here = self
            .waiting
            .iter()
            .filter(|waiting| same(&waiting.session, &self.session));
        let waiting: Vec<_> = here
            .map(|waiting| (waiting.run.clone(), waiting.text.clone()))
            .collect();
        let open: Vec<_> = self.open_answers();
        self.transcript.replace(history, &waiting);
        for answer in open {
            if !self.transcript.knows(&answer.run) {
                self.transcript.push(Entry::Answer(answer));
            }
        }
        let row = &history["sessionInfo"];
        let model = |row: &Value| {
            Some(format!(
                "{}/{}",
                row["modelProvider"].as_str()?,
                row["model"].as_str()?
            ))
        };
        self.model = model(row)
            .or_else(|| model(&history["defaults"]))
            .unwrap_or_default();
    }

    fn open_answers(&self) -> Vec<super::transcript::Answer> {
        let entries = self.transcript.entries().filter_map(|entry| match entry {
            Entry::Answer(answer) if answer.open && self.running.contains(&answer.run) => {
                Some(answer.clone())
            }
            _ => None,
        });
        entries.collect()
    }

    fn sent(&mut self, run: &str, outcome: Result<Value, String>) {
        match outcome {
            // the connection broke: it is sent again with the next one
            Err(_) if self.link != Link::Up => {}
            Err(why) => {
                self.waiting.retain(|waiting| waiting.run != run);
                self.transcript.sent(run, Sent::Refused);
                self.transcript.push(Entry::Fault(why));
            }
            Ok(answer) => {
                self.waiting.retain(|waiting| waiting.run != run);
                self.transcript.sent(run, Sent::Yes);
                let goes_on = matches!(answer["status"].as_str(), Some("started" | "in_flight"));
                let mut known = self.over.iter().chain(&self.running);
                if goes_on && !known.any(|known| known == run) {
                    self.running.push(run.to_owned());
                }
            }
        }
    }
}

/// Are these keys of one conversation? People write `main` for `agent:main:main`.
pub(super) fn same(ours: &str, theirs: &str) -> bool {
    let (ours, theirs) = (ours.to_lowercase(), theirs.to_lowercase());
    ours == theirs
        || theirs
            .strip_prefix("agent:")
            .and_then(|rest| rest.split_once(':'))
            .is_some_and(|(_, rest)| rest == ours)
}
