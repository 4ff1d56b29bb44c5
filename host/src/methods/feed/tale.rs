//! One run as clients are told of it: which events, with which fields, in which order.
//!
//! Pure: steps and times in, events out. Texts are told cumulatively and at most so often; what is left is told before
//! whatever comes after it. `seq` counts the events of the run and never falls.
use super::{
    ending,
    event::{Event, To, chat, grown, message},
    timing::Timing,
    tools::Call,
};
use crate::agent::{
    live::{Run, Source, Step, Written},
    reply::preview,
};
use serde_json::{Map, Value, json};
use std::{collections::HashMap, time::Duration};
use tokio::time::Instant;

/// The least time between two events about a text that grows.
const WINDOW: Duration = Duration::from_millis(150);
/// Events that are kept until the client knows that its message was taken.
const MAX_HELD: usize = 256;

/// One run.
#[derive(Debug)]
pub(super) struct Tale {
    pub(super) run_id: String,
    pub(super) session_key: String,
    pub(super) agent_id: String,
    pub(super) source: Source,
    pub(super) seq: u64,
    /// The how-manieth message is being written.
    number: usize,
    /// Messages that are whole.
    before: Vec<String>,
    /// What was told of the message that is being written.
    told: String,
    thought: String,
    /// What was told of the whole answer.
    chat: String,
    latest: Written,
    last_agent: Option<Instant>,
    last_chat: Option<Instant>,
    due: Option<Instant>,
    pub(super) tools: HashMap<String, Call>,
    pub(super) began: bool,
    item: String,
    /// Kept until the client knows that its message was taken.
    held: Option<Vec<Event>>,
    pub(super) timing: Option<Timing>,
}

// === impl Tale ===

impl Tale {
    pub(super) fn new(run: &Run, now: Instant) -> Self {
        let waits = run.source == Source::Client && !run.sender().is_empty();
        Self {
            run_id: run.id.clone(),
            session_key: run.session_key.clone(),
            agent_id: run.agent_id.clone(),
            source: run.source,
            seq: 0,
            number: 0,
            before: Vec::new(),
            told: String::new(),
            thought: String::new(),
            chat: String::new(),
            latest: Written::default(),
            last_agent: None,
            last_chat: None,
            due: None,
            tools: HashMap::new(),
            began: false,
            item: crate::gateway::random::uuid(),
            held: waits.then(Vec::new),
            timing: waits.then(|| Timing::new(now)),
        }
    }

    /// One that is under way: whoever asked for it knows that it was taken, and its beginning was told to nobody.
    pub(super) fn joined(run: &Run, now: Instant) -> Self {
        Self {
            held: None,
            timing: None,
            began: run.began_ms().is_some(),
            ..Self::new(run, now)
        }
    }

    /// When there is something to tell without a step.
    pub(super) fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Something happened.
    pub(super) fn step(&mut self, run: &Run, step: &Step, now: Instant, now_ms: i64) -> Vec<Event> {
        let mut out = Vec::new();
        match step {
            Step::Opened | Step::Wrote => {}
            Step::Acked => return self.acked(now),
            Step::Phase(phase) => self.phase(run, phase, now, now_ms, &mut out),
            Step::Began => self.lifecycle_start(run, now, now_ms, &mut out),
            Step::Asks { provider, model } => {
                self.number += 1;
                self.told.clear();
                self.thought.clear();
                let data = json!({ "phase": "model", "provider": provider, "model": model });
                out.push(self.lifecycle(run, data, now_ms));
                self.look(run, now, now_ms, &mut out);
            }
            Step::Grew => self.look(run, now, now_ms, &mut out),
            Step::Said { text, calls, usage } => self.said(text, *calls, usage.output, now, now_ms, &mut out),
            Step::ToolBegan { id, name, arguments } => {
                self.flush_chat(now, now_ms, &mut out);
                self.tool_began(id, name, arguments, now_ms, &mut out);
            }
            Step::ToolEnded { id, output } => self.tool_ended(id, output, now_ms, &mut out),
            Step::Approval { waits, id, call } => {
                let phase = if *waits {
                    "waiting-approval"
                } else {
                    "approval-resolved"
                };
                let data = json!({ "phase": phase, "approvalId": id, "toolCallId": call });
                out.push(self.lifecycle(run, data, now_ms));
            }
            Step::Compacting(on) => {
                let phase = if *on { "start" } else { "end" };
                out.push(self.agent("compaction", json!({ "phase": phase }), now_ms));
            }
            Step::Ended => return self.ended(run, now, now_ms),
        }
        self.hold(out)
    }

    /// The time has come to tell what has grown.
    pub(super) fn ring(&mut self, now: Instant, now_ms: i64) -> Vec<Event> {
        let mut out = Vec::new();
        self.due = None;
        self.grown(now, now_ms, &mut out);
        self.hold(out)
    }

    /// Steps were missed: goes on with what the run has said.
    pub(super) fn catch_up(&mut self, run: &Run, now: Instant, now_ms: i64) -> Vec<Event> {
        let written = run.written();
        if written.number != self.number {
            self.number = written.number;
            self.before.clone_from(&written.before);
            self.told.clear();
            self.thought.clear();
        }
        self.latest = written;
        self.ring(now, now_ms)
    }

    fn acked(&mut self, now: Instant) -> Vec<Event> {
        let Some(timing) = self.timing.as_mut() else {
            return Vec::new();
        };
        timing.acked = Some(now);
        timing.dispatched = now;
        let held = self.held.take().unwrap_or_default();
        let mut out: Vec<_> = self
            .timing("dispatch-started", now, Map::new())
            .into_iter()
            .collect();
        out.extend(held);
        out
    }

    fn hold(&mut self, out: Vec<Event>) -> Vec<Event> {
        match &mut self.held {
            Some(held) if held.len() < MAX_HELD => {
                held.extend(out);
                Vec::new()
            }
            _ => out,
        }
    }

    fn phase(&mut self, run: &Run, phase: &str, now: Instant, now_ms: i64, out: &mut Vec<Event>) {
        if self.source == Source::Caller {
            return;
        }
        if phase == "preparing_workspace" {
            let (provider, model) = run.wanted();
            let chosen = [("provider", provider), ("model", model)];
            let chosen = chosen.map(|(name, value)| (name.to_owned(), json!(value)));
            out.extend(self.timing("model-selected", now, Map::from_iter(chosen)));
        }
        self.seq += 1;
        let mut status = self.chat_event("status");
        status["phase"] = json!(phase);
        out.push(chat(status));
        self.seq -= 1;
        out.push(self.agent("run_status", json!({ "phase": phase }), now_ms));
    }

    fn lifecycle_start(&mut self, run: &Run, now: Instant, now_ms: i64, out: &mut Vec<Event>) {
        out.extend(self.timing("agent-run-started", now, Map::new()));
        self.began = true;
        let data = json!({ "phase": "start", "startedAt": run.began_ms() });
        out.push(self.lifecycle(run, data, now_ms));
    }

    fn look(&mut self, run: &Run, now: Instant, now_ms: i64, out: &mut Vec<Event>) {
        self.latest = run.written();
        self.grown(now, now_ms, out);
    }

    /// Tells of what has grown, as far as it is time to.
    fn grown(&mut self, now: Instant, now_ms: i64, out: &mut Vec<Event>) {
        if self.latest.number != self.number {
            // it belongs to a message whose beginning is still to be told
            return;
        }
        let mut due = None;
        if self.latest.text != self.told || self.latest.thought != self.thought {
            match rest(self.last_agent, now) {
                None => self.flush_agent(now, now_ms, out),
                later => due = later,
            }
        }
        match rest(self.last_chat, now) {
            None => self.flush_chat(now, now_ms, out),
            later if self.visible() != self.chat => due = due.min(later).or(later),
            _ => {}
        }
        self.due = due;
    }

    /// What everybody may see of the answer so far.
    fn visible(&self) -> String {
        preview(&self.whole())
    }

    fn whole(&self) -> String {
        let last = match self.latest.number == self.number {
            true => self.latest.text.as_str(),
            false => "",
        };
        let all = self.before.iter().map(String::as_str).chain([last]);
        let said: Vec<_> = all.filter(|text| !text.trim().is_empty()).collect();
        said.join("\n\n")
    }

    fn flush_agent(&mut self, now: Instant, now_ms: i64, out: &mut Vec<Event>) {
        if self.latest.number != self.number {
            return;
        }
        let Written { text, thought, .. } = self.latest.clone();
        if thought != self.thought {
            let data = grown(&self.thought, &thought);
            self.thought = thought;
            out.push(self.agent("thinking", data, now_ms));
        }
        if text != self.told {
            let mut data = grown(&self.told, &text);
            data["itemId"] = json!(format!("{}:{}", self.item, self.number));
            self.told = text;
            out.push(self.agent("assistant", data, now_ms));
            if self.timing.as_ref().is_some_and(|timing| !timing.answered) {
                out.extend(self.timing("first-assistant-event", now, Map::new()));
                self.timing.iter_mut().for_each(|timing| timing.answered = true);
            }
        }
        self.last_agent = Some(now);
    }

    pub(super) fn flush_chat(&mut self, now: Instant, now_ms: i64, out: &mut Vec<Event>) {
        let visible = self.visible();
        if visible == self.chat || visible.is_empty() {
            return;
        }
        let mut delta = self.chat_event("delta");
        match visible.strip_prefix(self.chat.as_str()) {
            Some(more) => delta["deltaText"] = json!(more),
            None => {
                delta["deltaText"] = json!(visible);
                delta["replace"] = json!(true);
            }
        }
        delta["message"] = message(&visible, now_ms);
        self.chat = visible;
        self.last_chat = Some(now);
        out.push(chat(delta));
    }

    /// What is to be told at the end of the answer: the rest of it, and the words that stand in the history.
    pub(super) fn close(&mut self, text: &str, now: Instant, now_ms: i64, out: &mut Vec<Event>) {
        self.before = vec![text.to_owned()];
        self.latest = Written::default();
        self.number = usize::MAX;
        self.flush_chat(now, now_ms, out);
    }

    fn said(
        &mut self,
        text: &str,
        calls: bool,
        tokens: u64,
        now: Instant,
        now_ms: i64,
        out: &mut Vec<Event>,
    ) {
        self.latest = Written {
            number: self.number,
            text: text.to_owned(),
            thought: match self.latest.number == self.number {
                true => std::mem::take(&mut self.latest.thought),
                false => self.thought.clone(),
            },
            before: Vec::new(),
        };
        self.flush_agent(now, now_ms, out);
        let preamble = calls && !text.trim().is_empty();
        let item = format!("commentary-{}-{}", self.number, self.item);
        let data = |phase| {
            json!({
                "kind": "preamble", "title": "Preamble", "phase": phase, "progressText": text.trim(), "itemId": item,
            })
        };
        if preamble {
            out.push(self.agent("item", data("update"), now_ms));
        }
        out.push(self.agent("usage", json!({ "outputTokens": tokens }), now_ms));
        if preamble {
            out.push(self.agent("item", data("end"), now_ms));
        }
        if !text.trim().is_empty() {
            self.before.push(text.to_owned());
        }
        self.latest = Written {
            number: self.number,
            thought: self.thought.clone(),
            ..Written::default()
        };
        self.told.clear();
        // what nobody has seen of it yet waits for its time, or for what comes next
        self.due = (self.visible() != self.chat).then(|| self.last_chat.map_or(now, |last| last + WINDOW));
    }

    fn ended(&mut self, run: &Run, now: Instant, now_ms: i64) -> Vec<Event> {
        let mut out = Vec::new();
        if self.timing.as_ref().is_some_and(|timing| timing.acked.is_none()) && self.held.is_some() {
            if ending::is_refused(run) {
                // the client was told that its message was not taken
                return out;
            }
            // it was done before anybody could say that it was taken
            out.extend(self.acked(now));
        }
        ending::tell(self, run, now, now_ms, &mut out);
        self.closed(now, &mut out);
        self.due = None;
        out
    }

    /// The next event of the agent.
    pub(super) fn agent(&mut self, stream: &str, data: Value, now_ms: i64) -> Event {
        self.seq += 1;
        let mut payload = json!({
            "runId": self.run_id, "stream": stream, "data": data, "sessionKey": self.session_key,
            "agentId": self.agent_id, "seq": self.seq, "ts": now_ms,
        });
        if self.source != Source::Caller {
            payload["isHeartbeat"] = json!(false);
        }
        Event {
            name: "agent",
            payload,
            to: To::All,
        }
    }

    /// The next event about the turn itself.
    pub(super) fn lifecycle(&mut self, run: &Run, data: Value, now_ms: i64) -> Event {
        let mut event = self.agent("lifecycle", data, now_ms);
        event.payload["sessionId"] = json!(run.session_id());
        event
    }

    /// An event of the chat, at the place that the run has come to.
    pub(super) fn chat_event(&self, state: &str) -> Value {
        json!({
            "runId": self.run_id, "sessionKey": self.session_key, "agentId": self.agent_id, "seq": self.seq,
            "state": state,
        })
    }
}

/// How long it is until something may be told again; none: now.
fn rest(last: Option<Instant>, now: Instant) -> Option<Instant> {
    last.map(|last| last + WINDOW).filter(|due| *due > now)
}
