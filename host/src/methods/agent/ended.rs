//! The end of a run as `agent`, `agent.wait` and the run's last event tell it: from the run itself, or from what it wrote,
//! once the run is gone.
//!
//! Invariant: a run that ended in an earlier process is told of with the words that stand in its conversation.
use crate::{
    agent::{
        about::{About, stop_word},
        commands::thinking_word,
        live::Run,
        reply::{Occasion, Reply, parse},
        run_id,
    },
    app::Gateway,
    journal::{Entry, EntryKind, Settled},
};
use openclaw_plugin_api::{Message, Role, StopReason, Usage};
use serde_json::{Value, json};

/// A run that gave an answer.
#[derive(Debug, Default)]
pub(in crate::methods) struct Ended {
    run_id: String,
    session_id: String,
    /// What the model said.
    text: String,
    usage: Usage,
    /// How often the model answered, and what the last answer cost.
    answers: (u32, Usage),
    model: (String, String),
    /// The model that was asked first.
    wanted: (String, String),
    /// Tools that did their work.
    tools: Vec<String>,
    stop: String,
    /// How hard it thought, in a word; none if nobody knows.
    thinking: Option<&'static str>,
    /// When its turn began and when it ended, milliseconds since 1970.
    began_ms: Option<i64>,
    ended_ms: Option<i64>,
    took_ms: i64,
}

/// How an earlier run ended, as far as its conversation tells.
#[derive(Debug)]
pub(super) enum Past {
    /// With an answer.
    Answered(Box<Ended>),
    /// Without one.
    Failed {
        /// Why.
        why: String,
        /// When it began and when it ended, milliseconds since 1970.
        span: Option<(i64, i64)>,
    },
}

// === impl Ended ===

impl Ended {
    /// Of a run that is known.
    pub(in crate::methods) fn of(run: &Run, text: String, usage: Usage) -> Self {
        let began = run.began_ms().unwrap_or(run.opened_ms());
        Self {
            run_id: run.id.clone(),
            session_id: run.session_id(),
            text,
            usage,
            answers: run.answers(),
            model: run.model(),
            wanted: run.wanted(),
            tools: run.tools(),
            stop: stop_word(run.stop()).to_owned(),
            thinking: run.thinking().map(thinking_word),
            began_ms: run.began_ms(),
            ended_ms: run.ended_ms(),
            took_ms: run.ended_ms().unwrap_or(began) - began,
        }
    }

    /// The words that people see.
    pub(in crate::methods) fn visible(&self) -> String {
        match parse(&self.text, Occasion::Message) {
            Reply::Send(payload) => payload.text,
            Reply::Silent | Reply::Empty => String::new(),
        }
    }

    /// The last answer to `agent`.
    pub(super) fn answer(&self, gateway: &Gateway, asked: &Asked, delivery: Option<Value>) -> Value {
        let (visible, mut meta) = (self.visible(), self.meta(gateway, asked));
        meta["finalAssistantVisibleText"] = json!(visible);
        let payloads: Vec<_> = (!visible.is_empty())
            .then(|| json!({ "text": visible, "mediaUrl": null }))
            .into_iter()
            .collect();
        let mut answer = json!({
            "runId": self.run_id, "status": "ok", "summary": "completed",
            "result": { "payloads": payloads, "meta": meta },
        });
        if let Some(delivery) = delivery {
            answer["result"]["delivery"] = delivery;
        }
        answer
    }

    fn meta(&self, gateway: &Gateway, asked: &Asked) -> Value {
        let (provider, model) = &self.model;
        let (answers, last) = self.answers;
        let config = gateway.desk().config();
        let agents = config.agents();
        let agent = agents
            .get(&asked.agent_id)
            .unwrap_or_else(|| agents.default_agent());
        let window = gateway.desk().asker.window(agent, &format!("{provider}/{model}"));
        let prompt = last.input + last.cache_read + last.cache_write;
        let rerouted = self.wanted != self.model;
        let mut attempts = vec![json!({
            "provider": provider, "model": model, "result": "success", "stage": "assistant",
        })];
        if rerouted {
            let first = json!({
                "provider": self.wanted.0, "model": self.wanted.1, "result": "error", "stage": "assistant",
            });
            attempts.insert(0, first);
        }
        let mut meta = json!({
            "durationMs": self.took_ms.max(0),
            "agentMeta": {
                "sessionId": self.session_id, "sessionFile": asked.session_key, "provider": provider, "model": model,
                "contextTokens": window, "contextTokensSource": "resolved", "agentHarnessId": "openclaw",
                "usage": usage(self.usage), "promptTokens": prompt, "assistantTurns": answers,
                "lastCallUsage": last_usage(last, prompt), "terminalReceipt": self.receipt(),
            },
            "aborted": false, "finalPromptText": asked.text, "finalAssistantRawText": self.text,
            "replayInvalid": !self.tools.is_empty(), "livenessState": "working", "stopReason": self.stop,
            "executionTrace": {
                "winnerProvider": provider, "winnerModel": model, "attempts": attempts, "fallbackUsed": rerouted,
                "runner": "embedded",
            },
            "requestShaping": {},
            "completion": { "stopReason": self.stop, "finishReason": self.stop },
        });
        if let Some(thinking) = self.thinking.or(asked.thinking) {
            meta["requestShaping"]["thinking"] = json!(thinking);
        }
        meta
    }

    fn receipt(&self) -> Value {
        json!({
            "runId": self.run_id, "sessionId": self.session_id, "turnId": self.run_id,
            "requested": { "provider": self.wanted.0, "model": self.wanted.1 },
            "effective": { "provider": self.model.0, "model": self.model.1, "responseModel": self.model.1 },
            "successfulToolNames": self.tools, "rerouted": self.wanted != self.model,
        })
    }

    /// What is told of it wherever it is told.
    pub(in crate::methods) fn told(&self) -> Value {
        let visible = self.visible();
        let disposition = if visible.is_empty() { "silent" } else { "visible" };
        let mut reply = json!({ "disposition": disposition });
        if !visible.is_empty() {
            reply["text"] = json!(visible);
        }
        let mut receipt = self.receipt();
        receipt["terminalDisposition"] = json!(disposition);
        json!({
            "stopReason": self.stop, "livenessState": "working", "startedAt": self.began_ms,
            "endedAt": self.ended_ms, "terminalReply": reply, "terminalReceipt": receipt,
        })
    }

    /// The answer to `agent.wait`.
    pub(in crate::methods) fn record(&self) -> Value {
        let mut record = self.told();
        record["runId"] = json!(self.run_id);
        record["status"] = json!("ok");
        record
    }
}

/// What was asked, as far as the answer repeats it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) agent_id: String,
    pub(super) session_key: String,
    pub(super) text: String,
    /// How hard to think; none if whoever asked did not say.
    pub(super) thinking: Option<&'static str>,
}

// === impl Past ===

impl Past {
    /// Of a run that wrote nothing of its own.
    pub(super) fn unwritten(run_id: &str, end: Option<Settled>) -> Self {
        let why = match end {
            // another run has answered it with its own message
            Some(Settled::Done) => {
                return Self::Answered(Box::new(Ended {
                    run_id: run_id.to_owned(),
                    stop: stop_word(StopReason::Stop).to_owned(),
                    ..Ended::default()
                }));
            }
            Some(Settled::Failed(why) | Settled::Dropped(why)) if !why.is_empty() => why,
            _ => "it left nothing in its conversation".to_owned(),
        };
        Self::Failed { why, span: None }
    }

    /// From what a turn wrote into a transcript.
    pub(super) fn read(session_id: String, entries: &[Entry]) -> Self {
        let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
            return Self::unwritten("", None);
        };
        let span = (first.created_ms, last.created_ms);
        let failed = |why| Self::Failed {
            why,
            span: Some(span),
        };
        let mut ended = Ended {
            run_id: run_id(&last.turn).to_owned(),
            session_id,
            began_ms: Some(span.0),
            ended_ms: Some(span.1),
            took_ms: span.1 - span.0,
            ..Ended::default()
        };
        let mut said = Vec::new();
        for entry in entries {
            let about = About::of(entry);
            if !about.error.is_empty() {
                return failed(about.error);
            }
            if !about.aborted_by.is_empty() {
                return failed("the run was aborted".to_owned());
            }
            let Ok(message) = serde_json::from_str::<Message>(&entry.body) else {
                continue;
            };
            match message.role {
                Role::Assistant if entry.kind == EntryKind::Message => {
                    ended.count(&message, about, &mut said)
                }
                Role::ToolResult if !message.is_error && !ended.tools.contains(&message.tool_name) => {
                    ended.tools.push(message.tool_name);
                }
                _ => {}
            }
        }
        ended.text = said.join("\n\n");
        Self::Answered(Box::new(ended))
    }

    /// The answer to `agent.wait`.
    pub(super) fn record(&self, run_id: &str) -> Value {
        match self {
            Self::Answered(ended) => ended.record(),
            Self::Failed { why, span } => {
                let mut record = json!({ "runId": run_id, "status": "error", "error": why });
                if let Some((began_ms, ended_ms)) = span {
                    record["startedAt"] = json!(began_ms);
                    record["endedAt"] = json!(ended_ms);
                }
                record
            }
        }
    }
}

impl Ended {
    fn count(&mut self, message: &Message, about: About, said: &mut Vec<String>) {
        let cost = about.usage.unwrap_or_default();
        self.answers = (self.answers.0 + 1, cost);
        self.usage.input += cost.input;
        self.usage.output += cost.output;
        self.usage.cache_read += cost.cache_read;
        self.usage.cache_write += cost.cache_write;
        self.usage.cost += cost.cost;
        self.model = (about.provider, about.model);
        if self.answers.0 == 1 {
            self.wanted.clone_from(&self.model);
        }
        self.stop = about.stop_reason;
        let text = message.plain_text();
        if !text.trim().is_empty() {
            said.push(text);
        }
    }
}

fn usage(usage: Usage) -> Value {
    json!({
        "input": usage.input, "output": usage.output, "cacheRead": usage.cache_read, "cacheWrite": usage.cache_write,
        "total": usage.input + usage.output, "cost": { "total": usage.cost },
    })
}

fn last_usage(last: Usage, prompt: u64) -> Value {
    let mut value = usage(last);
    value["contextUsage"] = json!({
        "state": "available", "promptTokens": prompt, "totalTokens": prompt + last.output,
    });
    value
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agent::about;

    fn entry(message: &Message, about: &About, kind: EntryKind) -> Entry {
        about::entry("run-r1", kind, message, about)
    }

    fn answer(text: &str, tokens: u64) -> Entry {
        let about = About {
            provider: "p".into(),
            model: "m".into(),
            stop_reason: "stop".into(),
            usage: Some(Usage {
                output: tokens,
                ..Usage::default()
            }),
            ..About::default()
        };
        entry(&Message::text(Role::Assistant, text), &about, EntryKind::Message)
    }

    #[test]
    fn what_a_run_wrote_tells_how_it_ended() {
        let asked = entry(
            &Message::text(Role::User, "hi"),
            &About::default(),
            EntryKind::Message,
        );
        let mut entries = [asked, answer("one", 1), answer("two", 2)];
        entries[0].created_ms = 5_000;
        entries[2].created_ms = 8_000;
        let past = Past::read("s".into(), &entries);
        let told = past.record("r1");
        assert_eq!(
            (&told["startedAt"], &told["endedAt"]),
            (&json!(5_000), &json!(8_000))
        );
        assert_eq!(told["terminalReply"]["text"], "one\n\ntwo");
        assert_eq!(told["terminalReceipt"]["effective"]["model"], "m");
        let Past::Answered(ended) = past else {
            panic!("it has an answer")
        };
        assert_eq!(
            (ended.usage.output, ended.answers.0, ended.answers.1.output),
            (3, 2, 2)
        );
    }

    #[test]
    fn a_failure_is_told_in_its_words() {
        let about = About {
            error: "out of order".into(),
            ..About::default()
        };
        let note = entry(&Message::text(Role::Assistant, ""), &about, EntryKind::Note);
        assert_eq!(
            Past::read("s".into(), &[note]).record("r1")["error"],
            "out of order"
        );
        assert_eq!(Past::read("s".into(), &[]).record("r1")["status"], "error");
    }

    #[test]
    fn a_run_that_wrote_nothing_is_told_of_as_the_journal_knows_it() {
        let told = |end| Past::unwritten("r1", end).record("r1");
        let failed = told(Some(Settled::Failed("the gateway ended 3 times".into())));
        assert_eq!(
            (&failed["status"], &failed["error"]),
            (&json!("error"), &json!("the gateway ended 3 times"))
        );
        let joined = told(Some(Settled::Done));
        assert_eq!(
            (&joined["status"], &joined["terminalReply"]["disposition"]),
            (&json!("ok"), &json!("silent"))
        );
        assert_eq!(told(None)["status"], "error", "nobody knows it any more");
    }
}
