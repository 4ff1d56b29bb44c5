//! The end of a run as `agent` and `agent.wait` tell it: from the run itself, or from what it wrote, once the run is gone.
//!
//! Invariant: a run that ended in an earlier process is told of with the words that stand in its conversation.
use crate::{
    agent::{
        about::{About, stop_word},
        live::Run,
        reply::{Occasion, Reply, parse},
        run_id,
    },
    app::Gateway,
    journal::{Entry, EntryKind},
};
use openclaw_plugin_api::{Message, Role, Usage};
use serde_json::{Value, json};

/// A run that gave an answer.
#[derive(Debug, Default)]
pub(super) struct Ended {
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
    took_ms: i64,
}

/// How an earlier run ended, as far as its conversation tells.
#[derive(Debug)]
pub(super) enum Past {
    /// With an answer.
    Answered(Box<Ended>),
    /// Without one; why.
    Failed(String),
}

// === impl Ended ===

impl Ended {
    /// Of a run that is known.
    pub(super) fn of(run: &Run, text: String, usage: Usage) -> Self {
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
            took_ms: run.ended_ms().unwrap_or(began) - began,
        }
    }

    /// The words that people see.
    fn visible(&self) -> String {
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
        json!({
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
            "requestShaping": { "thinking": asked.thinking },
            "completion": { "stopReason": self.stop, "finishReason": self.stop },
        })
    }

    fn receipt(&self) -> Value {
        json!({
            "runId": self.run_id, "sessionId": self.session_id, "turnId": self.run_id,
            "requested": { "provider": self.wanted.0, "model": self.wanted.1 },
            "effective": { "provider": self.model.0, "model": self.model.1, "responseModel": self.model.1 },
            "successfulToolNames": self.tools, "rerouted": self.wanted != self.model,
        })
    }

    /// The answer to `agent.wait`.
    fn record(&self) -> Value {
        let visible = self.visible();
        let disposition = if visible.is_empty() { "silent" } else { "visible" };
        let mut reply = json!({ "disposition": disposition });
        if !visible.is_empty() {
            reply["text"] = json!(visible);
        }
        let mut receipt = self.receipt();
        receipt["terminalDisposition"] = json!(disposition);
        json!({
            "runId": self.run_id, "status": "ok", "stopReason": self.stop, "livenessState": "working",
            "terminalReply": reply, "terminalReceipt": receipt,
        })
    }
}

/// What was asked, as far as the answer repeats it.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) agent_id: String,
    pub(super) session_key: String,
    pub(super) text: String,
    pub(super) thinking: &'static str,
}

// === impl Past ===

impl Past {
    /// From what a turn wrote into a transcript.
    pub(super) fn read(session_id: String, entries: &[Entry]) -> Self {
        let Some(last) = entries.last() else {
            return Self::Failed("it left nothing in its conversation".to_owned());
        };
        let mut ended = Ended {
            run_id: run_id(&last.turn).to_owned(),
            session_id,
            took_ms: last.created_ms - entries[0].created_ms,
            ..Ended::default()
        };
        let mut said = Vec::new();
        for entry in entries {
            let about = About::of(entry);
            if !about.error.is_empty() {
                return Self::Failed(about.error);
            }
            if !about.aborted_by.is_empty() {
                return Self::Failed("the run was aborted".to_owned());
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
            Self::Failed(why) => json!({ "runId": run_id, "status": "error", "error": why }),
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
        let past = Past::read("s".into(), &[asked, answer("one", 1), answer("two", 2)]);
        let told = past.record("r1");
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
}
