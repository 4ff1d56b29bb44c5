//! One run under way: what it asks, uses and comes to, as counts, records and spans.
use super::{Rules, Telemetry};
use crate::{
    agent::{
        about::stop_word,
        live::{End, Run, Source, Step},
    },
    observe::{
        redact::redact,
        spans::{Attributes, Span},
    },
};
use openclaw_plugin_api::{ToolOutput, Usage};
use serde_json::json;
use std::{collections::HashMap, sync::Arc};

/// Tools of one run that are watched at once.
const MAX_TOOLS: usize = 256;

/// One run under way.
pub(super) struct Watched {
    pub(super) run: Arc<Run>,
    /// Of its trace, and of its own span; none if it is not traced.
    ids: Option<([u8; 16], [u8; 8])>,
    asks: Option<Ask>,
    tools: HashMap<String, Tool>,
    /// What all its requests used.
    used: Usage,
}

struct Ask {
    provider: String,
    model: String,
    began_ms: i64,
    first: bool,
}

struct Tool {
    name: String,
    began_ms: i64,
    arguments: String,
}

pub(super) fn random<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the operating system has random bytes");
    bytes
}

// === impl Watched ===

impl Watched {
    pub(super) fn of(run: &Arc<Run>, ids: Option<([u8; 16], [u8; 8])>) -> Self {
        Self {
            run: run.clone(),
            ids,
            asks: None,
            tools: HashMap::new(),
            used: Usage::default(),
        }
    }

    pub(super) fn step(&mut self, telemetry: &Telemetry, step: &Step, rules: Rules, now: i64) {
        match step {
            Step::Opened if self.is_message() => self.way_of_message(telemetry, "message.received", now),
            Step::Began => {
                if self.is_message() {
                    self.way_of_message(telemetry, "message.dispatch.started", now);
                }
                let waited = self.run.began_ms().unwrap_or(now) - self.run.opened_ms();
                telemetry.meter.turn_began(waited);
                let event = json!({ "source": self.run.agent_id, "outcome": source(self.run.source) });
                telemetry.stability.note(now, "session.turn.created", event);
            }
            Step::Asks { provider, model } => {
                self.not_answered(telemetry, now);
                let event = json!({ "provider": provider, "model": model });
                telemetry.stability.note(now, "model.call.started", event);
                self.asks = Some(Ask {
                    provider: provider.clone(),
                    model: model.clone(),
                    began_ms: now,
                    first: true,
                });
            }
            Step::Grew => self.began_to_answer(telemetry, now),
            Step::Said { text, calls, usage } => self.answered(telemetry, text, *calls, *usage, rules, now),
            Step::ToolBegan { id, name, arguments } => {
                telemetry
                    .stability
                    .note(now, "tool.execution.started", json!({ "toolName": name }));
                if self.tools.len() < MAX_TOOLS {
                    let arguments = if rules.content {
                        arguments.to_string()
                    } else {
                        String::new()
                    };
                    self.tools.insert(
                        id.clone(),
                        Tool {
                            name: name.clone(),
                            began_ms: now,
                            arguments,
                        },
                    );
                }
            }
            Step::ToolEnded { id, output } => self.tool_ended(telemetry, id, output, rules, now),
            Step::Compacting(false) => telemetry.meter.compacted(),
            _ => {}
        }
    }

    /// It answers a message of a chat.
    fn is_message(&self) -> bool {
        self.run.source == Source::Channel
    }

    fn way_of_message(&self, telemetry: &Telemetry, kind: &'static str, now: i64) {
        let event = match self.run.ended_ms() {
            None => json!({ "source": "channel" }),
            Some(ended) => json!({ "source": "channel", "durationMs": ended - self.run.opened_ms() }),
        };
        telemetry.stability.note(now, kind, event);
    }

    fn began_to_answer(&mut self, telemetry: &Telemetry, now: i64) {
        if let Some(asks) = self.asks.as_mut().filter(|asks| asks.first) {
            asks.first = false;
            let ms = now - asks.began_ms;
            telemetry
                .meter
                .model_began_to_answer(&asks.provider, &asks.model, ms);
        }
    }

    fn answered(
        &mut self,
        telemetry: &Telemetry,
        text: &str,
        calls: bool,
        usage: Usage,
        rules: Rules,
        now: i64,
    ) {
        let Some(asks) = self.asks.take() else {
            return;
        };
        let (provider, model, ms) = (&asks.provider, &asks.model, now - asks.began_ms);
        telemetry.meter.model_answered(provider, model, ms, &usage);
        let event = json!({ "provider": provider, "model": model, "durationMs": ms });
        telemetry.stability.note(now, "model.call.completed", event);
        let input = usage.input + usage.cache_read + usage.cache_write;
        let used = json!({
            "provider": provider, "model": model, "durationMs": ms, "costUsd": usage.cost,
            "usage": {
                "input": usage.input, "output": usage.output, "cacheRead": usage.cache_read,
                "cacheWrite": usage.cache_write, "total": input + usage.output,
            },
        });
        telemetry.stability.note(now, "model.usage", used);
        self.used.input += input;
        self.used.output += usage.output;
        self.used.cost += usage.cost;
        let stop = if calls {
            "tool_calls"
        } else {
            stop_word(self.run.stop())
        };
        if self.ids.is_none() {
            return;
        }
        let mut attributes = asks
            .attributes()
            .text("gen_ai.conversation.id", &self.run.session_id())
            .number("gen_ai.usage.input_tokens", input)
            .number("gen_ai.usage.output_tokens", usage.output)
            .number("gen_ai.usage.cache_read.input_tokens", usage.cache_read)
            .number("gen_ai.usage.cache_creation.input_tokens", usage.cache_write)
            .amount("openclaw.cost.usd", usage.cost)
            .list("gen_ai.response.finish_reasons", stop);
        if rules.content {
            let said = json!([{ "role": "assistant", "parts": [{ "type": "text", "content": text }] }]);
            attributes = attributes.text("gen_ai.output.messages", &redact(&said.to_string()));
        }
        if let Some(span) = self.span(format!("chat {model}"), asks.began_ms, now, attributes) {
            export(
                telemetry,
                Span {
                    is_client: true,
                    ..span
                },
            );
        }
    }

    /// It asks again, or has ended, without an answer.
    fn not_answered(&mut self, telemetry: &Telemetry, now: i64) {
        let Some(asks) = self.asks.take() else {
            return;
        };
        telemetry.meter.model_failed(&asks.provider, &asks.model);
        let ms = now - asks.began_ms;
        let event = json!({ "provider": asks.provider, "model": asks.model, "durationMs": ms });
        telemetry.stability.note(now, "model.call.error", event);
        let name = format!("chat {}", asks.model);
        if let Some(span) = self.span(name, asks.began_ms, now, asks.attributes()) {
            let error = Some("_OTHER");
            export(
                telemetry,
                Span {
                    is_client: true,
                    error,
                    ..span
                },
            );
        }
    }

    fn tool_ended(&mut self, telemetry: &Telemetry, id: &str, output: &ToolOutput, rules: Rules, now: i64) {
        let Some(tool) = self.tools.remove(id) else {
            return;
        };
        let (ms, failed) = (now - tool.began_ms, output.is_error);
        telemetry
            .meter
            .tool_ended(&tool.name, if failed { "error" } else { "ok" }, ms);
        let kind = if failed {
            "tool.execution.error"
        } else {
            "tool.execution.completed"
        };
        telemetry
            .stability
            .note(now, kind, json!({ "toolName": tool.name, "durationMs": ms }));
        if self.ids.is_none() {
            return;
        }
        let mut attributes = Attributes::default()
            .text("gen_ai.operation.name", "execute_tool")
            .text("gen_ai.tool.name", &tool.name)
            .text("gen_ai.tool.type", "function")
            .text("gen_ai.tool.call.id", id);
        if rules.content {
            let result: Vec<_> = output.content.iter().filter_map(|part| part.as_text()).collect();
            attributes = attributes
                .text("gen_ai.tool.call.arguments", &redact(&tool.arguments))
                .text("gen_ai.tool.call.result", &redact(&result.join("\n")));
        }
        let name = format!("execute_tool {}", tool.name);
        let error = failed.then_some("tool_error");
        if let Some(span) = self.span(name, tool.began_ms, now, attributes) {
            export(telemetry, Span { error, ..span });
        }
    }

    pub(super) fn ended(&mut self, telemetry: &Telemetry, now: i64) {
        self.not_answered(telemetry, now);
        if self.is_message() {
            if self.run.began_ms().is_some() {
                self.way_of_message(telemetry, "message.dispatch.completed", now);
            }
            self.way_of_message(telemetry, "message.processed", now);
        }
        let (how, outcome) = match self.run.how() {
            Some(End::Answered { .. }) => ("answered", "completed"),
            Some(End::Failed { .. }) => ("failed", "error"),
            Some(End::Aborted) => ("aborted", "aborted"),
            // it was no turn
            Some(End::Merged | End::Told { .. }) | None => return,
        };
        let ended = self.run.ended_ms().unwrap_or(now);
        let began = self.run.began_ms().unwrap_or(self.run.opened_ms());
        let ms = ended - self.run.opened_ms();
        telemetry
            .meter
            .turn_ended(&self.run.agent_id, source(self.run.source), how, ms);
        let (provider, model) = self.run.model();
        let event = json!({
            "provider": word(&provider), "model": word(&model), "durationMs": ended - began, "outcome": outcome,
        });
        telemetry.stability.note(now, "run.completed", event);
        if self.ids.is_none() {
            return;
        }
        let attributes = Attributes::default()
            .text("gen_ai.operation.name", "invoke_agent")
            .text("gen_ai.provider.name", &provider)
            .text("gen_ai.agent.id", &self.run.agent_id)
            .text("gen_ai.agent.name", &self.run.agent_id)
            .text("gen_ai.conversation.id", &self.run.session_id())
            .text("gen_ai.request.model", &model)
            .number("gen_ai.usage.input_tokens", self.used.input)
            .number("gen_ai.usage.output_tokens", self.used.output)
            .amount("openclaw.cost.usd", self.used.cost);
        let name = format!("invoke_agent {}", self.run.agent_id);
        if let (Some(span), Some((_, id))) =
            (self.span(name, self.run.opened_ms(), ended, attributes), self.ids)
        {
            let error = (how != "answered").then_some(how);
            export(
                telemetry,
                Span {
                    id,
                    parent: None,
                    error,
                    ..span
                },
            );
        }
    }

    /// A part of the run's own span, if it is traced.
    fn span(&self, name: String, began_ms: i64, ended_ms: i64, attributes: Attributes) -> Option<Span> {
        let (trace, parent) = self.ids?;
        Some(Span {
            trace,
            id: random(),
            parent: Some(parent),
            name,
            is_client: false,
            began_ms,
            ended_ms,
            attributes,
            error: None,
        })
    }
}

fn export(telemetry: &Telemetry, span: Span) {
    if let Some(exporter) = &telemetry.exporter {
        exporter.take(span);
    }
}

// === impl Ask ===

impl Ask {
    fn attributes(&self) -> Attributes {
        Attributes::default()
            .text("gen_ai.operation.name", "chat")
            .text("gen_ai.provider.name", &self.provider)
            .text("gen_ai.request.model", &self.model)
            .text("gen_ai.response.model", &self.model)
    }
}

fn source(source: Source) -> &'static str {
    match source {
        Source::Client => "client",
        Source::Channel => "channel",
        Source::Caller => "caller",
    }
}

fn word(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}
